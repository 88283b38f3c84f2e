package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
)

const litSecret = "usage-key-of-lit"

// fakeLit is Lit's service, with an action that signs whatever it is asked for.
func fakeLit(t *testing.T) (url string, inputs func() []map[string]json.RawMessage) {
	key, err := signer.NewLocal(attester)
	require.NoError(t, err)
	var seen []map[string]json.RawMessage
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Params map[string]json.RawMessage `json:"js_params"`
		}
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("X-Api-Key") != litSecret || json.NewDecoder(r.Body).Decode(&body) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			_ = json.NewEncoder(w).Encode("invalid API key")
			return
		}
		seen = append(seen, body.Params) // the relay asks for one after the other
		var a struct {
			DealID, ProofSetID, RootCID attestation.Word
			ChunkIndex, Timestamp       uint64 `json:",string"`
		}
		require.NoError(t, json.Unmarshal(body.Params["attestation"], &a))
		digest := attestation.Attestation{DealID: a.DealID, ChunkIndex: a.ChunkIndex, ProofSetID: a.ProofSetID, RootCID: a.RootCID, Timestamp: a.Timestamp}.Digest()
		raw, err := key.SignDigest(r.Context(), digest)
		require.NoError(t, err)
		sig, err := attestation.ParseSignatureBy(raw, digest, key.PublicKey())
		require.NoError(t, err)
		_ = json.NewEncoder(w).Encode(map[string]any{"logs": "", "has_error": false, "response": map[string]any{
			"ok": true, "v": "1", "attestation": body.Params["attestation"], "domain": body.Params["domain"], "evidence": body.Params["evidence"],
			"digest": digest.String(), "signature": sig,
		}})
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []map[string]json.RawMessage { return seen }
}

// litConfig is a configuration with an action for the escrow of the world.
func (w *world) litConfig(url string, bindings []map[string]any) map[string]any {
	w.t.Helper()
	var class slastream.Address
	require.NoError(w.t, w.caller.CallContext(w.t.Context(), &class, "starknet_getClassHashAt", "latest", w.starknet.Escrow()))
	file := filepath.Join(w.t.TempDir(), "key")
	require.NoError(w.t, os.WriteFile(file, []byte(litSecret+"\n"), 0o600))
	c := w.config(map[string]any{"bindings": bindings, "signer": "lit", "lit": map[string]any{
		"url": url, "api_key_file": file, "class_hash": class, "deployer": w.starknet.Accounts()[0].Address, "args": []any{w.starknet.Token()},
		"starknet_rpc": []string{"https://starknet.test/rpc"}, "fevm_rpc": []string{"https://fevm.test/"},
	}})
	delete(sub(c, "attester"), "private_key")
	return c
}

func TestLitSigns(t *testing.T) {
	url, inputs := fakeLit(t)
	w := newWorld(t)
	id := w.deal(3)
	began := w.fevm.Head()
	w.prove(1)
	w.prove(1)
	c := w.litConfig(url, []map[string]any{{"deal": "1", "set": "1", "start_epoch": began, "signature": []string{"0x123", "0x456"}}})
	sub(c, "relay")["admin_token_file"] = tokenFile(t)
	p := start(t, w.write(c))
	w.released(p, id, 2)
	var body string
	require.Equal(t, 409, p.ask("POST", "/v1/bindings", token, `{"deal":"2","set":"2"}`, &body))
	require.Contains(t, body, "needs the signature of the deal's client")
	require.NoError(t, p.end())
	require.NotContains(t, p.log.String(), litSecret)

	// The next process shows the action what the journal remembers.
	w.prove(1)
	p = start(t, w.write(c))
	w.released(p, id, 3)
	require.NoError(t, p.end())
	asked := inputs()
	require.Len(t, asked, 3)
	require.Contains(t, string(asked[0]["binding"]), `"signature":["0x123","0x456"]`)
	for _, later := range asked[1:] {
		require.Equal(t, "null", string(later["binding"]))
		require.NotEqual(t, "null", string(later["previous"]))
	}
}

func TestLitRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(lit map[string]any, binding map[string]any)
		want   string
	}{
		"no key file":    {func(l, _ map[string]any) { delete(l, "api_key_file") }, "relay.lit.api_key_file, relay.lit.class_hash or attester.public_key is missing"},
		"no such file":   {func(l, _ map[string]any) { l["api_key_file"] = "/nowhere" }, "relay.lit.api_key_file: open /nowhere"},
		"other salt":     {func(l, _ map[string]any) { l["salt"] = "0x1" }, "correct class_hash, salt, deployer and args, which are those of the deployment"},
		"node with user": {func(l, _ map[string]any) { l["fevm_rpc"] = []string{"https://user:pass@fevm.test/"} }, "relay.lit: lit: config: FEVMRPC:"},
		"http":           {func(l, _ map[string]any) { l["url"] = "http://lit.test" }, "relay.lit.url: "},
		"no signature":   {func(_, b map[string]any) { delete(b, "signature") }, "relay.bindings[0] has no start_epoch or no signature"},
		"no start":       {func(_, b map[string]any) { delete(b, "start_epoch") }, "as the client of deal 1 has signed them"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.deal(3)
			w.prove(1)
			binding := map[string]any{"deal": "1", "set": "1", "start_epoch": w.fevm.Head() - 5, "signature": []string{"0x1", "0x2"}}
			c := w.litConfig("http://127.0.0.1:1", []map[string]any{binding})
			test.change(sub(c, "relay")["lit"].(map[string]any), binding)
			err := run(t.Context(), []string{"-config", w.write(c)}, new(logBuffer), new(logBuffer))
			require.ErrorContains(t, err, test.want)
			require.False(t, strings.Contains(err.Error(), "pass"), err)
		})
	}
}
