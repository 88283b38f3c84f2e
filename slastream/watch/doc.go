// Package watch is the watchtower: it warns before a deadline becomes
// unreachable, slashes when a deadline has passed, never while a release is
// pending, and tells both through a signed webhook. Start with [New] and
// [Tower.Run]; [Tower.Step] is one turn.
package watch
