package auditlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/auditlog"
)

// Every decision is a line, and no line can be changed unnoticed.
func Example() {
	dir, err := os.MkdirTemp("", "auditlog")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "attester.audit")
	audit, err := auditlog.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	key, err := signer.NewLocal([32]byte{31: 1})
	if err != nil {
		log.Fatal(err)
	}
	s, err := signer.New(key)
	if err != nil {
		log.Fatal(err)
	}
	s = auditlog.Wrap(signer.Guard(s, signer.NewMemoryJournal()), audit)

	set := attestation.WordFromUint64(7)
	for chunk := range uint64(2) {
		_, err := s.Attest(context.Background(), signer.Request{
			Attestation: attestation.Attestation{DealID: attestation.WordFromUint64(1), ChunkIndex: chunk, ProofSetID: set},
			Evidence:    attestation.Evidence{ChainID: 314, SetID: set, Period: 6_000_000 + 2880*chunk},
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := audit.Close(); err != nil {
		log.Fatal(err)
	}

	file, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	head, err := auditlog.Verify(bytes.NewReader(file))
	fmt.Println("entries:", head.Entries, err) // keep the head elsewhere, too

	file = bytes.Replace(file, []byte("6000000"), []byte("6000001"), 1)
	head, err = auditlog.Verify(bytes.NewReader(file))
	fmt.Println("entries:", head.Entries, "broken:", errors.Is(err, auditlog.ErrBroken))
	// Output:
	// entries: 2 <nil>
	// entries: 0 broken: true
}
