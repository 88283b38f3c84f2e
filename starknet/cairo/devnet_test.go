package cairo_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// missing skips a test for want of a program, or fails it where
// SLASTREAM_REQUIRE holds its token.
func missing(t *testing.T, token, what string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("SLASTREAM_REQUIRE"), ","), token) {
		t.Fatal(what)
	}
	t.Skip(what)
}

// onDevnets runs a test on each starknet-devnet program of SLASTREAM_DEVNET, a
// list separated by colons.
func onDevnets(t *testing.T, test func(*testing.T, *devnet)) {
	programs := filepath.SplitList(os.Getenv("SLASTREAM_DEVNET"))
	if len(programs) == 0 {
		missing(t, "devnet", "SLASTREAM_DEVNET names no starknet-devnet program")
	}
	for _, p := range programs {
		t.Run(filepath.Base(p), func(t *testing.T) { test(t, startDevnet(t, p)) })
	}
}

// A devnet is a running node with its predeployed accounts.
type devnet struct {
	rpc     *jsonrpc.Client
	senders []cairo.Sender
}

func startDevnet(t *testing.T, program string) *devnet {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	host, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	cmd := exec.Command(program, "--host", host, "--port", port, "--seed", "1")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	d := &devnet{rpc: jsonrpc.NewClient("http://"+net.JoinHostPort(host, port)+"/rpc", nil)}
	require.Eventually(t, func() bool {
		return d.rpc.CallContext(t.Context(), nil, "starknet_chainId") == nil
	}, 30*time.Second, 50*time.Millisecond, "%s does not start", program)
	var list []struct {
		Address slastream.Address `json:"address"`
		Secret  attestation.Word  `json:"private_key"`
	}
	require.NoError(t, d.rpc.CallContext(t.Context(), &list, "devnet_getPredeployedAccounts"))
	for _, a := range list {
		key, err := starknet.NewLocalKey(a.Secret)
		require.NoError(t, err)
		d.senders = append(d.senders, cairo.Sender{Caller: d.rpc, ChainID: starknet.Sepolia, Address: a.Address, Key: key, Poll: 5 * time.Millisecond})
	}
	return d
}

func (d *devnet) account(i int) *starknet.Account {
	s := d.senders[i]
	return starknet.NewAccount(s.Caller, s.ChainID, s.Address, s.Key, starknet.WithPoll(s.Poll))
}

// An answer is what starknet_call said.
type answer struct {
	felts []string // returned, or the return data of all failed frames
	code  int      // of the error, 0 for none
	text  string   // of the innermost error, when it is no list of felts
}

// call makes a starknet_call in the form of the recorded answers.
func (d *devnet) call(t *testing.T, to slastream.Address, fn string, calldata []string) answer {
	selector := fn
	if !strings.HasPrefix(fn, "0x") {
		selector = starknet.Selector(fn).String()
	}
	var out answer
	err := d.rpc.CallContext(t.Context(), &out.felts, "starknet_call",
		map[string]any{"contract_address": shortHex(to.Word()), "entry_point_selector": selector, "calldata": calldata}, "latest")
	if err == nil {
		return out
	}
	var e *jsonrpc.Error
	require.ErrorAs(t, err, &e)
	out.code = e.Code
	var nested struct {
		Data json.RawMessage `json:"revert_error"`
	}
	if json.Unmarshal(e.Data, &nested) != nil {
		return out
	}
	for raw := nested.Data; len(raw) > 0; {
		if json.Unmarshal(raw, &out.text) == nil {
			break
		}
		var frame struct {
			Error json.RawMessage `json:"error"`
		}
		require.NoError(t, json.Unmarshal(raw, &frame))
		raw = frame.Error
	}
	if json.Unmarshal([]byte(out.text), &out.felts) == nil {
		out.text = ""
	}
	return out
}

func shortHex(w attestation.Word) string {
	f, err := starknet.FeltFromWord(w)
	if err != nil {
		return w.String()
	}
	return f.String()
}

func wordOf(t testing.TB, s string) attestation.Word {
	t.Helper()
	w, err := attestation.ParseWord(s)
	require.NoError(t, err)
	return w
}

func addressOf(t testing.TB, s string) slastream.Address {
	t.Helper()
	a, err := slastream.ParseAddress(s)
	require.NoError(t, err)
	return a
}

func readRows[T any](t testing.TB, name string) []T {
	t.Helper()
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	var rows []T
	require.NoError(t, json.Unmarshal(raw, &rows))
	return rows
}

// hardhat is the key of the recorded signatures.
func hardhat(t testing.TB) attestation.PublicKey {
	return attestation.PublicKey{
		X: wordOf(t, "0x8318535b54105d4a7aae60c08fc45f9687181b4fdfc625bd1a753fa7397fed75"),
		Y: wordOf(t, "0x3547f11ca8696646f2f3acb08e31016afac23e630c5d11f59f61fef57b0d2aa5"),
	}
}

// mint gives test tokens to an account.
func mint(t *testing.T, account *starknet.Account, token slastream.Address, to slastream.Address, amount uint64) {
	t.Helper()
	_, err := account.Execute(t.Context(), starknet.NewCall(token, "mint", words(t, to.Word(), attestation.WordFromUint64(amount), attestation.Word{})...))
	require.NoError(t, err)
}

func words(t *testing.T, list ...attestation.Word) []*felt.Felt {
	t.Helper()
	var out []*felt.Felt
	for _, w := range list {
		f, err := starknet.FeltFromWord(w)
		require.NoError(t, err)
		out = append(out, f)
	}
	return out
}

// openDeal opens deal 1 of a new escrow: 10 chunks of 100, collateral 50.
func openDeal(t *testing.T, d *devnet, p cairo.Params, chunks uint64) *starknet.Escrow {
	t.Helper()
	ctx := t.Context()
	escrow, err := cairo.Deploy(ctx, d.senders[0], p)
	require.NoError(t, err)
	mint(t, d.account(0), p.Token, d.senders[0].Address, 100*chunks+50)
	id, err := escrow.CreateDeal(ctx, slastream.Terms{
		Provider: addressOf(t, "0x18f81c2ef42310e0abd4fafd27f37beb34d000641beb2cd8a6fb97596552ddb"),
		Chunks:   chunks, ChunkAmount: slastream.AmountFromUint64(100), Collateral: slastream.AmountFromUint64(50), Duration: 3600,
	})
	require.NoError(t, err)
	require.Equal(t, attestation.WordFromUint64(1), id)
	return escrow
}

func TestDeploy(t *testing.T) {
	onDevnets(t, func(t *testing.T, d *devnet) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		token, err := cairo.DeployMockERC20(ctx, d.senders[0], attestation.Word{})
		require.NoError(t, err)
		require.NoError(t, cairo.Declare(ctx, d.senders[0], cairo.MockERC20), "declared already")

		for _, p := range []cairo.Params{
			{Class: cairo.Compatible, Key: hardhat(t), Token: token.Address()},
			{Class: cairo.Extended, Key: hardhat(t), Token: token.Address(), Owner: d.senders[1].Address},
		} {
			t.Run(p.Class.String(), func(t *testing.T) {
				address, err := p.Address()
				require.NoError(t, err)
				nonce, err := d.account(0).Nonce(ctx)
				require.NoError(t, err)
				first, err := cairo.Deploy(ctx, d.senders[0], p)
				require.NoError(t, err)
				require.Equal(t, address, first.Address())
				again, err := cairo.Deploy(ctx, d.senders[2], p)
				require.NoError(t, err)
				require.Equal(t, address, again.Address())
				after, err := d.account(0).Nonce(ctx)
				require.NoError(t, err)
				require.Equal(t, nonce+2, after, "one declaration, one deployment")

				owner, err := first.Owner(ctx)
				require.NoError(t, err)
				if p.Class == cairo.Extended {
					require.Equal(t, p.Owner, owner)
				}
				p.Salt[31] = 1
				other, err := p.Address()
				require.NoError(t, err)
				require.NotEqual(t, address, other)
			})
		}

		for reason, p := range map[string]cairo.Params{
			"PKP key not on curve": {Class: cairo.Extended, Token: token.Address(), Owner: d.senders[1].Address},
			"Token is zero":        {Class: cairo.Extended, Key: hardhat(t), Owner: d.senders[1].Address},
			"Owner is zero":        {Class: cairo.Extended, Key: hardhat(t), Token: token.Address()},
		} {
			t.Run(reason, func(t *testing.T) {
				_, err := cairo.Deploy(ctx, d.senders[0], p)
				var revert *slastream.RevertError
				require.ErrorAs(t, err, &revert)
				require.Equal(t, reason, revert.Reason)
			})
		}
	})
}

// TestCalldata gives the compatible class what was given to the reference and
// wants the same answers.
func TestCalldata(t *testing.T) {
	rows := readRows[struct {
		Name     string             `json:"name"`
		Fn       string             `json:"fn"`
		Calldata []string           `json:"calldata"`
		Outcome  string             `json:"outcome"`
		Result   []string           `json:"result"`
		Felts    []string           `json:"felts"`
		Raw      struct{ Code int } `json:"raw"`
	}](t, "testdata/calldata_legacy.json")
	require.Len(t, rows, 82)
	onDevnets(t, func(t *testing.T, d *devnet) {
		token, err := cairo.DeployMockERC20(t.Context(), d.senders[0], attestation.Word{})
		require.NoError(t, err)
		at := func(token string) slastream.Address {
			e, err := cairo.Deploy(t.Context(), d.senders[0], cairo.Params{Class: cairo.Compatible, Key: hardhat(t), Token: addressOf(t, token)})
			require.NoError(t, err)
			return e.Address()
		}
		ordinary := openDeal(t, d, cairo.Params{Class: cairo.Compatible, Key: hardhat(t), Token: token.Address()}, 10)
		escrows := map[string]slastream.Address{
			"create_deal: token = 0":                at("0x0"),
			"create_deal: token = account contract": at(d.senders[0].Address.String()),
			"create_deal: token = STRK, caller 0":   at("0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d"),
			"contract 0x1234 (not deployed)":        addressOf(t, "0x1234"),
		}
		for _, row := range rows {
			t.Run(row.Name, func(t *testing.T) {
				to := ordinary.Address()
				if other, ok := escrows[row.Name]; ok {
					to = other
				}
				got := d.call(t, to, row.Fn, row.Calldata)
				switch row.Outcome {
				case "ok":
					require.Zero(t, got.code, "%+v", got)
					if row.Name == "get_deal 1" { // the deadline is another
						require.Len(t, got.felts, 13)
						got.felts[10] = row.Result[10]
					}
					require.Equal(t, row.Result, got.felts)
				case "revert":
					require.Equal(t, 40, got.code)
					if strings.HasPrefix(row.Name, "create_deal: token = STRK") {
						return // the class of STRK differs between the nodes
					}
					require.Equal(t, row.Felts, got.felts, "%s", got.text)
				case "error":
					require.Equal(t, row.Raw.Code, got.code)
				}
			})
		}
	})
}
