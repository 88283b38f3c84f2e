package chain

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
)

// Defaults of a [FollowerConfig].
const (
	DefaultOverlap  = 120              // epochs: an hour
	DefaultMaxReorg = 900              // epochs: Filecoin's finality
	DefaultPoll     = 15 * time.Second // half an epoch
)

// A FollowerConfig says what to follow. Only Query.Address has no default.
type FollowerConfig struct {
	Query Query // From is where to begin; To, if not 0, is where to end
	// Overlap is how many epochs below the newest that was read are read again in
	// each turn. Nodes leave logs out for a while after a tipset is executed.
	Overlap uint64
	// MaxReorg is how deep a reorganisation is looked for. Logs that are deeper
	// below the head are final and forgotten.
	MaxReorg uint64
	Poll     time.Duration // pause between two turns
	// Wake, if not nil, waits until something may be new, such as for a message of
	// eth_subscribe. It ends a pause early and decides nothing else: subscriptions
	// on Filecoin number logs wrongly and end without a word. An error means that
	// it cannot tell now.
	Wake   func(context.Context) error
	Logger *slog.Logger // nil discards
}

// A Kind is what an [Update] says.
type Kind uint8

// What an [Update] says.
const (
	Observed  Kind = iota // the chain has the log
	Retracted             // the chain has the log no more: a reorganisation
	Progress              // no log, but the cursor moved
)

// An Update is a step of a [Follower].
type Update struct {
	Kind Kind
	// Log is what was seen. Of a retracted one only the address and the place on
	// the chain are kept, and Removed is true.
	Log    types.Log
	ID     attestation.Word // names the log in its block: the same when it is seen again, and when it is retracted
	Head   uint64           // newest epoch that counts as final for the reader
	Cursor Cursor           // where to go on once the update is dealt with
}

// A Follower follows the logs of a contract. It keeps nothing itself: see
// [Cursor]. It is safe for concurrent use.
type Follower struct {
	reader Reader
	config FollowerConfig
}

// NewFollower returns a follower that reads through r. It asks nothing yet.
func NewFollower(r Reader, c FollowerConfig) *Follower {
	c.Overlap = cmp.Or(c.Overlap, DefaultOverlap)
	c.MaxReorg = cmp.Or(c.MaxReorg, DefaultMaxReorg)
	c.Poll = cmp.Or(c.Poll, DefaultPoll)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Follower{r, c}
}

// Follow yields what happens to the logs after a cursor, until ctx ends, or
// until Query.To was read if that is not 0.
//
// Logs come in chain order, but for those that a node left out at first: these
// come late, found by the overlap. When a reorganisation takes logs away, they are
// retracted, newest first, before new ones come. Up to the cursor, nothing is lost
// and nothing comes twice, also if the program stops in between.
//
// A failing node is asked again after a pause that grows to a minute. The
// iteration ends with an error for what time does not heal: *[ChainIDError],
// [ErrNoHistory], and ctx's own.
func (f *Follower) Follow(ctx context.Context, c Cursor) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		t := &turn{Follower: f, cursor: c, yield: yield}
		t.cursor.next = max(c.next, f.config.Query.From)
		t.cursor.recent = slices.Clone(c.recent) // appended to, while yielded cursors show its beginning
		failures := 0
		for {
			done, err := t.take(ctx)
			if t.stopped || done && err == nil {
				return
			}
			if ctx.Err() != nil {
				yield(Update{Cursor: t.cursor}, ctx.Err())
				return
			}
			pause := f.config.Poll
			switch _, other := errors.AsType[*ChainIDError](err); {
			case other || errors.Is(err, ErrNoHistory):
				yield(Update{Cursor: t.cursor}, err)
				return
			case err != nil:
				f.config.Logger.WarnContext(ctx, "chain: follow", "error", err, "next", t.cursor.next)
				pause = min(time.Second<<min(failures, 6), time.Minute)
				pause += rand.N(pause/4 + 1)
				failures++
			default:
				failures = 0
			}
			if err != nil || !t.more {
				f.pause(ctx, pause, err == nil)
			}
		}
	}
}

// wakePause is how long a turn is put off at least: a hint that floods must not
// make the follower ask without end.
const wakePause = 1500 * time.Millisecond

// pause waits, with wake at most until there may be something new.
func (f *Follower) pause(ctx context.Context, d time.Duration, wake bool) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	if wake && f.config.Wake != nil && sleep(ctx, min(d/10, wakePause)) && f.config.Wake(ctx) == nil {
		return
	}
	<-ctx.Done()
}
