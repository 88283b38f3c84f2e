package boltstore

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/relay"
)

func dealKey(deal attestation.Word) []byte { return appendWord(nil, deal) }

// Bind implements [relay.Store].
func (s *Store) Bind(ctx context.Context, t relay.Track) error {
	return s.update(ctx, func(tx *tx) error { return tx.bind(t) })
}

func (t *tx) bind(track relay.Track) error {
	switch _, ok, err := t.track(dealKey(track.Deal)); {
	case err != nil:
		return err
	case ok:
		return fmt.Errorf("%w: deal %s", relay.ErrBound, track.Deal.Big())
	}
	track.Version = 1
	t.stats.Tracks++
	return t.putTracks([]relay.Track{{}}, []relay.Track{track})
}

func (t *tx) track(key []byte) (relay.Track, bool, error) {
	row, err := t.get(tableTracks, key)
	if row == nil || err != nil {
		return relay.Track{}, false, err
	}
	track, err := parseTrack(key, row)
	return track, err == nil, err
}

// putTracks stores tracks in place of what was read before of the same deals:
// a zero value for a new one.
func (t *tx) putTracks(before, after []relay.Track) error {
	// First the data sets become free, then they are taken, so that the order of
	// the tracks does not matter.
	for _, old := range before {
		if old.Version > 0 && !old.Over {
			if err := t.delete(tableSets, appendWord(nil, old.Set)); err != nil {
				return err
			}
		}
	}
	for i, track := range after {
		key := dealKey(track.Deal)
		if err := t.put(tableTracks, key, appendTrack(nil, track)); err != nil {
			return err
		}
		if err := t.move(tableBehind, behindKey(before[i]), behindKey(track)); err != nil {
			return err
		}
		if track.Over {
			continue
		}
		set := appendWord(nil, track.Set)
		switch other, err := t.get(tableSets, set); {
		case err != nil:
			return err
		case other != nil && !bytes.Equal(other, key):
			return fmt.Errorf("%w: data set %s, not to deal %s", relay.ErrBound, track.Set.Big(), track.Deal.Big())
		case other == nil:
			if err := t.put(tableSets, set, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// behindKey is the track's entry in the index of those to be read, nil for none.
func behindKey(t relay.Track) []byte {
	if t.Version == 0 || !t.Behind || t.Over || t.Halted != "" {
		return nil
	}
	return dealKey(t.Deal)
}

// currentTracks returns what is stored of the tracks, and the tracks as they are
// to be stored. It fails with ErrConflict if one has another version.
func (t *tx) currentTracks(tracks []relay.Track) (before, after []relay.Track, err error) {
	for _, track := range tracks {
		old, ok, err := t.track(dealKey(track.Deal))
		switch {
		case err != nil:
			return nil, nil, err
		case !ok:
			return nil, nil, fmt.Errorf("%w: deal %s is not bound", relay.ErrConflict, track.Deal.Big())
		case old.Version != track.Version:
			return nil, nil, fmt.Errorf("%w: deal %s has version %d, not %d", relay.ErrConflict, track.Deal.Big(), old.Version, track.Version)
		}
		track.Version++
		before, after = append(before, old), append(after, track)
	}
	return before, after, nil
}

// Tracks implements [relay.Store].
func (s *Store) Tracks(ctx context.Context, q relay.TrackQuery) iter.Seq2[relay.Track, error] {
	wanted := func(t relay.Track) bool {
		return (q.After.IsZero() || t.Deal.Cmp(q.After) > 0) && (!q.Behind || behindKey(t) != nil) &&
			(q.Deal == nil || *q.Deal == t.Deal) && (q.Set == nil || *q.Set == t.Set && !t.Over)
	}
	find := scan[relay.Track]{table: tableTracks, from: []byte{0}, limit: q.Limit}
	find.pick = func(_ *tx, key, row []byte) (relay.Track, bool, error) {
		track, err := parseTrack(key, row)
		return track, err == nil && wanted(track), err
	}
	// In the other tables a row names the deal.
	named := func(t *tx, deal []byte) (relay.Track, bool, error) {
		track, ok, err := t.track(deal)
		if err == nil && !ok {
			err = fmt.Errorf("%w: no deal %x", errRow, deal)
		}
		return track, err == nil && wanted(track), err
	}
	switch {
	case q.Deal != nil:
		find.prefix = dealKey(*q.Deal)
		find.from = find.prefix
	case q.Set != nil:
		find.table, find.prefix = tableSets, appendWord(nil, *q.Set)
		find.from = find.prefix
		find.pick = func(t *tx, _, deal []byte) (relay.Track, bool, error) { return named(t, deal) }
	default:
		if !q.After.IsZero() {
			find.from = after(dealKey(q.After))
		}
		if q.Behind {
			find.table = tableBehind
			find.pick = func(t *tx, deal, _ []byte) (relay.Track, bool, error) { return named(t, deal) }
		}
	}
	return rows(ctx, s, find)
}
