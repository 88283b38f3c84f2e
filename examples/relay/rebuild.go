package main

import (
	"fmt"
	"sync/atomic"
	"time"
)

// sayEvery is how often a line says how far the reading of history is.
const sayEvery = 5 * time.Second

// A rebuilding is the reading of what happened before the daemon was there.
type rebuilding struct {
	began time.Time
	first uint64 // epoch that it began at
	done  atomic.Bool
}

// say logs how far it is, once it takes long enough to be worth a line. It
// reports whether it did.
func (r *rebuilding) say(d *daemon) bool {
	if r.done.Load() || time.Since(r.began) < sayEvery {
		return false
	}
	s := d.metrics.state.Load()
	head, read := d.progress.head.Load(), max(d.progress.upTo.Load(), r.first)
	attrs := []any{"epoch", min(read, head), "of", head}
	if s != nil {
		attrs = append(attrs, "deals", s.stats.Tracks-min(s.stats.Tracks, s.behind), "of_deals", s.stats.Tracks)
	}
	if left, ok := eta(time.Since(r.began), read-r.first, head-min(head, read)); ok {
		attrs = append(attrs, "left", left.String())
	}
	d.log.Info("reading history", attrs...)
	return true
}

// eta is how long the rest takes if it goes on as before.
func eta(spent time.Duration, done, left uint64) (time.Duration, bool) {
	if done == 0 || left == 0 {
		return 0, false
	}
	seconds := spent.Seconds() / float64(done) * float64(left)
	if seconds > 1e6 {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second), true
}

// finish says that all of it is read.
func (r *rebuilding) finish(d *daemon) {
	if !r.done.Swap(true) {
		d.log.Info("caught up", "epoch", d.progress.head.Load(), "after", fmt.Sprint(time.Since(r.began).Round(time.Millisecond)))
	}
}
