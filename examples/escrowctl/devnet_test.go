package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/examples/internal/deployment"
	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// startDevnet runs a node on a free port until the test ends and returns its
// URL.
func startDevnet(t *testing.T, program string) string {
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
	url := "http://" + net.JoinHostPort(host, port) + "/rpc"
	client := jsonrpc.NewClient(url, nil)
	require.Eventually(t, func() bool {
		return client.CallContext(t.Context(), nil, "starknet_chainId") == nil
	}, 30*time.Second, 50*time.Millisecond, "%s does not start", program)
	return url
}

// TestDevnet does what the quick start says, with both programs, on each
// starknet-devnet program of SLASTREAM_DEVNET, a list separated by colons.
func TestDevnet(t *testing.T) {
	nodes := filepath.SplitList(os.Getenv("SLASTREAM_DEVNET"))
	if len(nodes) == 0 {
		const missing = "SLASTREAM_DEVNET names no starknet-devnet program"
		if slices.Contains(strings.Split(os.Getenv("SLASTREAM_REQUIRE"), ","), "devnet") {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin+string(filepath.Separator), ".", "../dealflow")
	text, err := build.CombinedOutput()
	require.NoError(t, err, "%s", text)
	for _, node := range nodes {
		for _, class := range []string{"extended", "compatible"} {
			t.Run(filepath.Base(node)+"/"+class, func(t *testing.T) {
				url, dir := startDevnet(t, node), t.TempDir()
				do := func(name string, args ...string) (stdout, stderr string, err error) {
					var out, errs bytes.Buffer
					cmd := exec.CommandContext(t.Context(), filepath.Join(bin, name), args...)
					cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
					err = cmd.Run()
					return out.String(), errs.String(), err
				}
				_, errs, err := do("escrowctl", "account", "-rpc", url, "-o", "account.json")
				require.NoError(t, err, errs)
				deploy := []string{"deploy", "-rpc", url, "-account", "account.json", "-class", class, "-o", "deployment.json"}
				out, errs, err := do("escrowctl", deploy...)
				require.NoError(t, err, errs)
				require.Contains(t, out, "STRK in 5 transactions")
				again, errs, err := do("escrowctl", deploy...)
				require.NoError(t, err, errs)
				require.Contains(t, again, "none, all was there already")

				var account deployment.Account
				var attester deployment.Attester
				for name, into := range map[string]any{"account.json": &account, "attester.json": &attester} {
					require.NoError(t, deployment.Read(filepath.Join(dir, name), into))
					info, err := os.Stat(filepath.Join(dir, name))
					require.NoError(t, err)
					require.EqualValues(t, 0o600, info.Mode().Perm(), name)
				}
				for _, secret := range []deployment.Secret{account.PrivateKey, attester.PrivateKey} {
					raw, err := secret.MarshalText()
					require.NoError(t, err)
					digits := strings.TrimLeft(string(raw[2:]), "0")
					require.NotContains(t, out+again, digits, "a secret is printed")
				}

				out, errs, err = do("dealflow", "-starknet", url, "-account", "account.json", "-json")
				require.NoError(t, err, errs)
				var got struct {
					OK    bool
					Deals []struct {
						Chunks, Released uint64
						Slashed          bool
					}
				}
				require.NoError(t, json.Unmarshal([]byte(out), &got))
				require.True(t, got.OK, "the balances are the model's")
				require.Len(t, got.Deals, 1)
				require.EqualValues(t, 4, got.Deals[0].Released)
				require.True(t, got.Deals[0].Slashed)
			})
		}
	}
}

func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	const secret = "0x71d7bb07b9a64f6f78ac4c816aff4da9"
	account := file("account.json", `{"address":"0x1234","privateKey":"`+secret+`"}`)
	base := []string{"deploy", "-rpc", "http://127.0.0.1:1", "-account", account, "-o", filepath.Join(dir, "deployment.json"), "-attester", filepath.Join(dir, "attester.json")}
	with := func(args ...string) []string { return append(slices.Clone(base), args...) }
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no command":          {nil, "want a command"},
		"unknown command":     {[]string{"destroy"}, `unknown command "destroy"`},
		"no node":             {[]string{"deploy"}, "-rpc is missing"},
		"an argument":         {with("now"), `unexpected argument "now"`},
		"unknown class":       {with("-class", "other"), "want extended or compatible"},
		"owner of compatible": {with("-class", "compatible", "-owner", "0x1"), "-owner goes with -class extended"},
		"bad owner":           {with("-owner", "me"), "-owner"},
		"bad token":           {with("-token", "STRK"), "-token"},
		"no account file":     {with("-account", filepath.Join(dir, "nowhere.json")), "nowhere.json"},
		"bad account":         {with("-account", file("bad.json", `{"address":"0x1","privateKey":"`+secret+`g"}`)), "private key"},
		"no such node":        {base, "ask http://127.0.0.1:1 for its chain"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), tt.args, &out, io.Discard)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error()+out.String(), secret[2:])
			require.NoFileExists(t, filepath.Join(dir, "attester.json"), "nothing is made before all else is known to be right")
		})
	}
}
