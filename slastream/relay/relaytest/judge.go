package relaytest

import (
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/relay"
)

// judge compares what the chains hold with what follows from them. It reads no
// store but to say what a chunk that is not paid waits for.
func (r *run) judge() (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if r.last != nil {
		say("the relay is not at rest: %v", r.last)
	}
	l := r.scan(class(r.Mode), r.account)
	r.ledger = l
	wrong = append(wrong, l.problems...)
	earned := r.earned(r.final())
	honest := r.escrow(watcherAccount)

	// The ledger is what the model says.
	token := r.token()
	for i := range 7 {
		if want, have := l.tokens.Balance(providerOf(i)), must(token.BalanceOf(r.ctx, providerOf(i))); want != have {
			say("provider %d has %v, the model says %v", i, have, want)
		}
	}
	if want, have := l.tokens.Balance(r.stark.Escrow()), must(token.BalanceOf(r.ctx, r.stark.Escrow())); want != have {
		say("the escrow has %v, the model says %v", have, want)
	}
	proofs := map[attestation.Attestation]relay.ChunkID{}
	for _, d := range r.deals {
		deal := must(honest.Deal(r.ctx, d.Deal))
		if want := l.model.Deal(d.Deal); deal != want {
			say("deal %v is %+v, the model says %+v", d.Deal.Big(), deal, want)
		}
		for index := range d.terms.Chunks {
			id := relay.ChunkID{Deal: d.Deal, Index: index}
			want, due := earned[id]
			paid := l.payments[id]
			if on := must(honest.ChunkReleased(r.ctx, id.Deal, index)); on != (len(paid) > 0) || l.events[id] != len(paid) {
				say("chunk %v: flag %v, %d payments, %d events", id, on, len(paid), l.events[id])
			}
			switch {
			case len(paid) > 1:
				say("chunk %v is paid %d times", id, len(paid))
			case len(paid) == 0 && due && deal.Active && !d.contested:
				say("chunk %v is lost: %s", id, r.whereIs(id))
			case len(paid) == 1 && !due:
				say("chunk %v is paid, and no proof earned it", id)
			case len(paid) == 1 && paid[0].Attestation != want:
				say("chunk %v is paid for %+v, it was earned by %+v", id, paid[0].Attestation, want)
			}
			for _, p := range paid {
				key := p.Attestation
				key.DealID, key.ChunkIndex = attestation.Word{}, 0
				if other, ok := proofs[key]; ok {
					say("chunks %v and %v are paid for one proof, of data set %v at %d", other, id, key.ProofSetID.Big(), key.Timestamp)
				}
				proofs[key] = id
			}
		}
	}

	// What the key has signed.
	for _, id := range sorted(r.signed) {
		if len(r.signed[id]) > 1 {
			say("%d different attestations are signed for chunk %v", len(r.signed[id]), id)
		}
		for a := range r.signed[id] {
			if want, ok := earned[id]; !ok || a != want {
				say("an attestation is signed for chunk %v that is not earned: %+v", id, a)
			}
		}
	}
	if r.unstored > 0 {
		say("%d transactions were sent before they were stored", r.unstored)
	}
	if !r.idle() {
		say("the relay's store is not at rest")
	}
	return wrong
}

// whereIs says what the store holds of a chunk.
func (r *run) whereIs(id relay.ChunkID) string {
	for c, err := range r.life.store.Chunks(r.ctx, relay.ChunkQuery{IDs: []relay.ChunkID{id}}) {
		check(err)
		return fmt.Sprintf("in the store it is %v, nonce %d, tries %d, %v %s", c.State, c.Tx.Nonce, c.Retry.Attempts, c.Retry.Class, c.Retry.Reason)
	}
	for t, err := range r.life.store.Tracks(r.ctx, relay.TrackQuery{Deal: &id.Deal}) {
		check(err)
		return fmt.Sprintf("it is not in the store; of its track %d chunks are earned, over %v, behind %v, halted %q", t.Earned, t.Over, t.Behind, t.Halted)
	}
	return "it is not in the store, and its deal is not bound"
}
