package policy_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/policy"
)

// drawRules draws rules that random histories satisfy at times.
func drawRules(t *rapid.T) policy.Rules {
	r := policy.Rules{
		Window:     rapid.SampledFrom([]uint64{0, 1, 4}).Draw(t, "window"),
		MinSpacing: rapid.SampledFrom([]uint64{0, 6}).Draw(t, "spacing"),
		MinLeaves:  rapid.SampledFrom([]uint64{0, 2}).Draw(t, "minimum leaves"),
	}
	if rapid.IntRange(0, 2).Draw(t, "provider") == 0 {
		r.Providers = []attestation.EthereumAddress{alice}
	}
	if rapid.IntRange(0, 2).Draw(t, "pinned") == 0 {
		r.Pieces, r.OtherLeaves = []fevm.PieceCID{cid(1)}, rapid.SampledFrom([]uint64{0, 8, 16}).Draw(t, "other leaves")
	}
	return r
}

// drawHistory draws what providers of two data sets do, in any order.
func drawHistory(t *rapid.T) *script {
	s := new(script).at(1)
	set := func() uint64 { return rapid.Uint64Range(1, 2).Draw(t, "set") }
	id := func() uint64 { return rapid.Uint64Range(0, 3).Draw(t, "piece") }
	s.created(1, alice).created(2, alice).addPiece(1, 0, cid(1).Bytes()).addPiece(2, 0, cid(1).Bytes())
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		s.at(s.epoch + rapid.Uint64Range(0, 5).Draw(t, "epochs"))
		switch rapid.IntRange(0, 12).Draw(t, "step") {
		case 0:
			i := id()
			s.addPiece(set(), i, cid(byte(i+1)).Bytes())
		case 1:
			s.removePiece(set(), id())
		case 2, 3, 4:
			of, epoch := set(), s.epoch+rapid.Uint64Range(0, 4).Draw(t, "delay")
			s.open(of, epoch, rapid.Uint64Range(0, 3).Draw(t, "leaves"))
			if rapid.Bool().Draw(t, "proven") {
				s.at(epoch+rapid.Uint64Range(0, 2).Draw(t, "late")).prove(of, 0, 3, 2)
			}
		case 5, 6, 7, 8, 9:
			s.prove(set(), rapid.Uint64Range(0, 1).Draw(t, "piece"), rapid.Uint64Range(0, 8).Draw(t, "offset"), rapid.IntRange(1, 3).Draw(t, "challenges"))
		case 10:
			s.emit("DataSetEmpty(uint256)", set(), nil)
		case 11:
			s.claimed(set(), alice, rapid.SampledFrom([]attestation.EthereumAddress{alice, bob}).Draw(t, "provider"))
		case 12:
			if rapid.IntRange(0, 4).Draw(t, "bad") == 0 {
				s.addPiece(set(), 3, []byte{1, 2, 3})
			} else {
				s.emit("RootsAdded(uint256,uint256[])", set(), words(32, 1, id()))
			}
		}
	}
	return s
}

// A moment is an event and the epoch it is of.
type moment struct {
	epoch uint64
	event fevm.Event
}

// naive judges the last moment of a history of one data set, which is a proof, by
// looking through the whole history for each question. proven are the periods that
// had a proof before, paid those that were paid.
func naive(h []moment, rules policy.Rules, proven, paid []uint64) (period uint64, first, payable bool) {
	proof := h[len(h)-1]
	var open *fevm.NextProvingPeriod
	opened := 0
	provider := attestation.EthereumAddress{}
	for i, m := range h {
		switch e := m.event.(type) {
		case fevm.DataSetCreated:
			provider = e.StorageProvider
		case fevm.StorageProviderChanged:
			provider = e.NewStorageProvider
		case fevm.NextProvingPeriod:
			open, opened = &e, i
		case fevm.PiecesRemoved, fevm.DataSetEmpty:
			open = nil
		}
	}
	live := func(h []moment) map[attestation.Word]fevm.RawCID {
		pieces := map[attestation.Word]fevm.RawCID{}
		for _, m := range h {
			switch e := m.event.(type) {
			case fevm.PiecesAdded:
				for i, id := range e.PieceIDs {
					pieces[id] = nil
					if e.PieceCIDs != nil {
						pieces[id] = e.PieceCIDs[i]
					}
				}
			case fevm.PiecesRemoved:
				for _, id := range e.PieceIDs {
					delete(pieces, id)
				}
			}
		}
		return pieces
	}
	if open == nil || open.LeafCount.IsZero() {
		return 0, false, false
	}
	period, _ = open.ChallengeEpoch.Uint64()
	if proof.epoch < period {
		return 0, false, false
	}
	for _, p := range proven {
		if period <= p {
			return 0, false, false
		}
	}
	if rules.Window > 0 && proof.epoch > period+rules.Window {
		return period, true, false
	}
	for _, p := range paid {
		if period < p+rules.MinSpacing {
			return period, true, false
		}
	}
	if leaves, _ := open.LeafCount.Uint64(); leaves < rules.MinLeaves {
		return period, true, false
	}
	if rules.Providers != nil && !slices.Contains(rules.Providers, provider) {
		return period, true, false
	}
	now := live(h)
	for _, raw := range now {
		if _, err := raw.Parse(); raw != nil && err != nil {
			return period, true, false
		}
	}
	if rules.Pieces != nil {
		// A piece that was added again since the opening is challenged from the
		// next one on.
		challenged := live(h[:opened])
		for _, m := range h[opened:] {
			if e, ok := m.event.(fevm.PiecesAdded); ok {
				for _, id := range e.PieceIDs {
					delete(challenged, id)
				}
			}
		}
		found, others := false, uint64(0)
		for _, raw := range challenged {
			c, err := raw.Parse()
			switch {
			case err != nil:
				return period, true, false
			case c == cid(1) && !found:
				found = true
			default:
				others += c.LeafCount()
			}
		}
		if !found || others > rules.OtherLeaves {
			return period, true, false
		}
	}
	challenges := proof.event.(fevm.PossessionProven).Challenges
	if len(challenges) < 2 {
		return period, true, false
	}
	for _, c := range challenges {
		cid, err := now[c.PieceID].Parse()
		if offset, _ := c.Offset.Uint64(); err != nil || offset >= cid.LeafCount() {
			return period, true, false
		}
	}
	return period, true, true
}

// TestEveryHistoryPaysWhatTheNaiveRulesPay also goes through a checkpoint at a
// random log.
func TestEveryHistoryPaysWhatTheNaiveRulesPay(t *testing.T) {
	payable := 0
	rapid.Check(t, func(t *rapid.T) {
		s := drawHistory(t)
		c := config(2)
		c.Rules = drawRules(t)
		c.SetRules = map[attestation.Word]policy.Rules{number(2): drawRules(t)}
		tracker, err := policy.NewTracker(c)
		require.NoError(t, err)
		restart := rapid.IntRange(0, len(s.logs)).Draw(t, "restart")
		history := map[attestation.Word][]moment{}
		decided, paid := map[attestation.Word][]uint64{}, map[attestation.Word][]uint64{}
		for i := range s.logs {
			if i == restart {
				saved, err := json.Marshal(tracker)
				require.NoError(t, err)
				tracker, err = policy.NewTracker(c)
				require.NoError(t, err)
				require.NoError(t, json.Unmarshal(saved, tracker))
				again, err := json.Marshal(tracker)
				require.NoError(t, err)
				require.Equal(t, string(saved), string(again))
			}
			event, err := fevm.ParseLog(&s.logs[i])
			require.NoError(t, err)
			set := attestation.Word(s.logs[i].Topics[1])
			history[set] = append(history[set], moment{s.logs[i].BlockNumber, event})
			v, ok, err := tracker.Observe(&s.logs[i])
			require.NoError(t, err)
			if _, isProof := event.(fevm.PossessionProven); !isProof {
				require.False(t, ok)
				continue
			}
			require.True(t, ok)
			rules := c.Rules
			if r, own := c.SetRules[set]; own {
				rules = r
			}
			period, first, pays := naive(history[set], rules, decided[set], paid[set])
			if first {
				decided[set] = append(decided[set], period)
			}
			require.Equal(t, pays, v.Refusal == nil, "log %d: %v", i, v.Refusal)
			if pays {
				payable++
				require.Equal(t, period, v.Proof.Period)
				paid[set] = append(paid[set], period)
			}
		}
	})
	require.Positive(t, payable, "random histories that never pay show nothing")
}
