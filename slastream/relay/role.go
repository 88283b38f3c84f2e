package relay

import (
	"context"
	"errors"
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

// A Feed is a [ProofSource] that yields the proofs of all data sets at once, so
// that a turn costs as much as there are new proofs and not as there are data
// sets. What it yields for a set is what Proofs does.
type Feed interface {
	All(ctx context.Context, from, to uint64) iter.Seq2[slastream.Proof, error]
}

// A Confirmer is a [ProofSource] that looks at a proof once more, just before it
// is signed for. An error with a method Orphaned() bool that answers true, or one
// that wraps [ErrOrphaned], means that the proof is no longer on its chain:
// finality was not what the source said, and the deal is halted until somebody
// has looked. It is called by Config.Workers goroutines at the same time.
type Confirmer interface {
	Confirm(ctx context.Context, p slastream.Proof) error
}

// ErrOrphaned says that a proof which was final is no longer on its chain.
var ErrOrphaned = errors.New("relay: a final proof is gone")

func orphaned(err error) bool {
	says, ok := errors.AsType[interface {
		error
		Orphaned() bool
	}](err)
	return errors.Is(err, ErrOrphaned) || ok && says.Orphaned()
}

// A SetChecker is a [ProofSource] that knows whether a data set can back a deal.
type SetChecker interface {
	CheckSet(ctx context.Context, set attestation.Word) error
}

// A Submitter signs releases of one account and sends nothing.
type Submitter interface {
	// Account returns the address of the account.
	Account() slastream.Address
	// Nonce returns the account's next nonce on chain: the executed
	// transactions count, those that wait in the node do not.
	Nonce(ctx context.Context) (uint64, error)
	// SignRelease returns the signed transaction of release_chunk with that
	// nonce. A *slastream.RevertError says that it would revert now. The same
	// signed release and nonce need not give the same transaction: fees change.
	SignRelease(ctx context.Context, signed attestation.Signed, nonce uint64) (slastream.SignedTx, error)
}

// A Batcher signs the release of many chunks, like [Submitter.SignRelease]. It
// is for an escrow whose class has release_batch; the signature is that of an
// attestation.Batch.
type Batcher interface {
	SignReleaseBatch(ctx context.Context, items []attestation.Attestation, sig attestation.Signature, nonce uint64) (slastream.SignedTx, error)
}

// A Multicaller signs many releases in one transaction, each with a signature of
// its own, like [Submitter.SignRelease]. An error with a method Fit() int says
// that so many do not fit into a transaction, and how many should; that goes for
// a [Batcher] too.
type Multicaller interface {
	SignReleases(ctx context.Context, signed []attestation.Signed, nonce uint64) (slastream.SignedTx, error)
}

// A Bumper makes a transaction with higher fees that replaces one that does not
// get in, with the same nonce and the same calls. It sends nothing.
type Bumper interface {
	Bump(ctx context.Context, tx slastream.SignedTx) (slastream.SignedTx, error)
}

// A Broadcaster sends transactions and tells what became of them.
type Broadcaster interface {
	// Send hands a transaction to the node. Sending the same one again is no
	// error. After any error the transaction may still have arrived.
	Send(ctx context.Context, tx slastream.SignedTx) error
	// Status says how far a transaction has come.
	Status(ctx context.Context, hash attestation.Word) (slastream.TxStatus, error)
}

// A SettledReader is an [Escrow] that answers from the newest block accepted on
// L1, too: no reorganization of Starknet takes that back. What it answers about a
// deal that is not there yet is false and the zero Deal.
//
// With one, a chunk that somebody else paid is [Settled], and one of a deal that
// is over [Refused], when that block says so. Without one, the first is when it
// was seen to be paid again after Config.SettleAfter, and the second after a
// second answer of the node.
type SettledReader interface {
	ChunkSettled(ctx context.Context, deal attestation.Word, chunk uint64) (bool, error)
	DealSettled(ctx context.Context, id attestation.Word) (slastream.Deal, error)
}

// An Escrow is what the relay needs of the escrow and of its own account.
// starknet.Escrow with an account is one; it is a [Batcher], a [Multicaller], a
// [Bumper] and a [SettledReader] too. Reader and State answer from accepted
// blocks; Deal and ChunkReleased, and what a SettledReader has, are called by
// Config.Workers goroutines at the same time. The account must be the relay's
// alone: another sender would take its nonces.
//
// An escrow of yours that changes what is signed embeds this interface and not a
// *starknet.Escrow, whose SignReleases and Bump would know nothing of the change.
type Escrow interface {
	slastream.Reader
	slastream.State
	Submitter
	Broadcaster
}

// A Recorder keeps a history of what was paid, such as package slastream/audit:
// what this relay paid when it is accepted, and what others paid when it is
// settled. It is told just before the store is, so it can be told twice and must
// not mind.
type Recorder interface {
	Record(ctx context.Context, p Payment) error
}

// A Payment is a transaction of the relay that the escrow accepted, or chunks that
// others paid: then Tx and Status are zero, and a chunk has a signature only if
// this relay had signed for it.
type Payment struct {
	Tx      slastream.SignedTx
	Status  slastream.TxStatus
	Chunks  []Chunk // in the order of its calls or of its batch
	Batched bool    // one signature for all: that of each of the chunks
}

// An Observer is told what happens, for metrics. Its methods must return at
// once.
type Observer interface {
	// Moved says that a chunk came from a state into c.State.
	Moved(c Chunk, from State)
	// Sent says that a transaction was handed to the node, or why not.
	Sent(tx Transaction, err error)
	// Turned says what a turn did.
	Turned(r Report, err error)
}
