package relaytest

import (
	"time"

	"github.com/slastream/slastream-go/attestation"
	filecoin "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// draw is a deal of a campaign: a few chunks, and now and then a deadline that
// comes before they are earned.
func (w *world) draw() (chunks uint64, duration time.Duration) {
	duration = 30 * 24 * time.Hour
	if w.rng.IntN(5) == 0 {
		duration = time.Duration(20+w.rng.IntN(60)) * time.Minute
	}
	return 2 + w.rng.Uint64N(4), duration
}

// chance reports true in one of n cases.
func (w *world) chance(n int) bool { return w.rng.IntN(n) == 0 }

// events is what happens on the chains between two turns of the relay.
func (w *world) events() {
	for _, e := range []struct {
		name string
		in   int // one of so many turns has it
		do   func() bool
	}{
		{"proving periods", 3, w.someProve},
		{"FEVM reorganizations", 4, w.reorgFilecoin},
		{"Starknet reorganizations", 4, w.reorgStarknet},
		{"blocks accepted on L1", 3, w.acceptOnL1},
		{"deals slashed", 3, w.slash},
		{"new deals", 1, w.renew},
		{"chunks paid by a rival", 12, w.rival},
		{"nonces used elsewhere", 25, w.spendNonce},
		{"pauses", 20, w.pause},
		{"pauses ended", 3, w.unpause},
	} {
		if w.chance(e.in) && e.do() {
			w.happened[e.name]++
		}
	}
}

// someProve lets a part of the sets go through a period.
func (w *world) someProve() bool {
	var sets []uint64
	for _, set := range w.sets {
		if w.chance(3) {
			sets = append(sets, set)
		}
	}
	w.prove(sets, func() cheat {
		if w.chance(3) {
			return cheat(w.rng.IntN(int(fewerFirst) + 1))
		}
		return honest
	})
	return len(sets) > 0
}

// reorgFilecoin replaces tipsets that are not final, and half of the providers
// whose proof was in them send it again.
func (w *world) reorgFilecoin() bool {
	must(w.fevm.Reorg(1 + w.rng.Uint64N(finality)))
	for _, set := range w.sets {
		if w.chance(4) {
			_, err := w.provider.Prove(w.ctx, set)
			_ = err // there may be no period to prove any more
		}
	}
	return true
}

// reorgStarknet drops some of the newest blocks.
func (w *world) reorgStarknet() bool {
	head := w.head()
	from := max(w.floor, w.settled) + 1
	if from > head {
		return false
	}
	must(w.stark.Abort(max(from, head-min(head, w.rng.Uint64N(5)))))
	return true
}

// acceptOnL1 proves all blocks but the newest.
func (w *world) acceptOnL1() bool {
	to := w.head() - min(w.head(), 3+w.rng.Uint64N(8))
	if to <= w.settled {
		return false
	}
	must(w.stark.AcceptOnL1(to))
	w.settled = to
	return true
}

// slash ends one deal whose deadline has passed.
func (w *world) slash() bool {
	watcher := w.escrow(watcherAccount)
	for _, d := range w.deals {
		if d.ended > 0 || d.terms.Duration > uint64(24*time.Hour/time.Second) {
			continue
		}
		deal := must(watcher.Deal(w.ctx, d.Deal))
		if deal.CheckSlash(uint64(time.Now().Unix())) == nil {
			check(watcher.Slash(w.ctx, d.Deal))
			return true
		}
	}
	return false
}

// renew gives a data set whose deal is over for good another one.
func (w *world) renew() bool {
	for range 5 {
		d := w.deals[w.rng.IntN(len(w.deals))]
		switch {
		case d.replaced:
			continue
		case d.ended == 0:
			if deal := must(w.escrow(watcherAccount).Deal(w.ctx, d.Deal)); !deal.Active {
				d.ended = w.head()
			}
		case must(w.escrow(watcherAccount).Deal(w.ctx, d.Deal)).Active:
			d.ended = 0 // a reorganization took the end back
		case d.ended <= max(w.floor, w.settled) && !w.paused():
			d.replaced = true
			set, _ := d.Set.Uint64()
			chunks, duration := w.draw()
			next := w.newDeal(set, chunks, duration)
			if w.contested && w.chance(2) {
				next.StartEpoch, next.contested = d.StartEpoch, true
			}
			return true
		}
	}
	return false
}

func (w *world) paused() bool { return must(w.escrow(watcherAccount).Paused(w.ctx)) }

// rival lets another operator pay a chunk.
func (w *world) rival() bool {
	honest := w.escrow(rivalAccount)
	if w.paused() {
		return false
	}
	earned := w.earned(w.final())
	for _, id := range sorted(earned) {
		if w.deal(id.Deal).contested || !w.chance(3) || must(honest.ChunkReleased(w.ctx, id.Deal, id.Index)) || !must(honest.Deal(w.ctx, id.Deal)).Active {
			continue
		}
		w.pay(honest, earned[id])
		return true
	}
	return false
}

// pay releases a chunk as another relay does.
func (w *world) pay(as slastream.Writer, a attestation.Attestation) {
	s := must(signer.New(w.key))
	check(as.Release(w.ctx, must(s.Attest(w.ctx, signer.Request{Attestation: a, Domain: w.stark.Domain(), Evidence: attestation.Evidence{SetID: a.ProofSetID}}))))
}

// spendNonce sends something else from the relay's account.
func (w *world) spendNonce() bool {
	must(w.account(relayAccount).Execute(w.ctx))
	return true
}

func (w *world) pause() bool {
	if w.paused() {
		return false
	}
	check(w.escrow(ownerAccount).Pause(w.ctx))
	return true
}

func (w *world) unpause() bool {
	if !w.paused() {
		return false
	}
	check(w.escrow(ownerAccount).Unpause(w.ctx))
	return true
}

// resume ends a pause for good.
func (w *world) resume() {
	w.unpause()
	w.keep()
}

// bad chooses how the nodes fail in the next life of the relay.
func (r *run) bad() {
	if r.Quiet {
		return
	}
	f, s := filecoin.Faults{}, simulated.Faults{}
	lies := filecoin.Faults{}
	switch r.fates.IntN(4) {
	case 0: // all is well
	case 1: // a bad day
		f = filecoin.Faults{Unavailable: 0.1, Fail: 0.1, Stale: 0.1}
		lies = filecoin.Faults{Lie: 0.2, DropLogs: 0.2, Stale: 0.1}
		s = simulated.Faults{TooManyRequests: 0.05, ServerError: 0.05, Lost: 0.05, Truncate: 0.03, WrongID: 0.03, Drop: 0.1, Reorder: 0.1}
	case 2: // a bad provider
		lies = filecoin.Faults{Lie: 0.5, DropLogs: 0.5}
		s = simulated.Faults{Null: 0.03, OtherBlock: 0.03, OldHead: 0.08}
	case 3: // a bad network
		f = filecoin.Faults{Unavailable: 0.2}
		s = simulated.Faults{Lost: 0.2, Drop: 0.2, Reorder: 0.2}
	}
	for i, n := range r.fevmNodes {
		faults := f
		if i == 0 {
			faults = lies
		}
		faults.Seed = r.fates.Uint64()
		n.Set(faults)
	}
	s.Seed = r.fates.Uint64()
	r.starkNode.Set(s)
}
