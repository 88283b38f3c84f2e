package watch

import (
	"context"

	"github.com/slastream/slastream-go/attestation"
)

// A Slasher ends deals. slastream.Writer is one, and so is starknet.Escrow with
// an account.
type Slasher interface {
	// Slash sends the transaction that ends a deal. It may return as soon as the
	// transaction is sent or once it is accepted: the tower looks at the deal
	// itself. A *slastream.RevertError says that the deal was not ended by this
	// call, and if it has a transaction hash, a fee was paid; after any other error
	// it may have been. It is called from many goroutines if Config.Parallel is more
	// than 1: an account that sends one after the other lets the rest wait, and what
	// Pending said of those is older by that.
	Slash(ctx context.Context, deal attestation.Word) error
}

// A Clock tells the time of the chain, which the contract compares deadlines
// with: the timestamp of the newest block, in Unix seconds. The timestamp of the
// pre-confirmed block gains the time of a block.
type Clock interface {
	Now(ctx context.Context) (uint64, error)
}

// A Pending knows of releases that are on their way: signed and sent, or in the
// node's pre-confirmed block, and not yet in the state that the tower reads.
type Pending interface {
	// ReleasePending reports whether a valid release of a chunk of the deal may
	// still be accepted. An error counts as yes.
	ReleasePending(ctx context.Context, deal attestation.Word) (bool, error)
}

// A Notifier delivers alerts; [Webhook] is one. It returns nil once the receiver
// has the alert for good. After any error the same alert, with the same id,
// comes again, so the receiver must know ids that it has seen. It is called from
// many goroutines if Config.Parallel is more than 1.
type Notifier interface {
	Notify(ctx context.Context, a Alert) error
}

// A Store keeps one document: all that a tower must not forget. [FileStore] and
// [MemoryStore] are stores; a row of a database or an object of a bucket can be
// one. One tower uses one store, and makes one call at a time.
type Store interface {
	// Load returns the document of the last Save, nil if there was none.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces the document: after a crash Load returns the old one or the
	// new one, whole. Once Save has returned nil it returns the new one.
	Save(ctx context.Context, document []byte) error
}

// A Locker is a [Store] that a tower takes before it reads it, so that a second
// one is refused, and gives back when Run or Step returns. What another tower
// stored in between is an [ErrInUse].
type Locker interface {
	// Lock takes the store until unlock is called, or the process ends. It does
	// not wait: a store that is taken is an ErrInUse.
	Lock(ctx context.Context) (unlock func() error, err error)
}
