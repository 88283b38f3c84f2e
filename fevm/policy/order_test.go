package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/slastream"
)

// many is one proven period of each of n sets every 10 epochs, in n periods.
func many(sets, periods uint64) *script {
	s := new(script).at(5)
	for set := range sets {
		s.created(set+1, alice).addPiece(set+1, 0, cid(7).Bytes())
	}
	for i := range periods {
		s.at(10*i + 10)
		for set := range sets {
			s.open(set+1, 10*i+15, 8)
		}
		s.at(10*i + 15)
		for set := range sets {
			s.prove(set+1, 0, 3, 5)
		}
	}
	return s
}

func inChainOrder(a, b slastream.Proof) int {
	if a.BlockNumber != b.BlockNumber {
		return int(a.BlockNumber) - int(b.BlockNumber)
	}
	return int(a.LogIndex) - int(b.LogIndex)
}

// TestAllIsTheProofsOfAllSets compares, over histories with all kinds of events
// and readers that fail, with stops and restarts.
func TestAllIsTheProofsOfAllSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawHistory(t)
		c := config(2)
		c.Rules = drawRules(t)
		if rapid.Bool().Draw(t, "some sets") {
			c.Sets = []attestation.Word{number(0), number(2)}
		}
		end := s.epoch + 10
		whole, err := policy.NewSource(&reader{logs: s.logs, head: end}, c)
		require.NoError(t, err)
		r := &reader{logs: s.logs}
		source, err := policy.NewSource(r, c)
		require.NoError(t, err)
		var got []slastream.Proof
		next := uint64(0)
		for next <= end {
			r.head = min(end, r.head+rapid.Uint64Range(1, 60).Draw(t, "epochs"))
			r.yielded, r.failAt = 0, rapid.SampledFrom([]int{0, 0, 1, 3, 9}).Draw(t, "fails at")
			page, failed := []slastream.Proof(nil), false
			for p, err := range source.All(t.Context(), next, r.head) {
				if failed = err != nil; failed {
					require.ErrorIs(t, err, errBroken)
					require.Empty(t, page, "all is read first")
					break
				}
				page = append(page, p)
			}
			if !failed {
				got, next = append(got, page...), r.head+1
			}
			if rapid.Bool().Draw(t, "restart") {
				saved, err := json.Marshal(source)
				require.NoError(t, err)
				source, err = policy.NewSource(r, c)
				require.NoError(t, err)
				require.NoError(t, json.Unmarshal(saved, source))
			}
			if rapid.Bool().Draw(t, "forget") {
				source.Forget(next)
			}
		}
		var want []slastream.Proof
		for set := range uint64(3) {
			if c.Sets == nil || set != 1 {
				want = append(want, collect(t, whole.Proofs(t.Context(), number(set), 0, end))...)
			}
		}
		slices.SortFunc(want, inChainOrder)
		require.Equal(t, want, got)
	})
}

func TestAllInPages(t *testing.T) {
	s := many(100, 9)
	source := newSource(t, &reader{logs: s.logs, head: 200}, 5)
	all := collect(t, source.All(t.Context(), 0, 200))
	require.Len(t, all, 900)
	require.True(t, slices.IsSortedFunc(all, inChainOrder))
	require.Equal(t, all[200:700], collect(t, source.All(t.Context(), 35, 75)))
	require.Empty(t, collect(t, source.All(t.Context(), 76, 84)))
	require.Empty(t, collect(t, source.All(t.Context(), 20, 10)))
	require.ErrorIs(t, fail(t, source.All(t.Context(), 0, 201)), policy.ErrNotFinal)
	for p, err := range source.All(t.Context(), 0, 200) { // stops, and asks meanwhile
		require.NoError(t, err)
		require.Equal(t, all[0], p)
		require.Len(t, collect(t, source.Proofs(t.Context(), p.SetID, 0, 200)), 9)
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	for range source.All(t.Context(), 0, 200) { // nothing is held while it yields
		source.Forget(0)
		if n++; n == 2 {
			break
		}
	}
	cancel()
	require.ErrorIs(t, fail(t, newSource(t, &reader{logs: s.logs, head: 200}, 5).All(ctx, 0, 200)), context.Canceled)
}

func TestForget(t *testing.T) {
	s := many(3, 20).at(300).prove(1, 0, 3, 5) // once more: refused
	r := &reader{logs: s.logs, head: 400}
	source := newSource(t, r, 5)
	all := collect(t, source.All(t.Context(), 0, 400))
	require.Len(t, all, 60)
	refused := collect(t, source.Verdicts(t.Context(), number(1), 300, 400))
	require.Equal(t, []policy.Reason{policy.ReasonDuplicate}, reasons(refused))

	source.Forget(116)
	source.Forget(50) // changes nothing
	for name, err := range map[string]error{
		"all":      fail(t, source.All(t.Context(), 115, 400)),
		"proofs":   fail(t, source.Proofs(t.Context(), number(1), 0, 400)),
		"verdicts": fail(t, source.Verdicts(t.Context(), number(2), 115, 400)),
	} {
		require.ErrorIs(t, err, policy.ErrForgotten, name)
		require.ErrorContains(t, err, "kept are those from 116 on", name)
	}
	require.Equal(t, all[33:], collect(t, source.All(t.Context(), 116, 400)))
	require.Len(t, collect(t, source.Proofs(t.Context(), number(2), 116, 400)), 9)
	require.Equal(t, refused, collect(t, source.Verdicts(t.Context(), number(1), 300, 400)))
	epoch, ok, err := source.Activation(t.Context(), number(1), 400)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, uint64(10), epoch)

	saved, err := json.Marshal(source)
	require.NoError(t, err)
	restored := newSource(t, r, 5)
	require.NoError(t, json.Unmarshal(saved, restored))
	require.ErrorIs(t, fail(t, restored.All(t.Context(), 0, 400)), policy.ErrForgotten)
	require.Equal(t, all[33:], collect(t, restored.All(t.Context(), 116, 400)))

	// What is read later is not kept either, and judged as ever.
	fresh := newSource(t, r, 5)
	fresh.Forget(196)
	require.Equal(t, all[57:], collect(t, fresh.All(t.Context(), 196, 400)))
	small, err := json.Marshal(fresh)
	require.NoError(t, err)
	require.Less(t, len(small), len(saved)/2)

	// In the middle of an iteration.
	big := newSource(t, &reader{logs: many(100, 9).logs, head: 200}, 5)
	var last error
	n := 0
	for _, err := range big.All(t.Context(), 0, 200) {
		if last = err; err != nil {
			break
		}
		if n++; n == 1 {
			big.Forget(150)
		}
	}
	require.ErrorIs(t, last, policy.ErrForgotten)
	require.Less(t, n, 900)
}

func TestACheckpointWithVerdictsThatAreForgotten(t *testing.T) {
	source := newSource(t, &reader{logs: many(1, 5).logs, head: 100}, 5)
	collect(t, source.All(t.Context(), 0, 100))
	source.Forget(20)
	saved, err := json.Marshal(source)
	require.NoError(t, err)
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(saved, &fields))
	require.Equal(t, "20", string(fields["floor"]))
	fields["floor"] = json.RawMessage("26")
	changed, err := json.Marshal(fields)
	require.NoError(t, err)
	require.ErrorIs(t, json.Unmarshal(changed, newSource(t, &reader{}, 5)), policy.ErrCheckpoint)
}

// TestAllAsksAFewSetsInTurn: 150 sets, 64 questions a call.
func TestAllAsksAFewSetsInTurn(t *testing.T) {
	s := many(150, 9)
	state := &ledger{logs: s.logs}
	c := config(5)
	c.State = state
	for set := range uint64(150) {
		c.Sets = append(c.Sets, number(set+1))
	}
	source, err := policy.NewSource(&reader{logs: s.logs, head: 200}, c)
	require.NoError(t, err)
	for i, to := range []uint64{20, 40, 60, 80} {
		before := state.asked
		collect(t, source.All(t.Context(), 0, to))
		require.Equal(t, 64, state.asked-before, "call %d", i)
		collect(t, source.All(t.Context(), 0, to))
		require.Equal(t, 64, state.asked-before, "nothing new is nothing to ask about")
	}

	none, err := policy.NewSource(&reader{logs: s.logs, head: 200}, policy.Config{ChainID: chainID, Verifier: proxy, GenesisTime: genesis, State: state})
	require.NoError(t, err)
	before := state.asked
	collect(t, none.All(t.Context(), 0, 20))
	require.Equal(t, before, state.asked, "nobody asked for a set")
	collect(t, none.Proofs(t.Context(), number(3), 0, 30))
	before = state.asked
	collect(t, none.All(t.Context(), 0, 40))
	require.Equal(t, before+1, state.asked, "and now somebody did")
}

// TestAllReportsAHiddenProof: within as many calls as the rotation needs, and
// without having concluded anything from the logs that were shown.
func TestAllReportsAHiddenProof(t *testing.T) {
	s := many(150, 30)
	hidden := true
	r := &shy{logs: s.logs, hide: func(l types.Log) bool {
		return hidden && l.BlockNumber >= 100 && l.Topics[1] == common.BytesToHash(words(131))
	}}
	c := config(5)
	c.State = &ledger{logs: s.logs}
	for set := range uint64(150) {
		c.Sets = append(c.Sets, number(set+1))
	}
	source, err := policy.NewSource(r, c)
	require.NoError(t, err)
	var missing *policy.HiddenProofError
	calls := 0
	for r.head = 104; missing == nil; r.head += 10 {
		calls++
		require.Less(t, calls, 6)
		for _, err := range source.All(t.Context(), 0, r.head) {
			if err != nil {
				require.ErrorAs(t, err, &missing)
			}
		}
	}
	require.Equal(t, number(131), missing.Set)
	require.Equal(t, uint64(95), missing.Known)
	for range 3 {
		require.ErrorAs(t, fail(t, source.All(t.Context(), 0, r.head)), &missing, "it stays")
	}

	// The last proof of a set that is not proven any more.
	s = many(150, 9)
	r.logs, r.hide = s.logs, func(l types.Log) bool {
		return l.BlockNumber == 95 && l.Topics[1] == common.BytesToHash(words(131))
	}
	c.State = &ledger{logs: s.logs}
	source, err = policy.NewSource(r, c)
	require.NoError(t, err)
	require.Len(t, collect(t, source.All(t.Context(), 0, 100)), 9*150-1, "sets 1 to 64 are asked about")
	require.Empty(t, collect(t, source.All(t.Context(), 101, 101)))
	for range 2 {
		require.ErrorAs(t, fail(t, source.All(t.Context(), 102, 102)), &missing)
		require.Equal(t, policy.HiddenProofError{Set: number(131), Epoch: 95, Known: 85}, *missing)
	}

	// Where the first call that could see it asks about the set, nothing is lost.
	s = many(150, 30)
	r.logs, r.hide = s.logs, func(l types.Log) bool {
		return hidden && l.BlockNumber >= 100 && l.Topics[1] == common.BytesToHash(words(131))
	}
	c.State = &ledger{logs: s.logs}
	c.Sets = c.Sets[120:140]
	if source, err = policy.NewSource(r, c); err != nil {
		t.Fatal(err)
	}
	r.head = 200
	require.ErrorAs(t, fail(t, source.All(t.Context(), 0, 200)), &missing)
	hidden = false
	want := 0
	for _, p := range collect(t, source.All(t.Context(), 0, 200)) {
		if p.SetID == number(131) {
			want++
		}
	}
	require.Equal(t, 19, want)
}

// TestAllGoesOnWhenTheStateDoesNotAnswer for some sets.
func TestAllGoesOnWhenTheStateDoesNotAnswer(t *testing.T) {
	s := many(3, 9)
	state := &picky{ledger: ledger{logs: s.logs}, refuse: number(2)}
	c := config(5)
	c.State = state
	c.Sets = []attestation.Word{number(1), number(2), number(3)}
	source, err := policy.NewSource(&reader{logs: s.logs, head: 200}, c)
	require.NoError(t, err)
	require.Len(t, collect(t, source.All(t.Context(), 0, 50)), 12)
	state.fails = errBroken
	require.ErrorIs(t, fail(t, source.All(t.Context(), 0, 60)), errBroken, "none is answered")
	state.fails = nil
	require.Len(t, collect(t, source.All(t.Context(), 0, 60)), 15)
	require.ErrorIs(t, fail(t, source.Proofs(t.Context(), number(2), 0, 60)), errPicky, "who asks for it is told")
}

// A picky state does not answer for one set.
type picky struct {
	ledger
	refuse attestation.Word
}

var errPicky = errors.New("not for this set")

func (p *picky) Call(ctx context.Context, to attestation.EthereumAddress, data []byte, epoch uint64) ([]byte, error) {
	if attestation.Word(data[4:]) == p.refuse {
		return nil, errPicky
	}
	return p.ledger.Call(ctx, to, data, epoch)
}
