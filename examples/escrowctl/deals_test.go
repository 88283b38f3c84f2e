package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// aDeal are the flags of a deal of 40 chunks.
var aDeal = []string{"-provider", "0xb0b", "-chunks", "40", "-chunk-amount", "1.5", "-collateral", "2", "-duration", "720h"}

func TestCreateDeal(t *testing.T) {
	l := newLocalnet(t)
	var got struct {
		Deal, State, Tx, Fee, Total, Collateral string
		Amount                                  string `json:"chunk_amount"`
		Client, Provider                        slastream.Address
		Chunks, Released                        uint64
		Active                                  bool
	}
	l.json(&got, "create-deal", append(aDeal, "-account", "2")...)
	require.Equal(t, "0x1", got.Deal)
	require.Equal(t, l.node.Accounts()[2].Address, got.Client)
	require.Equal(t, "1500000000000000000", got.Amount)
	require.Equal(t, "60000000000000000000", got.Total)
	require.Equal(t, "2000000000000000000", got.Collateral)
	require.NotEmpty(t, got.Tx)
	require.NotEqual(t, "0", got.Fee)
	require.EqualValues(t, 1, l.sent.Load(), "approve and create_deal are one transaction")

	onChain, err := l.escrow.Deal(t.Context(), attestation.WordFromUint64(1))
	require.NoError(t, err)
	require.Equal(t, got.Client, onChain.Client)
	require.Equal(t, slastream.Address{30: 0xb, 31: 0xb}, onChain.Provider)
	require.EqualValues(t, 40, onChain.Chunks)
	require.Equal(t, got.Amount, onChain.ChunkAmount.String())
	require.Equal(t, got.Collateral, onChain.Collateral.String())
	now, err := l.escrow.Now(t.Context())
	require.NoError(t, err)
	require.InDelta(t, now+720*3600, onChain.Deadline, 60)

	out, err := l.run("create-deal", aDeal...)
	require.NoError(t, err)
	require.Contains(t, out, "deal         0x2\nstate        active\n")
	require.Contains(t, out, "client       "+l.node.Accounts()[1].Address.String()+"\n", "the second account unless told another")
	require.Contains(t, out, "paid         0 of 40 chunks, 0 of 60 STRK\nchunk        1.5 STRK\ncollateral   2 STRK\n")
	require.Contains(t, out, "in 30 days\n")
	require.Contains(t, out, "escrowctl deal -config "+l.path+" -deal 0x2\n")
}

// TestCreateDealWarns opens a deal in an escrow that somebody else can pause than
// the file says.
func TestCreateDealWarns(t *testing.T) {
	l := newLocalnet(t)
	for owner, want := range map[slastream.Address]string{{31: 1}: "owner", l.node.Accounts()[0].Address: ""} {
		l := l.with(t, map[string]any{"owner": owner})
		var out, errs bytes.Buffer
		require.NoError(t, run(t.Context(), append([]string{"create-deal", "-config", l.path, "-json"}, aDeal...), &out, &errs))
		if want == "" {
			require.Empty(t, errs.String())
			continue
		}
		require.Regexp(t, "^warning: .*"+want+".*\n$", errs.String())
	}
}

// TestCreateDealInterrupted stops while it waits for the transaction.
func TestCreateDealInterrupted(t *testing.T) {
	l := newLocalnet(t)
	ctx, cancel := context.WithCancel(t.Context())
	l.onSend = cancel
	err := run(ctx, append([]string{"create-deal", "-config", l.path}, aDeal...), io.Discard, io.Discard)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "was sent and may still come: look with escrowctl deals -config "+l.path)
}

func TestDeal(t *testing.T) {
	l := newLocalnet(t)
	for range 2 {
		_, err := l.run("create-deal", aDeal...)
		require.NoError(t, err)
	}
	for _, tt := range []struct {
		release       []uint64
		paid, text    string
		ranges, state string
	}{
		{nil, "0 of 40 chunks, 0 of 60 STRK", "no chunk yet", "[]", "active"},
		{[]uint64{0, 1, 2, 4}, "4 of 40 chunks, 6 of 60 STRK", "chunks 0-2, 4", "[[0,2],[4,4]]", "active"},
		{[]uint64{39, 31, 32}, "7 of 40 chunks, 10.5 of 60 STRK", "chunks 0-2, 4, 31-32, 39", "[[0,2],[4,4],[31,32],[39,39]]", "active"},
		{without(40, 0, 1, 2, 4, 31, 32, 39), "40 of 40 chunks, 60 of 60 STRK", "chunks 0-39", "[[0,39]]", "completed"},
	} {
		l.release(2, tt.release...)
		for _, id := range []string{"2", "0x2"} {
			out, err := l.run("deal", "-deal", id)
			require.NoError(t, err)
			require.Contains(t, out, "\npaid         "+tt.paid+"\n")
			require.Contains(t, out, "\nreleased     "+tt.text+"\n")
			var got struct {
				Deal, State string
				Released    uint64
				Ranges      json.RawMessage `json:"released_chunks"`
			}
			l.json(&got, "deal", "-deal", id)
			require.Equal(t, "0x2", got.Deal)
			require.JSONEq(t, tt.ranges, string(got.Ranges))
			require.Equal(t, tt.state, got.State)
			require.Equal(t, strings.Fields(tt.paid)[0], strconv.FormatUint(got.Released, 10))
		}
	}
}

func without(n uint64, not ...uint64) (list []uint64) {
	skip := map[uint64]bool{}
	for _, i := range not {
		skip[i] = true
	}
	for i := range n {
		if !skip[i] {
			list = append(list, i)
		}
	}
	return list
}

func TestDeals(t *testing.T) {
	l := newLocalnet(t)
	out, err := l.run("deals")
	require.NoError(t, err)
	require.Contains(t, out, "no deals yet: escrowctl create-deal -config "+l.path)
	out, err = l.run("deals", "-json")
	require.NoError(t, err)
	require.Empty(t, out, "no line for no deal")

	for range 2 {
		_, err = l.run("create-deal", aDeal...)
		require.NoError(t, err)
	}
	_, err = l.run("create-deal", "-provider", "0xb0b", "-chunks", "1", "-chunk-amount", "100", "-duration", "1s")
	require.NoError(t, err)
	l.node.IncreaseTime(10)
	require.NoError(t, l.escrow.Slash(t.Context(), attestation.WordFromUint64(3)))
	l.release(1, 0, 1)

	out, err = l.run("deals")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	require.Len(t, lines, 3)
	for i, want := range []string{"deal 1  active   2 of 40 chunks  1.5 STRK each  until ", "deal 2  active   0 of 40 chunks  1.5 STRK each  until ", "deal 3  slashed  0 of 1 chunks   100 STRK each  until "} {
		require.True(t, strings.HasPrefix(lines[i], want), "%q does not begin with %q", lines[i], want)
	}
	out, err = l.run("deals", "-json")
	require.NoError(t, err)
	dec := json.NewDecoder(strings.NewReader(out))
	for i, state := range []string{"active", "active", "slashed"} {
		var got struct{ Deal, State string }
		require.NoError(t, dec.Decode(&got))
		require.Equal(t, fmt.Sprintf("%#x", i+1), got.Deal)
		require.Equal(t, state, got.State)
	}
	require.Equal(t, 3, strings.Count(out, "\n"))
}

// TestDealRefuses looks that what is wrong is said, with what to do, before
// anything is sent.
func TestDealRefuses(t *testing.T) {
	l := newLocalnet(t)
	flags := func(set ...string) []string { return append(append([]string{"create-deal"}, aDeal...), set...) } // the last one counts
	for name, tt := range map[string]struct {
		args []string
		file map[string]any // over "starknet"
		want string
	}{
		"no provider":            {[]string{"create-deal", "-chunks", "1"}, nil, "-provider is missing"},
		"nobody to pay":          {flags("-provider", "0x0"), nil, "the tokens would be lost"},
		"provider is no address": {flags("-provider", "bob"), nil, "-provider: "},
		"no chunks":              {flags("-chunks", "0"), nil, "want 1 or more"},
		"no time":                {flags("-duration", "0s"), nil, "want whole seconds"},
		"part of a second":       {flags("-duration", "1500ms"), nil, "want whole seconds"},
		"time before now":        {flags("-duration", "-1h"), nil, "want whole seconds"},
		"chunks of nothing":      {flags("-chunk-amount", "0"), nil, "-chunk-amount is 0"},
		"too many digits":        {flags("-chunk-amount", "0.0000000000000000001"), nil, "-chunk-amount: "},
		"another token":          {flags("-chunk-amount", "5 USDC"), nil, "want STRK"},
		"bad collateral":         {flags("-collateral", "-1"), nil, "-collateral: "},
		"too poor":               {flags("-chunk-amount", "1000000"), nil, "the deal locks 40000002 STRK: send it tokens"},
		"beyond a u256":          {flags("-chunk-amount", strings.Repeat("9", 59), "-chunks", "18446744073709551615"), nil, "u256_mul Overflow"},
		"no such account":        {flags("-account", "10"), nil, "has 10, counted from 0"},
		"account before zero":    {flags("-account", "-1"), nil, "-account -1"},
		"another paying token":   {flags(), map[string]any{"token": "0x1"}, "token"},
		"another chain":          {flags(), map[string]any{"chain_id": "0x534e5f4d41494e"}, "is on chain SN_SEPOLIA, starknet.chain_id is SN_MAIN: use a node of the right chain"},
		"no contract":            {[]string{"deals"}, map[string]any{"escrow": "0x123"}, "there is no contract at"},
		"no escrow":              {[]string{"deals"}, map[string]any{"escrow": l.node.Token()}, "is starknet.escrow of"},
		"escrow is missing":      {[]string{"deals"}, map[string]any{"escrow": "0x0"}, "has no starknet.escrow"},
		"no node":                {[]string{"deals"}, map[string]any{"rpc": "http://127.0.0.1:1/key-of-mine"}, "is the node up?"},
		"rpc is missing":         {[]string{"deal", "-deal", "1"}, map[string]any{"rpc": ""}, "has no starknet.rpc"},
		"bad key":                {flags(), map[string]any{"accounts": []map[string]any{{"address": "0x1", "private_key": "0xkey-of-mine"}}}, "want the JSON that examples/localnet writes"},
		"no id":                  {[]string{"deal"}, nil, "-deal is missing"},
		"id is no number":        {[]string{"deal", "-deal", "first"}, nil, `-deal is "first"`},
		"no such deal":           {[]string{"deal", "-deal", "1"}, nil, "escrowctl deals -config"},
		"deal zero":              {[]string{"deal", "-deal", "0"}, nil, "no such deal"},
		"an argument":            {[]string{"deals", "1"}, nil, `unexpected argument "1"`},
	} {
		t.Run(name, func(t *testing.T) {
			before := l.sent.Load()
			l := l.with(t, tt.file)
			out, err := l.run(tt.args[0], tt.args[1:]...)
			require.ErrorContains(t, err, tt.want)
			require.Empty(t, out)
			require.NotContains(t, err.Error(), "key-of-mine")
			require.Equal(t, before, l.sent.Load(), "nothing is sent")
		})
	}
	for name, content := range map[string]string{"no JSON": "starknet", "another file": `{"chainId":"0x1","escrow":"0x2"}`, "too large": strings.Repeat(" ", fileLimit) + "{}"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.json")
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			err := run(t.Context(), []string{"deals", "-config", path}, os.Stdout, os.Stderr)
			require.ErrorContains(t, err, path)
		})
	}
	err := run(t.Context(), []string{"deals", "-config", filepath.Join(t.TempDir(), "nowhere.json")}, os.Stdout, os.Stderr)
	require.ErrorContains(t, err, "write it with examples/localnet -config")
}
