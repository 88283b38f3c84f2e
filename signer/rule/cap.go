package rule

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// Rate allows so many new chunks a second, and burst at once. Asking again for a
// chunk that was begun is not counted.
func Rate(perSecond float64, burst int) signer.Policy {
	limiter := rate.NewLimiter(rate.Limit(perSecond), burst)
	return signer.Policy{Name: "rate", Take: func(_ context.Context, _ signer.Request, commit bool) error {
		if commit && !limiter.Allow() || !commit && limiter.Tokens() < 1 {
			return fmt.Errorf("%w: more than %v chunks a second", signer.ErrUnavailable, perSecond)
		}
		return nil
	}}
}

// Limits are amounts in the token's base units. Zero: no limit.
type Limits struct {
	Hour attestation.Word // in any 3,600 seconds
	Day  attestation.Word // in any 24 hours
	Deal attestation.Word // for one deal of one escrow, ever
}

// A Cap limits how much value is signed for. It counts every chunk once, when it
// is recorded for the first time. What it has counted is in memory: give it the
// records of the journal at the start ([Cap.Restore]), or it starts from zero.
// It is safe for concurrent use.
type Cap struct {
	limits Limits
	value  func(ctx context.Context, req signer.Request) (attestation.Word, error)

	mu    sync.Mutex
	hour  window
	day   window
	deals map[deal]*big.Int
}

// A window is what was spent within a time that ends now.
type window struct {
	length time.Duration
	spent  []spent // oldest first
	sum    big.Int
}

type spent struct {
	at    time.Time
	value *big.Int
}

func (w *window) forget(now time.Time) {
	n := 0
	for n < len(w.spent) && now.Sub(w.spent[n].at) >= w.length {
		w.sum.Sub(&w.sum, w.spent[n].value)
		n++
	}
	w.spent = w.spent[n:]
}

// add keeps the order: records of a journal, and clocks, can be out of it.
func (w *window) add(s spent) {
	i := len(w.spent)
	for i > 0 && w.spent[i-1].at.After(s.at) {
		i--
	}
	w.spent = slices.Insert(w.spent, i, s)
	w.sum.Add(&w.sum, s.value)
}

type deal struct {
	domain attestation.Domain
	id     attestation.Word
}

// NewCap returns a cap. value says what the chunk of a request pays, in the
// token's base units, such as the chunk amount of its deal as the escrow has it;
// if it does not know, the request is refused. It can be asked more than once
// for a request and should not read a chain each time.
func NewCap(limits Limits, value func(ctx context.Context, req signer.Request) (attestation.Word, error)) *Cap {
	return &Cap{
		limits: limits, value: value,
		hour: window{length: time.Hour}, day: window{length: 24 * time.Hour}, deals: map[deal]*big.Int{},
	}
}

// Policy returns the policy that the cap enforces.
func (c *Cap) Policy() signer.Policy {
	return signer.Policy{Name: "cap", Take: c.take}
}

// Restore counts a record of the journal. Give it each record once, in any
// order, before the first request.
func (c *Cap) Restore(ctx context.Context, rec signer.Record) error {
	value, err := c.valueOf(ctx, rec.Request)
	if err != nil {
		return fmt.Errorf("rule: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(rec.Request, value, rec.Began)
	return nil
}

func (c *Cap) valueOf(ctx context.Context, req signer.Request) (*big.Int, error) {
	value, err := c.value(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("the value of chunk %d of deal %v is not known: %w", req.Attestation.ChunkIndex, req.Attestation.DealID, err)
	}
	return value.Big(), nil
}

func (c *Cap) take(ctx context.Context, req signer.Request, commit bool) error {
	value, err := c.valueOf(ctx, req)
	if err != nil {
		return err
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hour.forget(now)
	c.day.forget(now)
	total := c.deals[deal{req.Domain, req.Attestation.DealID}]
	if total == nil {
		total = new(big.Int)
	}
	if sum, over := exceeds(total, value, c.limits.Deal); over {
		return fmt.Errorf("deal %v: %v in all, more than %v", req.Attestation.DealID, sum, c.limits.Deal.Big())
	}
	if sum, over := exceeds(&c.day.sum, value, c.limits.Day); over {
		return fmt.Errorf("%w: %v in a day, more than %v", signer.ErrUnavailable, sum, c.limits.Day.Big())
	}
	if sum, over := exceeds(&c.hour.sum, value, c.limits.Hour); over {
		return fmt.Errorf("%w: %v in an hour, more than %v", signer.ErrUnavailable, sum, c.limits.Hour.Big())
	}
	if commit {
		c.add(req, value, now)
	}
	return nil
}

func (c *Cap) add(req signer.Request, value *big.Int, at time.Time) {
	now := time.Now()
	for _, w := range []*window{&c.hour, &c.day} {
		if now.Sub(at) < w.length {
			w.add(spent{at, value})
		}
	}
	of := deal{req.Domain, req.Attestation.DealID}
	total := c.deals[of]
	if total == nil {
		total = new(big.Int)
		c.deals[of] = total
	}
	total.Add(total, value)
}

func exceeds(sum, value *big.Int, limit attestation.Word) (*big.Int, bool) {
	next := new(big.Int).Add(sum, value)
	return next, limit != attestation.Word{} && next.Cmp(limit.Big()) > 0
}
