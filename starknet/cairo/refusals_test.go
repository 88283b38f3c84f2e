package cairo_test

import (
	"slices"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// ask makes a call that changes nothing and returns the first felt of the
// panic as text, empty if the contract accepts.
func (d *devnet) ask(t *testing.T, call starknet.Call) string {
	t.Helper()
	var calldata []string
	for _, f := range call.Calldata {
		calldata = append(calldata, f.String())
	}
	a := d.call(t, call.To, call.Selector.String(), calldata)
	if a.code == 0 {
		return ""
	}
	require.Equal(t, 40, a.code, "%+v", a)
	return lastReason(t, a.felts)
}

// lastReason is the innermost panic: the felts of all failed frames are
// outermost first.
func lastReason(t *testing.T, felts []string) string {
	t.Helper()
	for _, s := range slices.Backward(felts) {
		f, err := starknet.ParseFelt(s)
		require.NoError(t, err)
		if text, ok := starknet.ShortStringText(f); ok && text != "ENTRYPOINT_FAILED" {
			return text
		}
	}
	return "no reason"
}

// TestBatchRefusals has a case for each way in which a batch can be refused.
func TestBatchRefusals(t *testing.T) {
	onDevnets(t, func(t *testing.T, d *devnet) {
		ctx := t.Context()
		account := d.account(0)
		token, err := cairo.DeployMockERC20(ctx, d.senders[0], attestation.Word{})
		require.NoError(t, err)
		escrow, err := cairo.Deploy(ctx, d.senders[0], cairo.Params{Class: cairo.Extended, Key: hardhat(t), Token: token.Address(), Owner: account.Address()})
		require.NoError(t, err)
		mint(t, account, token.Address(), account.Address(), 1000)
		openThree(t, escrow, addressOf(t, "0x111"), addressOf(t, "0x222"))
		execute := func(to slastream.Address, entryPoint string, calldata ...*felt.Felt) {
			t.Helper()
			_, err := account.Execute(ctx, starknet.NewCall(to, entryPoint, calldata...))
			require.NoError(t, err)
		}
		number := func(n uint64) *felt.Felt { return new(felt.Felt).SetUint64(n) }
		signed := func(list ...[2]uint64) starknet.Call {
			b := chunks(escrow, list...)
			return batchCall(escrow, b, sign(t, b.Digest()))
		}
		two := chunks(escrow, [2]uint64{1, 2}, [2]uint64{1, 0})
		one := chunks(escrow, [2]uint64{1, 0})

		t.Run("signature", func(t *testing.T) {
			sig := sign(t, two.Digest())
			require.Empty(t, d.ask(t, batchCall(escrow, two, sig)))
			even := sig
			if even.V == 0 {
				even.V = 28
				require.Empty(t, d.ask(t, batchCall(escrow, two, even)), "every v but 1 is even")
			}
			otherParity := sig
			otherParity.V ^= 1
			otherChain, otherEscrow, otherOrder := two, two, two
			otherChain.Domain.ChainID = starknet.Mainnet
			otherEscrow.Domain.Escrow[31] ^= 1
			otherOrder.Items = []attestation.Attestation{two.Items[1], two.Items[0]}
			for name, c := range map[string]struct {
				sig  attestation.Signature
				want string
			}{
				"high s":                    {highS(sig), "Signature recovery failed"},
				"zero":                      {attestation.Signature{}, "Signature recovery failed"},
				"other parity":              {otherParity, "PKP key X mismatch"},
				"of another batch":          {sign(t, one.Digest()), "PKP key X mismatch"},
				"for another chain":         {sign(t, otherChain.Digest()), "PKP key X mismatch"},
				"for another escrow":        {sign(t, otherEscrow.Digest()), "PKP key X mismatch"},
				"of the items another way":  {sign(t, otherOrder.Digest()), "PKP key X mismatch"},
				"of the first single chunk": {sign(t, two.Items[0].Digest()), "PKP key X mismatch"},
			} {
				t.Run(name, func(t *testing.T) { require.Equal(t, c.want, d.ask(t, batchCall(escrow, two, c.sig))) })
			}
			t.Run("of a batch of one for the single release", func(t *testing.T) {
				single := attestation.Signed{Attestation: one.Items[0], Signature: sign(t, one.Digest())}
				require.Equal(t, "PKP key X mismatch", d.ask(t, starknet.NewCall(escrow.Address(), "release_chunk", starknet.EncodeReleaseChunk(single)...)))
			})
		})

		t.Run("items", func(t *testing.T) {
			many := make([][2]uint64, 481)
			for i := range many {
				many[i] = [2]uint64{9, 0}
			}
			for name, c := range map[string]struct {
				items [][2]uint64
				want  string
			}{
				"none":                          {nil, "Batch is empty"},
				"481":                           {many, "Batch too large"},
				"480 of no deal":                {many[:480], "Deal not active"},
				"twice in a run":                {[][2]uint64{{1, 0}, {1, 1}, {1, 0}}, "Chunk already released"},
				"twice apart":                   {[][2]uint64{{1, 0}, {2, 0}, {1, 0}}, "Chunk already released"},
				"again after the deal is done":  {[][2]uint64{{1, 0}, {1, 1}, {1, 2}, {2, 0}, {1, 2}}, "Chunk already released"},
				"behind the last chunk":         {[][2]uint64{{1, 0}, {1, 3}}, "chunk_index out of bounds"},
				"of no deal":                    {[][2]uint64{{1, 0}, {9, 0}}, "Deal not active"},
				"of deal 0":                     {[][2]uint64{{0, 0}}, "Deal not active"},
				"the first bad one speaks":      {[][2]uint64{{1, 3}, {9, 0}}, "chunk_index out of bounds"},
				"all of all deals are accepted": {[][2]uint64{{3, 1}, {2, 0}, {1, 0}, {2, 1}, {1, 2}, {3, 0}, {1, 1}}, ""},
			} {
				t.Run(name, func(t *testing.T) {
					require.Equal(t, c.want, d.ask(t, signed(c.items...)))
					if c.want != "" { // the state speaks before the signature
						require.Equal(t, c.want, d.ask(t, batchCall(escrow, chunks(escrow, c.items...), attestation.Signature{})))
					}
				})
			}
		})

		t.Run("token", func(t *testing.T) {
			defer execute(token.Address(), "set_mode", number(0))
			execute(token.Address(), "set_mode", number(1))
			require.Equal(t, "Token transfer failed", d.ask(t, signed([2]uint64{1, 0})))
			execute(token.Address(), "set_mode", number(2))
			require.Equal(t, "mock failure", d.ask(t, signed([2]uint64{1, 0})))

			again := attestation.Signed{Attestation: chunks(escrow, [2]uint64{2, 1}).Items[0]}
			again.Signature = sign(t, again.Attestation.Digest())
			calldata := starknet.EncodeReleaseChunk(again)
			execute(token.Address(), "set_call", append([]*felt.Felt{feltOf(t, escrow.Address().Word()), starknet.Selector("release_chunk"), number(uint64(len(calldata)))}, calldata...)...)
			execute(token.Address(), "set_mode", number(3))
			require.Equal(t, "Chunk already released", d.ask(t, signed([2]uint64{1, 0}, [2]uint64{2, 1})), "called back into")
			require.Empty(t, d.ask(t, signed([2]uint64{1, 0}, [2]uint64{2, 0})), "another chunk inside is no harm")
		})

		t.Run("replay", func(t *testing.T) {
			_, err := account.Execute(ctx, batchCall(escrow, two, sign(t, two.Digest())))
			require.NoError(t, err)
			require.Equal(t, "Chunk already released", d.ask(t, batchCall(escrow, two, sign(t, two.Digest()))))
			require.Empty(t, d.ask(t, signed([2]uint64{1, 1})), "what single releases left")
		})

		t.Run("pause", func(t *testing.T) {
			require.NoError(t, escrow.Pause(ctx))
			require.Equal(t, "Contract is paused", d.ask(t, signed()))
			require.NoError(t, escrow.Unpause(ctx))
		})

		t.Run("slash", func(t *testing.T) {
			require.NoError(t, d.rpc.CallContext(ctx, nil, "devnet_increaseTime", 3601))
			require.Empty(t, d.ask(t, signed([2]uint64{2, 0})), "the deadline alone stops nothing")
			require.NoError(t, escrow.Slash(ctx, attestation.WordFromUint64(2)))
			require.Equal(t, "Deal not active", d.ask(t, signed([2]uint64{3, 0}, [2]uint64{2, 0})))
		})
	})
}

// highS is the same signature with the larger s.
func highS(sig attestation.Signature) attestation.Signature {
	n, _ := attestation.ParseWord("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	v := n.Big()
	sig.S, _ = attestation.WordFromBig(v.Sub(v, sig.S.Big()))
	sig.V ^= 1
	return sig
}

func feltOf(t *testing.T, w attestation.Word) *felt.Felt {
	t.Helper()
	return words(t, w)[0]
}
