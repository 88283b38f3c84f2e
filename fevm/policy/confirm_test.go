package policy_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/slastream"
)

// confirmable is a source that has read two proofs of one epoch.
func confirmable(t testing.TB) (*policy.Source, *shy, []slastream.Proof) {
	t.Helper()
	r := &shy{logs: many(2, 3).logs, head: 100, hide: func(types.Log) bool { return false }}
	source, err := policy.NewSource(r, config(5))
	require.NoError(t, err)
	proofs := collect(t, source.All(t.Context(), 15, 15))
	require.Len(t, proofs, 2)
	return source, r, proofs
}

// change changes the logs of an epoch.
func (r *shy) change(epoch uint64, change func(*types.Log)) {
	r.logs = append([]types.Log(nil), r.logs...)
	for i := range r.logs {
		if r.logs[i].BlockNumber == epoch {
			change(&r.logs[i])
		}
	}
}

func TestConfirm(t *testing.T) {
	source, _, proofs := confirmable(t)
	for _, p := range proofs {
		require.NoError(t, source.Confirm(t.Context(), p))
	}
	for name, change := range map[string]func(l *types.Log){
		"another tipset":              func(l *types.Log) { l.BlockHash = common.Hash{9} },
		"another transaction":         func(l *types.Log) { l.TxHash = common.Hash{9} },
		"another place in the tipset": func(l *types.Log) { l.Index += 2 },
		"another data set":            func(l *types.Log) { l.Topics = append(l.Topics[:1:1], common.Hash{9}) },
		"another contract":            func(l *types.Log) { l.Address = common.Address{9} },
		"another event":               func(l *types.Log) { l.Topics = append([]common.Hash{{9}}, l.Topics[1:]...) },
		"removed":                     func(l *types.Log) { l.Removed = true },
		"nothing in that epoch":       func(l *types.Log) { l.BlockNumber = 16 },
	} {
		source, r, proofs := confirmable(t)
		r.change(15, change)
		err := source.Confirm(t.Context(), proofs[1])
		require.ErrorIs(t, err, policy.ErrOrphaned, name)
		var says interface {
			error
			Orphaned() bool
		}
		require.ErrorAs(t, err, &says, name)
		require.True(t, says.Orphaned())
		require.ErrorContains(t, err, "log 1 of epoch 15")
	}

	source, r, proofs := confirmable(t)
	foreign := proofs[0]
	foreign.ChainID++
	require.ErrorContains(t, source.Confirm(t.Context(), foreign), "want 1337")
	require.NotErrorIs(t, source.Confirm(t.Context(), foreign), policy.ErrOrphaned)
	foreign = proofs[0]
	foreign.Verifier = attestation.EthereumAddress{9}
	require.NotErrorIs(t, source.Confirm(t.Context(), foreign), policy.ErrOrphaned)
	hidden := 1
	r.hide = func(types.Log) bool { hidden--; return hidden == 0 }
	require.NoError(t, source.Confirm(t.Context(), proofs[0]), "left out once")
}

func TestConfirmTellsAFailureFromAProofThatIsGone(t *testing.T) {
	r := &reader{logs: many(2, 3).logs, head: 100}
	source := newSource(t, r, 5)
	proofs := collect(t, source.All(t.Context(), 15, 15))
	r.yielded, r.failAt = 0, 2
	err := source.Confirm(t.Context(), proofs[1])
	require.ErrorIs(t, err, errBroken)
	require.NotErrorIs(t, err, policy.ErrOrphaned)
	require.NoError(t, source.Confirm(t.Context(), proofs[1]))
}

// TestConfirmReadsAnEpochOnceATurn: 100 proofs of one epoch are one question,
// and what was read is soon too old.
func TestConfirmReadsAnEpochOnceATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{logs: many(100, 3).logs, head: 100}
		source := newSource(t, r, 5)
		proofs := collect(t, source.All(t.Context(), 15, 15))
		require.Len(t, proofs, 100)
		turn := func(want int) {
			t.Helper()
			r.yielded = 0
			for _, p := range proofs {
				require.NoError(t, source.Confirm(t.Context(), p))
			}
			require.Equal(t, want, r.yielded)
		}
		turn(100)
		turn(0)
		time.Sleep(3 * time.Second)
		turn(100)
		_, err := source.Head(t.Context())
		require.NoError(t, err)
		turn(100)

		r.logs = append([]types.Log(nil), r.logs...)
		for i := range r.logs {
			r.logs[i].BlockHash = common.Hash{9} // a reorganization
		}
		require.NoError(t, source.Confirm(t.Context(), proofs[0]), "at most two seconds old")
		_, err = source.Head(t.Context())
		require.NoError(t, err)
		require.ErrorIs(t, source.Confirm(t.Context(), proofs[0]), policy.ErrOrphaned)

		r.logs = many(100, 30).logs // the last few epochs are kept
		source = newSource(t, r, 5)
		r.head = 400
		proofs = collect(t, source.All(t.Context(), 0, 400))
		turn(3000)
		proofs = proofs[:100]
		turn(100)
	})
}

// TestConfirmAfterAReorganization replaces the tipset of a proof on a chain.
func TestConfirmAfterAReorganization(t *testing.T) {
	w := newWorld(t)
	f := w.farmer(t, 1, w.node.PermissiveListener(), data(1000))
	w.play(t, f, simulated.Behaviour{})
	source, err := policy.NewSource(w.client, w.config(policy.Rules{}))
	require.NoError(t, err)
	head, err := source.Head(t.Context())
	require.NoError(t, err)
	proofs := collect(t, source.All(t.Context(), 0, head))
	require.Len(t, proofs, 1)
	require.NoError(t, source.Confirm(t.Context(), proofs[0]))
	_, err = w.node.Reorg(w.node.Head() - proofs[0].BlockNumber + 1)
	require.NoError(t, err)
	_, err = source.Head(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, source.Confirm(t.Context(), proofs[0]), policy.ErrOrphaned)
}
