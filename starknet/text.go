package starknet

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// wordBytes is the number of bytes of a full word of a ByteArray.
const wordBytes = 31

var errText = errors.New("starknet: not printable text")

// shortString reads a felt as text.
func (r *reader) shortString() string {
	s, ok := ShortStringText(r.next(1)[0])
	if !ok {
		r.keep(errText)
	}
	return s
}

// byteArray reads a ByteArray as text: an array of words of 31 bytes, the bytes
// of the last word, and how many these are (corelib, src/byte_array.cairo).
func (r *reader) byteArray() string {
	n := r.uint(4)
	if n > uint64(len(r.in)) {
		r.keep(fmt.Errorf("starknet: ByteArray of %d words in %d felts", n, len(r.in)))
		return ""
	}
	text := make([]byte, 0, (n+1)*wordBytes)
	for range n {
		text = r.bytes(text, wordBytes)
	}
	last := r.next(1)[0].Bytes()
	rest := r.uint(4)
	switch {
	case rest >= wordBytes:
		r.keep(fmt.Errorf("starknet: ByteArray with %d bytes in its last word", rest))
	case !fits(last, int(rest)):
		r.keep(fmt.Errorf("starknet: ByteArray with more than %d bytes in its last word", rest))
	}
	if r.err != nil {
		return ""
	}
	text = append(text, last[32-rest:]...)
	if !utf8.Valid(text) {
		r.keep(errText)
		return ""
	}
	return string(text)
}

// bytes appends the last size bytes of a felt, which must have no others.
func (r *reader) bytes(to []byte, size int) []byte {
	b := r.next(1)[0].Bytes()
	if !fits(b, size) {
		r.keep(&RangeError{fmt.Sprintf("bytes%d", size), b})
		return to
	}
	return append(to, b[32-size:]...)
}
