package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkDay measures what share of a core the built daemon needs for a day of
// 10,000 data sets that prove once a day each: its own processor time for a turn
// in which an epoch passes and nothing happens, of which a day has 5,760, and for
// a chunk from its proof to its payment, each in a transaction of its own. How
// many data sets Mainnet has, getNextDataSetId() of the verifier says; the number
// here is an assumption.
func BenchmarkDay(b *testing.B) {
	const sets, rounds, idle = 200, 5, 100
	const mainnet, turns = 10_000, 24 * 60 * 60 / 15
	w := newWorld(b)
	first := w.fevm.Head()
	for set := range uint64(sets) {
		_, err := w.fevm.Prove(b.Context(), set+1) // creates it
		require.NoError(b, err)
	}
	_, err := w.fevm.Mine(10)
	require.NoError(b, err)
	deals, bindings := w.open(sets, rounds)
	for _, binding := range bindings {
		binding["start_epoch"] = w.fevm.Head() + 1
	}
	c := spawn(b, w.write(w.config(map[string]any{"bindings": bindings, "poll": "50ms", "from_block": first})))
	defer c.kill()
	var host string
	waitFor(b, func() bool {
		_, rest, found := strings.Cut(c.log.String(), " http=")
		host, _, _ = strings.Cut(rest, " ")
		return found
	}, c.log.String)
	taken := func() uint64 {
		response, err := http.Get("http://" + host + "/metrics")
		if err != nil {
			return 0
		}
		defer response.Body.Close()
		var text bytes.Buffer
		_, err = text.ReadFrom(response.Body)
		require.NoError(b, err)
		_, rest, _ := strings.Cut(text.String(), `slastream_relay_turns_total{result="ok"} `)
		line, _, _ := strings.Cut(rest, "\n")
		n, _ := strconv.ParseUint(line, 10, 64)
		return n
	}
	waitFor(b, func() bool { return taken() > 5 }, c.log.String)
	for b.Loop() {
		began, spent := taken(), c.processor(b)
		for taken()-began < idle {
			_, err := w.fevm.Mine(1)
			require.NoError(b, err)
			time.Sleep(50 * time.Millisecond)
		}
		turn := (c.processor(b) - spent) / time.Duration(taken()-began)

		began, spent = taken(), c.processor(b)
		for range rounds {
			for set := range uint64(sets) {
				_, err := w.fevm.Prove(b.Context(), set+1)
				require.NoError(b, err)
			}
		}
		_, err := w.fevm.Mine(10)
		require.NoError(b, err)
		for _, id := range deals {
			w.released(nil, id, rounds)
		}
		chunk := (c.processor(b) - spent - turn*time.Duration(taken()-began)) / (sets * rounds)
		day := (mainnet*chunk + turns*turn).Seconds()
		b.ReportMetric(float64(turn.Microseconds()), "µs/turn")
		b.ReportMetric(float64(chunk.Microseconds()), "µs/chunk")
		b.ReportMetric(100*day/(24*60*60), "%core")
	}
}

// processor is the time that a process has had on all cores.
func (c *child) processor(t testing.TB) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(stat), ") ") // behind the name
	fields := strings.Fields(rest)
	var ticks uint64
	for _, f := range fields[11:13] { // utime and stime, in ticks of 10 ms
		n, err := strconv.ParseUint(f, 10, 64)
		require.NoError(t, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
