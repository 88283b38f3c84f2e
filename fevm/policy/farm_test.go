package policy_test

import (
	"context"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/fevm/simulated"
)

// inputs reads calldata of a node.
type inputs struct {
	caller chain.Caller
	change func([]byte) []byte // nil: as it is
	asked  int
}

func (i *inputs) TransactionInput(ctx context.Context, hash attestation.Word) ([]byte, error) {
	i.asked++
	var tx struct {
		Input hexutil.Bytes `json:"input"`
	}
	if err := i.caller.CallContext(ctx, &tx, "eth_getTransactionByHash", common.Hash(hash)); err != nil {
		return nil, err
	}
	if i.change != nil {
		return i.change(tx.Input), nil
	}
	return tx.Input, nil
}

// A world is a simulated chain and a client of it.
type world struct {
	node   *simulated.Node
	client *chain.Client
	inputs *inputs
}

func newWorld(t testing.TB, opts ...simulated.Option) *world {
	t.Helper()
	node := simulated.New(append([]simulated.Option{simulated.WithStart(10), simulated.WithFinality(0, 0)}, opts...)...)
	caller, err := rpc.DialOptions(t.Context(), "http://fevm.invalid", rpc.WithHTTPClient(node.Client()))
	require.NoError(t, err)
	client, err := chain.New(caller, chain.Config{ChainID: 314159})
	require.NoError(t, err)
	return &world{node, client, &inputs{caller: caller}}
}

func (w *world) config(rules policy.Rules) policy.Config {
	return policy.Config{
		ChainID: 314159, Verifier: attestation.EthereumAddress(w.node.Verifier()), FromBlock: 10,
		Rules: rules, State: w.client, Inputs: w.inputs,
	}
}

// A farmer is a provider with one data set.
type farmer struct {
	provider *simulated.Provider
	set      uint64
	cids     []fevm.PieceCID
}

func (w *world) farmer(t testing.TB, account int, listener common.Address, data []byte) *farmer {
	t.Helper()
	f := &farmer{provider: w.node.Provider(w.node.Accounts()[account])}
	var err error
	f.set, err = f.provider.CreateDataSet(t.Context(), listener)
	require.NoError(t, err)
	f.cids, err = f.provider.AddPieces(t.Context(), f.set, data)
	require.NoError(t, err)
	return f
}

func (w *world) play(t testing.TB, f *farmer, b simulated.Behaviour) simulated.Period {
	t.Helper()
	p, err := w.node.Play(t.Context(), f.provider, f.set, b)
	require.NoError(t, err)
	return p
}

func data(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

// TestAFarmerEarnsWhatOneHonestProofAPeriodEarns runs 1,000 proving periods of
// the strict service. In each, the honest provider proves once; the others do
// all that they can to be paid more often, or for less.
func TestAFarmerEarnsWhatOneHonestProofAPeriodEarns(t *testing.T) {
	const period, window = 120, 20
	periods := 1000
	if testing.Short() {
		periods = 50
	}
	w := newWorld(t, simulated.WithProvingPeriod(period, window))
	honest := w.farmer(t, 1, w.node.Service(), data(1000))
	copier := w.farmer(t, 2, w.node.PermissiveListener(), data(1000))
	hasty := w.farmer(t, 3, common.Address{}, data(1000))
	tiny := w.farmer(t, 4, common.Address{}, data(1))
	own := w.farmer(t, 5, w.node.PermissiveListener(), data(1000))

	var first, last uint64 // challenge epochs of the honest provider
	events, refused := 0, 0
	play := func(f *farmer, b simulated.Behaviour) uint64 {
		p := w.play(t, f, b)
		events, refused = events+len(p.Proofs), refused+len(p.Refused)
		return p.ChallengeEpoch
	}
	for i := range periods {
		if last = play(honest, simulated.Behaviour{}); i == 0 {
			first = last
		}
		play(copier, simulated.Behaviour{Copies: 2, Replay: true})
		play(hasty, simulated.Behaviour{})
		if i%2 == 1 {
			play(hasty, simulated.Behaviour{Challenges: 1 + i%5}) // a period more, at times with few challenges
		}
		if i%10 == 0 {
			play(tiny, simulated.Behaviour{Copies: 2, Replay: true}) // one leaf: an old proof verifies again
			play(own, simulated.Behaviour{Copies: 2})                // with a listener of its own
		}
	}
	require.Equal(t, uint64(period*(periods-1)), last-first, "the honest provider misses no period")

	rules := policy.Rules{MinSpacing: period - window, MinLeaves: 16}
	pinned := rules
	pinned.Pieces, pinned.Verify, pinned.Window = honest.cids, policy.VerifyAll, window
	pinned.Listeners = []attestation.EthereumAddress{attestation.EthereumAddress(w.node.Service())}
	pinned.Providers = []attestation.EthereumAddress{attestation.EthereumAddress(honest.provider.Address())}
	listed := rules
	listed.Listeners = pinned.Listeners
	c := w.config(rules)
	c.SetRules = map[attestation.Word]policy.Rules{number(honest.set): pinned, number(own.set): listed}
	source, err := policy.NewSource(w.client, c)
	require.NoError(t, err)
	earned := func(f *farmer) (payable int, why map[policy.Reason]bool) {
		why = map[policy.Reason]bool{}
		for v, err := range source.Verdicts(t.Context(), number(f.set), 0, w.node.Head()) {
			if require.NoError(t, err); v.Refusal == nil {
				payable++
				continue
			}
			why[v.Refusal.Reason] = true
		}
		return payable, why
	}
	for _, tt := range []struct {
		name    string
		who     *farmer
		earns   int
		reasons []policy.Reason
	}{
		{"one honest proof a period", honest, periods, nil},
		{"each proof twice, after the one of the last period", copier, periods, []policy.Reason{policy.ReasonDuplicate}},
		{"two periods in the time of one", hasty, periods, []policy.Reason{policy.ReasonTooSoon}},
		{"a set of one leaf", tiny, 0, []policy.Reason{policy.ReasonFewLeaves, policy.ReasonDuplicate}},
		{"a listener of its own", own, 0, []policy.Reason{policy.ReasonListener, policy.ReasonDuplicate}},
	} {
		payable, why := earned(tt.who)
		require.Equal(t, tt.earns, payable, tt.name)
		require.Len(t, why, len(tt.reasons), tt.name)
		for _, r := range tt.reasons {
			require.True(t, why[r], tt.name)
		}
	}
	require.Equal(t, periods, w.inputs.asked, "only what would be paid is verified again")
	t.Logf("%d periods, %d proof events, %d refused by the contract", periods, events, refused)
}
