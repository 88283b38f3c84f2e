package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/slastream/slastream-go/slastream/relay"
)

// patience is how long nothing may happen until the process counts as stuck: so
// many polls, and two minutes at least.
const patience = 20

// healthz answers 200 while turns are taken. A turn that takes long is fine as
// long as nodes answer in it.
func (d *daemon) healthz(w http.ResponseWriter, _ *http.Request) {
	h := d.relay.Health()
	last := time.UnixMilli(max(d.metrics.active.Load(), h.Turn.UnixMilli(), d.rebuilding.began.UnixMilli()))
	quiet := time.Since(last)
	answer := map[string]any{"status": "ok", "last_turn": when(h.Turn), "quiet_seconds": int(quiet.Seconds())}
	status := http.StatusOK
	if quiet > max(patience*time.Duration(d.config.Relay.Poll), 2*time.Minute) {
		status, answer["status"] = http.StatusServiceUnavailable, "stuck"
	}
	reply(w, status, answer)
}

// when is a time as text, empty for never.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// readyz answers 200 if the relay does all that it should, else 503 with what is
// in the way. Single deals that are in trouble do not count: /v1/deals has them,
// and waiting_bindings those that cannot be bound yet.
func (d *daemon) readyz(w http.ResponseWriter, r *http.Request) {
	h := d.relay.Health()
	reasons := []string{}
	say := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	if h.Turn.IsZero() && d.runner == nil { // where processes share a store, one of them takes turns
		say("no turn was taken yet")
	}
	if !d.progress.reachable() {
		say("filecoin: no node answers")
	}
	if !d.starknet.reachable() {
		say("starknet: no node answers")
	}
	if _, err := d.store.Stats(r.Context()); err != nil {
		say("store: %s", shortened(oneLine(err)))
	}
	if h.Stopped != "" {
		say("stopped until somebody has looked: %s", h.Stopped)
	}
	if h.Paused {
		say("the escrow is paused")
	}
	if n, err := d.count(r.Context(), relay.TrackQuery{Behind: true, Limit: snapshotLimit}); err == nil && n > 0 {
		say("the history of %d deals is not read yet: epoch %d of %d", n, d.progress.upTo.Load(), d.progress.head.Load())
	}
	if s := (snapshot{health: h, head: d.progress.head.Load()}); h.Cursor != 0 && s.lag() > lagLimit {
		say("%d final epochs are not observed yet", s.lag())
	}
	status := http.StatusOK
	if len(reasons) > 0 {
		status = http.StatusServiceUnavailable
	}
	answer := map[string]any{"ready": len(reasons) == 0, "reasons": reasons, "head": d.progress.head.Load(), "cursor": h.Cursor, "lease": h.Sending, "waiting_bindings": d.pending.views(waitingShown)}
	if h.Err != "" {
		answer["last_error"] = h.Err
	}
	reply(w, status, answer)
}

// waitingShown is how many bindings that wait an answer shows.
const waitingShown = 20

// lagLimit is how many epochs the relay may be behind and still be ready.
const lagLimit = 20
