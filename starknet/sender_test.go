package starknet_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// A tapCaller lets a test answer in place of the node.
type tapCaller struct {
	starknet.Caller
	mu  sync.Mutex
	tap func(method string, params []any, next func() error) error
}

func (c *tapCaller) CallContext(ctx context.Context, result any, method string, params ...any) error {
	c.mu.Lock()
	tap := c.tap
	c.mu.Unlock()
	next := func() error { return c.Caller.CallContext(ctx, result, method, params...) }
	if tap == nil {
		return next()
	}
	return tap(method, params, next)
}

func (c *tapCaller) set(tap func(method string, params []any, next func() error) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tap = tap
}

func (s *stage) tapped(t testing.TB, options ...starknet.AccountOption) (*starknet.Account, *tapCaller) {
	t.Helper()
	tap := &tapCaller{Caller: s.rpc}
	key, err := starknet.NewLocalKey(s.Accounts()[1].PrivateKey)
	require.NoError(t, err)
	options = append([]starknet.AccountOption{starknet.WithPoll(time.Millisecond)}, options...)
	return starknet.NewAccount(tap, starknet.Sepolia, s.sender, key, options...), tap
}

// A recorder keeps what was signed, as a store would.
type recorder struct {
	mu  sync.Mutex
	txs []slastream.SignedTx
	err error
}

func (r *recorder) signed(_ context.Context, tx slastream.SignedTx) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.txs = append(r.txs, tx)
	return r.err
}

func (r *recorder) nonces() (out []uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, tx := range r.txs {
		out = append(out, tx.Nonce)
	}
	return out
}

var errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

const addInvoke = "starknet_addInvokeTransaction"

func TestSenderExecutes(t *testing.T) {
	s := newStage(t, simulated.Options{})
	store := new(recorder)
	sender := starknet.NewSender(s.account(t), starknet.SenderOptions{OnSigned: store.signed})
	for n := range 3 {
		r, err := sender.Execute(t.Context(), s.transfer(n))
		require.NoError(t, err)
		require.Equal(t, store.txs[n].Hash, r.Hash)
		require.Equal(t, slastream.TxAccepted, r.Status.State)
	}
	require.Equal(t, []uint64{0, 1, 2}, store.nonces())
	s.requireOnce(t, 3)

	// What the estimate refuses takes no nonce.
	_, err := sender.Execute(t.Context(), starknet.NewCall(s.Escrow(), "pause"))
	require.ErrorIs(t, err, slastream.ErrNotOwner)
	_, err = sender.Execute(t.Context(), starknet.Call{})
	require.Error(t, err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = sender.Execute(gone, s.transfer(3))
	require.ErrorIs(t, err, context.Canceled)
	_, err = sender.Execute(t.Context(), s.transfer(3))
	require.NoError(t, err)
	require.Equal(t, []uint64{0, 1, 2, 3}, store.nonces())
}

// A store that fails stops the send, and the nonce goes to the next call.
func TestSenderStoresBeforeItSends(t *testing.T) {
	s := newStage(t, simulated.Options{})
	full := errors.New("disk full")
	store := &recorder{err: full}
	account, tap := s.tapped(t, starknet.WithFees(starknet.Fees{MaxPerDay: slastream.AmountFromUint64(6e15)}))
	sent := 0
	tap.set(func(method string, _ []any, next func() error) error {
		if method == addInvoke {
			sent++
			require.Len(t, store.txs, 4, "stored before it is sent")
		}
		return next()
	})
	sender := starknet.NewSender(account, starknet.SenderOptions{OnSigned: store.signed})
	for range 3 {
		_, err := sender.Execute(t.Context(), s.transfer(0))
		require.ErrorIs(t, err, full)
	}
	require.Zero(t, sent)
	store.err = nil
	_, err := sender.Execute(t.Context(), s.transfer(0))
	require.NoError(t, err, "what was not sent does not count against the cap of a day")
	require.Equal(t, []uint64{0, 0, 0, 0}, store.nonces())
}

// An answer that is lost is settled by sending the same bytes, never by signing
// again.
func TestSenderSettlesOpenSends(t *testing.T) {
	s := newStage(t, simulated.Options{})
	account, tap := s.tapped(t)
	store := new(recorder)
	sender := starknet.NewSender(account, starknet.SenderOptions{OnSigned: store.signed})
	lose := 5
	tap.set(func(method string, _ []any, next func() error) error {
		if method == addInvoke && lose > 0 {
			lose--
			if lose%2 == 0 {
				_ = next()
			}
			return errReset
		}
		return next()
	})
	_, err := sender.Execute(t.Context(), s.transfer(0))
	require.NoError(t, err)
	require.Len(t, store.txs, 1)
	s.requireOnce(t, 1)
}

// A call whose context ends leaves its transaction behind: the error holds it,
// and later calls bring it in rather than wait for it in vain.
func TestSenderBringsInWhatWasLeft(t *testing.T) {
	s := newStage(t, simulated.Options{})
	account, tap := s.tapped(t)
	store := new(recorder)
	sender := starknet.NewSender(account, starknet.SenderOptions{OnSigned: store.signed})
	ctx, cancel := context.WithCancel(t.Context())
	tap.set(func(method string, _ []any, next func() error) error {
		if method == addInvoke {
			cancel()
			return errReset // it never arrives
		}
		return next()
	})
	_, err := sender.Execute(ctx, s.transfer(0))
	unsettled, ok := errors.AsType[*starknet.UnsettledError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, store.txs[0], unsettled.Tx)
	require.Equal(t, starknet.ClassUnknown, starknet.Classify(err))

	tap.set(nil)
	_, err = sender.Execute(t.Context(), s.transfer(1))
	require.NoError(t, err)
	require.Equal(t, []uint64{0, 1}, store.nonces())
	s.requireOnce(t, 2)
}

// The same after a crash: what was stored is handed to the next Sender.
func TestSenderPending(t *testing.T) {
	s := newStage(t, simulated.Options{})
	account := s.account(t)
	var stored []slastream.SignedTx
	for n := range 3 {
		tx, err := account.Sign(t.Context(), []starknet.Call{s.transfer(n)}, uint64(n))
		require.NoError(t, err)
		stored = append(stored, tx)
	}
	require.NoError(t, account.Send(t.Context(), stored[0]))
	store := new(recorder)
	stored = append(stored[:1], stored[2]) // one was lost with the crash
	sender := starknet.NewSender(account, starknet.SenderOptions{OnSigned: store.signed, Pending: stored})
	_, err := sender.Execute(t.Context(), s.transfer(1))
	require.NoError(t, err)
	_, err = sender.Execute(t.Context(), s.transfer(3))
	require.NoError(t, err)
	require.Equal(t, []uint64{1, 3}, store.nonces())
	s.requireOnce(t, 4)
}

// A nonce whose transaction was refused, while a later one waits and no call
// comes to take it, is filled with an empty transaction.
func TestSenderFillsGaps(t *testing.T) {
	s := newStage(t, simulated.Options{})
	account, tap := s.tapped(t)
	store := new(recorder)
	refuse, waits := make(chan struct{}), make(chan struct{})
	tap.set(func(method string, _ []any, next func() error) error {
		if method != addInvoke || len(store.nonces()) > 2 {
			return next()
		}
		select {
		case <-refuse:
			return next()
		default:
		}
		close(refuse)
		<-waits
		return &jsonrpc.Error{Code: 54, Message: "Account balance is smaller"}
	})
	sender := starknet.NewSender(account, starknet.SenderOptions{OnSigned: store.signed})
	first := make(chan error)
	go func() {
		_, err := sender.Execute(t.Context(), s.transfer(7))
		first <- err
	}()
	<-refuse
	second := make(chan error)
	go func() {
		_, err := sender.Execute(t.Context(), s.transfer(0))
		second <- err
	}()
	require.Eventually(t, func() bool { return len(store.nonces()) == 2 }, time.Minute, time.Millisecond)
	close(waits)
	require.ErrorContains(t, <-first, "balance")
	require.NoError(t, <-second)
	require.Equal(t, []uint64{0, 1, 0}, store.nonces())
	nonce, err := account.Nonce(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(2), nonce)
	s.requireOnce(t, 1)
}

// Somebody else used the nonce.
func TestSenderAdoptsTheNonceOfTheChain(t *testing.T) {
	s := newStage(t, simulated.Options{})
	account, other := s.account(t), s.account(t)
	store := new(recorder)
	sender := starknet.NewSender(account, starknet.SenderOptions{OnSigned: store.signed})
	_, err := sender.Execute(t.Context(), s.transfer(0))
	require.NoError(t, err)
	for n := 1; n < 4; n++ {
		_, err := other.Execute(t.Context(), s.transfer(n))
		require.NoError(t, err)
	}
	_, err = sender.Execute(t.Context(), s.transfer(4))
	require.NoError(t, err)
	require.Equal(t, uint64(4), store.nonces()[len(store.txs)-1])
	s.requireOnce(t, 5)
}

// A transaction that was on the way and whose nonce another program used is
// told as such, and only when that is certain.
func TestSenderTellsThatItWasReplaced(t *testing.T) {
	s := newStage(t, simulated.Options{})
	account, tap := s.tapped(t)
	other := s.account(t)
	once := false
	tap.set(func(method string, _ []any, next func() error) error {
		if method == addInvoke && !once {
			once = true
			_, err := other.Execute(t.Context(), s.transfer(0))
			require.NoError(t, err)
			return errReset
		}
		return next()
	})
	sender := starknet.NewSender(account, starknet.SenderOptions{})
	_, err := sender.Execute(t.Context(), s.transfer(1))
	require.ErrorIs(t, err, starknet.ErrNonce)
	require.ErrorContains(t, err, "used by another")
	_, err = sender.Execute(t.Context(), s.transfer(1))
	require.NoError(t, err)
	s.requireOnce(t, 2)
}

// A transaction that was accepted and dropped again is sent byte for byte once
// others wait for it.
func TestSenderAfterAReorganization(t *testing.T) {
	s := newStage(t, simulated.Options{})
	store := new(recorder)
	sender := starknet.NewSender(s.account(t), starknet.SenderOptions{OnSigned: store.signed})
	for n := range 5 {
		_, err := sender.Execute(t.Context(), s.transfer(n))
		require.NoError(t, err)
	}
	_, err := s.Abort(2) // all but the first
	require.NoError(t, err)
	_, err = sender.Execute(t.Context(), s.transfer(5))
	require.NoError(t, err)
	require.Equal(t, []uint64{0, 1, 2, 3, 4, 5}, store.nonces())
	s.requireOnce(t, 6)
}

// A transaction that does not get in is replaced, and the replacement's receipt
// counts.
func TestSenderBumps(t *testing.T) {
	s := newStage(t, simulated.Options{})
	account, tap := s.tapped(t)
	store := new(recorder)
	tap.set(func(method string, _ []any, next func() error) error {
		if method == addInvoke && len(store.nonces()) < 3 {
			return errReset
		}
		return next()
	})
	sender := starknet.NewSender(account, starknet.SenderOptions{OnSigned: store.signed, BumpAfter: 5 * time.Millisecond})
	r, err := sender.Execute(t.Context(), s.transfer(0))
	require.NoError(t, err)
	require.Contains(t, []uint64{3, 4, 5, 6, 7, 8}, uint64(len(store.txs)))
	require.Equal(t, uint64(0), store.txs[2].Nonce)
	require.NotEqual(t, store.txs[0].Hash, store.txs[1].Hash)
	require.NotEqual(t, store.txs[0].Hash, r.Hash)
	s.requireOnce(t, 1)
}

// No more than InFlight are on the way, and who waits can give up.
func TestSenderInFlight(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := newStage(t, simulated.Options{})
	account, tap := s.tapped(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	tap.set(func(method string, _ []any, next func() error) error {
		if method == addInvoke {
			once.Do(func() { close(entered); <-leave })
		}
		return next()
	})
	sender := starknet.NewSender(account, starknet.SenderOptions{InFlight: 1})
	done := make(chan error)
	go func() {
		_, err := sender.Execute(t.Context(), s.transfer(0))
		done <- err
	}()
	<-entered
	ctx, cancel := timeout(t, 5*time.Millisecond)
	defer cancel()
	_, err := sender.Execute(ctx, s.transfer(1))
	require.ErrorIs(t, err, errDeadline)
	require.Equal(t, starknet.ClassRetry, starknet.Classify(err))
	close(leave)
	require.NoError(t, <-done)
}
