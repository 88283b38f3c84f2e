package relay

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A State says how far a chunk, or the transaction that releases it, has come.
// Each state is in the store before the next effect happens.
type State uint8

const (
	Observed State = iota // a proof that the source calls final earned the chunk
	Final                 // the source showed the proof a second time, and the escrow wants the chunk
	Attested              // the attestation is signed
	Stored                // the release transaction is signed and numbered, perhaps sent
	Sent                  // the node took the transaction
	Accepted              // the escrow has paid the chunk in a block accepted on L2; it is looked at again
	Settled               // that block is accepted on L1; the end
	Refused               // the escrow will never pay the chunk; the end
)

// String returns the state in lower case.
func (s State) String() string {
	names := [...]string{"observed", "final", "attested", "stored", "sent", "accepted", "settled", "refused"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText writes the state as String does.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Open reports whether a chunk in that state is still to be paid, as a rule:
// [Chunk.Open] knows more.
func (s State) Open() bool { return s < Accepted }

// A ChunkID names one chunk of one deal. It is comparable.
type ChunkID struct {
	Deal  attestation.Word `json:"deal"`
	Index uint64           `json:"index"`
}

// String returns the deal as a decimal number and the chunk, as 7/0.
func (id ChunkID) String() string { return fmt.Sprintf("%s/%d", id.Deal.Big(), id.Index) }

// Compare orders chunks by deal, then by index.
func (id ChunkID) Compare(other ChunkID) int {
	return cmp.Or(id.Deal.Cmp(other.Deal), cmp.Compare(id.Index, other.Index))
}

// A Chunk is one chunk of one deal with the proof that earned it. Times are
// Unix milliseconds.
type Chunk struct {
	Deal     attestation.Word
	Index    uint64 // ordinal of the proving period among the payable ones since the start, from 0
	Proof    slastream.Proof
	Amount   slastream.Amount  // what the chunk pays, without collateral
	Provider slastream.Address // who is paid
	State    State
	Signed   attestation.Signed // from Attested on; the signature is that of the batch if Batched
	Batched  bool               // the signature is that of an attestation.Batch: that of its transaction's chunks, in order
	Tx       TxID               // from Stored on; the zero value if the chunk was paid before this relay sent anything
	TxHash   attestation.Word   // from Accepted on, of the transaction that paid, if it is one of this relay
	Retry    Retry
	Counted  bool   // the governor has counted Amount
	Observed uint64 // when it was observed
	Updated  uint64 // when it came into State
	Version  uint64 // how often the store has stored it; what [Store.Commit] compares
}

// Open reports whether the chunk is still to be paid. It is not if its deal is
// over, and only that this is accepted on L1 is waited for.
func (c Chunk) Open() bool { return c.State.Open() && c.Retry.Class != ClassOver }

// ID returns what names the chunk.
func (c Chunk) ID() ChunkID { return ChunkID{c.Deal, c.Index} }

// withoutTx returns the chunk as it was before it had a transaction. The
// signature of a batch serves no other batch.
func (c Chunk) withoutTx() Chunk {
	c.Tx, c.State = TxID{}, Attested
	if c.Batched {
		c.Signed, c.Batched, c.State = attestation.Signed{}, false, Final
	}
	return c
}

// Attestation is the statement that the chunk's proof makes. What Signed holds can
// be older: a guard answers with what it signed first.
func (c Chunk) Attestation() attestation.Attestation {
	return attestation.Attestation{
		DealID:     c.Deal,
		ChunkIndex: c.Index,
		ProofSetID: c.Proof.SetID,
		RootCID:    c.Proof.RootCID,
		Timestamp:  c.Proof.Timestamp,
	}
}

// A TxID names a transaction of the relay by what the chain lets be used once:
// the nonce of an account.
type TxID struct {
	Sender slastream.Address `json:"sender"`
	Nonce  uint64            `json:"nonce"`
}

// A Transaction is what the relay signed for one nonce: one release or many.
// Times are Unix milliseconds.
type Transaction struct {
	TxID
	// Signed is what was signed for the nonce, newest last: the later ones have
	// higher fees. Any of them can be included, and only one.
	Signed []slastream.SignedTx
	Chunks []ChunkID // what it releases, in the order of its calls or of its batch
	State  State     // Stored, Sent or Accepted; a settled one is dropped
	Due    uint64    // when to look at it again, in state Accepted
	Stored uint64    // when the newest of Signed was stored
}

// newest returns what is sent.
func (t Transaction) newest() slastream.SignedTx { return t.Signed[len(t.Signed)-1] }

// clone returns a copy that shares nothing with t.
func (t Transaction) clone() Transaction {
	t.Signed, t.Chunks = slices.Clone(t.Signed), slices.Clone(t.Chunks)
	for i := range t.Signed {
		t.Signed[i].Body = slices.Clone(t.Signed[i].Body)
	}
	return t
}
