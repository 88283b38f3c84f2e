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
	deal, kind, amount := subject(e.Event)
	tell := false
	var last slastream.Deal
	if _, ok := e.Event.(slastream.ChunkReleased); ok {
		var err error
		if tell, err = t.concerns(ctx, deal); err != nil {
			return err
		}
	}
	id, known := deal.Uint64()
	known = known && id <= maxDeals
	settles := known && kind != "" && phase == PhaseFinal && !e.Retracted
	if settles {
		var err error
		if last, err = t.lastDeal(ctx, id); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if tell && !t.enqueue(released(e, phase)) || settles && !t.finalize(id, kind, amount, last) {
		return errFull
	}
	switch {
	case known && e.Retracted:
		t.reopen(id, kind)
	case known && kind != "" && t.state.Open.has(id):
		t.woken[id] = true
		wake(t.turnNow)
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

// reopen looks again at a deal whose end, of a kind if the event is of one, may
// have been taken back.
func (t *Tower) reopen(id uint64, kind Kind) {
	if !t.state.Watched.has(id) || t.state.Open.has(id) {
		return
	}
	if _, ended := t.state.Ended[id]; ended {
		t.woken[id] = true
	} else {
		if id <= t.state.History {
			kind = "" // nobody was told
		}
		t.end(id, ending{t.newest, kind, true})
		t.meet(0, id)
	}
	wake(t.turnNow)
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

// lastDeal reads a deal that has ended, for its last alert.
func (t *Tower) lastDeal(ctx context.Context, id uint64) (slastream.Deal, error) {
	t.mu.Lock()
	_, ended := t.state.Ended[id]
	t.mu.Unlock()
	if !ended {
		return slastream.Deal{}, nil // it gets none
	}
	d, err := t.config.Escrow.Deal(ctx, attestation.WordFromUint64(id))
	if err != nil {
		return slastream.Deal{}, fmt.Errorf("watch: reading deal %d: %w", id, err)
	}
	d.ID = attestation.WordFromUint64(id)
	return d, nil
}

// subject returns the deal of an event, 0 if it has none, and if the deal ended
// with it, how and with which amount.
func subject(e slastream.Event) (deal attestation.Word, end Kind, amount slastream.Amount) {
	switch e := e.(type) {
	case slastream.DealCreated:
		return e.DealID, "", amount
	case slastream.ChunkReleased:
		return e.DealID, "", amount
	case slastream.DealSlashed:
		return e.DealID, KindSlashed, e.SlashAmount
	case slastream.DealCompleted:
		return e.DealID, KindCompleted, e.TotalPaid
	}
	return deal, "", amount
}
