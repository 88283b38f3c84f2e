package main

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
)

func eventually(t *testing.T, p *process, f func() bool) {
	t.Helper()
	waitFor(t, f, func() string { return logOf(p) })
}

const token = "a token of an operator"

func tokenFile(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte(token+"\n"), 0o600))
	return path
}

func TestAPIShowsDealsAndChunks(t *testing.T) {
	w := newWorld(t)
	id, _ := w.deal(3), w.deal(3)
	w.prove(1)
	w.prove(1)
	p := start(t, w.write(w.config(map[string]any{"bindings": []map[string]any{{"deal": "0x1", "set": "0x1"}, {"deal": "0x2", "set": "0x2"}}})))
	w.released(p, id, 2)
	w.prove(2)
	w.released(p, attestation.WordFromUint64(2), 1)

	type dealList struct {
		Deals []dealView
		Next  string
	}
	var deals, rest dealList
	require.Equal(t, 200, p.get("/v1/deals?limit=1", &deals))
	require.Len(t, deals.Deals, 1)
	require.Equal(t, "0x1", deals.Next)
	one := deals.Deals[0]
	require.Equal(t, "0x1", one.Deal)
	require.Equal(t, "0x1", one.Set)
	require.Equal(t, uint64(2), one.Earned)
	require.Equal(t, uint64(2), one.Chain.Released)
	require.True(t, one.Chain.Active)
	require.NotEmpty(t, one.Forecast.Outlook)
	require.Equal(t, 200, p.get("/v1/deals?after="+deals.Next, &rest))
	require.Equal(t, "0x2", rest.Deals[0].Deal)
	var same dealView
	require.Equal(t, 200, p.get("/v1/deals/1", &same))
	require.Equal(t, one.Chain, same.Chain)

	type chunks struct {
		Chunks []chunkView
		Next   string
	}
	var all, page chunks
	eventually(t, p, func() bool {
		all = chunks{}
		require.Equal(t, 200, p.get("/v1/chunks?state=accepted", &all))
		return len(all.Chunks) == 3
	})
	var walked []chunkView
	for path := "/v1/chunks?limit=2"; path != ""; {
		page = chunks{}
		require.Equal(t, 200, p.get(path, &page))
		walked = append(walked, page.Chunks...)
		if path = ""; page.Next != "" {
			path = "/v1/chunks?limit=2&after=" + page.Next
		}
	}
	require.Equal(t, all.Chunks, walked)
	require.Equal(t, 200, p.get("/v1/chunks?deal=2", &page))
	require.Len(t, page.Chunks, 1)
	page = chunks{}
	require.Equal(t, 200, p.get("/v1/chunks?state=open", &page))
	require.Empty(t, page.Chunks)

	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/v1/deals/9":          {404, `{"error":"deal 9 is not bound"}`},
		"/v1/deals/x":          {400, `{"error":"id is \"x\": want a number, decimal or 0x and hexadecimal digits"}`},
		"/v1/deals?limit=0":    {400, `{"error":"limit is \"0\": want 1 to 1000"}`},
		"/v1/deals?limit=1001": {400, `{"error":"limit is \"1001\": want 1 to 1000"}`},
		"/v1/chunks?state=x":   {400, `{"error":"state is \"x\": want open, observed, final, attested, stored, sent, accepted, settled, refused"}`},
		"/v1/chunks?after=5":   {400, `{"error":"after is \"5\": want the value of next of the page before"}`},
	} {
		var body string
		require.Equal(t, want.status, p.get(path, &body), path)
		require.Equal(t, want.body+"\n", body, path)
	}
	require.NoError(t, p.end())
}

func TestAPIChangesNothingWithoutToken(t *testing.T) {
	w := newWorld(t)
	w.deal(3)
	p := start(t, w.write(w.config(map[string]any{})))
	var body string
	require.Equal(t, 403, p.ask("POST", "/v1/bindings", token, `{"deal":"1","set":"1"}`, &body))
	require.Contains(t, body, "no relay.admin_token_file is configured")
	require.Equal(t, 403, p.ask("DELETE", "/v1/bindings/1", "", "", &body))
	require.Equal(t, 403, p.ask("POST", "/v1/deals/1/resume", "", "", &body))
	require.Equal(t, 405, p.ask("POST", "/v1/deals", "", "", &body))
	require.NoError(t, p.end())
}

func TestAPIBinds(t *testing.T) {
	w := newWorld(t)
	id := w.deal(3)
	w.prove(1)
	path := w.write(w.config(map[string]any{"admin_token_file": tokenFile(t)}))
	p := start(t, path)
	var body string
	for _, wrong := range []string{"", token + "x", token[1:]} {
		require.Equal(t, 401, p.ask("POST", "/v1/bindings", wrong, `{"deal":"1","set":"1"}`, &body))
	}
	for text, want := range map[string]string{
		`{"deal":"1","sett":"1"}`:                         "unknown key sett: did you mean set?",
		`{"deal":"1"}`:                                    "ids from 1",
		`{"deal":"7","set":"1"}`:                          "the escrow has no such deal",
		`{"deal":"1","set":"9"}`:                          "there is no such data set",
		`{"deal":"1","set":"1","start_epoch":9999999999}`: "no proof could pay",
	} {
		status := p.ask("POST", "/v1/bindings", token, text, &body)
		require.GreaterOrEqual(t, status, 400, text)
		require.Less(t, status, 500, text)
		require.Contains(t, body, want)
	}
	require.Equal(t, 413, p.ask("POST", "/v1/bindings", token, string(make([]byte, bodyLimit+1)), &body))
	require.Equal(t, 201, p.ask("POST", "/v1/bindings", token, `{"deal":"1","set":"1"}`, &body), &body)
	require.Equal(t, 201, p.ask("POST", "/v1/bindings", token, `{"deal":"1","set":"1"}`, &body), &body)
	require.Equal(t, 409, p.ask("POST", "/v1/bindings", token, `{"deal":"1","set":"2"}`, &body))
	w.released(p, id, 1)

	require.Equal(t, 404, p.ask("DELETE", "/v1/bindings/5", token, "", &body))
	require.Equal(t, 200, p.ask("POST", "/v1/deals/1/resume", token, "", &body))
	require.Equal(t, 200, p.ask("DELETE", "/v1/bindings/1", token, "", &body))
	var deal dealView
	require.Equal(t, 200, p.get("/v1/deals/1", &deal))
	require.True(t, deal.Over)
	w.prove(1)
	time.Sleep(200 * time.Millisecond)
	w.released(p, id, 1)
	require.NoError(t, p.end())
}

// TestReadiness shuts the Filecoin node off and on again.
func TestReadiness(t *testing.T) {
	g := &gate{}
	w := newWorldOf(t, g)
	id := w.deal(3)
	w.prove(1)
	p := start(t, w.write(w.config(map[string]any{"bindings": []map[string]any{{"deal": "1", "set": "1"}}})))
	w.released(p, id, 1)
	eventually(t, p, func() bool { return p.get("/readyz", nil) == 200 })
	g.set(true)
	var answer struct {
		Ready   bool
		Reasons []string
	}
	eventually(t, p, func() bool { return p.get("/readyz", &answer) == 503 })
	require.Equal(t, []string{"filecoin: no node answers"}, answer.Reasons)
	require.Equal(t, 200, p.get("/healthz", nil))
	g.set(false)
	eventually(t, p, func() bool { return p.get("/readyz", nil) == 200 })
	w.prove(1)
	w.released(p, id, 2)
	require.NoError(t, p.end())
}

func TestPortIsTaken(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	at := l.Addr().String()
	requireStart(t, w.config(map[string]any{"http": at}), w, "relay.http "+at+" is taken: stop the other program, choose another host:port, or port 0 for a free one")
}
