package policy_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/policy"
)

var alice, bob = attestation.EthereumAddress{19: 0xa1}, attestation.EthereumAddress{19: 0xb0}

func (s *script) created(set uint64, by attestation.EthereumAddress) *script {
	s.emit("DataSetCreated(uint256,address)", set, nil)
	l := &s.logs[len(s.logs)-1]
	l.Topics = append(l.Topics, common.BytesToHash(by[:]))
	return s
}

func (s *script) claimed(set uint64, from, by attestation.EthereumAddress) *script {
	s.emit("StorageProviderChanged(uint256,address,address)", set, nil)
	l := &s.logs[len(s.logs)-1]
	l.Topics = append(l.Topics, common.BytesToHash(from[:]), common.BytesToHash(by[:]))
	return s
}

// padded is a piece with the root of cid(b) that says that all but one of its
// eight leaves are padding.
func padded(t testing.TB, b byte) fevm.PieceCID {
	t.Helper()
	c, err := fevm.NewPieceCID([32]byte{b}, 3, 223)
	require.NoError(t, err)
	require.Equal(t, uint64(1), c.LeafCount())
	return c
}

func TestRules(t *testing.T) {
	const paid = policy.Reason("")
	// ready is a set with one piece in the period 20, which is reached.
	ready := func() *script {
		return new(script).at(9).created(1, alice).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8).at(20)
	}
	with := func(extra fevm.PieceCID, leaves uint64) *script {
		return new(script).at(9).created(1, alice).addPiece(1, 0, cid(7).Bytes()).addPiece(1, 1, extra.Bytes()).open(1, 20, leaves).at(20)
	}
	for name, tt := range map[string]struct {
		rules  policy.Rules
		script *script
		want   []policy.Reason
	}{
		"in the last epoch of the window": {policy.Rules{Window: 5}, ready().at(25).prove(1, 0, 3, 5), []policy.Reason{paid}},
		"one epoch late, then a new period": {policy.Rules{Window: 5},
			ready().at(26).prove(1, 0, 3, 5).open(1, 30, 8).at(30).prove(1, 0, 3, 5), []policy.Reason{policy.ReasonLate, paid}},
		"early, and in time": {policy.Rules{Window: 5},
			ready().at(19).prove(1, 0, 3, 5).at(20).prove(1, 0, 3, 5), []policy.Reason{policy.ReasonPremature, paid}},

		"a period that is too close to the last one": {policy.Rules{MinSpacing: 10},
			ready().prove(1, 0, 3, 5).open(1, 29, 8).at(29).prove(1, 0, 3, 5).open(1, 30, 8).at(30).prove(1, 0, 3, 5).open(1, 40, 8).at(40).prove(1, 0, 3, 5),
			[]policy.Reason{paid, policy.ReasonTooSoon, paid, paid}},
		"a refused period does not delay the next": {policy.Rules{MinSpacing: 10},
			ready().prove(1, 0, 3, 5).open(1, 29, 8).at(29).prove(1, 0, 3, 5).open(1, 31, 8).at(31).prove(1, 0, 3, 5),
			[]policy.Reason{paid, policy.ReasonTooSoon, paid}},

		"a set that is too small":     {policy.Rules{MinLeaves: 9}, ready().prove(1, 0, 3, 5), []policy.Reason{policy.ReasonFewLeaves}},
		"a set that is just enough":   {policy.Rules{MinLeaves: 8}, ready().prove(1, 0, 3, 5), []policy.Reason{paid}},
		"pieces that came afterwards": {policy.Rules{MinLeaves: 9}, ready().addPiece(1, 1, cid(8).Bytes()).prove(1, 0, 3, 5), []policy.Reason{policy.ReasonFewLeaves}},

		"more challenges than the default": {policy.Rules{MinChallenges: 6}, ready().prove(1, 0, 3, 5).open(1, 30, 8).at(30).prove(1, 0, 3, 6), []policy.Reason{policy.ReasonFewChallenges, paid}},
		"fewer challenges":                 {policy.Rules{MinChallenges: 1}, ready().prove(1, 0, 3, 1), []policy.Reason{paid}},

		"the provider that created the set": {policy.Rules{Providers: []attestation.EthereumAddress{bob, alice}}, ready().prove(1, 0, 3, 5), []policy.Reason{paid}},
		"another provider":                  {policy.Rules{Providers: []attestation.EthereumAddress{bob}}, ready().prove(1, 0, 3, 5), []policy.Reason{policy.ReasonProvider}},
		"a provider that took the set over": {policy.Rules{Providers: []attestation.EthereumAddress{bob}},
			ready().prove(1, 0, 3, 5).claimed(1, alice, bob).open(1, 30, 8).at(30).prove(1, 0, 3, 5), []policy.Reason{policy.ReasonProvider, paid}},
		"a provider that gave the set away": {policy.Rules{Providers: []attestation.EthereumAddress{alice}},
			ready().claimed(1, alice, bob).prove(1, 0, 3, 5), []policy.Reason{policy.ReasonProvider}},
		"a set whose creation was not seen": {policy.Rules{Providers: []attestation.EthereumAddress{alice}}, proven(), []policy.Reason{policy.ReasonProvider}},

		"the piece":         {policy.Rules{Pieces: []fevm.PieceCID{cid(7)}}, ready().prove(1, 0, 3, 5), []policy.Reason{paid}},
		"another piece":     {policy.Rules{Pieces: []fevm.PieceCID{cid(8)}}, ready().prove(1, 0, 3, 5), []policy.Reason{policy.ReasonOtherPieces}},
		"one of two pieces": {policy.Rules{Pieces: []fevm.PieceCID{cid(7), cid(8)}}, ready().prove(1, 0, 3, 5), []policy.Reason{policy.ReasonOtherPieces}},
		"the second piece came after the period opened": {policy.Rules{Pieces: []fevm.PieceCID{cid(7), cid(8)}}, ready().addPiece(1, 1, cid(8).Bytes()).prove(1, 0, 3, 5), []policy.Reason{policy.ReasonOtherPieces}},
		"both pieces":                       {policy.Rules{Pieces: []fevm.PieceCID{cid(7), cid(8)}}, with(cid(8), 16).prove(1, 0, 3, 5), []policy.Reason{paid}},
		"a piece of zeros beside it":        {policy.Rules{Pieces: []fevm.PieceCID{cid(7)}}, with(cid(8), 16).prove(1, 0, 3, 5), []policy.Reason{policy.ReasonOtherPieces}},
		"a piece that is allowed beside it": {policy.Rules{Pieces: []fevm.PieceCID{cid(7)}, OtherLeaves: 8}, with(cid(8), 16).prove(1, 0, 3, 5), []policy.Reason{paid}},
		"a piece beside it that came after": {policy.Rules{Pieces: []fevm.PieceCID{cid(7)}}, ready().addPiece(1, 1, cid(8).Bytes()).prove(1, 0, 3, 5), []policy.Reason{paid}},
		"a copy beside it":                  {policy.Rules{Pieces: []fevm.PieceCID{cid(7)}, OtherLeaves: 7}, with(cid(7), 16).prove(1, 0, 3, 5), []policy.Reason{policy.ReasonOtherPieces}},
		"the same root with less data":      {policy.Rules{Pieces: []fevm.PieceCID{padded(t, 7)}}, ready().prove(1, 0, 3, 5), []policy.Reason{policy.ReasonOtherPieces}},

		"the root":     {policy.Rules{Roots: []attestation.Word{{7}}, MinLeaves: 8}, ready().prove(1, 0, 3, 5), []policy.Reason{paid}},
		"another root": {policy.Rules{Roots: []attestation.Word{{8}}, MinLeaves: 8}, ready().prove(1, 0, 3, 5), []policy.Reason{policy.ReasonOtherPieces}},
		"the root, of a piece that is padding": {policy.Rules{Roots: []attestation.Word{{7}}, MinLeaves: 8},
			new(script).at(9).addPiece(1, 0, padded(t, 7).Bytes()).open(1, 20, 1).at(20).prove(1, 0, 0, 5), []policy.Reason{policy.ReasonFewLeaves}},
		"a piece of release 1, without a CID": {policy.Rules{Roots: []attestation.Word{{7}}, MinLeaves: 8},
			ready().emit("RootsAdded(uint256,uint256[])", 1, words(32, 1, 1)).open(1, 20, 16).prove(1, 0, 3, 5), []policy.Reason{policy.ReasonOtherPieces}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(5)
			c.Rules = tt.rules
			require.Equal(t, tt.want, reasons(observe(t, c, tt.script.logs)))

			c.Rules = policy.Rules{MinLeaves: 1 << 40}
			c.SetRules = map[attestation.Word]policy.Rules{number(1): tt.rules}
			require.Equal(t, tt.want, reasons(observe(t, c, tt.script.logs)), "SetRules replace Rules")
		})
	}
}

func TestRulesThatContradictThemselves(t *testing.T) {
	for name, r := range map[string]policy.Rules{
		"less than no challenges":    {MinChallenges: -1},
		"an unknown verification":    {Verify: 3},
		"a root without a size":      {Roots: []attestation.Word{{7}}},
		"listeners without a reader": {Listeners: []attestation.EthereumAddress{alice}},
		"verification without one":   {Verify: policy.VerifyDirect},
	} {
		c := config(5)
		c.Rules = r
		_, err := policy.NewTracker(c)
		require.Error(t, err, name)
		_, err = policy.NewSource(nil, c)
		require.Error(t, err, name)
		c.Rules, c.SetRules = policy.Rules{}, map[attestation.Word]policy.Rules{number(1): r}
		_, err = policy.NewSource(nil, c)
		require.Error(t, err, name)
	}
}

func TestLateness(t *testing.T) {
	v := observe(t, config(5), proven().at(25).prove(1, 0, 3, 5).logs)
	late, ok := v[1].Lateness()
	require.True(t, ok)
	require.Equal(t, uint64(5), late)
	_, ok = policy.Verdict{}.Lateness()
	require.False(t, ok)
}
