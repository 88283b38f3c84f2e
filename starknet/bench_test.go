package starknet_test

import (
	"math/big"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/utils"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

var benchSigned = attestation.Signed{
	Attestation: attestation.Attestation{DealID: attestation.Word{31: 7}, ChunkIndex: 3, ProofSetID: attestation.Word{31: 42}, RootCID: attestation.Word{1, 31: 9}, Timestamp: 1_800_000_000},
	Signature:   attestation.Signature{R: attestation.Word{2, 31: 3}, S: attestation.Word{4, 31: 5}, V: 1},
}

// The rival makes the same felts with starknet.go's conversion of a u256, from
// the hexadecimal text that it wants.
func BenchmarkEncodeReleaseChunk(b *testing.B) {
	b.Run("slastream", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			starknet.EncodeReleaseChunk(benchSigned)
		}
	})
	b.Run("starknet.go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			encodeByStarknetGo(b, benchSigned)
		}
	})
}

func encodeByStarknetGo(t testing.TB, s attestation.Signed) []*felt.Felt {
	var out []*felt.Felt
	u256 := func(w attestation.Word) {
		limbs, err := utils.HexToU256Felt(w.String())
		require.NoError(t, err)
		out = append(out, limbs...)
	}
	u256(s.Attestation.DealID)
	out = append(out, utils.Uint64ToFelt(s.Attestation.ChunkIndex))
	u256(s.Attestation.ProofSetID)
	u256(s.Attestation.RootCID)
	out = append(out, utils.Uint64ToFelt(s.Attestation.Timestamp))
	u256(s.Signature.R)
	u256(s.Signature.S)
	return append(out, utils.Uint64ToFelt(uint64(s.Signature.V)))
}

// The rival reads the same fields with starknet.go's conversion of a felt to a
// number; it checks no range.
func BenchmarkParseEvent(b *testing.B) {
	for _, e := range []slastream.Event{
		slastream.DealCreated{DealID: attestation.Word{31: 7}, Client: slastream.Address{1}, Provider: slastream.Address{2}, TotalAmount: slastream.AmountFromUint64(300), NumChunks: 3, SLADeadline: 1_800_000_000},
		slastream.ChunkReleased{DealID: attestation.Word{31: 7}, ChunkIndex: 3, Amount: slastream.AmountFromUint64(100), Provider: slastream.Address{2}},
	} {
		keys, data := starknet.EncodeEvent(e)
		name := "ChunkReleased"
		if _, ok := e.(slastream.DealCreated); ok {
			name = "DealCreated"
		}
		b.Run(name+"/slastream", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := starknet.ParseEvent(keys, data); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/starknet.go", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				parseByStarknetGo(keys, data)
			}
		})
	}
}

var rivalSelectors = []*felt.Felt{utils.GetSelectorFromNameFelt("ChunkReleased"), utils.GetSelectorFromNameFelt("DealCreated")}

func parseByStarknetGo(keys, data []*felt.Felt) []*big.Int {
	if !keys[0].Equal(rivalSelectors[0]) && !keys[0].Equal(rivalSelectors[1]) {
		return nil
	}
	u256 := func(low, high *felt.Felt) *big.Int {
		v := utils.FeltToBigInt(high)
		return v.Add(v.Lsh(v, 128), utils.FeltToBigInt(low))
	}
	out := []*big.Int{u256(keys[1], keys[2])}
	for _, f := range data {
		out = append(out, utils.FeltToBigInt(f))
	}
	return out
}

// TestAllocations: at most one allocation a felt.
func TestAllocations(t *testing.T) {
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { starknet.EncodeReleaseChunk(benchSigned) }), 13.0)
	for _, e := range fuzzEvents {
		keys, data := starknet.EncodeEvent(e)
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = starknet.ParseEvent(keys, data) }), float64(len(keys)+len(data)), "%T", e)
	}
	require.Equal(t, hexes(encodeByStarknetGo(t, benchSigned)), hexes(starknet.EncodeReleaseChunk(benchSigned)), "the rival does the same")
}
