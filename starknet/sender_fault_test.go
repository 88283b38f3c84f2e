package starknet_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// A faultyCaller is a way to a node on which much goes wrong.
type faultyCaller struct {
	starknet.Caller
	calm   atomic.Bool // nothing goes wrong
	faults atomic.Int64

	mu    sync.Mutex
	asked map[string]int
}

func (c *faultyCaller) CallContext(ctx context.Context, result any, method string, params ...any) error {
	c.mu.Lock()
	if c.asked == nil {
		c.asked = map[string]int{}
	}
	c.asked[method]++
	c.mu.Unlock()
	if c.calm.Load() {
		return c.Caller.CallContext(ctx, result, method, params...)
	}
	cut := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	switch n := rand.IntN(100); {
	case n < 10: // never arrives
		c.faults.Add(1)
		return cut
	case n < 20: // arrives, and the answer is lost
		c.faults.Add(1)
		var lost json.RawMessage
		_ = c.Caller.CallContext(ctx, &lost, method, params...)
		return cut
	case n < 25:
		c.faults.Add(1)
		return rpc.HTTPError{StatusCode: 429, Status: "429 Too Many Requests"}
	case n < 30: // arrives twice
		c.faults.Add(1)
		var lost json.RawMessage
		_ = c.Caller.CallContext(ctx, &lost, method, params...)
	}
	return c.Caller.CallContext(ctx, result, method, params...)
}

// A stage is a simulated node with an account on it.
type stage struct {
	*simulated.Node
	rpc    *jsonrpc.Client
	caller *faultyCaller
	token  *starknet.ERC20
	sender slastream.Address
}

func newStage(t testing.TB, o simulated.Options) *stage {
	t.Helper()
	node := simulated.New(o)
	client := jsonrpc.NewClient("http://in.process/rpc", node.Client())
	s := &stage{Node: node, rpc: client, caller: &faultyCaller{Caller: client}, sender: node.Accounts()[1].Address}
	s.caller.calm.Store(true)
	s.token = starknet.NewERC20(client, node.Token())
	return s
}

func (s *stage) account(t testing.TB, options ...starknet.AccountOption) *starknet.Account {
	t.Helper()
	key, err := starknet.NewLocalKey(s.Accounts()[1].PrivateKey)
	require.NoError(t, err)
	options = append([]starknet.AccountOption{starknet.WithPoll(2 * time.Millisecond)}, options...)
	return starknet.NewAccount(s.caller, starknet.Sepolia, s.sender, key, options...)
}

// transfer is a call of which one sees on chain how often it was made.
func (s *stage) transfer(n int) starknet.Call {
	low, high := starknet.SplitU256(attestation.WordFromUint64(uint64(n + 1)))
	to := recipient(n)
	f, _ := starknet.FeltFromWord(to.Word())
	return starknet.NewCall(s.Token(), "transfer", f, low, high)
}

func recipient(n int) slastream.Address {
	return slastream.Address{1, 29: byte(n >> 16), 30: byte(n >> 8), 31: byte(n)}
}

func (s *stage) requireOnce(t testing.TB, calls int) {
	t.Helper()
	for n := range calls {
		got, err := s.token.BalanceOf(t.Context(), recipient(n))
		require.NoError(t, err)
		require.Equal(t, slastream.AmountFromUint64(uint64(n+1)), got, "transfer %d", n)
	}
}

// Whatever goes wrong on the way, and whatever the chain drops, every call is
// made exactly once and no nonce is left over.
func TestSenderUnderFaults(t *testing.T) {
	const workers = 64
	tests := []struct {
		name   string
		manual bool
		calls  int
	}{
		{"a node that mines at once", false, faultCalls},
		{"a node whose open block is dropped at times", true, min(faultCalls, 250)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			calls := test.calls
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			s := newStage(t, simulated.Options{Manual: test.manual})
			account := s.account(t)
			first, err := account.Nonce(t.Context())
			require.NoError(t, err)
			var mu sync.Mutex
			hashes := map[uint64]attestation.Word{}
			sender := starknet.NewSender(account, starknet.SenderOptions{
				OnSigned: func(_ context.Context, tx slastream.SignedTx) error {
					mu.Lock()
					defer mu.Unlock()
					if was, again := hashes[tx.Nonce]; again && was != tx.Hash {
						t.Errorf("nonce %d was signed twice", tx.Nonce)
					}
					hashes[tx.Nonce] = tx.Hash
					return nil
				},
			})
			s.caller.calm.Store(false)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			var landed atomic.Int64
			chain, stop := context.WithCancel(ctx)
			var aborts int
			done := make(chan struct{})
			go func() { // the chain
				defer close(done)
				for next := int64(15); chain.Err() == nil; {
					time.Sleep(5 * time.Millisecond)
					if now := landed.Load(); now >= next && now < int64(calls)*9/10 {
						next = now + 15
						var head uint64
						if s.rpc.CallContext(chain, &head, "starknet_blockNumber") != nil || head == 0 {
							continue
						}
						if test.manual {
							head++ // the open block
						}
						if _, err := s.Abort(head); err == nil {
							aborts++
						}
					}
					if test.manual {
						s.Mine()
					}
				}
			}()
			var group sync.WaitGroup
			failed := make(chan error, workers)
			var number atomic.Int64
			for range workers {
				group.Go(func() {
					for {
						n := int(number.Add(1)) - 1
						if n >= calls {
							return
						}
						if _, err := sender.Execute(ctx, s.transfer(n)); err != nil {
							failed <- err
							return
						}
						landed.Add(1)
					}
				})
			}
			group.Wait()
			stop()
			<-done
			select {
			case err := <-failed:
				require.NoError(t, err)
			default:
			}
			s.caller.calm.Store(true)
			nonce, err := account.Nonce(t.Context())
			require.NoError(t, err)
			require.Equal(t, first+uint64(calls), nonce)
			require.Len(t, hashes, calls)
			s.requireOnce(t, calls)
			require.Greater(t, aborts, 5)
			require.Greater(t, s.caller.faults.Load(), int64(calls))
			t.Logf("%d faults, %d aborts, requests: %v", s.caller.faults.Load(), aborts, s.caller.asked)
		})
	}
}
