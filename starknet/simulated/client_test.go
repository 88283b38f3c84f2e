package simulated_test

import (
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/account"
	"github.com/NethermindEth/starknet.go/client"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/NethermindEth/starknet.go/utils"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/starknet/simulated"
)

// TestStarknetGo drives a deal with the unmodified starknet.go.
func TestStarknetGo(t *testing.T) {
	c := newChain(t, simulated.Options{Seed: 7})
	ctx := t.Context()
	provider, err := rpc.NewProvider(ctx, "http://in.process/rpc", client.WithHTTPClient(c.Client()))
	require.NoError(t, err)

	me := c.Accounts()[1]
	public := feltOf(me.PublicKey).String()
	keys := account.SetNewMemKeystore(public, new(big.Int).SetBytes(me.PrivateKey[:]))
	acct, err := account.NewAccount(provider, feltOf(me.Address), public, keys, account.CairoV2)
	require.NoError(t, err)

	provide := c.Accounts()[2].Address
	sent, err := acct.BuildAndSendInvokeTxn(ctx, c.create(provide, 3, 100, 50, 3600), nil)
	require.NoError(t, err)
	r, err := acct.WaitForTransactionReceipt(ctx, sent.Hash, time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, rpc.TxnExecutionStatusSUCCEEDED, r.ExecutionStatus)
	require.Equal(t, rpc.TxnFinalityStatusAcceptedOnL2, r.FinalityStatus)
	require.Len(t, r.Events, 5, "Approval, Approval of what is left, Transfer, DealCreated, fee Transfer")
	fee := r.Events[4]
	require.Equal(t, []*felt.Felt{feltOf(me.Address), felts(t, "0x1000")[0], r.ActualFee.Amount, new(felt.Felt)}, fee.Data)

	deal, err := provider.Call(ctx, rpc.FunctionCall{
		ContractAddress: feltOf(c.Escrow()), EntryPointSelector: utils.GetSelectorFromNameFelt("get_deal"), Calldata: amountFelts(1),
	}, rpc.WithBlockTag(rpc.BlockTagLatest))
	require.NoError(t, err)
	require.Len(t, deal, 13)
	require.Equal(t, feltOf(me.Address), deal[0])
	require.Equal(t, uint64(start+3600), deal[10].Uint64())

	events, err := provider.Events(ctx, rpc.EventsInput{
		EventFilter: rpc.EventFilter{
			FromBlock: rpc.WithBlockNumber(0), ToBlock: rpc.WithBlockTag(rpc.BlockTagLatest),
			Address: feltOf(c.Escrow()), Keys: [][]*felt.Felt{{utils.GetSelectorFromNameFelt("DealCreated")}},
		},
		ResultPageRequest: rpc.ResultPageRequest{ChunkSize: 10},
	})
	require.NoError(t, err)
	require.Len(t, events.Events, 1)
	require.Equal(t, sent.Hash, events.Events[0].TransactionHash)

	block, err := provider.BlockWithReceipts(ctx, rpc.WithBlockTag(rpc.BlockTagLatest))
	require.NoError(t, err)
	require.Len(t, block.(*rpc.BlockWithReceipts).Transactions, 1)
	tx, err := provider.TransactionByHash(ctx, sent.Hash)
	require.NoError(t, err)
	require.Equal(t, sent.Hash, tx.Hash)

	// The estimate refuses what would revert, as a real node's does.
	_, err = acct.BuildAndSendInvokeTxn(ctx, c.create(provide, 0, 100, 50, 3600), nil)
	var rpcErr *rpc.RPCError
	require.ErrorAs(t, err, &rpcErr)
	require.Equal(t, 41, rpcErr.Code)

	class, err := provider.ClassAt(ctx, rpc.WithBlockTag(rpc.BlockTagLatest), feltOf(c.Escrow()))
	require.NoError(t, err)
	require.NotNil(t, class)
}

// TestStarknetGoSocket follows heads and events with starknet.go's WebSocket
// provider.
func TestStarknetGoSocket(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	server := httptest.NewServer(c.Node)
	defer server.Close()
	provider, err := rpc.NewWebsocketProvider(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/ws")
	require.NoError(t, err)
	defer provider.Close()
	heads, events := make(chan *rpc.BlockHeader, 8), make(chan *rpc.EmittedEventWithFinalityStatus, 8)
	headSub, err := provider.SubscribeNewHeads(t.Context(), heads, rpc.SubscriptionBlockID{})
	require.NoError(t, err)
	defer headSub.Unsubscribe()
	eventSub, err := provider.SubscribeEvents(t.Context(), events, &rpc.EventSubscriptionInput{FromAddress: feltOf(c.Escrow())})
	require.NoError(t, err)
	defer eventSub.Unsubscribe()

	r := c.sent(c.Accounts()[1], c.create(c.Accounts()[2].Address, 3, 100, 50, 3600)...)
	select {
	case head := <-heads:
		require.Equal(t, r.BlockHash, head.Hash.String())
	case <-time.After(10 * time.Second):
		t.Fatal("no head")
	}
	select {
	case e := <-events:
		require.Equal(t, r.Hash, e.TransactionHash.String())
		require.Equal(t, utils.GetSelectorFromNameFelt("DealCreated"), e.Keys[0])
	case <-time.After(10 * time.Second):
		t.Fatal("no event")
	}
}
