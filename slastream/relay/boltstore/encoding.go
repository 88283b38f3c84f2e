package boltstore

import (
	"bytes"
	"errors"
	"math/bits"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// Numbers are written as a length and as few big-endian bytes as hold them, in
// keys as in rows: short for what occurs (a deal is one or three bytes, not 32),
// and in byte order where the numbers are in order.

func appendUint(b []byte, v uint64) []byte {
	n := (bits.Len64(v) + 7) / 8
	b = append(b, byte(n))
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

func appendWord(b []byte, w attestation.Word) []byte {
	short := bytes.TrimLeft(w[:], "\x00")
	return append(append(b, byte(len(short))), short...)
}

func appendBytes[T ~[]byte | ~string](b []byte, v T) []byte {
	return append(appendUint(b, uint64(len(v))), v...)
}

func appendID(b []byte, id relay.ChunkID) []byte {
	return appendUint(appendWord(b, id.Deal), id.Index)
}

// appendFlags writes up to eight booleans as a byte, the first as bit 0.
func appendFlags(b []byte, flags ...bool) []byte {
	var v byte
	for i, flag := range flags {
		if flag {
			v |= 1 << i
		}
	}
	return append(b, v)
}

// errRow says that a row or a key is none that this package writes.
var errRow = errors.New("malformed row")

// A reader takes apart what the functions above write, and nothing else: each
// value has one encoding. Its first error stays; the values after it are zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) take(n uint64) []byte {
	if r.err != nil || n > uint64(len(r.b)) {
		r.err = errRow
		return nil
	}
	head := r.b[:n]
	r.b = r.b[n:]
	return head
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// short reads a number of at most size bytes.
func (r *reader) short(size byte) []byte {
	n := r.byte()
	if n > size {
		r.err = errRow
	}
	b := r.take(uint64(n))
	if len(b) > 0 && b[0] == 0 {
		r.err = errRow
	}
	return b
}

func (r *reader) uint() (v uint64) {
	for _, b := range r.short(8) {
		v = v<<8 | uint64(b)
	}
	return v
}

func (r *reader) uint32() uint32 {
	v := r.uint()
	if v>>32 != 0 {
		r.err = errRow
	}
	return uint32(v)
}

func (r *reader) word() (w attestation.Word) {
	b := r.short(32)
	copy(w[len(w)-len(b):], b)
	return w
}

func (r *reader) address() slastream.Address { return slastream.Address(r.word()) }

func (r *reader) amount() slastream.Amount { return slastream.AmountFromWord(r.word()) }

// bytes returns a copy, nil for none.
func (r *reader) bytes() []byte {
	if b := r.take(r.uint()); len(b) > 0 {
		return bytes.Clone(b)
	}
	return nil
}

func (r *reader) string() string { return string(r.take(r.uint())) }

func (r *reader) id() relay.ChunkID { return relay.ChunkID{Deal: r.word(), Index: r.uint()} }

func (r *reader) state() relay.State {
	s := relay.State(r.byte())
	if s > relay.Refused {
		r.err = errRow
	}
	return s
}

// flags reads a byte of n booleans.
func (r *reader) flags(n int) (flags [8]bool) {
	v := r.byte()
	if v>>n != 0 {
		r.err = errRow
	}
	for i := range flags {
		flags[i] = v&(1<<i) != 0
	}
	return flags
}

// version reads the first byte of a row.
func (r *reader) version(want byte) {
	if r.byte() != want {
		r.err = errRow
	}
}

// end is the error of all that was read; bytes that are left over are one.
func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		return errRow
	}
	return r.err
}
