package starknet_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

func TestVersionOfNode(t *testing.T) {
	for version, good := range map[string]bool{
		"0.9.0": true, "0.9.1": true, "0.9": true, "0.10.0": true, "0.10.2": true, "0.10.4-rc.1": true,
		"0.8.1": false, "0.11.0": false, "1.9.0": false, "0.9.0.1": false, "0.x.1": false, "0.9.x": false, "": false, "0": false, "v0.9.0": false, "0.99999999.1": false,
	} {
		node := newScript(t)
		node.answer("starknet_specVersion", version)
		node.answer("starknet_blockNumber", 7)
		var n uint64
		err := starknet.NewNode(node.client()).CallContext(t.Context(), &n, "starknet_blockNumber")
		if good {
			require.NoError(t, err, version)
			require.Equal(t, uint64(7), n)
			continue
		}
		var wrong *starknet.VersionError
		require.ErrorAs(t, err, &wrong, version)
		require.Equal(t, version, wrong.Version)
		require.ErrorContains(t, err, "/rpc/v0_9 or /rpc/v0_10", "it says what to do")
		require.Zero(t, n)
		require.Zero(t, node.count("starknet_blockNumber"), "nothing else is asked")
		require.Equal(t, starknet.ClassPermanent, starknet.Classify(err))
	}
}

// TestVersionIsAskedOnce: by many at once, and by all bindings of one node.
func TestVersionIsAskedOnce(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_blockNumber", 7)
	node.answer("starknet_call", []string{"0x5", "0x0"})
	node.answer("starknet_getNonce", "0x1")
	shared := starknet.NewNode(node.client())
	require.Same(t, shared, starknet.NewNode(shared))
	require.Zero(t, node.version, "not before the first call")
	account := starknet.NewAccount(shared, starknet.Sepolia, senderAddress, newKey(t))
	escrow := starknet.NewEscrow(shared, escrowAddress, starknet.WithAccount(account))
	token := starknet.NewERC20(shared, tokenAddress)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { require.NoError(t, second(escrow.Head(t.Context()))) })
		group.Go(func() { require.NoError(t, second(token.TotalSupply(t.Context()))) })
		group.Go(func() { require.NoError(t, second(account.Nonce(t.Context()))) })
	}
	group.Wait()
	require.Equal(t, 1, node.version)
}

// TestVersionFailureIsNotKept: a node that was away, or spoke another version,
// is asked again.
func TestVersionFailureIsNotKept(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_blockNumber", 7)
	escrow := starknet.NewEscrow(node.client(), escrowAddress)
	away := errors.New("connection refused")
	node.broken = func(*http.Request) error { return away }
	require.ErrorIs(t, second(escrow.Head(t.Context())), away)
	node.broken = nil
	node.fail("starknet_specVersion", -32603, "Internal error", "")
	require.ErrorContains(t, second(escrow.Head(t.Context())), "Internal error")
	node.answer("starknet_specVersion", "0.8.1")
	var wrong *starknet.VersionError
	require.ErrorAs(t, second(escrow.Head(t.Context())), &wrong)
	node.answer("starknet_specVersion", "0.10.2")
	require.NoError(t, second(escrow.Head(t.Context())))
	require.NoError(t, second(escrow.Head(t.Context())))
	require.Equal(t, 3, node.version)
}

// TestVersionWaitEnds: who waits for another's question waits no longer than
// its own context.
func TestVersionWaitEnds(t *testing.T) {
	node := newScript(t)
	asked, end := make(chan struct{}), make(chan struct{})
	node.on("starknet_specVersion", func([]json.RawMessage) (any, error) {
		close(asked)
		<-end
		return "0.9.0", nil
	})
	node.answer("starknet_blockNumber", 7)
	escrow := starknet.NewEscrow(node.client(), escrowAddress)
	first := make(chan error)
	go func() { first <- second(escrow.Head(t.Context())) }()
	<-asked
	ctx, cancel := timeout(t, 1)
	defer cancel()
	require.ErrorIs(t, second(escrow.Head(ctx)), errDeadline)
	close(end)
	require.NoError(t, <-first)
}

// TestAt: a state is asked for at the block that was named.
func TestAt(t *testing.T) {
	node := newScript(t)
	var block json.RawMessage
	node.on("starknet_call", func(params []json.RawMessage) (any, error) {
		block = params[1]
		return []string{"0x5", "0x0"}, nil
	})
	node.on("starknet_getStorageAt", func(params []json.RawMessage) (any, error) {
		block = params[2]
		return "0x0", nil
	})
	escrow, token := starknet.NewEscrow(node.client(), escrowAddress), starknet.NewERC20(node.client(), tokenAddress)
	for want, at := range map[string]starknet.Block{
		`"latest"`:                {},
		`"pre_confirmed"`:         starknet.BlockPreConfirmed(),
		`"l1_accepted"`:           starknet.BlockL1Accepted(),
		`{"block_number":0}`:      starknet.BlockNumber(0),
		`{"block_hash":"0xab12"}`: starknet.BlockHash(wordOf(t, "0xab12")),
	} {
		require.NoError(t, second(escrow.At(at).DealCount(t.Context())))
		require.JSONEq(t, want, string(block))
		require.NoError(t, second(escrow.At(at).Paused(t.Context())))
		require.JSONEq(t, want, string(block))
		require.NoError(t, second(token.At(at).BalanceOf(t.Context(), slastream.Address{31: 1})))
		require.JSONEq(t, want, string(block))
	}
	require.NoError(t, second(escrow.DealCount(t.Context())))
	require.JSONEq(t, `"latest"`, string(block), "the escrow itself stays where it was")
	high := escrow.At(starknet.BlockHash([32]byte{0xff}))
	var out *starknet.RangeError
	require.ErrorAs(t, second(high.DealCount(t.Context())), &out)
}
