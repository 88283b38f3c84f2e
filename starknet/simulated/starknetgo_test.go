package simulated_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/starknet/simulated"
)

// receive waits for the next value of a subscription.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// TestStarknetGoFinality follows a transaction with every subscription that
// starknet.go has for it, from received to accepted on L1 and through a
// reorganization.
func TestStarknetGoFinality(t *testing.T) {
	c := newChain(t, simulated.Options{Manual: true, Key: attesterKey()})
	server := httptest.NewServer(c.Node)
	defer server.Close()
	provider, err := rpc.NewWebsocketProvider(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/ws/v0_9")
	require.NoError(t, err)
	defer provider.Close()
	me := c.Accounts()[1]
	tx := c.build(me, 0, c.create(c.Accounts()[2].Address, 3, 100, 50, 3600), nil)
	hash := felts(t, c.hashOf(tx))[0]

	statuses, receipts, transactions := make(chan *rpc.NewTxnStatus, 8), make(chan *rpc.TransactionReceiptWithBlockInfo, 8), make(chan *rpc.TxnWithHashAndStatus, 8)
	sub, err := provider.SubscribeTransactionStatus(t.Context(), statuses, hash)
	require.NoError(t, err)
	defer sub.Unsubscribe()
	both := []rpc.TxnFinalityStatus{rpc.TxnFinalityStatusPreConfirmed, rpc.TxnFinalityStatusAcceptedOnL2}
	receiptSub, err := provider.SubscribeNewTransactionReceipts(t.Context(), receipts, &rpc.SubNewTxnReceiptsInput{FinalityStatus: both})
	require.NoError(t, err)
	defer receiptSub.Unsubscribe()
	txSub, err := provider.SubscribeNewTransactions(t.Context(), transactions, &rpc.SubNewTxnsInput{
		FinalityStatus: []rpc.TxnStatus{rpc.TxnStatusReceived, rpc.TxnStatusPreConfirmed, rpc.TxnStatusAcceptedOnL2},
	})
	require.NoError(t, err)
	defer txSub.Unsubscribe()

	bad, _ := c.bad(simulated.Faults{Reorder: 1})
	get[receipt](bad, "starknet_addInvokeTransaction", tx)
	require.Equal(t, rpc.TxnStatusReceived, receive(t, statuses).Status.FinalityStatus)
	require.Equal(t, rpc.TxnStatusReceived, receive(t, transactions).FinalityStatus)
	require.Equal(t, rpc.TxnStatusCandidate, receive(t, statuses).Status.FinalityStatus)
	c.Mine()
	require.Equal(t, rpc.TxnStatusPreConfirmed, receive(t, statuses).Status.FinalityStatus)
	require.Equal(t, rpc.TxnStatusPreConfirmed, receive(t, transactions).FinalityStatus)
	r := receive(t, receipts)
	require.Equal(t, rpc.TxnFinalityStatusPreConfirmed, r.FinalityStatus)
	require.True(t, r.BlockHash.IsZero(), "starknet.go reads no hash as 0")

	status := receive(t, statuses)
	require.Equal(t, hash, status.TransactionHash)
	require.Equal(t, rpc.TxnStatusAcceptedOnL2, status.Status.FinalityStatus)
	require.Equal(t, rpc.TxnExecutionStatusSUCCEEDED, status.Status.ExecutionStatus)
	r = receive(t, receipts)
	require.Equal(t, rpc.TxnFinalityStatusAcceptedOnL2, r.FinalityStatus)
	require.Equal(t, hash, r.Hash)
	require.False(t, r.BlockHash.IsZero())
	require.Equal(t, hash, receive(t, transactions).Hash)

	_, err = c.AcceptOnL1(1)
	require.NoError(t, err)
	require.Equal(t, rpc.TxnStatusAcceptedOnL1, receive(t, statuses).Status.FinalityStatus)

	// starknet.go panics when a subscription of transactions hears of a reorganization.
	receiptSub.Unsubscribe()
	txSub.Unsubscribe()
	dropped := c.Mine()
	_, err = c.Abort(2)
	require.NoError(t, err)
	require.Equal(t, feltOf(dropped), receive(t, sub.Reorg()).StartBlockHash)
}
