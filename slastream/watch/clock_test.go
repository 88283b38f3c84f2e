package watch_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A node whose clock is ahead costs a question that the contract answers with no,
// and once the clock is right the deal is slashed on time, as if nothing had been,
// also by another run.
func TestClockAhead(t *testing.T) {
	for name, row := range map[string]struct {
		ahead   uint64
		says    error // of a slash that is too early
		restart bool
		late    uint64 // seconds that it costs at most
	}{
		"a year":                        {365 * day, slastream.ErrDeadline, false, 0},
		"a year, and a restart":         {365 * day, slastream.ErrDeadline, true, 0},
		"half a minute":                 {30, slastream.ErrDeadline, false, 0},
		"another reason":                {365 * day, slastream.ErrTokenFailed, false, 30},
		"another reason, and a restart": {365 * day, slastream.ErrTokenFailed, true, 30},
		"nobody knows":                  {365 * day, errDown, false, 120},
		"nobody knows, and a restart":   {365 * day, errDown, true, 120},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.create(1, hour)
			truth, early := uint64(start+hour-20), 0
			var slashed uint64
			w.config.Slasher = slasherFunc(func(ctx context.Context, d attestation.Word) error {
				if truth < w.deal(id).Deadline {
					early++
					return row.says
				}
				slashed = truth
				return w.memory.As(anyone).Slash(ctx, d)
			})
			tower := w.tower()
			w.now.Store(truth + row.ahead)
			_, _ = tower.Step(t.Context())
			_, _ = tower.Step(t.Context())
			if row.restart {
				tower = w.tower()
			}
			for ; slashed == 0 && truth < start+2*hour; truth++ {
				w.now.Store(truth)
				_, _ = tower.Step(t.Context())
			}
			require.True(t, w.deal(id).Slashed)
			require.LessOrEqual(t, slashed, start+hour+row.late)
			require.Equal(t, 1, early)
		})
	}
}

// While the clock stays ahead, the contract is asked less and less often.
func TestClockStaysAhead(t *testing.T) {
	w := newWorld(t)
	w.create(1, day)
	asked := 0
	w.config.Slasher = slasherFunc(func(context.Context, attestation.Word) error { asked++; return slastream.ErrDeadline })
	tower := w.tower()
	w.now.Add(2 * day)
	for range hour {
		w.now.Add(1)
		_, err := tower.Step(t.Context())
		require.NoError(t, err)
	}
	require.LessOrEqual(t, asked, 2)
}

// A time that no block has is refused.
func TestImpossibleTime(t *testing.T) {
	w := newWorld(t)
	w.create(1, hour)
	tower := w.tower()
	for _, now := range []uint64{0, 253402300800, math.MaxUint64} {
		w.now.Store(now)
		_, err := tower.Step(t.Context())
		require.ErrorContains(t, err, "the block time is")
	}
	w.now.Store(start + hour)
	require.Len(t, w.step(tower).Slashed, 1)
}

// A slash that cost its fee and did nothing is not sent again at once, whatever
// the contract said and the escrow answers, nor after a restart.
func TestPaidRevertsAreRare(t *testing.T) {
	for _, says := range []string{"Deal not active", "SLA deadline not reached", "Token transfer failed"} {
		w := newWorld(t)
		w.create(1, hour)
		paid := 0
		w.config.Slasher = slasherFunc(func(context.Context, attestation.Word) error {
			paid++
			return &slastream.RevertError{Reason: says, TxHash: word(9)}
		})
		for now := start + hour; now < start+hour+day; now += 60 {
			w.now.Store(now)
			_, _ = w.tower().Step(t.Context())
		}
		require.Less(t, paid, 60, "a day, %v", says)
	}
}

// A refusal is waited out although the tower starts again in between, as one that
// goes on waits.
func TestRefusalSurvivesARestart(t *testing.T) {
	tries := func(restart bool) (at []uint64) {
		w := newWorld(t)
		w.create(1, hour)
		w.config.Slasher = slasherFunc(func(context.Context, attestation.Word) error {
			at = append(at, w.now.Load()-start-hour)
			return slastream.ErrTokenFailed
		})
		tower := w.tower()
		for now := start + hour; now < start+2*hour; now += 2 {
			w.now.Store(now)
			_, _ = tower.Step(t.Context())
			if restart {
				tower = w.tower()
			}
		}
		return at
	}
	want := tries(false)
	require.Equal(t, []uint64{0, 30, 60}, want[:3])
	require.Less(t, len(want), 60)
	require.Equal(t, want, tries(true))
}

// Many slashes take long. A release that is on its way by the time a deal's own
// turn comes holds its slash, and a deal that has ended by then is not slashed.
func TestHoldsWhileOthersAreSlashed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 5 {
			w.create(2, hour)
		}
		pending := map[uint64]bool{}
		w.config.Pending = pendingFunc(func(d attestation.Word) (bool, error) {
			n, _ := d.Uint64()
			if n == 4 && pending[3] {
				return false, errDown
			}
			return pending[n], nil
		})
		var sent []uint64
		w.config.Slasher = slasherFunc(func(ctx context.Context, d attestation.Word) error {
			n, _ := d.Uint64()
			sent = append(sent, n)
			time.Sleep(5 * time.Second) // until it is accepted
			pending[3] = true           // and 4 cannot be asked for
			if n == 1 {
				require.NoError(t, w.memory.As(client).Slash(ctx, word(5)))
			}
			return w.memory.As(anyone).Slash(ctx, d)
		})
		tower := w.tower()
		w.now.Add(hour)
		report, err := tower.Step(t.Context())
		require.ErrorIs(t, err, errDown)
		require.Equal(t, []uint64{1, 2}, sent)
		require.Equal(t, words(1, 2), report.Slashed)
		require.Equal(t, words(3, 4), report.Held)
		require.Equal(t, words(5), report.Lost)

		w.release(3, 0) // it lands, and so does the last one
		w.release(3, 1)
		pending[3] = false
		w.now.Add(1)
		require.Equal(t, words(4), w.step(tower).Slashed)
		require.Contains(t, w.mail.told(), "completed final 3")
	})
}
