package slastream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/slastream/slastream-go/attestation"
)

// A State answers what decides a call besides the deals. What implements
// [Escrow] in this module implements it too.
type State interface {
	// Paused reports whether the owner stopped create_deal and release_chunk.
	Paused(ctx context.Context) (bool, error)
	// PublicKey returns the attestation key, which never changes.
	PublicKey(ctx context.Context) (attestation.PublicKey, error)
}

// Funds answers what an account holds of the token that deals are paid in.
// starknet.ERC20 does.
type Funds interface {
	BalanceOf(ctx context.Context, account Address) (Amount, error)
}

// A FundsError says that an account holds less than terms lock. What the token
// itself says then differs from token to token, so it is no *[RevertError].
type FundsError struct {
	Account    Address
	Have, Need Amount
}

func (e *FundsError) Error() string {
	return fmt.Sprintf("slastream: %v holds %v base units of the %v that the terms lock", e.Account, e.Have, e.Need)
}

// A Config is what a [Client] is made of. Escrow and State are needed, and are
// one value as a rule; the rest has a meaning when it is left out.
type Config struct {
	Escrow Escrow
	State  State

	Rules   attestation.Rules // corelib of the compatible class; the extended class is low-s always
	Class   Class             // of the contract
	Funds   Funds             // nil: the balance is not looked at before a deal is created
	Account Address           // who Escrow calls as, and so whose Funds count
	Watcher Watcher           // nil: no Follow
	Clock   func() uint64     // time of the next block, Unix seconds; nil: the system clock
}

// A Client is an escrow for those who open and end deals. Before it sends
// anything it says what the escrow would say, in the same order and as the same
// *[RevertError], at the cost of reads; [escrow.Contract] checks with the same
// code. It is safe for concurrent use.
//
// A check is about the state that the node answered from: somebody else may
// release a chunk between check and transaction, and then the refusal is the
// escrow's own. What the token will say, it does not foresee, but for
// Config.Funds.
//
// [escrow.Contract]: https://pkg.go.dev/github.com/slastream/slastream-go/slastream/escrow#Contract
type Client struct {
	config   Config
	verifier atomic.Pointer[attestation.Verifier] // nil until the key was read
}

// NewClient returns a client. It fails if Escrow or State is nil; it makes no
// request.
func NewClient(c Config) (*Client, error) {
	switch {
	case c.Escrow == nil:
		return nil, errors.New("slastream: a client without an Escrow")
	case c.State == nil:
		return nil, errors.New("slastream: a client without a State; the Escrow is one as a rule")
	}
	if c.Class == ClassExtended {
		c.Rules = attestation.RulesLowS
	}
	if c.Clock == nil {
		c.Clock = func() uint64 { return uint64(max(time.Now().Unix(), 0)) }
	}
	return &Client{config: c}, nil
}

// CreateDeal opens a deal and returns its id; the escrow approves and takes what
// the terms lock.
//
// Without a transaction it says, in order: [ErrPaused], what [Terms.Check] does,
// a *[FundsError], [ErrDeadlineOverflow]. The contract asks the token before the
// last of them, so without Config.Funds it may name the token's refusal instead.
func (c *Client) CreateDeal(ctx context.Context, t Terms) (attestation.Word, error) {
	if err := c.checkCreate(ctx, t); err != nil {
		return attestation.Word{}, err
	}
	return c.config.Escrow.CreateDeal(ctx, t)
}

func (c *Client) checkCreate(ctx context.Context, t Terms) error {
	if err := c.checkPaused(ctx); err != nil {
		return err
	}
	if err := t.Check(c.config.Class); err != nil {
		return err
	}
	if c.config.Funds != nil {
		need, err := t.Locked()
		if err != nil {
			return err
		}
		have, err := c.config.Funds.BalanceOf(ctx, c.config.Account)
		if err != nil {
			return fmt.Errorf("slastream: reading a balance: %w", err)
		}
		if have.Cmp(need) < 0 {
			return &FundsError{Account: c.config.Account, Have: have, Need: need}
		}
	}
	_, err := t.Deadline(c.config.Clock())
	return err
}

func (c *Client) checkPaused(ctx context.Context) error {
	paused, err := c.config.State.Paused(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("slastream: reading whether the escrow is paused: %w", err)
	case paused:
		return ErrPaused
	}
	return nil
}

// Release pays one chunk to the provider; the caller may be anybody.
//
// Without a transaction it says, in order: [ErrPaused], what [Deal.CheckRelease]
// does, and what the escrow says of the signature: [ErrRecovery],
// [ErrNoInverse], [ErrInvalidArgument], [ErrKeyX] or [ErrKeyY]. The key is read
// once.
func (c *Client) Release(ctx context.Context, s attestation.Signed) error {
	if err := c.checkRelease(ctx, s); err != nil {
		return err
	}
	return c.config.Escrow.Release(ctx, s)
}

func (c *Client) checkRelease(ctx context.Context, s attestation.Signed) error {
	a := s.Attestation
	if err := c.checkPaused(ctx); err != nil {
		return err
	}
	deal, err := c.deal(ctx, a.DealID)
	if err != nil {
		return err
	}
	if err := deal.CheckRelease(a.ChunkIndex, false); err != nil {
		return err
	}
	released, err := c.config.Escrow.ChunkReleased(ctx, a.DealID, a.ChunkIndex)
	if err != nil {
		return fmt.Errorf("slastream: reading whether chunk %d of deal %v is paid: %w", a.ChunkIndex, a.DealID, err)
	}
	if err := deal.CheckRelease(a.ChunkIndex, released); err != nil {
		return err
	}
	verifier, err := c.key(ctx)
	if err != nil {
		return err
	}
	err = verifier.Verify(s)
	if refused, ok := errors.AsType[*attestation.VerifyError](err); ok {
		return &RevertError{Reason: refused.Reason}
	}
	return err
}

// key returns the verifier for the escrow's key, which it reads once: of callers
// that come at the same time each may read it.
func (c *Client) key(ctx context.Context) (*attestation.Verifier, error) {
	if v := c.verifier.Load(); v != nil {
		return v, nil
	}
	key, err := c.config.State.PublicKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("slastream: reading the attestation key: %w", err)
	}
	c.verifier.CompareAndSwap(nil, attestation.NewVerifier(c.config.Rules, key))
	return c.verifier.Load(), nil
}

// Slash ends a deal whose deadline has passed and refunds the client; the caller
// may be anybody.
//
// Without a transaction it says what [Deal.CheckSlash] does at the time of
// Config.Clock.
func (c *Client) Slash(ctx context.Context, id attestation.Word) error {
	deal, err := c.deal(ctx, id)
	if err != nil {
		return err
	}
	if err := deal.CheckSlash(c.config.Clock()); err != nil {
		return err
	}
	return c.config.Escrow.Slash(ctx, id)
}

// deal reads a deal, the zero Deal if there is none.
func (c *Client) deal(ctx context.Context, id attestation.Word) (Deal, error) {
	d, err := c.config.Escrow.Deal(ctx, id)
	if err != nil {
		return Deal{}, fmt.Errorf("slastream: reading deal %v: %w", id, err)
	}
	return d, nil
}

// Deal returns a deal, or [ErrNoDeal].
func (c *Client) Deal(ctx context.Context, id attestation.Word) (Deal, error) {
	d, err := c.deal(ctx, id)
	if err == nil && !d.Exists() {
		return Deal{}, fmt.Errorf("%w: %v", ErrNoDeal, id)
	}
	return d, err
}

// A DealFilter chooses deals: those that agree with every field that is not
// zero.
type DealFilter struct {
	Client   Address
	Provider Address
	Active   bool // only deals that are neither completed nor slashed
}

func (f DealFilter) matches(d Deal) bool {
	return (f.Client.IsZero() || f.Client == d.Client) &&
		(f.Provider.IsZero() || f.Provider == d.Provider) &&
		(!f.Active || d.Active)
}

// Deals yields the deals that there are when it is called, oldest first. The
// escrow has no index by client or provider, so each deal is read; the iteration
// ends with the first error.
func (c *Client) Deals(ctx context.Context, f DealFilter) iter.Seq2[Deal, error] {
	return func(yield func(Deal, error) bool) {
		newest, err := c.config.Escrow.DealCount(ctx)
		if err != nil {
			yield(Deal{}, fmt.Errorf("slastream: reading the number of deals: %w", err))
			return
		}
		count, ok := newest.Uint64()
		if !ok {
			yield(Deal{}, fmt.Errorf("slastream: the escrow counts %v deals: want less than 2^64", newest))
			return
		}
		for n := range count {
			d, err := c.Deal(ctx, attestation.WordFromUint64(n+1))
			if err != nil {
				yield(Deal{}, err)
				return
			}
			if f.matches(d) && !yield(d, nil) {
				return
			}
		}
	}
}

// Follow yields the events of the escrow after a cursor as [Watcher] says, and
// one error if Config has none.
func (c *Client) Follow(ctx context.Context, from Cursor, seen ...ChainEvent) iter.Seq2[ChainEvent, error] {
	if c.config.Watcher == nil {
		return func(yield func(ChainEvent, error) bool) {
			yield(ChainEvent{}, errors.New("slastream: a client without a Watcher follows no events"))
		}
	}
	return c.config.Watcher.Follow(ctx, from, seen...)
}

// Quote is [Terms.Quote] for this escrow's class and a deal created now.
func (c *Client) Quote(t Terms, cadence Cadence) (Quote, error) {
	return t.Quote(c.config.Class, cadence, c.config.Clock())
}

// Forecast is [Deal.Forecast] of a deal as the escrow has it now.
func (c *Client) Forecast(ctx context.Context, id attestation.Word, cadence Cadence, p Progress) (Forecast, error) {
	d, err := c.Deal(ctx, id)
	if err != nil {
		return Forecast{}, err
	}
	return d.Forecast(cadence, p, c.config.Clock())
}
