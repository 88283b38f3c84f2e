package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/slastream/relay"
)

// TestAuditOfOthers: what another relay paid leaves no gap in the log, and no
// contradiction to what this one paid.
func TestAuditOfOthers(t *testing.T) {
	key, err := signer.NewLocal([32]byte{31: 7})
	require.NoError(t, err)
	attester, err := signer.New(key)
	require.NoError(t, err)
	client := slastream.Address{31: 1}
	memory := escrow.NewMemory(escrow.Params{Address: slastream.Address{31: 9}, Key: key.PublicKey(), Token: slastream.Address{31: 8}}, func() uint64 { return 1000 })
	require.NoError(t, memory.Mint(client, slastream.AmountFromUint64(1_000_000)))
	const chunks = 600 // more than one entry takes
	deal, err := memory.As(client).CreateDeal(t.Context(), slastream.Terms{Provider: slastream.Address{31: 2}, Chunks: chunks, ChunkAmount: slastream.AmountFromUint64(10), Duration: 100})
	require.NoError(t, err)

	path := filepath.Join(t.TempDir(), "relay.audit")
	domain := attestation.Domain{ChainID: attestation.WordFromUint64(77), Escrow: attestation.WordFromUint64(9)}
	log, err := audit.Create(path, audit.Header{Domain: domain, Key: key.PublicKey()})
	require.NoError(t, err)
	status := func(context.Context, attestation.Word) (slastream.TxStatus, error) {
		return slastream.TxStatus{State: slastream.TxAccepted}, nil
	}
	r := &recorder{log, memory.As(client), status}
	var all []relay.Chunk
	for i := range uint64(chunks) {
		c := relay.Chunk{Deal: deal, Index: i, Amount: slastream.AmountFromUint64(10), State: relay.Settled}
		epoch := 100 + 2880*i
		c.Proof = slastream.Proof{
			Evidence: attestation.Evidence{ChainID: 314, SetID: attestation.WordFromUint64(1), Period: epoch, BlockNumber: epoch, TxHash: attestation.WordFromUint64(i + 1)},
			RootCID:  attestation.WordFromUint64(5), Timestamp: 1598306400 + 30*epoch,
		}
		all = append(all, c)
	}
	own := all[3]
	statement := own.Attestation()
	statement.Timestamp -= 30 // a guard had signed before, for a block that was replaced
	own.Signed, err = attester.Attest(t.Context(), signer.Request{Attestation: statement, Domain: domain, Evidence: own.Proof.Evidence})
	require.NoError(t, err)
	hash := attestation.WordFromUint64(0xabc)
	require.NoError(t, r.Record(t.Context(), relay.Payment{Tx: slastream.SignedTx{Hash: hash, Sender: client}, Chunks: []relay.Chunk{own}}))

	for range 2 {
		require.NoError(t, r.Record(t.Context(), relay.Payment{Chunks: all}))
	}
	require.NoError(t, log.Close())
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	report, err := audit.Verify(t.Context(), f, audit.Options{})
	require.NoError(t, err)
	require.Len(t, report.Findings, 1, "only the guard's older time")
	require.Len(t, report.Deals, 1)
	require.EqualValues(t, chunks-1, report.Deals[0].Foreign)
}
