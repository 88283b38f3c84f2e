package starknet_test

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// A transaction whose first send was lost and that the node then refuses for
// good ends its call, and its nonce goes to the next.
func TestSenderGivesUpWhatIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		code  int
		again bool // the call makes another one
	}{
		"the account's validation": {55, false},
		"the balance":              {54, false},
		"the fee":                  {53, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulated.Options{})
			account, tap := s.tapped(t)
			store := new(recorder)
			sends, refusing := 0, true
			tap.set(func(method string, _ []any, next func() error) error {
				if method != addInvoke || !refusing {
					return next()
				}
				if sends++; sends == 1 {
					return errReset
				}
				if test.again && len(store.nonces()) > 1 {
					return next()
				}
				return &jsonrpc.Error{Code: test.code, Message: "refused"}
			})
			sender := starknet.NewSender(account, starknet.SenderOptions{OnSigned: store.signed})
			ctx, cancel := timeout(t, 30*time.Second)
			defer cancel()
			_, err := sender.Execute(ctx, s.transfer(0))
			if test.again {
				require.NoError(t, err)
				require.Equal(t, []uint64{0, 0}, store.nonces())
				s.requireOnce(t, 1)
				return
			}
			require.Error(t, err)
			require.NotErrorIs(t, err, errDeadline)
			require.Equal(t, starknet.ClassPermanent, starknet.Classify(err), "%v", err)
			require.GreaterOrEqual(t, sends, 6, "not before it is certain")
			refusing = false
			_, err = sender.Execute(ctx, s.transfer(0))
			require.NoError(t, err)
			require.Equal(t, []uint64{0, 0}, store.nonces())
			s.requireOnce(t, 1)
		})
	}
}

// A refusal of what is on the way already says nothing about it: the hash
// decides.
func TestSenderKeepsWhatIsKnown(t *testing.T) {
	s := newStage(t, simulated.Options{Manual: true})
	account, tap := s.tapped(t)
	store := new(recorder)
	var sends atomic.Int64
	tap.set(func(method string, _ []any, next func() error) error {
		if method != addInvoke {
			return next()
		}
		if sends.Add(1) == 1 {
			_ = next()
			return errReset
		}
		return &jsonrpc.Error{Code: 54, Message: "balance"}
	})
	sender := starknet.NewSender(account, starknet.SenderOptions{OnSigned: store.signed})
	done := make(chan error)
	go func() {
		_, err := sender.Execute(t.Context(), s.transfer(0))
		done <- err
	}()
	time.Sleep(100 * time.Millisecond)
	s.Mine()
	require.NoError(t, <-done)
	require.Len(t, store.txs, 1)
	s.requireOnce(t, 1)

	// Account.Send too.
	require.NoError(t, account.Send(t.Context(), store.txs[0]))
}

// What a call left behind and the node refuses for good does not hold up the
// calls after it.
func TestSenderFillsWhatWasLeftAndIsRefused(t *testing.T) {
	s := newStage(t, simulated.Options{})
	account, tap := s.tapped(t)
	var left slastream.SignedTx
	store := new(recorder)
	tap.set(func(method string, params []any, next func() error) error {
		if method != addInvoke {
			return next()
		}
		if left.Body == nil {
			left = store.txs[0]
		}
		raw, err := json.Marshal(params[0])
		require.NoError(t, err)
		if string(raw) == string(left.Body) {
			if len(store.nonces()) == 1 {
				return errReset
			}
			return &jsonrpc.Error{Code: 55, Message: "refused"}
		}
		return next()
	})
	sender := starknet.NewSender(account, starknet.SenderOptions{OnSigned: store.signed})
	short, cancel := timeout(t, 50*time.Millisecond)
	defer cancel()
	_, err := sender.Execute(short, s.transfer(7))
	var open *starknet.UnsettledError
	require.ErrorAs(t, err, &open)
	long, cancel := timeout(t, time.Minute)
	defer cancel()
	_, err = sender.Execute(long, s.transfer(0))
	require.NoError(t, err)
	require.Equal(t, []uint64{0, 1, 0}, store.nonces())
	s.requireOnce(t, 1)
}

// One odd refusal of a nonce does not slow down everything for ever: after 64
// transactions, calls are let ahead of their turn again.
func TestSenderLeavesTurns(t *testing.T) {
	s := newStage(t, simulated.Options{})
	account, tap := s.tapped(t)
	sender := starknet.NewSender(account, starknet.SenderOptions{})
	both := func(from int) {
		failed := make(chan error)
		for n := range 2 {
			go func() {
				_, err := sender.Execute(t.Context(), s.transfer(from+n))
				failed <- err
			}()
		}
		require.NoError(t, <-failed)
		require.NoError(t, <-failed)
	}
	// meet reports whether two calls were in one method at the same time.
	meet := func(method string) (met *atomic.Bool) {
		met = new(atomic.Bool)
		second := make(chan struct{})
		var inside atomic.Int64
		tap.set(func(m string, _ []any, next func() error) error {
			if m != method {
				return next()
			}
			switch inside.Add(1) {
			case 1:
				select {
				case <-second:
					met.Store(true)
				case <-time.After(2 * time.Second):
				}
			case 2:
				err := next()
				close(second)
				return err
			}
			return next()
		})
		return met
	}
	refused := make(chan struct{})
	var once sync.Once
	var ahead atomic.Bool
	tap.set(func(m string, params []any, next func() error) error {
		if m == "starknet_getNonce" && ahead.Load() { // the Sender finds out why
			defer once.Do(func() { close(refused) })
		}
		if m != addInvoke {
			return next()
		}
		var tx wireTx
		if err := json.Unmarshal(params[0].(json.RawMessage), &tx); err != nil {
			return err
		}
		if tx.Nonce == "0x0" {
			<-refused
			return next()
		}
		defer ahead.Store(true)
		return next()
	})
	both(0)
	met := meet("starknet_estimateFee")
	both(2)
	require.False(t, met.Load(), "in turn")
	tap.set(nil)
	for n := 4; n < 68; n++ {
		_, err := sender.Execute(t.Context(), s.transfer(n))
		require.NoError(t, err)
	}
	met = meet("starknet_estimateFee")
	both(68)
	require.True(t, met.Load(), "at once again")
	s.requireOnce(t, 70)
}
