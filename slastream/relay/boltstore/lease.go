package boltstore

import (
	"context"
	"fmt"
	"time"

	"github.com/slastream/slastream-go/slastream/relay"
)

// Lease implements [relay.Store]. A lease ends with the process that has the
// file; the tokens go on.
func (s *Store) Lease(ctx context.Context, name, owner string, ttl time.Duration) (relay.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return relay.Lease{}, err
	}
	now := time.Now()
	held, ok := s.leases[name]
	switch {
	case ok && held.Until.After(now) && held.Owner != owner:
		return relay.Lease{}, fmt.Errorf("%w: %s has it until %v", relay.ErrLease, held.Owner, held.Until.Format(time.RFC3339))
	case !ok || !held.Until.After(now) || held.Owner != owner:
		held = relay.Lease{Name: name, Owner: owner}
		err := s.update(ctx, func(t *tx) (err error) {
			if held.Token, err = t.token(name); err != nil {
				return err
			}
			held.Token++
			return t.put(tableLeases, []byte(name), appendUint(nil, held.Token))
		})
		if err != nil {
			return relay.Lease{}, err
		}
	}
	held.Until = now.Add(ttl)
	s.leases[name] = held
	return held, nil
}

// token returns the newest of a name, 0 if there was none.
func (t *tx) token(name string) (uint64, error) {
	row, err := t.get(tableLeases, []byte(name))
	if row == nil || err != nil {
		return 0, err
	}
	r := reader{b: row}
	token := r.uint()
	return token, r.end()
}
