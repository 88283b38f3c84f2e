package starknet_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// modelOperations is how many operations TestModelOnDevnet makes in all.
const modelOperations = 1200

// TestModelOnDevnet makes the same random operations on the classes of
// starknet/cairo and on the model of slastream/escrow, with a token that
// misbehaves at times. After each operation both have refused for the same
// reason or have the same events, and the same state.
func TestModelOnDevnet(t *testing.T) {
	programs := devnetPrograms(t)
	outcomes := map[escrow.Class]map[string]int{escrow.Compatible: {}, escrow.Extended: {}}
	for _, program := range programs {
		t.Run(filepath.Base(program), func(t *testing.T) {
			d := newModelDevnet(t, startDevnet(t, program))
			for _, class := range []escrow.Class{escrow.Compatible, escrow.Extended} {
				t.Run(class.String(), func(t *testing.T) {
					testModel(t, d, class, modelOperations/2/len(programs)+1, outcomes[class])
				})
			}
		})
	}
	if t.Failed() {
		return
	}
	for class, wanted := range modelOutcomes {
		t.Logf("%v: %v", class, outcomes[class])
		if len(outcomes[class]) == 0 { // not run
			continue
		}
		for _, want := range wanted {
			require.NotZero(t, outcomes[class][want], "%v: no operation had the outcome %q", class, want)
		}
	}
}

func testModel(t *testing.T, d *modelDevnet, class escrow.Class, operations int, outcomes map[string]int) {
	total, failed := 0, false
	rapid.Check(t, func(rt *rapid.T) {
		// The rest of rapid's checks; not those that make a failure smaller.
		if total >= operations && !failed {
			return
		}
		defer func() { failed = failed || rt.Failed() }()
		p := newPair(t, rt, d, class, outcomes)
		rt.Repeat(p.actions(class))
		total += p.operations
	})
	require.GreaterOrEqual(t, total, operations)
}

// What operations that were accepted can have shown.
const (
	accepted     = "accepted"
	severalDeals = "chunks of several deals at once"
	calledBack   = "called back"
)

// modelOutcomes is what so many operations must have met: otherwise they have
// not shown much. What a fair draw may miss, once in a thousand runs, is left
// out.
var modelOutcomes = map[escrow.Class][]string{
	escrow.Compatible: {
		accepted, calledBack, "Not owner", "Deal not active", "Chunk already released", "SLA deadline not reached",
		"mock failure", "ENTRYPOINT_NOT_FOUND",
	},
	escrow.Extended: {
		accepted, calledBack, severalDeals, "Not owner", "Deal not active", "SLA deadline not reached", "mock failure",
		"Not pending owner", "Contract is paused", "Token transfer failed",
	},
}

// A pair is one escrow twice: on the node and as the model.
type pair struct {
	d      *modelDevnet
	t      *testing.T
	escrow *starknet.Escrow
	token  *starknet.ERC20

	model *escrow.Contract
	mock  *mockToken
	key   *modelKey

	people     []slastream.Address // whose balances are compared
	operations int
	outcomes   map[string]int
}

func newPair(t *testing.T, rt *rapid.T, d *modelDevnet, class escrow.Class, outcomes map[string]int) *pair {
	ctx := t.Context()
	d.salt++
	salt := attestation.WordFromUint64(d.salt)
	token, err := cairo.DeployMockERC20(ctx, d.senders[0], salt)
	require.NoError(rt, err)
	p := &pair{d: d, t: t, token: token, key: newModelKey(rt), outcomes: map[string]int{}}
	params := cairo.Params{Class: cairo.Compatible, Key: p.key.public, Token: token.Address(), Salt: salt}
	if class == escrow.Extended {
		params.Class, params.Owner = cairo.Extended, d.accounts[0].Address()
	}
	p.escrow, err = cairo.Deploy(ctx, d.senders[0], params)
	require.NoError(rt, err)
	owner, err := p.escrow.Owner(ctx) // of the compatible class, who deployed it
	require.NoError(rt, err)

	version, err := p.escrow.Version(ctx)
	require.NoError(rt, err)
	require.Equal(rt, "SLAStream "+class.String()+" 1", version)

	p.mock = &mockToken{
		address:    token.Address(),
		balances:   map[slastream.Address]slastream.Amount{},
		allowances: map[[2]slastream.Address]slastream.Amount{},
	}
	model := escrow.Params{
		Class: class, Owner: owner, Key: p.key.public, Token: token.Address(), Rules: attestation.RulesLegacy,
		Address: p.escrow.Address(), ChainID: starknet.Sepolia,
	}
	require.NoError(rt, model.Check())
	p.model = escrow.New(model, p.mock)
	p.people = []slastream.Address{{}, {31: 0x77}, token.Address(), p.escrow.Address()}
	// The token holds tokens of itself, for the deals that it opens when it calls
	// back.
	rich := []slastream.Address{token.Address()}
	for _, a := range d.accounts {
		rich = append(rich, a.Address())
	}
	p.people = append(p.people, rich[1:]...)
	much := attestation.Word{22: 1}
	var mints []starknet.Call
	for _, a := range rich {
		low, high := starknet.SplitU256(much)
		mints = append(mints, p.call("mint", felts(rt, a.Word())[0], low, high))
		p.mock.balances[a] = slastream.AmountFromWord(much)
	}
	_, err = d.accounts[0].Execute(ctx, mints...)
	require.NoError(rt, err)
	for i := range d.accounts {
		o := p.approval(rt, much)
		p.do(rt, i, o.call, o.model)
		// A deal each, so that there is something to do from the start.
		o = p.creationOf(slastream.Terms{
			Provider: d.accounts[0].Address(), Chunks: 4, ChunkAmount: slastream.AmountFromUint64(100 + uint64(i)),
			Collateral: slastream.AmountFromUint64(50), Duration: 3 * hours,
		})
		p.do(rt, i, o.call, o.model)
	}
	p.operations, p.outcomes = 0, outcomes
	return p
}

// do makes one transaction of account i on the node, then the same on the
// model at the time of that block, and compares the outcomes.
func (p *pair) do(t *rapid.T, i int, call starknet.Call, onModel func(escrow.Call) error) {
	p.operations++
	at := p.d.time(p.t, t)
	r, err := p.d.accounts[i].Execute(p.t.Context(), call)
	var revert *slastream.RevertError
	if err != nil {
		require.ErrorAs(t, err, &revert)
	}

	mark, before := p.model.Snapshot(), p.mock.clone()
	p.mock.log, p.mock.at, p.mock.calledBack = nil, at, false
	modelErr := onModel(escrow.Call{From: p.d.accounts[i].Address(), At: at})
	if modelErr != nil {
		require.True(t, p.model.Revert(mark))
		p.mock.become(before)
	}

	if revert != nil {
		p.outcomes[revert.Reason]++
		require.Error(t, modelErr, "the node reverts with %q", revert.Reason)
		var modelRevert *slastream.RevertError
		require.ErrorAs(t, modelErr, &modelRevert)
		require.Equal(t, revert.Reason, modelRevert.Reason)
		return
	}
	p.outcomes[accepted]++
	require.NoError(t, modelErr, "the node accepts")
	var events []slastream.Event
	for _, l := range r.Logs {
		if l.From == p.escrow.Address() {
			e, err := starknet.ParseEvent(l.Keys, l.Data)
			require.NoError(t, err)
			events = append(events, e)
		}
	}
	require.Equal(t, p.mock.log, events)

	if p.mock.calledBack {
		p.outcomes[calledBack]++
	}
	deals := map[attestation.Word]bool{}
	for _, e := range events {
		if released, ok := e.(slastream.ChunkReleased); ok {
			deals[released.DealID] = true
		}
	}
	if len(deals) > 1 {
		p.outcomes[severalDeals]++
	}
}

// requireSameState compares all that both hold.
func (p *pair) requireSameState(t *rapid.T) {
	ctx, c := p.t.Context(), p.model
	count, err := p.escrow.DealCount(ctx)
	require.NoError(t, err)
	require.Equal(t, c.DealCount(), count)
	n, _ := count.Uint64()
	for id := range n + 2 {
		id := attestation.WordFromUint64(id)
		deal, err := p.escrow.Deal(ctx, id)
		require.NoError(t, err)
		require.Equal(t, c.Deal(id), deal)
		for _, chunk := range chunkIndexes {
			if chunk >= deal.Chunks && chunk > 0 {
				continue
			}
			released, err := p.escrow.ChunkReleased(ctx, id, chunk)
			require.NoError(t, err)
			require.Equal(t, c.ChunkReleased(id, chunk), released, "deal %v, chunk %d", id, chunk)
		}
	}
	for _, a := range p.people {
		require.Equal(t, p.mock.balances[a].String(), p.d.balance(p.t, t, p.token.Address(), a), "balance of %v", a)
	}
	paused, err := p.escrow.Paused(ctx)
	require.NoError(t, err)
	require.Equal(t, c.Paused(), paused)
	owner, err := p.escrow.Owner(ctx)
	require.NoError(t, err)
	require.Equal(t, c.Owner(), owner)
	pending, err := p.escrow.PendingOwner(ctx)
	require.NoError(t, err)
	require.Equal(t, c.PendingOwner(), pending)
}
