package main

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slastream/slastream-go/slastream/relay"
)

const namespace = "slastream_relay"

// metrics are what /metrics shows, in a registry of their own. It is also the
// observer of the relay.
type metrics struct {
	registry *prometheus.Registry

	rpc          *prometheus.CounterVec
	moved        *prometheus.CounterVec
	sent         *prometheus.CounterVec
	wasted       prometheus.Counter
	turns        *prometheus.CounterVec
	turnDuration prometheus.Histogram
	signerErrors prometheus.Counter
	liveness     *prometheus.GaugeVec
	alerts       *prometheus.CounterVec
	slashes      prometheus.Counter

	active atomic.Int64 // when a node last answered, Unix milliseconds
	state  atomic.Pointer[snapshot]
}

var _ relay.Observer = (*metrics)(nil)

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	m.rpc = counter("rpc_requests_total", "Questions to nodes: ok, refused by the node, failed on the way, or stopped by us.", "chain", "method", "outcome")
	m.moved = counter("chunk_transitions_total", "Chunks that came into a state.", "state")
	m.sent = counter("transactions_sent_total", "Transactions handed to the node, also again: ok or failed.", "outcome")
	m.wasted = counter("transactions_wasted_total", "Transactions that reverted: the fee is lost.").WithLabelValues()
	m.turns = counter("turns_total", "Turns of the engine: ok or error.", "result")
	m.signerErrors = counter("signer_errors_total", "Attestations that the signer did not give.").WithLabelValues()
	m.alerts = counter("watch_alerts_total", "Alerts of the watchtower: delivered, failed (tried again) or dead.", "outcome")
	m.slashes = counter("watch_slashes_total", "Slashes that this watchtower sent.").WithLabelValues()
	m.turnDuration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "turn_duration_seconds", Help: "How long a turn took.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
	})
	m.liveness = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "task_liveness_timestamp", Help: "When a task was last alive, Unix seconds.",
	}, []string{"task"})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "1.", ConstLabels: prometheus.Labels{"version": version(), "go": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.turnDuration, m.liveness, build, &collector{m})
	// Each series is there from the start, so that rules see a 0.
	for _, result := range []string{"ok", "error"} {
		m.turns.WithLabelValues(result)
	}
	for _, outcome := range []string{"ok", "failed"} {
		m.sent.WithLabelValues(outcome)
	}
	for _, outcome := range []string{"delivered", "failed", "dead"} {
		m.alerts.WithLabelValues(outcome)
	}
	for s := relay.Observed; s <= relay.Refused; s++ {
		m.moved.WithLabelValues(s.String())
	}
	m.beat("turn")
	return m
}

// version is that of the module, or of the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	if info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
}

func (m *metrics) beat(task string) { m.liveness.WithLabelValues(task).SetToCurrentTime() }

// Moved implements relay.Observer.
func (m *metrics) Moved(c relay.Chunk, _ relay.State) {
	m.moved.WithLabelValues(c.State.String()).Inc()
}

// Sent implements relay.Observer.
func (m *metrics) Sent(_ relay.Transaction, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	m.sent.WithLabelValues(outcome).Inc()
}

// Turned implements relay.Observer.
func (m *metrics) Turned(r relay.Report, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.turns.WithLabelValues(result).Inc()
	m.wasted.Add(float64(r.Wasted))
	m.beat("turn")
}
