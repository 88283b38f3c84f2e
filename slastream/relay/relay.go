package relay

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/slastream/slastream-go/attestation"
)

// A Relay releases the chunks that proofs earn. Its methods are safe for
// concurrent use; turns wait for each other.
type Relay struct {
	Config
	verifier *attestation.Verifier // of the signer's key
	turns    chan struct{}         // holds one token while a turn runs

	// These belong to whoever has the token of turns.
	fits     bool                         // the escrow's key is the signer's
	unbound  []Binding                    // those of Config.Bindings that are not bound yet
	unsure   bool                         // the store failed in the last turn: it is tried before anything is signed
	token    uint64                       // of the last lease
	suspects map[attestation.Word]suspect // deals of which the escrow refused a chunk
	largest  int                          // how many chunks fit into a transaction, as far as the estimates said
	highest  uint64                       // nonce of the accepted transactions in the store that are not settled; MaxUint64 if it is not known

	mu     sync.Mutex
	health Health
}

// New checks the configuration. It does no I/O.
func New(config Config) (*Relay, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	config.setDefaults()
	if config.Name == "" {
		config.Name = rand.Text()
	}
	return &Relay{
		Config:   config,
		verifier: attestation.NewVerifier(config.Rules, config.Signer.PublicKey()),
		turns:    make(chan struct{}, 1),
		unbound:  slices.Clone(config.Bindings),
		suspects: map[attestation.Word]suspect{},
		largest:  math.MaxInt,
	}, nil
}

// begin waits for the turn of another to end.
func (r *Relay) begin(ctx context.Context) error {
	select {
	case r.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Relay) end() { <-r.turns }

// Run takes turns until ctx is done and returns ctx.Err(). What goes wrong in a
// turn is logged and tried again in the next. It returns another error only
// before the first turn, if the relay and the chains do not fit: see
// [Relay.Check].
func (r *Relay) Run(ctx context.Context) error {
	if err := r.Check(ctx); err != nil {
		if _, wrong := errors.AsType[*MismatchError](err); wrong || ctx.Err() != nil {
			return err
		}
		r.Logger.Warn("relay check", "err", err)
	}
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

func (r *Relay) now() uint64 { return uint64(max(r.Clock().UnixMilli(), 1)) }

// Health is what an operator asks first. The zero value is a relay before its
// first turn. Times are those of Config.Clock.
type Health struct {
	Turn    time.Time // end of the last turn, whatever came of it
	OK      time.Time // end of the last turn without an error
	Err     string    // what went wrong in the last turn
	Head    uint64    // newest final epoch
	Cursor  uint64    // first epoch that is not observed
	Sending bool      // this process holds the lease of the account
	Paused  bool      // the escrow is paused
	Stopped string    // why nothing is signed until somebody has looked, and the program is started again
}

// Health returns the state at the end of the last turn.
func (r *Relay) Health() Health {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.health
}

func (r *Relay) note(change func(*Health)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.health)
}
