package pgstore

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/relay"
)

// pageRows is how many rows a page of an iterator has at most.
const pageRows = 512

const trackColumns = `deal, set_id, start_epoch, provider, amount, chunks, deadline, earned, next_epoch, behind, ended, halted, version`

// trackFields are what the columns hold, to write or to scan into.
func trackFields(t *relay.Track) []any {
	return []any{
		fixed(t.Deal[:]), fixed(t.Set[:]), &t.StartEpoch, fixed(t.Provider[:]), amount{&t.Amount}, &t.Chunks, &t.Deadline,
		&t.Earned, &t.Next, &t.Behind, &t.Over, text{&t.Halted}, &t.Version,
	}
}

// Bind implements relay.Store.
func (s *Store) Bind(ctx context.Context, t relay.Track) error {
	t.Version = 1
	return s.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, s.sql(`INSERT INTO {track} (`+trackColumns+`) VALUES (`+parameters(13)+`) ON CONFLICT DO NOTHING`), trackFields(&t)...)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return s.bound(ctx, tx, t)
		}
		return s.count(ctx, tx, map[int]int64{tracksTally: 1})
	})
}

// bound says what keeps a track from being bound.
func (s *Store) bound(ctx context.Context, tx pgx.Tx, t relay.Track) error {
	var other attestation.Word
	err := tx.QueryRow(ctx, s.sql(`SELECT deal FROM {track} WHERE deal = $1 OR set_id = $2 AND NOT ended ORDER BY deal <> $1 LIMIT 1`),
		t.Deal[:], t.Set[:]).Scan(fixed(other[:]))
	switch {
	case err != nil:
		return err
	case other == t.Deal:
		return fmt.Errorf("%w: deal %s", relay.ErrBound, t.Deal.Big())
	}
	return fmt.Errorf("%w: data set %s, to deal %s", relay.ErrBound, t.Set.Big(), other.Big())
}

// Tracks implements relay.Store.
func (s *Store) Tracks(ctx context.Context, q relay.TrackQuery) iter.Seq2[relay.Track, error] {
	var w where
	if q.Deal != nil {
		w.add("deal = ?", q.Deal[:])
	}
	if q.Set != nil {
		w.add("set_id = ?", q.Set[:])
		w.add("NOT ended")
	}
	if q.Behind {
		w.add("behind AND NOT ended AND halted = ''")
	}
	if !q.After.IsZero() {
		w.add("deal > ?", q.After[:])
	}
	return pages(q.Limit, func(last *relay.Track, limit int) ([]relay.Track, error) {
		p := w
		if last != nil {
			p.add("deal > ?", last.Deal[:])
		}
		return collect(ctx, s, `SELECT `+trackColumns+` FROM {track}`+p.String()+` ORDER BY deal`, limit, p.args, trackFields)
	})
}

// putTracks replaces tracks whose versions are still those that were read.
func (s *Store) putTracks(ctx context.Context, tx pgx.Tx, tracks []relay.Track) error {
	var b pgx.Batch
	update := s.sql(`UPDATE {track} SET (` + trackColumns + `) = (` + parameters(13) + `) WHERE deal = $1 AND version = $13::numeric - 1`)
	for _, t := range tracks {
		t.Version++
		b.Queue(update, trackFields(&t)...)
	}
	return results(ctx, tx, &b, func(i int, rows int64) error {
		if rows == 0 {
			return fmt.Errorf("%w: deal %s", relay.ErrConflict, tracks[i].Deal.Big())
		}
		return nil
	})
}

// where collects conditions; ? stands for the next argument.
type where struct {
	conditions []string
	args       []any
}

func (w *where) add(condition string, args ...any) {
	for _, arg := range args {
		w.args = append(w.args[:len(w.args):len(w.args)], arg)
		condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(w.args)), 1)
	}
	w.conditions = append(w.conditions[:len(w.conditions):len(w.conditions)], condition)
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// parameters is "$1, …, $n".
func parameters(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	return b.String()
}

// pages yields what a query finds, page by page, without a connection while the
// loop body runs. next returns the page after the last value, at most so many.
func pages[T any](limit int, next func(last *T, limit int) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last *T
		for left := limit; limit == 0 || left > 0; {
			size := pageRows
			if limit > 0 {
				size = min(size, left)
			}
			page, err := next(last, size)
			if err != nil {
				var zero T
				yield(zero, fmt.Errorf("pgstore: %w", err))
				return
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
			if len(page) < size {
				return
			}
			left -= len(page)
			last = &page[len(page)-1]
		}
	}
}

// collect reads the rows of a query, at most limit of them.
func collect[T any](ctx context.Context, s *Store, query string, limit int, args []any, fields func(*T) []any) ([]T, error) {
	rows, err := s.pool.Query(ctx, s.sql(fmt.Sprintf("%s LIMIT %d", query, limit)), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (v T, err error) {
		err = row.Scan(fields(&v)...)
		return v, err
	})
}
