package simulated

import (
	"encoding/binary"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A reader deserializes the calldata of an entry point as the wrapper that the
// Cairo compiler generates: parameters in order, numbered from 1, then the end.
// The first failure stays; what follows reads zeros.
type reader struct {
	in    []hexFelt
	param int
	err   error
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = &slastream.RevertError{Reason: fmt.Sprintf("Failed to deserialize param #%d", r.param)}
	}
}

// next starts the next parameter of n felts.
func (r *reader) next(n int) []hexFelt {
	r.param++
	if r.err != nil || len(r.in) < n {
		r.fail()
		return make([]hexFelt, n)
	}
	head := r.in[:n]
	r.in = r.in[n:]
	return head
}

func (r *reader) felt() hexFelt { return r.next(1)[0] }

func (r *reader) u256() attestation.Word {
	limbs := r.next(2)
	low, high := limbs[0].bytes(), limbs[1].bytes()
	if !fits(low, 16) || !fits(high, 16) {
		r.fail()
	}
	copy(low[:16], high[16:])
	return low
}

func (r *reader) amount() slastream.Amount { return slastream.AmountFromWord(r.u256()) }

// uint reads an integer of the given number of bytes, at most 8.
func (r *reader) uint(size int) uint64 {
	b := r.felt().bytes()
	if !fits(b, size) {
		r.fail()
	}
	return binary.BigEndian.Uint64(b[24:])
}

func (r *reader) address() slastream.Address {
	a, err := slastream.AddressFromWord(attestation.Word(r.felt().bytes()))
	if err != nil {
		r.fail()
	}
	return a
}

// felts reads an array of felts.
func (r *reader) felts() []hexFelt {
	n := r.uint(4)
	if r.err != nil || n > uint64(len(r.in)) {
		r.fail()
		return nil
	}
	list := r.in[:n]
	r.in = r.in[n:]
	return list
}

// span reads the last parameter, a span of felts: Cairo slices it without
// looking, and so panics with another text.
func (r *reader) span() ([]hexFelt, error) {
	n := r.uint(4)
	switch {
	case r.err != nil:
		return nil, r.err
	case n > uint64(len(r.in)):
		return nil, &slastream.RevertError{Reason: "Index out of bounds"}
	case n < uint64(len(r.in)):
		return nil, &slastream.RevertError{Reason: "Input too long for arguments"}
	}
	return r.in, nil
}

// classHash reads a ClassHash: below 2^251.
func (r *reader) classHash() hexFelt {
	f := r.felt()
	if f.bytes()[0] >= 8 {
		r.fail()
	}
	return f
}

// end says whether everything was read and nothing is left.
func (r *reader) end() error {
	if r.err == nil && len(r.in) > 0 {
		return &slastream.RevertError{Reason: "Input too long for arguments"}
	}
	return r.err
}

// fits reports whether only the last size bytes of b are used.
func fits(b [32]byte, size int) bool {
	for _, c := range b[:32-size] {
		if c != 0 {
			return false
		}
	}
	return true
}
