package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func runJSON(t *testing.T, args ...string) result {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), append(args, "-json"), &out, io.Discard))
	var r result
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	require.True(t, r.OK)
	require.Len(t, r.Balances, 4)
	return r
}

func TestSimulated(t *testing.T) {
	r := runJSON(t)
	require.Len(t, r.Deals, 1)
	require.EqualValues(t, 5, r.Deals[0].Chunks)
	require.EqualValues(t, 4, r.Deals[0].Released, "four proved periods, whatever was replayed or sent twice")
	require.True(t, r.Deals[0].Slashed)
	require.Len(t, r.Proofs, 5)
	refused := 0
	for _, p := range r.Proofs {
		if !p.Payable {
			refused++
			require.Contains(t, p.Reason, "already proven")
		}
	}
	require.Equal(t, 1, refused)
	require.Equal(t, tokens(1_000_400), r.Balances[1].Chain, "the provider has four chunks of 100")
}

func TestRecorded(t *testing.T) {
	for name, tt := range map[string]struct {
		args     []string
		released []uint64
	}{
		"3.5.0":                   {[]string{"-logs", "testdata/v3.5.0.json"}, []uint64{1, 0, 1}},
		"3.4.0":                   {[]string{"-logs", "testdata/v3.4.0.json"}, []uint64{1, 0, 1}},
		"3.5.0, one challenge do": {[]string{"-logs", "testdata/v3.5.0.json", "-min-challenges", "1"}, []uint64{3, 1, 1}},
		"3.4.0, one challenge do": {[]string{"-logs", "testdata/v3.4.0.json", "-min-challenges", "1"}, []uint64{3, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			r := runJSON(t, tt.args...)
			var released []uint64
			var sum, payable uint64
			for _, d := range r.Deals {
				released = append(released, d.Released)
				sum += d.Released
			}
			for _, p := range r.Proofs {
				if p.Payable {
					payable++
				} else {
					require.NotEmpty(t, p.Reason)
				}
			}
			require.Equal(t, tt.released, released)
			require.Equal(t, payable, sum, "one chunk for each payable period")
			require.Len(t, r.Proofs, 5)
		})
	}
}

func TestOutputForPeople(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, &out, io.Discard))
	require.Contains(t, out.String(), `the verifier reverts: "proof did not verify"`)
	require.Contains(t, out.String(), "cannot slash deal 1: SLA deadline not reached")
	require.NotContains(t, out.String(), "\x1b", "no colour where nobody looks")
	require.NotContains(t, out.String(), "DIFFERS")
}

func TestRefuses(t *testing.T) {
	file := func(content string) string {
		name := filepath.Join(t.TempDir(), "logs.json")
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
		return name
	}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"an argument without a flag": {[]string{"logs.json"}, "goes after -logs"},
		"negative challenges":        {[]string{"-min-challenges", "-1"}, "want 0 or more"},
		"no such file":               {[]string{"-logs", "nowhere.json"}, "nowhere.json"},
		"not JSON":                   {[]string{"-logs", file("<html>")}, "want a JSON array of logs"},
		"no logs":                    {[]string{"-logs", file("[]")}, "no logs"},
		"another contract":           {[]string{"-logs", "testdata/v3.5.0.json", "-verifier", "0xbadd0b92c1c71d02e7d520f64c0876538fa2557f"}, "name the contract with -verifier"},
		"no address":                 {[]string{"-logs", "testdata/v3.5.0.json", "-verifier", "0x1"}, "-verifier"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, run(t.Context(), tt.args, io.Discard, io.Discard), tt.want)
		})
	}
}
