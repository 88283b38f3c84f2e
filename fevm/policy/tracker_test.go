package policy_test

import (
	"encoding/binary"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/policy"
)

// A script writes logs of the verifier, one an epoch unless told otherwise.
type script struct {
	logs  []types.Log
	epoch uint64
}

func words(vs ...uint64) []byte {
	b := make([]byte, 0, 32*len(vs))
	for _, v := range vs {
		b = append(b, make([]byte, 24)...)
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

func (s *script) emit(signature string, set uint64, data []byte) *script {
	index := uint(0)
	if n := len(s.logs); n > 0 && s.logs[n-1].BlockNumber == s.epoch {
		index = s.logs[n-1].Index + 1
	}
	s.logs = append(s.logs, types.Log{
		Address:     common.Address(proxy),
		Topics:      []common.Hash{crypto.Keccak256Hash([]byte(signature)), common.BytesToHash(words(set))},
		Data:        data,
		BlockNumber: s.epoch, Index: index,
		TxHash: common.Hash{0: byte(len(s.logs)), 31: 1}, BlockHash: common.BytesToHash(words(s.epoch)),
	})
	return s
}

func (s *script) at(epoch uint64) *script { s.epoch = epoch; return s }

// cid is the CID of a piece of eight leaves whose root is named by b.
func cid(b byte) fevm.PieceCID {
	c, err := fevm.NewPieceCID([32]byte{b}, 3, 0)
	if err != nil {
		panic(err)
	}
	return c
}

func (s *script) addPiece(set, id uint64, raw []byte) *script {
	data := append(words(64, 128, 1, id, 1, 32, 32, uint64(len(raw))), raw...)
	return s.emit("PiecesAdded(uint256,uint256[],(bytes)[])", set, data)
}

func (s *script) removePiece(set, id uint64) *script {
	return s.emit("PiecesRemoved(uint256,uint256[])", set, words(32, 1, id))
}

func (s *script) open(set, challengeEpoch, leaves uint64) *script {
	return s.emit("NextProvingPeriod(uint256,uint256,uint256)", set, words(challengeEpoch, leaves))
}

// prove shows leaf offset of piece id, n times.
func (s *script) prove(set, id, offset uint64, n int) *script {
	data := words(32, uint64(n))
	for range n {
		data = append(data, words(id, offset)...)
	}
	return s.emit("PossessionProven(uint256,(uint256,uint256)[])", set, data)
}

// proven is a set with one piece whose first period, 20, is proven once.
func proven() *script {
	return new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8).at(20).prove(1, 0, 3, 5)
}

// reasons are those of the verdicts, "" for a payable one.
func reasons(verdicts []policy.Verdict) []policy.Reason {
	var out []policy.Reason
	for _, v := range verdicts {
		var r policy.Reason
		if v.Refusal != nil {
			r = v.Refusal.Reason
		}
		out = append(out, r)
	}
	return out
}

func TestWhatIsPayable(t *testing.T) {
	const paid = policy.Reason("")
	lenient := append(append([]byte{1, 0x55, 0x91, 0x20, 0x23, 0, 5}, 0x0a), make([]byte, 32)...) // one byte before the root: 3.4.0 takes it
	for name, tt := range map[string]struct {
		script *script
		want   []policy.Reason
	}{
		"one proof": {proven(), []policy.Reason{paid}},
		"the same proof again, in the same epoch and later": {
			proven().prove(1, 0, 3, 5).at(25).prove(1, 0, 3, 5).prove(1, 0, 4, 6),
			[]policy.Reason{paid, policy.ReasonDuplicate, policy.ReasonDuplicate, policy.ReasonDuplicate}},
		"one proof for each of two periods": {
			proven().at(21).open(1, 30, 8).at(31).prove(1, 0, 3, 5),
			[]policy.Reason{paid, paid}},
		"a skipped period": {
			proven().at(21).open(1, 30, 8).at(41).open(1, 50, 8).at(50).prove(1, 0, 3, 5),
			[]policy.Reason{paid, paid}},
		"a period opened again under the same challenge epoch": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8).open(1, 20, 8).at(20).prove(1, 0, 3, 5).open(1, 20, 8).prove(1, 0, 3, 5),
			[]policy.Reason{paid, policy.ReasonDuplicate}},
		"a period moved to an earlier epoch before it is proven": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(1, 500, 8).open(1, 20, 8).at(20).prove(1, 0, 3, 5),
			[]policy.Reason{paid}},
		"a period older than the last one proven, which the contract never opens": {
			proven().at(21).open(1, 15, 8).prove(1, 0, 3, 5),
			[]policy.Reason{paid, policy.ReasonDuplicate}},
		"no period": {new(script).at(10).addPiece(1, 0, cid(7).Bytes()).prove(1, 0, 3, 5), []policy.Reason{policy.ReasonNoPeriod}},
		"a period of another set": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(2, 20, 8).at(20).prove(1, 0, 3, 5),
			[]policy.Reason{policy.ReasonNoPeriod}},
		"a period of an empty set": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 0).at(20).prove(1, 0, 3, 5),
			[]policy.Reason{policy.ReasonNoPeriod}},
		"a set that became empty": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8).emit("DataSetEmpty(uint256)", 1, nil).at(20).prove(1, 0, 3, 5),
			[]policy.Reason{policy.ReasonNoPeriod}},
		"pieces removed since": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).addPiece(1, 1, cid(8).Bytes()).open(1, 20, 16).removePiece(1, 1).at(20).prove(1, 0, 3, 5),
			[]policy.Reason{policy.ReasonNoPeriod}},
		"before the challenge epoch, then in time": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8).at(19).prove(1, 0, 3, 5).at(20).prove(1, 0, 3, 5),
			[]policy.Reason{policy.ReasonPremature, paid}},
		"too few challenges, then enough": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8).at(20).prove(1, 0, 3, 4).prove(1, 0, 3, 5),
			[]policy.Reason{policy.ReasonFewChallenges, policy.ReasonDuplicate}},
		"too few challenges, then enough twice": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8).at(20).prove(1, 0, 3, 4).prove(1, 0, 3, 5).prove(1, 0, 3, 5),
			[]policy.Reason{policy.ReasonFewChallenges, policy.ReasonDuplicate, policy.ReasonDuplicate}},
		"no challenges": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8).at(20).prove(1, 0, 3, 0),
			[]policy.Reason{policy.ReasonFewChallenges}},
		"a piece that is not there": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8).at(20).prove(1, 1, 3, 5),
			[]policy.Reason{policy.ReasonUnknownPiece}},
		"a removed piece": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).addPiece(1, 1, cid(8).Bytes()).removePiece(1, 1).open(1, 20, 8).at(20).prove(1, 1, 3, 5),
			[]policy.Reason{policy.ReasonUnknownPiece}},
		"a piece of release 1, without a CID": {
			new(script).at(10).emit("RootsAdded(uint256,uint256[])", 1, words(32, 1, 0)).open(1, 20, 8).at(20).prove(1, 0, 3, 5),
			[]policy.Reason{policy.ReasonUnknownPiece}},
		"a leaf behind the end of the piece": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8).at(20).prove(1, 0, 8, 5),
			[]policy.Reason{policy.ReasonBadChallenge}},
		"a set with a CID that is not canonical, also for another piece": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).addPiece(1, 1, lenient).open(1, 20, 40).at(20).prove(1, 0, 3, 5),
			[]policy.Reason{policy.ReasonBadPiece}},
		"the same set after that piece is gone": {
			new(script).at(10).addPiece(1, 0, cid(7).Bytes()).addPiece(1, 1, lenient).removePiece(1, 1).open(1, 20, 8).at(20).prove(1, 0, 3, 5),
			[]policy.Reason{paid}},
		"a deleted set": {
			proven().at(21).open(1, 30, 8).emit("DataSetDeleted(uint256,uint256)", 1, words(8)).at(30).prove(1, 0, 3, 5).open(1, 40, 8).at(40).prove(1, 0, 3, 5),
			[]policy.Reason{paid, policy.ReasonDeleted, policy.ReasonDeleted}},
		"the mock's event": {proven().at(21).emit("RootsAdded(uint256,bytes32[])", 1, words(32, 1, 5)), []policy.Reason{paid, policy.ReasonMock}},
	} {
		t.Run(name, func(t *testing.T) {
			verdicts := observe(t, config(5), tt.script.logs)
			require.Equal(t, tt.want, reasons(verdicts))
			for _, v := range verdicts {
				require.Equal(t, v.Refusal == nil, v.Proof.RootCID != attestation.Word{}, "a root if and only if payable")
				if v.Refusal != nil {
					require.Contains(t, v.Refusal.Error(), string(v.Refusal.Reason))
				}
			}
		})
	}
}

func TestOtherContractsChangeNothing(t *testing.T) {
	s := proven()
	honest := len(s.logs)
	s.at(21).open(1, 22, 8).at(22).prove(1, 0, 3, 5).emit("DataSetDeleted(uint256,uint256)", 1, words(8)).emit("PossessionProven(uint256,(uint256,uint256)[])", 1, nil)
	for i := honest; i < len(s.logs); i++ {
		s.logs[i].Address = common.Address{1}
	}
	s.at(23).open(1, 30, 8).at(30).prove(1, 0, 3, 5)
	verdicts := observe(t, config(5), s.logs)
	require.Equal(t, []policy.Reason{"", policy.ReasonForeign, ""}, reasons(verdicts))
	require.Equal(t, attestation.EthereumAddress{1}, verdicts[1].Proof.Verifier)
	require.Equal(t, uint64(30), verdicts[2].Proof.Period)
}

func TestObserveRefuses(t *testing.T) {
	logs := proven().logs
	last := logs[len(logs)-1]
	for name, tt := range map[string]struct {
		change func(*types.Log)
		is     error
	}{
		"the same log again":   {func(*types.Log) {}, policy.ErrOrder},
		"an earlier epoch":     {func(l *types.Log) { l.BlockNumber, l.Index = 19, 9 }, policy.ErrOrder},
		"a removed log":        {func(l *types.Log) { l.BlockNumber, l.Removed = 21, true }, nil},
		"the last epoch":       {func(l *types.Log) { l.BlockNumber = 1<<64 - 1 }, nil},
		"data that is cut off": {func(l *types.Log) { l.BlockNumber, l.Data = 21, l.Data[:40] }, fevm.ErrMalformed},
	} {
		tracker, err := policy.NewTracker(config(5))
		require.NoError(t, err)
		for i := range logs {
			_, _, err := tracker.Observe(&logs[i])
			require.NoError(t, err)
		}
		l := last
		tt.change(&l)
		_, ok, err := tracker.Observe(&l)
		require.False(t, ok, name)
		require.Error(t, err, name)
		if tt.is != nil {
			require.ErrorIs(t, err, tt.is, name)
		}
		l = last
		l.BlockNumber = 21
		v, ok, err := tracker.Observe(&l)
		require.NoError(t, err, "%s is ignored", name)
		require.True(t, ok)
		require.Equal(t, policy.ReasonDuplicate, v.Refusal.Reason)
	}
}

func TestSetsLimitsWhatIsFollowed(t *testing.T) {
	c := config(1)
	c.Sets = []attestation.Word{number(2)}
	verdicts := observe(t, c, recorded(t, "v3.5.0.json"))
	require.Len(t, verdicts, 1)
	require.Equal(t, number(2), verdicts[0].Proof.SetID)
}

func TestASetWithTooManyPiecesIsNotPaid(t *testing.T) {
	const most = 1 << 20
	ids := make([]uint64, 2, 3+most)
	ids[0], ids[1] = 32, most+1
	for id := range uint64(most + 1) {
		ids = append(ids, id)
	}
	s := new(script).at(10).emit("RootsAdded(uint256,uint256[])", 1, words(ids...)).open(1, 20, 8).at(20).prove(1, 0, 3, 5)
	require.Equal(t, []policy.Reason{policy.ReasonTooManyPieces}, reasons(observe(t, config(5), s.logs)))
}

// TestNoHistoryPaysAPeriodTwice lets a provider do anything in any order.
func TestNoHistoryPaysAPeriodTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := new(script).at(1)
		set := func() uint64 { return rapid.Uint64Range(1, 2).Draw(t, "set") }
		id := func() uint64 { return rapid.Uint64Range(0, 3).Draw(t, "piece") }
		opened := map[uint64]map[uint64]bool{1: {}, 2: {}}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			s.at(s.epoch + rapid.Uint64Range(0, 5).Draw(t, "epochs"))
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0:
				i := id()
				s.addPiece(set(), i, cid(byte(i+1)).Bytes())
			case 1:
				s.removePiece(set(), id())
			case 2, 3:
				of, epoch := set(), s.epoch+rapid.Uint64Range(0, 9).Draw(t, "delay")
				opened[of][epoch] = true
				s.open(of, epoch, rapid.Uint64Range(0, 3).Draw(t, "leaves"))
			case 4, 5, 6:
				s.prove(set(), id(), rapid.Uint64Range(0, 9).Draw(t, "offset"), rapid.IntRange(0, 3).Draw(t, "challenges"))
			case 7:
				s.emit("DataSetEmpty(uint256)", set(), nil)
			}
		}
		tracker, err := policy.NewTracker(config(2))
		require.NoError(t, err)
		last := map[attestation.Word]uint64{}
		for i := range s.logs {
			v, ok, err := tracker.Observe(&s.logs[i])
			require.NoError(t, err)
			if !ok || v.Refusal != nil {
				continue
			}
			p := v.Proof
			require.Greater(t, p.Period, last[p.SetID], "periods grow")
			require.GreaterOrEqual(t, p.BlockNumber, p.Period)
			of, _ := p.SetID.Uint64()
			require.True(t, opened[of][p.Period])
			last[p.SetID] = p.Period
		}
	})
}
