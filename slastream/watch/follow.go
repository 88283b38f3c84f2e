package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// The names of the watchers in the state.
const (
	feedAccepted = "accepted"
	feedSettled  = "settled"
)

// maxSeen is how many events a watcher can take back after a restart.
const maxSeen = 256

// errFull says that the queue has no room for the alert of an event.
var errFull = errors.New("watch: too many alerts are waiting to be delivered")

// A feed is how far one watcher has come.
type feed struct {
	Cursor slastream.Cursor `json:"cursor"`
	Seen   []seenEvent      `json:"seen,omitempty"` // the newest, in chain order
}

// follow tells the events of a watcher until ctx is done.
func (t *Tower) follow(ctx context.Context, name string, w slastream.Watcher, phase Phase) {
	pause := time.Second
	for ctx.Err() == nil {
		cursor, seen := t.resume(name)
		for e, err := range w.Follow(ctx, cursor, seen...) {
			if err == nil {
				err = t.observe(ctx, name, phase, e)
			}
			if err != nil {
				if ctx.Err() == nil {
					t.config.Logger.Error("watch: following events; slashing goes on", "feed", name, "err", err)
				}
				break
			}
			pause = time.Second
		}
		if !wait(ctx, pause, nil) {
			return
		}
		pause = min(2*pause, time.Minute)
	}
}

// resume returns where a watcher goes on.
func (t *Tower) resume(name string) (slastream.Cursor, []slastream.ChainEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, ok := t.state.Feeds[name]
	if !ok {
		return t.config.From, nil
	}
	seen := make([]slastream.ChainEvent, len(f.Seen))
	for i, e := range f.Seen {
		seen[i] = slastream.ChainEvent(e)
	}
	return f.Cursor, seen
}

// observe takes one event: its alert, the deals to look at, and the cursor, all
// in one change of the state.
func (t *Tower) observe(ctx context.Context, name string, phase Phase, e slastream.ChainEvent) error {
	deal, ended := subject(e.Event)
	tell := false
	if _, ok := e.Event.(slastream.ChunkReleased); ok {
		var err error
		if tell, err = t.concerns(ctx, deal); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if tell && !t.enqueue(released(e, phase)) {
		return errFull
	}
	if id, ok := deal.Uint64(); ok {
		switch {
		case e.Retracted:
			t.reopen(id)
		case ended && t.state.Open.has(id):
			t.woken[id] = true
			wake(t.turnNow)
		}
	}
	t.advance(name, e)
	return nil
}

// advance moves the cursor of a watcher past an event.
func (t *Tower) advance(name string, e slastream.ChainEvent) {
	f := t.state.Feeds[name]
	f.Cursor = e.Cursor
	if e.Retracted {
		f.Seen = slices.DeleteFunc(f.Seen, func(s seenEvent) bool { return s.ID == e.ID })
	} else {
		f.Seen = append(f.Seen, seenEvent(e))
		f.Seen = slices.Delete(f.Seen, 0, max(len(f.Seen)-maxSeen, 0))
	}
	if t.state.Feeds == nil {
		t.state.Feeds = map[string]feed{}
	}
	t.state.Feeds[name] = f
	t.dirty = true
}

// reopen looks again at a deal that may not have ended after all.
func (t *Tower) reopen(id uint64) {
	if t.state.Watched.has(id) && !t.state.Open.has(id) {
		t.adopt(id)
		if id <= t.scanned { // else the scan comes to it
			t.schedule.push(appointment{0, id})
		}
		wake(t.turnNow)
	}
}

// concerns reports whether events of a deal are told.
func (t *Tower) concerns(ctx context.Context, deal attestation.Word) (bool, error) {
	id, ok := deal.Uint64()
	if !ok || t.config.Notifier == nil {
		return false, nil
	}
	t.mu.Lock()
	known, watched := id <= t.state.Deals, t.state.Watched.has(id)
	t.mu.Unlock()
	if known || t.config.Filter == nil {
		return watched || !known, nil
	}
	d, err := t.config.Escrow.Deal(ctx, deal)
	if err != nil {
		return false, fmt.Errorf("watch: reading deal %d: %w", id, err)
	}
	return d.Exists() && t.config.Filter(d), nil
}

// released is the alert of a ChunkReleased.
func released(e slastream.ChainEvent, phase Phase) Alert {
	r, _ := e.Event.(slastream.ChunkReleased)
	if e.Retracted {
		phase = PhaseRetracted
	}
	return Alert{
		Kind: KindReleased, Phase: phase, DealID: r.DealID, Amount: r.Amount, Provider: r.Provider, Chunk: r.ChunkIndex,
		Event: e.ID, Block: e.BlockNumber, BlockHash: e.BlockHash,
	}
}

// subject returns the deal of an event, 0 if it has none, and whether it ended.
func subject(e slastream.Event) (deal attestation.Word, ended bool) {
	switch e := e.(type) {
	case slastream.DealCreated:
		return e.DealID, false
	case slastream.ChunkReleased:
		return e.DealID, false
	case slastream.DealSlashed:
		return e.DealID, true
	case slastream.DealCompleted:
		return e.DealID, true
	}
	return attestation.Word{}, false
}
