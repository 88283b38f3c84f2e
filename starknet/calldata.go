package starknet

import (
	"encoding/binary"
	"fmt"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// EncodeReleaseChunk returns the 13 felts of the calldata of release_chunk. All
// values are encodable, also signatures that the escrow refuses.
//
//	fn release_chunk(ref self, deal_id: u256, chunk_index: u64, proof_set_id: u256, root_cid: u256,
//	    timestamp: u64, sig_r: u256, sig_s: u256, sig_v: u32)
func EncodeReleaseChunk(s attestation.Signed) []*felt.Felt {
	w := newWriter(13)
	w.u256(s.Attestation.DealID)
	w.uint(s.Attestation.ChunkIndex)
	w.u256(s.Attestation.ProofSetID)
	w.u256(s.Attestation.RootCID)
	w.uint(s.Attestation.Timestamp)
	w.u256(s.Signature.R)
	w.u256(s.Signature.S)
	w.uint(uint64(s.Signature.V))
	return w.out
}

// DecodeReleaseChunk reads the calldata of release_chunk as the entry point
// does. What it refuses is a *slastream.RevertError with the entry point's own
// reason, "Failed to deserialize param #k" or "Input too long for arguments".
func DecodeReleaseChunk(calldata []*felt.Felt) (attestation.Signed, error) {
	r := reader{in: calldata}
	var s attestation.Signed
	s.Attestation.DealID = r.u256()
	s.Attestation.ChunkIndex = r.uint(8)
	s.Attestation.ProofSetID = r.u256()
	s.Attestation.RootCID = r.u256()
	s.Attestation.Timestamp = r.uint(8)
	s.Signature.R = r.u256()
	s.Signature.S = r.u256()
	s.Signature.V = uint32(r.uint(4))
	if err := r.entryPoint(); err != nil {
		return attestation.Signed{}, err
	}
	return s, nil
}

// EncodeCreateDeal returns the 7 felts of the calldata of create_deal. A
// provider of 2^251 or more, which is no address, is encoded as P − 1, which
// the contract refuses.
//
//	fn create_deal(ref self, sp: ContractAddress, num_chunks: u64, chunk_amount: u256,
//	    collateral: u256, sla_duration_secs: u64) -> u256
func EncodeCreateDeal(t slastream.Terms) []*felt.Felt {
	w := newWriter(7)
	w.address(t.Provider)
	w.uint(t.Chunks)
	w.amount(t.ChunkAmount)
	w.amount(t.Collateral)
	w.uint(t.Duration)
	return w.out
}

// DecodeCreateDeal reads the calldata of create_deal as the entry point does.
// Errors are those of [DecodeReleaseChunk].
func DecodeCreateDeal(calldata []*felt.Felt) (slastream.Terms, error) {
	r := reader{in: calldata}
	t := slastream.Terms{
		Provider:    r.address(),
		Chunks:      r.uint(8),
		ChunkAmount: r.amount(),
		Collateral:  r.amount(),
		Duration:    r.uint(8),
	}
	if err := r.entryPoint(); err != nil {
		return slastream.Terms{}, err
	}
	return t, nil
}

// EncodeDeal returns the 13 felts that get_deal answers for a deal. They do not
// hold the id.
func EncodeDeal(d slastream.Deal) []*felt.Felt {
	w := newWriter(13)
	w.address(d.Client)
	w.address(d.Provider)
	w.amount(d.Total)
	w.amount(d.ChunkAmount)
	w.uint(d.Chunks)
	w.uint(d.Released)
	w.amount(d.Collateral)
	w.uint(d.Deadline)
	w.bool(d.Active)
	w.bool(d.Slashed)
	return w.out
}

// DecodeDeal reads the 13 felts that get_deal answers for the deal with that
// id. All felts 0, what the contract answers for a deal that does not exist, is
// the zero Deal. Anything else than a deal is [ErrMalformed], with a
// *[RangeError] if a felt is out of range.
//
//	fn get_deal(self, deal_id: u256) -> Deal
func DecodeDeal(id attestation.Word, ret []*felt.Felt) (slastream.Deal, error) {
	r := reader{in: ret}
	d := slastream.Deal{
		Client:      r.address(),
		Provider:    r.address(),
		Total:       r.amount(),
		ChunkAmount: r.amount(),
		Chunks:      r.uint(8),
		Released:    r.uint(8),
		Collateral:  r.amount(),
		Deadline:    r.uint(8),
		Active:      r.bool(),
		Slashed:     r.bool(),
	}
	if err := r.end("answer of get_deal"); err != nil {
		return slastream.Deal{}, err
	}
	if d != (slastream.Deal{}) {
		d.ID = id
	}
	return d, nil
}

// A writer serializes values as Cairo's Serde does. The zero value is empty.
type writer struct {
	out  []*felt.Felt
	room []felt.Felt // for the next ones
}

// newWriter returns a writer with room for n felts.
func newWriter(n int) writer {
	return writer{make([]*felt.Felt, 0, n), make([]felt.Felt, n)}
}

// next appends a felt, 0 so far.
func (w *writer) next() *felt.Felt {
	if len(w.room) == 0 {
		w.room = make([]felt.Felt, 4)
	}
	f := &w.room[0]
	w.room = w.room[1:]
	w.out = append(w.out, f)
	return f
}

func (w *writer) u256(v attestation.Word) {
	setLimb(w.next(), v[16:])
	setLimb(w.next(), v[:16])
}

func (w *writer) amount(v slastream.Amount)   { w.u256(v.Word()) }
func (w *writer) uint(v uint64)               { w.next().SetUint64(v) }
func (w *writer) address(a slastream.Address) { setAddress(w.next(), a) }

func (w *writer) bool(v bool) {
	if f := w.next(); v {
		f.SetUint64(1)
	}
}

// A reader deserializes values as Cairo's Serde does, in order, counting them
// from 1. The first failure stays; what follows reads zeros.
type reader struct {
	in    []*felt.Felt
	value int   // number of the value that was read last
	err   error // what is wrong with it
}

// zeros is what is read after a failure.
var zeros = []*felt.Felt{&felt.Zero, &felt.Zero}

// next starts the next value, of n felts. After a failure it is of at most two.
func (r *reader) next(n int) []*felt.Felt {
	if r.err == nil {
		r.value++
		switch {
		case len(r.in) < n:
			r.err = fmt.Errorf("starknet: ends too early")
		case anyNil(r.in[:n]):
			r.err = errNil
		}
	}
	if r.err != nil {
		return zeros[:min(n, len(zeros))]
	}
	head := r.in[:n]
	r.in = r.in[n:]
	return head
}

func anyNil(list []*felt.Felt) bool {
	for _, f := range list {
		if f == nil {
			return true
		}
	}
	return false
}

// keep keeps the first failure.
func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) u256() attestation.Word {
	limbs := r.next(2)
	w, err := JoinU256(limbs[0], limbs[1])
	r.keep(err)
	return w
}

func (r *reader) amount() slastream.Amount { return slastream.AmountFromWord(r.u256()) }

// uint reads an integer of 1, 4 or 8 bytes.
func (r *reader) uint(size int) uint64 {
	b := r.next(1)[0].Bytes()
	if !fits(b, size) {
		r.keep(&RangeError{fmt.Sprintf("u%d", 8*size), b})
	}
	return binary.BigEndian.Uint64(b[24:])
}

// bool reads 0 or 1: what a contract returns. (As an argument every other felt
// would mean true.)
func (r *reader) bool() bool {
	f := r.next(1)[0]
	if !f.IsZero() && !f.IsOne() {
		r.keep(&RangeError{"bool", f.Bytes()})
	}
	return !f.IsZero()
}

// felt reads any felt as an integer.
func (r *reader) felt() attestation.Word { return r.next(1)[0].Bytes() }

func (r *reader) address() slastream.Address {
	a, err := AddressFromFelt(r.next(1)[0])
	r.keep(err)
	return a
}

// entryPoint ends the reading of calldata with the verdict of the wrapper that
// the Cairo compiler puts around an entry point.
func (r *reader) entryPoint() error {
	switch {
	case r.err != nil:
		return &slastream.RevertError{Reason: fmt.Sprintf("Failed to deserialize param #%d", r.value)}
	case len(r.in) > 0:
		return &slastream.RevertError{Reason: "Input too long for arguments"}
	}
	return nil
}

// done reports whether everything was read and right.
func (r *reader) done() bool { return r.err == nil && len(r.in) == 0 }

// end ends the reading of what a node answered.
func (r *reader) end(what string) error {
	switch {
	case r.err != nil:
		return fmt.Errorf("%w: %s: value %d: %w", ErrMalformed, what, r.value, r.err)
	case len(r.in) > 0:
		return fmt.Errorf("%w: %s: %d felts too many", ErrMalformed, what, len(r.in))
	}
	return nil
}

// newReader returns a reader of one felt.
func newReader(f *felt.Felt) *reader { return &reader{in: []*felt.Felt{f}} }
