package abidata

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
)

// A LogReader reads the arguments of a log one after the other: the indexed ones
// from the topics, the others from the data. After an error it returns zeros.
type LogReader struct {
	topics []common.Hash // that were not read
	data   Data
	pos    int // of the next argument's head
	err    error
}

// ReadLog returns a reader of the arguments of l, which has a topic.
func ReadLog(l *types.Log) *LogReader { return &LogReader{topics: l.Topics[1:], data: l.Data} }

// Err returns what was wrong: an argument that is not there or not of its type,
// or topics that were not read.
func (r *LogReader) Err() error {
	if r.err == nil && len(r.topics) > 0 {
		return fmt.Errorf("%d topics too many", len(r.topics))
	}
	return r.err
}

// Topic returns the next indexed argument.
func (r *LogReader) Topic() attestation.Word {
	if len(r.topics) == 0 {
		r.fail(errors.New("a topic too few"))
		return attestation.Word{}
	}
	w := attestation.Word(r.topics[0])
	r.topics = r.topics[1:]
	return w
}

// TopicAddress returns the next indexed argument, an address.
func (r *LogReader) TopicAddress() attestation.EthereumAddress { return r.address(r.Topic()) }

// Word returns the next argument.
func (r *LogReader) Word() attestation.Word {
	w, err := r.data.Word(r.pos)
	r.pos += 32
	r.fail(err)
	return w
}

// Address returns the next argument, an address.
func (r *LogReader) Address() attestation.EthereumAddress { return r.address(r.Word()) }

func (r *LogReader) address(w attestation.Word) attestation.EthereumAddress {
	a, err := AddressOf(w)
	r.fail(err)
	return a
}

// Bool returns the next argument, a bool.
func (r *LogReader) Bool() bool {
	v, ok := r.Word().Uint64()
	if !ok || v > 1 {
		r.fail(fmt.Errorf("%d is not a bool", v))
	}
	return v == 1
}

// Strings returns the next argument, a string[].
func (r *LogReader) Strings() []string {
	elems, n, err := r.data.Array(r.pos, 32)
	r.pos += 32
	r.fail(err)
	out := make([]string, 0, n)
	for i := range n {
		b, err := elems.Bytes(32 * i)
		r.fail(err)
		out = append(out, string(b))
	}
	return out
}

// StructBytes returns the next argument, a struct whose only member is bytes.
func (r *LogReader) StructBytes() []byte {
	t, err := r.data.Tail(r.pos)
	r.pos += 32
	r.fail(err)
	b, err := t.Bytes(0)
	r.fail(err)
	return b
}

// An EventTable has a row for each event of a contract; the key is the Keccak-256
// of the signature. E is the contract's sealed event type.
type EventTable[E any] struct {
	Rows map[common.Hash]EventRow[E]
	// Unknown and Malformed are the errors of [EventTable.Parse].
	Unknown, Malformed error
}

// An EventRow decodes one event. Decode reads the arguments in their order, the
// indexed ones first.
type EventRow[E any] struct {
	Signature string
	Decode    func(*LogReader) E
}

// Parse decodes a log. It does not look at the address.
func (t EventTable[E]) Parse(l *types.Log) (E, error) {
	var none E
	if l == nil || len(l.Topics) == 0 {
		return none, fmt.Errorf("%w: no topics", t.Unknown)
	}
	row, ok := t.Rows[l.Topics[0]]
	if !ok {
		return none, fmt.Errorf("%w: topic %s", t.Unknown, l.Topics[0])
	}
	r := ReadLog(l)
	e := row.Decode(r)
	if err := r.Err(); err != nil {
		return none, fmt.Errorf("%w: %s: %v", t.Malformed, row.Signature, err)
	}
	return e, nil
}

func (r *LogReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}
