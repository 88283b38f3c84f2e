package filejournal_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/auditlog"
	"github.com/slastream/slastream-go/signer/filejournal"
	"github.com/slastream/slastream-go/signer/rule"
)

// A signer with all that an operator puts around it.
func Example() {
	if err := run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// chunk 0: <nil>
	// another root: true
	// another deal: signer: policy deals: deal 0x0000000000000000000000000000000000000000000000000000000000000002 is not allowed
	// entries in the audit log: 3
}

func run() error {
	dir, err := os.MkdirTemp("", "signer")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	journal, err := filejournal.Create(filepath.Join(dir, "attester.journal")) // Open from the second time on
	if err != nil {
		return err
	}
	defer journal.Close()
	log, err := auditlog.Open(filepath.Join(dir, "attester.audit"))
	if err != nil {
		return err
	}
	defer log.Close()

	key, err := signer.NewLocal([32]byte{31: 1})
	if err != nil {
		return err
	}
	s, err := signer.New(key)
	if err != nil {
		return err
	}
	deal, set := attestation.WordFromUint64(1), attestation.WordFromUint64(7)
	caps := rule.NewCap(rule.Limits{Hour: attestation.WordFromUint64(1000)}, func(context.Context, signer.Request) (attestation.Word, error) {
		return attestation.WordFromUint64(10), nil // the deal's chunk amount
	})
	for rec, err := range journal.All() {
		if err := errors.Join(err, caps.Restore(context.Background(), rec)); err != nil {
			return err
		}
	}
	var on rule.Switch
	s = signer.Guard(s, journal, on.Policy(), rule.Deals(deal), rule.DataSets(set), rule.Skew(time.Minute, 24*time.Hour), caps.Policy(), rule.Rate(10, 10))
	s = auditlog.Wrap(s, log)

	req := signer.Request{
		Attestation: attestation.Attestation{DealID: deal, ProofSetID: set, Timestamp: uint64(time.Now().Unix())},
		Evidence:    attestation.Evidence{ChainID: 314, SetID: set, Period: 6_000_000},
	}
	_, err = s.Attest(context.Background(), req)
	fmt.Println("chunk 0:", err)

	other := req
	other.Attestation.RootCID = attestation.WordFromUint64(2)
	_, err = s.Attest(context.Background(), other)
	_, refused := errors.AsType[*signer.EquivocationError](err)
	fmt.Println("another root:", refused)

	other = req
	other.Attestation.DealID = attestation.WordFromUint64(2)
	_, err = s.Attest(context.Background(), other)
	fmt.Println("another deal:", err)
	fmt.Println("entries in the audit log:", log.Head().Entries)
	return nil
}

// What a program does that may be started for the first time: it asks before it
// makes an empty journal.
func ExampleCreate() {
	path := filepath.Join(os.TempDir(), "no", "such", "directory", "journal")
	_, err := filejournal.Open(path)
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output: true
}
