package watch_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/watch"
)

// The forecast itself is the oracle: up to the last moment it does not say that
// the deal cannot complete, and a second later it does.
func TestLastMomentAgreesWithForecast(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	short, none := 0, 0
	for range 20_000 {
		c := slastream.Cadence{Start: 1000 + r.Uint64N(500), Period: 1 + r.Uint64N(100), Delay: r.Uint64N(50)}
		d := slastream.Deal{Chunks: 1 + r.Uint64N(10), ChunkAmount: slastream.AmountFromUint64(1), Deadline: 1000 + r.Uint64N(2500), Active: true}
		d.Released = r.Uint64N(d.Chunks)
		p := slastream.Progress{Proved: r.Uint64N(d.Chunks + 2)}
		if r.IntN(2) == 0 {
			p.Last = c.Start + r.Uint64N(300)
		}
		now := 900 + r.Uint64N(d.Deadline-900)
		outlook := func(at uint64) slastream.Outlook {
			f, err := d.Forecast(c, p, at)
			require.NoError(t, err)
			return f.Outlook
		}
		f, err := d.Forecast(c, p, now)
		require.NoError(t, err)
		last, ok := watch.LastMoment(f, c)
		say := fmt.Sprintf("%+v %+v %+v now %d: last %d", c, d, p, now, last)
		switch {
		case !ok:
			none++
			require.NotEqual(t, slastream.OutlookShort, outlook(d.Deadline-1), say)
		case outlook(now) == slastream.OutlookShort:
			short++
			require.Less(t, last, now, say)
		default:
			require.GreaterOrEqual(t, last, now, say)
			require.LessOrEqual(t, last, d.Deadline, say)
			if last < d.Deadline {
				require.NotEqual(t, slastream.OutlookShort, outlook(last), say)
			}
			if last+1 < d.Deadline {
				require.Equal(t, slastream.OutlookShort, outlook(last+1), say)
			}
		}
	}
	require.Greater(t, min(short, none), 500)
}

// A deal of ten periods, eight chunks: nothing may be missing from the third
// missed period on.
func TestWarnings(t *testing.T) {
	const period = hour
	cadence := slastream.Cadence{Start: start, Period: period}
	for name, row := range map[string]struct {
		warn     uint64   // seconds
		releases []uint64 // hours from the start at which a chunk is paid
		progress slastream.Progress
		unknown  bool // the cadence is not known
		want     []string
	}{
		"no proof at all":             {2 * hour, nil, slastream.Progress{}, false, []string{"at_risk 1h0s", "unreachable 3h1s", "deadline 10h0s"}},
		"no proof, no warnings":       {0, nil, slastream.Progress{}, false, []string{"unreachable 3h1s", "deadline 10h0s"}},
		"on time, and tight":          {30 * 60, []uint64{1, 2, 3, 4, 5, 6, 7, 8}, slastream.Progress{}, false, nil},
		"stops after four":            {hour, []uint64{1, 2, 3, 4}, slastream.Progress{}, false, []string{"at_risk 6h0s", "unreachable 7h1s", "deadline 10h0s"}},
		"all proved, none paid":       {hour, nil, slastream.Progress{Proved: 8}, false, []string{"deadline 10h0s"}},
		"recovers, and stops again":   {2 * hour, []uint64{2, 3}, slastream.Progress{}, false, []string{"at_risk 1h0s", "unreachable 5h1s", "deadline 10h0s"}},
		"cadence not known":           {2 * hour, nil, slastream.Progress{}, true, []string{"at_risk 8h0s", "deadline 10h0s"}},
		"cadence not known, no alarm": {0, nil, slastream.Progress{}, true, []string{"deadline 10h0s"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.create(8, 10*hour)
			w.config.Warn = seconds(row.warn)
			w.config.Outlook = func(context.Context, slastream.Deal) (slastream.Cadence, slastream.Progress, error) {
				if row.unknown {
					return slastream.Cadence{}, slastream.Progress{}, nil
				}
				return cadence, row.progress, nil
			}
			tower := w.tower()
			paid, reads := uint64(0), 0
			for at := uint64(0); at <= 10*hour; at++ {
				if paid < uint64(len(row.releases)) && row.releases[paid]*hour == at {
					w.release(id, paid)
					paid++
				}
				if at%hour > 1 && at%(hour/2) > 0 {
					continue
				}
				w.now.Store(start + at)
				reads += w.step(tower).Read
				if at%(2*hour) == 0 {
					tower = w.tower() // a restart repeats nothing
				}
			}
			var got []string
			for _, a := range w.mail.alerts {
				if a.Kind == watch.KindSlashed || a.Kind == watch.KindCompleted {
					continue
				}
				require.Equal(t, watch.PhaseFinal, a.Phase)
				got = append(got, fmt.Sprintf("%s %dh%ds", a.Kind, (a.At-start)/hour, (a.At-start)%hour))
			}
			require.Equal(t, row.want, got)
			require.Less(t, reads, 30)
		})
	}
}

// The outlook may fail: the deadline is kept all the same.
func TestOutlookFails(t *testing.T) {
	w := newWorld(t)
	w.create(1, hour)
	w.config.Outlook = func(context.Context, slastream.Deal) (slastream.Cadence, slastream.Progress, error) {
		return slastream.Cadence{}, slastream.Progress{}, errDown
	}
	tower := w.tower()
	_, err := tower.Step(t.Context())
	require.ErrorIs(t, err, errDown)
	w.now.Add(hour)
	require.Len(t, w.step(tower).Slashed, 1)
}

func TestTurnsAmongPeers(t *testing.T) {
	peers := []string{"a", "b", "c"}
	first := map[string]int{}
	for deal := range uint64(3000) {
		turns := map[int]string{}
		for _, p := range peers {
			turns[watch.TurnOf(p, peers, word(deal))] = p
		}
		require.Equal(t, []int{0, 1, 2}, slices.Sorted(maps.Keys(turns)), "each has a place of its own")
		first[turns[0]]++
	}
	for _, p := range peers {
		require.InDelta(t, 1000, first[p], 100)
	}
}

func TestScheduleIsSorted(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	type pair struct{ at, deal uint64 }
	var s watch.Appointments
	var held []pair
	order := func(a, b pair) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.deal, b.deal)) }
	for step := range scheduleSteps {
		if step < scheduleSteps/2 && r.IntN(3) > 0 {
			p := pair{r.Uint64N(500), r.Uint64N(500)}
			s.Push(p.at, p.deal)
			held = append(held, p)
			continue
		}
		now := r.Uint64N(600)
		at, deal, ok := s.Pop(now)
		if len(held) == 0 {
			require.False(t, ok)
			continue
		}
		least := slices.MinFunc(held, order)
		require.Equal(t, least.at <= now, ok)
		if ok {
			require.Equal(t, least, pair{at, deal})
			held = slices.Delete(held, slices.Index(held, least), slices.Index(held, least)+1)
		}
	}
}

func TestDealSet(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		var s watch.DealSet
		want := map[uint64]bool{}
		for range r.IntN(300) {
			from := 1 + r.Uint64N(400)
			for id := from; id < from+r.Uint64N(150); id++ {
				if r.IntN(4) == 0 {
					s.Remove(id)
					delete(want, id)
				} else {
					s.Add(id)
					want[id] = true
				}
			}
		}
		text, err := s.MarshalText()
		require.NoError(t, err)
		var back watch.DealSet
		require.NoError(t, back.UnmarshalText(text))
		again, err := back.MarshalText()
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
		ids := slices.Sorted(maps.Keys(want))
		require.Equal(t, len(ids), s.Len())
		at := uint64(0)
		for _, id := range ids {
			next, ok := back.Next(at)
			require.True(t, ok)
			require.Equal(t, id, next)
			require.True(t, s.Has(id))
			at = id + 1
		}
		_, ok := back.Next(at)
		require.False(t, ok)
	}
}

func TestDealSetReadsOneForm(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true, "1": true, "1-64": true, "1-2,4": true, "268435456": true,
		"0": false, "1-1": false, "2-1": false, "1,2": false, "1-2,3": false, "3,1": false, ",": false, "1,": false, "-1": false, "1-": false,
		"a": false, "+1": false, "01": false, "268435457": false, "1-18446744073709551615": false, "18446744073709551616": false,
	} {
		var s watch.DealSet
		err := s.UnmarshalText([]byte(text))
		require.Equal(t, ok, err == nil, "%q: %v", text, err)
	}
}
