package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
)

// What a field of [Config] means when it is 0.
const (
	DefaultPoll        = 15 * time.Second // half an epoch
	DefaultLease       = time.Minute
	DefaultBumpAfter   = 5 * time.Minute
	DefaultSettleAfter = time.Hour
	DefaultInFlight    = 16
	DefaultWorkers     = 4
)

// A Config is what a [Relay] works with. Proofs, Signer, Escrow and Store are
// required.
type Config struct {
	Proofs ProofSource // also a [Feed], a [Confirmer] and a [SetChecker], if it is one
	Signer signer.Signer
	Escrow Escrow // also a [Batcher], a [Multicaller], a [Bumper] and a [SettledReader], if it is one
	Store  Store
	Domain attestation.Domain // Starknet chain and escrow; goes to the signer with each request
	Rules  attestation.Rules  // what signatures the escrow takes; each is checked before it is sent

	// Bindings are bound when the relay starts, if they are not yet. More come and
	// go with [Relay.Bind] and [Relay.Unbind].
	Bindings []Binding
	// Start says the start epoch of a binding that names none: the first epoch at
	// or after the creation of the deal. nil leaves it at 0.
	Start func(ctx context.Context, deal slastream.Deal) (uint64, error)

	// Batch is how many chunks one transaction releases at most with one
	// signature. With more than 1, Escrow is a [Batcher] and Signer a
	// signer.BatchSigner. Multicall is how many calls of release_chunk, each with
	// its own signature, one transaction has at most; with more than 1, Escrow is a
	// [Multicaller]. What the escrow refuses as a whole is split until the chunk at
	// fault is alone. At most one of them is set.
	Batch, Multicall int
	// InFlight is how many transactions wait to be accepted at most.
	InFlight int
	// Workers is how many questions about chunks are asked at the same time.
	Workers int

	// Limits are what the governor lets through.
	Limits Limits

	// Name and Peers are for relays that share no store: Peers are the names of
	// all of them, this one's too. Each chunk has an order of its own among them,
	// and a relay waits Stagger for each that is before it, then asks the escrow
	// whether the chunk is paid. Name is also the owner of the lease where
	// processes share a store; empty is a random one.
	Name    string
	Peers   []string
	Stagger time.Duration

	Poll        time.Duration // pause between two turns of Run
	Lease       time.Duration // within it another process sends after one has ended; four times Poll or more, and the default is
	BumpAfter   time.Duration // how long a transaction waits until it is replaced by one with higher fees
	SettleAfter time.Duration // how often what is accepted is looked at until it is settled; see [SettledReader]

	Recorder Recorder     // told of each payment, nil: nobody
	Observer Observer     // told what happens, nil: nobody
	Logger   *slog.Logger // nil discards

	Clock  func() time.Time                  // nil is the system's
	Jitter func(time.Duration) time.Duration // a random part of a pause; nil is a good one
}

func (c *Config) validate() error {
	switch {
	case c.Proofs == nil:
		return errors.New("relay: Config.Proofs is missing")
	case c.Signer == nil:
		return errors.New("relay: Config.Signer is missing")
	case c.Escrow == nil:
		return errors.New("relay: Config.Escrow is missing")
	case c.Store == nil:
		return errors.New("relay: Config.Store is missing")
	case c.Batch > 1 && c.Multicall > 1:
		return errors.New("relay: Config.Batch and Config.Multicall are both set, want one of them")
	case len(c.Peers) > 0 && !slices.Contains(c.Peers, c.Name):
		return fmt.Errorf("relay: Config.Peers lacks Config.Name, %.60q", c.Name)
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"Batch", int64(c.Batch)}, {"Multicall", int64(c.Multicall)}, {"InFlight", int64(c.InFlight)}, {"Workers", int64(c.Workers)},
		{"Poll", int64(c.Poll)}, {"Lease", int64(c.Lease)}, {"Stagger", int64(c.Stagger)},
		{"BumpAfter", int64(c.BumpAfter)}, {"SettleAfter", int64(c.SettleAfter)},
	} {
		if n.value < 0 {
			return fmt.Errorf("relay: Config.%s is negative", n.name)
		}
	}
	if err := c.validateGroups(); err != nil {
		return err
	}
	if c.Lease > 0 && c.Lease < 4*c.Poll {
		return fmt.Errorf("relay: Config.Lease is %v, want four times Config.Poll (%v) or more: turns renew it", c.Lease, c.Poll)
	}
	return checkBindings(c.Bindings)
}

func (c *Config) validateGroups() error {
	if c.Batch > 1 {
		if _, ok := c.Escrow.(Batcher); !ok {
			return errors.New("relay: Config.Batch is set, but Config.Escrow cannot release a batch")
		}
		if _, ok := c.Signer.(signer.BatchSigner); !ok {
			return errors.New("relay: Config.Batch is set, but Config.Signer signs no batches")
		}
	}
	if c.Multicall > 1 {
		if _, ok := c.Escrow.(Multicaller); !ok {
			return errors.New("relay: Config.Multicall is set, but Config.Escrow cannot release many chunks at once")
		}
	}
	return nil
}

func checkBindings(bindings []Binding) error {
	deals, sets := map[attestation.Word]bool{}, map[attestation.Word]bool{}
	for _, b := range bindings {
		if b.Deal.IsZero() {
			return errors.New("relay: binding of deal 0: deal ids start at 1")
		}
		if deals[b.Deal] {
			return fmt.Errorf("relay: deal %s is bound twice", b.Deal.Big())
		}
		if sets[b.Set] {
			return fmt.Errorf("relay: data set %s backs two deals", b.Set.Big())
		}
		deals[b.Deal], sets[b.Set] = true, true
	}
	return nil
}

func (c *Config) setDefaults() {
	for _, d := range []struct {
		at    *time.Duration
		value time.Duration
	}{{&c.Poll, DefaultPoll}, {&c.Lease, max(DefaultLease, 4*c.Poll)}, {&c.BumpAfter, DefaultBumpAfter}, {&c.SettleAfter, DefaultSettleAfter}} {
		if *d.at == 0 {
			*d.at = d.value
		}
	}
	if c.InFlight == 0 {
		c.InFlight = DefaultInFlight
	}
	if c.Workers == 0 {
		c.Workers = DefaultWorkers
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Jitter == nil {
		c.Jitter = fullJitter
	}
}
