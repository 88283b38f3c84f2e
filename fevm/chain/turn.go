package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
)

// A turn is one run of [Follower.Follow]. Its invariant: the logs in
// cursor.recent at or below cursor.tip were on the chain of that tipset. While
// that is the chain they need no further look; the others are looked at in each
// turn.
type turn struct {
	*Follower
	cursor  Cursor
	yield   func(Update, error) bool
	head    uint64
	hashes  map[uint64]attestation.Word // of tipsets, in this turn; 0 is a null round
	more    bool                        // the turn did not reach the head
	stopped bool                        // the consumer has enough
}

// errReorganised ends a turn in which the chain changed.
var errReorganised = errors.New("chain: reorganised while it was read")

// take takes one turn: it looks for a reorganisation and reads one range. done
// says that the end of the query was read.
func (t *turn) take(ctx context.Context) (done bool, err error) {
	t.hashes = make(map[uint64]attestation.Word)
	t.more = false
	if t.head, err = again(ctx, t.reader.Head); err != nil {
		return false, err
	}
	if err := t.look(ctx); err != nil || t.stopped {
		return false, err
	}
	last := t.head
	if to := t.config.Query.To; to != 0 {
		last = min(last, to)
	}
	q := t.config.Query
	next := min(t.cursor.next, last+1)
	q.From = max(q.From, t.cursor.floor, next-min(next, t.config.Overlap))
	if q.From > last {
		return false, nil
	}
	q.To = min(last, max(q.From, t.cursor.next)+MaxRange-t.config.Overlap%MaxRange)
	t.more = q.To < last
	if err := t.read(ctx, q); err != nil || t.stopped {
		return false, err
	}
	return t.config.Query.To != 0 && q.To == t.config.Query.To, nil
}

// look retracts the logs that are no longer on the chain.
func (t *turn) look(ctx context.Context) error {
	kept := true
	if t.cursor.tip != (mark{}) {
		var err error
		if kept, err = t.canonical(ctx, t.cursor.tip); err != nil {
			return err
		}
	}
	for i := len(t.cursor.recent) - 1; i >= 0; i-- {
		s := t.cursor.recent[i]
		if !t.unsettled(s.Block.Epoch) || kept && s.Block.Epoch <= t.cursor.tip.Epoch {
			continue
		}
		if err := t.keepOrRetract(ctx, i); err != nil || t.stopped {
			return err
		}
	}
	if !kept {
		// What else changed is not known: read all that can have.
		old := t.cursor.tip.Epoch
		t.cursor.next = max(t.cursor.floor, min(t.cursor.next, old-min(old, t.config.MaxReorg)))
		t.cursor.tip = mark{}
	}
	return nil
}

// unsettled reports whether a reorganisation can reach an epoch.
func (t *turn) unsettled(epoch uint64) bool { return epoch+t.config.MaxReorg > t.head }

// keepOrRetract looks at one sighting.
func (t *turn) keepOrRetract(ctx context.Context, i int) error {
	s := t.cursor.recent[i]
	ok, err := t.canonical(ctx, s.Block)
	if err != nil || ok {
		return err
	}
	t.cursor.recent = slices.Delete(slices.Clone(t.cursor.recent), i, i+1)
	t.cursor.next = min(t.cursor.next, s.Block.Epoch)
	t.emit(Update{Kind: Retracted, Log: s.retracted(), ID: s.ID})
	return nil
}

func (t *turn) emit(u Update) {
	u.Head, u.Cursor = t.head, t.cursor
	t.stopped = !t.yield(u, nil)
}

// canonical reports whether a tipset is on the chain.
func (t *turn) canonical(ctx context.Context, m mark) (bool, error) {
	hash, ok := t.hashes[m.Epoch]
	if !ok {
		b, err := t.block(ctx, m.Epoch)
		if err != nil && !errors.Is(err, ErrNullRound) {
			return false, err
		}
		hash = b.Hash
		t.hashes[m.Epoch] = hash
	}
	return hash == m.Hash, nil
}

// read reads a range that begins below cursor.next.
func (t *turn) read(ctx context.Context, q Query) error {
	var tip mark // what is settled needs none
	if t.unsettled(q.To) {
		var err error
		if tip, err = t.tipset(ctx, q.To); err != nil {
			return err
		}
	}
	logs, err := again(ctx, func(ctx context.Context) ([]types.Log, error) { return t.collect(ctx, q) })
	if err != nil {
		return err
	}
	seen := make(map[attestation.Word]bool, len(t.cursor.recent))
	for _, s := range t.cursor.recent {
		seen[s.ID] = true
	}
	shown := make(map[attestation.Word]bool, len(logs))
	for id, l := range identified(logs) {
		shown[id] = true
		if seen[id] {
			continue
		}
		block := mark{l.BlockNumber, attestation.Word(l.BlockHash)}
		if t.unsettled(block.Epoch) {
			if ok, err := t.canonical(ctx, block); err != nil || !ok {
				return errors.Join(errReorganised, err)
			}
		}
		t.cursor.recent = append(t.cursor.recent,
			sighting{id, block, attestation.Word(l.TxHash), attestation.EthereumAddress(l.Address), l.Index})
		if t.emit(Update{Kind: Observed, Log: l, ID: id}); t.stopped {
			return nil
		}
	}
	if err := t.missed(ctx, q, shown); err != nil || t.stopped {
		return err
	}
	return t.finish(ctx, q, tip)
}

// missed looks at logs that were seen in the range before and are not shown
// now: either the chain changed, or the node leaves them out.
func (t *turn) missed(ctx context.Context, q Query, shown map[attestation.Word]bool) error {
	for i := len(t.cursor.recent) - 1; i >= 0; i-- {
		s := t.cursor.recent[i]
		if shown[s.ID] || s.Block.Epoch < q.From || s.Block.Epoch > q.To || !t.unsettled(s.Block.Epoch) {
			continue
		}
		if err := t.keepOrRetract(ctx, i); err != nil || t.stopped {
			return err
		}
	}
	return nil
}

// finish moves the cursor behind a range, unless the chain changed meanwhile.
func (t *turn) finish(ctx context.Context, q Query, tip mark) error {
	if tip != (mark{}) {
		delete(t.hashes, tip.Epoch)
		if ok, err := t.canonical(ctx, tip); err != nil || !ok {
			return errors.Join(errReorganised, err)
		}
	}
	moved := q.To+1 > t.cursor.next
	t.cursor.next = max(t.cursor.next, q.To+1)
	t.cursor.tip = tip
	low := min(t.cursor.next-min(t.cursor.next, t.config.Overlap), t.head-min(t.head, t.config.MaxReorg))
	t.cursor.floor = max(t.cursor.floor, low)
	t.cursor.recent = slices.DeleteFunc(slices.Clone(t.cursor.recent), func(s sighting) bool {
		return s.Block.Epoch < t.cursor.floor
	})
	if moved {
		t.emit(Update{Kind: Progress})
	}
	return nil
}

// tipset returns the newest tipset at or below an epoch.
func (t *turn) tipset(ctx context.Context, epoch uint64) (mark, error) {
	for e := epoch; e > 0 && epoch-e <= t.config.MaxReorg; e-- {
		b, err := t.block(ctx, e)
		switch {
		case err == nil:
			t.hashes[e] = b.Hash
			return mark{e, b.Hash}, nil
		case !errors.Is(err, ErrNullRound):
			return mark{}, err
		}
	}
	return mark{}, fmt.Errorf("%w: no tipset in the %d epochs up to %d", ErrBadAnswer, t.config.MaxReorg, epoch)
}

// collect reads one range to the end before anything of it is yielded.
func (t *turn) collect(ctx context.Context, q Query) ([]types.Log, error) {
	var out []types.Log
	for l, err := range t.reader.Query(ctx, q) {
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func (t *turn) block(ctx context.Context, epoch uint64) (Block, error) {
	return again(ctx, func(ctx context.Context) (Block, error) { return t.reader.Block(ctx, epoch) })
}

// again asks up to five times before a failure ends the turn: a turn asks some
// ten questions, and one in three can fail on a busy day.
func again[T any](ctx context.Context, question func(context.Context) (T, error)) (T, error) {
	for attempt := range 4 {
		v, err := question(ctx)
		_, other := errors.AsType[*ChainIDError](err)
		if err == nil || other || errors.Is(err, ErrNullRound) || errors.Is(err, ErrNoHistory) || !sleep(ctx, 500*time.Millisecond<<attempt) {
			return v, err
		}
	}
	return question(ctx)
}
