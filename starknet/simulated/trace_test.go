package simulated_test

import (
	"encoding/json"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/client"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/NethermindEth/starknet.go/utils"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/starknet/simulated"
)

// TestTrace reads traces with the strict decoders of starknet.go.
func TestTrace(t *testing.T) {
	c := newChain(t, simulated.Options{Manual: true, Key: attesterKey()})
	ctx := t.Context()
	provider, err := rpc.NewProvider(ctx, "http://in.process/rpc", client.WithHTTPClient(c.Client()))
	require.NoError(t, err)
	me, relay := c.Accounts()[1], c.Accounts()[3]
	calls := c.create(c.Accounts()[2].Address, 3, 100, 50, 3600)
	simulations, err := provider.SimulateTransactions(ctx, rpc.WithBlockTag("pre_confirmed"), []rpc.BroadcastTxn{asBroadcast(t, c.build(me, 0, calls, nil))}, []rpc.SimulationFlag{})
	require.NoError(t, err)

	created := c.sent(me, calls...)
	released := c.sent(relay, c.release(attest(1, 1)))
	reverted := c.send(relay, c.release(attest(1, 1)))
	require.Equal(t, "REVERTED", reverted.Execution)

	hash := felts(t, created.Hash)[0]
	got, err := provider.TraceTransaction(ctx, hash)
	require.NoError(t, err)
	trace := got.(rpc.InvokeTxnTrace)
	name := utils.GetSelectorFromNameFelt
	execute := trace.ExecuteInvocation
	require.Equal(t, name("__validate__"), trace.ValidateInvocation.EntryPointSelector)
	require.Equal(t, name("__execute__"), execute.EntryPointSelector)
	require.Equal(t, felts(t, "0x2", "0x1", "0x1", "0x2", "0x1", "0x0"), execute.Result, "what approve and create_deal return")
	require.Len(t, execute.NestedCalls, 2)
	approve, deal := execute.NestedCalls[0], execute.NestedCalls[1]
	require.Equal(t, name("approve"), approve.EntryPointSelector)
	require.Equal(t, feltOf(me.Address), deal.CallerAddress)
	require.Equal(t, feltOf(c.Escrow()), deal.ContractAddress)
	require.Len(t, deal.NestedCalls, 1)
	inner := deal.NestedCalls[0]
	require.Equal(t, name("transfer_from"), inner.EntryPointSelector)
	require.Equal(t, feltOf(c.Escrow()), inner.CallerAddress)
	require.Equal(t, feltOf(c.Token()), inner.ContractAddress)
	require.Equal(t, append([]*felt.Felt{feltOf(me.Address), feltOf(c.Escrow())}, amountFelts(350)...), inner.Calldata)
	// The events of the calls, in order, are those of the receipt.
	events := append(append(append([]rpc.OrderedEvent{}, approve.InvocationEvents...), inner.InvocationEvents...), deal.InvocationEvents...)
	require.Len(t, events, len(created.Events)-1)
	for i, e := range events {
		require.Equal(t, i, e.Order)
		require.Equal(t, felts(t, created.Events[i].Data...), e.Data)
	}
	require.Equal(t, felts(t, created.Fee.Amount)[0], trace.FeeTransferInvocation.Calldata[1])
	require.Equal(t, felts(t, created.Events[4].Data...), trace.FeeTransferInvocation.InvocationEvents[0].Data)
	require.Len(t, diffOf(trace.StateDiff, c.Escrow()), 9, "the counter and the fields of the deal that are not 0")

	predicted := simulations[0].TxnTrace.(rpc.InvokeTxnTrace)
	require.Equal(t, execute, predicted.ExecuteInvocation)
	require.Equal(t, trace.StateDiff.Nonces, predicted.StateDiff.Nonces)
	require.Equal(t, diffOf(trace.StateDiff, c.Escrow()), diffOf(predicted.StateDiff, c.Escrow()))

	got, err = provider.TraceTransaction(ctx, felts(t, reverted.Hash)[0])
	require.NoError(t, err)
	trace = got.(rpc.InvokeTxnTrace)
	require.Equal(t, reverted.Reason, trace.ExecuteInvocation.RevertReason)
	require.Nil(t, trace.ExecuteInvocation.FnInvocation)
	require.NotNil(t, trace.FeeTransferInvocation)
	require.Empty(t, diffOf(trace.StateDiff, c.Escrow()))

	c.Mine()
	block, err := provider.TraceBlockTransactions(ctx, rpc.WithBlockNumber(1))
	require.NoError(t, err)
	require.Len(t, block, 3)
	require.Equal(t, felts(t, released.Hash)[0], block[1].TxnHash)
	require.Equal(t, hash, block[0].TxnHash)

	require.Equal(t, 29, c.refused("starknet_traceTransaction", "0x1").Code)
	bad, _ := c.bad(simulated.Faults{Reorder: 1})
	waiting := get[receipt](bad, "starknet_addInvokeTransaction", c.build(relay, c.nonce(relay), calls, nil)).Hash
	e := c.refused("starknet_traceTransaction", waiting)
	require.Equal(t, 10, e.Code)
	require.JSONEq(t, `{"status":"RECEIVED"}`, string(e.Data))
}

func asBroadcast(t *testing.T, tx map[string]any) rpc.BroadcastTxn {
	raw, err := json.Marshal(tx)
	require.NoError(t, err)
	var out rpc.InvokeTxnV3
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

func diffOf(d *rpc.StateDiff, contract [32]byte) []rpc.StorageEntry {
	for _, s := range d.StorageDiffs {
		if s.Address.Equal(feltOf(contract)) {
			return s.StorageEntries
		}
	}
	return nil
}

// requireDiff compares a diff with what starknet_getStorageAt says of the blocks
// after and before it; before is nil if there is none.
func (c *chain) requireDiff(d *rpc.StateDiff, before, after any) {
	c.Helper()
	require.NotEmpty(c, d.StorageDiffs)
	for _, s := range d.StorageDiffs {
		for _, e := range s.StorageEntries {
			require.Equal(c, e.Value.String(), get[string](c, "starknet_getStorageAt", s.Address, e.Key, after), "%v of %v", e.Key, s.Address)
			if before != nil {
				require.NotEqual(c, e.Value.String(), get[string](c, "starknet_getStorageAt", s.Address, e.Key, before), "%v of %v", e.Key, s.Address)
			}
		}
	}
}
