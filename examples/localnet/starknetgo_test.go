package main

import (
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/account"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/NethermindEth/starknet.go/utils"
	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/stretchr/testify/require"
)

// starknetGo is a program that has starknet.go for its client and takes from
// this SDK only what needs no node.
type starknetGo struct {
	*testing.T
	config
	provider *rpc.Provider
}

func (g *starknetGo) account(i int) *account.Account {
	g.Helper()
	a := g.Starknet.Accounts[i]
	public := toFelt(a.PublicKey).String()
	keys := account.SetNewMemKeystore(public, new(big.Int).SetBytes(a.PrivateKey[:]))
	acct, err := account.NewAccount(g.provider, toFelt(a.Address), public, keys, account.CairoV2)
	require.NoError(g, err)
	return acct
}

func (g *starknetGo) invoke(contract slastream.Address, name string, data ...*felt.Felt) rpc.InvokeFunctionCall {
	return rpc.InvokeFunctionCall{ContractAddress: toFelt(contract), FunctionName: name, CallData: data}
}

// landed waits for a transaction and returns its receipt and its fee.
func (g *starknetGo) landed(a *account.Account, hash *felt.Felt) (*rpc.TransactionReceiptWithBlockInfo, slastream.Amount) {
	g.Helper()
	r, err := a.WaitForTransactionReceipt(g.Context(), hash, time.Millisecond)
	require.NoError(g, err)
	require.Equal(g, rpc.TxnFinalityStatusAcceptedOnL2, r.FinalityStatus)
	require.Equal(g, rpc.UnitFri, r.ActualFee.Unit)
	return r, slastream.AmountFromWord(r.ActualFee.Amount.Bytes())
}

// succeed sends calls, with a fee that starknet.go estimates, and returns the
// events of the escrow.
func (g *starknetGo) succeed(from int, calls ...rpc.InvokeFunctionCall) (fee slastream.Amount, events []slastream.Event) {
	g.Helper()
	a := g.account(from)
	sent, err := a.BuildAndSendInvokeTxn(g.Context(), calls, nil)
	require.NoError(g, err)
	r, fee := g.landed(a, sent.Hash)
	require.Equal(g, rpc.TxnExecutionStatusSUCCEEDED, r.ExecutionStatus, r.RevertReason)
	for _, e := range r.Events {
		if e.FromAddress.Equal(toFelt(g.Starknet.Escrow)) {
			event, err := starknet.ParseEvent(e.Keys, e.Data)
			require.NoError(g, err)
			events = append(events, event)
		}
	}
	return fee, events
}

// refused checks that an error is that one of the specification, whose texts
// starknet.go has too.
func (g *starknetGo) refused(err error, want *rpc.RPCError) *rpc.RPCError {
	g.Helper()
	var got *rpc.RPCError
	require.ErrorAs(g, err, &got)
	require.Equal(g, want.Code, got.Code)
	require.Equal(g, want.Message, got.Message)
	return got
}

func (g *starknetGo) view(contract slastream.Address, name string, data ...*felt.Felt) ([]*felt.Felt, error) {
	return g.provider.Call(g.Context(), rpc.FunctionCall{
		ContractAddress: toFelt(contract), EntryPointSelector: utils.GetSelectorFromNameFelt(name), Calldata: data,
	}, rpc.WithBlockTag(rpc.BlockTagLatest))
}

func (g *starknetGo) balance(holder slastream.Address) slastream.Amount {
	g.Helper()
	out, err := g.view(g.Starknet.Token, "balance_of", toFelt(holder))
	require.NoError(g, err)
	require.Len(g, out, 2)
	require.True(g, out[1].IsZero())
	return slastream.AmountFromWord(out[0].Bytes())
}

func toFelt[T ~[32]byte](word T) *felt.Felt {
	b := [32]byte(word)
	return new(felt.Felt).SetBytes(b[:])
}

// u256 is a number of the calldata: low and high half.
func u256(n uint64) []*felt.Felt { return []*felt.Felt{new(felt.Felt).SetUint64(n), new(felt.Felt)} }

// TestStarknetGo drives a deal with the unmodified starknet.go.
func TestStarknetGo(t *testing.T) {
	c, _, _ := start(t)
	ctx := t.Context()
	provider, err := rpc.NewProvider(ctx, c.Starknet.RPC) // fails for another version of the RPC
	require.NoError(t, err)
	g := &starknetGo{t, c, provider}
	chainID, err := provider.ChainID(ctx)
	require.NoError(t, err)
	require.Equal(t, "SN_SEPOLIA", chainID)

	const client, relay = 1, 3
	clientAddress, providerAddress := c.Starknet.Accounts[client].Address, c.Starknet.Accounts[2].Address
	holders := []slastream.Address{clientAddress, providerAddress, c.Starknet.Accounts[relay].Address, c.Starknet.Escrow}
	var before []slastream.Amount
	for _, h := range holders {
		before = append(before, g.balance(h))
	}
	fees := make([]slastream.Amount, len(holders))
	pay := func(holder int, fee slastream.Amount) {
		sum, err := fees[holder].Add(fee)
		require.NoError(t, err)
		fees[holder] = sum
	}

	terms := slastream.Terms{Provider: providerAddress, Chunks: 3, ChunkAmount: slastream.AmountFromUint64(100), Collateral: slastream.AmountFromUint64(50), Duration: 3600}
	fee, created := g.succeed(client,
		g.invoke(c.Starknet.Token, "approve", append([]*felt.Felt{toFelt(c.Starknet.Escrow)}, u256(350)...)...),
		g.invoke(c.Starknet.Escrow, "create_deal", starknet.EncodeCreateDeal(terms)...))
	pay(0, fee)
	require.Len(t, created, 1)
	deal := created[0].(slastream.DealCreated)
	require.Equal(t, clientAddress, deal.Client)

	key, err := signer.NewLocal(c.Attester.PrivateKey)
	require.NoError(t, err)
	attester, err := signer.New(key)
	require.NoError(t, err)
	signed, err := attester.Attest(ctx, signer.Request{Attestation: attestation.Attestation{
		DealID: deal.DealID, ChunkIndex: 1, ProofSetID: attestation.WordFromUint64(1), RootCID: attestation.WordFromUint64(0xabc), Timestamp: deal.SLADeadline,
	}})
	require.NoError(t, err)
	release := g.invoke(c.Starknet.Escrow, "release_chunk", starknet.EncodeReleaseChunk(signed)...)
	fee, released := g.succeed(relay, release)
	pay(2, fee)
	require.Equal(t, []slastream.Event{slastream.ChunkReleased{
		DealID: deal.DealID, ChunkIndex: 1, Amount: terms.ChunkAmount, Provider: providerAddress,
	}}, released)

	// The same again: the estimate refuses it, and without one it lands reverted.
	const reason = "0x4368756e6b20616c72656164792072656c6561736564 ('Chunk already released')"
	_, err = g.account(relay).BuildAndSendInvokeTxn(ctx, []rpc.InvokeFunctionCall{release}, nil)
	refusal := g.refused(err, rpc.ErrTxnExec)
	data, err := json.Marshal(refusal.Data)
	require.NoError(t, err)
	require.Contains(t, string(data), "0x4368756e6b20616c72656164792072656c6561736564")
	reverted, fee := g.unestimated(relay, release)
	pay(2, fee)
	require.Equal(t, rpc.TxnExecutionStatusREVERTED, reverted.ExecutionStatus)
	require.Contains(t, reverted.RevertReason, reason)

	_, err = g.view(c.Starknet.Escrow, "get_deal", new(felt.Felt))
	refusal = g.refused(err, rpc.ErrContractError)
	require.IsType(t, &rpc.ContractErrData{}, refusal.Data)
	_, err = g.view(c.Starknet.Escrow, "no_such_thing")
	g.refused(err, rpc.ErrEntrypointNotFound)
	_, err = provider.TransactionReceipt(ctx, new(felt.Felt).SetUint64(1))
	g.refused(err, rpc.ErrHashNotFound)

	slash := g.invoke(c.Starknet.Escrow, "slash", u256(1)...)
	_, err = g.account(relay).BuildAndSendInvokeTxn(ctx, []rpc.InvokeFunctionCall{slash}, nil)
	g.refused(err, rpc.ErrTxnExec)
	call[json.RawMessage](t, c.Starknet.RPC, "devnet_increaseTime", 3600)
	fee, slashed := g.succeed(relay, slash)
	pay(2, fee)
	require.Equal(t, []slastream.Event{slastream.DealSlashed{
		DealID: deal.DealID, Provider: providerAddress, SlashAmount: slastream.AmountFromUint64(250), Client: clientAddress,
	}}, slashed)

	out, err := g.view(c.Starknet.Escrow, "get_deal", u256(1)...)
	require.NoError(t, err)
	got, err := starknet.DecodeDeal(deal.DealID, out)
	require.NoError(t, err)
	require.Equal(t, slastream.Deal{
		ID: deal.DealID, Client: clientAddress, Provider: providerAddress, Total: slastream.AmountFromUint64(300), ChunkAmount: terms.ChunkAmount,
		Chunks: 3, Released: 1, Collateral: terms.Collateral, Deadline: deal.SLADeadline, Slashed: true,
	}, got)
	counter, err := provider.StorageAt(ctx, toFelt(c.Starknet.Escrow), "deal_counter", rpc.WithBlockTag(rpc.BlockTagLatest))
	require.NoError(t, err)
	require.Equal(t, "0x1", counter)
	nonce, err := g.account(relay).Nonce(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 3, nonce.Uint64())
	require.Equal(t, append(append(created, released...), slashed...), g.history())

	for i, change := range []int64{-350 + 200 + 50, 100, 0, 0} {
		want := new(big.Int).Add(before[i].Word().Big(), big.NewInt(change))
		want.Sub(want, fees[i].Word().Big())
		require.Equal(t, want.String(), g.balance(holders[i]).String())
	}
}

// unestimated sends a call with bounds that are enough for any.
func (g *starknetGo) unestimated(from int, f rpc.InvokeFunctionCall) (*rpc.TransactionReceiptWithBlockInfo, slastream.Amount) {
	g.Helper()
	a := g.account(from)
	nonce, err := a.Nonce(g.Context())
	require.NoError(g, err)
	data, err := a.FmtCalldata(utils.InvokeFuncCallsToFunctionCalls([]rpc.InvokeFunctionCall{f}))
	require.NoError(g, err)
	tx := utils.BuildInvokeTxn(a.Address, nonce, data, &rpc.ResourceBoundsMapping{
		L1Gas:     rpc.ResourceBounds{MaxAmount: "0x0", MaxPricePerUnit: "0x174876e800"},
		L1DataGas: rpc.ResourceBounds{MaxAmount: "0x186a0", MaxPricePerUnit: "0x174876e800"},
		L2Gas:     rpc.ResourceBounds{MaxAmount: "0x3b9aca00", MaxPricePerUnit: "0x77359400"},
	}, nil)
	require.NoError(g, a.SignInvokeTransaction(g.Context(), tx))
	sent, err := g.provider.AddInvokeTransaction(g.Context(), tx)
	require.NoError(g, err)
	return g.landed(a, sent.Hash)
}

// history returns the events of the escrow, read in pages of one.
func (g *starknetGo) history() (events []slastream.Event) {
	g.Helper()
	in := rpc.EventsInput{
		EventFilter:       rpc.EventFilter{FromBlock: rpc.WithBlockNumber(0), ToBlock: rpc.WithBlockTag(rpc.BlockTagLatest), Address: toFelt(g.Starknet.Escrow)},
		ResultPageRequest: rpc.ResultPageRequest{ChunkSize: 1},
	}
	for {
		page, err := g.provider.Events(g.Context(), in)
		require.NoError(g, err)
		for _, e := range page.Events {
			event, err := starknet.ParseEvent(e.Keys, e.Data)
			require.NoError(g, err)
			events = append(events, event)
		}
		if page.ContinuationToken == "" {
			return events
		}
		in.ContinuationToken = page.ContinuationToken
	}
}
