package relay

import (
	"context"
	"fmt"

	"github.com/slastream/slastream-go/slastream"
)

// Limits are what the governor lets through, in base units of the token. What is
// over a limit waits for the next hour. Relays that share a store share what is
// counted; several that send at the same moment can pass a limit by what each of
// them has in hand.
type Limits struct {
	Hour Caps // in a clock hour
	Day  Caps // in 24 clock hours, the present one included
}

// Caps limit what is released in some time. 0 is no limit.
type Caps struct {
	All      slastream.Amount // altogether
	Deal     slastream.Amount // for one deal
	Provider slastream.Amount // to one provider
}

// A limit is one cap for one chunk.
type limit struct {
	scope string
	hours Hour
	most  slastream.Amount
}

func (l Limits) of(c Chunk) []limit {
	deal, provider := "deal "+c.Deal.String(), "provider "+c.Provider.String()
	all := []limit{
		{"", 1, l.Hour.All}, {deal, 1, l.Hour.Deal}, {provider, 1, l.Hour.Provider},
		{"", 24, l.Day.All}, {deal, 24, l.Day.Deal}, {provider, 24, l.Day.Provider},
	}
	set := all[:0]
	for _, one := range all {
		if !one.most.IsZero() {
			set = append(set, one)
		}
	}
	return set
}

const hour = 3_600_000 // milliseconds

// govern counts what the chunks pay and returns those that may be released now.
// What was counted once is not counted again, whatever becomes of it.
func (t *turn) govern(ctx context.Context, chunks []Chunk) []Chunk {
	if t.Limits == (Limits{}) {
		return chunks
	}
	now := Hour(t.now() / hour)
	spent := map[string]slastream.Amount{} // by scope and hours, with what is allowed here
	var change Change
	var before, free []Chunk
	for _, c := range chunks {
		if c.Counted {
			free = append(free, c)
			continue
		}
		over, err := t.passes(ctx, c, now, spent)
		if err != nil {
			t.fail("governor", &storeError{err})
			return nil
		}
		before = append(before, c)
		if over != "" {
			change.Chunks = append(change.Chunks, later(c, uint64(now+1)*hour, ClassHeld, over))
			continue
		}
		c.Counted = true
		change.Chunks = append(change.Chunks, c)
		scopes := map[string]bool{}
		for _, l := range t.Limits.of(c) {
			if !scopes[l.scope] {
				scopes[l.scope] = true
				change.Spend = append(change.Spend, Spend{l.scope, now, c.Amount})
			}
		}
	}
	stored, err := t.put(ctx, before, change)
	if err != nil {
		t.fail("governor", err)
		return nil
	}
	for _, c := range stored {
		if c.Counted {
			free = append(free, c)
		} else {
			t.Logger.Warn("chunk held", "deal", c.Deal.Big(), "chunk", c.Index, "reason", c.Retry.Reason)
		}
	}
	return free
}

// passes says which limit the chunk would pass, or counts it in spent.
func (t *turn) passes(ctx context.Context, c Chunk, now Hour, spent map[string]slastream.Amount) (string, error) {
	limits := t.Limits.of(c)
	sums := make([]slastream.Amount, len(limits))
	for i, l := range limits {
		key := fmt.Sprintf("%d %s", l.hours, l.scope)
		sum, ok := spent[key]
		if !ok {
			var err error
			if sum, err = t.Store.Spent(ctx, l.scope, now-min(now, l.hours-1)); err != nil {
				return "", err
			}
			spent[key] = sum
		}
		next, err := sum.Add(c.Amount)
		if err != nil || next.Cmp(l.most) > 0 {
			what := "all releases"
			if l.scope != "" {
				what = l.scope
			}
			return fmt.Sprintf("the limit of %v in %d h is reached for %s", l.most, l.hours, what), nil
		}
		sums[i] = next
	}
	for i, l := range limits {
		spent[fmt.Sprintf("%d %s", l.hours, l.scope)] = sums[i]
	}
	return "", nil
}
