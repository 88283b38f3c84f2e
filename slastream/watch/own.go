package watch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
)

// ErrInUse says that another tower uses the store, or has used it since this one
// read it. Give each tower a store of its own; to go on with this store, end the
// other tower and make a new one.
var ErrInUse = errors.New("watch: another tower uses the store: give each tower a store of its own")

// enter begins a call that works with the state: it takes the store, if that can
// be taken, and reads the state. leave ends it. A tower that cannot read what it
// has done is of no use: it would do it again.
func (t *Tower) enter(ctx context.Context) (leave func() error, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users == 0 {
		if l, ok := t.config.Store.(Locker); ok {
			if t.unlock, err = l.Lock(ctx); err != nil {
				return nil, fmt.Errorf("watch: taking the store: %w", err)
			}
		}
		if err := t.load(ctx); err != nil {
			return nil, errors.Join(err, t.free())
		}
	}
	t.users++
	return func() error {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.users--; t.users > 0 {
			return nil
		}
		return t.free()
	}, nil
}

// free gives the store back; t.mu is held.
func (t *Tower) free() error {
	if t.unlock == nil {
		return nil
	}
	err := t.unlock()
	t.unlock = nil
	if err != nil {
		return fmt.Errorf("watch: giving the store back: %w", err)
	}
	return nil
}

// load reads the state once. A store that can be taken is read again each time,
// since others may have had it. t.mu is held.
func (t *Tower) load(ctx context.Context) error {
	if t.loaded && t.unlock == nil {
		return nil
	}
	document, err := t.config.Store.Load(ctx)
	if err != nil {
		return fmt.Errorf("watch: loading the state: %w", err)
	}
	sum := sha256.Sum256(document)
	if t.loaded {
		if sum != t.stored && sum != t.tried {
			return ErrInUse
		}
		return nil
	}
	t.state, t.fresh = state{Domain: t.config.Domain}, true
	if document != nil {
		s, err := parseState(document)
		if err != nil {
			return err
		}
		if s.Domain != t.config.Domain {
			return fmt.Errorf("watch: the store belongs to escrow %v on chain %v, not to %v on %v: use a store of its own for each escrow",
				s.Domain.Escrow, s.Domain.ChainID, t.config.Domain.Escrow, t.config.Domain.ChainID)
		}
		t.state, t.fresh = s, false
	}
	if t.config.Rescan {
		t.state.History = max(t.state.History, t.state.Deals)
	}
	t.open = t.state.Open.len()
	for id := range t.state.Ended {
		t.meet(0, id) // much may have happened since
	}
	t.stored, t.loaded = sum, true
	return nil
}

// save writes the state if it has changed; t.mu is held.
func (t *Tower) save(ctx context.Context) error {
	if !t.dirty {
		return nil
	}
	document, err := t.state.document()
	if err == nil {
		t.tried = sha256.Sum256(document) // what fails may be stored all the same
		err = t.config.Store.Save(ctx, document)
	}
	if err != nil {
		return fmt.Errorf("watch: saving the state: %w", err)
	}
	t.stored, t.dirty = t.tried, false
	return nil
}
