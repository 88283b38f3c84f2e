package cairo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/wasmcairo"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
	"github.com/slastream/slastream-go/starknet/cairo/internal/crate"
)

// openCairo returns the Cairo compiler, or skips the test.
func openCairo(t *testing.T) *wasmcairo.Cairo {
	t.Helper()
	c, err := wasmcairo.Open()
	if err != nil {
		missing(t, "wasm-cairo", err.Error())
	}
	return c
}

func sierraCompiler(t *testing.T) string {
	t.Helper()
	path := os.Getenv("SLASTREAM_SIERRA_COMPILER")
	if path == "" {
		missing(t, "wasm-cairo", "SLASTREAM_SIERRA_COMPILER names no universal-sierra-compiler")
	}
	return path
}

// A sierraCaller declares classes with contract_class_version 1.7.0. The class
// hash stays, and the node counts Sierra gas instead of Cairo steps.
type sierraCaller struct {
	starknet.Caller
	open bool // the sender's signature is not checked
}

func (c sierraCaller) CallContext(ctx context.Context, result any, method string, params ...any) error {
	for i, p := range params {
		raw, err := json.Marshal(p)
		if err != nil {
			return err
		}
		raw = bytes.ReplaceAll(raw, []byte(`"contract_class_version":"0.1.0"`), []byte(`"contract_class_version":"1.7.0"`))
		// In an estimate devnet gives such an account no more gas than the bound.
		if c.open {
			raw = bytes.ReplaceAll(raw, []byte(`"l2_gas":{"max_amount":"0x0"`), []byte(`"l2_gas":{"max_amount":"0x3b9aca00"`))
		}
		params[i] = json.RawMessage(raw)
	}
	return c.Caller.CallContext(ctx, result, method, params...)
}

var builtAccount *crate.Class // by the first test that needs it

// openAccount compiles tests/account.cairo, once.
func openAccount(t *testing.T) *crate.Class {
	if builtAccount == nil {
		source, err := crate.Source("tests", "account")
		require.NoError(t, err)
		sierra, err := openCairo(t).Compile(t.Context(), source)
		require.NoError(t, err)
		builtAccount, err = crate.Build(t.Context(), sierraCompiler(t), sierra)
		require.NoError(t, err)
	}
	return builtAccount
}

// countSierraGas replaces the accounts of a node by one whose class counts
// Sierra gas, and makes it declare others that do. The predeployed accounts
// count Cairo steps, and so does whatever they call.
func countSierraGas(t *testing.T, d *devnet) {
	ctx := t.Context()
	class := openAccount(t)
	var err error
	funder := d.senders[0]
	funder.Caller = sierraCaller{Caller: d.rpc}
	for _, c := range []cairo.Class{cairo.Compatible, cairo.Extended, cairo.MockERC20} {
		require.NoError(t, cairo.Declare(ctx, funder, c))
	}
	sender := funder
	sender.Caller = sierraCaller{d.rpc, true}
	sender.Address, err = cairo.DeployBuilt(ctx, funder, class)
	require.NoError(t, err)
	require.NoError(t, d.rpc.CallContext(ctx, nil, "devnet_mint", sender.Address, json.Number("1000000000000000000000"), "FRI"))
	d.senders = []cairo.Sender{sender}
}
