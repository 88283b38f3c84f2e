package relay

import (
	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A Binding says that the payable proofs of a data set earn the chunks of a
// deal. A deal has one data set, and a data set backs one live deal.
type Binding struct {
	Deal attestation.Word
	Set  attestation.Word
	// StartEpoch is the first Filecoin epoch whose proofs count; every relay of
	// the deal must use the same. 0 is what Config.Start says, if it is set. A deal
	// that follows another on its data set starts after the end of that: a period
	// that earned a chunk of the first halts it.
	StartEpoch uint64
}

// FirstEpoch is the first Filecoin epoch at or after a time, where genesis is the
// time of epoch 0; both are Unix seconds. It is what Config.Start answers for the
// creation of a deal. It is at least 1, for 0 names no epoch in a [Binding].
func FirstEpoch(genesis, unix uint64) uint64 {
	if unix <= genesis {
		return 1
	}
	return (unix-genesis-1)/slastream.EpochSeconds + 1
}

// A Track is a binding with what the relay knows of it: the deal's terms, which
// never change, and how far its proofs are read.
type Track struct {
	Binding
	Provider slastream.Address
	Amount   slastream.Amount // of one chunk
	Chunks   uint64           // of the deal
	Deadline uint64           // of the deal, Unix seconds

	Earned uint64 // chunks that proofs below Next have earned
	Next   uint64 // epoch from which on proofs are to be read, if Behind; else not before it
	Behind bool   // the proofs below the store's cursor are not read yet
	Over   bool   // the deal has ended or was unbound: no more is read, and the data set is free
	Halted string // why nothing is done for the deal until [Relay.Resume]; empty: it is not halted

	Version uint64 // how often the store has stored it; what [Store.Observe] and [Store.Commit] compare
}

// reading reports whether proofs are read for the track.
func (t Track) reading() bool { return !t.Over && t.Halted == "" }

// earn adds to the track what a proof earns: a chunk, or nothing if the proof is
// before the start or after the last chunk.
func (t *Track) earn(p slastream.Proof, now uint64) (Chunk, bool) {
	if p.BlockNumber < max(t.Next, t.StartEpoch) || t.Earned >= t.Chunks {
		return Chunk{}, false
	}
	c := Chunk{Deal: t.Deal, Index: t.Earned, Proof: p, Amount: t.Amount, Provider: t.Provider, Observed: now, Updated: now}
	t.Earned++
	return c, true
}
