package policy_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/fevm/simulated"
)

var (
	_ policy.StateReader = (*chain.Client)(nil)
	_ policy.StateReader = (*chain.Nodes)(nil)
	_ policy.LogReader   = (*chain.Nodes)(nil)
)

// changed edits the first proof of calldata.
func changed(t testing.TB, edit func(*fevm.ProvePossession)) func([]byte) []byte {
	return func(input []byte) []byte {
		p, err := fevm.ParseProvePossession(input)
		require.NoError(t, err)
		edit(&p)
		return p.Calldata()
	}
}

func TestProofsAreVerifiedAgain(t *testing.T) {
	w := newWorld(t)
	f := w.farmer(t, 1, common.Address{}, data(1000))
	_, err := f.provider.AddPieces(t.Context(), f.set, data(300), data(5000))
	require.NoError(t, err)
	w.play(t, f, simulated.Behaviour{Challenges: 20})
	_, err = f.provider.AddPieces(t.Context(), f.set, data(700)) // challenged from the next period on
	require.NoError(t, err)
	proof, err := f.provider.Proof(t.Context(), f.set, 20)
	require.NoError(t, err)
	_, err = f.provider.Submit(t.Context(), proof)
	require.NoError(t, err)
	w.play(t, f, simulated.Behaviour{Challenges: 20})

	const paid = policy.Reason("")
	for name, tt := range map[string]struct {
		change func([]byte) []byte
		direct policy.Reason // with VerifyDirect
		all    policy.Reason // with VerifyAll
		detail string
	}{
		"as it was sent": {nil, paid, paid, ""},
		"a leaf that is another one": {changed(t, func(p *fevm.ProvePossession) { p.Proofs[3].Leaf[0] ^= 1 }),
			policy.ReasonWrongProof, policy.ReasonWrongProof, "proof did not verify"},
		"a path that is too short": {changed(t, func(p *fevm.ProvePossession) { p.Proofs[0].Path = p.Proofs[0].Path[1:] }),
			policy.ReasonWrongProof, policy.ReasonWrongProof, "proof length does not match tree height"},
		"no proofs": {changed(t, func(p *fevm.ProvePossession) { p.Proofs = nil }),
			policy.ReasonWrongProof, policy.ReasonWrongProof, "empty proof"},
		"fewer proofs than the event has": {changed(t, func(p *fevm.ProvePossession) { p.Proofs = p.Proofs[:19] }),
			policy.ReasonWrongProof, policy.ReasonWrongProof, "the event names other challenges"},
		"calldata that is cut off": {func(b []byte) []byte { return b[:100] },
			policy.ReasonWrongProof, policy.ReasonWrongProof, ""},
		"a proof of another data set": {changed(t, func(p *fevm.ProvePossession) { p.SetID = number(99) }),
			paid, policy.ReasonNotVerifiable, ""},
		"another call, such as a multisig's": {func(b []byte) []byte { return append([]byte{1, 2, 3, 4}, b...) },
			paid, policy.ReasonNotVerifiable, ""},
		"another call of the verifier": {func([]byte) []byte { return append([]byte{0x45, 0xc0, 0xb9, 0x2d}, words(f.set, 5, 96, 0)...) },
			paid, policy.ReasonNotVerifiable, ""},
		"no calldata": {func([]byte) []byte { return nil }, paid, policy.ReasonNotVerifiable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for mode, want := range map[policy.Verification]policy.Reason{policy.VerifyDirect: tt.direct, policy.VerifyAll: tt.all} {
				w.inputs.change = tt.change
				source, err := policy.NewSource(w.client, w.config(policy.Rules{Verify: mode}))
				require.NoError(t, err)
				verdicts := collect(t, source.Verdicts(t.Context(), number(f.set), 0, w.node.Head()))
				require.Equal(t, []policy.Reason{want, policy.ReasonDuplicate, want}, reasons(verdicts))
				if tt.detail != "" {
					require.Equal(t, tt.detail, verdicts[0].Refusal.Detail)
				}
			}
		})
	}
}

// A flaky state reader fails, or answers something else.
type flaky struct {
	policy.StateReader
	answer func(epoch uint64) ([]byte, error) // nil: the real one
	epochs []uint64
}

func (f *flaky) Call(ctx context.Context, to attestation.EthereumAddress, data []byte, epoch uint64) ([]byte, error) {
	f.epochs = append(f.epochs, epoch)
	if f.answer != nil {
		if b, err := f.answer(epoch); b != nil || err != nil {
			return b, err
		}
	}
	return f.StateReader.Call(ctx, to, data, epoch)
}

// quiet answers views as flaky does, but for the record of the last proof.
type quiet struct{ *flaky }

func (q quiet) Call(ctx context.Context, to attestation.EthereumAddress, data []byte, epoch uint64) ([]byte, error) {
	if [4]byte(data) == [4]byte{0x04, 0x59, 0x5c, 0x1a} {
		return words(0), nil
	}
	return q.flaky.Call(ctx, to, data, epoch)
}

func TestWhatTheStateAnswers(t *testing.T) {
	w := newWorld(t)
	f := w.farmer(t, 1, w.node.PermissiveListener(), data(1000))
	w.play(t, f, simulated.Behaviour{})
	_, err := w.node.Mine(100)
	require.NoError(t, err)
	head := w.node.Head()
	permissive := attestation.EthereumAddress(w.node.PermissiveListener())
	listed := policy.Rules{Listeners: []attestation.EthereumAddress{alice, permissive}}
	verified := policy.Rules{Verify: policy.VerifyAll}
	gone := errors.New("required historical state unavailable")

	ask := func(rules policy.Rules, answer func(uint64) ([]byte, error)) ([]policy.Verdict, *policy.Source, *flaky, error) {
		state := &flaky{StateReader: w.client, answer: answer}
		c := w.config(rules)
		c.State = quiet{state}
		source, err := policy.NewSource(w.client, c)
		require.NoError(t, err)
		var verdicts []policy.Verdict
		for v, err := range source.Verdicts(t.Context(), number(f.set), 0, head) {
			if err != nil {
				return nil, source, state, err
			}
			verdicts = append(verdicts, v)
		}
		return verdicts, source, state, nil
	}
	paid := func(rules policy.Rules, answer func(uint64) ([]byte, error)) {
		t.Helper()
		verdicts, _, _, err := ask(rules, answer)
		require.NoError(t, err)
		require.Equal(t, []policy.Reason{""}, reasons(verdicts))
	}
	oldGone := func(epoch uint64) ([]byte, error) {
		if epoch < head {
			return nil, gone
		}
		return nil, nil
	}
	newGone := func(epoch uint64) ([]byte, error) {
		if epoch == head {
			return nil, gone
		}
		return nil, nil
	}
	for _, rules := range []policy.Rules{listed, verified} {
		paid(rules, nil)
		paid(rules, oldGone) // a node that keeps no history
		paid(rules, newGone) // a data set that was deleted since
	}

	verdicts, _, _, err := ask(policy.Rules{Listeners: []attestation.EthereumAddress{alice, {}}}, nil)
	require.NoError(t, err)
	require.Equal(t, policy.ReasonListener, verdicts[0].Refusal.Reason)
	require.Equal(t, permissive.String(), verdicts[0].Refusal.Detail)

	for name, answer := range map[string]func(uint64) ([]byte, error){
		"a node that fails":   func(uint64) ([]byte, error) { return nil, gone },
		"an answer too short": func(uint64) ([]byte, error) { return []byte{1}, nil },
		"no address":          func(uint64) ([]byte, error) { return append([]byte{1}, make([]byte, 31)...), nil },
	} {
		_, source, state, err := ask(listed, answer)
		require.Error(t, err, name)
		require.NotErrorIs(t, err, policy.ErrNotFinal)
		state.answer = nil
		require.Len(t, collect(t, source.Proofs(t.Context(), number(f.set), 0, head)), 1, "%s: no verdict was made of it", name)
	}
	_, source, state, err := ask(verified, func(uint64) ([]byte, error) { return words(0), nil })
	require.ErrorContains(t, err, "the beacon does not answer")
	state.answer = nil
	require.Len(t, collect(t, source.Proofs(t.Context(), number(f.set), 0, head)), 1)
}

func TestADataSetThatTheVerifierDoesNotKnow(t *testing.T) {
	w := newWorld(t)
	f := w.farmer(t, 1, common.Address{}, data(1000))
	w.play(t, f, simulated.Behaviour{})
	source, err := policy.NewSource(w.client, w.config(policy.Rules{}))
	require.NoError(t, err)
	require.Empty(t, collect(t, source.Proofs(t.Context(), number(99), 0, w.node.Head())))
	require.Len(t, collect(t, source.Proofs(t.Context(), number(f.set), 0, w.node.Head())), 1)
}

func TestTheListenerIsAskedForOnce(t *testing.T) {
	w := newWorld(t, simulated.WithProvingPeriod(60, 20))
	f := w.farmer(t, 1, w.node.Service(), data(1000))
	for range 4 {
		w.play(t, f, simulated.Behaviour{})
	}
	state := &flaky{StateReader: w.client}
	c := w.config(policy.Rules{Listeners: []attestation.EthereumAddress{attestation.EthereumAddress(w.node.Service())}})
	c.State = quiet{state}
	source, err := policy.NewSource(w.client, c)
	require.NoError(t, err)
	require.Len(t, collect(t, source.Proofs(t.Context(), number(f.set), 0, w.node.Head())), 4)
	require.Len(t, state.epochs, 1)
}

func TestAQuestionAfterOneThatFailedFurtherOn(t *testing.T) {
	s := daily(5)
	state := &flaky{}
	c := config(5)
	c.State, c.Rules.Listeners = quiet{state}, []attestation.EthereumAddress{{}}
	c.SetRules = map[attestation.Word]policy.Rules{number(1): {}}
	s.at(60).created(3, alice).addPiece(3, 0, cid(7).Bytes()).open(3, 65, 8).at(65).prove(3, 0, 3, 5)
	r := &reader{logs: s.logs, head: 100}
	for _, to := range []uint64{0, 20, 64, 65, 66, 100} {
		fails := true
		state.answer = func(uint64) ([]byte, error) {
			if fails {
				return nil, errBroken
			}
			return words(0), nil
		}
		c.SetRules[number(2)] = policy.Rules{}
		source, err := policy.NewSource(r, c)
		require.NoError(t, err)
		require.ErrorIs(t, fail(t, source.Proofs(t.Context(), number(1), 0, 100)), errBroken, "of set 3")
		fails = false
		whole := newSource(t, r, 5)
		for set := range uint64(4) {
			require.Equal(t, collect(t, whole.Proofs(t.Context(), number(set), 0, to)), collect(t, source.Proofs(t.Context(), number(set), 0, to)), "%d", to)
			require.Equal(t, collect(t, whole.Proofs(t.Context(), number(set), 0, 100)), collect(t, source.Proofs(t.Context(), number(set), 0, 100)), "%d", to)
		}
	}
}

// TestALogBelowWhatWasJudgedIsNotSkipped: an error ended the judging of an epoch,
// and then a log shows up before the place.
func TestALogBelowWhatWasJudgedIsNotSkipped(t *testing.T) {
	s := daily(2)
	r := &shy{logs: s.logs, head: 100, hide: func(l types.Log) bool { return l.BlockNumber == 5 && l.Index == 1 }}
	state := &flaky{answer: func(uint64) ([]byte, error) { return nil, errBroken }}
	c := config(5)
	c.State, c.Rules.Listeners = quiet{state}, []attestation.EthereumAddress{{}}
	c.SetRules = map[attestation.Word]policy.Rules{number(1): {}} // the first is asked for set 2
	source, err := policy.NewSource(r, c)
	require.NoError(t, err)
	require.ErrorIs(t, fail(t, source.Proofs(t.Context(), number(1), 0, 50)), errBroken)
	r.hide = func(types.Log) bool { return false }
	require.ErrorIs(t, fail(t, source.Proofs(t.Context(), number(1), 0, 50)), policy.ErrOrder)
}

// TestTheClockOfTheService compares the schedule with what the service says.
func TestTheClockOfTheService(t *testing.T) {
	w := newWorld(t, simulated.WithProvingPeriod(60, 20))
	f := w.farmer(t, 1, w.node.Service(), data(1000))
	for _, skip := range []bool{false, true, true, false, false} {
		w.play(t, f, simulated.Behaviour{Skip: skip})
	}
	head := w.node.Head()
	source, err := policy.NewSource(w.client, w.config(policy.Rules{}))
	require.NoError(t, err)
	activation, ok, err := source.Activation(t.Context(), number(f.set), head)
	require.NoError(t, err)
	require.True(t, ok)
	var proofs []uint64
	for _, p := range collect(t, source.Proofs(t.Context(), number(f.set), 0, head)) {
		proofs = append(proofs, p.BlockNumber)
	}
	s := policy.Schedule{Activation: activation, MaxPeriod: 60, Window: 20}
	service := attestation.EthereumAddress(w.node.Service())
	var states []policy.PeriodState
	for p := range s.Periods(head, epochs(proofs...)) {
		ret, err := w.client.Call(t.Context(), service, append([]byte{0x69, 0x87, 0x62, 0xcb}, words(f.set, p.Index)...), head) // provenPeriods
		require.NoError(t, err)
		require.Equal(t, p.State == policy.PeriodProven, ret[31] == 1, "period %d", p.Index)
		require.False(t, p.Early)
		states = append(states, p.State)
	}
	require.Equal(t, []policy.PeriodState{policy.PeriodProven, policy.PeriodFaulted, policy.PeriodFaulted, policy.PeriodProven, policy.PeriodProven}, states)
}
