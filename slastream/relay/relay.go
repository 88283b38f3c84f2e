package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// DefaultPoll is the pause between two turns of [Relay.Run]: half an epoch.
const DefaultPoll = 15 * time.Second

// A Binding says that the payable proofs of a data set earn the chunks of a
// deal. A deal has one data set, and a data set backs one live deal.
type Binding struct {
	Deal       attestation.Word
	Set        attestation.Word
	StartEpoch uint64 // first Filecoin epoch whose proofs count; every relay of the deal must use the same
}

// A Config is what a [Relay] works with. Proofs, Signer, Escrow and Store are
// required.
type Config struct {
	Proofs   ProofSource
	Signer   signer.Signer
	Escrow   Escrow
	Store    Store
	Domain   attestation.Domain // Starknet chain and escrow; goes to the signer with each request
	Bindings []Binding
	// Batch is how many chunks one transaction releases at most, with one
	// signature. 0 and 1 mean that each chunk has its own. With more, Escrow is
	// a [Batcher] and Signer a signer.BatchSigner; what the escrow refuses as a
	// batch is split until the chunk at fault is alone.
	Batch  int
	Poll   time.Duration // pause between two turns of Run. Defaults to DefaultPoll
	Logger *slog.Logger  // nil discards
}

func (c Config) validate() error {
	switch {
	case c.Proofs == nil:
		return errors.New("relay: Config.Proofs is missing")
	case c.Signer == nil:
		return errors.New("relay: Config.Signer is missing")
	case c.Escrow == nil:
		return errors.New("relay: Config.Escrow is missing")
	case c.Store == nil:
		return errors.New("relay: Config.Store is missing")
	case c.Batch < 0:
		return fmt.Errorf("relay: Config.Batch is %d, want how many chunks a transaction may release", c.Batch)
	case c.Poll < 0:
		return fmt.Errorf("relay: Config.Poll is %v, want a positive duration", c.Poll)
	}
	if c.Batch > 1 {
		if _, ok := c.Escrow.(Batcher); !ok {
			return errors.New("relay: Config.Batch is set, but Config.Escrow cannot release a batch")
		}
		if _, ok := c.Signer.(signer.BatchSigner); !ok {
			return errors.New("relay: Config.Batch is set, but Config.Signer signs no batches")
		}
	}
	deals, sets := map[attestation.Word]bool{}, map[attestation.Word]bool{}
	for _, b := range c.Bindings {
		if b.Deal.IsZero() {
			return errors.New("relay: binding of deal 0: deal ids start at 1")
		}
		if deals[b.Deal] {
			return fmt.Errorf("relay: deal %v is bound twice", b.Deal)
		}
		if sets[b.Set] {
			return fmt.Errorf("relay: data set %v backs two deals", b.Set)
		}
		deals[b.Deal], sets[b.Set] = true, true
	}
	return nil
}

// A Relay releases the chunks that proofs earn. Its methods must not run at the
// same time as one another.
type Relay struct {
	Config
}

// New checks the configuration. It does no I/O.
func New(config Config) (*Relay, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	if config.Poll == 0 {
		config.Poll = DefaultPoll
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Relay{config}, nil
}

// Run takes turns until ctx is done and returns ctx.Err(). What goes wrong in a
// turn is logged and tried again in the next.
func (r *Relay) Run(ctx context.Context) error {
	ticker := time.NewTicker(r.Poll)
	defer ticker.Stop()
	for {
		report, err := r.Step(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.Logger.Warn("relay turn", "err", err)
		}
		if report.Observed+report.Released+report.Refused > 0 {
			r.Logger.Info("relay turn", "observed", report.Observed, "released", report.Released, "refused", report.Refused, "open", report.Open)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
