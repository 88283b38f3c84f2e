package watch_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/watch"
)

func TestSlashesAtTheDeadline(t *testing.T) {
	w := newWorld(t)
	id := w.create(3, hour)
	w.release(id, 0)
	tower := w.tower()
	require.Equal(t, watch.Report{Now: start, Open: 1, Read: 1}, w.step(tower))

	w.now.Store(start + hour - 1)
	require.Empty(t, w.step(tower).Slashed, "a second too early")
	w.now.Store(start + hour)
	report := w.step(tower)
	require.Equal(t, words(id), report.Slashed)
	require.Zero(t, report.Open)
	require.True(t, w.deal(id).Slashed)
	require.Equal(t, []string{"deadline final 1", "slashed pending 1", "slashed final 1"}, w.mail.told())
	require.Equal(t, slastream.AmountFromUint64(25), w.mail.alerts[1].Amount)
	require.Equal(t, slastream.AmountFromUint64(25), w.mail.alerts[2].Amount)

	w.now.Add(day)
	require.Equal(t, watch.Report{Now: start + hour + day, Read: 1}, w.step(tower), "a last look for a reorganisation")
	w.now.Add(day)
	require.Equal(t, watch.Report{Now: start + hour + 2*day}, w.step(tower), "a deal that has ended is dropped")
}

func TestTellsHowDealsEnd(t *testing.T) {
	w := newWorld(t)
	completes, slashed := w.create(1, hour), w.create(1, hour)
	tower := w.tower()
	w.step(tower)
	w.release(completes, 0)
	w.now.Add(hour)
	require.NoError(t, w.memory.As(client).Slash(t.Context(), word(slashed)))
	report := w.step(tower)
	require.Empty(t, report.Slashed)
	require.Equal(t, []string{"completed final 1", "slashed final 2"}, w.mail.told())
	require.Equal(t, slastream.AmountFromUint64(10), w.mail.alerts[0].Amount, "without the collateral")
}

// History is what had ended before a tower first looked: nobody is told.
func TestTellsNoHistory(t *testing.T) {
	w := newWorld(t)
	w.release(w.create(1, hour), 0)
	w.create(1, day)
	tower := w.tower()
	require.Equal(t, 1, w.step(tower).Open)
	require.Empty(t, w.mail.told())

	w.release(w.create(1, hour), 0)
	w.step(tower)
	require.Equal(t, []string{"completed final 3"}, w.mail.told(), "it began and ended between two turns")

	w.release(w.create(1, hour), 0)
	w.release(2, 0)
	w.step(w.tower())
	require.ElementsMatch(t, []string{"completed final 3", "completed final 2", "completed final 4"}, w.mail.told(), "they ended while no tower ran")
}

func TestFilter(t *testing.T) {
	w := newWorld(t)
	w.config.Filter = func(d slastream.Deal) bool { return d.Chunks == 2 }
	w.create(1, hour)
	w.create(2, hour)
	require.Equal(t, 1, w.step(w.tower()).Open)

	w.config.Filter = func(d slastream.Deal) bool { return d.Chunks == 1 }
	report := w.step(w.tower())
	require.Zero(t, report.Open, "the one that was watched is no longer chosen")
	require.Equal(t, 1, report.Read, "the other was looked at before")
	w.config.Rescan = true
	report = w.step(w.tower())
	require.Equal(t, 1, report.Open)
	require.Equal(t, 2, report.Read)
	w.now.Add(hour)
	w.config.Rescan = false
	require.Equal(t, words(1), w.step(w.tower()).Slashed)
	require.NotContains(t, w.mail.told(), "slashed final 2")
}

// A restarted tower asks only for deals that were open.
func TestRestartReadsOpenDealsOnly(t *testing.T) {
	w := newWorld(t)
	for range 200 {
		w.release(w.create(1, hour), 0)
	}
	for _, id := range []uint64{w.create(1, day), w.create(1, 2*day)} {
		require.Greater(t, id, uint64(200))
	}
	require.Equal(t, 202, w.step(w.tower()).Read)
	report := w.step(w.tower())
	require.Equal(t, 2, report.Read)
	require.Equal(t, 2, report.Open)
}

func TestHoldsForPendingReleases(t *testing.T) {
	yes := func(attestation.Word) (bool, error) { return true, nil }
	const never = 3 * day // longer than the test looks
	for name, row := range map[string]struct {
		pending func(attestation.Word) (bool, error)
		grace   time.Duration
		after   uint64 // seconds from the deadline to the slash
	}{
		"pending":                         {yes, 0, never},
		"pending, with a grace":           {yes, time.Hour, hour},
		"pending, a short grace":          {yes, time.Minute, 60},
		"not known counts as yes":         {func(attestation.Word) (bool, error) { return false, errDown }, 0, never},
		"not known counts as yes, and so": {func(attestation.Word) (bool, error) { return false, errDown }, time.Minute, 60},
		"pending for another deal":        {func(d attestation.Word) (bool, error) { return d == word(9), nil }, 0, 0},
		"without a pending release":       {func(attestation.Word) (bool, error) { return false, nil }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.create(2, hour)
			w.config.Pending, w.config.Grace = pendingFunc(row.pending), row.grace
			tower := w.tower()
			for at := start + hour; at < start+hour+never; at = at + 1 + (at-start-hour)/30 {
				w.now.Store(at)
				report, _ := tower.Step(t.Context())
				if len(report.Slashed) > 0 {
					require.GreaterOrEqual(t, at, start+hour+row.after)
					require.LessOrEqual(t, at, start+hour+row.after+row.after/20+1)
					return
				}
			}
			require.Equal(t, never, row.after, "it was not slashed")
			require.Equal(t, []string{"deadline final 1"}, w.mail.told())

			// The releases land, and the deal ends well.
			w.release(id, 0)
			w.release(id, 1)
			w.now.Add(day)
			require.Empty(t, w.step(tower).Slashed)
			require.Equal(t, []string{"deadline final 1", "completed final 1"}, w.mail.told())
		})
	}
}

// A release that is accepted between the question whether one is pending and the
// slash shows in the deal, which is read last.
func TestReadsTheDealLast(t *testing.T) {
	w := newWorld(t)
	id := w.create(1, hour)
	w.config.Pending = pendingFunc(func(attestation.Word) (bool, error) {
		w.release(id, 0)
		return false, nil
	})
	w.config.Slasher = slasherFunc(func(context.Context, attestation.Word) error { panic("slashed") })
	w.now.Add(hour)
	report := w.step(w.tower())
	require.Equal(t, words(id), report.Lost)
	require.Equal(t, []string{"deadline final 1", "completed final 1"}, w.mail.told())
}

func TestObserverSendsNothing(t *testing.T) {
	w := newWorld(t)
	w.create(1, hour)
	held := w.create(1, hour)
	w.config.Observer = true
	w.config.Slasher = slasherFunc(func(context.Context, attestation.Word) error { panic("sent") })
	w.config.Pending = pendingFunc(func(d attestation.Word) (bool, error) { return d == word(held), nil })
	tower := w.tower()
	w.now.Add(hour)
	report := w.step(tower)
	require.Equal(t, words(1), report.Would)
	require.Equal(t, words(held), report.Held)
	reads := 0
	for range day / 10 {
		w.now.Add(10)
		reads += w.step(tower).Read
	}
	require.Less(t, reads, 300, "two deals over their deadline, a day long")
	require.Equal(t, []string{"deadline final 1", "deadline final 2"}, w.mail.told())
	require.NoError(t, w.memory.As(client).Slash(t.Context(), word(1)))
	w.now.Add(hour)
	require.Equal(t, 1, w.step(tower).Open)
	require.Equal(t, "slashed final 1", w.mail.told()[2])

	w.config.Slasher = nil
	_ = w.tower() // an observer needs none
}

// One deal that can never be read, or judged, does not delay the others.
func TestPoisonedDeals(t *testing.T) {
	const deals = 300
	w := newWorld(t)
	for range deals {
		w.create(1, hour)
	}
	w.config.Batch = 50
	w.config.Escrow = brokenReader{w.config.Escrow, func(id attestation.Word) error {
		if n, _ := id.Uint64(); n%100 == 7 {
			return errDown
		}
		return nil
	}}
	tower := w.tower()
	slashed := 0
	for block := range uint64(60) {
		w.now.Store(start + hour - 40 + 2*block)
		for more := true; more; {
			report, _ := tower.Step(t.Context())
			more = report.More
			slashed += len(report.Slashed)
		}
		if block == 21 {
			require.Equal(t, deals-3, slashed, "two blocks after the deadline")
		}
	}
	require.Equal(t, deals-3, slashed)
}

// A node that is down loses nothing, and is not asked for a thousand deals.
func TestNodeDown(t *testing.T) {
	w := newWorld(t)
	for range 100 {
		w.create(1, hour)
	}
	down, reads := true, 0
	w.config.Escrow = brokenReader{w.config.Escrow, func(attestation.Word) error {
		reads++
		if down {
			return errDown
		}
		return nil
	}}
	tower := w.tower()
	for range 10 {
		_, err := tower.Step(t.Context())
		require.ErrorIs(t, err, errDown)
	}
	down = false
	w.now.Add(hour)
	slashed := 0
	for range 3 {
		slashed += len(w.step(tower).Slashed)
		w.now.Add(2)
	}
	require.Equal(t, 100, slashed)
}

// An escrow that answers nonsense is not believed.
func TestHostileEscrow(t *testing.T) {
	for name, row := range map[string]struct {
		reader slastream.Reader
		says   string
	}{
		"more deals than there can be": {lyingReader{count: attestation.Word{0: 1}}, "want at most"},
		"deals that are not there":     {lyingReader{count: word(1 << 28)}, "no such deal"},
		"another deal":                 {lyingReader{count: word(5), deal: slastream.Deal{ID: word(3), Chunks: 1}}, "answered with deal"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.config.Escrow = row.reader
			tower := w.tower()
			for range 20 {
				report, err := tower.Step(t.Context())
				require.ErrorContains(t, err, row.says)
				require.LessOrEqual(t, report.Read, 1024)
				w.now.Add(30)
			}
			require.Empty(t, w.mail.told())
		})
	}
}

type lyingReader struct {
	count attestation.Word
	deal  slastream.Deal
}

func (r lyingReader) DealCount(context.Context) (attestation.Word, error) { return r.count, nil }

func (r lyingReader) Deal(context.Context, attestation.Word) (slastream.Deal, error) {
	return r.deal, nil
}

func (r lyingReader) ChunkReleased(context.Context, attestation.Word, uint64) (bool, error) {
	return false, nil
}

func TestRevertsAreValues(t *testing.T) {
	for name, row := range map[string]struct {
		err    error
		fails  bool
		lost   int
		resent uint64 // seconds until another attempt
	}{
		"somebody else was first":  {slastream.ErrDealNotActive, false, 1, 1},
		"the block was older":      {slastream.ErrDeadline, false, 0, 1},
		"the token says no":        {slastream.ErrTokenFailed, true, 0, 30},
		"nobody knows":             {errDown, true, 0, 120},
		"the caller gave up":       {context.DeadlineExceeded, true, 0, 120},
		"sent, and not yet there":  {nil, false, 0, 120},
		"a revert with its own tx": {&slastream.RevertError{Reason: "Deal not active", TxHash: word(1)}, false, 1, 120},
		"too early, and paid for":  {&slastream.RevertError{Reason: "SLA deadline not reached", TxHash: word(1)}, false, 0, 120},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.create(1, hour)
			var at []uint64
			w.config.Slasher = slasherFunc(func(context.Context, attestation.Word) error {
				at = append(at, w.now.Load())
				return row.err
			})
			tower := w.tower()
			w.now.Add(hour)
			report, err := tower.Step(t.Context())
			if row.fails {
				require.ErrorIs(t, err, row.err)
			} else {
				require.NoError(t, err)
			}
			require.Len(t, report.Lost, row.lost)
			for len(at) < 2 {
				w.now.Add(1)
				_, _ = tower.Step(t.Context())
				require.LessOrEqual(t, w.now.Load(), start+hour+200, "it was not tried again")
			}
			require.Equal(t, []uint64{start + hour, start + hour + row.resent}, at)
			require.NoError(t, w.memory.As(client).Slash(t.Context(), word(id)))
			w.now.Add(30)
			_, _ = tower.Step(t.Context())
			require.Equal(t, []string{"deadline final 1", "slashed pending 1", "slashed final 1"}, w.mail.told(), "each once")
			require.Len(t, at, 2)
		})
	}
}

// A deal that ends while the node cannot be asked, at the start of a run that
// knows it, is no history: its end is told. A new filter is applied to it too.
func TestNodeDownAtTheStart(t *testing.T) {
	w := newWorld(t)
	w.create(1, hour)
	w.create(2, hour)
	w.step(w.tower())
	w.release(1, 0)
	reader := w.config.Escrow
	w.config.Escrow = brokenReader{reader, func(attestation.Word) error {
		if w.now.Load() < start+60 {
			return errDown
		}
		return nil
	}}
	w.config.Filter = func(d slastream.Deal) bool { return d.Chunks == 1 }
	tower := w.tower()
	_, err := tower.Step(t.Context())
	require.ErrorIs(t, err, errDown)
	w.now.Add(60)
	require.Zero(t, w.step(tower).Open)
	require.Equal(t, []string{"completed final 1"}, w.mail.told())
}
