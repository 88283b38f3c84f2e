package pgstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/relay"
)

const chunkColumns = `deal, index, chain_id, verifier, set_id, period, proof_tx, block_hash, block_number, log_index, root_cid, proven, ` +
	`amount, provider, state, signed, batched, sender, nonce, tx_hash, attempts, retry_at, class, reason, counted, observed, updated, version`

// chunkFields are what the columns hold, to write or to scan into.
func chunkFields(c *relay.Chunk) []any {
	p := &c.Proof
	return []any{
		fixed(c.Deal[:]), &c.Index,
		&p.ChainID, fixed(p.Verifier[:]), fixed(p.SetID[:]), &p.Period, fixed(p.TxHash[:]), fixed(p.BlockHash[:]), &p.BlockNumber,
		&p.LogIndex, fixed(p.RootCID[:]), &p.Timestamp,
		amount{&c.Amount}, fixed(c.Provider[:]), &c.State, signed{&c.Signed}, &c.Batched, fixed(c.Tx.Sender[:]), &c.Tx.Nonce, fixed(c.TxHash[:]),
		&c.Retry.Attempts, &c.Retry.At, &c.Retry.Class, text{&c.Retry.Reason}, &c.Counted, &c.Observed, &c.Updated, &c.Version,
	}
}

// signed is a bytea column: the 160 bytes of the attestation, r, s, and v as 4
// bytes, big-endian. It is empty for the zero value.
type signed struct{ *attestation.Signed }

// BytesValue implements pgtype.BytesValuer.
func (s signed) BytesValue() ([]byte, error) {
	if *s.Signed == (attestation.Signed{}) {
		return []byte{}, nil
	}
	statement := s.Attestation.Bytes()
	return binary.BigEndian.AppendUint32(slices.Concat(statement[:], s.Signature.R[:], s.Signature.S[:]), s.Signature.V), nil
}

// ScanBytes implements pgtype.BytesScanner.
func (s signed) ScanBytes(b []byte) (err error) {
	const rest = 32 + 32 + 4
	switch len(b) {
	case 0:
		return nil
	case attestation.Size + rest:
	default:
		return fmt.Errorf("an attestation and its signature have %d bytes, want %d", len(b), attestation.Size+rest)
	}
	s.Attestation, err = attestation.Parse(b[:attestation.Size])
	b = b[attestation.Size:]
	s.Signature = attestation.Signature{R: attestation.Word(b[:32]), S: attestation.Word(b[32:64]), V: binary.BigEndian.Uint32(b[64:])}
	return err
}

// Chunks implements relay.Store.
func (s *Store) Chunks(ctx context.Context, q relay.ChunkQuery) iter.Seq2[relay.Chunk, error] {
	if q.IDs != nil {
		return s.chunksByID(ctx, q.IDs)
	}
	var w where
	if q.Deal != nil {
		w.add("deal = ?", q.Deal[:])
	}
	if q.After != nil {
		w.add("(deal, index) > (?, ?)", q.After.Deal[:], q.After.Index)
	}
	if q.Open {
		w.add("state < 5 AND class <> 6") // as relay.Chunk.Open
	}
	order := ` ORDER BY deal, index`
	if q.Due > 0 {
		w.add("waits AND retry_at <= ?", q.Due)
		order = ` ORDER BY retry_at, deal, index`
	}
	return pages(q.Limit, func(last *relay.Chunk, limit int) ([]relay.Chunk, error) {
		p := w
		switch {
		case last != nil && q.Due > 0:
			p.add("(retry_at, deal, index) > (?, ?, ?)", last.Retry.At, last.Deal[:], last.Index)
		case last != nil:
			p.add("(deal, index) > (?, ?)", last.Deal[:], last.Index)
		}
		return collect(ctx, s, `SELECT `+chunkColumns+` FROM {chunk}`+p.String()+order, limit, p.args, chunkFields)
	})
}

// chunksByID yields those that there are in the order of ids.
func (s *Store) chunksByID(ctx context.Context, ids []relay.ChunkID) iter.Seq2[relay.Chunk, error] {
	return func(yield func(relay.Chunk, error) bool) {
		for part := range slices.Chunk(ids, pageRows) {
			deals, indexes := split(part)
			found, err := collect(ctx, s, `SELECT `+chunkColumns+` FROM unnest($1::bytea[], $2::numeric[]) WITH ORDINALITY AS wanted (deal, index, place)
				JOIN {chunk} USING (deal, index) ORDER BY place`, len(part), []any{deals, indexes}, chunkFields)
			if err != nil {
				yield(relay.Chunk{}, fmt.Errorf("pgstore: %w", err))
				return
			}
			for _, c := range found {
				if !yield(c, nil) {
					return
				}
			}
		}
	}
}

// split returns the two columns of ids.
func split(ids []relay.ChunkID) (deals [][]byte, indexes []uint64) {
	for _, id := range ids {
		deals, indexes = append(deals, id.Deal[:]), append(indexes, id.Index)
	}
	return deals, indexes
}

// addChunks adds new chunks. The primary key and the nullifier, chunk_period,
// are what refuses them; why is asked afterwards.
func (s *Store) addChunks(ctx context.Context, tx pgx.Tx, chunks []relay.Chunk) error {
	if len(chunks) == 0 {
		return nil
	}
	var b pgx.Batch
	insert := s.sql(`INSERT INTO {chunk} (` + chunkColumns + `) VALUES (` + parameters(28) + `) ON CONFLICT DO NOTHING`)
	change := map[int]int64{}
	for _, c := range chunks {
		c.Version = 1
		change[int(c.State)]++
		b.Queue(insert, chunkFields(&c)...)
	}
	refused := -1
	err := results(ctx, tx, &b, func(i int, rows int64) error {
		if rows == 0 && refused < 0 {
			refused = i
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case refused >= 0:
		return s.refusal(ctx, tx, chunks[refused])
	}
	return s.count(ctx, tx, change)
}

// refusal says why a new chunk was not added.
func (s *Store) refusal(ctx context.Context, tx pgx.Tx, c relay.Chunk) error {
	key := c.Proof.Key()
	var by relay.ChunkID
	err := tx.QueryRow(ctx, s.sql(`SELECT deal, index FROM {chunk}
		WHERE deal = $1 AND index = $2 OR set_id = $3 AND period = $4 AND verifier = $5 AND chain_id = $6 AND pays
		ORDER BY (deal, index) <> ($1, $2) LIMIT 1`),
		c.Deal[:], c.Index, key.SetID[:], key.Period, key.Verifier[:], key.ChainID).Scan(fixed(by.Deal[:]), &by.Index)
	switch {
	case err != nil:
		return err
	case by == c.ID():
		return fmt.Errorf("%w: chunk %v exists", relay.ErrConflict, by)
	}
	return &relay.ProofUsedError{Chunk: c.ID(), By: by, Key: key}
}

// putChunks replaces chunks whose versions are still those that were read. The
// rows are locked in order first, so that two changes do not wait for each other.
func (s *Store) putChunks(ctx context.Context, tx pgx.Tx, chunks []relay.Chunk) error {
	if len(chunks) == 0 {
		return nil
	}
	ids := make([]relay.ChunkID, len(chunks))
	for i, c := range chunks {
		ids[i] = c.ID()
	}
	deals, indexes := split(ids)
	rows, err := tx.Query(ctx, s.sql(`SELECT deal, index, version, state FROM {chunk}
		WHERE (deal, index) IN (SELECT * FROM unnest($1::bytea[], $2::numeric[])) ORDER BY deal, index FOR UPDATE`), deals, indexes)
	if err != nil {
		return err
	}
	stored := map[relay.ChunkID]relay.Chunk{}
	var c relay.Chunk
	_, err = pgx.ForEachRow(rows, []any{fixed(c.Deal[:]), &c.Index, &c.Version, &c.State}, func() error {
		stored[c.ID()] = c
		return nil
	})
	if err != nil {
		return err
	}
	var b pgx.Batch
	update := s.sql(`UPDATE {chunk} SET (` + chunkColumns + `, pays) = (` + parameters(28) + `, pays AND $15::smallint <> 7)
		WHERE deal = $1 AND index = $2 AND version = $28::numeric - 1`)
	change := map[int]int64{}
	for _, c := range chunks {
		old, ok := stored[c.ID()]
		if !ok || old.Version != c.Version || old.State == relay.Refused && c.State != relay.Refused {
			return fmt.Errorf("%w: chunk %v", relay.ErrConflict, c.ID())
		}
		change[int(old.State)]--
		change[int(c.State)]++
		c.Version++
		b.Queue(update, chunkFields(&c)...)
	}
	err = results(ctx, tx, &b, func(i int, rows int64) error {
		if rows == 0 {
			return fmt.Errorf("%w: chunk %v is twice in the change", relay.ErrConflict, chunks[i].ID())
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.count(ctx, tx, change)
}

// tracksTally is the row of the tally that counts tracks; the others count
// chunks by state.
const tracksTally = -1

// count adds to the tally. It comes last in a transaction: what others wait for
// is held for a moment only, and in order.
func (s *Store) count(ctx context.Context, tx pgx.Tx, change map[int]int64) error {
	var b pgx.Batch
	for state := tracksTally; state <= int(relay.Refused); state++ {
		if n := change[state]; n != 0 {
			b.Queue(s.sql(`UPDATE {tally} SET n = n + $2 WHERE state = $1`), state, n)
		}
	}
	return results(ctx, tx, &b, nil)
}
