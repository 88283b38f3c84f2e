package starknet_test

import (
	"context"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// plumbing is what the page leaves out of the code.
var plumbing = regexp.MustCompile(`\t+if err != nil \{\n\t+return [^\n]*\n\t+\}\n|\t+require\.NoError\(t, err\)\n`)

// TestPageShowsCodeThatRuns: the Go code of docs/starknet.md is that of
// page_snippet_test.go to the letter, but for the plumbing, and all of it.
func TestPageShowsCodeThatRuns(t *testing.T) {
	page, err := os.ReadFile("../docs/starknet.md")
	require.NoError(t, err)
	source, err := os.ReadFile("page_snippet_test.go")
	require.NoError(t, err)
	code := plumbing.ReplaceAllString(string(source), "")
	var shown strings.Builder
	for _, block := range strings.Split(string(page), "```go\n")[1:] {
		block, _, closed := strings.Cut(block, "```")
		require.True(t, closed)
		require.Contains(t, code, block)
		shown.WriteString(block)
	}
	_, code, _ = strings.Cut(code, "compares the two.\n")
	squeeze := func(s string) string { return strings.ReplaceAll(s, "\n\n", "\n") }
	require.Equal(t, strings.TrimSpace(squeeze(code)), strings.TrimSpace(squeeze(shown.String())))
}

// A pageWorld is a simulated node on a port, and what the code of the page needs.
type pageWorld struct {
	sim    *simulated.Node
	node   *starknet.Node
	escrow *starknet.Escrow
	want   slastream.Deployment
	signer signer.Signer
}

// onPageWorlds runs a test once for each version of the RPC.
func onPageWorlds(t *testing.T, run func(t *testing.T, w *pageWorld)) {
	for _, version := range []string{"/rpc/v0_9", "/rpc/v0_10"} {
		t.Run(version, func(t *testing.T) {
			key, err := signer.NewLocal([32]byte{31: 9})
			require.NoError(t, err)
			w := &pageWorld{sim: simulated.New(simulated.Options{Key: key.PublicKey()})}
			w.signer, err = signer.New(key)
			require.NoError(t, err)
			server := httptest.NewServer(w.sim)
			t.Cleanup(server.Close)
			w.want = slastream.Deployment{
				ChainID: starknet.Sepolia, Escrow: w.sim.Escrow(), Token: w.sim.Token(),
				Key: key.PublicKey(), Owner: w.sim.Accounts()[0].Address,
			}
			w.node, w.escrow, err = connect(t.Context(), server.URL+version, w.sim.Escrow())
			require.NoError(t, err)
			run(t, w)
		})
	}
}

// account is the payer of the page, who asks more often.
func (w *pageWorld) account(t *testing.T, i int) *starknet.Account {
	t.Helper()
	a := w.sim.Accounts()[i]
	key, err := starknet.NewLocalKey(a.PrivateKey)
	require.NoError(t, err)
	strk, err := slastream.TokenNamed(starknet.Sepolia, "STRK")
	require.NoError(t, err)
	most, err := strk.Parse("2 STRK")
	require.NoError(t, err)
	day, err := strk.Parse("50 STRK")
	require.NoError(t, err)
	account := payer(w.node, a.Address, key, most, day)
	starknet.WithPoll(time.Millisecond)(account)
	return account
}

func (w *pageWorld) terms() slastream.Terms {
	return slastream.Terms{Provider: w.sim.Accounts()[2].Address, Chunks: 3, ChunkAmount: slastream.AmountFromUint64(100), Duration: 4 * 24 * 3600}
}

func (w *pageWorld) attest(t *testing.T, deal attestation.Word, chunk uint64) attestation.Signed {
	t.Helper()
	s, err := w.signer.Attest(t.Context(), signer.Request{
		Attestation: attestation.Attestation{DealID: deal, ChunkIndex: chunk, ProofSetID: attestation.WordFromUint64(3), Timestamp: 1_800_000_000},
		Domain:      w.sim.Domain(),
	})
	require.NoError(t, err)
	return s
}

// TestPageDeal: inspect, quote, open, pay, and wait for the proof on L1.
func TestPageDeal(t *testing.T) {
	onPageWorlds(t, func(t *testing.T, w *pageWorld) {
		require.NoError(t, inspect(t.Context(), w.node, w.want))
		other := w.want
		other.Key = attestation.PublicKey{X: attestation.Word{31: 1}}
		require.ErrorContains(t, inspect(t.Context(), w.node, other), "attestation key")

		daily := slastream.Cadence{Start: uint64(time.Now().Unix()), Period: 24 * 3600}
		account, terms := w.account(t, 1), w.terms()
		terms.Chunks = 5
		_, err := openDeal(t.Context(), w.node, account, w.want, terms, daily)
		var full *slastream.CadenceError
		require.ErrorAs(t, err, &full)
		terms.Chunks = 3
		deal, err := openDeal(t.Context(), w.node, account, w.want, terms, daily)
		require.NoError(t, err)
		receipt, err := openBoth(t.Context(), w.escrow, account, terms, terms)
		require.NoError(t, err)
		var ids []attestation.Word
		for _, l := range receipt.Logs {
			if l.From != w.escrow.Address() {
				continue
			}
			event, err := starknet.ParseEvent(l.Keys, l.Data)
			require.NoError(t, err)
			ids = append(ids, event.(slastream.DealCreated).DealID)
		}
		require.Equal(t, []attestation.Word{attestation.WordFromUint64(2), attestation.WordFromUint64(3)}, ids)

		escrow := starknet.NewEscrow(w.node, w.sim.Escrow(), starknet.WithAccount(account))
		items := []attestation.Signed{w.attest(t, deal, 0), w.attest(t, deal, 1), w.attest(t, deal, 7)}
		require.Empty(t, payAll(t.Context(), escrow, items))
		require.Empty(t, payAll(t.Context(), escrow, items), "paid before, and out of bounds")
		got, err := w.escrow.Deal(t.Context(), deal)
		require.NoError(t, err)
		require.Equal(t, uint64(2), got.Released)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		require.Equal(t, items, payAll(ended, escrow, items), "nothing was sent")

		release, err := account.Execute(t.Context(), escrow.ReleaseCall(w.attest(t, deal, 2)))
		require.NoError(t, err)
		_, err = w.sim.AcceptOnL1(release.Status.BlockNumber)
		require.NoError(t, err)
		got, err = proven(t.Context(), account, escrow, release.Hash, deal)
		require.NoError(t, err)
		require.Equal(t, uint64(3), got.Released)
	})
}

// TestPageCustody: the key is on the other side of a function.
func TestPageCustody(t *testing.T) {
	onPageWorlds(t, func(t *testing.T, w *pageWorld) {
		me := w.sim.Accounts()[1]
		key, err := starknet.NewLocalKey(me.PrivateKey)
		require.NoError(t, err)
		sign := func(hash attestation.Word) (r, s *felt.Felt, err error) {
			f, err := starknet.FeltFromWord(hash)
			if err != nil {
				return nil, nil, err
			}
			return key.SignHash(t.Context(), f)
		}
		var kept []slastream.SignedTx
		keep := func(tx slastream.SignedTx) error { kept = append(kept, tx); return nil }
		calls, err := w.escrow.CreateDealCalls(t.Context(), w.terms())
		require.NoError(t, err)
		receipt, err := signElsewhere(t.Context(), w.node, me.Address, calls, sign, keep)
		require.NoError(t, err)
		require.Nil(t, receipt.Status.Revert)
		require.Len(t, kept, 1)
		require.Equal(t, kept[0].Hash, receipt.Hash)

		account := starknet.NewAccount(w.node, starknet.Sepolia, me.Address, nil)
		require.NoError(t, account.Send(t.Context(), kept[0]), "sent again, executed once")
		count, err := w.escrow.DealCount(t.Context())
		require.NoError(t, err)
		require.Equal(t, attestation.WordFromUint64(1), count)
	})
}

// TestPageFollow: the database is kept up, is closed, misses a reorganization
// and is right again.
func TestPageFollow(t *testing.T) {
	onPageWorlds(t, func(t *testing.T, w *pageWorld) {
		account := w.account(t, 1)
		var kept []slastream.SignedTx
		keep := func(_ context.Context, tx slastream.SignedTx) error { kept = append(kept, tx); return nil }
		escrow := many(w.node, w.sim.Escrow(), account, keep, nil)
		for range 2 {
			_, err := escrow.CreateDeal(t.Context(), w.terms())
			require.NoError(t, err)
		}
		require.Len(t, kept, 2)

		var (
			cursor  starknet.Cursor
			events  []starknet.HistoryEvent[slastream.Event]
			removed int
		)
		until := func(done func() bool) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			require.ErrorIs(t, keepUp(ctx, escrow, cursor, slices.Clone(events), func(u starknet.Update[slastream.Event]) error {
				if u.Retracted {
					removed++
					events = slices.DeleteFunc(events, func(e starknet.HistoryEvent[slastream.Event]) bool { return e.ID == u.ID })
				} else {
					events = append(events, u.HistoryEvent)
				}
				cursor = u.Cursor
				if done() {
					cancel()
				}
				return nil
			}), context.Canceled)
		}
		until(func() bool { return len(events) == 2 })
		head, err := escrow.Head(t.Context())
		require.NoError(t, err)
		_, err = w.sim.Abort(head) // the second deal is gone
		require.NoError(t, err)
		require.NoError(t, starknet.NewEscrow(w.node, w.sim.Escrow(), starknet.WithAccount(w.account(t, 0))).Pause(t.Context()))
		until(func() bool { return removed == 1 && len(events) == 2 })
		require.IsType(t, slastream.DealCreated{}, events[0].Event)
		require.IsType(t, slastream.Paused{}, events[1].Event)
	})
}
