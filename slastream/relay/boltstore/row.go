package boltstore

import (
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// The layouts of the rows, as their first byte. A layout that changes gets the
// next number, and a migration.
const (
	trackLayout       = 1
	chunkLayout       = 1
	transactionLayout = 1
)

// What no row can hold.
var (
	errState  = errors.New("boltstore: unknown state")
	errSigned = errors.New("boltstore: a transaction that is not signed")
)

func appendTrack(b []byte, t relay.Track) []byte {
	b = append(b, trackLayout)
	b = appendFlags(b, t.Behind, t.Over)
	b = appendWord(b, t.Set)
	b = appendUint(b, t.StartEpoch)
	b = appendWord(b, t.Provider.Word())
	b = appendWord(b, t.Amount.Word())
	b = appendUint(b, t.Chunks)
	b = appendUint(b, t.Deadline)
	b = appendUint(b, t.Earned)
	b = appendUint(b, t.Next)
	b = appendBytes(b, t.Halted)
	return appendUint(b, t.Version)
}

// parseTrack decodes a row of the table of tracks and its key, the deal.
func parseTrack(key, row []byte) (relay.Track, error) {
	var t relay.Track
	k, r := reader{b: key}, reader{b: row}
	t.Deal = k.word()
	r.version(trackLayout)
	flags := r.flags(2)
	t.Behind, t.Over = flags[0], flags[1]
	t.Set = r.word()
	t.StartEpoch = r.uint()
	t.Provider = r.address()
	t.Amount = r.amount()
	t.Chunks = r.uint()
	t.Deadline = r.uint()
	t.Earned = r.uint()
	t.Next = r.uint()
	t.Halted = r.string()
	t.Version = r.uint()
	return t, errors.Join(k.end(), r.end())
}

func appendChunk(b []byte, c relay.Chunk) ([]byte, error) {
	if c.State > relay.Refused {
		return nil, fmt.Errorf("%w: chunk %v in %v", errState, c.ID(), c.State)
	}
	signed := c.Signed != attestation.Signed{}
	// A signature is for the chunk it is stored with, so that its statement needs
	// no room of its own.
	own := signed && c.Signed.Attestation == c.Attestation()
	b = append(b, chunkLayout)
	b = appendFlags(b, signed, own, c.Batched, c.Counted)
	b = append(b, byte(c.State), byte(c.Retry.Class))
	b = appendEvidence(b, c.Proof.Evidence)
	b = appendWord(b, c.Proof.RootCID)
	b = appendUint(b, c.Proof.Timestamp)
	b = appendWord(b, c.Amount.Word())
	b = appendWord(b, c.Provider.Word())
	if signed && !own {
		a := c.Signed.Attestation
		b = appendWord(b, a.DealID)
		b = appendUint(b, a.ChunkIndex)
		b = appendWord(b, a.ProofSetID)
		b = appendWord(b, a.RootCID)
		b = appendUint(b, a.Timestamp)
	}
	if signed {
		b = appendWord(b, c.Signed.Signature.R)
		b = appendWord(b, c.Signed.Signature.S)
		b = appendUint(b, uint64(c.Signed.Signature.V))
	}
	b = appendWord(b, c.Tx.Sender.Word())
	b = appendUint(b, c.Tx.Nonce)
	b = appendWord(b, c.TxHash)
	b = appendUint(b, uint64(c.Retry.Attempts))
	b = appendUint(b, c.Retry.At)
	b = appendBytes(b, c.Retry.Reason)
	b = appendUint(b, c.Observed)
	b = appendUint(b, c.Updated)
	return appendUint(b, c.Version), nil
}

func appendEvidence(b []byte, e attestation.Evidence) []byte {
	b = appendUint(b, e.ChainID)
	b = append(b, e.Verifier[:]...)
	b = appendWord(b, e.SetID)
	b = appendUint(b, e.Period)
	b = appendWord(b, e.TxHash)
	b = appendWord(b, e.BlockHash)
	b = appendUint(b, e.BlockNumber)
	return appendUint(b, e.LogIndex)
}

// parseChunk decodes a row of the table of chunks and its key, the deal and the
// index.
func parseChunk(key, row []byte) (relay.Chunk, error) {
	var c relay.Chunk
	k, r := reader{b: key}, reader{b: row}
	c.Deal, c.Index = k.word(), k.uint()
	r.version(chunkLayout)
	flags := r.flags(4)
	signed, own := flags[0], flags[1]
	c.Batched, c.Counted = flags[2], flags[3]
	c.State = r.state()
	c.Retry.Class = relay.Class(r.byte())
	c.Proof.Evidence = r.evidence()
	c.Proof.RootCID = r.word()
	c.Proof.Timestamp = r.uint()
	c.Amount = r.amount()
	c.Provider = r.address()
	if signed && !own {
		a := &c.Signed.Attestation
		a.DealID = r.word()
		a.ChunkIndex = r.uint()
		a.ProofSetID = r.word()
		a.RootCID = r.word()
		a.Timestamp = r.uint()
	}
	if signed {
		c.Signed.Signature.R = r.word()
		c.Signed.Signature.S = r.word()
		c.Signed.Signature.V = r.uint32()
	}
	c.Tx.Sender = r.address()
	c.Tx.Nonce = r.uint()
	c.TxHash = r.word()
	c.Retry.Attempts = r.uint32()
	c.Retry.At = r.uint()
	c.Retry.Reason = r.string()
	c.Observed = r.uint()
	c.Updated = r.uint()
	c.Version = r.uint()
	// Of the ways to write a signature only one is right.
	switch plain := c.Signed.Attestation == c.Attestation(); {
	case own && !signed, signed && !own && plain, signed && !own && c.Signed == (attestation.Signed{}):
		r.err = errRow
	case own:
		c.Signed.Attestation = c.Attestation()
		if c.Signed == (attestation.Signed{}) {
			r.err = errRow
		}
	}
	return c, errors.Join(k.end(), r.end())
}

func (r *reader) evidence() (e attestation.Evidence) {
	e.ChainID = r.uint()
	copy(e.Verifier[:], r.take(uint64(len(e.Verifier))))
	e.SetID = r.word()
	e.Period = r.uint()
	e.TxHash = r.word()
	e.BlockHash = r.word()
	e.BlockNumber = r.uint()
	e.LogIndex = r.uint()
	return e
}

func appendTransaction(b []byte, t relay.Transaction) ([]byte, error) {
	switch {
	case t.State > relay.Refused:
		return nil, fmt.Errorf("%w: nonce %d of %v in %v", errState, t.Nonce, t.Sender, t.State)
	case len(t.Signed) == 0:
		return nil, fmt.Errorf("%w: nonce %d of %v", errSigned, t.Nonce, t.Sender)
	}
	b = append(b, transactionLayout, byte(t.State))
	b = appendUint(b, t.Due)
	b = appendUint(b, t.Stored)
	b = appendUint(b, uint64(len(t.Signed)))
	for _, s := range t.Signed {
		own := s.Sender == t.Sender && s.Nonce == t.Nonce
		b = appendFlags(b, own)
		if !own {
			b = appendWord(b, s.Sender.Word())
			b = appendUint(b, s.Nonce)
		}
		b = appendWord(b, s.Hash)
		b = appendBytes(b, s.Body)
	}
	b = appendUint(b, uint64(len(t.Chunks)))
	for _, id := range t.Chunks {
		b = appendID(b, id)
	}
	return b, nil
}

// parseTransaction decodes a row of the table of transactions and its key, the
// sender and the nonce.
func parseTransaction(key, row []byte) (relay.Transaction, error) {
	var t relay.Transaction
	k, r := reader{b: key}, reader{b: row}
	t.Sender, t.Nonce = k.address(), k.uint()
	r.version(transactionLayout)
	t.State = r.state()
	t.Due = r.uint()
	t.Stored = r.uint()
	// A count is a claim: the list grows with what is there.
	count := r.uint()
	if count == 0 {
		r.err = errRow
	}
	for n := uint64(0); n < count && r.err == nil; n++ {
		s := slastream.SignedTx{Sender: t.Sender, Nonce: t.Nonce}
		if own := r.flags(1)[0]; !own {
			s.Sender, s.Nonce = r.address(), r.uint()
			if s.Sender == t.Sender && s.Nonce == t.Nonce {
				r.err = errRow
			}
		}
		s.Hash = r.word()
		s.Body = r.bytes()
		t.Signed = append(t.Signed, s)
	}
	count = r.uint()
	for n := uint64(0); n < count && r.err == nil; n++ {
		t.Chunks = append(t.Chunks, r.id())
	}
	return t, errors.Join(k.end(), r.end())
}
