package relaytest

import (
	"errors"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	filecoin "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/slastream/relay"
)

// A cheat is how a provider proves once.
type cheat uint8

const (
	honest     cheat = iota
	twice            // sends the same proof again
	fewer            // answers too few challenges: the period earns nothing
	sleeps           // opens the period and proves nothing
	fewerFirst       // answers too few challenges, then enough: too late
)

// prove takes the sets through one proving period.
func (w *world) prove(sets []uint64, how func() cheat) {
	if len(sets) == 0 {
		return
	}
	opened := map[uint64]bool{}
	challenge := w.fevm.Head() + uint64(len(sets)) + 12
	for _, set := range sets {
		_, err := w.provider.NextProvingPeriod(w.ctx, set, challenge)
		opened[set] = err == nil
		w.tolerate(err)
	}
	if head := w.fevm.Head(); head < challenge {
		must(w.fevm.Mine(challenge - head))
	}
	for _, set := range sets {
		if opened[set] {
			w.proveAs(set, how())
		}
	}
}

func (w *world) proveAs(set uint64, how cheat) {
	if how == sleeps {
		return
	}
	if how == fewer || how == fewerFirst {
		proof, err := w.provider.Proof(w.ctx, set, 2)
		w.tolerate(err)
		if err == nil {
			_, err = w.provider.Submit(w.ctx, proof)
			w.tolerate(err)
		}
	}
	if how == fewer {
		return
	}
	for range 1 + int(how&1) {
		_, err := w.provider.Prove(w.ctx, set)
		w.tolerate(err)
	}
	w.happened["proofs"]++
}

// tolerate lets a contract refuse: after a reorganization a provider can be
// where it did not expect to be.
func (w *world) tolerate(err error) {
	if _, ok := errors.AsType[*filecoin.RevertError](err); !ok {
		check(err)
	}
}

// A period is a payable proving period of a data set, as the final chain shows
// it.
type period struct {
	attestation.Attestation // without deal and chunk
	epoch                   uint64
	challenge               uint64
}

// periods reads the payable periods of all data sets from the chain up to an
// epoch: the first proof of a period pays if it has five challenges. It shares
// no code with package policy.
func (w *world) periods(to uint64) map[attestation.Word][]period {
	type state struct {
		challenge uint64
		proven    bool
	}
	states, found := map[attestation.Word]state{}, map[attestation.Word][]period{}
	for l, err := range w.logs.Logs(w.ctx, attestation.EthereumAddress(w.fevm.Verifier()), filecoin.EpochAt(uint64(w.began.Unix())), to) {
		check(err)
		event, err := fevm.ParseLog(&l)
		if errors.Is(err, fevm.ErrUnknownEvent) {
			continue
		}
		check(err)
		switch e := event.(type) {
		case fevm.NextProvingPeriod:
			challenge, _ := e.ChallengeEpoch.Uint64()
			states[e.SetID] = state{challenge, false}
		case fevm.PossessionProven:
			s := states[e.SetID]
			if s.proven || s.challenge == 0 {
				continue
			}
			s.proven = true
			states[e.SetID] = s
			if len(e.Challenges) < 5 {
				continue
			}
			piece, _ := e.Challenges[0].PieceID.Uint64()
			found[e.SetID] = append(found[e.SetID], period{
				Attestation: attestation.Attestation{ProofSetID: e.SetID, RootCID: w.roots[e.SetID][piece], Timestamp: filecoin.Genesis + filecoin.EpochSeconds*l.BlockNumber},
				epoch:       l.BlockNumber, challenge: s.challenge,
			})
		}
	}
	return found
}

// earned is the map from chunks to what must be attested for them, as of an
// epoch.
func (w *world) earned(to uint64) map[relay.ChunkID]attestation.Attestation {
	periods, chunks := w.periods(to), map[relay.ChunkID]attestation.Attestation{}
	for _, d := range w.deals {
		index := uint64(0)
		for _, p := range periods[d.Set] {
			if p.epoch < d.StartEpoch || index >= d.terms.Chunks {
				continue
			}
			a := p.Attestation
			a.DealID, a.ChunkIndex = d.Deal, index
			chunks[relay.ChunkID{Deal: d.Deal, Index: index}] = a
			index++
		}
	}
	return chunks
}
