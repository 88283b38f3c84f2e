package watch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/slastream/watch"
)

// A clock is a watch.Clock that the examples set.
type clock struct{ now uint64 }

func (c *clock) Now(context.Context) (uint64, error) { return c.now, nil }

// oneDeal is an escrow in memory with one deal of two chunks, an hour long.
func oneDeal(c *clock) (*escrow.Account, error) {
	m := escrow.NewMemory(escrow.Params{Address: slastream.Address{31: 9}}, func() uint64 { return c.now })
	if err := m.Mint(slastream.Address{31: 1}, slastream.AmountFromUint64(100)); err != nil {
		return nil, err
	}
	_, err := m.As(slastream.Address{31: 1}).CreateDeal(context.Background(), slastream.Terms{
		Provider: slastream.Address{31: 2}, Chunks: 2, ChunkAmount: slastream.AmountFromUint64(10), Duration: 3600,
	})
	return m.As(slastream.Address{31: 3}), err
}

// Slash at the deadline. With package starknet, one Escrow with an account is
// Escrow, Slasher, Clock and Pending.
func ExampleTower_Step() {
	ctx := context.Background()
	block := &clock{now: 1_772_366_400}
	account, err := oneDeal(block)
	if err != nil {
		fmt.Println(err)
		return
	}
	tower, err := watch.New(watch.Config{
		Domain:  attestation.Domain{Escrow: attestation.WordFromUint64(9)},
		Escrow:  account,
		Slasher: account,
		Clock:   block,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		report, err := tower.Step(ctx) // or Run, which repeats it
		fmt.Println("open:", report.Open, "slashed:", len(report.Slashed), err)
		block.now += 1800
	}
	// Output:
	// open: 1 slashed: 0 <nil>
	// open: 1 slashed: 0 <nil>
	// open: 0 slashed: 1 <nil>
}

// mailNotifier delivers alerts as mail. send is smtp.SendMail with the server and
// the addresses filled in.
type mailNotifier struct {
	from, to string
	send     func(message []byte) error
}

// Notify returns the error of the mail server: the alert comes again then. The
// alert's id as Message-ID lets mail programs show a repetition as what it is.
func (m mailNotifier) Notify(_ context.Context, a watch.Alert) error {
	var b strings.Builder
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%s@watch.example.com>\r\n\r\n", m.from, m.to, a.Subject(), a.ID)
	b.WriteString(strings.ReplaceAll(a.Text(), "\n", "\r\n"))
	return m.send([]byte(b.String()))
}

// Alerts as mail, from a tower that slashes nothing.
func ExampleNotifier() {
	block := &clock{now: 1_772_366_400}
	account, err := oneDeal(block)
	if err != nil {
		fmt.Println(err)
		return
	}
	mail := mailNotifier{from: "watch@example.com", to: "storage@example.com", send: func(message []byte) error {
		fmt.Print(strings.ReplaceAll(string(message), "\r\n", "\n"))
		return nil
	}}
	tower, err := watch.New(watch.Config{
		Domain: attestation.Domain{Escrow: attestation.WordFromUint64(9)},
		Escrow: account, Clock: block, Observer: true, Notifier: mail,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	block.now += 3600
	if _, err := tower.Step(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// From: watch@example.com
	// To: storage@example.com
	// Subject: SLAStream deal 1: the deadline has passed
	// Message-ID: <61dd100caa9e9ce7f11d3dbf21870619@watch.example.com>
	//
	// SLAStream deal 1: the deadline has passed.
	//
	// Anyone may slash the deal now. Until somebody does, releases are still paid.
	// Paid: 0 of 2 chunks. Deadline: 2026-03-01T13:00:00Z.
	// Client: 0x0000000000000000000000000000000000000000000000000000000000000001
	// Provider: 0x0000000000000000000000000000000000000000000000000000000000000002
	// Escrow: 0x0000000000000000000000000000000000000000000000000000000000000009 on chain 0x0000000000000000000000000000000000000000000000000000000000000000
	// Alert: 61dd100caa9e9ce7f11d3dbf21870619, final
}

// A receiver checks the signature of what it gets before it believes it, and
// keeps the ids that it has seen.
func ExampleVerifyWebhook() {
	secret := []byte("at least sixteen bytes, from a file")
	seen := map[string]bool{} // in a database, as a rule
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if err := watch.VerifyWebhook(secret, r.Header.Get(watch.SignatureHeader), body, time.Now(), 5*time.Minute); err != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		var alert watch.Alert
		if err := json.Unmarshal(body, &alert); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Println("alert", alert.ID, "new:", !seen[alert.ID])
		seen[alert.ID] = true
	}))
	defer server.Close()

	hook, err := watch.NewWebhook(server.URL, secret, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	alert := watch.Alert{ID: "0123456789abcdef", Kind: watch.KindSlashed, Phase: watch.PhaseFinal}
	fmt.Println(hook.Notify(context.Background(), alert))
	fmt.Println(hook.Notify(context.Background(), alert)) // as after a crash
	// Output:
	// alert 0123456789abcdef new: true
	// <nil>
	// alert 0123456789abcdef new: false
	// <nil>
}
