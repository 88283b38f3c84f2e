package rule_test

import (
	"context"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/rule"
)

// A signer for one deal that signs for no more than 25 base units of the token.
func Example() {
	key, err := signer.NewLocal([32]byte{31: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := signer.New(key)
	if err != nil {
		fmt.Println(err)
		return
	}
	deal, set := attestation.WordFromUint64(1), attestation.WordFromUint64(7)
	caps := rule.NewCap(rule.Limits{Deal: attestation.WordFromUint64(25)}, func(context.Context, signer.Request) (attestation.Word, error) {
		return attestation.WordFromUint64(10), nil // the deal's chunk amount
	})
	var stop rule.Switch
	s = signer.Guard(s, signer.NewMemoryJournal(), rule.Deals(deal), stop.Policy(), caps.Policy())

	ask := func(deal attestation.Word, chunk uint64) {
		_, err := s.Attest(context.Background(), signer.Request{
			Attestation: attestation.Attestation{DealID: deal, ChunkIndex: chunk, ProofSetID: set},
			Evidence:    attestation.Evidence{ChainID: 314, SetID: set, Period: 6_000_000 + 2880*chunk},
		})
		fmt.Printf("chunk %d: %v\n", chunk, err)
	}
	ask(deal, 0)
	ask(deal, 1)
	ask(deal, 2)
	stop.Set(false)
	ask(deal, 1)
	// Output:
	// chunk 0: <nil>
	// chunk 1: <nil>
	// chunk 2: signer: policy cap: deal 0x0000000000000000000000000000000000000000000000000000000000000001: 30 in all, more than 25
	// chunk 1: signer: policy switch: signer: unavailable: signing is switched off
}
