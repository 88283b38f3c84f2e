package fevm

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
)

// abiData is an ABI-encoded tuple and what follows it: positions and offsets
// count from its first byte. Every length is checked against the bytes that are
// left before anything is allocated for it.
type abiData []byte

var (
	errTruncated = errors.New("data ends early")
	errOffset    = errors.New("offset is not below 2^63")
	errLength    = errors.New("length is not below 2^63")
)

// word returns the 32 bytes at pos.
func (d abiData) word(pos int) (attestation.Word, error) {
	if pos < 0 || pos > len(d)-32 {
		return attestation.Word{}, errTruncated
	}
	return attestation.Word(d[pos:]), nil
}

// size reads the word at pos as an int, for an offset or a length.
func (d abiData) size(pos int, tooBig error) (int, error) {
	w, err := d.word(pos)
	if err != nil {
		return 0, err
	}
	v, ok := w.Uint64()
	if !ok || v >= 1<<63 {
		return 0, tooBig
	}
	if v > uint64(len(d)) {
		return 0, errTruncated
	}
	return int(v), nil
}

// tail returns the data that the offset word at pos points to.
func (d abiData) tail(pos int) (abiData, error) {
	off, err := d.size(pos, errOffset)
	if err != nil {
		return nil, err
	}
	return d[off:], nil
}

// array returns the elements of the dynamic array at the offset word at pos:
// n elements whose heads take stride bytes each, offsets counting from the
// result's start.
func (d abiData) array(pos, stride int) (elems abiData, n int, err error) {
	t, err := d.tail(pos)
	if err != nil {
		return nil, 0, err
	}
	n, err = t.size(0, errLength)
	if err != nil {
		return nil, 0, err
	}
	elems = t[32:]
	if n > len(elems)/stride {
		return nil, 0, fmt.Errorf("%d elements of %d bytes: %w", n, stride, errTruncated)
	}
	return elems, n, nil
}

// words returns the uint256[] or bytes32[] at the offset word at pos.
func (d abiData) words(pos int) ([]attestation.Word, error) {
	elems, n, err := d.array(pos, 32)
	if err != nil {
		return nil, err
	}
	out := make([]attestation.Word, n)
	for i := range out {
		out[i] = attestation.Word(elems[32*i:])
	}
	return out, nil
}

// bytes returns the bytes or string at the offset word at pos, without a copy.
func (d abiData) bytes(pos int) ([]byte, error) {
	t, err := d.tail(pos)
	if err != nil {
		return nil, err
	}
	n, err := t.size(0, errLength)
	if err != nil {
		return nil, err
	}
	if n > len(t)-32 {
		return nil, errTruncated
	}
	return t[32 : 32+n : 32+n], nil
}

// address reads the word at pos as an address.
func (d abiData) address(pos int) (attestation.EthereumAddress, error) {
	w, err := d.word(pos)
	if err != nil {
		return attestation.EthereumAddress{}, err
	}
	return wordAddress(w)
}

// uint64 reads the word at pos as a uint64.
func (d abiData) uint64(pos int) (uint64, error) {
	w, err := d.word(pos)
	if err != nil {
		return 0, err
	}
	v, ok := w.Uint64()
	if !ok {
		return 0, fmt.Errorf("%s is not below 2^64", w)
	}
	return v, nil
}

// int32 reads the word at pos as an int32, sign-extended.
func (d abiData) int32(pos int) (int32, error) {
	w, err := d.word(pos)
	if err != nil {
		return 0, err
	}
	v := int32(binary.BigEndian.Uint32(w[28:]))
	sign := byte(v >> 31)
	for _, b := range w[:28] {
		if b != sign {
			return 0, fmt.Errorf("%s is not an int32", w)
		}
	}
	return v, nil
}

func wordAddress(w attestation.Word) (attestation.EthereumAddress, error) {
	for _, b := range w[:12] {
		if b != 0 {
			return attestation.EthereumAddress{}, fmt.Errorf("%s is not an address", w)
		}
	}
	return attestation.EthereumAddress(w[12:]), nil
}
