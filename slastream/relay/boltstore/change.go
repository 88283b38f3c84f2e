package boltstore

import (
	"context"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/relay"
)

var cursorKey = []byte("cursor")

// Cursor implements [relay.Store].
func (s *Store) Cursor(ctx context.Context) (cursor uint64, err error) {
	err = s.view(ctx, func(t *tx) (err error) {
		cursor, err = t.cursor()
		return err
	})
	return cursor, err
}

func (t *tx) cursor() (uint64, error) {
	row, err := t.get(tableFile, cursorKey)
	if row == nil || err != nil {
		return 0, err
	}
	r := reader{b: row}
	cursor := r.uint()
	return cursor, r.end()
}

// Observe implements [relay.Store].
func (s *Store) Observe(ctx context.Context, o relay.Observation) error {
	return s.update(ctx, func(t *tx) error {
		switch cursor, err := t.cursor(); {
		case err != nil:
			return err
		case cursor != o.From:
			return fmt.Errorf("%w: the cursor is %d, not %d", relay.ErrConflict, cursor, o.From)
		}
		if err := t.put(tableFile, cursorKey, appendUint(nil, o.Next)); err != nil {
			return err
		}
		if err := t.changeTracks(o.Tracks); err != nil {
			return err
		}
		for _, c := range o.Chunks {
			if err := t.earn(c); err != nil {
				return err
			}
		}
		return nil
	})
}

// changeTracks stores the next version of tracks.
func (t *tx) changeTracks(tracks []relay.Track) error {
	before, after, err := t.currentTracks(tracks)
	if err != nil {
		return err
	}
	return t.putTracks(before, after)
}

// earn adds a chunk, and takes its proving period.
func (t *tx) earn(c relay.Chunk) error {
	switch _, ok, err := t.chunk(chunkKey(c.ID())); {
	case err != nil:
		return err
	case ok:
		return fmt.Errorf("%w: chunk %v exists", relay.ErrConflict, c.ID())
	}
	period := c.Proof.Key()
	key := periodKey(period)
	switch by, ok, err := t.earner(key); {
	case err != nil:
		return err
	case ok:
		return &relay.ProofUsedError{Chunk: c.ID(), By: by, Key: period}
	}
	if err := t.put(tablePeriods, key, chunkKey(c.ID())); err != nil {
		return err
	}
	c.Version = 1
	return t.putChunk(relay.Chunk{}, c)
}

// Commit implements [relay.Store].
func (s *Store) Commit(ctx context.Context, c relay.Change) error {
	return s.update(ctx, func(t *tx) error {
		if err := t.checkLease(c); err != nil {
			return err
		}
		if err := t.changeTracks(c.Tracks); err != nil {
			return err
		}
		if err := t.changeChunks(c.Chunks); err != nil {
			return err
		}
		if err := t.changeTransactions(c.Put, c.Drop); err != nil {
			return err
		}
		for _, spend := range c.Spend {
			if err := t.spend(spend); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkLease refuses a change whose lease is not the newest, or is missing.
func (t *tx) checkLease(c relay.Change) error {
	if c.Lease.Name == "" {
		if c.NeedsLease() {
			return fmt.Errorf("%w: the change has none", relay.ErrLease)
		}
		return nil
	}
	token, err := t.token(c.Lease.Name)
	if err == nil && (token == 0 || token != c.Lease.Token) {
		err = fmt.Errorf("%w: %s has token %d, not %d", relay.ErrLease, c.Lease.Name, token, c.Lease.Token)
	}
	return err
}

// changeChunks stores the next version of chunks.
func (t *tx) changeChunks(chunks []relay.Chunk) error {
	for _, c := range chunks {
		old, ok, err := t.chunk(chunkKey(c.ID()))
		switch {
		case err != nil:
			return err
		case !ok:
			return fmt.Errorf("%w: no chunk %v", relay.ErrConflict, c.ID())
		case old.Version != c.Version:
			return fmt.Errorf("%w: chunk %v has version %d, not %d", relay.ErrConflict, c.ID(), old.Version, c.Version)
		case old.State == relay.Refused && c.State != relay.Refused:
			return fmt.Errorf("%w: chunk %v is refused", relay.ErrConflict, c.ID())
		}
		c.Version++
		if err := t.putChunk(old, c); err != nil {
			return err
		}
		if c.State == relay.Refused {
			if err := t.release(c.Proof.Key(), c.ID()); err != nil {
				return err
			}
		}
	}
	return nil
}

// release gives a proving period back, if it is the chunk that it earned.
func (t *tx) release(period attestation.PeriodKey, id relay.ChunkID) error {
	key := periodKey(period)
	by, ok, err := t.earner(key)
	if err != nil || !ok || by != id {
		return err
	}
	return t.delete(tablePeriods, key)
}
