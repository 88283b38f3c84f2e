package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slastream/slastream-go/attestation"
)

// A MismatchError says that the relay and the chains do not fit together, and
// what to do. Nothing is signed for what it names.
type MismatchError struct {
	What string // what does not fit
	Do   string // what to do about it
}

// Error says both.
func (e *MismatchError) Error() string { return "relay: " + e.What + ": " + e.Do }

// Check asks the chains whether the relay fits: the escrow's key is the
// signer's, and each of Config.Bindings can be bound; then it binds them. What
// does not fit is a *[MismatchError]; other errors are failures to ask. A turn
// does the same until it has succeeded: it signs nothing before the key is
// right, and a binding that does not fit does not hold up the others.
func (r *Relay) Check(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	defer r.end()
	if err := r.checkKey(ctx); err != nil {
		return err
	}
	return r.bindAll(ctx)
}

func (r *Relay) checkKey(ctx context.Context) error {
	if r.fits {
		return nil
	}
	key, err := r.Escrow.PublicKey(ctx)
	if err != nil {
		return fmt.Errorf("relay: the escrow's key: %w", err)
	}
	if own := r.Signer.PublicKey(); key != own {
		return &MismatchError{
			What: fmt.Sprintf("the signer's key is %v, the escrow pays for %v", own, key),
			Do:   "use the signer that the escrow was deployed for, or the escrow of this signer",
		}
	}
	r.fits = true
	return nil
}

// bindAll binds those of Config.Bindings that are not bound yet.
func (r *Relay) bindAll(ctx context.Context) error {
	var errs []error
	var left []Binding
	bound, failed := 0, 0
	for i, b := range r.unbound {
		if failed >= giveUp && bound == 0 { // it is the node; the others come first the next time
			left = append(slices.Clone(r.unbound[i:]), left...)
			break
		}
		err := r.bind(ctx, b)
		if err == nil {
			bound++
			continue
		}
		if _, wrong := errors.AsType[*MismatchError](err); !wrong {
			failed++
		}
		errs, left = append(errs, err), append(left, b)
	}
	r.unbound = left
	return errors.Join(errs...)
}

// Bind ties a deal to a data set from now on; doing it again changes nothing. It
// asks both chains first: the deal exists, the data set exists or has earned
// something (if the source knows), and it backs no other deal that is not over. A
// deal that is over is bound, too: it is read, and then its data set is free. A
// *[MismatchError] says what is wrong.
func (r *Relay) Bind(ctx context.Context, b Binding) error {
	if err := checkBindings([]Binding{b}); err != nil {
		return err
	}
	return r.bind(ctx, b)
}

func (r *Relay) bind(ctx context.Context, b Binding) error {
	if old, ok, err := r.track(ctx, b.Deal); err != nil {
		return err
	} else if ok {
		return sameBinding(old, b)
	}
	deal, err := r.Escrow.Deal(ctx, b.Deal)
	if err != nil {
		return fmt.Errorf("relay: deal %s: %w", b.Deal.Big(), err)
	}
	if !deal.Exists() {
		return &MismatchError{fmt.Sprintf("the escrow has no deal %s", b.Deal.Big()), "bind a deal that exists; ids start at 1"}
	}
	if b.StartEpoch == 0 && r.Start != nil {
		if b.StartEpoch, err = r.Start(ctx, deal); err != nil {
			return fmt.Errorf("relay: start epoch of deal %s: %w", b.Deal.Big(), err)
		}
	}
	// A deal that is over is read like any other: which periods it was paid for is
	// needed by the next deal of its data set, and that it is over is one answer.
	if err := r.checkSet(ctx, b); err != nil {
		return err
	}
	if err := r.free(ctx, b); err != nil {
		return err
	}
	t := Track{
		Binding: b, Provider: deal.Provider, Amount: deal.ChunkAmount, Chunks: deal.Chunks, Deadline: deal.Deadline,
		Next: b.StartEpoch, Behind: true,
	}
	if err := r.Store.Bind(ctx, t); err != nil {
		if errors.Is(err, ErrBound) { // perhaps by another process, the same way
			if old, ok, trackErr := r.track(ctx, b.Deal); trackErr == nil && ok {
				return sameBinding(old, b)
			}
			return &MismatchError{err.Error(), "unbind the other deal, or bind another data set"}
		}
		return fmt.Errorf("relay: bind deal %s: %w", b.Deal.Big(), err)
	}
	r.Logger.Info("bound", "deal", b.Deal.Big(), "set", b.Set.Big(), "start_epoch", b.StartEpoch, "active", deal.Active)
	return nil
}

// checkSet asks whether the data set can back the deal. One that cannot any more,
// such as one that was deleted, may have earned chunks before: a lost store is
// rebuilt with them.
func (r *Relay) checkSet(ctx context.Context, b Binding) error {
	checker, ok := r.Proofs.(SetChecker)
	if !ok {
		return nil
	}
	err := checker.CheckSet(ctx, b.Set)
	if err == nil {
		return nil
	}
	if head, headErr := r.Proofs.Head(ctx); headErr == nil && head >= b.StartEpoch {
		if _, earned, _ := one(r.Proofs.Proofs(ctx, b.Set, b.StartEpoch, head)); earned {
			r.Logger.Warn("bound for what was earned before", "deal", b.Deal.Big(), "set", b.Set.Big(), "err", err)
			return nil
		}
	}
	return fmt.Errorf("relay: data set %s of deal %s: %w", b.Set.Big(), b.Deal.Big(), err)
}

// sameBinding refuses a binding that differs from the one that is stored.
func sameBinding(old Track, b Binding) error {
	switch {
	case old.Set != b.Set:
		return &MismatchError{
			fmt.Sprintf("deal %s is bound to data set %s, not to %s", b.Deal.Big(), old.Set.Big(), b.Set.Big()),
			"a deal keeps its data set; correct the binding, or begin with a new store if it was never right",
		}
	case b.StartEpoch != 0 && old.StartEpoch != b.StartEpoch:
		return &MismatchError{
			fmt.Sprintf("deal %s counts from epoch %d, not from %d", b.Deal.Big(), old.StartEpoch, b.StartEpoch),
			"a deal keeps its start epoch; correct the binding, or begin with a new store if it was never right",
		}
	}
	return nil
}

// free makes sure that the data set backs no deal that is not over.
func (r *Relay) free(ctx context.Context, b Binding) error {
	old, ok, err := one(r.Store.Tracks(ctx, TrackQuery{Set: &b.Set}))
	if err != nil || !ok {
		return err
	}
	deal, err := r.Escrow.Deal(ctx, old.Deal)
	if err != nil {
		return fmt.Errorf("relay: deal %s: %w", old.Deal.Big(), err)
	}
	if deal.Active || !deal.Exists() {
		return &MismatchError{
			fmt.Sprintf("data set %s backs deal %s, which is not over", b.Set.Big(), old.Deal.Big()),
			"a data set backs one live deal; bind another one, or unbind that deal",
		}
	}
	if old.Behind && old.reading() {
		return fmt.Errorf("relay: data set %s: what it earned for deal %s, which is over, is not read yet: bind deal %s after the next turn, or unbind deal %s first", b.Set.Big(), old.Deal.Big(), b.Deal.Big(), old.Deal.Big())
	}
	old.Over = true
	return r.Store.Commit(ctx, Change{Tracks: []Track{old}})
}

// Unbind ends the reading of proofs for a deal and frees its data set. What was
// earned before is still paid.
func (r *Relay) Unbind(ctx context.Context, deal attestation.Word) error {
	return r.change(ctx, deal, func(t *Track) { t.Over = true })
}

// Resume ends the halt of a deal, after somebody has looked at Track.Halted.
func (r *Relay) Resume(ctx context.Context, deal attestation.Word) error {
	return r.change(ctx, deal, func(t *Track) { t.Halted = "" })
}

func (r *Relay) change(ctx context.Context, deal attestation.Word, change func(*Track)) error {
	for {
		t, ok, err := r.track(ctx, deal)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("relay: deal %s is not bound", deal.Big())
		}
		before := t
		if change(&t); t == before {
			return nil
		}
		if err := r.Store.Commit(ctx, Change{Tracks: []Track{t}}); !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

// halt stops a deal until somebody has looked. Its proofs are read from where
// they were read to when it goes on.
func (r *Relay) halt(ctx context.Context, deal attestation.Word, why string) error {
	r.Logger.Error("deal halted", "deal", deal.Big(), "reason", why)
	return r.setBack(ctx, deal, why)
}

// setBack has the proofs of a deal read again from where they were read to.
func (r *Relay) setBack(ctx context.Context, deal attestation.Word, halted string) error {
	var failed error
	err := r.change(ctx, deal, func(t *Track) {
		// After the track: what another process reads until here and what it earns
		// belong together, and its version says so.
		var cursor uint64
		if cursor, failed = r.Store.Cursor(ctx); failed != nil {
			return
		}
		if !t.Behind {
			t.Next, t.Behind = max(t.Next, cursor), true
		}
		if halted != "" {
			t.Halted = shorten(halted)
		}
	})
	return errors.Join(failed, err)
}

func (r *Relay) track(ctx context.Context, deal attestation.Word) (Track, bool, error) {
	return one(r.Store.Tracks(ctx, TrackQuery{Deal: &deal}))
}

// one returns the first of what a store yields.
func one[T any](seq func(func(T, error) bool)) (value T, ok bool, err error) {
	for v, err := range seq {
		return v, err == nil, err
	}
	return value, false, nil
}
