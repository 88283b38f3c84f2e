package policy_test

import (
	"iter"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/fevm/policy"
)

// mainnet is the schedule of the warm storage service there, for a data set
// whose first proving period was opened in epoch 1000.
var mainnet = policy.Schedule{Activation: 1000, MaxPeriod: 2880, Window: 20, GenesisTime: 1598306400}

func epochs(e ...uint64) iter.Seq[uint64] { return slices.Values(e) }

func TestAPeriodEndsWithItsDeadline(t *testing.T) {
	_, ok := mainnet.Period(1000)
	require.False(t, ok, "the activation belongs to none")
	for epoch, index := range map[uint64]uint64{1001: 0, 3880: 0, 3881: 1, 6760: 1, 6761: 2} { // the example in FilecoinWarmStorageService.sol
		p, ok := mainnet.Period(epoch)
		require.True(t, ok)
		require.Equal(t, index, p.Index, epoch)
	}
	p, _ := mainnet.Period(1001)
	require.Equal(t, policy.Period{After: 1000, WindowStart: 3860, Deadline: 3880}, p)
	require.Equal(t, uint64(1598306400+30*3880), mainnet.Time(p.Deadline))
	require.Equal(t, uint64(math.MaxUint64), mainnet.Time(math.MaxUint64))
}

func TestPeriodsHaveTheStatesOfTheService(t *testing.T) {
	states := func(now uint64, proofs ...uint64) (out []policy.PeriodState) {
		for p := range mainnet.Periods(now, epochs(proofs...)) {
			out = append(out, p.State)
		}
		return out
	}
	const open, proven, faulted = policy.PeriodOpen, policy.PeriodProven, policy.PeriodFaulted
	require.Empty(t, states(1000), "before the first period")
	require.Equal(t, []policy.PeriodState{open}, states(1001))
	require.Equal(t, []policy.PeriodState{open}, states(3880), "in the deadline a proof is taken")
	require.Equal(t, []policy.PeriodState{faulted, open}, states(3881))
	require.Equal(t, []policy.PeriodState{proven, open}, states(3881, 3880), "in the deadline")
	require.Equal(t, []policy.PeriodState{faulted, proven}, states(3881, 3881), "one epoch late")
	require.Equal(t, []policy.PeriodState{proven, faulted, proven}, states(9640, 1001, 1002, 3870, 9640, 9641), "repeated ones count once")
	require.Equal(t, []policy.PeriodState{open}, states(3870, 3871), "a proof that is still to come")
	require.Equal(t, "open proven faulted PeriodState(3)", open.String()+" "+proven.String()+" "+faulted.String()+" "+policy.PeriodState(3).String())
	for p := range mainnet.Periods(3880, epochs(3859)) {
		require.True(t, p.Early)
	}
}

func TestNextAndDue(t *testing.T) {
	for name, tt := range map[string]struct {
		now    uint64
		proofs []uint64
		window uint64 // start of the next one
		left   uint64
		due    bool // within 30 epochs of the deadline
	}{
		"before the activation":         {now: 10, window: 3860},
		"long before":                   {now: 1001, window: 3860, left: 2879},
		"31 epochs before":              {now: 3849, window: 3860, left: 31},
		"30 epochs before":              {now: 3850, window: 3860, left: 30, due: true},
		"in the deadline":               {now: 3880, window: 3860, due: true},
		"proven":                        {now: 3870, proofs: []uint64{3865}, window: 6740},
		"proven in an earlier period":   {now: 6750, proofs: []uint64{3865}, window: 6740, left: 10, due: true},
		"a proof that is still to come": {now: 3870, proofs: []uint64{3871}, window: 3860, left: 10, due: true},
	} {
		p, ok := mainnet.Next(tt.now, epochs(tt.proofs...))
		require.True(t, ok, name)
		require.Equal(t, tt.window, p.WindowStart, name)
		left, due := mainnet.Due(tt.now, 30, epochs(tt.proofs...))
		require.Equal(t, tt.due, due, name)
		require.Equal(t, tt.left, left, name)
	}
}

func TestAScheduleThatCannotBe(t *testing.T) {
	require.NoError(t, mainnet.Validate())
	require.Error(t, policy.Schedule{}.Validate())
	require.Error(t, policy.Schedule{MaxPeriod: 20, Window: 20}.Validate())
	_, ok := policy.Schedule{}.Next(5, epochs())
	require.False(t, ok)
	_, ok = policy.Schedule{}.Period(5)
	require.False(t, ok)
	_, _, err := policy.Schedule{}.Settle(1, 2, 3, epochs())
	require.Error(t, err)
	for name, r := range map[string][3]uint64{"empty": {5, 5, 9}, "backwards": {6, 5, 9}, "in the future": {5, 10, 9}} {
		_, _, err := mainnet.Settle(r[0], r[1], r[2], epochs())
		require.Error(t, err, name)
	}
	huge := policy.Schedule{Activation: math.MaxUint64 - 10, MaxPeriod: 7, Window: 2}
	p, ok := huge.Period(math.MaxUint64)
	require.True(t, ok)
	require.Equal(t, uint64(math.MaxUint64), p.Deadline)
	_, ok = huge.Next(math.MaxUint64, epochs(math.MaxUint64-1))
	require.False(t, ok)
}

// TestSettleIsTheServicesRule compares with an epoch-by-epoch count: an epoch is
// paid if its period is proven, and the settlement stands before the first
// epoch of a period that is neither proven nor over.
func TestSettleIsTheServicesRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := policy.Schedule{Activation: rapid.Uint64Range(1, 30).Draw(t, "activation"), MaxPeriod: rapid.Uint64Range(2, 12).Draw(t, "period"), Window: 1}
		now := rapid.Uint64Range(1, 120).Draw(t, "now")
		to := rapid.Uint64Range(1, now).Draw(t, "to")
		from := rapid.Uint64Range(0, to-1).Draw(t, "from")
		proofs := rapid.SliceOfN(rapid.Uint64Range(1, 130), 0, 12).Draw(t, "proofs")
		slices.Sort(proofs)

		proven := func(epoch uint64) bool { // the period of the epoch
			return slices.ContainsFunc(proofs, func(p uint64) bool {
				return p > s.Activation && p <= now && (p-s.Activation-1)/s.MaxPeriod == (epoch-s.Activation-1)/s.MaxPeriod
			})
		}
		var wantPaid uint64
		wantSettled := max(from, min(to, s.Activation))
		for e := max(from, s.Activation) + 1; e <= to; e++ {
			deadline := s.Activation + ((e-s.Activation-1)/s.MaxPeriod+1)*s.MaxPeriod
			if !proven(e) && deadline >= now {
				break
			}
			wantSettled = e
			if proven(e) {
				wantPaid++
			}
		}
		paid, settled, err := s.Settle(from, to, now, slices.Values(proofs))
		require.NoError(t, err)
		require.Equal(t, wantPaid, paid, "paid")
		require.Equal(t, wantSettled, settled, "settled")
	})
}
