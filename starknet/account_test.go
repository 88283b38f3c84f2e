package starknet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/account"
	"github.com/NethermindEth/starknet.go/curve"
	"github.com/NethermindEth/starknet.go/hash"
	snrpc "github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

var (
	secretKey     = [32]byte{1, 2, 3, 31: 0xaa}
	senderAddress = slastream.Address{31: 0x55}
)

func errorIs(err, target error) bool { return errors.Is(err, target) }

func newKey(t testing.TB) *starknet.LocalKey {
	t.Helper()
	k, err := starknet.NewLocalKey(secretKey)
	require.NoError(t, err)
	return k
}

func newAccount(t testing.TB, node *script) *starknet.Account {
	t.Helper()
	return starknet.NewAccount(node.client(), starknet.Sepolia, senderAddress, newKey(t), starknet.WithPoll(time.Second))
}

const estimateJSON = `[{"l1_gas_consumed":"0x0","l1_data_gas_consumed":"0x240","l1_gas_price":"0x3b9aca00","l1_data_gas_price":"0x3","l2_gas_consumed":"0x177cd00","l2_gas_price":"0xffffffffffffffffffff","overall_fee":"0x1","unit":"FRI"}]`

func TestSignAgainstStarknetGo(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_estimateFee", json.RawMessage(estimateJSON))
	calls := []starknet.Call{
		starknet.NewCall(slastream.Address{31: 7}, "transfer", feltOf(t, "0x1"), feltOf(t, "0x2"), feltOf(t, "0x3")),
		starknet.NewCall(slastream.Address{31: 9}, "pause"),
	}
	a := newAccount(t, node)
	signed, err := a.Sign(t.Context(), calls, 41)
	require.NoError(t, err)
	require.Equal(t, uint64(41), signed.Nonce)
	require.Equal(t, senderAddress, signed.Sender)

	check := func(body []byte, query bool) *felt.Felt {
		var tx snrpc.InvokeTxnV3
		require.NoError(t, json.Unmarshal(body, &tx))
		want := snrpc.TransactionV3
		if query {
			want = snrpc.TransactionV3WithQueryBit
		}
		require.Equal(t, want, tx.Version)
		chain := new(felt.Felt).SetBytes([]byte("SN_SEPOLIA"))
		h, err := hash.TransactionHashInvokeV3(&tx, chain)
		require.NoError(t, err)
		require.Len(t, tx.Signature, 2)
		good, err := curve.VerifyFelts(h, tx.Signature[0], tx.Signature[1], newKey(t).PublicKey())
		require.NoError(t, err)
		require.True(t, good)
		require.Equal(t, feltOf(t, "0x29"), tx.Nonce)
		// starknet.go serializes the same multicall.
		theirs := account.FmtCallDataCairo2([]snrpc.FunctionCall{
			{ContractAddress: feltOf(t, "0x7"), EntryPointSelector: starknet.Selector("transfer"), Calldata: calls[0].Calldata},
			{ContractAddress: feltOf(t, "0x9"), EntryPointSelector: starknet.Selector("pause")},
		})
		require.Equal(t, hexes(theirs), hexes(tx.Calldata))
		if !query {
			require.Equal(t, snrpc.U64("0x233b380"), tx.ResourceBounds.L2Gas.MaxAmount) // 24,628,480 and a half
			require.Equal(t, snrpc.U128("0x17ffffffffffffffffffe"), tx.ResourceBounds.L2Gas.MaxPricePerUnit)
			require.Equal(t, snrpc.U64("0x0"), tx.ResourceBounds.L1Gas.MaxAmount)
			require.Equal(t, snrpc.U128("0x59682f00"), tx.ResourceBounds.L1Gas.MaxPricePerUnit)
			require.Equal(t, snrpc.U64("0x360"), tx.ResourceBounds.L1DataGas.MaxAmount)
			require.Equal(t, snrpc.U128("0x4"), tx.ResourceBounds.L1DataGas.MaxPricePerUnit)
		}
		return h
	}
	require.Equal(t, signed.Hash, starknet.WordFromFelt(check(signed.Body, false)))

	// The node saw only a signature for a query.
	estimates := node.asked[len(node.asked)-1]
	require.Equal(t, "starknet_estimateFee", estimates.Method)
	require.JSONEq(t, `"pre_confirmed"`, string(estimates.Params[2]))
	var list []json.RawMessage
	require.NoError(t, json.Unmarshal(estimates.Params[0], &list))
	require.NotEqual(t, signed.Hash, starknet.WordFromFelt(check(list[0], true)))

	again, err := a.Sign(t.Context(), calls, 41)
	require.NoError(t, err)
	require.Equal(t, signed.Hash, again.Hash, "the hash does not depend on the signature")
	require.Equal(t, 1, node.count("starknet_chainId"))
}

func TestLocalKey(t *testing.T) {
	k := newKey(t)
	x, _ := curve.PrivateKeyToPoint(new(big.Int).SetBytes(secretKey[:]))
	require.Equal(t, x, k.PublicKey().BigInt(new(big.Int)))
	message := feltOf(t, "0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")
	r, s, err := k.SignHash(t.Context(), message)
	require.NoError(t, err)
	good, err := curve.VerifyFelts(message, r, s, k.PublicKey())
	require.NoError(t, err)
	require.True(t, good)

	n := wordOf(t, "0x800000000000010ffffffffffffffffb781126dcae7b2321e66a241adc64d2f")
	for _, bad := range [][32]byte{{}, n, {0: 0xff}} {
		_, err := starknet.NewLocalKey(bad)
		require.ErrorContains(t, err, "secret key")
		require.NotContains(t, err.Error(), fmt.Sprintf("%x", bad[:4]))
	}
	last := wordOf(t, "0x800000000000010ffffffffffffffffb781126dcae7b2321e66a241adc64d2e")
	_, err = starknet.NewLocalKey(last)
	require.NoError(t, err)

	var zero starknet.LocalKey
	require.True(t, zero.PublicKey().IsZero())
	_, _, err = zero.SignHash(t.Context(), message)
	require.Error(t, err)
}

func TestLocalKeyDoesNotPrint(t *testing.T) {
	k := newKey(t)
	type holder struct {
		Pointer *starknet.LocalKey
		Value   starknet.LocalKey
		hidden  starknet.LocalKey
	}
	h := holder{k, *k, *k}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		for _, v := range []any{k, *k, h, &h, []any{k, *k}} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "key", k, "value", *k, "holder", h)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "key", k, "value", *k, "holder", h)
	for _, v := range []any{k, *k, h} {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		out.Write(raw)
	}
	require.Contains(t, out.String(), k.PublicKey().String())
	for _, form := range []string{"%x", "%X", "%d", "%v", "%#v", "%q"} {
		require.NotContains(t, out.String(), fmt.Sprintf(form, secretKey[:4]), "bytes as %s", form)
		require.NotContains(t, out.String(), fmt.Sprintf(form, secretKey), "array as %s", form)
	}
	require.NotContains(t, out.String(), "1 2 3 0 0")
	require.NotContains(t, out.String(), "0x1, 0x2, 0x3")
	require.NotContains(t, out.String(), new(big.Int).SetBytes(secretKey[:]).String())
}

func TestSignRefuses(t *testing.T) {
	call := starknet.NewCall(slastream.Address{31: 7}, "pause")
	tests := []struct {
		name    string
		prepare func(*script)
		calls   []starknet.Call
		want    string
		is      error
	}{
		{"another chain", func(s *script) { s.answer("starknet_chainId", "0x534e5f4d41494e") }, []starknet.Call{call}, `"SN_MAIN", want "SN_SEPOLIA"`, starknet.ErrChain},
		{"no answer to the chain id", func(s *script) { s.fail("starknet_chainId", -32603, "busy", "") }, []starknet.Call{call}, "busy", nil},
		{"contract address that is no felt", nil, []starknet.Call{starknet.NewCall(slastream.Address{0xff}, "pause")}, "out of range for felt", nil},
		{"no selector", nil, []starknet.Call{{To: senderAddress}}, "nil felt", nil},
		{"nil in the calldata", nil, []starknet.Call{starknet.NewCall(senderAddress, "pause", nil)}, "nil felt", nil},
		{"no estimate", func(s *script) { s.answer("starknet_estimateFee", []any{}) }, []starknet.Call{call}, "0 estimates", starknet.ErrBadAnswer},
		{"an estimate of an RPC that is too old", func(s *script) {
			s.answer("starknet_estimateFee", json.RawMessage(`[{"gas_consumed":"0x1","gas_price":"0x1"}]`))
		}, []starknet.Call{call}, "l2_gas_consumed", starknet.ErrBadAnswer},
		{"amount beyond u64", func(s *script) {
			s.answer("starknet_estimateFee", json.RawMessage(`[{"l2_gas_consumed":"0x10000000000000000","l2_gas_price":"0x1"}]`))
		}, []starknet.Call{call}, "l2_gas", starknet.ErrBadAnswer},
		{"price beyond u128", func(s *script) {
			s.answer("starknet_estimateFee", json.RawMessage(`[{"l1_gas_price":"0xffffffffffffffffffffffffffffffff"}]`))
		}, []starknet.Call{call}, "l1_gas", starknet.ErrBadAnswer},
		{"felt not below the prime", func(s *script) {
			s.answer("starknet_estimateFee", json.RawMessage(`[{"l1_gas_price":"0x800000000000011000000000000000000000000000000000000000000000001"}]`))
		}, []starknet.Call{call}, "out of range for felt", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			node := newScript(t)
			node.answer("starknet_estimateFee", json.RawMessage(estimateJSON))
			if test.prepare != nil {
				test.prepare(node)
			}
			_, err := newAccount(t, node).Sign(t.Context(), test.calls, 0)
			require.ErrorContains(t, err, test.want)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
		})
	}
}

func TestSignL2BoundStopsAtTheLimit(t *testing.T) {
	for consumed, want := range map[string]string{
		"0x1":        "0x1",        // 1
		"0x2fa3f3c0": "0x3b9aca00", // 799,273,920: the half would make it 1.2e9
		"0x4190ab00": "0x4190ab00", // 1.1e9 as estimated
	} {
		node := newScript(t)
		node.answer("starknet_estimateFee", json.RawMessage(`[{"l2_gas_consumed":"`+consumed+`","l2_gas_price":"0x1"}]`))
		signed, err := newAccount(t, node).Sign(t.Context(), nil, 0)
		require.NoError(t, err)
		require.Contains(t, string(signed.Body), `"l2_gas":{"max_amount":"`+want+`"`)
	}
}

// A foreign key that signs something else.
type brokenKey struct{ starknet.Key }

func (brokenKey) SignHash(_ ctx, h *felt.Felt) (r, s *felt.Felt, err error) { return h, h, nil }

type nilKey struct{ starknet.Key }

func (nilKey) SignHash(_ ctx, h *felt.Felt) (r, s *felt.Felt, err error) { return nil, nil, nil }

func TestSignChecksTheSignature(t *testing.T) {
	for _, key := range []starknet.Key{brokenKey{newKey(t)}, nilKey{newKey(t)}} {
		node := newScript(t)
		a := starknet.NewAccount(node.client(), starknet.Sepolia, senderAddress, key)
		_, err := a.Sign(t.Context(), nil, 0)
		require.ErrorContains(t, err, "does not verify")
		require.Zero(t, node.count("starknet_estimateFee"))
	}
}

func TestSignAheadOfTheChain(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_getNonce", "0x5")
	node.on("starknet_estimateFee", func(params []json.RawMessage) (any, error) {
		var txs []struct{ Nonce string }
		require.NoError(t, json.Unmarshal(params[0], &txs))
		if txs[0].Nonce != "0x5" {
			return nil, nonceError()
		}
		return json.RawMessage(estimateJSON), nil
	})
	a := newAccount(t, node)
	signed, err := a.Sign(t.Context(), nil, 8)
	require.NoError(t, err)
	require.Equal(t, uint64(8), signed.Nonce)
	require.Contains(t, string(signed.Body), `"nonce":"0x8"`)
	_, err = a.Sign(t.Context(), nil, 4)
	require.ErrorIs(t, err, starknet.ErrNonce)
	require.ErrorContains(t, err, "next is 5, want 4")
}

func TestSend(t *testing.T) {
	tx := slastream.SignedTx{Hash: attestation.WordFromUint64(0x77), Body: []byte(`{"type":"INVOKE","nonce":"0x1"}`)}
	known := func(s *script) {
		s.fail("starknet_getTransactionReceipt", 29, "Transaction hash not found", "")
		s.answer("starknet_getTransactionStatus", map[string]string{"finality_status": "RECEIVED"})
	}
	unknown := func(s *script) {
		s.fail("starknet_getTransactionReceipt", 29, "Transaction hash not found", "")
		s.fail("starknet_getTransactionStatus", 29, "Transaction hash not found", "")
	}
	const method = "starknet_addInvokeTransaction"
	tests := []struct {
		name    string
		prepare func(*script)
		want    error
		text    string
	}{
		{"accepted", func(s *script) { s.answer(method, map[string]string{"transaction_hash": "0x77"}) }, nil, ""},
		{"already in the mempool", func(s *script) {
			s.fail(method, 59, "A transaction with the same hash already exists in the mempool", "")
		}, nil, ""},
		{"nonce used by itself", func(s *script) { s.fail(method, 52, "Invalid transaction nonce", `"x"`); known(s) }, nil, ""},
		{"nonce used by another", func(s *script) { s.fail(method, 52, "Invalid transaction nonce", `"x"`); unknown(s) }, starknet.ErrNonce, ""},
		{"lookup fails", func(s *script) {
			s.fail(method, 52, "Invalid transaction nonce", `"x"`)
			s.fail("starknet_getTransactionReceipt", -32603, "busy", "")
		}, nil, "busy"},
		{"hash of another transaction", func(s *script) { s.answer(method, map[string]string{"transaction_hash": "0x78"}) }, starknet.ErrBadAnswer, ""},
		{"no balance", func(s *script) { s.fail(method, 54, "Account balance is smaller", "") }, nil, "Account balance"},
		{"another chain", func(s *script) { s.answer("starknet_chainId", "0x1") }, starknet.ErrChain, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			node := newScript(t)
			test.prepare(node)
			err := newAccount(t, node).Send(t.Context(), tx)
			switch {
			case test.want != nil:
				require.ErrorIs(t, err, test.want)
			case test.text != "":
				require.ErrorContains(t, err, test.text)
			default:
				require.NoError(t, err)
				require.Equal(t, method, node.asked[1].Method)
				require.Equal(t, string(tx.Body), string(node.asked[1].Params[0]), "byte for byte")
			}
		})
	}
	err := newAccount(t, newScript(t)).Send(t.Context(), slastream.SignedTx{Body: []byte("{")})
	require.ErrorContains(t, err, "not JSON")
}

func TestTransportFailureIsNoRevert(t *testing.T) {
	node := newScript(t)
	cut := errors.New("connection reset")
	node.broken = func(*http.Request) error { return cut }
	a := newAccount(t, node)
	escrow := starknet.NewEscrow(node.client(), slastream.Address{31: 1}, starknet.WithAccount(a))
	_, dealErr := escrow.Deal(t.Context(), attestation.Word{})
	_, nonceErr := escrow.Nonce(t.Context())
	_, signErr := escrow.SignRelease(t.Context(), attestation.Signed{}, 0)
	_, statusErr := escrow.Status(t.Context(), attestation.Word{})
	var revert *slastream.RevertError
	for _, err := range []error{dealErr, nonceErr, signErr, statusErr, escrow.Release(t.Context(), attestation.Signed{}), escrow.Send(t.Context(), slastream.SignedTx{Body: []byte("{}")})} {
		require.ErrorIs(t, err, cut)
		require.NotErrorAs(t, err, &revert)
	}
}

func TestStatus(t *testing.T) {
	receipt := func(finality, execution string, more map[string]any) map[string]any {
		r := map[string]any{"transaction_hash": "0x77", "finality_status": finality, "execution_status": execution, "block_number": 9}
		for k, v := range more {
			r[k] = v
		}
		return r
	}
	inBlock := map[string]any{"block_hash": "0xb"}
	accepted := slastream.TxStatus{State: slastream.TxAccepted, BlockNumber: 9, BlockHash: attestation.WordFromUint64(0xb)}
	settled := accepted
	settled.State = slastream.TxSettled
	tests := []struct {
		name    string
		receipt any
		status  string
		want    slastream.TxStatus
		err     string
	}{
		{"accepted on L2", receipt("ACCEPTED_ON_L2", "SUCCEEDED", inBlock), "", accepted, ""},
		{"accepted on L1", receipt("ACCEPTED_ON_L1", "SUCCEEDED", inBlock), "", settled, ""},
		{"pre-confirmed and reverted: may still change", receipt("PRE_CONFIRMED", "REVERTED", map[string]any{"revert_reason": "x"}), "", slastream.TxStatus{State: slastream.TxReceived}, ""},
		{"no receipt, received", nil, "RECEIVED", slastream.TxStatus{State: slastream.TxReceived}, ""},
		{"no receipt, candidate", nil, "CANDIDATE", slastream.TxStatus{State: slastream.TxReceived}, ""},
		{"no receipt, accepted in between", nil, "ACCEPTED_ON_L2", slastream.TxStatus{State: slastream.TxReceived}, ""},
		{"unknown", nil, "", slastream.TxStatus{}, ""},
		{"unknown word of the status", nil, "LOST", slastream.TxStatus{}, `"LOST"`},
		{"unknown word of the receipt", receipt("LOST", "SUCCEEDED", inBlock), "", slastream.TxStatus{}, `"LOST"`},
		{"unknown execution status", receipt("ACCEPTED_ON_L2", "MAYBE", inBlock), "", slastream.TxStatus{}, `"MAYBE"`},
		{"accepted without a block", receipt("ACCEPTED_ON_L2", "SUCCEEDED", nil), "", slastream.TxStatus{}, "without block"},
		{"no felt in an event", receipt("ACCEPTED_ON_L2", "SUCCEEDED", map[string]any{"block_hash": "0xb", "events": []any{map[string]any{"from_address": "1", "keys": []string{}, "data": []string{}}}}), "", slastream.TxStatus{}, "want 0x"},
		{"emitter that is no address", receipt("ACCEPTED_ON_L2", "SUCCEEDED", map[string]any{"block_hash": "0xb", "events": []any{map[string]any{"from_address": "0x800000000000000000000000000000000000000000000000000000000000000", "keys": []string{}, "data": []string{}}}}), "", slastream.TxStatus{}, "out of range for address"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			node := newScript(t)
			if test.receipt != nil {
				node.answer("starknet_getTransactionReceipt", test.receipt)
			} else {
				node.fail("starknet_getTransactionReceipt", 29, "Transaction hash not found", "")
			}
			if test.status != "" {
				node.answer("starknet_getTransactionStatus", map[string]string{"finality_status": test.status})
			} else {
				node.fail("starknet_getTransactionStatus", 29, "Transaction hash not found", "")
			}
			got, err := newAccount(t, node).Status(t.Context(), attestation.WordFromUint64(0x77))
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	_, err := newAccount(t, newScript(t)).Status(t.Context(), attestation.Word{0xff})
	var out *starknet.RangeError
	require.ErrorAs(t, err, &out)
}

func TestWait(t *testing.T) {
	hash := attestation.WordFromUint64(0x77)
	const method = "starknet_getTransactionReceipt"
	t.Run("asks until it is accepted, through failures", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			node := newScript(t)
			n := 0
			node.on(method, func([]json.RawMessage) (any, error) {
				n++
				r := map[string]any{"transaction_hash": "0x77", "block_number": 9, "finality_status": "PRE_CONFIRMED", "execution_status": "SUCCEEDED"}
				switch {
				case n < 4:
					return nil, unknownHash()
				case n < 8:
					return nil, errors.New("busy")
				case n == 8:
					return r, nil
				}
				r["finality_status"], r["block_hash"] = "ACCEPTED_ON_L2", "0xb"
				return r, nil
			})
			start := time.Now()
			r, err := newAccount(t, node).Wait(t.Context(), hash)
			require.NoError(t, err)
			require.Equal(t, slastream.TxAccepted, r.Status.State)
			require.Equal(t, 8*time.Second, time.Since(start))
		})
	})
	t.Run("gives up on a node that only fails", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			node := newScript(t)
			node.fail(method, -32603, "busy", "")
			_, err := newAccount(t, node).Wait(t.Context(), hash)
			require.ErrorContains(t, err, "busy")
			require.Equal(t, 6, node.count(method))
		})
	})
	t.Run("ends with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			node := newScript(t)
			node.fail(method, 29, "Transaction hash not found", "")
			ctx, cancel := timeout(t, 10*time.Second)
			defer cancel()
			_, err := newAccount(t, node).Wait(ctx, hash)
			require.ErrorIs(t, err, errDeadline)
		})
	})
	t.Run("does not believe another receipt", func(t *testing.T) {
		node := newScript(t)
		node.answer(method, map[string]any{"transaction_hash": "0x78", "finality_status": "ACCEPTED_ON_L2"})
		_, err := newAccount(t, node).Wait(t.Context(), hash)
		require.ErrorIs(t, err, starknet.ErrBadAnswer)
	})
}

// Transactions of one account do not take one nonce, and who waits for his turn
// can give up.
func TestExecuteTakesTurns(t *testing.T) {
	node, escrow := writable(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	node.on("starknet_getNonce", func([]json.RawMessage) (any, error) {
		close(entered)
		<-leave
		return "0x1", nil
	})
	done := make(chan error)
	go func() { done <- escrow.Pause(t.Context()) }()
	<-entered
	ctx, cancel := timeout(t, time.Millisecond)
	defer cancel()
	require.ErrorIs(t, escrow.Pause(ctx), errDeadline)
	close(leave)
	require.NoError(t, <-done)
	require.Equal(t, 1, node.count("starknet_getNonce"))
}
