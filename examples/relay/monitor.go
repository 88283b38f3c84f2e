package main

import (
	"context"
	"strconv"
	"time"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// snapshotLimit bounds what one snapshot counts.
const snapshotLimit = 10_000

// snapshot reads the store once more. The numbers that cost a walk through the
// store, or a question to a node, are read only when deep.
func (d *daemon) snapshot(ctx context.Context, deep bool) {
	next := snapshot{health: d.relay.Health(), head: d.progress.head.Load(), waiting: d.pending.count()}
	if before := d.metrics.state.Load(); before != nil {
		next.behind, next.halted, next.held = before.behind, before.halted, before.held
		next.balance, next.balanceKnown, next.stats = before.balance, before.balanceKnown, before.stats
	}
	if stats, err := d.store.Stats(ctx); err == nil {
		next.stats = stats
		if d.runner != nil && !next.health.Sending {
			d.metrics.active.Store(time.Now().UnixMilli()) // another process takes the turns
			d.metrics.beat("turn")
		}
	}
	if n, err := d.count(ctx, relay.TrackQuery{Behind: true, Limit: snapshotLimit}); err == nil {
		next.behind = n
	}
	if deep {
		d.deepen(ctx, &next)
	}
	d.metrics.state.Store(&next)
}

func (d *daemon) count(ctx context.Context, q relay.TrackQuery) (n uint64, err error) {
	for _, err := range d.store.Tracks(ctx, q) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (d *daemon) deepen(ctx context.Context, s *snapshot) {
	var halted uint64
	complete := true
	for t, err := range d.store.Tracks(ctx, relay.TrackQuery{Limit: snapshotLimit}) {
		if err != nil {
			complete = false
			break
		}
		if t.Halted != "" && !t.Over {
			halted++
		}
	}
	if complete {
		s.halted = halted
	}
	var held uint64
	complete = true
	for c, err := range d.store.Chunks(ctx, relay.ChunkQuery{Open: true, Limit: snapshotLimit}) {
		if err != nil {
			complete = false
			break
		}
		if c.Retry.Class == relay.ClassHeld {
			held++
		}
	}
	if complete {
		s.held = held
	}
	if d.strk == nil {
		return
	}
	if balance, err := d.strk.BalanceOf(ctx, d.account.Address()); err == nil {
		s.balance, s.balanceKnown = whole(balance), true
		d.metrics.beat("balance")
	}
}

// whole is an amount of STRK as a number for a graph.
func whole(a slastream.Amount) float64 {
	v, _ := strconv.ParseFloat(a.Format(stark), 64)
	return v
}

// deepEvery is how often the numbers are read that cost more.
const deepEvery = 15 * time.Second

// monitor keeps the snapshot, and says how far the rebuilding of a store is.
func (d *daemon) monitor(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var deep, said time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-d.turned:
		}
		now := time.Now()
		due := now.Sub(deep) >= deepEvery
		if due {
			deep = now
		}
		d.snapshot(ctx, due)
		if now.Sub(said) >= sayEvery && d.rebuilding.say(d) {
			said = now
		}
	}
}
