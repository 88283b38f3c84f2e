package relay

import (
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A State says how far a chunk has come. Each state is in the store before the
// next effect happens.
type State uint8

const (
	Observed State = iota // a final proof earned the chunk
	Attested              // the attestation is signed
	Stored                // the release transaction is signed and numbered, perhaps sent
	Sent                  // the node took the transaction
	Released              // the escrow has paid the chunk; the end
	Refused               // the escrow will never pay the chunk; the end
)

// String returns the state in lower case.
func (s State) String() string {
	names := [...]string{"observed", "attested", "stored", "sent", "released", "refused"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Open reports whether the chunk still has a way to go.
func (s State) Open() bool { return s < Released }

// A Chunk is one chunk of one deal with the proof that earned it.
type Chunk struct {
	Deal    attestation.Word
	Index   uint64 // ordinal of the proving period among the payable ones since the start, from 0
	Proof   slastream.Proof
	State   State
	Signed  attestation.Signed // from Attested on, unless Batched
	Tx      slastream.SignedTx // from Stored on; the zero value if the chunk was paid before this relay sent anything
	Batched bool               // Tx releases other chunks too, all with one signature
	Reason  string             // why the escrow refused, in state Refused
}

// withoutTx returns the chunk as it was before it had a transaction.
func (c Chunk) withoutTx() Chunk {
	c.Tx, c.State = slastream.SignedTx{}, Attested
	if c.Batched {
		c.Batched, c.State = false, Observed
	}
	return c
}

// attestation is the statement that the chunk's proof makes.
func (c Chunk) attestation() attestation.Attestation {
	return attestation.Attestation{
		DealID:     c.Deal,
		ChunkIndex: c.Index,
		ProofSetID: c.Proof.SetID,
		RootCID:    c.Proof.RootCID,
		Timestamp:  c.Proof.Timestamp,
	}
}
