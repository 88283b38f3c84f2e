package starknet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slastream/slastream-go/slastream"
)

// A flight is a nonce that was given out and what was signed for it. The
// Sender's lock guards it.
type flight struct {
	nonce    uint64
	txs      []slastream.SignedTx // what was signed first, then its replacements
	at       time.Time            // of the last
	owned    bool                 // a call waits for it
	handed   bool                 // a node may have one of txs, or have had it
	taken    bool                 // the node has the last of txs, as far as is known
	executed bool                 // one of txs has a receipt
	refused  int                  // how often in a row a node refused all of txs, and knew none
	wake     chan struct{}        // something changed
}

func newFlight(nonce uint64) *flight {
	return &flight{nonce: nonce, owned: true, wake: make(chan struct{}, 1)}
}

// wake wakes the call that waits for a nonce. The lock is held.
func (s *Sender) wake(nonce uint64) {
	if f := s.flights[nonce]; f != nil {
		select {
		case f.wake <- struct{}{}:
		default: // it is awake
		}
	}
}

// set changes f, and wakes who comes after it.
func (s *Sender) set(f *flight, change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.wake(f.nonce + 1)
}

// snapshot returns a copy of f.
func (s *Sender) snapshot(f *flight) flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *f
}

func (f *flight) last() slastream.SignedTx { return f.txs[len(f.txs)-1] }

// A call looks after gaps in every healEvery-th round of waiting, and asks for
// its receipt in every askEvery-th one if a transaction before it is not
// executed yet.
const (
	healEvery = 4
	askEvery  = 8
	// deadAfter is how often in a row the nonce must be used and the transaction
	// unknown before it counts as replaced: a node can be behind another, and
	// a reorganization can come between two questions. It is also how often in
	// a row a transaction that was handed over must be refused and unknown before
	// it is given up.
	deadAfter = 5
)

// follow sends the transaction of f until it is accepted.
func (s *Sender) follow(ctx context.Context, f *flight) (*Receipt, error) {
	failures, dead := 0, 0
	for round := 1; ; round++ {
		err := s.hand(ctx, f)
		if s.mayAsk(f, round) || errors.Is(err, errUsed) || isDismissed(err) {
			r, known, askErr := s.ask(ctx, f)
			switch {
			case r != nil:
				s.set(f, func() { f.owned, f.taken = false, true })
				return r, nil
			case askErr != nil:
				err = askErr
			case known:
				err = nil
			}
		}
		if s.dismiss(f, err) {
			return nil, s.leave(f, err)
		}
		switch {
		case err == nil:
			failures, dead = 0, 0
		case errors.Is(err, errUsed):
			if failures, dead = failures+1, dead+1; dead == deadAfter {
				s.set(f, func() { f.owned = false })
				return nil, fmt.Errorf("%w: %d was used by another transaction than %v", ErrNonce, f.nonce, f.txs[0].Hash)
			}
		case ctx.Err() == nil && s.goesOn(f, err):
			failures, dead = failures+1, 0
		default:
			return nil, s.leave(f, err)
		}
		if round%healEvery == 0 {
			s.heal(ctx, f)
		}
		timer := time.NewTimer(backoff(s.account.poll, failures))
		select {
		case <-timer.C:
		case <-f.wake:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil, s.leave(f, fmt.Errorf("starknet: execute: %w", ctx.Err()))
		}
	}
}

// dismiss counts the refusals of a transaction, and reports whether it is given
// up: a node that knows it says so in the same round, so that after deadAfter
// refusals in a row it is nowhere on the way. Then its nonce is free. What was
// executed once is never given up: its call was told so.
func (s *Sender) dismiss(f *flight, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case isDismissed(err) && !f.executed:
		f.refused++
	case err == nil || f.executed:
		f.refused = 0
	}
	if f.refused < deadAfter {
		return false
	}
	f.handed = false
	return true
}

// goesOn reports whether to try again after a failure. A transaction that may
// be on the way is not given up.
func (s *Sender) goesOn(f *flight, err error) bool {
	is := s.snapshot(f)
	if is.handed {
		return true
	}
	return Classify(err) == ClassRetry && !isStale(err) && !errors.Is(err, ErrBadAnswer)
}

// isStale reports whether the node refused a transaction that must be made anew:
// with another nonce, or with bounds that cover the present prices.
func isStale(err error) bool {
	n, coded := code(err)
	return errors.Is(err, ErrNonce) || coded && (n == codeLowBounds || n == codeLowFee)
}

// leave ends the wait for f.
func (s *Sender) leave(f *flight, err error) error {
	is := s.snapshot(f)
	if is.handed {
		s.set(f, func() { f.owned = false })
		if open, ok := errors.AsType[*UnsettledError](err); ok {
			return open
		}
		return &UnsettledError{is.last(), err}
	}
	s.giveBack(f)
	if isStale(err) {
		return &againError{err}
	}
	return err
}

// errUsed says that the nonce of a transaction is used and the transaction
// unknown.
var errUsed = errors.New("starknet: nonce is used")

// hand sends the transaction of f if the node has it not and its turn has come.
func (s *Sender) hand(ctx context.Context, f *flight) error {
	if err := s.bump(ctx, f); err != nil {
		return err
	}
	s.mu.Lock()
	before := s.flights[f.nonce-1]
	turn := !s.inOrder || f.nonce <= s.chain || before != nil && before.taken
	taken, txs := f.taken, f.txs
	s.mu.Unlock()
	if taken || !turn {
		return nil
	}
	var first error
	for _, tx := range slices.Backward(txs) {
		leave, err := s.enter(ctx)
		if err != nil {
			return err
		}
		err = s.account.Send(ctx, tx)
		if err == nil {
			s.sent(f)
		}
		leave()
		_, open := errors.AsType[*UnsettledError](err)
		switch {
		case err == nil:
			return nil
		case open:
			s.set(f, func() { f.handed = true })
			return err
		case errors.Is(err, ErrNonce):
			return s.resync(ctx, f)
		case first == nil:
			first = err // a replacement that is refused: the one before it counts
		}
	}
	return first
}

// sent takes notice that the node has the transaction of f.
func (s *Sender) sent(f *flight) {
	s.set(f, func() {
		f.handed, f.taken = true, true
		if s.inOrder { // such a node executes at once
			s.advance(max(s.chain, f.nonce+1))
		}
	})
}

// resync finds out why the node refused the nonce of f.
func (s *Sender) resync(ctx context.Context, f *flight) error {
	chain, err := s.account.Nonce(ctx)
	if err != nil {
		return err
	}
	s.observe(chain)
	is := s.snapshot(f)
	switch {
	case chain < f.nonce: // its turn has not come
		s.mu.Lock()
		if !s.inOrder {
			s.inOrder, s.turns = true, min(max(2*s.turns, minTurns), maxTurns)
			s.until = f.nonce + s.turns
		}
		s.mu.Unlock()
		s.heal(ctx, f)
		return nil
	case chain == f.nonce: // by now it has
		return nil
	case is.handed:
		return errUsed // unless a receipt says that this transaction did
	}
	return fmt.Errorf("%w: %d, the next is %d", ErrNonce, f.nonce, chain)
}

// mayAsk reports whether it is worth to ask for a receipt of f.
func (s *Sender) mayAsk(f *flight, round int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !f.handed {
		return false
	}
	before := s.flights[f.nonce-1]
	return before == nil || !before.owned || before.executed || round%askEvery == 0
}

// ask returns the receipt of the transaction once it is accepted, and whether
// the node knows it.
func (s *Sender) ask(ctx context.Context, f *flight) (accepted *Receipt, known bool, err error) {
	executed := false
	for _, tx := range s.snapshot(f).txs {
		status, r, err := lookUp(ctx, s.account.caller, tx.Hash)
		if err != nil {
			return nil, false, err
		}
		s.account.settle(r)
		known = known || status.State != slastream.TxUnknown
		executed = executed || r != nil
		if status.State >= slastream.TxAccepted {
			accepted = r
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if executed {
		s.advance(max(s.chain, f.nonce+1))
		if !f.executed {
			s.wake(f.nonce + 1)
		}
	}
	f.executed = executed
	if !known {
		f.taken = false // sent again in the next round
	}
	return accepted, known, nil
}

// bump replaces the transaction of f if it has been on the way for too long.
func (s *Sender) bump(ctx context.Context, f *flight) error {
	is := s.snapshot(f)
	if s.o.BumpAfter <= 0 || !is.handed || is.executed || time.Since(is.at) < s.o.BumpAfter {
		return nil
	}
	s.mu.Lock()
	f.at = time.Now() // also if this fails
	s.mu.Unlock()
	tx, err := s.account.Bump(ctx, is.last())
	if err != nil {
		return nil // what is on the way stays on the way
	}
	return s.signed(ctx, f, tx)
}
