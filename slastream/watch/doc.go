// Package watch is the watchtower.
package watch
