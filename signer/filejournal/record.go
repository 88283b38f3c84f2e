package filejournal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// size is the length of the header and of every record: one sector of a disk.
const size = 512

// version is the newest format that this package reads, and what it writes.
const version = 1

const magic = "SLAStream journal\n\x00\x00"

// Kinds of records.
const (
	kindClaim  = 1
	kindSigned = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Offsets in a record. What names a slot is in one piece, and so is what names
// a proof; the two share the key and the domain.
const (
	atKind   = 4               // after the CRC
	atNumber = atKind + 1      // number of the record in the file, from 1
	atBegan  = atNumber + 8    // Unix nanoseconds, 0: not known
	atSlot   = atBegan + 8     // deal 32, chunk 8, then what it shares with the proof
	atProof  = atSlot + 32 + 8 // key 64, domain 64; then chain 8, verifier 20, set 32, period 8
	endSlot  = atProof + 64 + 64
	endProof = endSlot + 8 + 20 + 32 + 8
	atRest   = endProof // attestation's set 32, root 32, timestamp 8; tx 32, block hash 32, block 8, log 8; r 32, s 32, v 4; batch 32
	endRest  = atRest + 32 + 32 + 8 + 32 + 32 + 8 + 8 + 32 + 32 + 4 + 32
)

var _ [size - endRest]struct{} // a record fits

func header() []byte {
	b := make([]byte, size)
	copy(b, magic)
	binary.BigEndian.PutUint32(b[len(magic):], version)
	binary.BigEndian.PutUint32(b[size-4:], crc32.Checksum(b[:size-4], castagnoli))
	return b
}

// appendRecord appends the size bytes of a record.
func appendRecord(b []byte, number uint64, rec signer.Record) ([]byte, error) {
	var began int64
	if !rec.Began.IsZero() {
		if y := rec.Began.Year(); y < 1970 || y > 2261 {
			return nil, errors.New("filejournal: time of the claim is not between 1970 and 2261")
		}
		began = rec.Began.UnixNano()
	}
	start := len(b)
	b = append(b, 0, 0, 0, 0) // CRC
	if rec.Signed {
		b = append(b, kindSigned)
	} else {
		b = append(b, kindClaim)
		rec.Signature, rec.Batch = attestation.Signature{}, attestation.Word{}
	}
	be := binary.BigEndian
	a, e := rec.Request.Attestation, rec.Request.Evidence
	b = be.AppendUint64(b, number)
	b = be.AppendUint64(b, uint64(began))
	b = appendSlot(b, rec.Slot())
	b = appendPeriod(b, e.Key())
	b = append(b, a.ProofSetID[:]...)
	b = append(b, a.RootCID[:]...)
	b = be.AppendUint64(b, a.Timestamp)
	b = append(b, e.TxHash[:]...)
	b = append(b, e.BlockHash[:]...)
	b = be.AppendUint64(b, e.BlockNumber)
	b = be.AppendUint64(b, e.LogIndex)
	b = append(b, rec.Signature.R[:]...)
	b = append(b, rec.Signature.S[:]...)
	b = be.AppendUint32(b, rec.Signature.V)
	b = append(b, rec.Batch[:]...)
	b = append(b, make([]byte, size-endRest)...)
	be.PutUint32(b[start:], crc32.Checksum(b[start+4:], castagnoli))
	return b, nil
}

func appendSlot(b []byte, slot signer.Slot) []byte {
	b = append(b, slot.DealID[:]...)
	b = binary.BigEndian.AppendUint64(b, slot.ChunkIndex)
	return appendOwner(b, slot.Key, slot.Domain)
}

func appendOwner(b []byte, key attestation.PublicKey, domain attestation.Domain) []byte {
	b = append(b, key.X[:]...)
	b = append(b, key.Y[:]...)
	b = append(b, domain.ChainID[:]...)
	return append(b, domain.Escrow[:]...)
}

func appendPeriod(b []byte, p attestation.PeriodKey) []byte {
	b = binary.BigEndian.AppendUint64(b, p.ChainID)
	b = append(b, p.Verifier[:]...)
	b = append(b, p.SetID[:]...)
	return binary.BigEndian.AppendUint64(b, p.Period)
}

// check reports whether size bytes are the record with that number.
func check(b []byte, number uint64) bool {
	be := binary.BigEndian
	return be.Uint32(b) == crc32.Checksum(b[4:size], castagnoli) && be.Uint64(b[atNumber:]) == number &&
		(b[atKind] == kindClaim || b[atKind] == kindSigned) && be.Uint64(b[atBegan:]) <= math.MaxInt64
}

// parseRecord reads a record that check has accepted.
func parseRecord(b []byte) signer.Record {
	r := reader(b[atSlot:])
	var rec signer.Record
	a, e := &rec.Request.Attestation, &rec.Request.Evidence
	rec.Signed = b[atKind] == kindSigned
	if began := binary.BigEndian.Uint64(b[atBegan:]); began != 0 {
		rec.Began = time.Unix(0, int64(began)).UTC()
	}
	r.bytes(a.DealID[:])
	a.ChunkIndex = r.uint64()
	r.bytes(rec.Key.X[:])
	r.bytes(rec.Key.Y[:])
	r.bytes(rec.Request.Domain.ChainID[:])
	r.bytes(rec.Request.Domain.Escrow[:])
	e.ChainID = r.uint64()
	r.bytes(e.Verifier[:])
	r.bytes(e.SetID[:])
	e.Period = r.uint64()
	r.bytes(a.ProofSetID[:])
	r.bytes(a.RootCID[:])
	a.Timestamp = r.uint64()
	r.bytes(e.TxHash[:])
	r.bytes(e.BlockHash[:])
	e.BlockNumber = r.uint64()
	e.LogIndex = r.uint64()
	r.bytes(rec.Signature.R[:])
	r.bytes(rec.Signature.S[:])
	rec.Signature.V = binary.BigEndian.Uint32(r)
	r = r[4:]
	r.bytes(rec.Batch[:])
	return rec
}

// A reader is what is left of a record.
type reader []byte

func (r *reader) bytes(to []byte) { *r = (*r)[copy(to, *r):] }

func (r *reader) uint64() uint64 {
	v := binary.BigEndian.Uint64(*r)
	*r = (*r)[8:]
	return v
}
