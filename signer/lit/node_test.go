package lit_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/lit"
)

// node returns the path of Node.js, or skips the test.
func node(t *testing.T) string {
	t.Helper()
	if !whole() {
		t.Skip("runs node (Node.js 20 or later) for half a minute: set SLASTREAM_REQUIRE=node")
	}
	path, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("node (Node.js 20 or later): %v", err)
	}
	return path
}

// whole reports whether SLASTREAM_REQUIRE asks for Node.js, and so for all that
// takes long. Else a slice of it has to do.
func whole() bool {
	return slices.Contains(strings.Split(os.Getenv("SLASTREAM_REQUIRE"), ","), "node")
}

// The action runs under V8 too, with real sockets to real servers and other
// cryptography than the other tests have. SLASTREAM_ETHERS may name a file of
// the ethers v5 package, as Lit has it, in place of the stand-in.
func TestActionUnderNode(t *testing.T) {
	path := node(t)
	var nodes [6]*httptest.Server // three of each chain
	var urls [6]string
	for i := range nodes {
		nodes[i] = httptest.NewUnstartedServer(nil)
		urls[i] = "http://" + nodes[i].Listener.Addr().String()
		t.Cleanup(nodes[i].Close)
	}
	w := newWorld(t, func(c *lit.Config) {
		c.FEVMRPC = urls[:3]
		c.StarknetRPC = []string{urls[3] + "/rpc", urls[4] + "/rpc", urls[5] + "/rpc/v0_10"}
	})
	for i, server := range nodes {
		server.Config.Handler = w.fevm
		if i >= 3 {
			server.Config.Handler = w.starknet
		}
		server.Start()
	}
	run := executor(func(code string, params any) (json.RawMessage, error) {
		cid, err := lit.CID(code)
		require.NoError(t, err)
		in := map[string]any{"code": code, "params": params, "key": "0x" + hex.EncodeToString(crypto.FromECDSA(actionKey(cid)))}
		if file := os.Getenv("SLASTREAM_ETHERS"); file != "" {
			in["ethers"] = file
		}
		cmd := exec.CommandContext(t.Context(), path, "run.mjs")
		cmd.Dir, cmd.Stdin, cmd.Stderr = "testdata", bytes.NewReader(mustJSON(in)), os.Stderr
		b, err := cmd.Output()
		require.NoError(t, err)
		var out struct {
			Response json.RawMessage
			Error    string
		}
		require.NoError(t, json.Unmarshal(b, &out))
		if out.Error != "" {
			return nil, refused(&lit.ActionError{Message: out.Error})
		}
		return out.Response, nil
	})
	history := w.memory()
	s, err := signer.NewAction(lit.NewKey(run, w.action, publicKey(w.action.CID()), history))
	require.NoError(t, err)
	w.proveNext()
	w.proveWith(5)
	w.proveNext()
	requests := w.requests()
	require.Len(t, requests, 2)
	for i, req := range requests {
		signed, err := s.Attest(t.Context(), req)
		require.NoError(t, err)
		require.NoError(t, signed.Verify(attestation.RulesLowS, publicKey(w.action.CID())))
		history.Add(signed)

		req.Attestation.ChunkIndex = 1 - uint64(i)
		_, err = s.Attest(t.Context(), req)
		require.ErrorContains(t, err, "action refused (order)")
	}
	requests[1].Evidence.TxHash[0] ^= 1
	_, err = s.Attest(t.Context(), requests[1])
	require.ErrorContains(t, err, "not on the chain")
	require.True(t, signer.Retryable(err))
	nodes[0].Close() // one node of each chain is gone
	nodes[5].Close()
	_, err = s.Attest(t.Context(), requests[0])
	require.NoError(t, err)
}
