package relaytest

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream/relay"
)

// A Mode is how a relay under test puts chunks into transactions.
type Mode uint8

const (
	Single    Mode = iota // one chunk each
	Batch                 // release_batch of the extended class
	Multicall             // many calls of release_chunk
)

// String returns the mode in lower case.
func (m Mode) String() string { return [...]string{"single", "batch", "multicall"}[m] }

// A Relay is what a campaign runs: *relay.Relay, or one of your own.
type Relay interface {
	// Step takes one turn. Everything it starts has ended when it returns.
	Step(ctx context.Context) (relay.Report, error)
}

// A Campaign says what is run, and how hard. The zero value tests package relay
// with a store in memory; each field that is set replaces a part.
type Campaign struct {
	// Seed is where everything comes from; the environment variable SLASTREAM_SEED
	// goes before it.
	Seed uint64
	// Kills is how many times the relay is killed, over all runs; SLASTREAM_KILLS
	// goes before it. Each run has 50, the last one the rest. 0 is 100.
	Kills int
	Mode  Mode

	// NewStore makes a place for an empty store, and returns how a process opens
	// it. What open returns is closed at the kill, if it is an io.Closer.
	NewStore func(t testing.TB) (open func() (relay.Store, error))
	// NewJournal does the same for the journal of the signer's guard.
	NewJournal func(t testing.TB) (open func() (signer.Journal, error))
	// NewRelay makes the relay of a process; nil is relay.New.
	NewRelay func(relay.Config) (Relay, error)
	// Configure changes the configuration that each process gets.
	Configure func(*relay.Config)

	// Quiet leaves out faults of the nodes: only kills, and what happens on the
	// chains.
	Quiet bool
	// Contested has some deals claim proving periods that earned chunks of an
	// earlier deal of their data set. A relay must not pay for those twice; what
	// else becomes of such a deal is not judged.
	Contested bool
	// Unguarded gives the relay a signer without a guard, which would refuse what
	// the relay must not ask for.
	Unguarded bool
}

// killsPerRun is how many kills one pair of chains sees.
const killsPerRun = 50

// A Result is what a campaign did.
type Result struct {
	Runs, Kills, Turns int
	Calls              int      // kill points that were passed
	Deals, Chunks      int      // deals that were opened, chunks that were paid
	Sent, Reverted     int      // transactions of the relay that got into a block, and those of them that reverted
	Wasted             []string // what was said of those
	Happened           map[string]int
	Time               time.Duration
}

func (r *Result) add(o Result) {
	r.Runs += o.Runs
	r.Kills += o.Kills
	r.Turns += o.Turns
	r.Calls += o.Calls
	r.Deals += o.Deals
	r.Chunks += o.Chunks
	r.Sent += o.Sent
	r.Reverted += o.Reverted
	r.Wasted = append(r.Wasted, o.Wasted...)
	for what, n := range o.Happened {
		if r.Happened == nil {
			r.Happened = map[string]int{}
		}
		r.Happened[what] += n
	}
}

// String says it in one line.
func (r Result) String() string {
	return fmt.Sprintf("%d kills in %d runs, %d turns, %d kill points; %d deals, %d chunks paid, %d transactions, %d reverted; %v in %v",
		r.Kills, r.Runs, r.Turns, r.Calls, r.Deals, r.Chunks, r.Sent, r.Reverted, r.Happened, r.Time.Round(time.Millisecond))
}

// A Failure is what the judge found after one run.
type Failure struct {
	Seed   uint64
	Kills  int
	Points []string // where the relay was killed, in order
	Wrong  []string
}

// Error names the seed, what is wrong, and the last kill points.
func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %d kills:\n", f.Seed, f.Kills)
	for i, s := range f.Wrong {
		if i == 20 {
			fmt.Fprintf(&b, "  … and %d more\n", len(f.Wrong)-i)
			break
		}
		fmt.Fprintf(&b, "  %s\n", s)
	}
	fmt.Fprintln(&b, "kill points:")
	for i, s := range f.Points {
		fmt.Fprintf(&b, "  %d %s\n", i+1, s)
	}
	return b.String()
}

// fromEnvironment is a number in an environment variable, or the default.
func fromEnvironment(t testing.TB, name string, value uint64) uint64 {
	s, ok := os.LookupEnv(name)
	if !ok {
		return value
	}
	v, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		t.Fatalf("%s=%q is no number", name, s)
	}
	return v
}

// Run runs a campaign, its runs as parallel subtests, and fails t with the seed,
// the kill points and the command that does it again.
func Run(t *testing.T, c Campaign) Result {
	t.Helper()
	c.Seed = fromEnvironment(t, "SLASTREAM_SEED", c.Seed)
	c.Kills = int(fromEnvironment(t, "SLASTREAM_KILLS", uint64(c.Kills)))
	if c.Kills == 0 {
		c.Kills = 100
	}
	began := time.Now()
	var mu sync.Mutex
	var total Result
	t.Run("runs", func(t *testing.T) {
		for i := 0; i*killsPerRun < c.Kills; i++ {
			one := c
			one.Seed, one.Kills = c.Seed+uint64(i), min(killsPerRun, c.Kills-i*killsPerRun)
			t.Run(fmt.Sprint(one.Seed), func(t *testing.T) {
				t.Parallel()
				r, err := Once(t, one)
				if err != nil {
					t.Errorf("%v\nagain: SLASTREAM_SEED=%d SLASTREAM_KILLS=%d go test -count=1 -run '^%s$' .", err, one.Seed, one.Kills, strings.Split(t.Name(), "/runs/")[0])
				}
				for _, tx := range r.Wasted {
					t.Logf("seed %d wasted %s", one.Seed, tx)
				}
				mu.Lock()
				defer mu.Unlock()
				total.add(r)
			})
		}
	})
	total.Time = time.Since(began)
	if total.Reverted*100 > max(total.Kills, 100) {
		t.Errorf("%d transactions reverted in %d kills, want at most one in a hundred", total.Reverted, total.Kills)
	}
	t.Log(total)
	return total
}

// Once makes one run of c.Kills kills with the seed of the campaign, in a bubble
// of testing/synctest. The error is a *[Failure] if the judge found something
// wrong.
func Once(t *testing.T, c Campaign) (result Result, err error) {
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, c)
		defer func() {
			result = r.result()
			switch p := recover().(type) {
			case nil:
			case worldError:
				err = &Failure{c.Seed, c.Kills, r.points, []string{"the test's own world failed: " + p.Error()}}
			default:
				panic(p)
			}
		}()
		r.campaign()
		r.quiesce()
		if wrong := r.judge(); len(wrong) > 0 {
			err = &Failure{c.Seed, c.Kills, r.points, wrong}
		}
	})
	result.Time = time.Since(began)
	return result, err
}
