package starknet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// A counted is a way to a node that counts the calls of each method, and may
// change answers.
type counted struct {
	starknet.Caller
	calls  map[string]int
	before func(method string, params []any) error
	after  func(method string, result string) string // may be nil
}

func (c *counted) CallContext(ctx ctx, result any, method string, params ...any) error {
	mutex.Lock()
	c.calls[method]++
	mutex.Unlock()
	if c.before != nil {
		if err := c.before(method, params); err != nil {
			return err
		}
	}
	if c.after == nil {
		return c.Caller.CallContext(ctx, result, method, params...)
	}
	var raw json.RawMessage
	if err := c.Caller.CallContext(ctx, &raw, method, params...); err != nil {
		return err
	}
	return json.Unmarshal([]byte(c.after(method, string(raw))), result)
}

// A city is a simulated node and what releases need.
type city struct {
	testing.TB
	node   *simulated.Node
	caller *counted
	signer signer.Signer
}

func newCity(t testing.TB, o simulated.Options) *city {
	key, err := signer.NewLocal([32]byte{31: 9})
	require.NoError(t, err)
	o.Key = key.PublicKey()
	if o.Clock == nil {
		o.Clock = func() uint64 { return 1_800_000_000 }
	}
	c := &city{TB: t, node: simulated.New(o)}
	c.caller = &counted{Caller: jsonrpc.NewClient("http://in.process/rpc/v0_10", c.node.Client()), calls: make(map[string]int)}
	c.signer, err = signer.New(key)
	require.NoError(t, err)
	return c
}

func (c *city) account(i int) *starknet.Account {
	c.Helper()
	key, err := starknet.NewLocalKey(c.node.Accounts()[i].PrivateKey)
	require.NoError(c, err)
	return starknet.NewAccount(c.caller, starknet.Sepolia, c.node.Accounts()[i].Address, key, starknet.WithPoll(time.Millisecond))
}

func (c *city) escrow(i int) *starknet.Escrow {
	c.Helper()
	return starknet.NewEscrow(c.caller, c.node.Escrow(), starknet.WithAccount(c.account(i)))
}

func (c *city) create(provider slastream.Address, chunks, duration uint64) attestation.Word {
	c.Helper()
	id, err := c.escrow(1).CreateDeal(c.Context(), slastream.Terms{Provider: provider, Chunks: chunks, ChunkAmount: slastream.AmountFromUint64(100), Collateral: slastream.AmountFromUint64(7), Duration: duration})
	require.NoError(c, err)
	return id
}

func (c *city) sign(deal attestation.Word, chunk uint64) attestation.Signed {
	c.Helper()
	s, err := c.signer.Attest(c.Context(), signer.Request{Attestation: attestation.Attestation{DealID: deal, ChunkIndex: chunk, ProofSetID: attestation.WordFromUint64(3), Timestamp: 1_800_000_000}, Domain: c.node.Domain()})
	require.NoError(c, err)
	return s
}

// highS is the same signature in its other form, which the strict rules refuse.
func highS(t testing.TB, s attestation.Signed) attestation.Signed {
	n := wordOf(t, "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").Big()
	w, err := attestation.WordFromBig(n.Sub(n, s.Signature.S.Big()))
	require.NoError(t, err)
	s.Signature.S, s.Signature.V = w, s.Signature.V^1
	return s
}

// TestReleaseAll: 200 items, seven of them bad in seven ways. The others are
// paid, in as many transactions as the chain's limits ask for.
func TestReleaseAll(t *testing.T) {
	c := newCity(t, simulated.Options{})
	provider := c.node.Accounts()[2].Address
	many, short, poor, over := c.create(provider, 300, 9000), c.create(provider, 2, 9000), c.create(slastream.Address{}, 5, 9000), c.create(provider, 5, 10)
	relay := c.escrow(3)
	require.NoError(t, relay.Release(t.Context(), c.sign(many, 299)))
	c.node.IncreaseTime(11)
	require.NoError(t, relay.Slash(t.Context(), over))

	var items []attestation.Signed
	for chunk := range uint64(191) {
		items = append(items, c.sign(many, chunk))
	}
	items = append(items, c.sign(short, 0), c.sign(short, 1))
	flipped := c.sign(many, 200)
	flipped.Signature.V ^= 1
	bad := map[int]error{ // inserted at that index, from the front
		0:   slastream.ErrKeyX,
		17:  slastream.ErrRecovery,
		40:  slastream.ErrChunkOutOfBounds,
		90:  slastream.ErrChunkReleased,
		91:  slastream.ErrDealNotActive,
		150: &slastream.RevertError{Reason: "ERC20: transfer to 0"},
		199: slastream.ErrChunkReleased,
	}
	insert := func(i int, s attestation.Signed) {
		items = append(items[:i], append([]attestation.Signed{s}, items[i:]...)...)
	}
	insert(0, flipped)
	insert(17, highS(t, c.sign(many, 201)))
	insert(40, c.sign(many, 300))
	insert(90, c.sign(many, 299)) // is paid
	insert(91, c.sign(over, 0))
	insert(150, c.sign(poor, 0)) // only the token refuses it
	insert(199, c.sign(many, 5)) // an earlier item pays it
	require.Len(t, items, 200)

	token := starknet.NewERC20(c.caller, c.node.Token())
	before, err := token.BalanceOf(t.Context(), provider)
	require.NoError(t, err)
	sent, asked := c.caller.calls["starknet_addInvokeTransaction"], c.caller.calls["starknet_estimateFee"]
	out := relay.ReleaseAll(t.Context(), items)
	require.Len(t, out, 200)
	txs := map[attestation.Word]int{}
	for i, r := range out {
		if want, is := bad[i]; is {
			require.ErrorIs(t, r.Err, want, "item %d", i)
			require.Zero(t, r.TxHash, "it cost nothing")
			continue
		}
		require.NoError(t, r.Err, "item %d", i)
		txs[r.TxHash]++
	}
	sent = c.caller.calls["starknet_addInvokeTransaction"] - sent
	require.Len(t, txs, sent, "every transaction paid something")
	require.LessOrEqual(t, sent, 6, "193 chunks, 41 a transaction")
	asked = c.caller.calls["starknet_estimateFee"] - asked
	require.LessOrEqual(t, asked, 2*sent+2*6+2, "two a transaction, and the search for the one item that only the token refuses")
	t.Logf("%d estimates, %d transactions %v; requests %v", asked, sent, txs, c.caller.calls)
	after, err := token.BalanceOf(t.Context(), provider)
	require.NoError(t, err)
	paid, err := after.Sub(before)
	require.NoError(t, err)
	require.Equal(t, slastream.AmountFromUint64(193*100+7), paid, "193 chunks and the collateral of the short deal")

	// Again: nothing is paid and nothing sent.
	sent = c.caller.calls["starknet_addInvokeTransaction"]
	for i, r := range relay.ReleaseAll(t.Context(), items) {
		var revert *slastream.RevertError
		require.ErrorAs(t, r.Err, &revert, "item %d", i)
	}
	require.Equal(t, sent, c.caller.calls["starknet_addInvokeTransaction"])
}

// TestReleaseAllVerdicts: the verdict of each item is the one that the chain
// would give if they were released one by one.
func TestReleaseAllVerdicts(t *testing.T) {
	c := newCity(t, simulated.Options{})
	provider := c.node.Accounts()[2].Address
	deal, short := c.create(provider, 4, 9000), c.create(provider, 1, 9000)
	forged := c.sign(deal, 0)
	forged.Attestation.Timestamp++
	items := []attestation.Signed{
		forged, c.sign(deal, 0), c.sign(deal, 0), forged, // a bad signature does not use the chunk up
		c.sign(short, 0), c.sign(short, 0), // after its last chunk a deal is over
	}
	want := []error{slastream.ErrKeyX, nil, slastream.ErrChunkReleased, slastream.ErrChunkReleased, nil, slastream.ErrDealNotActive}
	for i, r := range c.escrow(3).ReleaseAll(t.Context(), items) {
		if want[i] == nil {
			require.NoError(t, r.Err, "item %d", i)
		} else {
			require.ErrorIs(t, r.Err, want[i], "item %d", i)
		}
	}
	require.Empty(t, c.escrow(3).ReleaseAll(t.Context(), nil))
	require.NoError(t, c.escrow(0).Pause(t.Context()))
	require.ErrorIs(t, c.escrow(3).ReleaseAll(t.Context(), []attestation.Signed{c.sign(deal, 1)})[0].Err, slastream.ErrPaused)
	require.ErrorIs(t, starknet.NewEscrow(c.caller, c.node.Escrow()).ReleaseAll(t.Context(), items[:1])[0].Err, starknet.ErrNoAccount)
}

// TestReleaseAllLimits: on nodes where a release costs more, or that say that a
// transaction is too large, fewer go into one.
func TestReleaseAllLimits(t *testing.T) {
	for name, test := range map[string]struct {
		impair func(c *city)
		most   int // releases a transaction
		txs    int
	}{
		"a release costs twice as much": {func(c *city) {
			c.caller.after = func(method, result string) string {
				if method != "starknet_estimateFee" {
					return result
				}
				var list []map[string]string
				require.NoError(t, json.Unmarshal([]byte(result), &list))
				list[0]["l2_gas_consumed"] = fmt.Sprintf("0x%x", 2*uint64Of(t, list[0]["l2_gas_consumed"]))
				out, err := json.Marshal(list)
				require.NoError(t, err)
				return string(out)
			}
		}, 20, 3},
		"out of gas above 30": {func(c *city) {
			c.caller.before = func(method string, params []any) error {
				if method != "starknet_estimateFee" {
					return nil
				}
				var tx struct{ Calldata []string }
				require.NoError(t, json.Unmarshal(params[0].([]json.RawMessage)[0], &tx))
				if uint64Of(t, tx.Calldata[0]) <= 30 {
					return nil
				}
				return &jsonrpc.Error{Code: 41, Message: "Transaction execution error", Data: json.RawMessage(`{"transaction_index":0,"execution_error":{"selector":"0x1","error":"0x4f7574206f6620676173 ('Out of gas').\n"}}`)}
			}
		}, 30, 2},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCity(t, simulated.Options{})
			deal := c.create(c.node.Accounts()[2].Address, 60, 9000)
			var items []attestation.Signed
			for chunk := range uint64(50) {
				items = append(items, c.sign(deal, chunk))
			}
			test.impair(c)
			txs := map[attestation.Word]int{}
			for i, r := range c.escrow(3).ReleaseAll(t.Context(), items) {
				require.NoError(t, r.Err, "item %d", i)
				txs[r.TxHash]++
			}
			for _, n := range txs {
				require.LessOrEqual(t, n, test.most)
			}
			require.Len(t, txs, test.txs, "%v", txs)
		})
	}
}

// TestReleaseAllRace: another relay pays a chunk after the estimate. The
// transaction reverts or is refused, and the others are still paid.
func TestReleaseAllRace(t *testing.T) {
	c := newCity(t, simulated.Options{})
	deal := c.create(c.node.Accounts()[2].Address, 10, 9000)
	var items []attestation.Signed
	for chunk := range uint64(8) {
		items = append(items, c.sign(deal, chunk))
	}
	other := starknet.NewEscrow(jsonrpc.NewClient("http://in.process/rpc", c.node.Client()), c.node.Escrow(), starknet.WithAccount(c.account(4)))
	done := false
	c.caller.before = func(method string, _ []any) error {
		if method == "starknet_addInvokeTransaction" && !done {
			done = true
			require.NoError(t, other.Release(t.Context(), items[3]))
		}
		return nil
	}
	for i, r := range c.escrow(3).ReleaseAll(t.Context(), items) {
		if i == 3 {
			require.ErrorIs(t, r.Err, slastream.ErrChunkReleased)
			continue
		}
		require.NoError(t, r.Err, "item %d", i)
	}
}

// TestReleaseAllFailures: what is no refusal is told of every item that it
// concerns, and never as a refusal.
func TestReleaseAllFailures(t *testing.T) {
	for _, method := range []string{
		"starknet_getStorageAt", "starknet_call", "starknet_getClassHashAt", "starknet_estimateFee", "starknet_getNonce",
		"starknet_addInvokeTransaction", "starknet_getTransactionReceipt",
	} {
		t.Run(method, func(t *testing.T) {
			c := newCity(t, simulated.Options{})
			deal := c.create(c.node.Accounts()[2].Address, 10, 9000)
			broken := fmt.Errorf("connection to %s lost", "node")
			c.caller.before = func(m string, _ []any) error {
				if m == method {
					return broken
				}
				return nil
			}
			items := []attestation.Signed{c.sign(deal, 0), c.sign(deal, 1), c.sign(deal, 0)}
			relay := c.escrow(3)
			for i, r := range relay.ReleaseAll(t.Context(), items) {
				var revert *slastream.RevertError
				require.ErrorIs(t, r.Err, broken, "item %d", i)
				require.False(t, asRevert(r.Err, &revert))
				var open *starknet.UnsettledError
				require.Equal(t, i < 2 && (method == "starknet_addInvokeTransaction" || method == "starknet_getTransactionReceipt"), errors.As(r.Err, &open), "item %d: %v", i, r.Err)
			}
		})
	}
}
