package watch_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/watch"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// One value plays all roles.
var (
	_ watch.Slasher    = (*starknet.Escrow)(nil)
	_ watch.Clock      = (*starknet.Escrow)(nil)
	_ watch.Pending    = (*starknet.Escrow)(nil)
	_ slastream.Reader = (*starknet.Escrow)(nil)
)

// The tower at a real binding and a node that speaks JSON-RPC: a release is told
// as it is accepted and settled, and the deal is slashed at its deadline.
func TestTowerAtANode(t *testing.T) {
	local, err := signer.NewLocal([32]byte{31: 9})
	require.NoError(t, err)
	attester, err := signer.New(local)
	require.NoError(t, err)
	node := simulated.New(simulated.Options{Key: local.PublicKey()})
	caller := jsonrpc.NewClient("http://in.process/rpc/v0_10", node.Client())
	escrow := func(account int) *starknet.Escrow {
		a := node.Accounts()[account]
		key, err := starknet.NewLocalKey(a.PrivateKey)
		require.NoError(t, err)
		return starknet.NewEscrow(caller, node.Escrow(), starknet.WithAccount(
			starknet.NewAccount(caller, starknet.Sepolia, a.Address, key, starknet.WithPoll(time.Millisecond))))
	}
	id, err := escrow(1).CreateDeal(t.Context(), slastream.Terms{
		Provider: node.Accounts()[2].Address, Chunks: 2, ChunkAmount: slastream.AmountFromUint64(10), Duration: hour,
	})
	require.NoError(t, err)

	mail, own := &mailbox{}, escrow(3)
	var open atomic.Int64
	tower, err := watch.New(watch.Config{
		Domain: node.Domain(), Escrow: own, Slasher: own, Clock: own, Pending: own, Notifier: mail, Poll: 5 * time.Millisecond,
		OnTurn:   func(r watch.Report, _ error) { open.Store(int64(r.Open)) },
		Accepted: own.Watcher(starknet.WithPollTime(time.Millisecond)),
		Settled:  own.Watcher(starknet.WithPollTime(time.Millisecond), starknet.WithFinality(starknet.AcceptedOnL1)),
	})
	require.NoError(t, err)
	stop := running(t, tower)
	told := func(want ...string) {
		t.Helper()
		require.Eventually(t, func() bool { return len(mail.told()) >= len(want) }, 20*time.Second, 5*time.Millisecond, "want %v, got %v", want, mail.told())
		require.ElementsMatch(t, want, mail.told())
	}
	signed, err := attester.Attest(t.Context(), signer.Request{Domain: node.Domain(), Attestation: attestation.Attestation{DealID: id, ProofSetID: word(3), Timestamp: 1}})
	require.NoError(t, err)
	require.NoError(t, escrow(2).Release(t.Context(), signed))
	told("released pending 1")
	head, err := own.Head(t.Context())
	require.NoError(t, err)
	_, err = node.AcceptOnL1(head)
	require.NoError(t, err)
	told("released pending 1", "released final 1")
	node.IncreaseTime(hour)
	node.Mine()
	ended := []string{"released pending 1", "released final 1", "deadline final 1", "slashed pending 1"}
	slashed := func() bool {
		deal, err := own.Deal(t.Context(), id)
		require.NoError(t, err)
		return deal.Slashed
	}
	told(ended...)
	over := func() bool { return slashed() && open.Load() == 0 }
	require.Eventually(t, over, 20*time.Second, 5*time.Millisecond)

	// The blocks with the slash are dropped: it is not final, and is done again.
	_, err = node.Abort(head + 1)
	require.NoError(t, err)
	require.False(t, slashed())
	node.IncreaseTime(hour)
	node.Mine()
	again := append(ended, "slashed retracted 1", "deadline final 1", "slashed pending 1")
	told(again...)
	require.Eventually(t, over, 20*time.Second, 5*time.Millisecond)
	time.Sleep(50 * time.Millisecond)
	told(again...)
	head, err = own.Head(t.Context())
	require.NoError(t, err)
	_, err = node.AcceptOnL1(head)
	require.NoError(t, err)
	told(append(again, "slashed final 1")...)
	require.Error(t, stop())
}
