package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/slastream"
)

// A shy reader leaves out logs as hide says.
type shy struct {
	logs []types.Log
	head uint64
	hide func(types.Log) bool
}

func (r *shy) Head(context.Context) (uint64, error) { return r.head, nil }

func (r *shy) Logs(_ context.Context, _ attestation.EthereumAddress, from, to uint64) iter.Seq2[types.Log, error] {
	return func(yield func(types.Log, error) bool) {
		for _, l := range r.logs {
			if l.BlockNumber >= from && l.BlockNumber <= to && !r.hide(l) && !yield(l, nil) {
				return
			}
		}
	}
}

// A ledger answers getDataSetLastProvenEpoch from logs, as the verifier does.
type ledger struct {
	logs  []types.Log
	dead  bool // the data set is not live
	fails error
	asked int
}

func (s *ledger) Call(_ context.Context, to attestation.EthereumAddress, data []byte, epoch uint64) ([]byte, error) {
	s.asked++
	if s.fails != nil {
		return nil, s.fails
	}
	if to != proxy || len(data) != 36 {
		return nil, errors.New("not a call of the verifier")
	}
	set := attestation.Word(data[4:])
	switch selector := [4]byte(data); {
	case selector == [4]byte{0xca, 0x75, 0x9f, 0x27}:
		return words(map[bool]uint64{true: 0, false: 1}[s.dead]), nil
	case selector != [4]byte{0x04, 0x59, 0x5c, 0x1a}:
		return nil, errors.New("unknown selector")
	case s.dead:
		return nil, errors.New("execution reverted: DataSetNotLive")
	}
	var last uint64
	for i := range s.logs {
		if s.logs[i].BlockNumber > epoch {
			break
		}
		event, err := fevm.ParseLog(&s.logs[i])
		if err != nil {
			return nil, err
		}
		switch e := event.(type) {
		case fevm.PossessionProven:
			if e.SetID == set {
				last = s.logs[i].BlockNumber
			}
		case fevm.DataSetCreated:
			if e.SetID == set {
				last = s.logs[i].BlockNumber
			}
		case fevm.NextProvingPeriod:
			if e.SetID == set && last == 0 {
				last = s.logs[i].BlockNumber
			}
		}
	}
	return words(last), nil
}

// daily are n periods of set 1, each of which is proven once, ten epochs apart.
func daily(n uint64) *script {
	s := new(script).at(5).created(1, alice).addPiece(1, 0, cid(7).Bytes()).created(2, alice).addPiece(2, 0, cid(7).Bytes())
	for i := range n {
		s.at(10*i+10).open(1, 10*i+15, 8).open(2, 10*i+15, 8).at(10*i+15).prove(1, 0, 3, 5).prove(2, 0, 3, 5)
	}
	return s
}

// TestLogsThatANodeLeavesOutAtFirstAreNotLost polls a node that leaves out each
// log of the newest 30 epochs half of the time.
func TestLogsThatANodeLeavesOutAtFirstAreNotLost(t *testing.T) {
	s := daily(60)
	poll := func(overlap uint64, seed uint64) (proofs []slastream.Proof) {
		rng := rand.New(rand.NewPCG(seed, 0))
		r := &shy{logs: s.logs}
		r.hide = func(l types.Log) bool { return r.head-l.BlockNumber < 30 && rng.IntN(2) == 0 }
		c := config(5)
		c.Overlap = overlap
		source, err := policy.NewSource(r, c)
		require.NoError(t, err)
		next := uint64(0)
		for ; r.head < 700; r.head += 1 + rng.Uint64N(9) {
			head, err := source.Head(t.Context())
			require.NoError(t, err)
			require.Equal(t, r.head-min(r.head, overlap), head)
			if next <= head {
				proofs = append(proofs, collect(t, source.Proofs(t.Context(), number(1), next, head))...)
				next = head + 1
			}
			require.ErrorIs(t, fail(t, source.Proofs(t.Context(), number(1), 0, head+1)), policy.ErrNotFinal)
		}
		return proofs
	}
	want := collect(t, newSource(t, &reader{logs: s.logs, head: 700}, 5).Proofs(t.Context(), number(1), 0, 700))
	require.Len(t, want, 60)
	lost := 0
	for seed := range uint64(5) {
		require.Equal(t, want, poll(30, seed))
		lost += 60 - len(poll(0, seed))
	}
	require.Positive(t, lost, "without an overlap they are: the node does hide logs")
}

func TestALogThatWasSeenOnceCountsAlsoWhenItIsHiddenLater(t *testing.T) {
	s := daily(1)
	r := &shy{logs: s.logs, head: 40, hide: func(types.Log) bool { return false }}
	c := config(5)
	c.Overlap = 30
	source, err := policy.NewSource(r, c)
	require.NoError(t, err)
	require.Empty(t, collect(t, source.Proofs(t.Context(), number(1), 0, 10)))
	r.head, r.hide = 50, func(l types.Log) bool { return l.BlockNumber == 15 }
	require.Len(t, collect(t, source.Proofs(t.Context(), number(1), 0, 20)), 1)
}

func TestALogThatChangesIsNoAnswer(t *testing.T) {
	s := daily(1)
	r := &shy{logs: s.logs, head: 40, hide: func(types.Log) bool { return false }}
	c := config(5)
	c.Overlap = 30
	source, err := policy.NewSource(r, c)
	require.NoError(t, err)
	require.Empty(t, collect(t, source.Proofs(t.Context(), number(1), 0, 10)))
	r.head = 50
	r.logs = append([]types.Log(nil), s.logs...)
	last := &r.logs[len(r.logs)-1]
	last.BlockHash = common.Hash{1}
	require.ErrorContains(t, fail(t, source.Proofs(t.Context(), number(1), 0, 20)), "another one than before")
	require.Len(t, collect(t, source.Proofs(t.Context(), number(1), 0, 20)), 1, "read again, it is believed")
}

func TestAHiddenProofIsReported(t *testing.T) {
	s := daily(3)
	hidden := true
	r := &shy{logs: s.logs, head: 100, hide: func(l types.Log) bool {
		return hidden && l.BlockNumber == 35 && l.Topics[1] == common.BytesToHash(words(1)) // the last of set 1
	}}
	state := &ledger{logs: s.logs}
	c := config(5)
	c.State = state
	source, err := policy.NewSource(r, c)
	require.NoError(t, err)
	for range 2 {
		err := fail(t, source.Proofs(t.Context(), number(1), 0, 100))
		var missing *policy.HiddenProofError
		require.ErrorAs(t, err, &missing)
		require.Equal(t, policy.HiddenProofError{Set: number(1), Epoch: 35, Known: 25}, *missing)
	}
	hidden = false
	require.Len(t, collect(t, source.Proofs(t.Context(), number(1), 0, 100)), 3, "nothing was concluded meanwhile")

	asked := state.asked
	require.Len(t, collect(t, source.Proofs(t.Context(), number(1), 0, 50)), 3)
	require.Equal(t, asked, state.asked, "what was answered once needs no state")
}

func TestAProofThatIsHiddenForAMomentIsFound(t *testing.T) {
	s := daily(3)
	hidden := 1
	r := &shy{logs: s.logs, head: 100, hide: func(l types.Log) bool {
		if l.BlockNumber != 35 || hidden == 0 || l.Topics[1] != common.BytesToHash(words(1)) {
			return false
		}
		hidden--
		return true
	}}
	c := config(5)
	c.State = &ledger{logs: s.logs}
	source, err := policy.NewSource(r, c)
	require.NoError(t, err)
	require.Len(t, collect(t, source.Proofs(t.Context(), number(1), 0, 100)), 3)
	require.Len(t, collect(t, source.Proofs(t.Context(), number(2), 0, 100)), 3)
}

func TestAHiddenProofOfAnotherSetIsReportedWhenItIsAskedFor(t *testing.T) {
	s := daily(3)
	r := &shy{logs: s.logs, head: 100, hide: func(l types.Log) bool {
		return l.BlockNumber == 35 && l.Topics[1] == common.BytesToHash(words(2))
	}}
	c := config(5)
	c.State = &ledger{logs: s.logs}
	source, err := policy.NewSource(r, c)
	require.NoError(t, err)
	require.Len(t, collect(t, source.Proofs(t.Context(), number(1), 0, 100)), 3)
	var missing *policy.HiddenProofError
	require.ErrorAs(t, fail(t, source.Proofs(t.Context(), number(2), 0, 100)), &missing)
	require.Equal(t, policy.HiddenProofError{Set: number(2), Epoch: 35, Known: 25}, *missing)
}

func TestSetsThatWereAskedForAreLookedAfter(t *testing.T) {
	s := daily(3)
	hidden := 1
	r := &shy{logs: s.logs, head: 100, hide: func(l types.Log) bool {
		if l.BlockNumber != 35 || hidden == 0 || l.Topics[1] != common.BytesToHash(words(2)) {
			return false
		}
		hidden--
		return true
	}}
	c := config(5)
	c.State = &ledger{logs: s.logs}
	source, err := policy.NewSource(r, c)
	require.NoError(t, err)
	require.Len(t, collect(t, source.Proofs(t.Context(), number(2), 0, 20)), 1)
	require.Len(t, collect(t, source.Proofs(t.Context(), number(1), 0, 100)), 3, "reads what was hidden of set 2")
	require.Zero(t, hidden)
	require.Len(t, collect(t, source.Proofs(t.Context(), number(2), 0, 100)), 3)
}

func TestAHiddenProofIsReportedAfterARestart(t *testing.T) {
	s := daily(3)
	r := &shy{logs: s.logs, head: 100, hide: func(l types.Log) bool {
		return l.BlockNumber == 25 && l.Topics[1] == common.BytesToHash(words(1))
	}}
	c := config(5)
	c.State = &ledger{logs: s.logs}
	source, err := policy.NewSource(r, c)
	require.NoError(t, err)
	require.Len(t, collect(t, source.Proofs(t.Context(), number(1), 0, 17)), 1)
	saved, err := json.Marshal(source)
	require.NoError(t, err)
	source, err = policy.NewSource(r, c)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(saved, source))
	require.Len(t, collect(t, source.Proofs(t.Context(), number(2), 0, 32)), 2)
	var missing *policy.HiddenProofError
	require.ErrorAs(t, fail(t, source.Proofs(t.Context(), number(1), 0, 32)), &missing)
	require.Equal(t, policy.HiddenProofError{Set: number(1), Epoch: 25, Known: 15}, *missing)
}

func TestTheStateIsNotAskedInVain(t *testing.T) {
	s := daily(3)
	state := &ledger{logs: s.logs}
	c := config(5)
	c.State = state
	source, err := policy.NewSource(&reader{logs: s.logs, head: 100}, c)
	require.NoError(t, err)

	state.fails = errBroken
	require.ErrorIs(t, fail(t, source.Proofs(t.Context(), number(1), 0, 100)), errBroken)
	state.fails, state.dead = nil, true
	require.Len(t, collect(t, source.Proofs(t.Context(), number(1), 0, 100)), 3, "a deleted set has no record")
}

func TestActivation(t *testing.T) {
	source := newSource(t, &reader{logs: daily(3).logs, head: 100}, 5)
	_, ok, err := source.Activation(t.Context(), number(1), 9)
	require.NoError(t, err)
	require.False(t, ok)
	epoch, ok, err := source.Activation(t.Context(), number(1), 100)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, uint64(10), epoch)
	_, ok, err = source.Activation(t.Context(), number(3), 100)
	require.NoError(t, err)
	require.False(t, ok)
	_, _, err = source.Activation(t.Context(), number(1), 101)
	require.ErrorIs(t, err, policy.ErrNotFinal)
}
