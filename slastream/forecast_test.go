package slastream_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

const start = uint64(1_700_000_000) // 2023-11-14T22:13:20Z

// monthDeal is [month] as a deal, created at start.
func monthDeal(released uint64) slastream.Deal {
	t := month()
	return slastream.Deal{
		ID: number(1), Client: clientAddr, Provider: t.Provider, Total: units(3000), ChunkAmount: t.ChunkAmount, Chunks: t.Chunks,
		Released: released, Collateral: t.Collateral, Deadline: start + 32*day, Active: released < t.Chunks,
	}
}

func TestForecast(t *testing.T) {
	daily := slastream.Cadence{Start: start, Period: day}
	slashed := monthDeal(3)
	slashed.Active, slashed.Slashed = false, true
	for _, test := range []struct {
		name     string
		deal     slastream.Deal
		cadence  slastream.Cadence
		progress slastream.Progress
		now      uint64
		want     slastream.Forecast // without Deal and Now
		text     string
	}{
		{
			"a new deal", monthDeal(0), daily, slastream.Progress{}, start,
			slastream.Forecast{
				Outlook: slastream.OutlookOnSchedule, Left: 30, Room: 32, Next: start + day, Completion: start + 30*day, Runway: 30 * day,
				Margin: 2 * day, Locked: units(3050),
			},
			"on schedule: 0 of 30 chunks paid, next by 2023-11-15T22:13:20Z, the last by 2023-12-14T22:13:20Z, 48h0m0s before the deadline",
		},
		{
			"a period not yet over is not late", monthDeal(10), daily, slastream.Progress{}, start + 11*day,
			slastream.Forecast{
				Outlook: slastream.OutlookOnSchedule, Expected: 10, Left: 20, Room: 22, Next: start + 11*day, Completion: start + 30*day, Runway: 19 * day,
				Margin: 2 * day, Locked: units(2050),
			},
			"on schedule: 10 of 30 chunks paid, next by 2023-11-25T22:13:20Z, the last by 2023-12-14T22:13:20Z, 48h0m0s before the deadline",
		},
		{
			"a chunk ahead: its period is used up", monthDeal(11), daily, slastream.Progress{}, start + 10*day + 3600,
			slastream.Forecast{
				Outlook: slastream.OutlookOnSchedule, Expected: 10, Left: 19, Room: 21, Next: start + 12*day, Completion: start + 30*day, Runway: 20*day - 3600,
				Margin: 2 * day, Locked: units(1950),
			},
			"on schedule: 11 of 30 chunks paid, next by 2023-11-26T22:13:20Z, the last by 2023-12-14T22:13:20Z, 48h0m0s before the deadline",
		},
		{
			"one period missed", monthDeal(9), daily, slastream.Progress{}, start + 10*day + 3600,
			slastream.Forecast{
				Outlook: slastream.OutlookLate, Expected: 10, LateBy: 3600, Left: 21, Room: 22, Next: start + 11*day, Completion: start + 31*day, Runway: 21*day - 3600,
				Margin: day, Locked: units(2150),
			},
			"late: 9 of 30 chunks paid, 10 expected for 1h0m0s, the last by 2023-12-15T22:13:20Z, 24h0m0s before the deadline",
		},
		{
			"as many missed as can be", monthDeal(8), daily, slastream.Progress{}, start + 10*day + 3600,
			slastream.Forecast{
				Outlook: slastream.OutlookLate, Expected: 10, LateBy: day + 3600, Left: 22, Room: 22, Next: start + 11*day, Completion: start + 32*day, Runway: 22*day - 3600,
				Margin: 0, Locked: units(2250),
			},
			"late: 8 of 30 chunks paid, 10 expected for 25h0m0s, the last by 2023-12-16T22:13:20Z, 0s before the deadline",
		},
		{
			"one more missed", monthDeal(7), daily, slastream.Progress{}, start + 10*day + 3600,
			slastream.Forecast{
				Outlook: slastream.OutlookShort, Expected: 10, LateBy: 2*day + 3600, Left: 23, Room: 22, Next: start + 11*day, Completion: start + 33*day, Runway: 23*day - 3600,
				Locked: units(2350), Refund: units(150),
			},
			"cannot complete: 7 of 30 chunks paid, 23 left, room for 22 until the deadline at 2023-12-16T22:13:20Z",
		},
		{
			"the relay is behind, not the provider", monthDeal(7), daily, slastream.Progress{Proved: 10}, start + 10*day + 3600,
			slastream.Forecast{
				Outlook: slastream.OutlookLate, Expected: 10, LateBy: 2*day + 3600, Pending: 3, Left: 23, Room: 22, Next: start + 10*day + 3600, Completion: start + 30*day,
				Runway: 20*day - 3600, Margin: 2 * day, Locked: units(2350),
			},
			"late: 7 of 30 chunks paid, 3 more proved, 10 expected for 49h0m0s, the last by 2023-12-14T22:13:20Z, 48h0m0s before the deadline",
		},
		{
			"the period in progress is proved after two missed ones", monthDeal(9), daily, slastream.Progress{Proved: 9, Last: start + 10*day + 1800}, start + 10*day + 3600,
			slastream.Forecast{
				Outlook: slastream.OutlookLate, Expected: 10, LateBy: 3600, Left: 21, Room: 21, Next: start + 12*day, Completion: start + 32*day, Runway: 22*day - 3600,
				Locked: units(2150),
			},
			"late: 9 of 30 chunks paid, 10 expected for 1h0m0s, the last by 2023-12-16T22:13:20Z, 0s before the deadline",
		},
		{
			"a proof in the last second of a period belongs to it", monthDeal(10), daily, slastream.Progress{Proved: 10, Last: start + 10*day}, start + 10*day,
			slastream.Forecast{
				Outlook: slastream.OutlookOnSchedule, Expected: 9, Left: 20, Room: 22, Next: start + 11*day, Completion: start + 30*day, Runway: 20 * day,
				Margin: 2 * day, Locked: units(2050),
			},
			"on schedule: 10 of 30 chunks paid, next by 2023-11-25T22:13:20Z, the last by 2023-12-14T22:13:20Z, 48h0m0s before the deadline",
		},
		{
			"all proved", monthDeal(28), daily, slastream.Progress{Proved: 31}, start + 30*day - 60,
			slastream.Forecast{
				Outlook: slastream.OutlookLate, Expected: 29, LateBy: day - 60, Pending: 2, Left: 2, Room: 2, Next: start + 30*day - 60, Completion: start + 30*day - 60,
				Margin: 2*day + 60, Locked: units(250),
			},
			"late: 28 of 30 chunks paid, 2 more proved, 29 expected for 23h59m0s, the last by 2023-12-14T22:12:20Z, 48h1m0s before the deadline",
		},
		{
			"before the first period", monthDeal(0), slastream.Cadence{Start: start + day, Period: day, Delay: 600}, slastream.Progress{}, 0,
			slastream.Forecast{
				Outlook: slastream.OutlookOnSchedule, Left: 30, Room: 30, Next: start + 2*day + 600, Completion: start + 31*day + 600, Runway: start + 31*day + 600,
				Margin: day - 600, Locked: units(3050),
			},
			"on schedule: 0 of 30 chunks paid, next by 2023-11-16T22:23:20Z, the last by 2023-12-15T22:23:20Z, 23h50m0s before the deadline",
		},
		{
			"at the deadline", monthDeal(29), daily, slastream.Progress{}, start + 32*day,
			slastream.Forecast{
				Outlook: slastream.OutlookSlashable, Expected: 30, LateBy: 2 * day, Left: 1, Room: 1, Next: start + 32*day, Completion: start + 32*day, Locked: units(150),
			},
			"slashable: 29 of 30 chunks paid, 1 left, deadline passed 0s ago",
		},
		{
			"after the deadline", monthDeal(29), daily, slastream.Progress{}, start + 32*day + 90,
			slastream.Forecast{
				Outlook: slastream.OutlookSlashable, Expected: 30, LateBy: 2*day + 90, Left: 1, Next: start + 33*day, Completion: start + 33*day, Runway: day - 90,
				Locked: units(150), Refund: units(150),
			},
			"slashable: 29 of 30 chunks paid, 1 left, deadline passed 1m30s ago",
		},
		{
			"a period that no u64 can name", monthDeal(0), slastream.Cadence{Start: start, Period: math.MaxUint64}, slastream.Progress{}, start,
			slastream.Forecast{
				Outlook: slastream.OutlookShort, Left: 30, Next: math.MaxUint64, Completion: math.MaxUint64, Runway: math.MaxUint64 - start,
				Locked: units(3050), Refund: units(3050),
			},
			"cannot complete: 0 of 30 chunks paid, 30 left, room for 0 until the deadline at 2023-12-16T22:13:20Z",
		},
		{"completed", monthDeal(30), daily, slastream.Progress{}, start, slastream.Forecast{Outlook: slastream.OutlookCompleted}, "completed: 30 of 30 chunks paid"},
		{"slashed", slashed, daily, slastream.Progress{}, start, slastream.Forecast{Outlook: slastream.OutlookSlashed}, "slashed: 3 of 30 chunks paid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.deal.Forecast(test.cadence, test.progress, test.now)
			require.NoError(t, err)
			want := test.want
			want.Deal, want.Now = test.deal, test.now
			require.Equal(t, want, got)
			require.Equal(t, test.text, got.String())
		})
	}
}

func TestForecastOfNoDeal(t *testing.T) {
	c := slastream.Cadence{Start: start, Period: day}
	_, err := slastream.Deal{}.Forecast(c, slastream.Progress{}, start)
	require.ErrorIs(t, err, slastream.ErrNoDeal)
	_, err = monthDeal(0).Forecast(slastream.Cadence{}, slastream.Progress{}, start)
	require.ErrorContains(t, err, "without a period")
	require.Equal(t, "Outlook(0)", slastream.Outlook(0).String())

	for _, test := range []struct {
		name   string
		change func(*slastream.Deal)
		want   error
	}{
		{"more released than there are", func(d *slastream.Deal) { d.Released = 31 }, slastream.ErrSubOverflow},
		{"chunks worth too much", func(d *slastream.Deal) { d.ChunkAmount = maxAmount(t) }, slastream.ErrMulOverflow},
		{"collateral worth too much", func(d *slastream.Deal) { d.Collateral = maxAmount(t) }, slastream.ErrAddOverflow},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := monthDeal(0)
			test.change(&d)
			_, err := d.Forecast(c, slastream.Progress{}, start)
			require.ErrorIs(t, err, test.want)
		})
	}
}

// A period of a random past: when it was proved and released, if at all.
type pastPeriod struct{ proof, release uint64 }

// TestForecastAgreesWithTheModel plays a random past on the model of the escrow,
// asks for a forecast, and then lets every second pass: each period that can
// still pay does so when it is expected, and at the deadline somebody slashes.
func TestForecastAgreesWithTheModel(t *testing.T) {
	s := attester(t, 7)
	var signed []attestation.Signed
	for chunk := range uint64(6) {
		signed = append(signed, attest(t, s, 1, chunk))
	}
	outlooks := map[slastream.Outlook]int{}
	check := func(rt *rapid.T) {
		draw := func(name string, from, to uint64) uint64 { return rapid.Uint64Range(from, to).Draw(rt, name) }
		c := slastream.Cadence{Start: 1000 + draw("start", 0, 12), Period: draw("period", 1, 8), Delay: draw("delay", 0, 10)}
		terms := slastream.Terms{Provider: providerAddr, Chunks: draw("chunks", 1, 6), ChunkAmount: units(10), Collateral: units(3), Duration: draw("duration", 1, 60)}
		deadline := 1000 + terms.Duration
		now := draw("now", 1000, deadline-1)

		w := newWorldOf(t, slastream.ClassCompatible, attestation.RulesLowS, s)
		w.now = 1000
		id, err := w.As(clientAddr).CreateDeal(t.Context(), terms)
		require.NoError(t, err)
		released := uint64(0)
		release := func() {
			require.NoError(t, w.As(ownerAddr).Release(t.Context(), signed[released]))
			released++
		}

		// The past. Releases come in the order of the proofs.
		var past []pastPeriod
		free := uint64(0) // first period that was not proved, with none proved after it
		last := uint64(0)
		for k := uint64(0); uint64(len(past)) < terms.Chunks; k++ {
			begin := c.Start + k*c.Period
			if begin >= now {
				break
			}
			proof := begin + draw("proof", 1, c.Period)
			if proof > now || rapid.Bool().Draw(rt, "missed") {
				continue
			}
			past, free, last = append(past, pastPeriod{proof, proof + draw("lag", 0, 2*c.Delay)}), k+1, proof
		}
		for _, p := range past {
			if p.release > now {
				break
			}
			release()
		}
		deal, err := w.As(clientAddr).Deal(t.Context(), id)
		require.NoError(t, err)
		f, err := deal.Forecast(c, slastream.Progress{Proved: uint64(len(past)), Last: last}, now)
		require.NoError(t, err)
		outlooks[f.Outlook]++
		require.Equal(t, f.Outlook.String(), f.String()[:len(f.Outlook.String())])
		if !deal.Active {
			require.Equal(t, slastream.OutlookCompleted, f.Outlook)
			return
		}
		require.Equal(t, w.Balance(contractAddr), f.Locked)

		// What can be known without the proofs is no worse than the truth, as long as
		// no chunk waits for its release.
		if released == uint64(len(past)) {
			blind, err := deal.Forecast(c, slastream.Progress{}, now)
			require.NoError(t, err)
			require.GreaterOrEqual(t, blind.Room, f.Room)
		}

		// The future, second by second.
		before := w.Balance(clientAddr)
		var times []uint64
		for w.now = now; w.now <= deadline && released < terms.Chunks; w.now++ {
			if w.now == now {
				for range uint64(len(past)) - released {
					times = append(times, w.now)
					release()
				}
			}
			for k := free; c.Start+(k+1)*c.Period+c.Delay <= w.now && released < terms.Chunks; k++ {
				if c.Start+(k+1)*c.Period+c.Delay == w.now {
					times = append(times, w.now)
					release()
				}
			}
		}
		deal, err = w.As(clientAddr).Deal(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, deal.Completed(), f.Outlook != slastream.OutlookShort, "%v", f)
		if len(times) > 0 {
			require.Equal(t, times[0], f.Next)
			require.Equal(t, uint64(len(times)), min(f.Pending+f.Room, f.Left))
		}
		if deal.Completed() {
			require.Equal(t, slices.Max(times), f.Completion)
			require.Equal(t, deadline-f.Completion, f.Margin)
			require.True(t, f.Refund.IsZero())
			return
		}
		require.Greater(t, f.Completion, deadline)
		w.now = deadline
		require.NoError(t, w.As(ownerAddr).Slash(t.Context(), id))
		after, err := before.Add(f.Refund)
		require.NoError(t, err)
		require.Equal(t, after, w.Balance(clientAddr))
	}
	for range 10 { // 100 times each
		rapid.Check(t, check)
	}
	t.Log(outlooks)
	for _, o := range []slastream.Outlook{slastream.OutlookOnSchedule, slastream.OutlookLate, slastream.OutlookShort, slastream.OutlookCompleted} {
		require.NotZero(t, outlooks[o], "never saw %v", o)
	}
}

// TestForecastNeverFails holds that no numbers make it panic or wrap.
func TestForecastNeverFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := slastream.Deal{Chunks: max(seconds.Draw(t, "chunks"), 1), ChunkAmount: units(1), Deadline: seconds.Draw(t, "deadline"), Active: true}
		d.Released = min(seconds.Draw(t, "released"), d.Chunks-1)
		c := slastream.Cadence{Start: seconds.Draw(t, "start"), Period: max(seconds.Draw(t, "period"), 1), Delay: seconds.Draw(t, "delay")}
		p := slastream.Progress{Proved: seconds.Draw(t, "proved"), Last: seconds.Draw(t, "last")}
		now := seconds.Draw(t, "now")
		f, err := d.Forecast(c, p, now)
		require.NoError(t, err)
		require.NotEmpty(t, f.String())
		require.GreaterOrEqual(t, f.Next, now)
		require.GreaterOrEqual(t, f.Completion, f.Next)
		require.Equal(t, f.Completion, now+f.Runway)
		require.LessOrEqual(t, f.Expected, d.Chunks)
		require.LessOrEqual(t, f.Pending, f.Left)
		require.LessOrEqual(t, f.LateBy, now)
		require.LessOrEqual(t, f.Refund.Cmp(f.Locked), 0)
		if f.Margin > 0 {
			require.Equal(t, d.Deadline, f.Completion+f.Margin)
		}
		if f.Outlook == slastream.OutlookOnSchedule || f.Outlook == slastream.OutlookLate {
			require.LessOrEqual(t, f.Completion, d.Deadline)
		}
		if f.Outlook == slastream.OutlookShort {
			require.True(t, f.Completion > d.Deadline || f.Completion == math.MaxUint64)
		}
	})
}
