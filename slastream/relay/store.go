package relay

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// What a [Store] says when a change does not fit what it holds.
var (
	// ErrConflict says that what a change is based on was changed since it was
	// read, by another process as a rule. Nothing was stored: read again.
	ErrConflict = errors.New("relay: the store has changed")
	// ErrBound says that the deal is bound already, or the data set to another
	// deal that is not over.
	ErrBound = errors.New("relay: already bound")
	// ErrLease says that a lease is another owner's. Whoever had it before must
	// not send anything any more.
	ErrLease = errors.New("relay: the lease is another's")
)

// A ProofUsedError says that a proving period has earned another chunk before: a
// proof pays once.
type ProofUsedError struct {
	Chunk ChunkID // the chunk that was to be stored
	By    ChunkID // the chunk that the period earned
	Key   attestation.PeriodKey
}

// Error names the period and both chunks.
func (e *ProofUsedError) Error() string {
	return fmt.Sprintf("relay: period %d of data set %s earned chunk %v and cannot earn %v", e.Key.Period, e.Key.SetID.Big(), e.By, e.Chunk)
}

// A Store holds what the relay must not forget. Each method is one transaction:
// all of it or nothing is there afterwards, and what is there survives a crash.
// Implementations are safe for concurrent use, and storetest.Run tests them.
//
// MemoryStore, boltstore and pgstore are stores. Many processes can share one if
// it says so; Lease and the versions keep them apart.
//
// Iterators show a moment or something newer, in pages as they like, and hold no
// lock while the loop body runs: it may call the store.
type Store interface {
	// Bind adds a track. It fails with [ErrBound] if there is a track of the deal,
	// or one of the data set that is not over.
	Bind(ctx context.Context, t Track) error
	// Tracks yields tracks in order of their deals.
	Tracks(ctx context.Context, q TrackQuery) iter.Seq2[Track, error]

	// Cursor returns the first epoch that was not observed, 0 for a new store.
	Cursor(ctx context.Context) (uint64, error)
	// Observe moves the cursor, replaces tracks and adds the chunks that proofs
	// earned. It fails with [ErrConflict] if the cursor is not o.From or a track
	// has another version, and with *[ProofUsedError] if a chunk's proving period
	// has earned a chunk that is not refused; and with ErrConflict if the chunk
	// exists.
	Observe(ctx context.Context, o Observation) error

	// Chunks yields chunks in order of deal and index, or, of those that are Due,
	// of the time at which they are.
	Chunks(ctx context.Context, q ChunkQuery) iter.Seq2[Chunk, error]
	// Transactions yields those of a sender in order of their nonces: all that are
	// not accepted, and those that are accepted and Due at or before the time
	// (Unix milliseconds).
	Transactions(ctx context.Context, sender slastream.Address, due uint64) iter.Seq2[Transaction, error]
	// Commit makes a change. It fails with [ErrLease] unless the lease is the
	// newest of its name, and with [ErrConflict] if a chunk or a track does not
	// exist or has another version than that of the change, or if a transaction
	// exists whose first signed transaction is another one, or if a chunk that is
	// Refused would become something else. A chunk that becomes Refused gives its
	// proving period back: it was not paid for. What is spent in an hour makes the
	// store forget what was more than [SpendHours] before, of the same scope.
	Commit(ctx context.Context, c Change) error

	// Lease gives the right to send for an account to one owner until ttl from
	// now, by the store's clock. It renews the owner's own lease under the same
	// token. Another owner's is [ErrLease] until it has run out; then the token
	// is a higher one, and Commit refuses the lower ones. ttl 0 gives the lease up.
	Lease(ctx context.Context, name, owner string, ttl time.Duration) (Lease, error)
	// Spent sums what the governor counted for a scope from an hour on; at most
	// 2^256 − 1.
	Spent(ctx context.Context, scope string, from Hour) (slastream.Amount, error)
	// Stats counts the chunks by state.
	Stats(ctx context.Context) (Stats, error)
}

// A TrackQuery chooses tracks. The zero value is all of them.
type TrackQuery struct {
	Deal   *attestation.Word // only that of the deal
	Set    *attestation.Word // only that of the data set that is not over
	Behind bool              // only those that are behind, not over and not halted
	After  attestation.Word  // only those of higher deals
	Limit  int               // at most so many; 0: all
}

// A ChunkQuery chooses chunks. The zero value is all of them.
type ChunkQuery struct {
	IDs   []ChunkID         // only these, in this order; the other fields do not count
	Deal  *attestation.Word // only those of the deal
	After *ChunkID          // only those after it in the order of deal and index; not with Due
	// Due is for the chunks that have to be looked at: those without a transaction
	// (Tx is the zero value), neither Settled nor Refused, with Retry.At at or
	// before Due (Unix milliseconds), in that order. 0 is not asked for.
	Due   uint64
	Open  bool // only those that are still to be paid: [Chunk.Open]
	Limit int  // at most so many; 0: all
}

// An Observation is what proofs earned up to an epoch.
type Observation struct {
	From, Next uint64  // the cursor before and after; the same to read behind it
	Tracks     []Track // with the versions that were read
	Chunks     []Chunk // new ones
}

// A Change is what a turn of the relay stores at once.
type Change struct {
	Lease  Lease   // what allows Put, Drop and Chunks; with the zero value, Put, Drop and a chunk with a Tx are ErrLease
	Tracks []Track // with the versions that were read; they are stored with the next one
	Chunks []Chunk // the same
	Put    []Transaction
	Drop   []TxID
	Spend  []Spend
}

// NeedsLease reports whether a change is one that only the holder of a lease may
// make.
func (c Change) NeedsLease() bool {
	return len(c.Put)+len(c.Drop) > 0 || slices.ContainsFunc(c.Chunks, func(c Chunk) bool { return c.Tx != (TxID{}) })
}

// SpendHours is how long what was spent is remembered, in hours: longer than any
// of the [Limits].
const SpendHours = 48

// A Lease is the right to send for an account.
type Lease struct {
	Name  string // the account's address
	Owner string
	Token uint64 // grows with each new owner: the fencing token
	Until time.Time
}

// An Hour is a number of full hours since the Unix epoch.
type Hour uint64

// A Spend is an amount that the governor counts for a scope: "" for all, or a
// deal or a provider.
type Spend struct {
	Scope  string
	Hour   Hour
	Amount slastream.Amount
}

// Stats are numbers of a store.
type Stats struct {
	Chunks [Refused + 1]uint64 // how many chunks are in each state
	Tracks uint64              // how many there are
	Oldest uint64              // when the oldest chunk that is open was observed, Unix milliseconds; 0 for none
}
