package chain_test

import (
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm/chain"
)

func nodes(t *testing.T, need int, all ...*node) *chain.Nodes {
	t.Helper()
	var clients []*chain.Client
	for _, n := range all {
		clients = append(clients, n.client(t, chain.Config{}))
	}
	out, err := chain.NewNodes(need, clients...)
	require.NoError(t, err)
	return out
}

func TestNewNodesRefuses(t *testing.T) {
	c := newNode().client(t, chain.Config{})
	for _, need := range []int{-1, 0, 3} {
		_, err := chain.NewNodes(need, c, c)
		require.Error(t, err)
	}
}

// broken is a node that always fails.
func broken() *node {
	n := newNode()
	n.reply = func(string, []json.RawMessage) (any, error) { return nil, errors.New("out of order") }
	return n
}

func TestNodesFailOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := broken(), newNode()
		n := nodes(t, 1, a, b)
		var asked int
		for i := range 3 {
			head, err := n.Head(t.Context())
			require.NoError(t, err)
			require.Equal(t, uint64(9000), head)
			if i == 0 {
				asked = len(a.calls)
			}
		}
		require.Len(t, a.calls, asked, "a failing node is left alone")
		require.Equal(t, 1, n.Health()[0].Failures)
		require.Equal(t, "node 1", n.Health()[0].Name)
		require.Error(t, n.Health()[0].Last)
		a.reply = nil
		time.Sleep(2 * time.Second)
		_, err := n.Head(t.Context())
		require.NoError(t, err)
		require.Zero(t, n.Health()[0].Failures, "and asked again")
	})
}

func TestNodesBanAnotherChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newNode(), newNode()
		a.chainID = 1
		n := nodes(t, 1, a, b)
		for range 3 {
			_, err := n.Block(t.Context(), 78)
			require.NoError(t, err)
			time.Sleep(time.Hour)
		}
		require.True(t, n.Health()[0].Banned)
		require.Len(t, a.calls, 1)
	})
}

func TestNodesAgree(t *testing.T) {
	a, b, c := newNode(), newNode(), newNode()
	b.heads = map[string]uint64{"finalized": 8990, "latest": 9010}
	c.heads = map[string]uint64{"finalized": 1 << 40, "latest": 1 << 41}
	n := nodes(t, 2, a, b, c)
	head, err := n.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(9000), head, "what two of three have, whatever the third says")

	other := func(string, []json.RawMessage) (any, error) {
		return map[string]any{"number": "0x4e", "hash": common.Hash{1}, "parentHash": common.Hash{}, "timestamp": "0x0"}, nil
	}
	for _, liar := range []*node{a, b, c} {
		liar.reply = other
		block, err := n.Block(t.Context(), 78)
		require.NoError(t, err)
		require.Equal(t, blockHash(78), common.Hash(block.Hash))
		liar.reply = nil
	}
	a.reply, b.nullRounds[78] = other, true
	_, err = n.Block(t.Context(), 78)
	require.ErrorIs(t, err, chain.ErrNoQuorum)
	c.nullRounds[78] = true
	_, err = n.Block(t.Context(), 78)
	require.ErrorIs(t, err, chain.ErrNullRound, "two say so")
}

func TestNodesLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newNode(), newNode(), newNode()
		for _, n := range []*node{a, b, c} {
			for epoch := range uint64(10) {
				n.emit(5000*(epoch%2)+epoch, 0)
			}
		}
		n := nodes(t, 2, a, b, c)
		want := collect(t, n.Logs(t.Context(), verifier, 0, 9000))
		require.Len(t, want, 10)

		// One node leaves logs out once, the next time another.
		hide := func(n *node, times int) {
			n.tamper = func(logs []types.Log) any {
				if times--; times >= 0 {
					return logs[:0]
				}
				return logs
			}
		}
		hide(a, 1)
		require.Equal(t, want, collect(t, n.Logs(t.Context(), verifier, 0, 9000)))
		hide(a, 2)
		hide(c, 1)
		require.Equal(t, want, collect(t, n.Logs(t.Context(), verifier, 0, 9000)))

		// One invents a log.
		a.emit(7, 3)
		a.tamper, c.tamper = nil, nil
		require.Equal(t, want, collect(t, n.Logs(t.Context(), verifier, 0, 9000)))
		// Two of two that differ are no quorum.
		var failed error
		for _, err := range nodes(t, 2, a, b).Logs(t.Context(), verifier, 0, 9000) {
			failed = errors.Join(failed, err)
		}
		require.ErrorIs(t, failed, chain.ErrNoQuorum)
	})
}
