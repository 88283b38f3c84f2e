package starknet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

func TestClassifyCodes(t *testing.T) {
	const unknown, retry, permanent = starknet.ClassUnknown, starknet.ClassRetry, starknet.ClassPermanent
	for code, want := range map[int]starknet.Class{
		1: retry, 10: retry, 20: permanent, 21: permanent, 24: retry, 27: permanent, 28: permanent, 29: retry, 31: permanent, 32: retry,
		33: permanent, 34: permanent, 40: permanent, 41: permanent, 42: permanent, 50: permanent, 51: permanent, 52: retry, 53: retry,
		54: permanent, 55: permanent, 56: permanent, 57: permanent, 58: permanent, 59: unknown, 60: permanent, 61: permanent, 62: permanent,
		63: retry, 64: permanent, 65: retry, 66: permanent, 67: permanent, 68: permanent, 69: permanent, 100: permanent,
		-1: permanent, -32700: permanent, -32600: permanent, -32601: permanent, -32602: permanent, -32603: retry, -32000: retry, -32005: retry,
		-32099: retry, 429: retry, 503: retry, 7777: unknown, -32100: unknown, 0: unknown,
	} {
		require.Equal(t, want, starknet.Classify(fmt.Errorf("call: %w", &jsonrpc.Error{Code: code})), "code %d", code)
	}
}

func TestClassify(t *testing.T) {
	const unknown, retry, permanent = starknet.ClassUnknown, starknet.ClassRetry, starknet.ClassPermanent
	var number int
	shape := json.Unmarshal([]byte(`"x"`), &number)
	syntax := json.Unmarshal([]byte(`<html>`), &number)
	reset := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	for name, test := range map[string]struct {
		err  error
		want starknet.Class
	}{
		"nil":                                    {nil, unknown},
		"an error of somebody else":              {errors.New("boom"), unknown},
		"a number that is no status":             {errors.New("404deals"), unknown},
		"a status that is none of a failure":     {errors.New("302 Found"), unknown},
		"revert":                                 {&slastream.RevertError{Reason: "Deal not active"}, permanent},
		"refused by the account":                 {starknet.ErrValidation, permanent},
		"another chain":                          {starknet.ErrChain, permanent},
		"fee cap":                                {&starknet.FeeError{}, permanent},
		"no account":                             {starknet.ErrNoAccount, permanent},
		"no key":                                 {starknet.ErrNoKey, permanent},
		"bad answer":                             {starknet.ErrBadAnswer, retry},
		"an answer to another question":          {fmt.Errorf("%w: id 7, want 8", jsonrpc.ErrBadResponse), retry},
		"out of range":                           {&starknet.RangeError{}, permanent},
		"nonce":                                  {starknet.ErrNonce, retry},
		"canceled":                               {context.Canceled, retry},
		"deadline":                               {context.DeadlineExceeded, retry},
		"end of file":                            {io.ErrUnexpectedEOF, retry},
		"connection refused":                     {&url.Error{Op: "Post", Err: syscall.ECONNREFUSED}, retry},
		"connection reset":                       {reset, retry},
		"no such host":                           {&net.DNSError{Name: "node", IsNotFound: true}, retry},
		"an answer that is no JSON":              {syntax, retry},
		"an answer of another shape":             {shape, retry},
		"busy, as go-ethereum says it":           {rpc.HTTPError{StatusCode: 429, Status: "429 Too Many Requests"}, retry},
		"bad gateway with a page":                {rpc.HTTPError{StatusCode: 502, Status: "502 Bad Gateway", Body: []byte("<html>")}, retry},
		"forbidden":                              {rpc.HTTPError{StatusCode: 403, Status: "403 Forbidden"}, permanent},
		"busy, as internal/jsonrpc says it":      {&jsonrpc.StatusError{Status: 429, Body: "slow down"}, retry},
		"not found, as internal/jsonrpc says it": {&jsonrpc.StatusError{Status: 404}, permanent},
		"request timeout":                        {&jsonrpc.StatusError{Status: 408}, retry},
		"a send cut off":                         {&starknet.UnsettledError{Err: reset}, unknown},
		"a send that was answered with bad gateway": {&starknet.UnsettledError{Err: &jsonrpc.StatusError{Status: 502}}, unknown},
		"a send whose receipt is of another":        {&starknet.UnsettledError{Err: starknet.ErrBadAnswer}, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, starknet.Classify(test.err))
			if test.err != nil {
				require.Equal(t, test.want, starknet.Classify(fmt.Errorf("starknet: call: %w", test.err)))
			}
		})
	}
	require.Equal(t, []string{"unknown", "retry", "permanent", "Class(7)"},
		[]string{unknown.String(), retry.String(), permanent.String(), starknet.Class(7).String()})
}

// TestClassifyRecorded sends the recorded refusals of a real node through the
// requests of the account.
func TestClassifyRecorded(t *testing.T) {
	var rows []struct {
		Name     string
		Method   string
		Response struct {
			Error *struct {
				Code    int
				Message string
				Data    json.RawMessage
			}
		}
	}
	load(t, "rpc_errors.json", &rows)
	seen := map[string]starknet.Class{}
	for _, row := range rows {
		e := row.Response.Error
		if e == nil {
			continue
		}
		node := newScript(t)
		node.answer("starknet_getNonce", "0x5")
		node.answer("starknet_estimateFee", json.RawMessage(estimateJSON))
		node.fail("starknet_getTransactionReceipt", 29, "Transaction hash not found", "")
		node.fail("starknet_getTransactionStatus", 29, "Transaction hash not found", "")
		node.fail(row.Method, e.Code, e.Message, string(e.Data))
		account := newAccount(t, node)
		var err error
		switch row.Method {
		case "starknet_estimateFee":
			_, err = account.Sign(t.Context(), nil, 5)
		case "starknet_addInvokeTransaction":
			err = account.Send(t.Context(), slastream.SignedTx{Hash: attestation.WordFromUint64(1), Body: []byte("{}")})
			var open *starknet.UnsettledError
			require.NotErrorAs(t, err, &open, "%s: a refusal is certain", row.Name)
		default:
			continue
		}
		require.Error(t, err, row.Name)
		class := starknet.Classify(err)
		switch e.Code {
		case 52, 53:
			require.Equal(t, starknet.ClassRetry, class, "%s: %v", row.Name, err)
		default:
			want := starknet.ClassPermanent
			if errors.Is(err, starknet.ErrNonce) {
				want = starknet.ClassRetry
			}
			require.Equal(t, want, class, "%s: %v", row.Name, err)
		}
		seen[fmt.Sprint(row.Method, " ", e.Code)] = class
	}
	t.Log(seen)
	require.NotEmpty(t, seen)
}

// What Send reports as open, and what as refused.
func TestSendOutcome(t *testing.T) {
	tx := slastream.SignedTx{Hash: attestation.WordFromUint64(0x77), Body: []byte(`{}`)}
	for name, test := range map[string]struct {
		err  error
		open bool
	}{
		"connection reset":        {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true},
		"no connection":           {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, false},
		"no such host":            {&net.DNSError{Name: "node"}, false},
		"deadline":                {context.DeadlineExceeded, true},
		"end of file":             {io.EOF, true},
		"busy":                    {rpc.HTTPError{StatusCode: 429, Status: "429 Too Many Requests"}, false},
		"bad gateway":             {rpc.HTTPError{StatusCode: 502, Status: "502 Bad Gateway"}, true},
		"forbidden":               {rpc.HTTPError{StatusCode: 403, Status: "403 Forbidden"}, false},
		"unexpected error":        {&jsonrpc.Error{Code: 63}, true},
		"failed to write":         {&jsonrpc.Error{Code: 1}, true},
		"internal error":          {&jsonrpc.Error{Code: -32603}, true},
		"server error":            {&jsonrpc.Error{Code: -32000}, true},
		"limit exceeded":          {&jsonrpc.Error{Code: -32005}, false},
		"busy as a code":          {&jsonrpc.Error{Code: 429}, false},
		"balance":                 {&jsonrpc.Error{Code: 54}, false},
		"underpriced replacement": {&jsonrpc.Error{Code: 64}, false},
		"a code nobody knows":     {&jsonrpc.Error{Code: 4711}, true},
	} {
		t.Run(name, func(t *testing.T) {
			caller := starknet.CallerFunc(func(_ context.Context, result any, method string, _ ...any) error {
				switch method {
				case "starknet_chainId":
					return json.Unmarshal([]byte(`"0x534e5f5345504f4c4941"`), result)
				case "starknet_specVersion":
					return json.Unmarshal([]byte(`"0.9.0"`), result)
				case addInvoke:
					return test.err
				}
				return unknownHash()
			})
			err := starknet.NewAccount(caller, starknet.Sepolia, senderAddress, newKey(t)).Send(t.Context(), tx)
			require.ErrorContains(t, err, test.err.Error())
			unsettled, open := errors.AsType[*starknet.UnsettledError](err)
			require.Equal(t, test.open, open)
			require.Equal(t, test.open, starknet.Classify(err) == starknet.ClassUnknown)
			if open {
				require.Equal(t, tx, unsettled.Tx)
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	err := newAccount(t, newScript(t)).Send(gone, tx)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, starknet.ClassRetry, starknet.Classify(err), "nothing was sent")
}
