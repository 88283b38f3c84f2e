package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A Config is what a [Tower] works with. Domain, Escrow, Clock and, without
// Observer, Slasher are required; everything else has a meaning when it is left
// out.
type Config struct {
	Domain  attestation.Domain // Starknet chain and escrow: alerts name it, and a store belongs to it
	Escrow  slastream.Reader   // answers from accepted blocks
	Clock   Clock
	Slasher Slasher

	// Observer is a dry run: everything is done but slashing, and the [Report]
	// says which deals would have been slashed. Alerts are delivered.
	Observer bool
	// Store keeps what must survive a restart; nil is a [MemoryStore].
	Store Store

	// Pending says for which deals a release is on its way; nil: for none. While
	// it is, the deal is not slashed. Grace ends that so long after the deadline,
	// for a Pending that may say yes for ever; it believes the Clock. 0: it never ends.
	Pending Pending
	Grace   time.Duration

	// Peers are the names of towers that guard the same deals and share nothing,
	// Name, one of them, is this one's. For each deal they have another order: the
	// n-th, from 0, slashes Stagger × n after the deadline, if the deal is still
	// there. Stagger should be longer than a transaction takes to be accepted.
	Name    string
	Peers   []string
	Stagger time.Duration

	// Filter chooses deals when they are first read; nil: all. With a store of a
	// tower that chose others, set Rescan once: every deal is read again then.
	Filter func(slastream.Deal) bool
	Rescan bool

	// Outlook returns the cadence of an active deal and how far its proofs are, for
	// warnings. A cadence without a period says that it is not known, and then the
	// deadline itself counts as the last moment; so does nil for all deals.
	Outlook func(ctx context.Context, d slastream.Deal) (slastream.Cadence, slastream.Progress, error)
	// Warn is how long before the deadline becomes unreachable KindAtRisk comes; 0:
	// never. With more than a period and the margin of the deal, it comes at once.
	Warn time.Duration

	// Accepted and Settled follow the escrow for Run, the one up to blocks accepted
	// on L2, the other on L1. Releases become alerts of PhasePending and PhaseFinal,
	// and ends of deals are seen at once; both may be nil. Without Settled an end
	// is final as soon as Escrow answers with it. From is where they begin the
	// first time.
	Accepted slastream.Watcher
	Settled  slastream.Watcher
	From     slastream.Cursor

	// Notifier delivers alerts; nil: there are none. After Attempts that failed,
	// 0 is 30, about ten hours, an alert is a dead letter.
	Notifier Notifier
	Attempts int

	Poll     time.Duration // between two turns of Run; 0 is 2 s
	Retry    time.Duration // how long a slash may take to be accepted, before it is sent again; 0 is 2 min
	Timeout  time.Duration // for one attempt to deliver; 0 is 15 s
	Batch    int           // deals that are due, and deals that are new, in one turn at most; 0 is 1024 of each
	Parallel int           // requests, slashes and deliveries at the same time; 0 is 8, 1 makes Step deterministic

	Logger *slog.Logger        // nil discards
	OnTurn func(Report, error) // called after each turn of Run; nil is not
}

// New checks the configuration. It does no I/O.
func New(c Config) (*Tower, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	fill(&c.Poll, 2*time.Second)
	fill(&c.Retry, 2*time.Minute)
	fill(&c.Timeout, 15*time.Second)
	fill(&c.Attempts, 30)
	fill(&c.Batch, 1024)
	fill(&c.Parallel, 8)
	if c.Store == nil {
		c.Store = new(MemoryStore)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Peers = slices.Clone(c.Peers)
	return &Tower{config: c, room: maxQueue, woken: map[uint64]bool{}, unchosen: map[uint64]bool{}, mail: make(chan struct{}, 1), turnNow: make(chan struct{}, 1)}, nil
}

func fill[T comparable](field *T, otherwise T) {
	var zero T
	if *field == zero {
		*field = otherwise
	}
}

func (c Config) validate() error {
	switch {
	case c.Domain.Escrow.IsZero():
		return errors.New("watch: Config.Domain has no escrow")
	case c.Escrow == nil:
		return errors.New("watch: Config.Escrow is missing")
	case c.Clock == nil:
		return errors.New("watch: Config.Clock is missing")
	case c.Slasher == nil && !c.Observer:
		return errors.New("watch: Config.Slasher is missing; an observer needs none")
	}
	if _, err := slastream.AddressFromWord(c.Domain.Escrow); err != nil {
		return fmt.Errorf("watch: Config.Domain: %w", err)
	}
	for name, n := range map[string]int64{
		"Grace": int64(c.Grace), "Stagger": int64(c.Stagger), "Warn": int64(c.Warn), "Poll": int64(c.Poll), "Retry": int64(c.Retry), "Timeout": int64(c.Timeout),
		"Attempts": int64(c.Attempts), "Batch": int64(c.Batch), "Parallel": int64(c.Parallel),
	} {
		if n < 0 {
			return fmt.Errorf("watch: Config.%s is less than 0", name)
		}
	}
	return c.validatePeers()
}

func (c Config) validatePeers() error {
	seen := map[string]bool{}
	for _, p := range c.Peers {
		if p == "" || seen[p] {
			return fmt.Errorf("watch: Config.Peers: %.40q is empty or stands there twice", p)
		}
		seen[p] = true
	}
	switch {
	case len(c.Peers) == 0 && c.Stagger != 0:
		return errors.New("watch: Config.Stagger without Peers: name all towers, this one too")
	case len(c.Peers) > 0 && !seen[c.Name]:
		return fmt.Errorf("watch: Config.Name: %.40q is not one of Peers", c.Name)
	case len(c.Peers) > 1 && c.Stagger < time.Second:
		return errors.New("watch: Config.Stagger: want a second at least, better the time that a transaction takes")
	}
	return nil
}
