package relaytest

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// A fleet is three relays of one world, each with a store, a journal, an account
// and endpoints of its own.
type fleet struct {
	*world
	runs []*run
}

var fleetAccounts = []int{relayAccount, secondAccount, thirdAccount}

func newFleet(t *testing.T, c Campaign) fleet {
	f := fleet{world: newWorld(t.Context(), c.Seed, class(c.Mode))}
	for i, account := range fleetAccounts {
		one := c
		one.Seed = c.Seed<<8 + uint64(i)
		r := newRun(t, one)
		r.name, r.account = fmt.Sprintf("relay %c", 'a'+i), account
		r.join(f.world)
		f.runs = append(f.runs, r)
	}
	return f
}

// Agree lets three relays that share nothing work on the same deals, and fails t
// unless all of them come to the same attestations, byte for byte. They begin at
// different times, are away for a while, are killed, use different endpoints that
// fail and lie, and lose their stores.
func Agree(t *testing.T, c Campaign) {
	t.Helper()
	c.Seed = fromEnvironment(t, "SLASTREAM_SEED", c.Seed)
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, c)
		f.open(20, f.draw)
		for round := range 90 {
			f.events()
			f.pass(time.Duration(15+f.rng.IntN(60)) * time.Second)
			for i, r := range f.runs {
				away := round < 15*i || (round/10)%4 == i+1
				switch {
				case away && r.life != nil:
					r.stop()
				case away:
				case r.life == nil:
					if f.chance(12) {
						r.lose()
					}
					r.bad()
					r.startDoomed()
				}
				if r.life != nil {
					r.step()
				}
			}
		}
		f.resume()
		must(f.fevm.Mine(finality + overlap + 1))
		for i, r := range f.runs {
			r.calm()
			for range 40 {
				f.pass(10 * time.Minute)
				r.step()
				if r.last == nil && r.idle() && (i > 0 || f.unpaid() == 0) {
					break
				}
			}
			if r.last != nil || !r.idle() {
				t.Errorf("seed %d: %s is not at rest: %v", c.Seed, r.name, r.last)
			}
		}
		earned := f.earned(f.final())
		for _, r := range f.runs {
			for _, what := range r.differs(earned) {
				t.Errorf("seed %d: %s: %s", c.Seed, r.name, what)
			}
		}
		if n := f.unpaid(); n > 0 {
			t.Errorf("seed %d: %d chunks are not paid", c.Seed, n)
		}
		kills, paid := 0, len(f.scan(class(c.Mode), fleetAccounts...).payments)
		for _, r := range f.runs {
			kills += len(r.points)
		}
		t.Logf("%d chunks are earned and %d paid, with %d kills", len(earned), paid, kills)
	})
}

// lose takes the store away. The journal of the signer stays: it is what the
// guard swears by.
func (r *run) lose() {
	r.open = r.newStore(r.t)
	r.sources = nil
	r.happened["stores lost"]++
}

// differs says where what the relay stored and signed is not what was earned. A
// chunk of a deal that is not over must be in the store.
func (r *run) differs(earned map[relay.ChunkID]attestation.Attestation) (what []string) {
	have := map[relay.ChunkID]bool{}
	for c, err := range r.life.store.Chunks(r.ctx, relay.ChunkQuery{}) {
		check(err)
		have[c.ID()] = true
		p := c.Proof
		a := attestation.Attestation{DealID: c.Deal, ChunkIndex: c.Index, ProofSetID: p.SetID, RootCID: p.RootCID, Timestamp: p.Timestamp}
		if !same(a, earned[c.ID()]) {
			what = append(what, fmt.Sprintf("the store has %+v for chunk %v, earned by %+v", a, c.ID(), earned[c.ID()]))
		}
		if c.Signed != (attestation.Signed{}) && !same(c.Signed.Attestation, a) {
			what = append(what, fmt.Sprintf("the store has a signature of %+v for chunk %v", c.Signed.Attestation, c.ID()))
		}
	}
	for id, all := range r.signed {
		for a := range all {
			if !same(a, earned[id]) {
				what = append(what, fmt.Sprintf("%+v was signed for chunk %v, earned by %+v", a, id, earned[id]))
			}
		}
	}
	honest := r.escrow(watcherAccount)
	for _, id := range sorted(earned) {
		if !have[id] && must(honest.Deal(r.ctx, id.Deal)).Active {
			what = append(what, fmt.Sprintf("chunk %v is not in the store", id))
		}
	}
	return what
}

func same(a, b attestation.Attestation) bool {
	x, y := a.Bytes(), b.Bytes()
	return bytes.Equal(x[:], y[:])
}

// Stagger lets three relays of different operators, with no common store, take
// turns by Config.Peers, and one of them end for good. It fails t if more than one
// in twenty of their transactions is for a chunk that another had paid, or if a
// chunk is paid later than twice Config.Stagger after it could be.
func Stagger(t *testing.T, c Campaign) {
	t.Helper()
	c.Seed = fromEnvironment(t, "SLASTREAM_SEED", c.Seed)
	const delta = 2 * time.Minute
	synctest.Test(t, func(t *testing.T) {
		configure := c.Configure
		c.Configure = func(config *relay.Config) {
			config.Peers, config.Stagger = []string{"relay a", "relay b", "relay c"}, delta
			if configure != nil {
				configure(config)
			}
		}
		f := newFleet(t, c)
		f.open(20, func() (uint64, time.Duration) { return 12, 30 * 24 * time.Hour })
		for _, r := range f.runs {
			r.start(&process{})
		}
		seen := map[relay.ChunkID]uint64{} // when it could be paid: Unix seconds
		for round := range 150 {
			if round%5 == 0 && round < 130 {
				f.someProve()
			}
			f.pass(time.Duration(20+f.rng.IntN(20)) * time.Second)
			for id := range f.earned(f.final()) {
				if _, ok := seen[id]; !ok {
					seen[id] = uint64(time.Now().Unix())
				}
			}
			for i, r := range f.runs {
				if i != 1 || round < 60 {
					r.step()
				}
			}
		}
		l := f.scan(class(c.Mode), fleetAccounts...)
		by, latest := map[slastream.Address]int{}, uint64(0)
		for id, at := range seen {
			paid := l.payments[id]
			if len(paid) != 1 {
				t.Errorf("seed %d: chunk %v is paid %d times", c.Seed, id, len(paid))
				continue
			}
			by[paid[0].sender]++
			latest = max(latest, paid[0].at-at)
		}
		t.Logf("%d chunks, %d transactions, %d of them in vain; the last chunk came after %d s; by relay: %v", len(seen), l.sent, len(l.reverted), latest, by)
		if len(l.reverted)*20 > l.sent {
			t.Errorf("seed %d: %d of %d transactions were in vain", c.Seed, len(l.reverted), l.sent)
		}
		if time.Duration(latest)*time.Second >= 2*delta {
			t.Errorf("seed %d: a chunk was paid %d s after it could be, want less than %v", c.Seed, latest, 2*delta)
		}
		if len(by) != len(f.runs) {
			t.Errorf("seed %d: %d relays paid something, want all", c.Seed, len(by))
		}
	})
}
