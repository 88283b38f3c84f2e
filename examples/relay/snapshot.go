package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slastream/slastream-go/slastream/relay"
)

// A snapshot is what is read of the store and the chains after a turn.
type snapshot struct {
	stats        relay.Stats
	health       relay.Health
	head         uint64 // newest final epoch that the node told
	behind       uint64 // deals whose history is not read yet
	waiting      int    // bindings of the file that are not made yet
	halted, held uint64
	balance      float64
	balanceKnown bool
}

// A collector turns the snapshot into gauges when it is asked.
type collector struct{ *metrics }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

var (
	descOldest  = describe("oldest_unreleased_age_seconds", "Age of the oldest chunk that is earned and not paid; 0 if there is none.")
	descChunks  = describe("chunks", "Chunks in the store by state.", "state")
	descHeld    = describe("held_chunks", "Chunks that a limit holds back (at most 10000 are counted).")
	descDeals   = describe("deals", "Deals that were ever bound.")
	descBehind  = describe("deals_behind", "Deals whose history is not read yet.")
	descHalted  = describe("deals_halted", "Deals for which nothing is done until an operator resumes them.")
	descWaiting = describe("bindings_waiting", "Bindings of the file that cannot be made yet, such as of a data set that does not exist.")
	descHead    = describe("head_epoch", "Newest final epoch of Filecoin that a node told.")
	descCursor  = describe("cursor_epoch", "First epoch that is not observed.")
	descLag     = describe("cursor_lag_epochs", "Final epochs that are not observed yet.")
	descBalance = describe("account_balance", "STRK of the account that pays for releases.")
	descPaused  = describe("paused", "1 while the escrow is paused.")
	descStopped = describe("stopped", "1 while nothing is signed until an operator has looked and restarted.")
	descLease   = describe("lease_held", "1 if this process may send for the account.")
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descOldest, descChunks, descHeld, descDeals, descBehind, descHalted, descWaiting, descHead,
		descCursor, descLag, descBalance, descPaused, descStopped, descLease,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.state.Load()
	if s == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	age := 0.0
	if s.stats.Oldest != 0 {
		age = max(time.Since(time.UnixMilli(int64(s.stats.Oldest))).Seconds(), 0)
	}
	gauge(descOldest, age)
	for state, n := range s.stats.Chunks {
		gauge(descChunks, float64(n), relay.State(state).String())
	}
	gauge(descHeld, float64(s.held))
	gauge(descDeals, float64(s.stats.Tracks))
	gauge(descBehind, float64(s.behind))
	gauge(descHalted, float64(s.halted))
	gauge(descWaiting, float64(s.waiting))
	gauge(descHead, float64(s.head))
	gauge(descCursor, float64(s.health.Cursor))
	gauge(descLag, float64(s.lag()))
	if s.balanceKnown {
		gauge(descBalance, s.balance)
	}
	gauge(descPaused, truth(s.health.Paused))
	gauge(descStopped, truth(s.health.Stopped != ""))
	gauge(descLease, truth(s.health.Sending))
}

// lag is how many final epochs are not observed.
func (s *snapshot) lag() uint64 {
	next := s.head + 1
	return next - min(next, s.health.Cursor)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
