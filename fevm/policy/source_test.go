package policy_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/slastream"
)

var (
	_ policy.LogReader = (*reader)(nil)
	_ policy.LogReader = (*chain.Client)(nil)
)

// A reader is a LogReader over logs in memory. It counts the logs it yields and
// can fail after some.
type reader struct {
	logs    []types.Log
	head    uint64
	yielded int
	failAt  int // fail before this log is yielded; 0 never
	highest uint64
}

var errBroken = errors.New("broken")

func (r *reader) Head(context.Context) (uint64, error) { return r.head, nil }

func (r *reader) Logs(_ context.Context, address attestation.EthereumAddress, from, to uint64) iter.Seq2[types.Log, error] {
	return func(yield func(types.Log, error) bool) {
		r.highest = max(r.highest, to)
		for _, l := range r.logs {
			if l.Address != common.Address(address) || l.BlockNumber < from || l.BlockNumber > to {
				continue
			}
			r.yielded++
			if r.yielded == r.failAt {
				yield(types.Log{}, errBroken)
				return
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

func collect[T any](t interface {
	require.TestingT
	Helper()
}, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for v, err := range seq {
		require.NoError(t, err)
		all = append(all, v)
	}
	return all
}

func fail[T any](t testing.TB, seq iter.Seq2[T, error]) error {
	t.Helper()
	var failed error
	for _, err := range seq {
		require.NoError(t, failed, "nothing after an error")
		failed = err
	}
	require.Error(t, failed)
	return failed
}

func newSource(t testing.TB, r *reader, minChallenges int) *policy.Source {
	t.Helper()
	s, err := policy.NewSource(r, config(minChallenges))
	require.NoError(t, err)
	return s
}

func TestSourceFindsTheRecordedProofs(t *testing.T) {
	for name, want := range recordedProofs {
		r := &reader{logs: recorded(t, name), head: 300}
		s := newSource(t, r, 1)
		for set := range uint64(12) {
			var proofs []slastream.Proof
			for _, w := range want {
				if w.set == set {
					proofs = append(proofs, w.proof(t))
				}
			}
			require.Equal(t, proofs, collect(t, s.Proofs(t.Context(), number(set), 0, 300)), "%s set %d", name, set)
		}
	}
}

func TestTheAnswerDoesNotDependOnWhatWasAskedBefore(t *testing.T) {
	logs := recorded(t, "v3.5.0.json")
	whole := newSource(t, &reader{logs: logs, head: 300}, 1)
	all := collect(t, whole.Proofs(t.Context(), number(1), 0, 300))
	require.Len(t, all, 3)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		r := &reader{logs: logs, head: 300, failAt: rng.IntN(200)}
		s := newSource(t, r, 1)
		for range 20 {
			from := rng.Uint64N(300)
			to := from + rng.Uint64N(301-from)
			got, failed := []slastream.Proof(nil), false
			for p, err := range s.Proofs(t.Context(), number(1), from, to) {
				if failed = err != nil; failed {
					require.ErrorIs(t, err, errBroken)
					break
				}
				got = append(got, p)
			}
			if failed {
				continue
			}
			var want []slastream.Proof
			for _, p := range all {
				if p.BlockNumber >= from && p.BlockNumber <= to {
					want = append(want, p)
				}
			}
			require.Equal(t, want, got, "%d to %d", from, to)
		}
	}
}

func TestAPeriodThatWasProvenBeforeFromIsNotPaidAgain(t *testing.T) {
	s := proven().at(25).prove(1, 0, 3, 5)
	source := newSource(t, &reader{logs: s.logs, head: 100}, 5)
	require.Empty(t, collect(t, source.Proofs(t.Context(), number(1), 21, 100)))
	require.Len(t, collect(t, source.Proofs(t.Context(), number(1), 0, 100)), 1)
	verdicts := collect(t, source.Verdicts(t.Context(), number(1), 21, 100))
	require.Equal(t, []policy.Reason{policy.ReasonDuplicate}, reasons(verdicts))
	require.Equal(t, []policy.Reason{"", policy.ReasonDuplicate}, reasons(collect(t, source.Verdicts(t.Context(), number(1), 0, 100))))
}

func TestSourceReadsEachEpochOnceAndNothingAboveTo(t *testing.T) {
	s := proven().at(25).prove(1, 0, 3, 5)
	r := &reader{logs: s.logs, head: 100}
	source := newSource(t, r, 5)
	for _, to := range []uint64{5, 20, 20, 10, 24} {
		collect(t, source.Proofs(t.Context(), number(1), 0, to))
	}
	require.Equal(t, 3, r.yielded)
	require.Equal(t, uint64(24), r.highest)
	require.ErrorIs(t, fail(t, source.Proofs(t.Context(), number(1), 0, 101)), policy.ErrNotFinal)
	require.Equal(t, uint64(24), r.highest, "not read")
}

func TestSourceReportsABrokenReader(t *testing.T) {
	outOfOrder := proven().logs
	outOfOrder[0], outOfOrder[1] = outOfOrder[1], outOfOrder[0]
	require.ErrorIs(t, fail(t, newSource(t, &reader{logs: outOfOrder, head: 100}, 5).Proofs(t.Context(), number(1), 0, 100)), policy.ErrOrder)

	r := &reader{logs: proven().logs, head: 100, failAt: 3}
	source := newSource(t, r, 5)
	require.ErrorIs(t, fail(t, source.Verdicts(t.Context(), number(1), 0, 100)), errBroken)
	require.Len(t, collect(t, source.Proofs(t.Context(), number(1), 0, 100)), 1, "goes on where it failed")

	c := config(5)
	c.Sets = []attestation.Word{number(2)}
	limited, err := policy.NewSource(r, c)
	require.NoError(t, err)
	require.ErrorContains(t, fail(t, limited.Proofs(t.Context(), number(1), 0, 100)), "Config.Sets")
}

func TestRepeatedProofsDoNotFillTheMemory(t *testing.T) {
	s := proven()
	for range 3000 {
		s.prove(1, 0, 3, 5)
	}
	source := newSource(t, &reader{logs: s.logs, head: 100}, 5)
	verdicts := collect(t, source.Verdicts(t.Context(), number(1), 0, 100))
	require.Len(t, verdicts, 1001)
	require.Nil(t, verdicts[0].Refusal)
	require.Equal(t, uint64(2001), verdicts[1].Proof.LogIndex, "the newest are kept")
	require.Equal(t, uint64(3000), verdicts[1000].Proof.LogIndex)
}

func TestSourceIsSafeForConcurrentUse(t *testing.T) {
	source := newSource(t, &reader{logs: recorded(t, "v3.5.0.json"), head: 300}, 1)
	var group sync.WaitGroup
	for i := range uint64(8) {
		group.Go(func() {
			for p, err := range source.Proofs(t.Context(), number(1), 0, 165+i*10) {
				if err != nil || p.Period == 0 {
					t.Error(p, err)
				}
			}
		})
	}
	group.Wait()
	require.Len(t, collect(t, source.Proofs(t.Context(), number(1), 0, 300)), 3)
}
