package starknet

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sort"
	"time"
)

// An Update is an event that is new, or one that is not on the chain anymore.
type Update[E any] struct {
	HistoryEvent[E]
	// Retracted says that the event, delivered before, was lost in a
	// reorganization of Starknet. It may come again, in another block.
	Retracted bool
	// Cursor is where the consumer stands after this update.
	Cursor Cursor
}

const (
	// firstRetry and lastRetry are the wait after a failure: doubled each time,
	// and up to a fifth less at random.
	firstRetry = time.Second
	lastRetry  = time.Minute
	// maxBad is how many bad answers in a row end Follow.
	maxBad = 8
	// shortPolls is how many times in a row the chain must end before what was
	// delivered to count as cut. A node that is behind shows the same.
	shortPolls = 10
	// hintsPerPoll bounds how often a Waker can make Follow ask.
	hintsPerPoll = 10
)

// Follow delivers the events after cursor, and then those of new blocks as
// they come, in chain order and for ever. After a reorganization it first
// retracts what is no longer on the chain, newest first, and then delivers what
// took its place: what was delivered and not retracted is at any time the
// history of one chain.
//
// seen is for going on after a restart: the newest of the events that the
// consumer holds, in chain order, up to the cursor. The cursor alone is enough
// as long as its block is on the chain; when it is not, the cursor cannot say
// which of the earlier events are gone, and Follow ends with
// [ErrReorgTooDeep] unless seen goes back to an event that is still there.
// All events of the last thousand blocks and one before are enough for any
// reorganization that Follow itself would survive; having seen nothing, a
// cursor without a hash is safe.
//
// It survives a node that fails, limits, is behind or restarts: it asks again
// after 1 second, doubled up to 1 minute, and asks for less at once. A chain that
// is shorter than what was delivered counts as cut after ten polls, because a
// node that is behind looks the same.
//
// The iteration ends with the error of ctx, with [ErrReorgTooDeep], with
// [ErrMalformed] for an event that the contract should not emit, and after eight
// bad answers or hopeless refusals in a row with the last of them, most often
// [ErrBadAnswer]. Each iteration stands alone; there are no goroutines.
func (h *History[E]) Follow(ctx context.Context, cursor Cursor, seen ...HistoryEvent[E]) iter.Seq2[Update[E], error] {
	return func(yield func(Update[E], error) bool) {
		t, err := newTrail(cursor, seen)
		if err == nil {
			f := follower[E]{History: h, trail: t, span: maxSpan, yield: func(u Update[E]) bool { return yield(u, nil) }}
			err = f.run(ctx)
		}
		if !errors.Is(err, errStopped) {
			yield(Update[E]{}, err)
		}
	}
}

// hopeless reports whether the node refused the question as such, so that
// asking it again changes nothing: an unknown method, invalid parameters, a page
// too big, an unknown token, too many keys.
func hopeless(err error) bool {
	n, ok := code(err)
	return ok && slices.Contains([]int{-32600, -32601, codeInvalidParams, 31, codeInvalidToken, 34}, n)
}

type follower[E any] struct {
	*History[E]
	trail trail[E]
	span  uint64 // blocks to ask for at once
	end   uint64 // number of the newest block, when last asked
	short int    // polls in a row that found a shorter chain
	yield func(Update[E]) bool
}

func (f *follower[E]) run(ctx context.Context) error {
	bad, pause := 0, firstRetry
	for {
		more, err := f.step(ctx)
		switch {
		case errors.Is(err, errStopped), errors.Is(err, ErrReorgTooDeep), errors.Is(err, ErrMalformed):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			bad, pause = 0, firstRetry
			if !more {
				f.wait(ctx, f.config.poll)
			}
			continue
		case errors.Is(err, ErrBadAnswer), hopeless(err):
			if bad++; bad == maxBad {
				return fmt.Errorf("%w (%d times in a row)", err, bad)
			}
		}
		sleep(ctx, pause-rand.N(pause/5))
		pause = min(2*pause, lastRetry)
	}
}

// step asks once. more says that there is more to read at once.
func (f *follower[E]) step(ctx context.Context) (more bool, err error) {
	head, err := f.head(ctx)
	if err != nil || head == nil {
		return false, err
	}
	tip := f.trail.tip()
	if head.number < tip.number {
		if f.short++; tip.hash.IsZero() || f.short < shortPolls {
			return false, nil
		}
		return true, f.rewind(ctx, head)
	}
	f.short, f.end = 0, head.number
	target := head
	if !tip.whole || head.number > tip.number {
		if first := tip.next(); head.number-first >= f.span {
			if target, err = f.source.blockAt(ctx, first+f.span-1); err != nil {
				return false, err
			}
		}
	}
	on, err := f.extends(ctx, target, tip)
	if err != nil {
		return false, err
	}
	if !on {
		return true, f.rewind(ctx, head)
	}
	if tip.whole && tip.number == target.number {
		return false, nil
	}
	width := target.number - tip.next() + 1
	err = f.read(ctx, target)
	switch {
	case err == nil:
		f.span = min(2*f.span, maxSpan)
		return target != head, nil
	case errors.Is(err, ErrBadAnswer) || width == 1:
		return false, err
	case refused(err):
		err = nil // it may like less
	}
	f.span = width / 2
	return true, err
}

// head is the newest block of the finality, nil if there is none yet.
func (f *follower[E]) head(ctx context.Context) (*blockHeader, error) {
	if f.config.finality == AcceptedOnL2 {
		return f.source.block(ctx, Block{})
	}
	return f.source.settled(ctx)
}

// extends reports whether the newest block that was delivered is the target or
// below it.
func (f *follower[E]) extends(ctx context.Context, target *blockHeader, tip *held[E]) (bool, error) {
	switch {
	case tip.hash.IsZero():
		return true, nil
	case target.number == tip.number:
		return target.hash == tip.hash, nil
	case target.number == tip.number+1:
		return target.parent == tip.hash, nil
	}
	b, err := f.source.blockAt(ctx, tip.number)
	if err != nil {
		return false, err
	}
	return b.hash == tip.hash, nil
}

// read delivers what there is up to the end of target.
func (f *follower[E]) read(ctx context.Context, target *blockHeader) error {
	tip := f.trail.tip()
	r := blockRange{first: tip.number, hash: tip.hash, last: target}
	if tip.whole && target.number == tip.number+1 {
		r.first, r.hash = target.number, target.hash // its parent is the tip
	}
	// Of the first block these were delivered before: all or up to the last.
	skip, whole, last, number := !tip.hash.IsZero(), tip.whole, tip.last, tip.number
	err := f.source.events(ctx, r, func(l *placedLog) error {
		if skip && l.place.block == number {
			skip = whole || l.id != last
			return nil
		}
		if skip && !whole {
			return errGone(last, number)
		}
		e, known, err := f.History.read(l)
		if err != nil || !known {
			return err
		}
		f.trail.add(e, f.end)
		if !f.yield(Update[E]{HistoryEvent: e, Cursor: f.trail.tip().cursor()}) {
			return errStopped
		}
		return nil
	})
	if err != nil {
		return err
	}
	if skip && !whole {
		return errGone(last, number)
	}
	f.trail.whole(target.number, target.hash, f.end)
	return nil
}

func errGone(id EventID, number uint64) error {
	return fmt.Errorf("%w: event %v of block %d, which the cursor or the node named before, is not there", ErrBadAnswer, id, number)
}

// rewind finds the newest block of the trail that is on the chain, and
// retracts what came after it.
func (f *follower[E]) rewind(ctx context.Context, head *blockHeader) error {
	var failed error
	// Blocks name their parents: those on the chain come before those that are not.
	n := sort.Search(len(f.trail), func(i int) bool {
		b := &f.trail[i]
		if failed != nil || b.hash.IsZero() || b.number > head.number {
			return !b.hash.IsZero()
		}
		on, err := f.source.blockAt(ctx, b.number)
		if err != nil {
			failed = err
			return true
		}
		return on.hash != b.hash
	})
	switch {
	case failed != nil:
		return failed
	case n == 0:
		return fmt.Errorf("%w: block %d is not %v anymore", ErrReorgTooDeep, f.trail[0].number, f.trail[0].hash)
	}
	for len(f.trail) > n {
		e, ok, cursor := f.trail.drop()
		if ok && !f.yield(Update[E]{HistoryEvent: e, Retracted: true, Cursor: cursor}) {
			return errStopped
		}
	}
	f.short = 0
	return nil
}

// wait returns after d, or when the Waker says so.
func (f *follower[E]) wait(ctx context.Context, d time.Duration) {
	if f.config.waker == nil {
		sleep(ctx, d)
		return
	}
	start := time.Now()
	hinted, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	until := d
	if f.config.waker.Wait(hinted) == nil {
		until = d / hintsPerPoll
	}
	sleep(ctx, until-time.Since(start))
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
