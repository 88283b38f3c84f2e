package audit

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// WriteCSV writes the payments of a log as a table for accountants: a row for each
// movement of money, all with the same columns.
//
// The movements are lock (a deal takes chunks × amount and collateral from its
// client), payment (a chunk to the provider), collateral (back to the provider
// with the last chunk) and refund (to the client, by a slash). What a release pays
// again, because its first transaction was replaced, is left out.
//
// Amounts are in base units, and in whole tokens with all of their decimals, so
// that the points stand below each other; the zero Token has no decimals. Times are
// UTC, of the entry and not of the block; ids are decimal, hashes and addresses
// hexadecimal.
//
// It reads as [Read] does and returns its errors; rows may have been written then.
// What is right about the payments is for [Verify] to say.
func WriteCSV(w io.Writer, r io.Reader, token slastream.Token) error {
	unit := token.Symbol
	if unit == "" {
		unit = "base units"
	}
	t := table{out: csv.NewWriter(w), token: token, deals: map[attestation.Word]*account{}}
	t.row("line", "time_utc", "movement", "deal", "chunk", "from", "to", "amount_base_units", "amount ("+unit+")",
		"starknet_block", "starknet_tx", "filecoin_chain", "data_set", "challenge_epoch", "proof_epoch", "proof_tx")
	for e, err := range Read(r) {
		if err != nil {
			return errors.Join(err, t.flush())
		}
		if err := t.entry(&e); err != nil {
			return errors.Join(&Finding{Line: e.Line, Reason: ReasonLedger, Text: err.Error()}, t.flush())
		}
		if t.err != nil {
			break
		}
	}
	return t.flush()
}

// A table is a CSV that is being written.
type table struct {
	out    *csv.Writer
	token  slastream.Token
	deals  map[attestation.Word]*account
	escrow string
	err    error // of out
}

// An account is a deal with its paid chunks.
type account struct {
	slastream.Deal
	history
}

func (t *table) row(cells ...string) {
	if t.err == nil {
		t.err = t.out.Write(cells)
	}
}

func (t *table) flush() error {
	t.out.Flush()
	if err := errors.Join(t.err, t.out.Error()); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

func (t *table) entry(e *Entry) error {
	switch {
	case e.Header != nil:
		t.escrow = e.Header.Domain.Escrow.String()
	case e.Deal != nil:
		d := &account{Deal: *e.Deal}
		locked, err := d.Total.Add(d.Collateral)
		if err != nil {
			return fmt.Errorf("deal %s locks more than a u256", d.ID.Big())
		}
		t.deals[d.ID] = d
		t.movement(e, "lock", d, "", d.Client.String(), t.escrow, locked, tx{}, nil)
	case e.Release != nil:
		for i := range e.Release.Chunks {
			if err := t.chunk(e, &e.Release.Chunks[i]); err != nil {
				return err
			}
		}
	case e.Slash != nil:
		d := t.deals[e.Slash.Deal]
		if d == nil {
			return unknownDeal(e.Slash.Deal)
		}
		t.movement(e, "refund", d, "", t.escrow, d.Client.String(), e.Slash.Amount, tx{e.Slash.TxHash, e.Slash.Block}, nil)
	}
	return nil
}

func (t *table) chunk(e *Entry, c *Chunk) error {
	a, at := c.Signed.Attestation, tx{e.Release.TxHash, e.Release.Block}
	d := t.deals[a.DealID]
	if d == nil {
		return unknownDeal(a.DealID)
	}
	again := d.has(a.ChunkIndex)
	if again && !e.Release.Replaces.IsZero() {
		return nil
	}
	t.movement(e, "payment", d, number(a.ChunkIndex), t.escrow, d.Provider.String(), c.Amount, at, &c.Proof)
	if again {
		return nil // Verify says that this is wrong
	}
	if d.add(a.ChunkIndex, 0, 0); d.paid == d.Chunks {
		t.movement(e, "collateral", d, "", t.escrow, d.Provider.String(), d.Collateral, at, nil)
	}
	return nil
}

func unknownDeal(id attestation.Word) error {
	return fmt.Errorf("no line before has the terms of deal %s", id.Big())
}

// A tx is where on Starknet a movement is; the zero value is not known.
type tx struct {
	hash  attestation.Word
	block uint64
}

func (t *table) movement(e *Entry, what string, d *account, chunk, from, to string, amount slastream.Amount, at tx, p *slastream.Proof) {
	cells := []string{number(e.Line), clock(e.Time), what, d.ID.Big().String(), chunk, from, to, amount.String(), t.whole(amount), "", "", "", "", "", "", ""}
	if !at.hash.IsZero() {
		cells[9], cells[10] = number(at.block), at.hash.String()
	}
	if p != nil {
		cells[11], cells[12], cells[13] = number(p.ChainID), p.SetID.Big().String(), number(p.Period)
		cells[14], cells[15] = number(p.BlockNumber), p.TxHash.String()
	}
	t.row(cells...)
}

// whole returns an amount in tokens with all decimals.
func (t *table) whole(a slastream.Amount) string {
	s := a.Format(t.token.Decimals)
	if t.token.Decimals == 0 {
		return s
	}
	whole, fraction, _ := strings.Cut(s, ".")
	return whole + "." + fraction + strings.Repeat("0", int(t.token.Decimals)-len(fraction))
}

func number(v uint64) string { return strconv.FormatUint(v, 10) }

// clock returns Unix seconds as a time, or as they are if they name none.
func clock(at uint64) string {
	const lastOfYear9999 = 253402300799
	if at > lastOfYear9999 {
		return number(at)
	}
	return time.Unix(int64(at), 0).UTC().Format(time.RFC3339)
}
