package watch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/watch"
)

var secret = []byte("a secret of more than 16 bytes")

func newWebhook(t *testing.T, url string) *watch.Webhook {
	hook, err := watch.NewWebhook(url, secret, nil)
	require.NoError(t, err)
	return hook
}

func TestWebhookSigns(t *testing.T) {
	var got watch.Alert
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.URL.RequestURI() != "/hook?token=1" {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		header := r.Header.Get(watch.SignatureHeader)
		if err := watch.VerifyWebhook(secret, header, body, time.Now(), time.Minute); err != nil {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		if watch.VerifyWebhook(secret, header, append(body, ' '), time.Now(), time.Minute) == nil {
			rw.WriteHeader(http.StatusTeapot)
			return
		}
		_ = json.Unmarshal(body, &got)
	}))
	defer server.Close()
	sent := watch.Alert{ID: "1234", Kind: watch.KindSlashed, Phase: watch.PhaseFinal, DealID: word(5), Due: start}
	require.NoError(t, newWebhook(t, server.URL+"/hook?token=1").Notify(t.Context(), sent))
	require.Equal(t, sent, got)
}

// The layout of the body is what receivers in other languages read.
func TestAlertJSON(t *testing.T) {
	body, err := json.Marshal(watch.Alert{ID: "1234", Kind: watch.KindReleased, Phase: watch.PhasePending, DealID: word(5), Block: 7})
	require.NoError(t, err)
	zero := "0x" + strings.Repeat("0", 64)
	require.Equal(t, `{"id":"1234","kind":"released","phase":"pending","chainId":"`+zero+`","escrow":"`+zero+`","dealId":"`+word(5).String()+`","chunk":0,"block":7}`, string(body))
}

func TestWebhookFailures(t *testing.T) {
	followed := false
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		says    string // "" for success
	}{
		"no content":   {func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) }, ""},
		"server error": {func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusInternalServerError) }, "status 500"},
		"gone":         {func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusGone) }, "status 410"},
		"redirection": {func(rw http.ResponseWriter, r *http.Request) {
			followed = followed || r.URL.Path != "/"
			http.Redirect(rw, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "status 307"},
		"hangs before the answer": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "deadline exceeded"},
		"hangs in the answer": {func(rw http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(rw, "o")
			_ = http.NewResponseController(rw).Flush()
			<-r.Context().Done()
		}, "deadline exceeded"},
		"cuts the answer": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(rw, "ok")
		}, "unexpected EOF"},
		"cuts the connection": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"talks for ever": {func(rw http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := rw.Write(make([]byte, 32<<10)); err != nil {
					return
				}
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // or the end of the connection goes unnoticed
				row.handler(rw, r)
			}))
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			err := newWebhook(t, server.URL+"/?token=private").Notify(ctx, watch.Alert{ID: "1"})
			if row.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.says)
			require.NotContains(t, err.Error(), "private")
		})
	}
	require.False(t, followed)
	err := newWebhook(t, "http://127.0.0.1:1/private").Notify(t.Context(), watch.Alert{})
	require.ErrorContains(t, err, "watch: webhook 127.0.0.1:1: ")
	require.NotContains(t, err.Error(), "private")
}

// At least once: whatever the server does to the first attempts, each alert is
// delivered, under one id.
func TestAtLeastOnce(t *testing.T) {
	w := newWorld(t)
	const deals = 8
	for range deals {
		w.create(1, hour)
	}
	var mu sync.Mutex
	attempts, accepted := map[string]int{}, map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var a watch.Alert
		if json.Unmarshal(body, &a) != nil || watch.VerifyWebhook(secret, r.Header.Get(watch.SignatureHeader), body, time.Now(), time.Minute) != nil {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		attempts[a.ID]++
		n := attempts[a.ID]
		mu.Unlock()
		switch {
		case n == 1 && a.ID[0]%3 == 0:
			rw.WriteHeader(http.StatusServiceUnavailable)
		case n == 1 && a.ID[0]%3 == 1:
			<-r.Context().Done()
		case n == 1:
			rw.Header().Set("Content-Length", "100") // it was taken, and the answer is lost
		default:
			mu.Lock()
			accepted[a.ID] = fmt.Sprintf("%s %s %v", a.Kind, a.Phase, a.DealID)
			mu.Unlock()
		}
	}))
	defer server.Close()
	w.config.Notifier = newWebhook(t, server.URL)
	w.config.Timeout, w.config.Parallel = 200*time.Millisecond, 8
	tower := w.tower()
	w.now.Add(hour)
	for queue := 1; queue > 0; {
		queue = w.step(tower).Queue
		time.Sleep(50 * time.Millisecond)
	}
	require.Len(t, accepted, 3*deals)
	contents := map[string]bool{}
	for id, content := range accepted {
		require.Equal(t, 2, attempts[id])
		contents[content] = true
	}
	require.Len(t, contents, 3*deals)
}

func TestNewWebhookRefuses(t *testing.T) {
	for name, row := range map[string]struct{ url, secret, says string }{
		"no address":      {"", string(secret), "scheme"},
		"a path":          {"/hook", string(secret), "scheme"},
		"another scheme":  {"ftp://example.com/", string(secret), "scheme"},
		"no host":         {"https:///private", string(secret), "no host"},
		"a user":          {"https://user:private@example.com/", string(secret), "holds a user"},
		"not a URL":       {"https://exa mple.com/private", string(secret), "no URL"},
		"a short secret":  {"https://example.com/", "private", "7 bytes"},
		"an empty secret": {"https://example.com/", "", "0 bytes"},
	} {
		_, err := watch.NewWebhook(row.url, []byte(row.secret), nil)
		require.ErrorContains(t, err, row.says, name)
		require.NotContains(t, err.Error(), "private", name)
	}
}

// Neither secret nor path show in any format, whether it is printed as a value,
// as a pointer or inside something else.
func TestWebhookIsRedacted(t *testing.T) {
	hook := newWebhook(t, "https://example.com/services/private?key=private")
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "hook", hook, "value", *hook)
	text, err := json.Marshal(map[string]any{"pointer": hook, "value": *hook})
	require.NoError(t, err)
	out := log.String() + string(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		out += fmt.Sprintf(verb, hook) + fmt.Sprintf(verb, *hook) + fmt.Sprintf(verb, struct{ H *watch.Webhook }{hook}) +
			fmt.Sprintf(verb, struct{ H watch.Webhook }{*hook})
	}
	require.NotContains(t, out, "private")
	require.NotContains(t, out, "secret")
	require.NotContains(t, out, fmt.Sprintf("%x", secret))
	require.Contains(t, out, "webhook example.com")
	require.Equal(t, "webhook", watch.Webhook{}.String())
}

func TestVerifyWebhook(t *testing.T) {
	// Made with: printf '1772366400.{"id":"1"}' | openssl dgst -sha256 -hmac 'a secret of more than 16 bytes'
	const fits = "140864af63a7dc6467ada4e2d411f883115c21f368d35dec80562251a4ffc37a"
	now, body := time.Unix(start, 0), []byte(`{"id":"1"}`)
	other := strings.Repeat("ab", 32)
	for name, row := range map[string]struct {
		header string
		at     time.Time
		says   string
	}{
		"good":                      {"t=1772366400,v1=" + fits, now, ""},
		"good, five minutes old":    {"t=1772366400,v1=" + fits, now.Add(5 * time.Minute), ""},
		"good, order and spaces":    {"v1=" + fits + ", t=1772366400", now, ""},
		"good, new names":           {"t=1772366400,v2=zz,v1=" + fits + ",x", now, ""},
		"good, upper case":          {"t=1772366400,v1=" + strings.ToUpper(fits), now, ""},
		"good, second v1":           {"t=1772366400,v1=" + other + ",v1=" + fits, now, ""},
		"too old":                   {"t=1772366400,v1=" + fits, now.Add(5*time.Minute + time.Second), "old"},
		"from the future":           {"t=1772366400,v1=" + fits, now.Add(-6 * time.Minute), "old"},
		"another time":              {"t=1772366401,v1=" + fits, now, "no v1 fits"},
		"the same time, other text": {"t=01772366400,v1=" + fits, now, "no v1 fits"},
		"another v1":                {"t=1772366400,v1=" + other, now, "no v1 fits"},
		"a part of v1":              {"t=1772366400,v1=" + fits[:62], now, "no v1 fits"},
		"empty v1":                  {"t=1772366400,v1=", now, "no v1 fits"},
		"not hexadecimal":           {"t=1772366400,v1=zz", now, "hexadecimal"},
		"no time":                   {"v1=" + fits, now, "want t="},
		"two times":                 {"t=1,t=1772366400,v1=" + fits, now, "two times"},
		"no v1":                     {"t=1772366400", now, "want t="},
		"empty":                     {"", now, "want t="},
		"long":                      {strings.Repeat("x", 1<<20), now, "want t="},
		"many v1":                   {"t=1772366400" + strings.Repeat(",v1="+other, 8) + ",v1=" + fits, now, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			err := watch.VerifyWebhook(secret, row.header, body, row.at, 5*time.Minute)
			if row.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, watch.ErrSignature)
			require.ErrorContains(t, err, row.says)
			require.Less(t, len(err.Error()), 300)
		})
	}
	require.ErrorIs(t, watch.VerifyWebhook([]byte("another secret, as long"), "t=1772366400,v1="+fits, body, now, time.Hour), watch.ErrSignature)
	require.ErrorContains(t, watch.VerifyWebhook(nil, "t=1772366400,v1="+fits, body, now, time.Hour), "secret")
}

func FuzzVerifyWebhook(f *testing.F) {
	f.Add("t=1,v1=00", []byte("{}"))
	f.Add(",,=,t=,v1", []byte(nil))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		require.Error(t, watch.VerifyWebhook(secret, header, body, time.Unix(start, 0), time.Hour))
	})
}
