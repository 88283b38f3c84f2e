package starknet_test

import (
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// batchOfTwo returns arguments of release_batch that are all different.
func batchOfTwo() ([]attestation.Attestation, attestation.Signature) {
	return []attestation.Attestation{
		{DealID: attestation.Word{15: 1, 31: 2}, ChunkIndex: 3, ProofSetID: attestation.Word{31: 4}, RootCID: attestation.Word{0: 5}, Timestamp: 6},
		{DealID: attestation.Word{31: 7}, ChunkIndex: 1<<64 - 1, ProofSetID: attestation.Word{31: 8}, RootCID: attestation.Word{31: 9}, Timestamp: 10},
	}, attestation.Signature{R: attestation.Word{31: 11}, S: attestation.Word{31: 12}, V: 1<<32 - 1}
}

func TestReleaseBatchCalldata(t *testing.T) {
	items, sig := batchOfTwo()
	calldata := starknet.EncodeReleaseBatch(items, sig)
	// An item has the felts that release_chunk takes before the signature.
	want := []*felt.Felt{felt.NewFromUint64[felt.Felt](2)}
	for _, a := range items {
		want = append(want, starknet.EncodeReleaseChunk(attestation.Signed{Attestation: a})[:8]...)
	}
	want = append(want, starknet.EncodeReleaseChunk(attestation.Signed{Signature: sig})[8:]...)
	require.Equal(t, want, calldata)

	gotItems, gotSig, err := starknet.DecodeReleaseBatch(calldata)
	require.NoError(t, err)
	require.Equal(t, items, gotItems)
	require.Equal(t, sig, gotSig)
}

func TestReleaseBatchCalldataIsRefusedAsByTheEntryPoint(t *testing.T) {
	number := func(n uint64) *felt.Felt { return felt.NewFromUint64[felt.Felt](n) }
	huge, err := starknet.FeltFromWord(attestation.Word{15: 1}) // 2^128
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		change func([]*felt.Felt) []*felt.Felt
		want   string
	}{
		"nothing":                {func([]*felt.Felt) []*felt.Felt { return nil }, "Failed to deserialize param #1"},
		"length of 2^32":         {func(c []*felt.Felt) []*felt.Felt { c[0] = number(1 << 32); return c }, "Failed to deserialize param #1"},
		"length without items":   {func(c []*felt.Felt) []*felt.Felt { c[0] = number(1<<32 - 1); return c }, "Failed to deserialize param #1"},
		"item out of range":      {func(c []*felt.Felt) []*felt.Felt { c[14] = huge; return c }, "Failed to deserialize param #1"},
		"r out of range":         {func(c []*felt.Felt) []*felt.Felt { c[17] = huge; return c }, "Failed to deserialize param #2"},
		"s missing":              {func(c []*felt.Felt) []*felt.Felt { return c[:19] }, "Failed to deserialize param #3"},
		"v of 2^32":              {func(c []*felt.Felt) []*felt.Felt { c[21] = number(1 << 32); return c }, "Failed to deserialize param #4"},
		"a felt too many":        {func(c []*felt.Felt) []*felt.Felt { return append(c, number(0)) }, "Input too long for arguments"},
		"an item more than said": {func(c []*felt.Felt) []*felt.Felt { c[0] = number(1); return c }, "Input too long for arguments"},
	} {
		_, _, err := starknet.DecodeReleaseBatch(tc.change(starknet.EncodeReleaseBatch(batchOfTwo())))
		require.Equal(t, &slastream.RevertError{Reason: tc.want}, err, name)
	}
}

// FuzzDecodeReleaseBatch: what is read is written back as the same felts.
func FuzzDecodeReleaseBatch(f *testing.F) {
	good := starknet.EncodeReleaseBatch(batchOfTwo())
	f.Add(bytesOf(good))
	f.Add(bytesOf(good[:9]))
	f.Add(bytesOf(starknet.EncodeReleaseBatch(nil, attestation.Signature{})))
	f.Fuzz(func(t *testing.T, b []byte) {
		calldata := fuzzFelts(b)
		items, sig, err := starknet.DecodeReleaseBatch(calldata)
		if err != nil {
			require.IsType(t, &slastream.RevertError{}, err)
			return
		}
		require.Equal(t, calldata, starknet.EncodeReleaseBatch(items, sig))
	})
}
