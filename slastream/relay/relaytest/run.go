package relaytest

import (
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slastream/slastream-go/attestation"
	filecoin "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// A run is one world with one relay that is killed again and again.
type run struct {
	Campaign
	*world
	t        testing.TB
	open     func() (relay.Store, error)
	newStore func(testing.TB) func() (relay.Store, error)
	journal  func() (signer.Journal, error)

	name      string // of the relay
	account   int    // that it sends with
	fevmNodes []*filecoin.FaultyNode
	starkNode *simulated.FaultyNode
	fates     *rand.Rand // of kills and faults
	jitter    *rand.Rand
	starkKey  starknet.Key
	sources   json.RawMessage // checkpoint of the proof source, as a program keeps one

	mu     sync.Mutex
	signed map[relay.ChunkID]map[attestation.Attestation]bool // all that the key signed

	life   *life
	points []string
	turns  int
	calls  int
	budget int // of kill points in a turn: the longest of the last turns
	ledger *ledger
	last   error // of the last turn

	unstored int // transactions that were sent and not stored
}

func newRun(t *testing.T, c Campaign) *run {
	r := &run{
		Campaign: c, t: t, fates: rand.New(rand.NewPCG(c.Seed, 2)), jitter: rand.New(rand.NewPCG(c.Seed, 3)),
		signed: map[relay.ChunkID]map[attestation.Attestation]bool{}, budget: 100, name: "relay", account: relayAccount,
	}
	if c.NewStore == nil {
		c.NewStore = func(testing.TB) func() (relay.Store, error) {
			s := relay.NewMemoryStore()
			return func() (relay.Store, error) { return s, nil }
		}
	}
	if c.NewJournal == nil {
		c.NewJournal = func(testing.TB) func() (signer.Journal, error) {
			j := signer.NewMemoryJournal()
			return func() (signer.Journal, error) { return j, nil }
		}
	}
	r.newStore = c.NewStore
	r.open, r.journal = c.NewStore(t), c.NewJournal(t)
	return r
}

// class is that of the escrow which a mode needs.
func class(m Mode) slastream.Class {
	if m == Batch {
		return slastream.ClassExtended
	}
	return slastream.ClassCompatible
}

// join lets the relay into a world, with endpoints of its own.
func (r *run) join(w *world) {
	r.world = w
	for range 3 {
		r.fevmNodes = append(r.fevmNodes, r.fevm.Faulty(filecoin.Faults{}))
	}
	r.starkNode = r.stark.Faulty(simulated.Faults{})
	r.starkKey = must(starknet.NewLocalKey(r.stark.Accounts()[r.account].PrivateKey))
}

// campaign is the part with the kills.
func (r *run) campaign() {
	w := newWorld(r.t.Context(), r.Seed, class(r.Mode))
	w.contested = r.Contested
	r.join(w)
	w.open(20, w.draw)
	for len(r.points) < r.Kills {
		r.bad()
		r.startDoomed()
		for turn := 0; r.life != nil; turn++ {
			if turn == 8 {
				r.stop()
				break
			}
			r.events()
			r.pass(time.Duration(15+r.rng.IntN(60)) * time.Second)
			r.step()
		}
	}
}

// step takes one turn of the relay.
func (r *run) step() {
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	l := r.life
	l.cancel = cancel
	before := l.calls
	r.turns++
	dead := l.run(func() { _, r.last = l.relay.Step(ctx) })
	r.calls += l.calls - before
	if !dead {
		r.budget = max(r.budget*7/8, l.calls-before, 40)
		if r.fates.IntN(4) == 0 {
			r.sources = must(json.Marshal(l.source.inner))
		}
		return
	}
	r.points = append(r.points, l.point)
	r.stop()
}

// quiesce lets the relay end its work: no kills, no faults, and time enough for
// the longest pause.
func (r *run) quiesce() {
	r.resume()
	must(r.fevm.Mine(finality + overlap + 1))
	r.calm()
	for range 60 {
		r.pass(10 * time.Minute)
		r.step()
		if r.last == nil && r.idle() && r.unpaid() == 0 {
			break
		}
	}
}

// idle reports whether the store has nothing on its way.
func (r *run) idle() bool {
	for _, err := range r.life.store.Transactions(r.ctx, r.stark.Accounts()[r.account].Address, 0) {
		check(err)
		return false
	}
	for c, err := range r.life.store.Chunks(r.ctx, relay.ChunkQuery{Open: true}) {
		check(err)
		if !r.deal(c.Deal).contested {
			return false
		}
	}
	return true
}

// unpaid is how many chunks of live deals are earned and not paid.
func (w *world) unpaid() (n int) {
	honest := w.escrow(watcherAccount)
	live := map[attestation.Word]bool{}
	for _, d := range w.deals {
		live[d.Deal] = !d.contested && must(honest.Deal(w.ctx, d.Deal)).Active
	}
	for id := range w.earned(w.final()) {
		if live[id.Deal] && !must(honest.ChunkReleased(w.ctx, id.Deal, id.Index)) {
			n++
		}
	}
	return n
}

func (r *run) result() Result {
	result := Result{Runs: 1, Kills: len(r.points), Turns: r.turns, Calls: r.calls}
	if r.world != nil {
		result.Deals, result.Happened = len(r.deals), maps.Clone(r.happened)
		for what, n := range r.starkNode.Happened() {
			result.Happened["starknet "+what] += n
		}
	}
	if r.ledger != nil {
		result.Chunks, result.Sent, result.Reverted = len(r.ledger.payments), r.ledger.sent, len(r.ledger.reverted)
		result.Wasted = r.ledger.reverted
	}
	return result
}

// sorted returns the keys of a map of chunks in order.
func sorted[T any](m map[relay.ChunkID]T) []relay.ChunkID {
	return slices.SortedFunc(maps.Keys(m), relay.ChunkID.Compare)
}
