package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
)

// requireStart wants the daemon to refuse a configuration, on one line.
func requireStart(t *testing.T, c map[string]any, w *world, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	log := &logBuffer{}
	err := run(ctx, []string{"-config", w.write(c)}, io.Discard, log)
	require.Error(t, err, "%s", log)
	require.Contains(t, oneLine(err), want, "%s", log)
	require.NotContains(t, oneLine(err), "\n")
}

func sub(c map[string]any, key string) map[string]any { return c[key].(map[string]any) }

func TestStartRefused(t *testing.T) {
	bind := func(deal, set string, more ...any) map[string]any {
		b := map[string]any{"deal": deal, "set": set}
		for i := 0; i+1 < len(more); i += 2 {
			b[more[i].(string)] = more[i+1]
		}
		return map[string]any{"bindings": []map[string]any{b}}
	}
	for _, test := range []struct {
		name   string
		relay  map[string]any
		change func(*testing.T, *world, map[string]any)
		want   string
	}{
		{"wrong Filecoin chain", nil, func(_ *testing.T, _ *world, c map[string]any) { sub(c, "fevm")["chain_id"] = 314 },
			"serves chain 314159, fevm.chain_id is 314: use a node of the right chain"},
		{"wrong Starknet chain", nil, func(_ *testing.T, _ *world, c map[string]any) { sub(c, "starknet")["chain_id"] = "0x534e5f4d41494e" },
			"starknet.rpc serves chain SN_SEPOLIA, starknet.chain_id is SN_MAIN: use a node of the right chain"},
		{"wrong key", nil, func(_ *testing.T, _ *world, c map[string]any) { c["attester"] = map[string]any{"private_key": "0x5"} },
			"use the signer that the escrow was deployed for, or the escrow of this signer"},
		{"keys that do not fit", nil, func(_ *testing.T, _ *world, c map[string]any) { sub(c, "attester")["private_key"] = "0x5" },
			"attester.public_key is not the key of attester.private_key: correct one of them"},
		{"no escrow", nil, func(_ *testing.T, _ *world, c map[string]any) { sub(c, "starknet")["escrow"] = "0x1234" },
			"starknet.escrow: there is no contract at"},
		{"account of another chain", nil, func(_ *testing.T, _ *world, c map[string]any) {
			sub(c, "starknet")["accounts"] = []map[string]any{{"address": "0x1234", "private_key": "0x5"}}
		}, "is not deployed on SN_SEPOLIA: deploy it, or take another account"},
		{"no verifier", nil, func(_ *testing.T, _ *world, c map[string]any) {
			sub(c, "fevm")["pdp_verifier"] = "0x0000000000000000000000000000000000001234"
		}, "there is no contract at this address on chain 314159: correct the address or the chain"},
		{"Starknet node is down", nil, func(_ *testing.T, _ *world, c map[string]any) {
			sub(c, "starknet")["rpc"] = "http://127.0.0.1:1/secret"
		},
			"starknet.rpc: "},
		{"Filecoin node is down", nil, func(_ *testing.T, _ *world, c map[string]any) { sub(c, "fevm")["rpc"] = "http://127.0.0.1:1/secret" },
			"fevm.rpc: 0 of 1 nodes answer, want 1: is the address right, and the node up?"},
		{"no such deal", bind("9", "1"), nil, "binding of deal 9: the escrow has no such deal: bind one that exists, ids start at 1"},
		{"start after the deadline", bind("1", "1", "start_epoch", 9_999_999), nil, "no proof could pay: correct start_epoch or relay.genesis_time"},
		{"batch of a compatible escrow", map[string]any{"batch": 10}, nil, "has no release_batch: use relay.multicall"},
		{"data set is deleted", bind("1", "2"), func(t *testing.T, w *world, _ map[string]any) { w.deletedSet(t) },
			"data set 2: the data set is deleted: bind another one: it never comes back"},
		{"data set of another listener", map[string]any{
			"bindings": []map[string]any{{"deal": "1", "set": "1"}}, "rules": map[string]any{"listeners": []string{"0x0000000000000000000000000000000000001234"}},
		}, nil, "bind a data set of a listener in relay.rules.listeners"},
		{"store is no store", nil, func(t *testing.T, w *world, _ map[string]any) {
			require.NoError(t, os.WriteFile(filepath.Join(w.dir, "relay.db"), []byte(strings.Repeat("no store", 1000)), 0o600))
		}, "relay.store: "},
		{"journal is no journal", nil, func(t *testing.T, w *world, _ map[string]any) {
			require.NoError(t, os.WriteFile(filepath.Join(w.dir, "relay.db.journal"), []byte(strings.Repeat("no journal", 1000)), 0o600))
		}, "relay.journal "},
		{"store in a place that is not there", map[string]any{"store": "/nowhere/relay.db"}, nil, "relay.store: "},
		{"short admin token", nil, func(t *testing.T, w *world, c map[string]any) {
			path := filepath.Join(w.dir, "token")
			require.NoError(t, os.WriteFile(path, []byte("short\n"), 0o600))
			sub(c, "relay")["admin_token_file"] = path
		}, "holds 5 characters: want 16 at least"},
		{"watchtower without an account", map[string]any{"watch": map[string]any{"mode": "slash"}}, nil, "relay.watch.account is missing"},
		{"watchtower on the relay's account", map[string]any{"watch": map[string]any{"mode": "slash", "account": 0}}, nil, "relay.watch.account is relay.account"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.deal(3)
			w.prove(1)
			if test.relay == nil {
				test.relay = map[string]any{}
			}
			c := w.config(test.relay)
			if test.change != nil {
				test.change(t, w, c)
			}
			requireStart(t, c, w, test.want)
		})
	}
}

// deletedSet makes data set 2 and deletes it.
func (w *world) deletedSet(t *testing.T) {
	t.Helper()
	sp := w.fevm.Provider(w.fevm.Accounts()[0])
	set, err := sp.CreateDataSet(t.Context(), common.Address{})
	require.NoError(t, err)
	id, offset := attestation.WordFromUint64(set), attestation.WordFromUint64(64)
	input := slices.Concat(crypto.Keccak256([]byte("deleteDataSet(uint256,bytes)"))[:4], id[:], offset[:], make([]byte, 32))
	_, err = sp.Send(t.Context(), w.fevm.Verifier(), nil, input)
	require.NoError(t, err)
	_, err = w.fevm.Mine(20)
	require.NoError(t, err)
}

func TestStartRefusesAStoreInUse(t *testing.T) {
	w := newWorld(t)
	c := w.config(map[string]any{})
	store, err := boltstore.Open(filepath.Join(w.dir, "relay.db"))
	require.NoError(t, err)
	defer store.Close()
	requireStart(t, c, w, "is in use: stop the other process, or give this one another store and its own account")
}

func TestStartNamesNoURL(t *testing.T) {
	w := newWorld(t)
	c := w.config(map[string]any{})
	sub(c, "starknet")["rpc"] = "http://127.0.0.1:1/SECRET"
	err := run(t.Context(), []string{"-config", w.write(c)}, io.Discard, io.Discard)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "SECRET")
	require.Contains(t, err.Error(), "127.0.0.1:1")
}

// TestSetThatComesLater binds a set before its provider has created it: no turn
// fails because of it, and the other deal is paid.
func TestSetThatComesLater(t *testing.T) {
	w := newWorld(t)
	one, two := w.deal(3), w.deal(3)
	w.prove(1)
	bindings := []map[string]any{{"deal": "1", "set": "1"}, {"deal": "2", "set": "2"}}
	p := start(t, w.write(w.config(map[string]any{"bindings": bindings})))
	w.released(p, one, 1)
	var health struct {
		Ready   bool
		Reasons []string
		Waiting []waitingView `json:"waiting_bindings"`
	}
	eventually(t, p, func() bool { return p.get("/readyz", &health) == 200 })
	require.Len(t, health.Waiting, 1)
	require.Equal(t, "0x2", health.Waiting[0].Deal)
	require.Contains(t, health.Waiting[0].Error, "there is no such data set")
	var metrics string
	eventually(t, p, func() bool {
		p.get("/metrics", &metrics)
		return strings.Contains(metrics, "slastream_relay_bindings_waiting 1\n")
	})
	require.Contains(t, metrics, `slastream_relay_turns_total{result="error"} 0`)
	w.prove(2)
	w.released(p, two, 1)
	require.Equal(t, 1, strings.Count(p.log.String(), "not bound yet"), p.log)
	require.Contains(t, p.log.String(), "bound after waiting")
	eventually(t, p, func() bool {
		p.get("/metrics", &metrics)
		return strings.Contains(metrics, "slastream_relay_bindings_waiting 0\n")
	})
	require.NoError(t, p.end())
}

// TestPending tries less and less often.
func TestPending(t *testing.T) {
	p := newPending([]relay.Binding{{Deal: attestation.WordFromUint64(1)}, {Deal: attestation.WordFromUint64(2)}})
	now := time.Now()
	first := p.due(now)[0]
	var pauses []time.Duration
	for i := range 8 {
		before := time.Now()
		require.Equal(t, i == 0, p.tried(first, 15*time.Second, fmt.Errorf("not there up to epoch %d", i)))
		pauses = append(pauses, first.next.Sub(before).Round(time.Second))
	}
	require.Equal(t, []time.Duration{15e9, 30e9, 60e9, 120e9, 240e9, 480e9, 600e9, 600e9}, pauses)
	require.Len(t, p.due(now), 1, "the other one does not wait")
	require.True(t, p.tried(first, time.Second, errors.New("something else")), "news")
	require.True(t, p.tried(first, time.Second, nil), "news")
	require.Equal(t, 1, p.count())
	p.forget(attestation.WordFromUint64(2))
	require.Empty(t, p.views(9))
}

func TestCheckFlag(t *testing.T) {
	w := newWorld(t)
	w.deal(3)
	w.prove(1)
	path := w.write(w.config(map[string]any{"bindings": []map[string]any{{"deal": "1", "set": "1"}}}))
	var out, log logBuffer
	require.NoError(t, run(t.Context(), []string{"-config", path, "-check"}, &out, &log))
	require.Contains(t, out.String(), "ok: 1 bindings")
	entries, err := os.ReadDir(w.dir)
	require.NoError(t, err)
	require.Empty(t, entries, "-check makes no files")

	p := start(t, path)
	require.NoError(t, run(t.Context(), []string{"-config", path, "-check"}, &out, &log), "beside a daemon that runs")
	require.NoError(t, p.end())
}

func TestFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "-config is missing: want a JSON file, such as localnet writes; -h lists the flags"},
		{[]string{"-config", "a", "b"}, `argument "b": there are only flags; -h lists them`},
		{[]string{"-confg", "a"}, "flag provided but not defined: -confg; -h lists the flags"},
	} {
		require.EqualError(t, run(t.Context(), test.args, io.Discard, io.Discard), test.want)
	}
	var out logBuffer
	require.NoError(t, run(t.Context(), []string{"-version"}, &out, io.Discard))
	require.Regexp(t, `^relay \S+ go1\.\S+ \w+/\w+\n$`, out.String())
	require.NoError(t, run(t.Context(), []string{"-h"}, &out, io.Discard))
	require.Contains(t, out.String(), "-check")
}

// TestTwoNodesMustAgree reads through three nodes, one of which is down.
func TestTwoNodesMustAgree(t *testing.T) {
	w := newWorld(t)
	id := w.deal(3)
	w.prove(1)
	second := httptest.NewServer(w.fevm)
	defer second.Close()
	c := w.config(map[string]any{"bindings": []map[string]any{{"deal": "1", "set": "1"}}})
	sub(c, "fevm")["rpc"], sub(c, "fevm")["quorum"] = []string{w.fevmURL, "http://127.0.0.1:1", second.URL}, 2
	p := start(t, w.write(c))
	w.released(p, id, 1)
	require.Contains(t, p.log.String(), "a node does not answer")
	require.NoError(t, p.end())
}

func TestJudge(t *testing.T) {
	require.NoError(t, judge(errors.New("a node failed")))
}
