package watch_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/watch"
)

// An alert that is refused comes again, with the same id, after waits that grow;
// after the last attempt it is a dead letter, which can be queued again, also by
// another run.
func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.release(w.create(2, hour), 0)
		w.config.Attempts = 12
		w.config.Observer = true
		var ids []string
		w.mail.refuse = func(a watch.Alert) error {
			ids = append(ids, a.ID)
			return errors.New("no such mailbox\n" + strings.Repeat("x", 10_000))
		}
		tower := w.tower()
		w.now.Add(hour)
		begin, dead := time.Now(), 0
		for dead == 0 {
			report := w.step(tower)
			dead += report.Dead
			require.Equal(t, 1-dead, report.Queue)
			time.Sleep(100 * time.Millisecond)
			require.Less(t, time.Since(begin), 3*time.Hour)
			if len(ids) == 6 {
				tower = w.tower() // the count of attempts survives
			}
		}
		require.Len(t, ids, 12)
		for _, id := range ids {
			require.Equal(t, ids[0], id)
		}
		require.Len(t, ids[0], 32)
		require.Greater(t, time.Since(begin), time.Minute, "waits grow: half of 1 s, 2 s, … 17 min on average")

		tower = w.tower()
		letters, err := tower.Dead(t.Context())
		require.NoError(t, err)
		require.Len(t, letters, 1)
		require.Equal(t, 12, letters[0].Attempts)
		require.Equal(t, watch.KindDeadline, letters[0].Alert.Kind)
		require.True(t, strings.HasPrefix(letters[0].Failure, "no such mailbox xxx"), letters[0].Failure)
		require.Less(t, len(letters[0].Failure), 250)

		w.mail.refuse = nil
		n, err := tower.Requeue(t.Context(), "another id")
		require.NoError(t, err)
		require.Zero(t, n)
		n, err = tower.Requeue(t.Context(), ids[0])
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, 1, w.step(w.tower()).Delivered)
		require.Equal(t, ids[0], w.mail.alerts[0].ID)
		letters, err = w.tower().Dead(t.Context())
		require.NoError(t, err)
		require.Empty(t, letters)
	})
}

// A turn that is cut short counts no attempt.
func TestInterruptedDelivery(t *testing.T) {
	w := newWorld(t)
	w.create(1, hour)
	w.config.Observer, w.config.Attempts = true, 1
	tower := w.tower()
	w.now.Add(hour)
	ctx, cancel := context.WithCancel(t.Context())
	w.mail.refuse = func(watch.Alert) error { cancel(); return ctx.Err() }
	_, _ = tower.Step(ctx)
	w.mail.refuse = nil
	require.Equal(t, 1, w.step(tower).Delivered)
}

// The queue has an end. What does not fit waits, and slashing does not.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const deals = queueSize + 500
		w := newWorld(t)
		for range deals {
			w.create(1, hour)
		}
		w.mail.refuse = func(watch.Alert) error { return errDown }
		w.config.Batch = 4096
		tower := w.tower()
		tower.LimitQueue(queueSize)
		w.now.Add(hour)
		require.Len(t, w.step(tower).Slashed, deals)
		w.now.Add(1)
		report := w.step(tower)
		require.Equal(t, queueSize, report.Queue)
		require.Positive(t, report.Open, "their end is not told yet")

		w.mail.refuse = nil
		for report.Open+report.Queue > 0 {
			time.Sleep(time.Minute)
			w.now.Add(60)
			report = w.step(tower)
		}
		finals := map[string]int{}
		for _, a := range w.mail.alerts {
			if a.Kind == watch.KindSlashed && a.Phase == watch.PhaseFinal {
				finals[a.ID]++
			}
		}
		require.Len(t, finals, deals, "each end was told")
	})
}

func TestAlertText(t *testing.T) {
	w := newWorld(t)
	w.create(2, hour)
	tower := w.tower()
	w.now.Add(hour)
	w.step(tower)
	for _, a := range w.mail.alerts {
		for _, r := range a.Subject() + a.Text() {
			require.True(t, r == '\n' || r >= ' ' && r < 127, "ASCII")
		}
		require.NotContains(t, a.Subject(), "\n")
	}
	require.Equal(t, `SLAStream deal 1: slashed.

The client gets 25 base units back.
Paid: 0 of 2 chunks. Deadline: 2026-03-01T13:00:00Z.
Client: 0x0000000000000000000000000000000000000000000000000000000000000001
Provider: 0x0000000000000000000000000000000000000000000000000000000000000002
Escrow: 0x0000000000000000000000000000000000000000000000000000000000000e5c on chain 0x000000000000000000000000000000000000000000000000000000000000534e
Alert: `+w.mail.alerts[2].ID+`, final
`, w.mail.alerts[2].Text())
	require.Contains(t, watch.Alert{Kind: watch.KindSlashed, Phase: watch.PhaseRetracted}.Text(), "slashed, and taken back.\n\nThe block is no longer on the chain.")
	require.Contains(t, watch.Alert{Kind: watch.KindCompleted, Phase: watch.PhasePending}.Subject(), "completed, not yet settled")
	for _, k := range []watch.Kind{watch.KindAtRisk, watch.KindUnreachable, watch.KindDeadline, watch.KindCompleted, watch.KindReleased, "a\nkind"} {
		for _, p := range []watch.Phase{watch.PhasePending, watch.PhaseFinal, watch.PhaseRetracted} {
			a := watch.Alert{Kind: k, Phase: p, Due: 1 << 63}
			require.NotContains(t, a.Subject(), "\n")
			require.NotEmpty(t, a.Text())
		}
	}
}
