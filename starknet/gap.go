package starknet

import (
	"context"
	"slices"
	"time"

	"github.com/NethermindEth/juno/core/felt"
)

// heal sees to it that the account's next transaction gets in, so that f and
// others do not wait in vain: one that nobody waits for any more, or that
// a reorganization dropped after it was accepted, is sent again, and a nonce
// without a transaction is filled. What fails here is tried again by the next
// who waits.
func (s *Sender) heal(ctx context.Context, waits *flight) {
	select {
	case s.healing <- struct{}{}:
		defer func() { <-s.healing }()
	default:
		return // somebody does
	}
	if time.Since(s.healed) < s.account.poll {
		return // somebody did
	}
	s.healed = time.Now()
	chain, err := s.account.Nonce(ctx)
	if err != nil {
		return
	}
	s.observe(chain)
	for n := chain; n < waits.nonce; n++ {
		f, fill := s.gap(n)
		switch {
		case f == nil:
			return // a call that is coming takes it
		case fill:
			if s.fill(ctx, f) != nil {
				return
			}
			continue
		}
		is := s.snapshot(f)
		if is.owned {
			s.mu.Lock()
			s.wake(n)
			s.mu.Unlock()
			return
		}
		err := s.account.Send(ctx, is.last())
		if s.dismiss(f, err) {
			s.giveBack(f)
			n-- // and is filled
			continue
		}
		if err != nil {
			return
		}
		s.set(f, func() { f.handed, f.taken = true, true })
	}
}

// gap returns the flight of a nonce that the chain waits for; fill says that it
// is a new one, without a transaction.
func (s *Sender) gap(n uint64) (f *flight, fill bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[n]; f != nil {
		return f, false
	}
	if n < s.floor {
		return nil, false
	}
	i, isFree := slices.BinarySearch(s.free, n)
	if isFree {
		if s.coming > 0 {
			return nil, false
		}
		s.free = slices.Delete(s.free, i, i+1)
	}
	f = newFlight(n)
	s.flights[n] = f
	return f, true
}

// fill sends a transaction without calls.
func (s *Sender) fill(ctx context.Context, f *flight) error {
	calldata := []*felt.Felt{new(felt.Felt)}
	bounds, err := s.account.estimateAt(ctx, calldata, f.nonce)
	if err == nil {
		err = s.sign(ctx, f, calldata, bounds)
	}
	if err == nil {
		err = s.hand(ctx, f)
	}
	if is := s.snapshot(f); err != nil && !is.handed {
		s.giveBack(f)
		return err
	}
	s.set(f, func() { f.owned = false })
	return err
}
