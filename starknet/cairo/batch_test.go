package cairo_test

import (
	"strings"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// sign signs a digest with the key whose public half is hardhat.
func sign(t testing.TB, digest attestation.Digest) attestation.Signature {
	t.Helper()
	secret, err := crypto.HexToECDSA("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
	require.NoError(t, err)
	raw, err := crypto.Sign(digest[:], secret)
	require.NoError(t, err)
	sig, err := attestation.ParseSignature(raw)
	require.NoError(t, err)
	return sig
}

// batchCall is the call of release_batch:
//
//	fn release_batch(ref self, items: Array<BatchItem>, sig_r: u256, sig_s: u256, sig_v: u32)
func batchCall(escrow *starknet.Escrow, b attestation.Batch, sig attestation.Signature) starknet.Call {
	calldata := []*felt.Felt{new(felt.Felt).SetUint64(uint64(len(b.Items)))}
	for _, a := range b.Items {
		calldata = append(calldata, starknet.EncodeReleaseChunk(attestation.Signed{Attestation: a})[:8]...)
	}
	signature := starknet.EncodeReleaseChunk(attestation.Signed{Signature: sig})
	return starknet.NewCall(escrow.Address(), "release_batch", append(calldata, signature[8:]...)...)
}

// batchOf returns a batch of chunks of deal 1, proven one after the other.
func batchOf(escrow *starknet.Escrow, from, n uint64) attestation.Batch {
	b := attestation.Batch{Domain: attestation.Domain{ChainID: starknet.Sepolia, Escrow: escrow.Address().Word()}}
	for i := range n {
		root := attestation.WordFromUint64(from + i)
		for j := range 24 {
			root[j] = byte(0x5a + j + int(i))
		}
		b.Items = append(b.Items, attestation.Attestation{
			DealID: attestation.WordFromUint64(1), ChunkIndex: from + i,
			ProofSetID: attestation.WordFromUint64(42), RootCID: root, Timestamp: 1_800_000_000 + 2880*30*i,
		})
	}
	return b
}

// l2Gas is what a transaction used.
func (d *devnet) l2Gas(t testing.TB, hash attestation.Word) uint64 {
	var r struct {
		Resources struct {
			L2Gas uint64 `json:"l2_gas"`
		} `json:"execution_resources"`
	}
	require.NoError(t, d.rpc.CallContext(t.Context(), &r, "starknet_getTransactionReceipt", shortHex(hash)))
	return r.Resources.L2Gas
}

// TestBatchGas measures what README.md says about gas, counted in Cairo steps
// and in Sierra gas.
func TestBatchGas(t *testing.T) {
	onDevnets(t, func(t *testing.T, d *devnet) {
		t.Run("steps", func(t *testing.T) { testBatchGas(t, d) })
	})
	onDevnets(t, func(t *testing.T, d *devnet) {
		t.Run("Sierra gas", func(t *testing.T) {
			countSierraGas(t, d)
			testBatchGas(t, d)
		})
	})
}

func testBatchGas(t *testing.T, d *devnet) {
	token, err := cairo.DeployMockERC20(t.Context(), d.senders[0], attestation.Word{})
	require.NoError(t, err)
	compatible := openDeal(t, d, cairo.Params{Class: cairo.Compatible, Key: hardhat(t), Token: token.Address()}, 400)
	extended := openDeal(t, d, cairo.Params{Class: cairo.Extended, Key: hardhat(t), Token: token.Address(), Owner: d.senders[0].Address}, 1000)
	account := d.account(0)
	single := map[*starknet.Escrow]uint64{}
	for _, escrow := range []*starknet.Escrow{compatible, extended} {
		for chunk := range uint64(2) { // the first pays for storage that is new
			a := batchOf(escrow, chunk, 1).Items[0]
			signed := attestation.Signed{Attestation: a, Signature: sign(t, a.Digest())}
			r, err := account.Execute(t.Context(), starknet.NewCall(escrow.Address(), "release_chunk", starknet.EncodeReleaseChunk(signed)...))
			require.NoError(t, err)
			single[escrow] = d.l2Gas(t, r.Hash)
		}
	}
	t.Logf("release_chunk: compatible %d, extended %d", single[compatible], single[extended])
	from := uint64(2)
	for _, n := range []uint64{1, 2, 30, 300, 480} {
		b := batchOf(extended, from, n)
		r, err := account.Execute(t.Context(), batchCall(extended, b, sign(t, b.Digest())))
		require.NoError(t, err)
		from += n
		gas := d.l2Gas(t, r.Hash)
		share := float64(gas) / float64(n) / float64(single[compatible])
		t.Logf("release_batch of %d: %d, %.4f of a release_chunk each", n, gas, share)
		if most, ok := map[uint64]float64{30: 0.06, 300: 0.03}[n]; ok && d.chargesNoStorage(t) {
			require.LessOrEqual(t, share, most)
		}
		requireReleased(t, extended, b, r.Logs)
	}
}

// chargesNoStorage reports whether the node is older than Starknet 0.14.1,
// which charges 402,000 for each new storage cell on top.
func (d *devnet) chargesNoStorage(t testing.TB) bool {
	var version string
	require.NoError(t, d.rpc.CallContext(t.Context(), &version, "starknet_specVersion"))
	return strings.HasPrefix(version, "0.9.")
}

// requireReleased wants the escrow's events of a batch of deal 1: one for each
// chunk, in order.
func requireReleased(t testing.TB, escrow *starknet.Escrow, b attestation.Batch, logs []starknet.Log) {
	t.Helper()
	var got []slastream.Event
	for _, l := range logs {
		if l.From != escrow.Address() {
			continue
		}
		e, err := starknet.ParseEvent(l.Keys, l.Data)
		require.NoError(t, err)
		got = append(got, e)
	}
	var want []slastream.Event
	for _, a := range b.Items {
		want = append(want, slastream.ChunkReleased{
			DealID: a.DealID, ChunkIndex: a.ChunkIndex, Amount: slastream.AmountFromUint64(100),
			Provider: addressOf(t, "0x18f81c2ef42310e0abd4fafd27f37beb34d000641beb2cd8a6fb97596552ddb"),
		})
		released, err := escrow.ChunkReleased(t.Context(), a.DealID, a.ChunkIndex)
		require.NoError(t, err)
		require.True(t, released, "the flag is where the reference has it")
	}
	require.Equal(t, want, got)
}
