package lit_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"testing"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/lit"
)

// exampleT stands for the test that an example is not.
type exampleT struct{ testing.TB }

func (exampleT) Helper()                           {}
func (exampleT) Context() context.Context          { return context.Background() }
func (exampleT) Errorf(format string, args ...any) { log.Fatalf(format, args...) }

// A relay's signer: the action behind the service, a guard around it. The world
// is both chains, simulated, and a fake of Lit's service that runs the action.
func Example() {
	w := newWorld(exampleT{})
	w.proveNext()
	w.proveNext()
	requests := w.requests() // what a relay asks for: see slastream/relay
	service := httptest.NewServer(&service{runtime: w.runtime})
	defer service.Close()

	ctx := context.Background()
	client, err := lit.NewClient(lit.ClientConfig{BaseURL: service.URL, APIKey: lit.NewAPIKey(apiKey)})
	if err != nil {
		log.Fatal(err)
	}
	action, err := lit.NewAction(w.config)
	if err != nil {
		log.Fatal(err)
	}
	key, err := client.ActionKey(ctx, action.CID())
	if err != nil {
		log.Fatal(err)
	}
	journal := signer.NewMemoryJournal() // filejournal in production
	s, err := signer.NewAction(lit.NewKey(client, action, key, lit.Ledger{
		Journal:  journal,
		Key:      key,
		Domain:   action.Domain(key),
		Bindings: map[attestation.Word]lit.Binding{w.deal: w.binding}, // signed by the deal's client
	}))
	if err != nil {
		log.Fatal(err)
	}
	s = signer.Guard(s, journal)

	for _, req := range requests {
		signed, err := s.Attest(ctx, req)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("chunk", signed.Attestation.ChunkIndex, "accepted:", signed.Verify(attestation.RulesLowS, key) == nil)
	}
	// The same proof for another deal.
	stolen := requests[1]
	stolen.Attestation.DealID = attestation.WordFromUint64(2)
	_, err = s.Attest(ctx, stolen)
	fmt.Println("refused:", err != nil)
	// Output:
	// chunk 0 accepted: true
	// chunk 1 accepted: true
	// refused: true
}

func ExampleNewAction() {
	action, err := lit.NewAction(pinned)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(action.CID())
	// Output:
	// QmYUrNTrynBhcXm2aFp9DVw72dv7Wwj9zGCqFXnys8hayG
}
