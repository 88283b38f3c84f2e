package simulated

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// Faults say how an endpoint misbehaves, for tests of what clients do then.
// Probabilities go from 0 to 1; the zero value is no faults.
//
// What happens to which request follows from Seed and from how many requests
// came before, not from what they ask.
type Faults struct {
	Seed    uint64
	Latency time.Duration // the most that an answer is held back; uniform from 0

	Unavailable float64 // of a request: HTTP 429, 502 or 503
	Fail        float64 // of a call: a JSON-RPC error that says nothing about the question
	Stale       float64 // of a call: as of 1 to 5 tipsets behind
	DropLogs    float64 // of each log in eth_getLogs and receipts: left out
	Lie         float64 // of a call: something made up in logs, blocks, receipts and results of eth_call

	Replaced float64 // of a call: the receipt of another hash, without logs (Lotus before v1.36.2)

	// Silent emptiness, for as many epochs after a transaction: its receipt has
	// logs [] (lotus#13758), or is null.
	EmptyReceipts, LateReceipts uint64
	NoHashIndex                 bool // eth_getLogs by blockHash answers [] (lotus#13749)
}

// A fate is what happens to one call.
type fate struct {
	latency     time.Duration
	failure     *jsonrpc.Error
	behind      uint64 // tipsets
	lie         bool
	replaced    bool
	noHashIndex bool
	detail      *rand.Rand // which log, which byte
}

// Errors of nodes that are in trouble.
var failures = []jsonrpc.Error{
	{Code: jsonrpc.CodeInternal, Message: "internal error"},
	{Code: codeServer, Message: "server busy, try again later"},
	{Code: codeLimit, Message: "rate limit exceeded"},
	{Code: codeOther, Message: "failed to load tipset: blockstore: block not found"},
}

// draw takes the same number of values for every call.
func (f *Faults) draw(r *rand.Rand) fate {
	roll := func(p float64) bool { return r.Float64() < p }
	out := fate{latency: time.Duration(r.Float64() * float64(f.Latency)), noHashIndex: f.NoHashIndex}
	which := failures[r.IntN(len(failures))]
	if roll(f.Fail) {
		out.failure = &which
	}
	behind := 1 + r.Uint64N(5)
	if roll(f.Stale) {
		out.behind = behind
	}
	out.lie, out.replaced = roll(f.Lie), roll(f.Replaced)
	out.detail = rand.New(rand.NewPCG(r.Uint64(), 0))
	return out
}

type faultKey struct{}

func withFault(ctx context.Context, f fate) context.Context {
	return context.WithValue(ctx, faultKey{}, f)
}

func faultOf(ctx context.Context) fate {
	f, _ := ctx.Value(faultKey{}).(fate)
	return f
}

// distort changes the answer of a call; head is the newest epoch that it knew.
func (f *fate) distort(faults *Faults, head uint64, result any) any {
	switch v := result.(type) {
	case []logJSON:
		logs := f.drop(faults, v)
		if f.lie && len(logs) > 0 {
			f.lieAbout(&logs[f.detail.IntN(len(logs))])
		}
		return logs
	case *block:
		if f.lie {
			lie := *v
			lie.Hash = f.another(lie.Hash)
			return &lie
		}
	case hexutil.Bytes:
		if f.lie && len(v) > 0 {
			lie := append(hexutil.Bytes(nil), v...)
			lie[len(lie)-1] ^= 1
			return lie
		}
	case receipt:
		age := head - min(head, uint64(v.BlockNumber))
		switch {
		case age < faults.LateReceipts:
			return nil
		case f.replaced:
			v.TransactionHash, v.Logs = f.another(v.TransactionHash), []logJSON{}
		case age < faults.EmptyReceipts:
			v.Logs = []logJSON{}
		default:
			v.Logs = f.drop(faults, v.Logs)
		}
		if f.lie {
			v.BlockHash = f.another(v.BlockHash)
		}
		return v
	case []receipt:
		out := []receipt{}
		for _, r := range v {
			if r, ok := f.distort(faults, head, r).(receipt); ok {
				out = append(out, r)
			}
		}
		return out
	}
	return result
}

// drop leaves out logs; it does not change what it was given.
func (f *fate) drop(faults *Faults, logs []logJSON) []logJSON {
	out := []logJSON{}
	for _, l := range logs {
		if f.detail.Float64() >= faults.DropLogs {
			out = append(out, l)
		}
	}
	return out
}

// lieAbout makes a log one that never was.
func (f *fate) lieAbout(l *logJSON) {
	switch f.detail.IntN(3) {
	case 0:
		l.TransactionHash = f.another(l.TransactionHash)
	case 1:
		l.BlockHash = f.another(l.BlockHash)
	default:
		topics := append([]common.Hash(nil), l.Topics...)
		if len(topics) > 1 {
			topics[1] = common.Hash{31: byte(f.detail.Uint32())}
		}
		l.Topics = topics
	}
}

// another returns a hash that is not h.
func (f *fate) another(h common.Hash) common.Hash {
	return common.Hash(keccak(h[:], binary.BigEndian.AppendUint64(nil, f.detail.Uint64())))
}
