package relaytest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slastream/slastream-go/attestation"
	filecoin "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// A Scenario is a world with one relay that a test drives turn by turn, for what a
// campaign finds and what must not come back. Its methods fail the test when the
// world itself fails.
type Scenario struct {
	t testing.TB
	r *run
}

// Play runs f with a new world, in a bubble of testing/synctest: the clock stands
// still but in Pass. Of the campaign Kills does not count.
func Play(t *testing.T, c Campaign, f func(t *testing.T, s *Scenario)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, c)
		r.join(newWorld(t.Context(), c.Seed, class(c.Mode)))
		defer func() {
			if p, ok := recover().(worldError); ok {
				t.Fatalf("the test's own world failed: %v", p.error)
			}
		}()
		f(t, &Scenario{t, r})
	})
}

// Filecoin is the node of the data sets.
func (s *Scenario) Filecoin() *filecoin.Node { return s.r.fevm }

// Endpoints are the three ways to Filecoin that the relay has: two must agree.
func (s *Scenario) Endpoints() []*filecoin.FaultyNode { return s.r.fevmNodes }

// Starknet is the relay's way to the node of the escrow.
func (s *Scenario) Starknet() *simulated.FaultyNode { return s.r.starkNode }

// Deal opens a deal for a data set of its own, which the next process binds.
func (s *Scenario) Deal(chunks uint64, duration time.Duration) attestation.Word {
	d := s.r.newDeal(s.r.newSet(), chunks, duration)
	return d.Deal
}

// Prove takes the data sets of deals through one proving period. The proofs are
// not final yet.
func (s *Scenario) Prove(deals ...attestation.Word) {
	var sets []uint64
	for _, id := range deals {
		set, _ := s.r.deal(id).Set.Uint64()
		sets = append(sets, set)
	}
	s.r.prove(sets, func() cheat { return honest })
}

// ProveAgain sends the proof of the present proving period of a deal's data set
// once more.
func (s *Scenario) ProveAgain(deal attestation.Word) {
	set, _ := s.r.deal(deal).Set.Uint64()
	s.r.proveAs(set, honest)
}

// Finalize lets so many epochs pass on Filecoin that all proofs are final.
func (s *Scenario) Finalize() { must(s.r.fevm.Mine(finality + overlap + 1)) }

// Pass lets time pass on both chains.
func (s *Scenario) Pass(d time.Duration) { s.r.pass(d) }

// Slash ends a deal whose deadline has passed.
func (s *Scenario) Slash(deal attestation.Word) {
	check(s.r.escrow(watcherAccount).Slash(s.r.ctx, deal))
}

// Rival lets another operator pay a chunk that is earned.
func (s *Scenario) Rival(deal attestation.Word, chunk uint64) {
	s.r.pay(s.r.escrow(rivalAccount), s.r.earned(s.r.final())[relay.ChunkID{Deal: deal, Index: chunk}])
}

// State is what the escrow has of a deal.
func (s *Scenario) State(deal attestation.Word) slastream.Deal {
	return must(s.r.escrow(watcherAccount).Deal(s.r.ctx, deal))
}

// Restart ends the relay's process, if there is one, and starts another on the
// same store.
func (s *Scenario) Restart() { s.restart(&process{}) }

func (s *Scenario) restart(p *process) {
	if s.r.life != nil {
		s.r.stop()
	}
	s.r.start(p)
}

// RestartToDie starts a process that is killed at the first call with that name
// (as the kill points of a Failure have it, without the number), before or after
// its effect.
func (s *Scenario) RestartToDie(call string, after bool) {
	s.restart(&process{killAt: 1, name: call, after: after})
}

// Lose takes the store from the relay, which must be started again.
func (s *Scenario) Lose() {
	if s.r.life != nil {
		s.r.stop()
	}
	s.r.lose()
}

// Turn takes one turn of the relay and returns its error. dead reports that it was
// killed.
func (s *Scenario) Turn() (dead bool, err error) {
	s.r.last = nil
	s.r.step()
	return s.r.life == nil, s.r.last
}

// Rest takes turns, ten minutes apart, until nothing is left to do, on nodes
// without faults; then it fails the test for everything that is wrong on the
// chains. It returns how many transactions of the relay reverted.
func (s *Scenario) Rest() (reverted int) {
	s.t.Helper()
	s.r.quiesce()
	if wrong := s.r.judge(); len(wrong) > 0 {
		s.t.Fatal(strings.Join(wrong, "\n"))
	}
	return len(s.r.ledger.reverted)
}

// Again opens another deal for the data set of a deal that is over.
func (s *Scenario) Again(deal attestation.Word, chunks uint64, duration time.Duration) attestation.Word {
	old := s.r.deal(deal)
	old.replaced = true
	set, _ := old.Set.Uint64()
	return s.r.newDeal(set, chunks, duration).Deal
}

// Drop is a reorganization of Starknet: it drops the newest blocks.
func (s *Scenario) Drop(blocks uint64) { must(s.r.stark.Abort(s.r.head() - blocks + 1)) }

// Height is the number of the newest block of Starknet.
func (s *Scenario) Height() uint64 { return s.r.head() }
