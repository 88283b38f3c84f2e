package starknet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/slastream"
)

// SenderOptions are what [NewSender] can be told. The zero value is fine.
type SenderOptions struct {
	// InFlight is how many transactions may be on the way at once; further calls
	// wait. 0 means 64, the most is 200: nodes refuse a nonce that is further
	// ahead of the account's (max_allowed_nonce_gap of the sequencer's gateway,
	// starkware-libs/sequencer, crates/apollo_gateway_config).
	InFlight int
	// OnSigned is called with every transaction after it was signed and before
	// it is sent: the place to store it, so that after a crash it can be looked
	// up and sent again, and not signed a second time. An error stops the send;
	// the nonce then goes to another transaction, so what was stored in spite of
	// the error must never be sent. Nor must what Execute refused without an
	// *[UnsettledError]: take it out of the store. It is called from several goroutines at
	// once, and also for transactions that the Sender makes itself: replacements,
	// and empty ones that fill a gap.
	OnSigned func(ctx context.Context, tx slastream.SignedTx) error
	// BumpAfter is how long a transaction may be on the way before it is replaced
	// with [Account.Bump], again and again. 0 means never.
	BumpAfter time.Duration
	// Pending are transactions of this account that were signed before, by a
	// program that ended, and may or may not have been sent. Their nonces are
	// not used again, and they are sent if later transactions wait for them.
	Pending []slastream.SignedTx
}

const (
	defaultInFlight = 64
	maxInFlight     = 200
	minTurns        = 64 // transactions sent in turn before others are tried again, at first
	maxTurns        = 1 << 16
	keepFlights     = 256 // transactions kept after they were executed, in case a reorganization drops them
)

// A Sender has many transactions of one account on the way at once, and numbers
// them. It is safe for concurrent use; it has no goroutines of its own and need
// not be closed. One account must have one Sender, in one process, and nobody
// else who numbers its transactions.
//
// What it promises of every call of [Sender.Execute]: while its context lives,
// the transaction is sent until it is accepted. A send whose outcome is open is
// settled by the hash and by sending the same bytes again; so is a transaction
// that the node forgot or that a reorganization dropped. Two different
// transactions are signed for one nonce only if the node refused the first and
// it cannot be on the way, or as replacement of one that does not get in.
//
// Nonces are counted here; the chain's is adopted where it is greater. A nonce
// whose transaction was refused goes to the next call. If there is none, while
// later transactions wait, an empty transaction fills the gap.
//
// Some nodes take transactions ahead of the account's nonce, as the network's
// own mempool does. Others (starknet-devnet, package simulated) refuse them; the
// Sender learns that from the first refusal and from then on sends each when its
// turn has come. It tries again after 64 transactions, then after twice as many
// and so on, since a node that is behind for a moment refuses the same.
//
// A transaction that was handed over and is then refused for what it is (by the
// account, for its fee, for the balance) ends its call with that error once it
// is certain that it is not on the way: refused five times in a row, and its
// hash unknown each time. Its nonce is free then.
type Sender struct {
	account *Account
	o       SenderOptions
	slots   chan struct{} // a token for each transaction on the way
	asking  chan struct{} // a token for who estimates or sends while inOrder
	healing chan struct{} // a token for who looks after gaps
	healed  time.Time     // when that was done last; needs the token

	mu      sync.Mutex
	started bool
	next    uint64             // the lowest nonce never given out
	chain   uint64             // the account's nonce as last heard
	floor   uint64             // what was signed for lower nonces is not known (any more)
	inOrder bool               // the node takes no nonce ahead of the account's
	until   uint64             // the account's nonce from which on that is found out again
	turns   uint64             // how many transactions that was put off for
	coming  int                // calls that will take a nonce soon
	free    []uint64           // nonces given back, ascending
	flights map[uint64]*flight // by nonce, also those that nobody waits for
}

// NewSender returns the sender of an account. It makes no request.
func NewSender(account *Account, o SenderOptions) *Sender {
	if o.InFlight <= 0 {
		o.InFlight = defaultInFlight
	}
	return &Sender{
		account: account,
		o:       o,
		slots:   make(chan struct{}, min(o.InFlight, maxInFlight)),
		asking:  make(chan struct{}, 1),
		healing: make(chan struct{}, 1),
		flights: make(map[uint64]*flight),
	}
}

// Execute makes one transaction of calls, sends it and waits until it is
// accepted on L2, for as long as ctx lives: failures of the transport and busy
// nodes are waited out.
//
// A refusal by a contract is a *slastream.RevertError as in [Account.Execute].
// An *[UnsettledError] holds a transaction that may still be executed: ctx ended
// while it was on the way. After any other error nothing was executed. An error
// with [ErrNonce] says that another program used the nonce.
func (s *Sender) Execute(ctx context.Context, calls ...Call) (*Receipt, error) {
	calldata, err := multicall(calls)
	if err != nil {
		return nil, err
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("starknet: execute: %w", ctx.Err())
	}
	for failures := 1; ; failures++ {
		r, err := s.execute(ctx, calldata)
		again, ok := errors.AsType[*againError](err)
		if !ok {
			if err == nil && r.Status.Revert != nil {
				return r, r.Status.Revert
			}
			return r, err
		}
		if pause(ctx, backoff(s.account.poll, failures)) != nil {
			return nil, fmt.Errorf("starknet: execute: %w, after: %w", ctx.Err(), again.error)
		}
	}
}

// An againError is a failure after which a transaction is made anew.
type againError struct{ error }

func (e *againError) Unwrap() error { return e.error }

// retry makes err an againError if trying again with the same node may help.
func retry(ctx context.Context, err error) error {
	if ctx.Err() == nil && Classify(err) == ClassRetry && !errors.Is(err, ErrBadAnswer) {
		return &againError{err}
	}
	return err
}

// execute makes one transaction and sees it through.
func (s *Sender) execute(ctx context.Context, calldata []*felt.Felt) (*Receipt, error) {
	s.come(1)
	coming := true
	defer func() {
		if coming {
			s.come(-1)
		}
	}()
	if err := s.start(ctx); err != nil {
		return nil, retry(ctx, err)
	}
	// Before it takes a nonce: most calls that fail do so here.
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	hint := s.hint()
	bounds, chain, err := s.account.estimateNext(ctx, calldata, hint)
	leave()
	if err != nil {
		return nil, retry(ctx, err)
	}
	if chain > hint {
		s.observe(chain)
	}
	f := s.take()
	coming = false
	if err := s.sign(ctx, f, calldata, bounds); err != nil {
		s.giveBack(f)
		return nil, err
	}
	return s.follow(ctx, f)
}

func (s *Sender) come(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.coming += n
}

// enter waits until no other call estimates or sends, where the node executes
// what is sent at once: the account's nonce must not change during an estimate,
// and with many calls it always would.
func (s *Sender) enter(ctx context.Context) (leave func(), err error) {
	s.mu.Lock()
	inOrder := s.inOrder
	s.mu.Unlock()
	if !inOrder {
		return func() {}, nil
	}
	select {
	case s.asking <- struct{}{}:
		return func() { <-s.asking }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("starknet: execute: %w", ctx.Err())
	}
}

func (s *Sender) hint() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chain
}

// start asks for the first nonce.
func (s *Sender) start(ctx context.Context) error {
	s.mu.Lock()
	started := s.started
	s.mu.Unlock()
	if started {
		return nil
	}
	if err := s.account.checkChain(ctx); err != nil {
		return err
	}
	chain, err := s.account.Nonce(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return nil
	}
	s.started, s.chain, s.next, s.floor = true, chain, chain, chain
	for _, tx := range s.o.Pending {
		if tx.Nonce < chain {
			continue
		}
		f := s.flights[tx.Nonce]
		if f == nil {
			f = newFlight(tx.Nonce)
			f.owned, f.handed = false, true
			s.flights[tx.Nonce] = f
		}
		f.txs = append(f.txs, tx)
		s.next = max(s.next, tx.Nonce+1)
	}
	for n := chain; n < s.next && len(s.free) < maxInFlight; n++ {
		if s.flights[n] == nil {
			s.free = append(s.free, n)
		}
	}
	return nil
}

// take gives out the lowest nonce that is free.
func (s *Sender) take() *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.coming--
	n := s.next
	if len(s.free) > 0 {
		n, s.free = s.free[0], s.free[1:]
	} else {
		s.next++
	}
	f := newFlight(n)
	s.flights[n] = f
	return f
}

// giveBack takes back a nonce whose transaction is not on the way.
func (s *Sender) giveBack(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tx := range f.txs {
		s.account.Discard(tx)
	}
	delete(s.flights, f.nonce)
	if f.nonce >= s.chain {
		i, _ := slices.BinarySearch(s.free, f.nonce)
		s.free = slices.Insert(s.free, i, f.nonce)
	}
	for len(s.free) > 0 && s.free[len(s.free)-1] == s.next-1 { // no gap: nothing comes after it
		s.free = s.free[:len(s.free)-1]
		s.next--
	}
}

// advance sets the account's nonce. One odd refusal must not slow down
// everything for ever: after a while the node is tried again with transactions
// ahead of their turn. The lock is held.
func (s *Sender) advance(chain uint64) {
	s.chain = chain
	if s.inOrder && chain >= s.until {
		s.inOrder = false
	}
}

// observe takes notice of the account's nonce.
func (s *Sender) observe(chain uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(chain)
	s.next = max(s.next, chain)
	i, _ := slices.BinarySearch(s.free, chain)
	s.free = s.free[i:]
	if len(s.flights) <= 2*keepFlights {
		return
	}
	for n, f := range s.flights {
		if !f.owned && n+keepFlights < chain {
			delete(s.flights, n)
			s.floor = max(s.floor, n+1)
		}
	}
}

// sign signs the transaction of f and shows it to OnSigned.
func (s *Sender) sign(ctx context.Context, f *flight, calldata []*felt.Felt, bounds Bounds) error {
	u, err := s.account.unsigned(invokeTx{sender: s.account.address, calldata: calldata, nonce: f.nonce, bounds: bounds})
	if err != nil {
		return err
	}
	tx, err := s.account.sign(ctx, u)
	if err != nil {
		return err
	}
	return s.signed(ctx, f, tx)
}

func (s *Sender) signed(ctx context.Context, f *flight, tx slastream.SignedTx) error {
	if s.o.OnSigned != nil {
		if err := s.o.OnSigned(ctx, tx); err != nil {
			s.account.Discard(tx)
			return fmt.Errorf("starknet: transaction %v was not sent: %w", tx.Hash, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.txs, f.taken, f.at = append(f.txs, tx), false, time.Now()
	return nil
}
