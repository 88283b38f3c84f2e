package relay_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/filejournal"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
	"github.com/slastream/slastream-go/slastream/relay/relaytest"
	"github.com/slastream/slastream-go/slastream/relay/storetest"
	"github.com/slastream/slastream-go/starknet"
)

// This is what docs/relay.md shows, there without the checks of errors that do
// nothing but return. page_test.go runs it and compares the two.

// settings are what an operator chooses.
type settings struct {
	filecoin        []string                    // URLs of nodes of different operators
	chain, genesis  uint64                      // 314 Mainnet or 314159 Calibration, and the Unix time of its epoch 0
	verifier        attestation.EthereumAddress // the PDPVerifier
	first           uint64                      // an epoch before the creation of the data sets
	starknet        string                      // URL of a node
	network         attestation.Word            // starknet.Mainnet, starknet.Sepolia
	escrow, account slastream.Address           // the contract; who pays the fees, and is the relay's alone
	stark           starknet.Key                // of the account
	most            slastream.Amount            // what a transaction may cost, in FRI
	attester        signer.Key                  // the attestation key of the escrow
	journal, store  string                      // files
	bindings        []relay.Binding
}

func run(ctx context.Context, s settings) error {
	var clients []*chain.Client
	for _, url := range s.filecoin {
		client, err := chain.New(chain.Dial(url, nil), chain.Config{ChainID: s.chain})
		if err != nil {
			return err
		}
		clients = append(clients, client)
	}
	nodes, err := chain.NewNodes(len(clients)/2+1, clients...) // more than half must agree
	if err != nil {
		return err
	}
	proofs, err := policy.NewSource(nodes, policy.Config{ChainID: s.chain, Verifier: s.verifier, FromBlock: s.first, State: nodes})
	if err != nil {
		return err
	}

	client, err := rpc.DialContext(ctx, s.starknet) // of go-ethereum
	if err != nil {
		return err
	}
	defer client.Close()
	node := starknet.NewNode(client)
	account := starknet.NewAccount(node, s.network, s.account, s.stark, starknet.WithFees(starknet.Fees{Max: s.most}))
	escrow := starknet.NewEscrow(node, s.escrow, starknet.WithAccount(account))
	rules, err := starknet.DetectRules(ctx, node, s.escrow)
	if err != nil {
		return err
	}

	journal, err := filejournal.Open(s.journal) // filejournal.Create the first time
	if err != nil {
		return err
	}
	defer journal.Close()
	key, err := signer.New(s.attester)
	if err != nil {
		return err
	}
	store, err := boltstore.Open(s.store)
	if err != nil {
		return err
	}
	defer store.Close()

	r, err := relay.New(relay.Config{
		Proofs: proofs, Signer: signer.Guard(key, journal), Escrow: escrow, Store: store,
		Domain: attestation.Domain{ChainID: s.network, Escrow: s.escrow.Word()}, Rules: rules,
		Bindings: s.bindings,
		Start: func(ctx context.Context, deal slastream.Deal) (uint64, error) {
			created, err := escrow.CreatedAt(ctx, deal.ID)
			if err != nil {
				return 0, err
			}
			return relay.FirstEpoch(s.genesis, created), nil
		},
		Logger: slog.Default(),
	})
	if err != nil {
		return err
	}
	return r.Run(ctx) // a *relay.MismatchError says what does not fit, and what to do
}

// once is for cron: it takes turns while there is something to do.
func once(ctx context.Context, r *relay.Relay) error {
	for {
		report, err := r.Step(ctx)
		if err != nil || report.Observed+report.Sent+report.Released == 0 {
			return err
		}
	}
}

// A switchable store has an emergency stop: what is not stored is not sent.
type switchable struct {
	relay.Store
	off atomic.Bool
}

func (s *switchable) Commit(ctx context.Context, c relay.Change) error {
	if s.off.Load() {
		return errors.New("switched off")
	}
	return s.Store.Commit(ctx, c)
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) relay.Store {
		return &switchable{Store: relay.NewMemoryStore()}
	}, storetest.Options{}) // with Reopen for a store that outlives its process, Share for one of many processes
}

// An index is a source over proofs that something else has verified.
type index struct {
	head   uint64            // newest epoch that is final
	proofs []slastream.Proof // in chain order, one for each data set and period
}

func (x *index) Head(context.Context) (uint64, error) { return x.head, nil }

func (x *index) Proofs(_ context.Context, set attestation.Word, from, to uint64) iter.Seq2[slastream.Proof, error] {
	return func(yield func(slastream.Proof, error) bool) {
		for _, p := range x.proofs {
			wanted := (set.IsZero() || p.SetID == set) && from <= p.BlockNumber && p.BlockNumber <= to
			if wanted && !yield(p, nil) {
				return
			}
		}
	}
}

func (x *index) All(ctx context.Context, from, to uint64) iter.Seq2[slastream.Proof, error] {
	return x.Proofs(ctx, attestation.Word{}, from, to) // ids start at 1
}

func (x *index) Confirm(_ context.Context, p slastream.Proof) error {
	if !slices.Contains(x.proofs, p) {
		return fmt.Errorf("period %d of data set %s: %w", p.Period, p.SetID.Big(), relay.ErrOrphaned)
	}
	return nil
}

func (x *index) CheckSet(_ context.Context, set attestation.Word) error {
	if !slices.ContainsFunc(x.proofs, func(p slastream.Proof) bool { return p.SetID == set }) {
		return fmt.Errorf("the index has no data set %s", set.Big())
	}
	return nil
}

// A vault is a signer.Key: it has a digest signed where the secret is.
type vault struct {
	public attestation.PublicKey
	ask    func(ctx context.Context, digest attestation.Digest) ([]byte, error)
}

func (v vault) PublicKey() attestation.PublicKey { return v.public }

func (v vault) SignDigest(ctx context.Context, digest attestation.Digest) ([]byte, error) {
	sig, err := v.ask(ctx, digest)
	if err == nil {
		return sig, nil // r‖s, r‖s‖v or DER
	}
	return nil, fmt.Errorf("vault: %w: %w", signer.ErrUnavailable, err) // other errors are final
}

// A joint escrow pays a chunk and makes calls of yours, as a whole or not at all.
type joint struct {
	relay.Escrow // of starknet, without its optional roles
	account      *starknet.Account
	calls        func(attestation.Signed) []starknet.Call
}

func (e joint) SignRelease(ctx context.Context, signed attestation.Signed, nonce uint64) (slastream.SignedTx, error) {
	return e.account.Sign(ctx, e.calls(signed), nonce)
}

// contract is an escrow on another chain, here the model in memory.
type contract = escrow.Account

// A ledger is the chain of that contract, with one account.
type ledger struct {
	*contract // Deal, DealCount, ChunkReleased, Paused, PublicKey
	account   slastream.Address
	nonce     uint64
	done      map[attestation.Word]slastream.TxStatus
}

func (l *ledger) Account() slastream.Address            { return l.account }
func (l *ledger) Nonce(context.Context) (uint64, error) { return l.nonce, nil }

func (l *ledger) SignRelease(_ context.Context, signed attestation.Signed, nonce uint64) (slastream.SignedTx, error) {
	body, err := json.Marshal(signed)
	if err != nil {
		return slastream.SignedTx{}, err
	}
	hash := sha256.Sum256(fmt.Appendf(nil, "%d %s", nonce, body))
	return slastream.SignedTx{Hash: hash, Sender: l.account, Nonce: nonce, Body: body}, nil
}

func (l *ledger) Send(ctx context.Context, tx slastream.SignedTx) error {
	if _, ok := l.done[tx.Hash]; ok {
		return nil // the same again is no error
	}
	if tx.Nonce != l.nonce {
		return fmt.Errorf("nonce %d, want %d", tx.Nonce, l.nonce)
	}
	var signed attestation.Signed
	if err := json.Unmarshal(tx.Body, &signed); err != nil {
		return err
	}
	err := l.Release(ctx, signed)
	revert, refused := errors.AsType[*slastream.RevertError](err)
	if err != nil && !refused {
		return err
	}
	l.nonce++
	l.done[tx.Hash] = slastream.TxStatus{State: slastream.TxSettled, Revert: revert, BlockNumber: l.nonce}
	return nil
}

func (l *ledger) Status(_ context.Context, hash attestation.Word) (slastream.TxStatus, error) {
	return l.done[hash], nil // the zero value: unknown
}

// A history is a Recorder, and with what it counts an Observer.
type history struct {
	paid         map[relay.ChunkID]attestation.Word // by which transaction
	moves, sends atomic.Int64
}

func (h *history) Record(_ context.Context, p relay.Payment) error {
	for _, c := range p.Chunks {
		h.paid[c.ID()] = p.Tx.Hash // 0: by others; told again: the same
	}
	return nil
}

func (h *history) Moved(relay.Chunk, relay.State)    { h.moves.Add(1) }
func (h *history) Sent(_ relay.Transaction, _ error) { h.sends.Add(1) }
func (h *history) Turned(relay.Report, error)        {}

// A counting relay is one of yours, here around that of the package.
type counting struct {
	*relay.Relay
	paid int
}

func (r *counting) Step(ctx context.Context) (relay.Report, error) {
	report, err := r.Relay.Step(ctx)
	r.paid += report.Released
	return report, err
}

func TestCountingSurvives(t *testing.T) {
	relaytest.Run(t, relaytest.Campaign{
		Seed: 1, Kills: 20, Mode: relaytest.Multicall,
		NewRelay: func(c relay.Config) (relaytest.Relay, error) {
			r, err := relay.New(c)
			return &counting{Relay: r}, err
		},
	})
}

func tuned(c relay.Config, hour, day slastream.Amount) relay.Config {
	c.Multicall = 40
	c.BumpAfter = 2 * time.Minute
	c.Limits = relay.Limits{Hour: relay.Caps{Deal: hour}, Day: relay.Caps{All: day}}
	return c
}

// inspect lists what is halted, and where the store is not what follows from the chains.
func inspect(ctx context.Context, r *relay.Relay, repair bool) error {
	for t, err := range r.Store.Tracks(ctx, relay.TrackQuery{}) {
		if err != nil {
			return err
		}
		if t.Halted != "" {
			log.Printf("deal %s: %s", t.Deal.Big(), t.Halted) // look, then r.Resume(ctx, t.Deal)
		}
	}
	for d, err := range r.Reconcile(ctx, repair) {
		if err != nil {
			return err
		}
		log.Printf("chunk %v: %s (repaired: %t)", d.Chunk, d.What, d.Repaired)
	}
	return nil
}
