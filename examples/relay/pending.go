package main

import (
	"context"
	"sync"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/relay"
)

// pendingLimit is the longest pause between two tries to bind a deal.
const pendingLimit = 10 * time.Minute

// maxWaiting bounds the text of what a binding waits for.
const maxWaiting = 300

// A pending are the bindings of the file that are not made yet, such as one of a
// data set that its provider has still to create. They do not make a turn fail.
type pending struct {
	mu   sync.Mutex
	list []*waiting
}

// A waiting is one of them.
type waiting struct {
	relay.Binding
	err   string // what it waits for
	tries int
	next  time.Time
}

// A waitingView is one in the answer of /readyz.
type waitingView struct {
	Deal  string `json:"deal"`
	Set   string `json:"set"`
	Error string `json:"error"`
	Next  string `json:"next_try"`
}

func newPending(bindings []relay.Binding) *pending {
	p := &pending{}
	for _, b := range bindings {
		p.list = append(p.list, &waiting{Binding: b})
	}
	return p
}

// due returns those whose next try has come.
func (p *pending) due(now time.Time) (list []*waiting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.list {
		if !now.Before(w.next) {
			list = append(list, w)
		}
	}
	return list
}

// tried notes what came of a try. It reports whether that is news.
func (p *pending) tried(w *waiting, poll time.Duration, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.drop(w.Deal)
		return w.err != ""
	}
	before := w.err
	w.err = oneLine(err)
	w.next = time.Now().Add(min(poll<<min(w.tries, 20), pendingLimit))
	w.tries++
	return withoutDigits(before) != withoutDigits(w.err) // epochs go on
}

// drop ends the waiting of a deal, that somebody has bound or unbound by hand.
func (p *pending) drop(deal attestation.Word) {
	for i, w := range p.list {
		if w.Deal == deal {
			p.list = append(p.list[:i:i], p.list[i+1:]...)
			return
		}
	}
}

// forget is drop for others than the pending itself.
func (p *pending) forget(deal attestation.Word) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(deal)
}

// neededFrom is the first epoch that one of them may earn in, from if that is
// lower.
func (p *pending) neededFrom(from uint64) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.list {
		from = min(from, w.StartEpoch) // 0: the creation of the deal, which may be long ago
	}
	return from
}

func (p *pending) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.list)
}

// views returns at most so many, for an answer.
func (p *pending) views(most int) []waitingView {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []waitingView{}
	for _, w := range p.list[:min(len(p.list), most)] {
		list = append(list, waitingView{short(w.Deal), short(w.Set), cut(w.err, maxWaiting), when(w.next)})
	}
	return list
}

// bindPending tries to bind what is due. It returns the first thing that is wrong
// for good, which matters before the first turn only: later somebody has to look,
// and the other deals go on.
func (d *daemon) bindPending(ctx context.Context) (bad error) {
	for _, w := range d.pending.due(time.Now()) {
		err := d.relay.Bind(ctx, w.Binding)
		if ctx.Err() != nil {
			return bad
		}
		news := d.pending.tried(w, time.Duration(d.config.Relay.Poll), err)
		if bad == nil {
			bad = judge(err)
		}
		switch {
		case err != nil && news:
			d.log.Warn("not bound yet; it is tried again, less and less often", "deal", w.Deal.Big(), "set", w.Set.Big(), "err", oneLine(err))
		case err == nil && news:
			d.log.Info("bound after waiting", "deal", w.Deal.Big(), "set", w.Set.Big())
		}
	}
	return bad
}
