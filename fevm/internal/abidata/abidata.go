// Package abidata reads ABI-encoded bytes where they stand: for the logs and calls
// of contracts that are not trusted.
package abidata

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
)

// Data is an ABI-encoded tuple and what follows it: positions and offsets
// count from its first byte. Every length is checked against the bytes that are
// left before anything is allocated for it.
type Data []byte

var (
	// ErrTruncated says that the bytes end before what they announce.
	ErrTruncated = errors.New("data ends early")
	errOffset    = errors.New("offset is not below 2^63")
	// ErrLength says that a length is too large for any data.
	ErrLength = errors.New("length is not below 2^63")
)

// Word returns the 32 bytes at pos.
func (d Data) Word(pos int) (attestation.Word, error) {
	if pos < 0 || pos > len(d)-32 {
		return attestation.Word{}, ErrTruncated
	}
	return attestation.Word(d[pos:]), nil
}

// size reads the word at pos as an int, for an offset or a length.
func (d Data) size(pos int, tooBig error) (int, error) {
	w, err := d.Word(pos)
	if err != nil {
		return 0, err
	}
	v, ok := w.Uint64()
	if !ok || v >= 1<<63 {
		return 0, tooBig
	}
	if v > uint64(len(d)) {
		return 0, ErrTruncated
	}
	return int(v), nil
}

// Tail returns the data that the offset word at pos points to.
func (d Data) Tail(pos int) (Data, error) {
	off, err := d.size(pos, errOffset)
	if err != nil {
		return nil, err
	}
	return d[off:], nil
}

// Array returns the elements of the dynamic array at the offset word at pos:
// n elements whose heads take stride bytes each, offsets counting from the
// result's start.
func (d Data) Array(pos, stride int) (elems Data, n int, err error) {
	t, err := d.Tail(pos)
	if err != nil {
		return nil, 0, err
	}
	n, err = t.size(0, ErrLength)
	if err != nil {
		return nil, 0, err
	}
	elems = t[32:]
	if n > len(elems)/stride {
		return nil, 0, fmt.Errorf("%d elements of %d bytes: %w", n, stride, ErrTruncated)
	}
	return elems, n, nil
}

// Words returns the uint256[] or bytes32[] at the offset word at pos.
func (d Data) Words(pos int) ([]attestation.Word, error) {
	elems, n, err := d.Array(pos, 32)
	if err != nil {
		return nil, err
	}
	out := make([]attestation.Word, n)
	for i := range out {
		out[i] = attestation.Word(elems[32*i:])
	}
	return out, nil
}

// Bytes returns the bytes or string at the offset word at pos, without a copy.
func (d Data) Bytes(pos int) ([]byte, error) {
	t, err := d.Tail(pos)
	if err != nil {
		return nil, err
	}
	n, err := t.size(0, ErrLength)
	if err != nil {
		return nil, err
	}
	if n > len(t)-32 {
		return nil, ErrTruncated
	}
	return t[32 : 32+n : 32+n], nil
}

// Address reads the word at pos as an address.
func (d Data) Address(pos int) (attestation.EthereumAddress, error) {
	w, err := d.Word(pos)
	if err != nil {
		return attestation.EthereumAddress{}, err
	}
	return AddressOf(w)
}

// Uint64 reads the word at pos as a uint64.
func (d Data) Uint64(pos int) (uint64, error) {
	w, err := d.Word(pos)
	if err != nil {
		return 0, err
	}
	v, ok := w.Uint64()
	if !ok {
		return 0, fmt.Errorf("%s is not below 2^64", w)
	}
	return v, nil
}

// Int32 reads the word at pos as an int32, sign-extended.
func (d Data) Int32(pos int) (int32, error) {
	w, err := d.Word(pos)
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

// AddressOf returns the address in a word.
func AddressOf(w attestation.Word) (attestation.EthereumAddress, error) {
	for _, b := range w[:12] {
		if b != 0 {
			return attestation.EthereumAddress{}, fmt.Errorf("%s is not an address", w)
		}
	}
	return attestation.EthereumAddress(w[12:]), nil
}
