package chain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// wireLogs are the logs of an answer. Reading them is most of the work of a
// backfill, so that what nodes send is read directly; anything unusual goes to
// go-ethereum's decoder, whose word is final.
type wireLogs []types.Log

// UnmarshalJSON reads an array of logs. It takes bytes that are no JSON at all, too,
// and refuses them: see jsonrpc.RawResult.
func (w *wireLogs) UnmarshalJSON(raw []byte) error {
	r := logReader{rest: raw}
	if logs := r.list(); !r.odd && len(bytes.TrimSpace(r.rest)) == 0 {
		*w = logs
		return nil
	}
	var logs []types.Log
	if err := json.Unmarshal(raw, &logs); err != nil {
		return err
	}
	*w = logs
	return nil
}

// RawResult says that UnmarshalJSON checks the syntax itself.
func (w *wireLogs) RawResult() {}

// A logReader reads logs. odd says that it met something that it does not
// know; what it returned is worth nothing then.
type logReader struct {
	rest []byte
	odd  bool
}

// next returns the next byte that is not a space, and removes it.
func (r *logReader) next() byte {
	for i, b := range r.rest {
		if b > ' ' {
			r.rest = r.rest[i+1:]
			return b
		}
	}
	r.rest, r.odd = nil, true
	return 0
}

func (r *logReader) expect(b byte) {
	if r.next() != b {
		r.odd = true
	}
}

// more reports whether another element follows, after the opening bracket if
// first; it removes the comma or the closing bracket.
func (r *logReader) more(first bool, closing byte) bool {
	if r.odd {
		return false
	}
	before := r.rest
	switch b := r.next(); {
	case b == closing:
		return false
	case first && !r.odd:
		r.rest = before
		return true
	case b != ',':
		r.odd = true
		return false
	}
	return true
}

// text returns a string. One with escapes is cut short or keeps them; no key and
// no number of a log looks like that.
func (r *logReader) text() []byte {
	r.expect('"')
	i := bytes.IndexByte(r.rest, '"')
	if i < 0 {
		r.odd = true
		return nil
	}
	s := r.rest[:i]
	r.rest = r.rest[i+1:]
	return s
}

// digits returns the hexadecimal digits of a string with 0x.
func (r *logReader) digits() []byte {
	s := r.text()
	if len(s) < 2 || s[0] != '0' || s[1] != 'x' {
		r.odd = true
		return nil
	}
	return s[2:]
}

// fixed reads exactly len(to) bytes.
func (r *logReader) fixed(to []byte) {
	d := r.digits()
	if len(d) != 2*len(to) {
		r.odd = true
		return
	}
	if _, err := hex.Decode(to, d); err != nil {
		r.odd = true
	}
}

func (r *logReader) bytes() []byte {
	d := r.digits()
	out := make([]byte, len(d)/2)
	if _, err := hex.Decode(out, d); err != nil {
		r.odd = true
	}
	return out
}

// quantity reads a number without leading zeros.
func (r *logReader) quantity() (v uint64) {
	d := r.digits()
	if len(d) == 0 || len(d) > 16 || d[0] == '0' && len(d) > 1 {
		r.odd = true
		return 0
	}
	for _, c := range d {
		var digit byte
		switch {
		case '0' <= c && c <= '9':
			digit = c - '0'
		case 'a' <= c && c <= 'f':
			digit = c - 'a' + 10
		case 'A' <= c && c <= 'F':
			digit = c - 'A' + 10
		default:
			r.odd = true
		}
		v = v<<4 | uint64(digit)
	}
	return v
}

// bool reads true or false.
func (r *logReader) bool() bool {
	switch {
	case r.next() == 't' && len(r.rest) >= 3:
		r.rest = r.rest[3:]
		return true
	case len(r.rest) >= 4 && string(r.rest[:4]) == "alse":
		r.rest = r.rest[4:]
		return false
	}
	r.odd = true
	return false
}

func (r *logReader) list() wireLogs {
	out := wireLogs{}
	r.expect('[')
	for first := true; r.more(first, ']'); first = false {
		out = append(out, types.Log{})
		r.log(&out[len(out)-1])
	}
	return out
}

// What a log must have, each a bit.
const (
	hasAddress = 1 << iota
	hasTopics
	hasData
	hasTx
	hasAll = 1<<iota - 1
)

func (r *logReader) log(l *types.Log) {
	has := 0
	r.expect('{')
	for first := true; r.more(first, '}'); first = false {
		key := r.text()
		r.expect(':')
		switch string(key) {
		case "address":
			r.fixed(l.Address[:])
			has |= hasAddress
		case "topics":
			l.Topics = r.topics()
			has |= hasTopics
		case "data":
			l.Data = r.bytes()
			has |= hasData
		case "blockNumber":
			l.BlockNumber = r.quantity()
		case "transactionHash":
			r.fixed(l.TxHash[:])
			has |= hasTx
		case "transactionIndex":
			l.TxIndex = uint(r.quantity())
		case "blockHash":
			r.fixed(l.BlockHash[:])
		case "blockTimestamp":
			l.BlockTimestamp = r.quantity()
		case "logIndex":
			l.Index = uint(r.quantity())
		case "removed":
			l.Removed = r.bool()
		default:
			r.odd = true
		}
	}
	if has != hasAll {
		r.odd = true
	}
}

func (r *logReader) topics() []common.Hash {
	out := make([]common.Hash, 0, 4)
	r.expect('[')
	for first := true; r.more(first, ']'); first = false {
		out = append(out, common.Hash{})
		r.fixed(out[len(out)-1][:])
	}
	return out
}
