package relay

import (
	"context"
	"iter"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A ProofSource yields the proofs that earn something. fevm/policy.Source is
// one.
type ProofSource interface {
	// Head returns the newest Filecoin epoch whose proofs count as final.
	Head(ctx context.Context) (uint64, error)
	// Proofs yields the payable proofs of one data set whose epoch is in
	// [from, to], in chain order, one for each proving period. The answer for a
	// range is the same whenever and by whomever it is asked.
	Proofs(ctx context.Context, set attestation.Word, from, to uint64) iter.Seq2[slastream.Proof, error]
}

// A Submitter signs releases of one account and sends nothing.
type Submitter interface {
	// Nonce returns the account's next nonce on chain: the executed
	// transactions count, those that wait in the node do not.
	Nonce(ctx context.Context) (uint64, error)
	// SignRelease returns the signed transaction of release_chunk with that
	// nonce. A *slastream.RevertError says that it would revert now.
	SignRelease(ctx context.Context, signed attestation.Signed, nonce uint64) (slastream.SignedTx, error)
}

// A Batcher signs the release of many chunks, like [Submitter.SignRelease]. It
// is for an escrow whose class has release_batch; the signature is that of an
// attestation.Batch.
type Batcher interface {
	SignReleaseBatch(ctx context.Context, items []attestation.Attestation, sig attestation.Signature, nonce uint64) (slastream.SignedTx, error)
}

// A Broadcaster sends transactions and tells what became of them.
type Broadcaster interface {
	// Send hands a transaction to the node. Sending the same one again is no
	// error. After any error the transaction may still have arrived.
	Send(ctx context.Context, tx slastream.SignedTx) error
	// Status says how far a transaction has come.
	Status(ctx context.Context, hash attestation.Word) (slastream.TxStatus, error)
}

// An Escrow is what the relay needs of the escrow and of its own account.
// starknet.Escrow with an account is one. Reader answers from accepted blocks.
// The account must be the relay's alone: another sender would take its nonces.
type Escrow interface {
	slastream.Reader
	Submitter
	Broadcaster
}

// A Store holds the relay's chunks. Each method is one transaction: all of it
// or nothing is there afterwards. One relay uses one store.
type Store interface {
	// Cursor returns the next epoch to observe for a deal and how many chunks
	// it has earned so far; ok is false if the deal was never observed.
	Cursor(ctx context.Context, deal attestation.Word) (next, earned uint64, ok bool, err error)
	// Observe adds newly earned chunks and sets what Cursor answers for the deal,
	// in one transaction. It fails with [ErrProofUsed] if a chunk's proving
	// period already earned another chunk; nothing is stored then.
	Observe(ctx context.Context, deal attestation.Word, next, earned uint64, chunks []Chunk) error
	// Update replaces chunks that were observed, all in one transaction: those
	// of a batch share theirs on chain. One that becomes Refused gives its
	// proving period back: it was not paid for.
	Update(ctx context.Context, chunks ...Chunk) error
	// Chunks yields all chunks in order of deal and index; with open, only
	// those that are not at their end.
	Chunks(ctx context.Context, open bool) iter.Seq2[Chunk, error]
}
