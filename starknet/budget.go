package starknet

import (
	"sync"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

const day = 24 * time.Hour

// A budget holds [Fees.MaxPerDay]: what was signed in the last 24 hours.
type budget struct {
	mu     sync.Mutex
	spent  slastream.Amount // sum of all costs
	spends []*spend         // oldest first
	nonces map[uint64]*spend
	hashes map[attestation.Word]*spend
}

// A spend is what the transactions of one nonce may cost. The chain executes
// one of them.
type spend struct {
	at    time.Time
	nonce uint64
	cost  slastream.Amount // of the dearest in txs, or the fee that was paid
	paid  bool
	txs   map[attestation.Word]slastream.Amount
}

// reserve counts a transaction that is about to be signed, or refuses it.
func (b *budget) reserve(nonce uint64, hash attestation.Word, most, limit slastream.Amount) error {
	if limit.IsZero() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire()
	s := b.nonces[nonce]
	cost := most
	var has slastream.Amount
	if s != nil {
		has = s.cost
		if s.paid || cost.Cmp(has) < 0 {
			cost = has
		}
	}
	others, _ := b.spent.Sub(has) // a part of it
	sum, err := others.Add(cost)
	if err != nil || sum.Cmp(limit) > 0 {
		left, err := limit.Sub(b.spent)
		if err != nil {
			left = slastream.Amount{}
		}
		return &FeeError{Most: most, Cap: limit, Day: true, Left: left}
	}
	if s == nil {
		s = &spend{at: time.Now(), nonce: nonce, txs: make(map[attestation.Word]slastream.Amount, 1)}
		if b.nonces == nil {
			b.nonces, b.hashes = make(map[uint64]*spend), make(map[attestation.Word]*spend)
		}
		b.spends = append(b.spends, s)
		b.nonces[nonce] = s
	}
	s.txs[hash] = most
	b.hashes[hash] = s
	s.cost, b.spent = cost, sum
	return nil
}

// settle counts the fee that a transaction paid.
func (b *budget) settle(hash attestation.Word, fee slastream.Amount) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.hashes[hash]; s != nil {
		s.paid = true
		if most := s.txs[hash]; fee.Cmp(most) > 0 {
			fee = most // no chain takes more, whatever the node says
		}
		b.set(s, fee)
	}
}

// release forgets a transaction that was never sent.
func (b *budget) release(hash attestation.Word) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.hashes[hash]
	if s == nil {
		return
	}
	delete(b.hashes, hash)
	delete(s.txs, hash)
	if s.paid {
		return
	}
	var cost slastream.Amount
	for _, most := range s.txs {
		if most.Cmp(cost) > 0 {
			cost = most
		}
	}
	b.set(s, cost)
	if len(s.txs) == 0 {
		delete(b.nonces, s.nonce)
	}
}

func (b *budget) set(s *spend, cost slastream.Amount) {
	rest, _ := b.spent.Sub(s.cost) // a part of it
	sum, err := rest.Add(cost)
	if err != nil {
		return // no fee is that large
	}
	s.cost, b.spent = cost, sum
}

// expire forgets what is older than a day.
func (b *budget) expire() {
	for len(b.spends) > 0 && time.Since(b.spends[0].at) >= day {
		s := b.spends[0]
		b.spends = b.spends[1:]
		b.set(s, slastream.Amount{})
		if b.nonces[s.nonce] == s {
			delete(b.nonces, s.nonce)
		}
		for hash := range s.txs {
			delete(b.hashes, hash)
		}
	}
}
