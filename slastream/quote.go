package slastream

import "iter"

// A Quote says what terms mean before anything is sent: what to approve, when
// the chunks are expected and how much time is left then.
//
// Money and calendar are exact for a deal that is created at At. One created
// later has a later deadline; if it is created after Cadence.Start, its first
// period may be the next one.
type Quote struct {
	Terms    Terms
	Cadence  Cadence // Start is that of the first period that begins at or after At; keep it for [Deal.Forecast]
	At       uint64  // creation, Unix seconds
	Total    Amount  // to the provider for all chunks
	Locked   Amount  // Total and collateral: approve exactly this, in one multicall with create_deal
	Deadline uint64  // Unix seconds
	First    uint64  // when chunk 0 is expected at the latest, Unix seconds
	Last     uint64  // when the last chunk is expected at the latest
	Margin   uint64  // seconds from Last to the deadline; with 0 the last release and a slash may meet in one block
}

// Quote works out terms for a deal that is created at a block timestamp in Unix
// seconds, and pays a chunk for each period of a cadence from then on.
//
// It fails with what create_deal of the class would say of the terms
// ([Terms.Check], [Terms.Deadline]), and with a *[CadenceError] if the last
// chunk is expected after the deadline.
func (t Terms) Quote(class Class, c Cadence, at uint64) (Quote, error) {
	if err := t.Check(class); err != nil {
		return Quote{}, err
	}
	total, err := t.Total()
	if err != nil {
		return Quote{}, err
	}
	locked, err := t.Locked()
	if err != nil {
		return Quote{}, err
	}
	deadline, err := t.Deadline(at)
	if err != nil {
		return Quote{}, err
	}
	if c.Period == 0 {
		return Quote{}, errNoPeriod
	}
	paying, ok := c.from(at)
	if !ok {
		return Quote{}, &CadenceError{Terms: t, Cadence: c}
	}
	first, _ := paying.Expected(0)
	last, ok := paying.Expected(t.Chunks - 1)
	if !ok || last > deadline {
		refused := &CadenceError{Terms: t, Cadence: paying, Fits: paying.by(deadline)}
		if ok {
			refused.Needs = last - at
		}
		return Quote{}, refused
	}
	return Quote{
		Terms: t, Cadence: paying, At: at, Total: total, Locked: locked,
		Deadline: deadline, First: first, Last: last, Margin: deadline - last,
	}, nil
}

// Calendar yields each chunk and when it is expected at the latest, in Unix
// seconds.
func (q Quote) Calendar() iter.Seq2[uint64, uint64] {
	return func(yield func(chunk, at uint64) bool) {
		for chunk := range q.Terms.Chunks {
			at, ok := q.Cadence.Expected(chunk)
			if !ok || !yield(chunk, at) {
				return
			}
		}
	}
}

// Plan returns terms that spend a budget over a duration in seconds: as many
// chunks as the cadence fits in, all of the same amount, and in rest what cannot
// be divided among them: less than one base unit for each chunk. Provider and
// collateral are the caller's to set; the budget is for the chunks alone.
//
// It fails with a *[CadenceError] if no chunk fits, with [ErrNoChunkAmount] if
// the budget is less than a base unit for each, and as [Terms.Quote] does.
func (c Cadence) Plan(budget Amount, duration, at uint64) (t Terms, rest Amount, err error) {
	one := Terms{Chunks: 1, ChunkAmount: AmountFromUint64(1), Duration: duration}
	q, err := one.Quote(ClassCompatible, c, at)
	if err != nil {
		return Terms{}, Amount{}, err
	}
	t = Terms{Chunks: q.Cadence.by(q.Deadline), Duration: duration}
	chunks := AmountFromUint64(t.Chunks)
	t.ChunkAmount.v.DivMod(&budget.v, &chunks.v, &rest.v)
	if t.ChunkAmount.IsZero() {
		return Terms{}, Amount{}, ErrNoChunkAmount
	}
	return t, rest, nil
}
