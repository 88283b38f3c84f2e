package simulated_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// bad is the chain through faults.
func (c *chain) bad(f simulated.Faults) (*chain, *simulated.FaultyNode) {
	faulty := c.Faulty(f)
	return &chain{c.TB, c.Node, jsonrpc.NewClient("http://in.process/rpc", faulty.Client())}, faulty
}

// post sends a body and returns what comes back.
func post(t testing.TB, client *http.Client, body string) (*http.Response, string) {
	resp, err := client.Post("http://in.process/rpc", "application/json", bytes.NewBufferString(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(raw)
}

const chainIDCall = `{"jsonrpc":"2.0","id":0,"method":"starknet_chainId"}`

func TestFaultyAnswers(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	client, provider := c.Accounts()[1], c.Accounts()[2].Address
	first := c.sent(client, c.create(provider, 3, 100, 50, 3600)...)
	second := c.sent(client, c.create(provider, 3, 100, 50, 3600)...)
	c.Mine()

	t.Run("none", func(t *testing.T) {
		_, faulty := c.bad(simulated.Faults{})
		_, body := post(t, faulty.Client(), chainIDCall)
		require.JSONEq(t, `{"jsonrpc":"2.0","id":0,"result":"0x534e5f5345504f4c4941"}`, body)
		require.Empty(t, faulty.Happened())
	})
	t.Run("too many requests", func(t *testing.T) {
		_, faulty := c.bad(simulated.Faults{TooManyRequests: 1})
		resp, _ := post(t, faulty.Client(), chainIDCall)
		require.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
		require.Equal(t, "1", resp.Header.Get("Retry-After"))
		require.Equal(t, map[string]int{"TooManyRequests": 1}, faulty.Happened())
	})
	t.Run("server error", func(t *testing.T) {
		_, faulty := c.bad(simulated.Faults{ServerError: 1})
		seen := map[int]bool{}
		for range 50 {
			resp, body := post(t, faulty.Client(), chainIDCall)
			seen[resp.StatusCode] = true
			require.Contains(t, body, "<html>")
		}
		require.Equal(t, map[int]bool{500: true, 502: true, 503: true, 504: true}, seen)
	})
	t.Run("truncated", func(t *testing.T) {
		_, faulty := c.bad(simulated.Faults{Truncate: 1})
		for range 50 {
			resp, body := post(t, faulty.Client(), chainIDCall)
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.False(t, json.Valid([]byte(body)), body)
		}
	})
	t.Run("wrong id", func(t *testing.T) {
		_, faulty := c.bad(simulated.Faults{WrongID: 1})
		_, body := post(t, faulty.Client(), chainIDCall)
		require.JSONEq(t, `{"jsonrpc":"2.0","id":1,"result":"0x534e5f5345504f4c4941"}`, body)
	})
	t.Run("null", func(t *testing.T) {
		_, faulty := c.bad(simulated.Faults{Null: 1})
		_, body := post(t, faulty.Client(), chainIDCall)
		require.JSONEq(t, `{"jsonrpc":"2.0","id":0,"result":null}`, body)
	})
	t.Run("lost", func(t *testing.T) {
		s := c.Snapshot()
		_, faulty := c.bad(simulated.Faults{Lost: 1})
		before := c.nonce(client)
		tx, err := json.Marshal(c.build(client, before, []rpc.InvokeFunctionCall{call(c.Token(), "approve", append(felts(t, "0x5"), amountFelts(1)...)...)}, nil))
		require.NoError(t, err)
		resp, _ := post(t, faulty.Client(), `{"jsonrpc":"2.0","id":1,"method":"starknet_addInvokeTransaction","params":[`+string(tx)+`]}`)
		require.Equal(t, http.StatusGatewayTimeout, resp.StatusCode)
		require.Equal(t, before+1, c.nonce(client), "it was executed all the same")
		require.NoError(t, c.Restore(s))
	})
	t.Run("another block", func(t *testing.T) {
		bad, faulty := c.bad(simulated.Faults{OtherBlock: 1})
		type block struct {
			Number uint64 `json:"block_number"`
		}
		require.Equal(t, uint64(2), get[block](bad, "starknet_getBlockWithTxs", blockNumber(3)).Number)
		require.Equal(t, uint64(1), get[block](bad, "starknet_getBlockWithTxHashes", blockNumber(0)).Number)
		require.Equal(t, uint64(3), get[block](bad, "starknet_getBlockWithTxHashes", map[string]any{"block_hash": second.BlockHash}).Number)
		require.Equal(t, first.Hash, get[receipt](bad, "starknet_getTransactionReceipt", second.Hash).Hash)
		require.Equal(t, second.Hash, get[receipt](bad, "starknet_getTransactionByHash", first.Hash).Hash)
		events := get[struct {
			Events []struct {
				Number uint64 `json:"block_number"`
			}
		}](bad, "starknet_getEvents", map[string]any{"from_block": blockNumber(1), "to_block": blockNumber(1), "chunk_size": 100}).Events
		require.Equal(t, uint64(2), events[0].Number)
		require.Equal(t, map[string]int{"OtherBlock": 6}, faulty.Happened())
		require.Equal(t, "0x534e5f5345504f4c4941", get[string](bad, "starknet_chainId"), "nothing to get wrong")
	})
	t.Run("an old head", func(t *testing.T) {
		bad, _ := c.bad(simulated.Faults{OldHead: 1})
		unknown, older, stale := 0, 0, 0
		for range 20 {
			if get[uint64](bad, "starknet_blockNumber") < 3 {
				older++
			}
			if felts(t, get[string](bad, "starknet_getNonce", "pre_confirmed", feltOf(client.Address)))[0].Uint64() < 2 {
				stale++
			}
			err := bad.rpc.CallContext(t.Context(), nil, "starknet_getTransactionReceipt", second.Hash)
			if e, ok := errors.AsType[*jsonrpc.Error](err); ok && e.Code == 29 {
				unknown++
			}
		}
		require.Equal(t, 20, older)
		require.Positive(t, stale)
		require.Positive(t, unknown)
		require.Less(t, unknown, 20, "a node that is one block behind knows it")
	})
	t.Run("late", func(t *testing.T) {
		_, faulty := c.bad(simulated.Faults{Latency: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := jsonrpc.NewClient("http://in.process/rpc", faulty.Client()).CallContext(ctx, nil, "starknet_chainId")
		require.Error(t, err)
		faulty.Set(simulated.Faults{Latency: time.Millisecond})
		post(t, faulty.Client(), chainIDCall)
		require.Equal(t, 2, faulty.Happened()["Latency"])
	})
}

func TestDroppedAndReordered(t *testing.T) {
	for _, manual := range []bool{false, true} {
		c := newChain(t, simulated.Options{Manual: manual, Key: attesterKey()})
		alice, bob := c.Accounts()[1], c.Accounts()[2]
		approve := func(a simulated.Account, nonce uint64) map[string]any {
			return c.build(a, nonce, []rpc.InvokeFunctionCall{call(c.Token(), "approve", append(felts(t, "0x5"), amountFelts(1)...)...)}, nil)
		}
		type sent struct {
			Hash string `json:"transaction_hash"`
		}
		bad, faulty := c.bad(simulated.Faults{Drop: 1})
		tx := approve(alice, 0)
		hash := get[sent](bad, "starknet_addInvokeTransaction", tx).Hash
		require.Equal(t, c.hashOf(tx), hash, "acknowledged")
		require.Equal(t, 29, c.refused("starknet_getTransactionStatus", hash).Code, "and forgotten")
		require.Zero(t, c.nonce(alice))
		require.Equal(t, 52, bad.refused("starknet_addInvokeTransaction", approve(alice, 7)).Code, "what is refused is refused")
		require.Equal(t, 1, faulty.Happened()["Drop"])

		faulty.Set(simulated.Faults{Reorder: 1})
		require.Equal(t, hash, get[sent](bad, "starknet_addInvokeTransaction", tx).Hash)
		require.Equal(t, 59, bad.refused("starknet_addInvokeTransaction", tx).Code)
		require.Equal(t, "RECEIVED", get[receipt](c, "starknet_getTransactionStatus", hash).Finality)
		require.Equal(t, 29, c.refused("starknet_getTransactionReceipt", hash).Code)
		require.Zero(t, c.nonce(alice), "not executed")

		second := get[sent](c, "starknet_addInvokeTransaction", approve(bob, 0)).Hash
		if manual {
			c.Mine()
		}
		place := func(hash string) (out [2]uint64) {
			r := get[receipt](c, "starknet_getTransactionReceipt", hash)
			require.Equal(t, "SUCCEEDED", r.Execution)
			var id any = "pre_confirmed"
			if r.BlockHash != "" {
				id = blockNumber(r.BlockNumber)
			}
			i := slices.Index(get[struct{ Transactions []string }](c, "starknet_getBlockWithTxHashes", id).Transactions, hash)
			require.GreaterOrEqual(t, i, 0)
			return [2]uint64{r.BlockNumber, uint64(i)}
		}
		a, b := place(hash), place(second)
		require.Equal(t, -1, slices.Compare(b[:], a[:]), "bob %v, alice %v", b, a)

		// Two that wait change places.
		one := get[sent](bad, "starknet_addInvokeTransaction", approve(alice, 1)).Hash
		two := get[sent](bad, "starknet_addInvokeTransaction", approve(bob, 1)).Hash
		c.Mine()
		a, b = place(one), place(two)
		require.Equal(t, -1, slices.Compare(b[:], a[:]), "alice %v, bob %v", a, b)

		// One sender's stay in order, and do not wait for ever.
		one = get[sent](bad, "starknet_addInvokeTransaction", approve(alice, 2)).Hash
		two = get[sent](bad, "starknet_addInvokeTransaction", approve(alice, 3)).Hash
		for range 8 {
			require.NotEmpty(t, get[string](bad, "starknet_chainId"))
		}
		require.NotEqual(t, "RECEIVED", get[receipt](bad, "starknet_getTransactionStatus", two).Finality)
		a, b = place(one), place(two)
		require.Equal(t, -1, slices.Compare(a[:], b[:]))
	}
}

func TestFaultsAreSeeded(t *testing.T) {
	c := newChain(t, simulated.Options{})
	faults := simulated.Faults{Seed: 3, TooManyRequests: .2, ServerError: .2, Truncate: .2, WrongID: .2, Null: .2}
	run := func(f *simulated.FaultyNode) (out []string) {
		for range 100 {
			resp, body := post(t, f.Client(), chainIDCall)
			out = append(out, resp.Status+body)
		}
		return out
	}
	first := c.Faulty(faults)
	want := run(first)
	require.Equal(t, want, run(c.Faulty(faults)))
	require.Len(t, first.Happened(), 5)
	first.Set(faults)
	require.Equal(t, want, run(first), "Set starts again")
	faults.Seed = 4
	require.NotEqual(t, want, run(c.Faulty(faults)))
}

// TestFaultsOverHTTP is one kind through a real server.
func TestFaultsOverHTTP(t *testing.T) {
	c := newChain(t, simulated.Options{})
	server := httptest.NewServer(c.Faulty(simulated.Faults{TooManyRequests: 1}))
	defer server.Close()
	resp, err := http.Post(server.URL+"/rpc/v0_10", "application/json", bytes.NewBufferString(chainIDCall))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
}

// TestSDKThroughFaults reads and writes through every fault that can be seen.
// What package starknet returns without an error is true.
func TestSDKThroughFaults(t *testing.T) {
	for name, faults := range map[string]simulated.Faults{
		"too many requests": {TooManyRequests: .5},
		"server error":      {ServerError: .5},
		"lost":              {Lost: .5},
		"truncated":         {Truncate: .5},
		"wrong id":          {WrongID: .5},
		"null":              {Null: .5},
		"another block":     {OtherBlock: .5},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChain(t, simulated.Options{Key: attesterKey()})
			ctx := t.Context()
			honest := c.as("/rpc", c.Accounts()[1])
			for range 2 {
				_, err := honest.CreateDeal(ctx, slastream.Terms{Provider: c.Accounts()[2].Address, Chunks: 30, ChunkAmount: slastream.AmountFromUint64(100), Duration: 3600})
				require.NoError(t, err)
			}
			var want []slastream.Event
			for e, err := range honest.Events(ctx, 1, 1) {
				require.NoError(t, err)
				want = append(want, e.Event)
			}
			require.Len(t, want, 1)
			deal, err := honest.Deal(ctx, attestation.WordFromUint64(1))
			require.NoError(t, err)
			nonce, err := honest.Nonce(ctx)
			require.NoError(t, err)

			faulty := c.Faulty(faults)
			caller := jsonrpc.NewClient("http://in.process/rpc", faulty.Client())
			bad := starknet.NewEscrow(caller, c.Escrow(), starknet.WithAccount(c.account(caller, c.Accounts()[1])))
			wrong := 0
			for i := range uint64(20) {
				if got, err := bad.Deal(ctx, deal.ID); err == nil {
					require.Equal(t, deal, got)
				} else {
					wrong++
				}
				if got, err := bad.Nonce(ctx); err == nil {
					require.Equal(t, nonce, got)
				} else {
					wrong++
				}
				var events []slastream.Event
				complete := true
				for e, err := range bad.Events(ctx, 1, 1) {
					if complete = err == nil; !complete {
						wrong++
						break
					}
					events = append(events, e.Event)
				}
				if complete {
					require.Equal(t, want, events)
				}
				// A release is done, refused as done before, or unsettled.
				signed := attest(1, i)
				released := func() bool {
					got, err := honest.ChunkReleased(ctx, deal.ID, i)
					require.NoError(t, err)
					return got
				}
				relay := starknet.NewEscrow(caller, c.Escrow(), starknet.WithAccount(c.account(caller, c.Accounts()[3])))
				if err := relay.Release(ctx, signed); err == nil {
					require.True(t, released(), "chunk %d", i)
				} else if revert, ok := errors.AsType[*slastream.RevertError](err); ok {
					require.ErrorIs(t, revert, slastream.ErrChunkReleased)
					require.True(t, released(), "chunk %d", i)
				}
				if deal, err = honest.Deal(ctx, deal.ID); err != nil {
					t.Fatal(err)
				}
			}
			require.NotEmpty(t, faulty.Happened())
			require.Positive(t, wrong, "nothing went wrong")
		})
	}
}

func (c *chain) account(caller starknet.Caller, a simulated.Account) *starknet.Account {
	c.Helper()
	key, err := starknet.NewLocalKey(a.PrivateKey)
	require.NoError(c, err)
	return starknet.NewAccount(caller, starknet.Sepolia, a.Address, key, starknet.WithPoll(time.Millisecond))
}
