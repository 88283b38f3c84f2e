package policy_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/policy"
)

func (s *script) deleted(set uint64) *script {
	return s.emit("DataSetDeleted(uint256,uint256)", set, words(0))
}

func TestCheckSet(t *testing.T) {
	set := func() *script {
		return new(script).at(5).created(1, alice).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8)
	}
	leaves := cid(7).LeafCount()
	for name, tt := range map[string]struct {
		logs   *script
		rules  policy.Rules
		sets   []attestation.Word
		reason policy.Reason // "" for none
		detail string
	}{
		"a set that can be proven":                 {logs: set()},
		"one that was created just now":            {logs: new(script).at(5).created(1, alice)},
		"all rules":                                {logs: set(), rules: policy.Rules{Providers: []attestation.EthereumAddress{bob, alice}, MinLeaves: leaves, Pieces: []fevm.PieceCID{cid(7)}, MinChallenges: 9}},
		"a piece that counts from the next period": {logs: set().addPiece(1, 1, cid(8).Bytes()), rules: policy.Rules{MinLeaves: 2 * leaves, Pieces: []fevm.PieceCID{cid(7), cid(8)}}},
		"named":                               {logs: set(), sets: []attestation.Word{number(1)}},
		"left out":                            {logs: set(), sets: []attestation.Word{number(2)}, reason: policy.ReasonLeftOut},
		"another set":                         {logs: new(script).at(5).created(2, alice), reason: policy.ReasonNotSeen, detail: "up to epoch 93"},
		"created above the head":              {logs: new(script).at(95).created(1, alice), reason: policy.ReasonNotSeen},
		"created before the first block":      {logs: new(script).at(5).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8), reason: policy.ReasonNotCreated},
		"deleted":                             {logs: set().at(30).deleted(1), reason: policy.ReasonDeleted},
		"another provider":                    {logs: set(), rules: policy.Rules{Providers: []attestation.EthereumAddress{bob}}, reason: policy.ReasonProvider, detail: alice.String()},
		"the provider has changed":            {logs: set().claimed(1, alice, bob), rules: policy.Rules{Providers: []attestation.EthereumAddress{bob}}},
		"too small":                           {logs: set(), rules: policy.Rules{MinLeaves: leaves + 1}, reason: policy.ReasonFewLeaves},
		"no pieces yet":                       {logs: new(script).at(5).created(1, alice), rules: policy.Rules{MinLeaves: 1}, reason: policy.ReasonFewLeaves, detail: "0 leaves"},
		"too small since a piece was removed": {logs: set().addPiece(1, 1, cid(8).Bytes()).open(1, 30, 2*leaves).removePiece(1, 0), rules: policy.Rules{MinLeaves: leaves + 1}, reason: policy.ReasonFewLeaves},
		"another piece than the one that is paid":   {logs: set(), rules: policy.Rules{Pieces: []fevm.PieceCID{cid(8)}}, reason: policy.ReasonOtherPieces},
		"a piece more than the one that is paid":    {logs: set().addPiece(1, 1, cid(8).Bytes()), rules: policy.Rules{Pieces: []fevm.PieceCID{cid(7)}}, reason: policy.ReasonOtherPieces},
		"a piece whose CID is not canonical":        {logs: set().addPiece(1, 1, []byte{1}), reason: policy.ReasonBadPiece},
		"the listener is one that is listed":        {logs: set(), rules: policy.Rules{Listeners: []attestation.EthereumAddress{alice}}},
		"the listener is another one":               {logs: set(), rules: policy.Rules{Listeners: []attestation.EthereumAddress{bob}}, reason: policy.ReasonListener, detail: alice.String()},
		"the listener is another one than no other": {logs: set(), rules: policy.Rules{Listeners: []attestation.EthereumAddress{{}}}, reason: policy.ReasonListener},
	} {
		c := config(5)
		c.Rules, c.Sets, c.Overlap = tt.rules, tt.sets, 7
		c.State = &listening{ledger: ledger{logs: tt.logs.logs}, listener: alice}
		source, err := policy.NewSource(&reader{logs: tt.logs.logs, head: 100}, c)
		require.NoError(t, err, name)
		for range 2 {
			err = source.CheckSet(t.Context(), number(1))
			if tt.reason == "" {
				require.NoError(t, err, name)
				continue
			}
			var bad *policy.SetError
			require.ErrorAs(t, err, &bad, name)
			require.Equal(t, tt.reason, bad.Reason, name)
			require.Equal(t, number(1), bad.Set, name)
			require.NotEmpty(t, bad.Advice, name)
			require.Contains(t, bad.Detail, tt.detail, name)
			require.ErrorContains(t, err, "policy: data set 1: "+string(tt.reason), name)
			require.ErrorContains(t, err, ": "+bad.Advice, name)
		}
	}
}

// A listening state knows a listener, too.
type listening struct {
	ledger
	listener attestation.EthereumAddress
}

func (l *listening) Call(ctx context.Context, to attestation.EthereumAddress, data []byte, epoch uint64) ([]byte, error) {
	if [4]byte(data) == [4]byte{0x2b, 0x31, 0x29, 0xbb} {
		return append(make([]byte, 12), l.listener[:]...), nil
	}
	return l.ledger.Call(ctx, to, data, epoch)
}

// TestCheckSetFails: what is not known of a set is not said of it.
func TestCheckSetFails(t *testing.T) {
	s := daily(3)
	c := config(5)
	state := &ledger{logs: s.logs, fails: errBroken}
	c.State = state
	r := &reader{logs: s.logs, head: 100}
	source, err := policy.NewSource(r, c)
	require.NoError(t, err)
	var bad *policy.SetError
	err = source.CheckSet(t.Context(), number(1))
	require.ErrorIs(t, err, errBroken)
	require.NotErrorAs(t, err, &bad)
	state.fails = nil
	require.NoError(t, source.CheckSet(t.Context(), number(1)))

	c.State = nil
	r = &reader{logs: s.logs, head: 100, failAt: 2}
	source, err = policy.NewSource(r, c)
	require.NoError(t, err)
	require.ErrorIs(t, source.CheckSet(t.Context(), number(1)), errBroken)

	c.FromBlock = 200 // above the head
	source, err = policy.NewSource(&reader{logs: s.logs, head: 100}, c)
	require.NoError(t, err)
	require.ErrorAs(t, source.CheckSet(t.Context(), number(1)), &bad)
	require.Equal(t, policy.ReasonNotSeen, bad.Reason)

	c = config(5)
	c.Mock = true
	source, err = policy.NewSource(&reader{head: 100}, c)
	require.NoError(t, err)
	require.NoError(t, source.CheckSet(t.Context(), number(1)), "the mock has no sets")
}

// TestASetThatWasCheckedIsWatched: the state is asked about it from then on.
func TestASetThatWasCheckedIsWatched(t *testing.T) {
	s := daily(3)
	state := &ledger{logs: s.logs}
	c := config(5)
	c.State = state
	r := &reader{logs: s.logs, head: 20}
	source, err := policy.NewSource(r, c)
	require.NoError(t, err)
	require.NoError(t, source.CheckSet(t.Context(), number(1)))
	r.head = 100
	before := state.asked
	require.Len(t, collect(t, source.All(t.Context(), 0, 100)), 6)
	require.Equal(t, before+1, state.asked)
}
