package relay_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/filejournal"
	"github.com/slastream/slastream-go/signer/signertest"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
	"github.com/slastream/slastream-go/starknet"
	starknetsim "github.com/slastream/slastream-go/starknet/simulated"
)

// plumbing is what the page leaves out of the code.
var plumbing = regexp.MustCompile(`\t+if err != nil \{\n\t+return [^\n]*\n\t+\}\n`)

// TestPageShowsCodeThatRuns: the Go code of docs/relay.md is that of
// page_snippet_test.go to the letter, but for the plumbing, and all of it, or
// that of pgstore's example, which is a module of its own.
func TestPageShowsCodeThatRuns(t *testing.T) {
	page, err := os.ReadFile("../../docs/relay.md")
	require.NoError(t, err)
	source, err := os.ReadFile("page_snippet_test.go")
	require.NoError(t, err)
	example, err := os.ReadFile("pgstore/example_test.go")
	require.NoError(t, err)
	code := plumbing.ReplaceAllString(string(source), "")
	database := regexp.MustCompile(`\tif err != nil \{\n\t\tlog\.Fatal\(err\)\n\t\}\n`).ReplaceAllString(string(example), "")
	database = strings.ReplaceAll(database, "\n\t", "\n")
	var shown strings.Builder
	for _, block := range strings.Split(string(page), "```go\n")[1:] {
		block, _, closed := strings.Cut(block, "```")
		require.True(t, closed)
		if strings.Contains(block, "pgstore.Options") {
			require.True(t, strings.Contains(database, block), block)
			continue
		}
		require.True(t, strings.Contains(code, block), block)
		shown.WriteString(block)
	}
	_, code, _ = strings.Cut(code, "compares the two.\n")
	squeeze := func(s string) string { return strings.ReplaceAll(s, "\n\n", "\n") }
	require.Equal(t, strings.TrimSpace(squeeze(code)), strings.TrimSpace(squeeze(shown.String())))
}

// A pageWorld is both simulated chains, and an escrow whose key is local.
type pageWorld struct {
	fevm     *fevmsim.Node
	starknet *starknetsim.Node
	key      *signer.Local
	caller   *rpc.Client
	client   *starknet.Escrow // as the account that opens deals
	deal     attestation.Word
}

func newPageWorld(t *testing.T) *pageWorld {
	t.Helper()
	key, err := signer.NewLocal([32]byte{31: 9})
	require.NoError(t, err)
	w := &pageWorld{
		key:      key,
		starknet: starknetsim.New(starknetsim.Options{Key: key.PublicKey()}),
		fevm:     fevmsim.New(fevmsim.WithStart(fevmsim.EpochAt(uint64(time.Now().Unix())))),
	}
	w.caller, err = rpc.DialOptions(t.Context(), "http://in.process/rpc", rpc.WithHTTPClient(w.starknet.Client()))
	require.NoError(t, err)
	w.client = starknet.NewEscrow(w.caller, w.starknet.Escrow(), starknet.WithAccount(w.account(t, 1)))
	w.deal, err = w.client.CreateDeal(t.Context(), slastream.Terms{
		Provider: w.starknet.Accounts()[2].Address, Chunks: 3, ChunkAmount: slastream.AmountFromUint64(100), Duration: 1_000_000,
	})
	require.NoError(t, err)
	return w
}

func (w *pageWorld) account(t *testing.T, i int) *starknet.Account {
	t.Helper()
	a := w.starknet.Accounts()[i]
	key, err := starknet.NewLocalKey(a.PrivateKey)
	require.NoError(t, err)
	return starknet.NewAccount(w.caller, starknet.Sepolia, a.Address, key, starknet.WithPoll(time.Millisecond))
}

func (w *pageWorld) released(t *testing.T) uint64 {
	t.Helper()
	deal, err := w.client.Deal(context.WithoutCancel(t.Context()), w.deal)
	require.NoError(t, err)
	return deal.Released
}

// TestPageEmbedded: the program pays a chunk, is stopped, and pays the next one
// on the same files.
func TestPageEmbedded(t *testing.T) {
	w := newPageWorld(t)
	filecoin, node := httptest.NewServer(w.fevm), httptest.NewServer(w.starknet)
	t.Cleanup(func() { filecoin.Close(); node.Close() })
	dir := t.TempDir()
	a := w.starknet.Accounts()[3]
	stark, err := starknet.NewLocalKey(a.PrivateKey)
	require.NoError(t, err)
	most, err := slastream.ParseAmount("5", 18)
	require.NoError(t, err)
	s := settings{
		filecoin: []string{filecoin.URL, filecoin.URL + "/", filecoin.URL + "/rpc/v1"}, chain: fevmsim.ChainID, genesis: fevmsim.Genesis,
		verifier: attestation.EthereumAddress(w.fevm.Verifier()), first: w.fevm.Head(),
		starknet: node.URL + "/rpc", network: starknet.Sepolia, escrow: w.starknet.Escrow(), account: a.Address, stark: stark, most: most,
		attester: w.key, journal: filepath.Join(dir, "journal"), store: filepath.Join(dir, "relay.db"),
		bindings: []relay.Binding{{Deal: w.deal, Set: attestation.WordFromUint64(1)}},
	}
	require.ErrorIs(t, run(t.Context(), s), os.ErrNotExist, "an empty journal is made by hand")
	journal, err := filejournal.Create(s.journal)
	require.NoError(t, err)
	require.NoError(t, journal.Close())

	for paid := range uint64(2) {
		_, err = w.fevm.Prove(t.Context(), 1)
		require.NoError(t, err)
		_, err = w.fevm.Mine(10)
		require.NoError(t, err)
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		done := make(chan error, 1)
		go func() { done <- run(ctx, s) }()
		require.Eventually(t, func() bool { return w.released(t) == paid+1 || len(done) > 0 }, 30*time.Second, 5*time.Millisecond)
		stop()
		require.ErrorIs(t, <-done, context.Canceled)
		require.Equal(t, paid+1, w.released(t))
	}

	other, err := signer.NewLocal([32]byte{31: 8})
	require.NoError(t, err)
	s.attester, s.journal, s.store = other, filepath.Join(dir, "other"), filepath.Join(dir, "other.db")
	journal, err = filejournal.Create(s.journal)
	require.NoError(t, err)
	require.NoError(t, journal.Close())
	var mismatch *relay.MismatchError
	require.ErrorAs(t, run(t.Context(), s), &mismatch)
	require.Contains(t, mismatch.Do, "use the signer that the escrow was deployed for")
}

// proofs are those of n periods of data set 7, the first at epoch 110.
func pageProofs(n uint64) (list []slastream.Proof) {
	for i := range n {
		p := slastream.Proof{Timestamp: fevmsim.Genesis + slastream.EpochSeconds*(110+100*i), RootCID: attestation.WordFromUint64(i + 1)}
		p.ChainID, p.SetID, p.Period, p.BlockNumber = fevmsim.ChainID, attestation.WordFromUint64(7), 105+100*i, 110+100*i
		list = append(list, p)
	}
	return list
}

// A pageLedger is the escrow of another contract, with a deal.
type pageLedger struct {
	*ledger
	memory *escrow.Memory
	key    *signer.Local
	deal   attestation.Word
}

func newPageLedger(t *testing.T, chunks uint64) *pageLedger {
	t.Helper()
	key, err := signer.NewLocal([32]byte{31: 9})
	require.NoError(t, err)
	memory := escrow.NewMemory(escrow.Params{Address: slastream.Address{31: 9}, Key: key.PublicKey(), Token: slastream.Address{31: 8}}, func() uint64 { return 1000 })
	require.NoError(t, memory.Mint(client, slastream.AmountFromUint64(1_000_000)))
	l := &pageLedger{memory: memory, key: key, ledger: &ledger{contract: memory.As(account), account: account, done: map[attestation.Word]slastream.TxStatus{}}}
	l.deal, err = memory.As(client).CreateDeal(t.Context(), slastream.Terms{Provider: provider, Chunks: chunks, ChunkAmount: slastream.AmountFromUint64(10), Duration: 100})
	require.NoError(t, err)
	return l
}

// config is a relay of parts of the page: the index, the vault and the ledger.
func (l *pageLedger) config(t *testing.T, source *index) relay.Config {
	t.Helper()
	s, err := signer.New(vault{l.key.PublicKey(), l.key.SignDigest})
	require.NoError(t, err)
	return relay.Config{
		Proofs: source, Signer: signer.Guard(s, signer.NewMemoryJournal()), Escrow: l.ledger, Store: relay.NewMemoryStore(), Domain: domain,
		Bindings: []relay.Binding{{Deal: l.deal, Set: attestation.WordFromUint64(7), StartEpoch: 100}},
		Jitter:   func(time.Duration) time.Duration { return 0 },
	}
}

func (l *pageLedger) released(t *testing.T) uint64 {
	t.Helper()
	deal, err := l.Deal(t.Context(), l.deal)
	require.NoError(t, err)
	return deal.Released
}

// TestPageOwnParts: a relay without a part of this repository pays each period
// once, and its recorder, observer and health say so.
func TestPageOwnParts(t *testing.T) {
	l, source := newPageLedger(t, 3), &index{head: 300, proofs: pageProofs(2)}
	h := &history{paid: map[relay.ChunkID]attestation.Word{}}
	c := l.config(t, source)
	c.Recorder, c.Observer = h, h
	r, err := relay.New(c)
	require.NoError(t, err)
	require.NoError(t, once(soon(t), r))
	require.Equal(t, uint64(2), l.released(t))
	require.Empty(t, r.Health().Err)
	require.Len(t, h.paid, 2)
	for id, tx := range h.paid {
		require.Equal(t, slastream.TxSettled, l.done[tx].State, id)
	}
	require.Equal(t, int64(2), h.sends.Load())
	require.NotZero(t, h.moves.Load())

	tx, err := l.SignRelease(t.Context(), attestation.Signed{}, l.nonce)
	require.NoError(t, err)
	require.NoError(t, l.Send(t.Context(), tx))
	require.NoError(t, l.Send(t.Context(), tx), "the same again is no error")
	status, err := l.Status(t.Context(), tx.Hash)
	require.NoError(t, err)
	require.NotNil(t, status.Revert)

	c.Bindings[0].Set = attestation.WordFromUint64(8)
	c.Store = relay.NewMemoryStore()
	r, err = relay.New(c)
	require.NoError(t, err)
	require.ErrorContains(t, once(soon(t), r), "the index has no data set 8")
}

// TestPageOrphanedProof: what the index takes back before it is signed for halts
// the deal, and inspect says so.
func TestPageOrphanedProof(t *testing.T) {
	l, source := newPageLedger(t, 3), &index{head: 200, proofs: pageProofs(1)}
	c := l.config(t, &index{head: 200, proofs: pageProofs(1)})
	r, err := relay.New(c)
	require.NoError(t, err)
	require.NoError(t, r.Check(t.Context()))
	require.ErrorIs(t, source.Confirm(t.Context(), slastream.Proof{}), relay.ErrOrphaned)

	forgets := &forgetful{index: source}
	c.Proofs = forgets
	r, err = relay.New(c)
	require.NoError(t, err)
	_, err = r.Step(t.Context())
	require.ErrorIs(t, err, relay.ErrOrphaned)
	require.Zero(t, l.released(t))

	text := logged(t, func() { require.NoError(t, inspect(t.Context(), r, false)) })
	require.Contains(t, text, "deal 1: period 105 of data set 7: relay: a final proof is gone")
	require.NoError(t, r.Resume(t.Context(), l.deal))
	require.Empty(t, logged(t, func() { require.NoError(t, inspect(t.Context(), r, false)) }))
}

// soon ends when a test that should be over long since still runs.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(stop)
	return ctx
}

// logged is what f writes to the log.
func logged(t *testing.T, f func()) string {
	t.Helper()
	var text strings.Builder
	log.SetOutput(&text)
	defer log.SetOutput(os.Stderr)
	f()
	return text.String()
}

// A forgetful index yields proofs that it then denies.
type forgetful struct{ *index }

func (f *forgetful) Confirm(ctx context.Context, p slastream.Proof) error {
	return (&index{}).Confirm(ctx, p)
}

// An approved signer is a signer.Signer: somebody looks at each request first.
type approved struct {
	signer.Signer
	approve func(signer.Request) error
}

func (a approved) Attest(ctx context.Context, req signer.Request) (attestation.Signed, error) {
	if err := a.approve(req); err != nil {
		return attestation.Signed{}, fmt.Errorf("not approved: %w", err)
	}
	return a.Signer.Attest(ctx, req)
}

// TestPageSwitch: with the switch off nothing is signed, stored or sent.
func TestPageSwitch(t *testing.T) {
	l, source := newPageLedger(t, 3), &index{head: 300, proofs: pageProofs(2)}
	c := l.config(t, source)
	store := &switchable{Store: relay.NewMemoryStore()}
	asked := 0
	c.Store, c.Signer = store, approved{c.Signer, func(signer.Request) error { asked++; return nil }}
	c.Workers = 1
	r, err := relay.New(c)
	require.NoError(t, err)
	store.off.Store(true)
	_, err = r.Step(t.Context())
	require.ErrorContains(t, err, "switched off")
	require.Contains(t, r.Health().Err, "switched off")
	require.Zero(t, asked)
	require.Empty(t, l.done)
	store.off.Store(false)
	require.NoError(t, once(soon(t), r))
	require.Equal(t, uint64(2), l.released(t))
	require.Equal(t, 2, asked)
}

// TestPageSigners: both signers pass the suite; a request that is not approved
// is not signed.
func TestPageSigners(t *testing.T) {
	open := func(t *testing.T) vault {
		key, err := signer.NewLocal([32]byte{31: 9})
		require.NoError(t, err)
		return vault{key.PublicKey(), key.SignDigest}
	}
	signertest.RunKey(t, func(t *testing.T) signer.Key { return open(t) }, signertest.Rounds(16))
	signertest.Run(t, func(t *testing.T) signer.Signer {
		s, err := signer.New(open(t))
		require.NoError(t, err)
		return approved{s, func(signer.Request) error { return nil }}
	}, signertest.Rounds(16))

	_, err := vault{ask: func(context.Context, attestation.Digest) ([]byte, error) { return nil, errors.New("sealed") }}.SignDigest(t.Context(), attestation.Digest{})
	require.ErrorIs(t, err, signer.ErrUnavailable)
	require.ErrorContains(t, err, "sealed")

	l, source := newPageLedger(t, 3), &index{head: 300, proofs: pageProofs(1)}
	c := l.config(t, source)
	c.Signer = approved{c.Signer, func(signer.Request) error { return errors.New("not today") }}
	r, err := relay.New(c)
	require.NoError(t, err)
	_, err = r.Step(t.Context())
	require.ErrorContains(t, err, "not today")
	require.Empty(t, l.done)
}

// TestPageJoint: the escrow of Starknet with a transaction of its own pays the
// chunk and makes the other call.
func TestPageJoint(t *testing.T) {
	w := newPageWorld(t)
	as := w.account(t, 3)
	inner := starknet.NewEscrow(w.caller, w.starknet.Escrow(), starknet.WithAccount(as))
	token := starknet.NewERC20(w.caller, w.starknet.Token())
	friend := slastream.Address{31: 0x77}
	e := joint{inner, as, func(s attestation.Signed) []starknet.Call {
		return []starknet.Call{inner.ReleaseCall(s), token.TransferCall(friend, slastream.AmountFromUint64(1))}
	}}
	_, batches := any(e).(relay.Batcher)
	_, bumps := any(e).(relay.Bumper)
	require.False(t, batches || bumps, "they would go past the calls")
	s, err := signer.New(w.key)
	require.NoError(t, err)
	r, err := relay.New(relay.Config{
		Proofs: &index{head: 300, proofs: pageProofs(2)}, Signer: signer.Guard(s, signer.NewMemoryJournal()), Escrow: e,
		Store: relay.NewMemoryStore(), Domain: w.starknet.Domain(),
		Bindings: []relay.Binding{{Deal: w.deal, Set: attestation.WordFromUint64(7), StartEpoch: 100}},
	})
	require.NoError(t, err)
	require.NoError(t, once(soon(t), r))
	require.Equal(t, uint64(2), w.released(t))
	balance, err := token.BalanceOf(t.Context(), friend)
	require.NoError(t, err)
	require.Equal(t, slastream.AmountFromUint64(2), balance)
}

// TestPageTuned: many chunks make one transaction, and the limit holds the rest.
func TestPageTuned(t *testing.T) {
	w := newWorld(t)
	w.fits = 40
	deal := w.deal(9)
	for i := range uint64(9) {
		w.prove(7, 20+i)
	}
	c := tuned(w.config(relay.NewMemoryStore(), relay.Binding{Deal: deal, Set: attestation.WordFromUint64(7), StartEpoch: 1}), slastream.AmountFromUint64(50), slastream.AmountFromUint64(1000))
	r, err := relay.New(c)
	require.NoError(t, err)
	report, err := r.Step(t.Context())
	require.NoError(t, err)
	require.Equal(t, relay.Report{Observed: 9, Sent: 1, Released: 5, Open: 4}, report, "an hour pays 50, a chunk is 10")
}

// TestPageTogether: of three relays that share nothing one sends at once, and the
// others find the chunk paid.
func TestPageTogether(t *testing.T) {
	l, source := newPageLedger(t, 1), &index{head: 300, proofs: pageProofs(1)}
	sent := 0
	for range 2 {
		for _, name := range []string{"ann", "bob", "eve"} {
			c := l.config(t, source)
			c.Name, c.Peers, c.Stagger = name, []string{"ann", "bob", "eve"}, 5*time.Minute
			r, err := relay.New(c)
			require.NoError(t, err)
			report, err := r.Step(t.Context())
			require.NoError(t, err)
			sent += report.Sent
		}
	}
	require.Equal(t, 1, sent)
	require.Equal(t, uint64(1), l.released(t))
	require.Len(t, l.done, 1)
}

// TestPageLosesTheStore: a new store and the old journal find the same chunks,
// and nothing is paid again.
func TestPageLosesTheStore(t *testing.T) {
	l, source := newPageLedger(t, 3), &index{head: 300, proofs: pageProofs(2)}
	c := l.config(t, source)
	path := filepath.Join(t.TempDir(), "relay.db")
	for range 2 {
		store, err := boltstore.Open(path)
		require.NoError(t, err)
		c.Store = store
		r, err := relay.New(c)
		require.NoError(t, err)
		require.NoError(t, once(soon(t), r))
		var states []relay.State
		for chunk, err := range store.Chunks(t.Context(), relay.ChunkQuery{}) {
			require.NoError(t, err)
			states = append(states, chunk.State)
		}
		require.Len(t, states, 2)
		require.False(t, slices.ContainsFunc(states, relay.State.Open))
		require.Empty(t, logged(t, func() { require.NoError(t, inspect(t.Context(), r, true)) }))
		require.NoError(t, store.Close())
		require.NoError(t, os.Remove(path))
	}
	require.Len(t, l.done, 2)
}
