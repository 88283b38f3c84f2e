package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
	"github.com/slastream/slastream-go/slastream/escrow"
)

const genesis = 1667326380 // Calibration

var (
	client   = slastream.Address{31: 1}
	provider = slastream.Address{31: 2}
	relay    = slastream.Address{31: 3}
	sepolia  = word("SN_SEPOLIA")
	verifier = attestation.EthereumAddress{0x85, 0xe2, 0x3b, 19: 0xc7}
)

func word(ascii string) (w attestation.Word) {
	copy(w[32-len(ascii):], ascii)
	return w
}

func amount(v uint64) slastream.Amount { return slastream.AmountFromUint64(v) }

func id(n uint64) attestation.Word { return attestation.WordFromUint64(n) }

// hash is a hash that names something.
func hash(of string, n uint64) attestation.Word {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte(of), n))
}

// A world is an escrow in memory, the attester of it, and a log that is written as
// the escrow pays.
type world struct {
	t       testing.TB
	header  audit.Header
	signer  signer.Signer
	escrow  *escrow.Memory
	now     uint64
	block   uint64
	out     bytes.Buffer
	writer  *audit.Writer
	entries []audit.Entry
}

func newWorld(t testing.TB, class slastream.Class) *world {
	t.Helper()
	w := &world{t: t, now: 1_800_000_000, block: 100}
	w.signer = attester(t, 9)
	w.header = audit.Header{
		Domain: attestation.Domain{ChainID: sepolia, Escrow: attestation.Word{31: 0xe5}},
		Key:    w.signer.PublicKey(),
		Class:  class,
	}
	w.escrow = escrow.NewMemory(escrow.Params{
		Class: class, Key: w.header.Key, Address: slastream.Address(w.header.Domain.Escrow), ChainID: sepolia,
	}, func() uint64 { return w.now })
	require.NoError(t, w.escrow.Mint(client, amount(1_000_000_000)))
	w.writer = audit.NewWriter(&w.out, audit.Head{})
	w.write(audit.Entry{Header: &w.header})
	return w
}

func attester(t testing.TB, secret byte) signer.Signer {
	t.Helper()
	key, err := signer.NewLocal([32]byte{31: secret})
	require.NoError(t, err)
	s, err := signer.New(key)
	require.NoError(t, err)
	return s
}

func (w *world) write(e audit.Entry) {
	w.t.Helper()
	if e.Time == 0 {
		e.Time = w.now
	}
	require.NoError(w.t, w.writer.Append(e))
	w.entries = append(w.entries, e)
}

// deal opens a deal in the escrow and writes its terms.
func (w *world) deal(chunks uint64) slastream.Deal {
	w.t.Helper()
	deal := w.open(chunks)
	w.write(audit.Entry{Deal: &deal})
	return deal
}

// open opens a deal in the escrow alone.
func (w *world) open(chunks uint64) slastream.Deal {
	w.t.Helper()
	terms := slastream.Terms{Provider: provider, Chunks: chunks, ChunkAmount: amount(100), Collateral: amount(50), Duration: 3600}
	id, err := w.escrow.As(client).CreateDeal(w.t.Context(), terms)
	require.NoError(w.t, err)
	deal, err := w.escrow.As(client).Deal(w.t.Context(), id)
	require.NoError(w.t, err)
	return deal
}

// chunk returns a chunk that a period of a data set earned, not signed.
func chunk(deal slastream.Deal, index, set, period uint64) audit.Chunk {
	p := slastream.Proof{
		Evidence: attestation.Evidence{
			ChainID: 314159, Verifier: verifier, SetID: id(set), Period: period,
			TxHash: hash("proof", period), BlockHash: hash("tipset", period), BlockNumber: period + 3, LogIndex: 5,
		},
		RootCID:   hash("piece", set),
		Timestamp: genesis + 30*(period+3),
	}
	return audit.Chunk{
		Proof:  p,
		Signed: attestation.Signed{Attestation: attestation.Attestation{DealID: deal.ID, ChunkIndex: index, ProofSetID: p.SetID, RootCID: p.RootCID, Timestamp: p.Timestamp}},
		Amount: deal.ChunkAmount,
	}
}

// sign signs chunks, each alone or together as a batch.
func (w *world) sign(batched bool, chunks []audit.Chunk) {
	w.t.Helper()
	if !batched {
		for i := range chunks {
			signed, err := w.signer.Attest(w.t.Context(), signer.Request{Attestation: chunks[i].Signed.Attestation, Domain: w.header.Domain, Evidence: chunks[i].Proof.Evidence})
			require.NoError(w.t, err)
			chunks[i].Signed = signed
		}
		return
	}
	req := signer.BatchRequest{Domain: w.header.Domain}
	for _, c := range chunks {
		req.Items = append(req.Items, signer.BatchItem{Attestation: c.Signed.Attestation, Evidence: c.Proof.Evidence})
	}
	signed, err := w.signer.(signer.BatchSigner).AttestBatch(w.t.Context(), req)
	require.NoError(w.t, err)
	for i := range chunks {
		chunks[i].Signed.Signature = signed.Signature
	}
}

// entry returns a release of chunks by the relay, in the next block.
func (w *world) entry(batched bool, chunks ...audit.Chunk) audit.Entry {
	w.t.Helper()
	w.sign(batched, chunks)
	w.block++
	return audit.Entry{Release: &audit.Release{TxHash: hash("release", w.block), Block: w.block, Sender: relay, Batched: batched, Chunks: chunks}}
}

// release pays chunks in the escrow and writes it.
func (w *world) release(batched bool, chunks ...audit.Chunk) {
	w.t.Helper()
	e := w.entry(batched, chunks...)
	w.pay(batched, chunks)
	w.write(e)
}

func (w *world) pay(batched bool, chunks []audit.Chunk) {
	w.t.Helper()
	if !batched {
		for _, c := range chunks {
			require.NoError(w.t, w.escrow.As(relay).Release(w.t.Context(), c.Signed))
		}
		return
	}
	var items []attestation.Attestation
	for _, c := range chunks {
		items = append(items, c.Signed.Attestation)
	}
	require.NoError(w.t, w.escrow.As(relay).ReleaseBatch(w.t.Context(), items, chunks[0].Signed.Signature))
}

// foreign pays a chunk in the escrow and writes that somebody else did.
func (w *world) foreign(c audit.Chunk) {
	w.t.Helper()
	chunks := []audit.Chunk{c}
	w.sign(false, chunks)
	w.pay(false, chunks)
	chunks[0].Signed.Signature = attestation.Signature{}
	w.write(audit.Entry{Release: &audit.Release{Chunks: chunks}})
}

// slash ends a deal at its deadline and writes it.
func (w *world) slash(deal slastream.Deal) {
	w.t.Helper()
	w.now = max(w.now, deal.Deadline)
	state, err := w.escrow.As(client).Deal(w.t.Context(), deal.ID)
	require.NoError(w.t, err)
	refund, err := state.Refund()
	require.NoError(w.t, err)
	require.NoError(w.t, w.escrow.As(relay).Slash(w.t.Context(), deal.ID))
	w.block++
	w.write(audit.Entry{Slash: &audit.Slash{Deal: deal.ID, TxHash: hash("slash", w.block), Block: w.block, Sender: relay, At: w.now, Amount: refund}})
}

// verify returns what is found in a log of this escrow.
func (w *world) verify(log []byte) audit.Report {
	w.t.Helper()
	report, err := audit.Verify(w.t.Context(), bytes.NewReader(log), audit.Options{Header: &w.header})
	require.NoError(w.t, err)
	return report
}

// written is a log with every kind of line: deal 1 completes by a single release,
// a multicall and a batch; deal 2 has a chunk that somebody else paid; deal 3 is
// slashed.
func written(t testing.TB) *world {
	t.Helper()
	w := newWorld(t, slastream.ClassExtended)
	one, two := w.deal(5), w.deal(4)
	w.release(false, chunk(one, 0, 11, 1000))
	w.release(false, chunk(one, 1, 11, 1240), chunk(two, 0, 12, 1000))
	w.release(true, chunk(one, 2, 11, 1480), chunk(two, 1, 12, 1240), chunk(one, 3, 11, 1720))
	w.foreign(chunk(two, 2, 12, 1480))
	w.release(false, chunk(two, 3, 12, 1721))
	three := w.deal(6)
	w.release(false, chunk(three, 0, 13, 2000))
	w.slash(three)
	w.release(true, chunk(one, 4, 11, 1960))
	return w
}
