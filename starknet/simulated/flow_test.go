package simulated_test

import (
	"fmt"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// attester is the attestation key of the tests.
var attester = secp256k1.PrivKeyFromBytes([]byte("attestation key of these tests.."))

func attesterKey() attestation.PublicKey {
	p := attester.PubKey()
	return attestation.PublicKey{X: [32]byte(p.X().FillBytes(make([]byte, 32))), Y: [32]byte(p.Y().FillBytes(make([]byte, 32)))}
}

func attest(deal, chunk uint64) attestation.Signed {
	a := attestation.Attestation{DealID: attestation.WordFromUint64(deal), ChunkIndex: chunk, ProofSetID: attestation.WordFromUint64(42), Timestamp: 1234}
	d := a.Digest()
	sig := ecdsa.SignCompact(attester, d[:], false)
	return attestation.Signed{Attestation: a, Signature: attestation.Signature{R: [32]byte(sig[1:33]), S: [32]byte(sig[33:]), V: uint32(sig[0] - 27)}}
}

func limbs(w attestation.Word) []*felt.Felt {
	return []*felt.Felt{new(felt.Felt).SetBytes(w[16:]), new(felt.Felt).SetBytes(w[:16])}
}

func (c *chain) release(s attestation.Signed) rpc.InvokeFunctionCall {
	var data []*felt.Felt
	number := func(v uint64) { data = append(data, new(felt.Felt).SetUint64(v)) }
	data = append(data, limbs(s.Attestation.DealID)...)
	number(s.Attestation.ChunkIndex)
	data = append(append(data, limbs(s.Attestation.ProofSetID)...), limbs(s.Attestation.RootCID)...)
	number(s.Attestation.Timestamp)
	data = append(append(data, limbs(s.Signature.R)...), limbs(s.Signature.S)...)
	number(uint64(s.Signature.V))
	return call(c.Escrow(), "release_chunk", data...)
}

func (c *chain) slash(deal uint64) rpc.InvokeFunctionCall {
	return call(c.Escrow(), "slash", amountFelts(deal)...)
}

// requireSupply checks that no token was lost or made.
func (c *chain) requireSupply(block any) {
	c.Helper()
	var sum slastream.Amount
	for _, a := range append(c.holders(), c.minter()) {
		next, err := sum.Add(c.balance(block, a))
		require.NoError(c, err)
		sum = next
	}
	require.Equal(c, c.amount(c.read(block, call(c.Token(), "total_supply"))), sum)
}

var sequencer = slastream.Address{30: 0x10}

func (c *chain) holders() []slastream.Address {
	out := []slastream.Address{c.Escrow(), sequencer}
	for _, a := range c.Accounts() {
		out = append(out, a.Address)
	}
	return out
}

// minter is the account that pays for mints: the sender of one.
func (c *chain) minter() slastream.Address {
	c.Helper()
	other := newChain(c, simulated.Options{Key: attesterKey()})
	hash, err := other.Mint(other.Escrow(), slastream.Amount{})
	require.NoError(c, err)
	tx := get[struct {
		Sender string `json:"sender_address"`
	}](other, "starknet_getTransactionByHash", feltOf(hash))
	return felts(c, tx.Sender)[0].Bytes()
}

func revertText(c *chain, from simulated.Account, to slastream.Address, class, selector, felt, text string) string {
	account := fmt.Sprintf("(contract address: %v, class hash: 0x05b4b537eaa2399e3aa99c4e2e0208ebd6c71bc1467938cd52c798c601e43564, selector: 0x015d40a3d6ca2ac30f4031e42be28da9b056fef9bb7357ac5e85627ee876e5ad)", from.Address)
	return fmt.Sprintf("Transaction execution has failed:\n0: Error in the called contract %s:\nExecution failed. Failure reason:\nError in contract %s:\nError in contract (contract address: %v, class hash: %s, selector: %s):\n%s ('%s').\n",
		account, account, to, class, selector, felt, text)
}

func TestDeal(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	owner, client, provider, relay := c.Accounts()[0], c.Accounts()[1], c.Accounts()[2].Address, c.Accounts()[3]
	c.sent(client, c.create(provider, 3, 100, 50, 3600)...)
	before := c.balance("latest", provider)

	r := c.sent(relay, c.release(attest(1, 1)))
	require.Len(t, r.Events, 3, "token Transfer, ChunkReleased, fee")
	require.Equal(t, feltOf(c.Escrow()).String(), r.Events[1].From)
	require.Equal(t, []string{"0x25a87ee1be734bd6a7bdd4001af1dc52d7cce3691ea03c77b73481003725828", "0x1", "0x0"}, r.Events[1].Keys)
	require.Equal(t, []string{"0x1", "0x64", "0x0", feltOf(provider).String()}, r.Events[1].Data)
	require.Equal(t, add(t, before, 100), c.balance("latest", provider))

	r = c.send(relay, c.release(attest(1, 1)))
	require.Equal(t, "REVERTED", r.Execution)
	require.Equal(t, revertText(c, relay, c.Escrow(), "0x067ce52b98b51ba0a31fa971e848c9222eaff53c6e3d8438d1bf09a16a667fc9",
		"0x00baf9006d6b31d5b9af5385d436484b83cdab06d2bc4dcc8d8f70c15e7ad9cf", "0x4368756e6b20616c72656164792072656c6561736564", "Chunk already released"), r.Reason)

	r = c.sent(relay, c.release(attest(1, 0)), c.release(attest(1, 2)))
	require.Len(t, r.Events, 7, "two releases, the second completes the deal, fee")
	require.Equal(t, add(t, before, 350), c.balance("latest", provider))

	// Slash: not a second before the deadline.
	c.sent(client, c.create(provider, 4, 100, 50, 7200)...)
	deadline := uint64(start + 7200)
	c.SetTime(deadline - 1)
	r = c.send(relay, c.slash(2))
	require.Contains(t, r.Reason, "('SLA deadline not reached').")
	c.SetTime(deadline)
	c.sent(relay, c.slash(2))
	require.Equal(t, "0x1", c.read("latest", call(c.Escrow(), "get_deal", amountFelts(2)...))[12])

	require.Contains(t, c.send(client, call(c.Escrow(), "pause")).Reason, "('Not owner').")
	c.sent(owner, call(c.Escrow(), "pause"))
	require.Contains(t, c.send(client, c.create(provider, 1, 1, 0, 1)...).Reason, "('Contract is paused').")
	c.sent(owner, call(c.Escrow(), "unpause"))
	c.requireSupply("latest")
}

func add(t testing.TB, a slastream.Amount, v uint64) slastream.Amount {
	sum, err := a.Add(slastream.AmountFromUint64(v))
	require.NoError(t, err)
	return sum
}

// TestRevertLeavesNonceAndFee has a call that succeeds before one that fails.
func TestRevertLeavesNonceAndFee(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	client, relay := c.Accounts()[1], c.Accounts()[3]
	c.sent(client, c.create(c.Accounts()[2].Address, 3, 100, 50, 3600)...)
	deal := c.read("latest", call(c.Escrow(), "get_deal", amountFelts(1)...))
	before := map[slastream.Address]slastream.Amount{}
	for _, a := range c.holders() {
		before[a] = c.balance("latest", a)
	}
	nonce := c.nonce(relay)

	r := c.send(relay, call(c.Token(), "transfer", append([]*felt.Felt{feltOf(client.Address)}, amountFelts(7)...)...), c.release(attest(1, 0)), c.release(attest(1, 0)))
	require.Equal(t, "REVERTED", r.Execution)
	require.Len(t, r.Events, 1)
	require.Equal(t, []string{feltOf(relay.Address).String(), "0x1000", r.Fee.Amount, "0x0"}, r.Events[0].Data)

	require.Equal(t, nonce+1, c.nonce(relay))
	require.Equal(t, deal, c.read("latest", call(c.Escrow(), "get_deal", amountFelts(1)...)))
	fee := c.amount([]string{r.Fee.Amount, "0x0"})
	require.False(t, fee.IsZero())
	for _, a := range c.holders() {
		want := before[a]
		var err error
		switch a {
		case relay.Address:
			want, err = want.Sub(fee)
		case sequencer:
			want, err = want.Add(fee)
		}
		require.NoError(t, err)
		require.Equal(t, want, c.balance("latest", a))
	}
	c.requireSupply("latest")
}

// TestBounds: what an estimate says passes, one unit of gas less is charged in
// full and reverts.
func TestBounds(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	client, relay := c.Accounts()[1], c.Accounts()[3]
	c.sent(client, c.create(c.Accounts()[2].Address, 3, 100, 50, 3600)...)
	calls := []rpc.InvokeFunctionCall{c.release(attest(1, 0)), c.release(attest(1, 1))}
	estimates := get[[]struct {
		L2   string `json:"l2_gas_consumed"`
		Data string `json:"l1_data_gas_consumed"`
	}](c, "starknet_estimateFee", []any{c.build(relay, 0, calls, nil)}, []string{}, "latest")
	require.Len(t, estimates, 1)
	gas := felts(t, estimates[0].L2)[0].Uint64()

	limit := func(l2 uint64) func(*rpc.InvokeTxnV3) {
		return func(tx *rpc.InvokeTxnV3) {
			tx.ResourceBounds.L2Gas = rpc.ResourceBounds{MaxAmount: rpc.U64(fmt.Sprintf("%#x", l2)), MaxPricePerUnit: "0x3b9aca00"}
			tx.ResourceBounds.L1DataGas = rpc.ResourceBounds{MaxAmount: rpc.U64(estimates[0].Data), MaxPricePerUnit: "0x3b9aca00"}
		}
	}
	r := c.post(c.build(relay, 0, calls, limit(gas-1)))
	require.Equal(t, fmt.Sprintf("Insufficient max L2Gas: max amount: %d, actual used: %d.", gas-1, gas), r.Reason)
	require.Equal(t, "0x0", c.read("latest", call(c.Escrow(), "get_deal", amountFelts(1)...))[7], "nothing released")
	r = c.post(c.build(relay, 1, calls, limit(gas)))
	require.Equal(t, "SUCCEEDED", r.Execution, r.Reason)
	c.requireSupply("latest")

	// A sender that spends what it would need for the fee.
	all := c.balance("latest", relay.Address)
	spend := call(c.Token(), "transfer", append([]*felt.Felt{feltOf(client.Address)}, limbs(all.Word())...)...)
	r = c.send(relay, spend)
	require.Contains(t, r.Reason, "Insufficient fee token balance. Fee: ")
	c.requireSupply("latest")
}
