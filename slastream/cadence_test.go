package slastream_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/slastream"
)

const day = 2880 * slastream.EpochSeconds

func units(v uint64) slastream.Amount { return slastream.AmountFromUint64(v) }

// month are terms for thirty days, a chunk a day.
func month() slastream.Terms {
	return slastream.Terms{Provider: slastream.Address{31: 1}, Chunks: 30, ChunkAmount: units(100), Collateral: units(50), Duration: 30 * day}
}

func TestQuote(t *testing.T) {
	at := uint64(1_700_000_000)
	q, err := month().Quote(slastream.ClassCompatible, slastream.Cadence{Start: at, Period: day}, at)
	require.NoError(t, err)
	require.Equal(t, slastream.Quote{
		Terms: month(), Cadence: slastream.Cadence{Start: at, Period: day}, At: at,
		Total: units(3000), Locked: units(3050),
		Deadline: at + 30*day, First: at + day, Last: at + 30*day, Margin: 0,
	}, q)
	next := uint64(0)
	for chunk, expected := range q.Calendar() {
		require.Equal(t, next, chunk)
		require.Equal(t, at+(chunk+1)*day, expected)
		next++
	}
	require.Equal(t, uint64(30), next)
	for range q.Calendar() {
		break // a caller may stop
	}
}

func TestQuoteCountsPeriodsFromCreationOn(t *testing.T) {
	at := uint64(1_700_000_000)
	terms := month()
	terms.Duration = 32 * day
	for _, test := range []struct {
		name         string
		start, delay uint64
		first        uint64 // after at
	}{
		{"a period begins at creation", at, 0, day},
		{"a period begins later", at + 3600, 0, day + 3600},
		{"the period in progress does not count", at - 3600, 0, 2*day - 3600},
		{"a period began long ago", at - 1000*day, 0, day},
		{"a period began long ago, in the middle", at - 1000*day - 60, 0, 2*day - 60},
		{"releases come later than proofs", at, 7200, day + 7200},
	} {
		t.Run(test.name, func(t *testing.T) {
			q, err := terms.Quote(slastream.ClassCompatible, slastream.Cadence{Start: test.start, Period: day, Delay: test.delay}, at)
			require.NoError(t, err)
			require.Equal(t, at+test.first, q.First)
			require.Equal(t, q.First+29*day, q.Last)
			require.Equal(t, q.Deadline-q.Last, q.Margin)
			again, err := terms.Quote(slastream.ClassCompatible, q.Cadence, at)
			require.NoError(t, err)
			require.Equal(t, q, again, "the cadence of a quote gives the quote")
		})
	}
}

func TestQuoteRefusesWhatDoesNotFit(t *testing.T) {
	at := uint64(1_700_000_000)
	for _, test := range []struct {
		name        string
		change      func(*slastream.Terms, *slastream.Cadence)
		fits, needs uint64
		text        string
	}{
		{"a second too short", func(t *slastream.Terms, _ *slastream.Cadence) { t.Duration-- }, 29, 30 * day,
			"slastream: 30 chunks, one for each 86400 s from 1700000000 on, do not fit in a duration of 2591999 s: propose at most 29 chunks, or a duration of at least 2592000 s"},
		{"a chunk too many", func(t *slastream.Terms, _ *slastream.Cadence) { t.Chunks++ }, 30, 31 * day, "at most 30 chunks"},
		{"a delay", func(_ *slastream.Terms, c *slastream.Cadence) { c.Delay = 1 }, 29, 30*day + 1, "at most 29 chunks"},
		{"a late start", func(_ *slastream.Terms, c *slastream.Cadence) { c.Start += 10 * day }, 20, 40 * day, "at most 20 chunks"},
		{"a start after the deadline", func(_ *slastream.Terms, c *slastream.Cadence) { c.Start += 99 * day }, 0, 129 * day, "no chunk fits, or a duration of at least 11145600 s"},
		{"chunks beyond all time", func(t *slastream.Terms, _ *slastream.Cadence) { t.Chunks = math.MaxUint64 }, 30, 0, "propose at most 30 chunks"},
		{"a period beyond all time", func(_ *slastream.Terms, c *slastream.Cadence) { c.Period = math.MaxUint64 }, 0, 0, "no chunk fits"},
		{"a start at the end of time", func(_ *slastream.Terms, c *slastream.Cadence) { c.Start = math.MaxUint64 }, 0, 0, "no chunk fits"},
	} {
		t.Run(test.name, func(t *testing.T) {
			terms, cadence := month(), slastream.Cadence{Start: at, Period: day}
			test.change(&terms, &cadence)
			_, err := terms.Quote(slastream.ClassCompatible, cadence, at)
			refused, ok := errors.AsType[*slastream.CadenceError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, test.fits, refused.Fits)
			require.Equal(t, test.needs, refused.Needs)
			require.ErrorContains(t, err, test.text)

			if refused.Fits > 0 { // the advice is good, and not less than it could be
				better := terms
				better.Chunks = refused.Fits
				_, err = better.Quote(slastream.ClassCompatible, cadence, at)
				require.NoError(t, err)
			}
			if refused.Needs > 0 {
				better := terms
				better.Duration = refused.Needs
				q, err := better.Quote(slastream.ClassCompatible, cadence, at)
				require.NoError(t, err)
				require.Zero(t, q.Margin)
			}
		})
	}
}

func TestQuoteAtTheEndOfTime(t *testing.T) {
	terms := month()
	terms.Chunks, terms.Duration = 1, 1
	at := uint64(math.MaxUint64 - 1)
	_, err := terms.Quote(slastream.ClassCompatible, slastream.Cadence{Start: at - 1, Period: 100}, at)
	refused, ok := errors.AsType[*slastream.CadenceError](err)
	require.True(t, ok, "%v", err)
	require.Zero(t, refused.Fits)
	require.Zero(t, refused.Needs)

	_, ok = slastream.Cadence{Period: 1}.Expected(math.MaxUint64)
	require.False(t, ok)
	last, ok := slastream.Cadence{Period: 1}.Expected(math.MaxUint64 - 1)
	require.True(t, ok)
	require.Equal(t, uint64(math.MaxUint64), last)
}

func TestQuoteSaysWhatTheEscrowWouldSay(t *testing.T) {
	top := maxAmount(t)
	cadence := slastream.Cadence{Start: 1000, Period: day}
	for _, test := range []struct {
		name   string
		change func(*slastream.Terms)
		at     uint64
		want   error
	}{
		{"no chunks", func(t *slastream.Terms) { *t = slastream.Terms{} }, 1000, slastream.ErrNoChunks},
		{"no chunk amount", func(t *slastream.Terms) { t.ChunkAmount, t.Duration = slastream.Amount{}, 0 }, 1000, slastream.ErrNoChunkAmount},
		{"no duration", func(t *slastream.Terms) { t.Duration, t.Provider = 0, slastream.Address{} }, 1000, slastream.ErrNoDuration},
		{"no provider", func(t *slastream.Terms) { t.Provider, t.ChunkAmount = slastream.Address{}, top }, 1000, slastream.ErrProviderZero},
		{"total too large", func(t *slastream.Terms) { t.ChunkAmount, t.Collateral = top, top }, 1000, slastream.ErrMulOverflow},
		{"sum too large", func(t *slastream.Terms) { t.Collateral, t.Duration = top, math.MaxUint64 }, 1000, slastream.ErrAddOverflow},
		{"deadline too late", func(t *slastream.Terms) { t.Duration = math.MaxUint64 - 999 }, 1000, slastream.ErrDeadlineOverflow},
	} {
		t.Run(test.name, func(t *testing.T) {
			terms := month()
			test.change(&terms)
			_, err := terms.Quote(slastream.ClassExtended, cadence, test.at)
			require.ErrorIs(t, err, test.want)
		})
	}
	terms := month()
	terms.Provider = slastream.Address{}
	_, err := terms.Quote(slastream.ClassCompatible, cadence, 1000)
	require.NoError(t, err, "the compatible class takes the zero provider")
	_, err = terms.Quote(slastream.ClassCompatible, slastream.Cadence{Start: 1000}, 1000)
	require.ErrorContains(t, err, "without a period")
}

// seconds are times and lengths, of a day's order and at the edges of a u64.
var seconds = rapid.OneOf(rapid.Uint64Range(0, 100), rapid.Uint64Range(0, 1000*day), rapid.Uint64Range(math.MaxUint64-1000*day, math.MaxUint64), rapid.Uint64())

// TestQuoteNeverWraps repeats the arithmetic with integers that have no end.
func TestQuoteNeverWraps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := slastream.Terms{Chunks: max(seconds.Draw(t, "chunks"), 1), ChunkAmount: units(1), Duration: max(seconds.Draw(t, "duration"), 1)}
		c := slastream.Cadence{Start: seconds.Draw(t, "start"), Period: max(seconds.Draw(t, "period"), 1), Delay: seconds.Draw(t, "delay")}
		at := seconds.Draw(t, "at")

		n := func(v uint64) *big.Int { return new(big.Int).SetUint64(v) }
		deadline := new(big.Int).Add(n(at), n(terms.Duration))
		start := n(c.Start)
		if start.Cmp(n(at)) < 0 {
			behind := new(big.Int).Sub(n(at), start)
			periods := new(big.Int).Div(new(big.Int).Add(behind, n(c.Period-1)), n(c.Period))
			start.Add(start, periods.Mul(periods, n(c.Period)))
		}
		last := new(big.Int).Mul(n(terms.Chunks), n(c.Period))
		last.Add(last, start).Add(last, n(c.Delay))

		q, err := terms.Quote(slastream.ClassCompatible, c, at)
		switch refused, bad := errors.AsType[*slastream.CadenceError](err); {
		case !deadline.IsUint64():
			require.ErrorIs(t, err, slastream.ErrDeadlineOverflow)
		case last.Cmp(deadline) > 0:
			require.True(t, bad, "%v", err)
			fits := new(big.Int).Sub(deadline, start)
			if fits.Sub(fits, n(c.Delay)); fits.Sign() < 0 {
				fits.SetUint64(0)
			}
			require.Zero(t, fits.Div(fits, n(c.Period)).Cmp(n(refused.Fits)))
			if last.IsUint64() {
				require.Zero(t, new(big.Int).Sub(last, n(at)).Cmp(n(refused.Needs)))
			} else {
				require.Zero(t, refused.Needs)
			}
		default:
			require.NoError(t, err)
			require.Zero(t, start.Cmp(n(q.Cadence.Start)))
			require.Zero(t, last.Cmp(n(q.Last)))
			require.Zero(t, deadline.Sub(deadline, last).Cmp(n(q.Margin)))
			require.Equal(t, q.First, q.Last-(terms.Chunks-1)*c.Period)
		}
	})
}

func TestPlan(t *testing.T) {
	at := uint64(1_700_000_000)
	c := slastream.Cadence{Start: at + 3600, Period: day}
	terms, rest, err := c.Plan(units(1000), 30*day, at)
	require.NoError(t, err)
	require.Equal(t, slastream.Terms{Chunks: 29, ChunkAmount: units(34), Duration: 30 * day}, terms)
	require.Equal(t, units(1000-29*34), rest)

	_, _, err = c.Plan(units(28), 30*day, at)
	require.ErrorIs(t, err, slastream.ErrNoChunkAmount)
	_, _, err = c.Plan(units(1000), 0, at)
	require.ErrorIs(t, err, slastream.ErrNoDuration)
	_, _, err = c.Plan(units(1000), day, at)
	refused, ok := errors.AsType[*slastream.CadenceError](err)
	require.True(t, ok)
	require.Equal(t, uint64(day+3600), refused.Needs)
}

// TestPlanSpendsTheBudget holds that a plan is a quote that fits, spends all but
// the rest, and that no further chunk would fit.
func TestPlanSpendsTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := slastream.Cadence{Start: seconds.Draw(t, "start"), Period: max(seconds.Draw(t, "period"), 1), Delay: seconds.Draw(t, "delay")}
		at, duration, budget := seconds.Draw(t, "at"), seconds.Draw(t, "duration"), units(rapid.Uint64().Draw(t, "budget"))
		terms, rest, err := c.Plan(budget, duration, at)
		if err != nil {
			require.Zero(t, terms)
			return
		}
		_, err = terms.Quote(slastream.ClassCompatible, c, at)
		require.NoError(t, err)
		total, err := terms.Total()
		require.NoError(t, err)
		spent, err := total.Add(rest)
		require.NoError(t, err)
		require.Equal(t, budget, spent)
		require.Negative(t, rest.Cmp(units(terms.Chunks)), "the rest is one for each chunk or more")
		terms.Chunks++
		_, err = terms.Quote(slastream.ClassCompatible, c, at)
		require.Error(t, err)
	})
}
