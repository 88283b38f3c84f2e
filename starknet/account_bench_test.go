package starknet_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// BenchmarkSignUnsigned is what a transaction costs without its requests: hash,
// signature, the check of the signature and the body.
func BenchmarkSignUnsigned(b *testing.B) {
	node := newScript(b)
	a := newAccount(b, node)
	calls := []starknet.Call{starknet.NewCall(slastream.Address{31: 7}, "transfer", feltOf(b, "0x1"), feltOf(b, "0x2"), feltOf(b, "0x3"))}
	b.ReportAllocs()
	for b.Loop() {
		u, err := a.BuildBounds(b.Context(), calls, 1, someBounds())
		require.NoError(b, err)
		_, err = a.SignUnsigned(b.Context(), u)
		require.NoError(b, err)
	}
}

// BenchmarkSign has a node without a network, and the estimate with its own
// signature.
func BenchmarkSign(b *testing.B) {
	node := newScript(b)
	node.answer("starknet_estimateFee", json.RawMessage(estimateJSON))
	a := newAccount(b, node)
	b.ReportAllocs()
	for b.Loop() {
		node.asked = nil
		_, err := a.Sign(b.Context(), nil, 1)
		require.NoError(b, err)
	}
}
