package main

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/metrics.txt")

const golden = "testdata/metrics.txt"

// TestMetricNames compares the names, types, labels and help of all metrics of a
// daemon that has paid with the golden list: dashboards and alerts are built on
// them.
func TestMetricNames(t *testing.T) {
	w := newWorld(t)
	id := w.deal(2)
	w.prove(1)
	p := start(t, w.write(w.config(map[string]any{"bindings": []map[string]any{{"deal": "1", "set": "1"}}, "watch": map[string]any{"mode": "observer"}})))
	w.released(p, id, 1)
	var text string
	eventually(t, p, func() bool {
		require.Equal(t, 200, p.get("/metrics", &text))
		return strings.Contains(text, "account_balance") && strings.Contains(text, `task="watch"`)
	})
	require.NoError(t, p.end())
	eventuallyHas := []string{
		`slastream_relay_chunks{state="accepted"} 1`, `slastream_relay_deals 1`, `slastream_relay_lease_held 1`, `slastream_relay_paused 0`,
		`slastream_relay_oldest_unreleased_age_seconds 0`, `slastream_relay_cursor_lag_epochs 0`,
		`slastream_relay_transactions_sent_total{outcome="ok"} 1`, `slastream_relay_transactions_wasted_total 0`,
	}
	for _, line := range eventuallyHas {
		require.Contains(t, text, line+"\n")
	}

	label := regexp.MustCompile(`(\w+)="[^"]*"`)
	labels := map[string]map[string]bool{}
	var lines []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "# ") {
			lines = append(lines, strings.TrimSpace(line))
			continue
		}
		name, rest, _ := strings.Cut(line, "{")
		name, _, _ = strings.Cut(name, " ")
		if labels[name] == nil {
			labels[name] = map[string]bool{}
		}
		for _, found := range label.FindAllStringSubmatch(rest, -1) {
			labels[name][found[1]] = true
		}
	}
	for name, set := range labels {
		line := "labels " + name
		for _, l := range slices.Sorted(keysOf(set)) {
			line += " " + l
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "names are a contract: run with -update if this is meant, and say so in the changelog")
}

func keysOf(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestAlertsNameMetrics makes sure that each metric of the alert rules exists.
func TestAlertsNameMetrics(t *testing.T) {
	rules, err := os.ReadFile("../../docs/relay/alerts.yml")
	require.NoError(t, err)
	list, err := os.ReadFile(golden)
	require.NoError(t, err)
	names := regexp.MustCompile(`slastream_relay_\w+`).FindAllString(string(rules), -1)
	require.Greater(t, len(names), 10)
	for _, name := range names {
		require.Contains(t, string(list), "# TYPE "+name+" ", name)
	}
}
