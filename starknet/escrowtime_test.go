package starknet_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// eventRange is the filter of a question for events.
func eventRange(t testing.TB, params []any) (first uint64, filter string) {
	raw, err := json.Marshal(params[0])
	require.NoError(t, err)
	var f struct {
		From struct {
			Number uint64 `json:"block_number"`
		} `json:"from_block"`
	}
	require.NoError(t, json.Unmarshal(raw, &f))
	return f.From.Number, string(raw)
}

func TestCreatedAt(t *testing.T) {
	for _, version := range []string{"v0_9", "v0_10"} {
		for name, narrow := range map[string]uint64{"one question for the whole chain": 1 << 40, "a node that answers for seven blocks at most": 7} {
			t.Run(version+" "+name, func(t *testing.T) {
				c := newCity(t, simulated.Options{})
				c.caller.Caller = jsonrpc.NewClient("http://in.process/rpc/"+version, c.node.Client())
				relay := c.escrow(3)
				type made struct {
					deal attestation.Word
					at   uint64
				}
				var deals []made
				for range 12 {
					c.node.IncreaseTime(1000)
					deal := c.create(c.node.Accounts()[2].Address, 5, 9000)
					require.NoError(t, relay.Release(t.Context(), c.sign(deal, 0)))
					d, err := relay.Deal(t.Context(), deal)
					require.NoError(t, err)
					deals = append(deals, made{deal, d.Deadline - 9000})
				}
				head, err := relay.Head(t.Context())
				require.NoError(t, err)
				c.caller.before = func(method string, params []any) error {
					if method != "starknet_getEvents" {
						return nil
					}
					first, filter := eventRange(t, params)
					require.Contains(t, filter, starknet.Selector("DealCreated").String(), "not all events are asked for")
					if first+narrow <= head {
						var last struct {
							To struct {
								Hash attestation.Word `json:"block_hash"`
							} `json:"to_block"`
						}
						require.NoError(t, json.Unmarshal([]byte(filter), &last))
						var b struct {
							Number uint64 `json:"block_number"`
						}
						require.NoError(t, c.caller.Caller.CallContext(t.Context(), &b, "starknet_getBlockWithTxHashes", map[string]any{"block_hash": feltOf(t, last.To.Hash.String()).String()}))
						if b.Number-first >= narrow {
							return &jsonrpc.Error{Code: -32602, Message: "range too large"}
						}
					}
					return nil
				}
				for _, d := range deals {
					c.caller.calls = map[string]int{}
					at, err := relay.CreatedAt(t.Context(), d.deal)
					require.NoError(t, err)
					require.Equal(t, d.at, at)
					if narrow > head {
						require.Equal(t, 1, c.caller.calls["starknet_getEvents"])
						require.LessOrEqual(t, c.caller.calls["starknet_getBlockWithTxHashes"]+c.caller.calls["starknet_getBlockWithReceipts"], 3)
					}
				}
				_, err = relay.CreatedAt(t.Context(), attestation.WordFromUint64(13))
				require.ErrorIs(t, err, slastream.ErrNoDeal)
				_, err = relay.CreatedAt(t.Context(), attestation.Word{1})
				require.ErrorIs(t, err, slastream.ErrNoDeal)
				_, err = relay.At(starknet.BlockNumber(2)).CreatedAt(t.Context(), deals[11].deal)
				require.ErrorIs(t, err, slastream.ErrNoDeal, "not yet")
				newest, err := relay.CreatedAt(t.Context(), deals[11].deal)
				require.NoError(t, err)
				now, err := relay.Now(t.Context())
				require.NoError(t, err)
				require.GreaterOrEqual(t, now, newest)
				before, err := relay.At(starknet.BlockNumber(2)).Now(t.Context())
				require.NoError(t, err)
				require.Less(t, before, newest)
			})
		}
	}
}

// TestCreatedAtBadAnswers: a node that lies or fails is never taken for a deal
// that does not exist.
func TestCreatedAtBadAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		impair func(c *city, broken error)
		want   error // nil: broken
	}{
		"the head cannot be told": {func(c *city, broken error) {
			c.caller.before = failing("starknet_getBlockWithTxHashes", broken)
		}, nil},
		"events cannot be told": {func(c *city, broken error) { c.caller.before = failing("starknet_getEvents", broken) }, nil},
		"every range is refused": {func(c *city, _ error) {
			c.caller.before = failing("starknet_getEvents", &jsonrpc.Error{Code: -32602, Message: "range too large"})
		}, errRange},
		"no timestamp": {func(c *city, _ error) {
			c.caller.after = edited(c, "starknet_getBlockWithTxHashes", func(block map[string]any) { delete(block, "timestamp") })
		}, starknet.ErrBadAnswer},
		"the event of another deal": {func(c *city, _ error) {
			c.caller.after = edited(c, "starknet_getEvents", func(page map[string]any) {
				page["events"].([]any)[0].(map[string]any)["keys"].([]any)[1] = "0x7"
			})
		}, starknet.ErrBadAnswer},
		"an event that is none of the escrow's": {func(c *city, _ error) {
			c.caller.after = edited(c, "starknet_getEvents", func(page map[string]any) {
				page["events"].([]any)[0].(map[string]any)["data"] = []any{"0x1"}
			})
		}, starknet.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCity(t, simulated.Options{})
			deal := c.create(c.node.Accounts()[2].Address, 5, 9000)
			broken := errors.New("connection lost")
			test.impair(c, broken)
			want := test.want
			if want == nil {
				want = broken
			}
			_, err := c.escrow(3).CreatedAt(t.Context(), deal)
			if want == errRange {
				require.ErrorContains(t, err, "range too large")
			} else {
				require.ErrorIs(t, err, want)
			}
			require.NotErrorIs(t, err, slastream.ErrNoDeal)
		})
	}
}

var errRange = errors.New("range too large")

func failing(method string, err error) func(string, []any) error {
	return func(m string, _ []any) error {
		if m == method {
			return err
		}
		return nil
	}
}

// edited changes the answers of a method.
func edited(t testing.TB, method string, change func(map[string]any)) func(method, result string) string {
	return func(m, result string) string {
		if m != method {
			return result
		}
		var v map[string]any
		require.NoError(t, json.Unmarshal([]byte(result), &v))
		change(v)
		out, err := json.Marshal(v)
		require.NoError(t, err)
		return string(out)
	}
}

func TestReleasePending(t *testing.T) {
	for _, version := range []string{"v0_9", "v0_10"} {
		t.Run(version, func(t *testing.T) {
			c := newCity(t, simulated.Options{Manual: true})
			c.caller.Caller = jsonrpc.NewClient("http://in.process/rpc/"+version, c.node.Client())
			terms := slastream.Terms{Provider: c.node.Accounts()[2].Address, Chunks: 2, ChunkAmount: slastream.AmountFromUint64(100), Duration: 9000}
			client, relay := c.account(1), c.escrow(3)
			for range 2 {
				calls, err := relay.CreateDealCalls(t.Context(), terms)
				require.NoError(t, err)
				send(t, client, calls...)
				c.node.Mine()
			}
			one, two := attestation.WordFromUint64(1), attestation.WordFromUint64(2)
			pending := func(deal attestation.Word, want bool) {
				t.Helper()
				got, err := relay.ReleasePending(t.Context(), deal)
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
			account := c.account(3)
			for chunk := range uint64(2) { // the second completes the deal
				pending(one, false)
				send(t, account, relay.ReleaseCall(c.sign(one, chunk)))
				pending(one, true)
				pending(two, false)
				c.node.Mine()
				pending(one, false)
			}
			c.node.IncreaseTime(9001)
			send(t, account, relay.SlashCall(two))
			pending(two, false)
			pending(attestation.WordFromUint64(3), false)

			// A block that is sealed between the two questions.
			c.node.Mine()
			calls, err := relay.CreateDealCalls(t.Context(), terms)
			require.NoError(t, err)
			send(t, client, calls...)
			c.node.Mine()
			three := attestation.WordFromUint64(3)
			send(t, account, relay.ReleaseCall(c.sign(three, 0)))
			asked := 0
			c.caller.before = func(method string, _ []any) error {
				if method == "starknet_call" {
					if asked++; asked == 2 {
						c.node.Mine()
					}
				}
				return nil
			}
			pending(three, true)
			require.Equal(t, 2, asked)

			broken := errors.New("connection lost")
			for fails := range 2 {
				asked := 0
				c.caller.before = func(method string, _ []any) error {
					if method == "starknet_call" {
						if asked++; asked == fails+1 {
							return broken
						}
					}
					return nil
				}
				_, err := relay.ReleasePending(t.Context(), three)
				require.ErrorIs(t, err, broken)
			}
		})
	}
}

// send sends calls and does not wait.
func send(t testing.TB, account *starknet.Account, calls ...starknet.Call) slastream.SignedTx {
	t.Helper()
	nonce, err := account.Nonce(t.Context())
	require.NoError(t, err)
	tx, err := account.Sign(t.Context(), calls, nonce)
	require.NoError(t, err)
	require.NoError(t, account.Send(t.Context(), tx))
	return tx
}
