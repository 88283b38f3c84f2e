package simulated_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/simulated"
)

// served is a data set of two pieces under the strict service, with a period of
// 100 epochs and a window of 10.
type served struct {
	node *simulated.Node
	sp   *simulated.Provider
	set  uint64
}

func newServed(t *testing.T, opts ...simulated.Option) served {
	t.Helper()
	s := served{node: simulated.New(append(opts, simulated.WithProvingPeriod(100, 10))...)}
	s.sp = s.node.Provider(s.node.Accounts()[1])
	var err error
	s.set, err = s.sp.CreateDataSet(t.Context(), s.node.Service())
	require.NoError(t, err)
	_, err = s.sp.AddPieces(t.Context(), s.set, []byte(strings.Repeat("possession", 300)), []byte{1})
	require.NoError(t, err)
	return s
}

// ask calls a view of the service and returns its words.
func (s *served) ask(t *testing.T, signature string, args ...uint64) []uint64 {
	t.Helper()
	input := selector(signature)
	for _, a := range args {
		input = append(input, common.LeftPadBytes(new(big.Int).SetUint64(a).Bytes(), 32)...)
	}
	ret, err := dial(t, s.node).CallContract(t.Context(), ethereum.CallMsg{To: new(s.node.Service()), Data: input}, nil)
	require.NoError(t, err, signature)
	var out []uint64
	for ; len(ret) > 0; ret = ret[32:] {
		out = append(out, new(big.Int).SetBytes(ret[:32]).Uint64())
	}
	return out
}

func (s *served) window(t *testing.T) uint64 {
	return s.ask(t, "nextPDPChallengeWindowStart(uint256)", s.set)[0]
}

func (s *served) to(t *testing.T, epoch uint64) {
	t.Helper()
	_, err := s.node.Mine(epoch - s.node.Head())
	require.NoError(t, err)
}

// TestService goes through the rules of the strict service.
func TestService(t *testing.T) {
	s := newServed(t)
	refusedAs := func(err error, reason string) {
		t.Helper()
		var reverted *simulated.RevertError
		require.ErrorAs(t, err, &reverted)
		require.Regexp(t, reason, reverted.Reason)
	}
	head := s.node.Head()
	require.Equal(t, []uint64{100, 10, 5, head + 90}, s.ask(t, "getPDPConfig()"))
	_, err := s.sp.NextProvingPeriod(t.Context(), s.set, head+20)
	refusedAs(err, `^InvalidChallengeEpoch\(1,`)
	_, err = s.sp.NextProvingPeriod(t.Context(), s.set, s.node.Head()+91)
	require.NoError(t, err)
	activation := s.node.Head()
	deadline := activation + 100
	require.Equal(t, []uint64{activation}, s.ask(t, "provingActivationEpoch(uint256)", s.set))
	require.Equal(t, []uint64{deadline}, s.ask(t, "provingDeadline(uint256)", s.set))
	_, err = s.sp.NextProvingPeriod(t.Context(), s.set, deadline+90)
	require.NoError(t, err, "allowed once the first period has begun")
	refusedAs(func() error { _, err := s.sp.NextProvingPeriod(t.Context(), s.set, deadline+190); return err }(), `^NextProvingPeriodAlreadyCalled`)
	deadline += 100
	s.to(t, deadline-10)
	proof, err := s.sp.Proof(t.Context(), s.set, 5)
	require.NoError(t, err)
	few := proof
	few.Proofs = few.Proofs[:4]
	_, err = s.sp.Submit(t.Context(), few)
	refusedAs(err, `^InvalidChallengeCount\(1,5,4\)$`)
	id := s.node.Snapshot()
	_, err = s.node.Reorg(5)
	require.NoError(t, err)
	require.True(t, s.node.Revert(id))
	require.Equal(t, []uint64{0}, s.ask(t, "provenPeriods(uint256,uint256)", s.set, 1))
	_, err = s.sp.Submit(t.Context(), proof)
	require.NoError(t, err)
	require.Equal(t, []uint64{1}, s.ask(t, "provenPeriods(uint256,uint256)", s.set, 1))
	require.Equal(t, []uint64{0}, s.ask(t, "provenPeriods(uint256,uint256)", s.set, 0))
	require.Equal(t, []uint64{1}, s.ask(t, "provenThisPeriod(uint256)", s.set))
	_, err = s.sp.Submit(t.Context(), proof)
	refusedAs(err, `^ProofAlreadySubmitted\(1\)$`)

	// Two periods pass without a proof, and the next call says so.
	s.to(t, deadline+201)
	start := s.window(t)
	require.Equal(t, deadline+290, start)
	r, err := s.sp.NextProvingPeriod(t.Context(), s.set, start)
	require.NoError(t, err)
	require.Equal(t, crypto.Keccak256Hash([]byte("FaultRecord(uint256,uint256,uint256)")), r.Logs[0].Topics[0])
	require.EqualValues(t, 2, new(big.Int).SetBytes(r.Logs[0].Data[:32]).Uint64())
	require.Equal(t, s.node.Service(), r.Logs[0].Address)

	s.to(t, deadline+301)
	_, err = s.sp.Prove(t.Context(), s.set)
	refusedAs(err, `^ProvingPeriodPassed\(1,`)

	// Only the verifier may call it, and the provider does not change.
	_, err = s.sp.Send(t.Context(), s.node.Service(), nil, append(selector("possessionProven(uint256,uint256,uint256,uint256)"), make([]byte, 128)...))
	refusedAs(err, `^OnlyPDPVerifierAllowed\(`)
}

// TestServiceTooLate chooses the last epoch of the window for the challenge,
// which the service allows: a proof can be made only when that epoch is over.
func TestServiceTooLate(t *testing.T) {
	s := newServed(t)
	_, err := s.sp.Prove(t.Context(), s.set)
	require.ErrorContains(t, err, "is not reached")
	_, err = s.sp.NextProvingPeriod(t.Context(), s.set, s.node.Head()+101)
	require.NoError(t, err, "the last epoch of the window")
	s.to(t, s.node.Head()+100)
	_, err = s.sp.Prove(t.Context(), s.set)
	require.ErrorContains(t, err, "ProvingPeriodPassed")
}

// TestServiceAlone calls the service as the verifier would, for what the
// verifier does not let through: a proof before the window, and one of a set
// that has no period.
func TestServiceAlone(t *testing.T) {
	verifier, at := common.Address{1}, common.Address{2}
	m := simulated.NewMachine(verifier, common.Address{}, 10)
	m.InstallService(at, verifier, 100, 10)
	call := func(epoch uint64, signature string, words ...uint64) string {
		input := selector(signature)
		for _, w := range words {
			input = append(input, common.LeftPadBytes(new(big.Int).SetUint64(w).Bytes(), 32)...)
		}
		_, _, failed := m.Run(epoch, 0, verifier, at, new(big.Int), input)
		if failed == nil {
			return ""
		}
		return failed.Reason
	}
	const proven, next = "possessionProven(uint256,uint256,uint256,uint256)", "nextProvingPeriod(uint256,uint256,uint256,bytes)"
	require.Equal(t, "ProvingNotStarted(7)", call(50, proven, 7, 1, 1, 5))
	require.Equal(t, "ProvingPeriodNotInitialized(7)", call(50, "nextPDPChallengeWindowStart(uint256)", 7))
	require.Empty(t, call(50, next, 7, 140, 1, 128, 0))
	require.Equal(t, "ChallengeWindowTooEarly(7,140,139)", call(139, proven, 7, 1, 1, 5))
	require.Empty(t, call(150, proven, 7, 1, 1, 5), "the last epoch")
	// The set becomes empty, and gets pieces again: the periods keep their origin.
	require.Empty(t, call(151, next, 7, 0, 0, 128, 0))
	require.Equal(t, "ProvingNotStarted(7)", call(152, proven, 7, 1, 1, 5))
	require.Equal(t, "InvalidChallengeEpoch(7,51,150,50)", call(170, next, 7, 50, 1, 128, 0))
	require.Equal(t, "InvalidChallengeEpoch(7,340,350,339)", call(250, next, 7, 339, 1, 128, 0))
	require.Empty(t, call(250, next, 7, 340, 1, 128, 0))
	require.Equal(t, "StorageProviderChangesNotSupported()", call(250, "storageProviderChanged(uint256,address,address,bytes)", 7, 1, 2, 128, 0))
}

// TestPermissiveListener accepts every proof of a provider who owns it.
func TestPermissiveListener(t *testing.T) {
	n := simulated.New()
	sp := n.Provider(n.Accounts()[1])
	set, err := sp.CreateDataSet(t.Context(), n.PermissiveListener())
	require.NoError(t, err)
	_, err = sp.AddPieces(t.Context(), set, []byte{1})
	require.NoError(t, err)
	p, err := n.Play(t.Context(), sp, set, simulated.Behaviour{Copies: 4, Challenges: 1})
	require.NoError(t, err)
	require.Len(t, p.Proofs, 4)
	require.Empty(t, p.Refused)
}

// proofs counts the PossessionProven of a receipt.
func proofs(t *testing.T, logs []types.Log) (n int) {
	t.Helper()
	for i := range logs {
		if e, err := fevm.ParseLog(&logs[i]); err == nil {
			if _, ok := e.(fevm.PossessionProven); ok {
				n++
			}
		}
	}
	return n
}

func TestBehaviours(t *testing.T) {
	for name, tt := range map[string]struct {
		b                simulated.Behaviour
		proven, refused  int // without a service, in a period that is not the first
		strict, strictNo int // with the strict service
	}{
		"honest":        {simulated.Behaviour{}, 1, 0, 1, 0},
		"lazy":          {simulated.Behaviour{Skip: true}, 0, 0, 0, 0},
		"duplicate":     {simulated.Behaviour{Copies: 7}, 7, 0, 1, 6},
		"one challenge": {simulated.Behaviour{Challenges: 1}, 1, 0, 0, 1},
		"replay":        {simulated.Behaviour{Replay: true}, 1, 1, 1, 1},
		"replay only":   {simulated.Behaviour{Replay: true, Skip: true}, 0, 1, 0, 1},
		"corrupt":       {simulated.Behaviour{Corrupt: true}, 0, 1, 0, 1},
		"corrupt often": {simulated.Behaviour{Corrupt: true, Copies: 3}, 0, 3, 0, 3},
	} {
		for _, strict := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				s := newServed(t)
				proven, refused := tt.strict, tt.strictNo
				if !strict {
					p := newProving(t)
					s.node, s.sp, s.set = p.node, p.sp, p.set
					proven, refused = tt.proven, tt.refused
				}
				_, err := s.node.Play(t.Context(), s.sp, s.set, simulated.Behaviour{})
				require.NoError(t, err)
				p, err := s.node.Play(t.Context(), s.sp, s.set, tt.b)
				require.NoError(t, err)
				require.Len(t, p.Proofs, proven)
				require.Len(t, p.Refused, refused)
				for _, r := range p.Proofs {
					require.Equal(t, 1, proofs(t, r.Logs))
					require.GreaterOrEqual(t, r.BlockNumber, p.ChallengeEpoch)
				}
			})
		}
	}
	n := simulated.New()
	_, err := n.Play(t.Context(), n.Provider(n.Accounts()[1]), 1, simulated.Behaviour{Copies: -1})
	require.ErrorContains(t, err, "want 0 or more")
	_, err = n.Play(t.Context(), n.Provider(n.Accounts()[1]), 1, simulated.Behaviour{})
	require.ErrorAs(t, err, new(*simulated.RevertError))
}

// TestThousandPeriods has a provider of each kind under the strict service for
// 1,000 periods: what the service counts as proven is what the honest one earns.
func TestThousandPeriods(t *testing.T) {
	s := newServed(t)
	tiny, err := s.sp.CreateDataSet(t.Context(), s.node.Service())
	require.NoError(t, err)
	_, err = s.sp.AddPieces(t.Context(), tiny, []byte{1})
	require.NoError(t, err)
	for i := range 500 { // two sets, a period each
		p, err := s.node.Play(t.Context(), s.sp, s.set, simulated.Behaviour{})
		require.NoError(t, err)
		require.Len(t, p.Proofs, 1, i)
		p, err = s.node.Play(t.Context(), s.sp, tiny, simulated.Behaviour{Copies: 2, Replay: true})
		require.NoError(t, err)
		require.Len(t, p.Proofs, 1, i)
		require.NotEmpty(t, p.Refused)
	}
}

func TestServiceABI(t *testing.T) {
	require.Equal(t, "ea0f9354", common.Bytes2Hex(selector("getPDPConfig()")), "spec §1.2")
	require.Equal(t, "698762cb", common.Bytes2Hex(selector("provenPeriods(uint256,uint256)")))
	for signature, id := range map[string]string{
		"ProofAlreadySubmitted(uint256)":                   "425335c3",
		"ProvingPeriodPassed(uint256,uint256,uint256)":     "9514f828",
		"ChallengeWindowTooEarly(uint256,uint256,uint256)": "c41d66e8",
		"InvalidChallengeCount(uint256,uint256,uint256)":   "985bf88a",
		"ProvingNotStarted(uint256)":                       "28bb1a79",
	} {
		require.Equal(t, id, common.Bytes2Hex(selector(signature)), signature)
		require.Contains(t, simulated.ServiceErrors(), id)
	}
}
