package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
)

// A relay writes down what it was paid for, twice because of a crash, and somebody
// else, who knows the key of the escrow and the head of yesterday, checks it.
func Example() {
	if err := example(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// line 3, and the chunk is in it once
	// 1 chunk, 250 base units, deal 7: 1 of 30 chunks
	// forged: 3 line
	// forged: 3 ledger
}

func example(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "deals.audit")
	key, err := signer.NewLocal([32]byte{31: 9})
	if err != nil {
		return err
	}
	attester, err := signer.New(key)
	if err != nil {
		return err
	}

	header := audit.Header{
		Domain: attestation.Domain{ChainID: attestation.Word{31: 1}, Escrow: attestation.Word{31: 2}},
		Key:    attester.PublicKey(),
	}
	log, err := audit.Create(path, header)
	if err != nil {
		return err
	}
	defer log.Close()

	// What the relay has when a transaction is accepted: the deal as the escrow
	// answers it, the proof, the signed attestation, and the transaction.
	deal := slastream.Deal{
		ID: attestation.WordFromUint64(7), Client: slastream.Address{31: 3}, Provider: slastream.Address{31: 4},
		Chunks: 30, ChunkAmount: slastream.AmountFromUint64(250), Deadline: 1_800_000_000, Active: true,
	}
	proof := slastream.Proof{
		Evidence:  attestation.Evidence{ChainID: 314, SetID: attestation.Word{31: 5}, Period: 5_000_000, BlockNumber: 5_000_010},
		RootCID:   attestation.Word{1},
		Timestamp: 1_598_306_400 + 30*5_000_010,
	}
	statement := attestation.Attestation{DealID: deal.ID, ProofSetID: proof.SetID, RootCID: proof.RootCID, Timestamp: proof.Timestamp}
	signed, err := attester.Attest(ctx, signer.Request{Attestation: statement, Domain: header.Domain, Evidence: proof.Evidence})
	if err != nil {
		return err
	}
	release := audit.Release{
		TxHash: attestation.Word{31: 6}, Block: 1234, Sender: slastream.Address{31: 7},
		Chunks: []audit.Chunk{{Proof: proof, Signed: signed, Amount: deal.ChunkAmount}},
	}
	for range 2 {
		if err := log.Append(audit.Entry{Time: 1_750_000_000, Deal: &deal}, audit.Entry{Time: 1_750_000_000, Release: &release}); err != nil {
			return err
		}
	}
	noted := log.Head()
	fmt.Printf("line %d, and the chunk is in it once\n", noted.Lines)

	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	check := audit.Options{Header: &header, Head: noted}
	report, err := audit.Verify(ctx, bytes.NewReader(file), check)
	if err != nil {
		return err
	}
	d := report.Deals[0]
	fmt.Printf("%d chunk, %v base units, deal %s: %d of %d chunks\n", report.Chunks, report.Paid, d.Deal.ID.Big(), d.Deal.Released, d.Deal.Chunks)

	forged := bytes.Replace(file, []byte(`"amount":"250"`), []byte(`"amount":"950"`), 1)
	report, err = audit.Verify(ctx, bytes.NewReader(forged), audit.Options{Header: &header})
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		fmt.Println("forged:", f.Line, f.Reason)
	}
	return nil
}
