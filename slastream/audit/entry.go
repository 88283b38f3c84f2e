package audit

import (
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// maxChunks is how many chunks a release has at most: what release_batch takes.
const maxChunks = escrow.MaxBatch

// An Entry is one line of a log: when it was written, and one of the four kinds.
// Exactly one pointer is set.
type Entry struct {
	// Line is the number of the line, from 1. It is set by who reads a log, and
	// not looked at by who writes one.
	Line uint64
	// Time is when the entry was written, Unix seconds. 0 lets the writer put
	// the time of the machine. Nothing is concluded from it.
	Time uint64

	Header  *Header         // the first line of a log, and no other
	Deal    *slastream.Deal // before the first release of the deal
	Release *Release
	Slash   *Slash
}

// A Header says which escrow a log is about. It is comparable.
type Header struct {
	Domain attestation.Domain    // Starknet chain id and address of the escrow
	Key    attestation.PublicKey // attestation key of the escrow
	Rules  attestation.Rules     // corelib of the escrow; low-s for the extended class
	Class  slastream.Class
}

// A Release is a Starknet transaction that paid chunks: one release_chunk, a
// multicall of several, or one release_batch.
//
// If TxHash is 0, the escrow has paid the chunks in transactions that the writer
// does not know, of another relay as a rule. The other fields are zero then, and
// a chunk may have no signature. Such a chunk counts as paid and fills the gap
// that it would leave.
type Release struct {
	TxHash attestation.Word  // transaction that paid
	Block  uint64            // Starknet block that holds it, as it was first seen
	Sender slastream.Address // account that paid the fee
	// Replaces is the hash of a transaction that an earlier entry names for one of
	// the chunks, and that a reorganisation of Starknet took off the chain; else 0.
	// The escrow pays a chunk once, so where this transaction pays, no other that an
	// entry names for its chunks does: chunks that are in the log are not paid again,
	// and the others are paid now.
	Replaces attestation.Word
	// Batched says that one signature is for all chunks in their order: that of
	// the attestation.Batch in the domain of the header. Each chunk has it.
	Batched bool
	Chunks  []Chunk // 1 to 480 (escrow.MaxBatch), in the order of the calls or of the batch
}

// A Chunk is one paid chunk, with the proof that earned it.
type Chunk struct {
	Proof  slastream.Proof
	Signed attestation.Signed // deal id and chunk index are in its attestation
	Amount slastream.Amount   // base units, without the collateral that the last chunk brings
}

// A Slash is a transaction that ended a deal with a refund to the client.
type Slash struct {
	Deal   attestation.Word
	TxHash attestation.Word  // 0 if the writer does not know it
	Block  uint64            // Starknet block that holds it, as it was first seen
	Sender slastream.Address // who slashed
	At     uint64            // timestamp of the block, Unix seconds: not before the deadline
	Amount slastream.Amount  // refund in base units: collateral and unpaid chunks
}

// check says whether an entry has a line: what the types allow and a log does
// not.
func (e *Entry) check() error {
	kinds := 0
	var err error
	if e.Header != nil {
		kinds, err = kinds+1, e.Header.check()
	}
	if e.Deal != nil {
		kinds, err = kinds+1, checkDeal(e.Deal)
	}
	if e.Release != nil {
		kinds, err = kinds+1, e.Release.check()
	}
	if e.Slash != nil {
		kinds, err = kinds+1, e.Slash.check()
	}
	if kinds != 1 {
		return fmt.Errorf("entry of %d kinds: want one of header, deal, release and slash", kinds)
	}
	return err
}

func (h *Header) check() error {
	switch {
	case h.Rules > attestation.RulesLegacy:
		return fmt.Errorf("header: rules %d are not known", uint8(h.Rules))
	case h.Class > slastream.ClassExtended:
		return fmt.Errorf("header: class %d is not known", uint8(h.Class))
	case h.Class == slastream.ClassExtended && h.Rules != attestation.RulesLowS:
		return errors.New("header: the extended class has the rules lows")
	case h.Domain.ChainID.IsZero() || h.Domain.Escrow.IsZero():
		return errors.New("header: the chain id or the escrow is 0")
	}
	return checkAddress("header: escrow", slastream.Address(h.Domain.Escrow))
}

func checkDeal(d *slastream.Deal) error {
	switch {
	case d.ID.IsZero():
		return errors.New("deal: the id is 0: ids start at 1")
	case d.Chunks == 0:
		return errors.New("deal: no chunks: the escrow has no such deal")
	}
	if _, err := d.ChunkAmount.Mul(d.Chunks); err != nil {
		return fmt.Errorf("deal: %d chunks of %v: want a total below 2^256", d.Chunks, d.ChunkAmount)
	}
	if err := checkAddress("deal: client", d.Client); err != nil {
		return err
	}
	return checkAddress("deal: provider", d.Provider)
}

func (r *Release) check() error {
	if len(r.Chunks) == 0 || len(r.Chunks) > maxChunks {
		return fmt.Errorf("release of %d chunks: want 1 to %d", len(r.Chunks), maxChunks)
	}
	if r.TxHash.IsZero() && (r.Block != 0 || !r.Sender.IsZero() || !r.Replaces.IsZero() || r.Batched) {
		return errors.New("release without a transaction hash: want no block, sender, replaced transaction or batch either")
	}
	if !r.TxHash.IsZero() && r.TxHash == r.Replaces {
		return errors.New("release: the transaction replaces itself")
	}
	for i, c := range r.Chunks {
		if r.Batched && c.Signed.Signature != r.Chunks[0].Signed.Signature {
			return fmt.Errorf("release: chunk %d of the batch has another signature than the first", i)
		}
		if !r.TxHash.IsZero() && c.Signed.Signature == (attestation.Signature{}) {
			return fmt.Errorf("release: chunk %d of the transaction has no signature", i)
		}
	}
	return checkAddress("release: sender", r.Sender)
}

func (s *Slash) check() error {
	if s.TxHash.IsZero() && (s.Block != 0 || !s.Sender.IsZero()) {
		return errors.New("slash without a transaction hash: want no block and sender either")
	}
	return checkAddress("slash: sender", s.Sender)
}

func checkAddress(what string, a slastream.Address) error {
	if _, err := slastream.AddressFromWord(a.Word()); err != nil {
		return fmt.Errorf("%s %v: want a value below 2^251", what, a)
	}
	return nil
}

// terms returns what a log keeps of a deal: all that never changes.
func terms(d slastream.Deal) slastream.Deal {
	return slastream.Deal{
		ID: d.ID, Client: d.Client, Provider: d.Provider, Chunks: d.Chunks, ChunkAmount: d.ChunkAmount,
		Collateral: d.Collateral, Deadline: d.Deadline,
	}
}
