package starknet_test

import (
	"encoding/json"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// fuzzFelts cuts bytes into felts: 32 bytes each, nil for what is no felt.
func fuzzFelts(b []byte) []*felt.Felt {
	var out []*felt.Felt
	for ; len(b) > 0; b = b[min(32, len(b)):] {
		var w attestation.Word
		copy(w[:], b)
		f, err := starknet.FeltFromWord(w)
		if err != nil {
			f = nil
		}
		out = append(out, f)
	}
	return out
}

func bytesOf(list []*felt.Felt) []byte {
	var out []byte
	for _, f := range list {
		b := f.Bytes()
		out = append(out, b[:]...)
	}
	return out
}

var fuzzEvents = []slastream.Event{
	slastream.DealCreated{DealID: attestation.Word{1, 31: 2}, Client: slastream.Address{31: 3}, Provider: slastream.Address{4}, TotalAmount: slastream.AmountFromUint64(5), NumChunks: 6, SLADeadline: 7},
	slastream.ChunkReleased{DealID: attestation.Word{31: 1}, ChunkIndex: 1<<64 - 1, Amount: slastream.AmountFromUint64(2), Provider: slastream.Address{31: 3}},
	slastream.DealSlashed{DealID: attestation.Word{31: 1}, Provider: slastream.Address{31: 3}, SlashAmount: slastream.AmountFromWord(attestation.Word{0xff}), Client: slastream.Address{5}},
	slastream.DealCompleted{DealID: attestation.Word{31: 1}, Provider: slastream.Address{31: 3}, TotalPaid: slastream.AmountFromUint64(2)},
	slastream.Paused{By: slastream.Address{31: 3}},
	slastream.Unpaused{By: slastream.Address{31: 3}},
	slastream.OwnershipTransferStarted{Previous: slastream.Address{31: 3}},
	slastream.OwnershipTransferred{Previous: slastream.Address{31: 3}, New: slastream.Address{31: 4}},
}

// FuzzParseEvent: every event that is read is written back as the same felts.
func FuzzParseEvent(f *testing.F) {
	for _, e := range fuzzEvents {
		keys, data := starknet.EncodeEvent(e)
		got, err := starknet.ParseEvent(keys, data)
		require.NoError(f, err)
		require.Equal(f, e, got)
		f.Add(bytesOf(keys), bytesOf(data))
		f.Add(bytesOf(keys), bytesOf(data[:max(0, len(data)-1)]))
		f.Add(bytesOf(keys[:len(keys)-1]), bytesOf(data))
	}
	f.Add([]byte{}, []byte{})
	f.Add(bytesOf([]*felt.Felt{starknet.Selector("Transfer")}), make([]byte, 128))
	f.Fuzz(func(t *testing.T, k, d []byte) {
		keys, data := fuzzFelts(k), fuzzFelts(d)
		e, err := starknet.ParseEvent(keys, data)
		if err != nil {
			require.Nil(t, e)
			require.True(t, errorIs(err, starknet.ErrUnknownEvent) || errorIs(err, starknet.ErrMalformed), "%v", err)
			return
		}
		keys2, data2 := starknet.EncodeEvent(e)
		require.Equal(t, hexes(keys), hexes(keys2))
		require.Equal(t, hexes(data), hexes(data2))
	})
}

// FuzzDecodeDeal: every deal that is read is written back as the same felts.
func FuzzDecodeDeal(f *testing.F) {
	id := attestation.Word{1, 31: 9}
	f.Add(make([]byte, 13*32))
	f.Add(bytesOf(starknet.EncodeDeal(slastream.Deal{Client: slastream.Address{1}, Provider: slastream.Address{31: 2}, Total: slastream.AmountFromUint64(6), ChunkAmount: slastream.AmountFromUint64(2),
		Chunks: 3, Released: 1, Collateral: slastream.AmountFromWord(attestation.Word{1}), Deadline: 1 << 40, Active: true})))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		in := fuzzFelts(b)
		d, err := starknet.DecodeDeal(id, in)
		if err != nil {
			require.ErrorIs(t, err, starknet.ErrMalformed)
			require.Zero(t, d)
			return
		}
		require.Equal(t, hexes(in), hexes(starknet.EncodeDeal(d)))
		require.True(t, d.ID == id || d == slastream.Deal{})
	})
}

// FuzzDecodeReleaseChunk: calldata is read as what writes the same felts, and
// refused only in the entry point's words. Likewise create_deal.
func FuzzDecodeReleaseChunk(f *testing.F) {
	f.Add(bytesOf(starknet.EncodeReleaseChunk(attestation.Signed{Attestation: attestation.Attestation{DealID: attestation.Word{1}, ChunkIndex: 2, Timestamp: 3}, Signature: attestation.Signature{V: 1<<32 - 1}})))
	f.Add(bytesOf(starknet.EncodeCreateDeal(slastream.Terms{Provider: slastream.Address{7}, Chunks: 1, Duration: 2})))
	f.Add([]byte{})
	f.Add(make([]byte, 14*32))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := fuzzFelts(b)
		if s, err := starknet.DecodeReleaseChunk(in); err == nil {
			require.Equal(t, hexes(in), hexes(starknet.EncodeReleaseChunk(s)))
		} else {
			requireEntryPoint(t, err)
		}
		if terms, err := starknet.DecodeCreateDeal(in); err == nil {
			require.Equal(t, hexes(in), hexes(starknet.EncodeCreateDeal(terms)))
		} else {
			requireEntryPoint(t, err)
		}
	})
}

func requireEntryPoint(t *testing.T, err error) {
	var revert *slastream.RevertError
	require.ErrorAs(t, err, &revert)
	require.Regexp(t, `^(Failed to deserialize param #[1-8]|Input too long for arguments)$`, revert.Reason)
}

// FuzzRevert: whatever a node says about a failed call, the answer is an error
// of bounded length, and the node's own error unless it is a revert.
func FuzzRevert(f *testing.F) {
	f.Add(40, `{"revert_error":{"contract_address":"0x1","class_hash":"0x2","selector":"0x3","error":"[\"0x4e6f74206f776e6572\"]"}}`)
	f.Add(40, `{"revert_error":"text"}`)
	f.Add(41, `{"transaction_index":0,"execution_error":{"selector":"0x1","error":"a\n(0x61 ('a'), 0x62 ('b')).\n [\"0x61\"]"}}`)
	f.Add(41, `{"execution_error":"Transaction execution has failed:\n0x4e6f74206f776e6572 ('Not owner').\n"}`)
	f.Add(41, `{"execution_error":{"error":{"error":{"error":null}}}}`)
	f.Add(55, `"x"`)
	f.Add(52, `[]`)
	f.Fuzz(func(t *testing.T, code int, data string) {
		if !json.Valid([]byte(data)) {
			return
		}
		node := newScript(t)
		node.fail("starknet_call", code, "m", data)
		_, err := starknet.NewEscrow(node.client(), slastream.Address{}).Deal(t.Context(), attestation.Word{})
		require.Error(t, err)
		var revert *slastream.RevertError
		if asRevert(err, &revert) {
			require.True(t, code == 40 || code == 41)
			require.LessOrEqual(t, len(revert.Reason), 303)
			return
		}
		require.Less(t, len(err.Error()), 1000)
	})
}
