// Package storetest is the conformance suite for stores of package relay. A
// store passes it in its own tests:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) relay.Store { return open(t) }, storetest.Options{})
//	}
//
// [Run] tests each sentence of the comments of relay.Store: what is refused and
// that a refusal leaves nothing behind, orders and limits, that every field comes
// back at its extremes, calls from the body of a loop and from many goroutines,
// and at last random operations beside a relay.MemoryStore, which must answer the
// same.
//
// A store that outlives its process says how to open it again
// ([Options.Reopen]); most tests then run a second time, and look at the store
// through a fresh one after every step. A store that many processes share says
// how the next one comes to it ([Options.Share]); the tests with many goroutines
// then use two.
//
// Each subtest calls open for an empty store. Cleaning up is left to t.Cleanup.
// The suite holds no lease longer than an hour and waits for one to run out only
// for a fraction of a second, by the clock of the store.
package storetest

import (
	"testing"

	"github.com/slastream/slastream-go/slastream/relay"
)

// Options say what else a store can do. The zero value is a store that ends with
// its process.
type Options struct {
	// Reopen closes the store and opens what it has kept. Leases may end with it;
	// their tokens must go on.
	Reopen func(t *testing.T, s relay.Store) relay.Store
	// Share opens what the store has a second time, as another process would.
	Share func(t *testing.T, s relay.Store) relay.Store
}

// Run tests the stores that open returns, each of them empty.
func Run(t *testing.T, open func(t *testing.T) relay.Store, options Options) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, &fixture{Store: open(t), options: options})
		})
	}
	t.Run("random operations", func(t *testing.T) { random(t, open, options) })
	if options.Reopen == nil {
		return
	}
	for _, test := range tests {
		if test.once {
			continue
		}
		t.Run(test.name+", opened again after each step", func(t *testing.T) {
			f := &fixture{options: options}
			f.Store = &forgetful{t: t, Store: open(t), reopen: options.Reopen}
			test.run(t, f)
		})
	}
}

// A fixture is the store under test.
type fixture struct {
	relay.Store
	options Options
}

// second is the store as another process has it.
func (f *fixture) second(t *testing.T) relay.Store {
	if f.options.Share == nil {
		return f.Store
	}
	return f.options.Share(t, f.Store)
}

// tests are all but the random ones. Those that run once hold leases, or call
// the store while they read from it.
var tests = []struct {
	name string
	once bool
	run  func(t *testing.T, s *fixture)
}{
	{name: "an empty store", run: empty},

	{name: "bind keeps a track", run: bindKeeps},
	{name: "bind refuses a deal or a data set that is bound", run: bindRefuses},
	{name: "a data set is free when its deal is over", run: setFreed},
	{name: "tracks are in order of deals", run: tracksOrdered},
	{name: "tracks of a deal, of a data set, behind", run: tracksChosen},
	{name: "tracks in pages", run: tracksPaged},

	{name: "observe moves the cursor with tracks and chunks", run: observeMoves},
	{name: "observe refuses all or nothing", run: observeRefuses},
	{name: "a proof pays once", run: proofOnce},
	{name: "a refused chunk gives its period back", run: periodBack},

	{name: "chunks by id", run: chunksByID},
	{name: "chunks in order and in pages", run: chunksPaged},
	{name: "chunks that are due", run: chunksDue},
	{name: "chunks that are due, by state", run: chunksDueByState},

	{name: "commit stores the next version", run: commitStores},
	{name: "commit refuses all or nothing", run: commitRefuses},
	{name: "commit keeps what was first signed for a nonce", run: commitNonce},
	{name: "transactions in order of nonces", run: transactionsOrdered},
	{name: "transactions that are accepted, when they are due", run: transactionsDue},

	{name: "a lease is one owner's", once: true, run: leaseOne},
	{name: "a lease runs out", once: true, run: leaseRunsOut},
	{name: "commit needs the newest lease", once: true, run: leaseFences},
	{name: "tokens go on when the store is opened again", once: true, run: tokensGoOn},

	{name: "spent sums hours", run: spentSums},
	{name: "spent ends at 2^256-1", run: spentEnds},
	{name: "stats count chunks", run: statsCount},

	{name: "tracks at their extremes", run: trackExtremes},
	{name: "chunks at their extremes", run: chunkExtremes},
	{name: "transactions at their extremes", run: transactionExtremes},

	{name: "calls in the body of a loop", once: true, run: loopBody},
	{name: "one of many commits to a chunk wins", once: true, run: oneCommit},
	{name: "one of many observations wins", once: true, run: oneObserve},
	{name: "one of many bindings wins", once: true, run: oneBind},
	{name: "one of many transactions has the nonce", once: true, run: oneNonce},
	{name: "one of many owners has the lease", once: true, run: oneLease},
	{name: "commits in parallel lose nothing", once: true, run: noneLost},
}
