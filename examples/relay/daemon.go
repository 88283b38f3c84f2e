package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/lit"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/starknet"
)

// A daemon is everything that one configuration makes.
type daemon struct {
	config  *config
	dry     bool // only looks: makes no files, and leaves those of a running daemon alone
	log     *slog.Logger
	metrics *metrics

	starknet *starknetPool
	fevm     []*node
	progress *progress
	source   *proofs
	genesis  uint64

	account  *starknet.Account
	escrow   *starknet.Escrow
	strk     *starknet.ERC20 // nil if the chain has no STRK that is known
	token    *starknet.ERC20
	decimals uint8 // of token
	rules    attestation.Rules
	class    slastream.Class

	signer  signer.Signer
	ledger  *lit.Ledger // nil unless the signer is an action of Lit
	store   relay.Store
	runner  runner // nil unless the store has a way of its own to take turns
	relay   *relay.Relay
	watcher *watcher // nil if it is not configured

	pending    *pending
	rebuilding rebuilding
	turned     chan struct{} // holds a token after a turn
	closers    []func() error

	// These belong to the turns.
	complained   string // the last complaint
	complainedAt time.Time

	keeping   sync.Mutex
	saved     time.Time // when the checkpoint was written last
	forgotten time.Time // when verdicts were forgotten last
}

// open opens the clients, the files and the store. Whatever comes of it, close
// closes what was opened.
func (d *daemon) open(ctx context.Context) error {
	if err := d.openChains(ctx); err != nil {
		return err
	}
	if err := d.openStore(ctx); err != nil {
		return err
	}
	return d.openSigner(ctx)
}

func (d *daemon) closeLater(f func() error) { d.closers = append(d.closers, f) }

// close closes what open opened, the last one first.
func (d *daemon) close() error {
	var errs []error
	for i := len(d.closers) - 1; i >= 0; i-- {
		errs = append(errs, d.closers[i]())
	}
	d.closers = nil
	return errors.Join(errs...)
}

// openChains makes the clients. It asks the nodes nothing.
func (d *daemon) openChains(ctx context.Context) error {
	c := d.config
	var nodes []*node
	for i, raw := range c.Starknet.RPC {
		n, err := dial(ctx, "starknet", raw, d.metrics)
		if err != nil {
			return fmt.Errorf("starknet.rpc[%d]: %w", i, err)
		}
		d.closeLater(n.close)
		nodes = append(nodes, n)
	}
	d.starknet = newStarknetPool(c.Starknet.ChainID, d.log, nodes...)
	var clients []*chain.Client
	for i, raw := range c.FEVM.RPC {
		n, err := dial(ctx, "fevm", raw, d.metrics)
		if err != nil {
			return fmt.Errorf("fevm.rpc[%d]: %w", i, err)
		}
		d.closeLater(n.close)
		client, err := chain.New(n, chain.Config{ChainID: c.FEVM.ChainID, Head: chain.Tag(c.Relay.Finality), Depth: c.Relay.Depth, Name: n.host})
		if err != nil {
			return err
		}
		d.fevm, clients = append(d.fevm, n), append(clients, client)
	}
	quorum, err := chain.NewNodes(c.FEVM.Quorum, clients...)
	if err != nil {
		return err
	}
	d.progress = &progress{nodes: quorum}
	d.source, err = newProofs(c.Relay.Checkpoint, d.log, func() (*policy.Source, error) { return policy.NewSource(d.progress, c.policy(quorum)) })
	if err != nil {
		return err
	}
	d.genesis = c.genesis()

	key, err := starknet.NewLocalKey(c.account().PrivateKey)
	if err != nil {
		return fmt.Errorf("starknet.accounts[%d].private_key is no key of the Stark curve", c.Relay.Account)
	}
	caller := starknet.NewNode(d.starknet)
	fees, err := c.fees()
	if err != nil {
		return err
	}
	d.account = starknet.NewAccount(caller, c.Starknet.ChainID, c.account().Address, key, starknet.WithFees(fees))
	d.escrow = starknet.NewEscrow(caller, c.Starknet.Escrow, starknet.WithAccount(d.account))
	if t, err := slastream.TokenNamed(c.Starknet.ChainID, "STRK"); err == nil {
		d.strk = starknet.NewERC20(caller, t.Address)
	}
	return nil
}

// policy is what proofs are payable.
func (c *config) policy(nodes *chain.Nodes) policy.Config {
	r := &c.Relay
	rules := policy.Rules{Window: r.Rules.Window, MinSpacing: r.Rules.MinSpacing, MinLeaves: r.Rules.MinLeaves}
	for _, a := range r.Rules.Listeners {
		rules.Listeners = append(rules.Listeners, attestation.EthereumAddress(a))
	}
	for _, a := range r.Rules.Providers {
		rules.Providers = append(rules.Providers, attestation.EthereumAddress(a))
	}
	rules.Verify = map[string]policy.Verification{"direct": policy.VerifyDirect, "all": policy.VerifyAll}[r.Rules.Verify]
	return policy.Config{
		ChainID: c.FEVM.ChainID, Verifier: attestation.EthereumAddress(c.FEVM.PDPVerifier), GenesisTime: r.GenesisTime,
		MinChallenges: r.MinChallenges, FromBlock: r.FromBlock, Overlap: r.Overlap, Rules: rules, State: nodes, Inputs: nodes,
	}
}

// genesisTimes are the Unix seconds of epoch 0, by chain id.
var genesisTimes = map[uint64]uint64{314: 1598306400, 314159: 1667326380}

func (c *config) genesis() uint64 {
	if c.Relay.GenesisTime != 0 {
		return c.Relay.GenesisTime
	}
	return genesisTimes[c.FEVM.ChainID]
}

func (c *config) fees() (f starknet.Fees, err error) {
	if f.Max, err = c.Relay.Fees.Max.amount(stark); err != nil {
		return f, fmt.Errorf("relay.fees.max: %w", err)
	}
	if f.MaxPerDay, err = c.Relay.Fees.MaxPerDay.amount(stark); err != nil {
		return f, fmt.Errorf("relay.fees.max_per_day: %w", err)
	}
	return f, nil
}

// build makes the relay, once the chains have said what the escrow is.
func (d *daemon) build() error {
	r := &d.config.Relay
	limits, err := d.limits()
	if err != nil {
		return err
	}
	c := relay.Config{
		Proofs: d.source, Signer: d.signer, Escrow: d.escrow, Store: d.store,
		Domain: attestation.Domain{ChainID: d.config.Starknet.ChainID, Escrow: d.config.Starknet.Escrow.Word()}, Rules: d.rules,
		Start: d.start,
		Batch: r.Batch, Multicall: r.Multicall, InFlight: r.InFlight, Workers: r.Workers, Limits: limits,
		Name: r.Name, Peers: r.Peers, Stagger: time.Duration(r.Stagger),
		Poll: time.Duration(r.Poll), Lease: time.Duration(r.Lease), BumpAfter: time.Duration(r.BumpAfter), SettleAfter: time.Duration(r.SettleAfter),
		Observer: d.metrics, Logger: d.log,
	}
	if r.Audit != "" && !d.dry {
		if c.Recorder, err = d.openAudit(); err != nil {
			return err
		}
	}
	if d.relay, err = relay.New(c); err != nil {
		return err
	}
	d.pending = newPending(d.config.bindings())
	if r.Watch.Mode != "" {
		d.watcher, err = d.newWatcher()
	}
	return err
}

func (c *config) bindings() []relay.Binding {
	var list []relay.Binding
	for _, b := range c.Relay.Bindings {
		list = append(list, relay.Binding{Deal: *b.Deal, Set: *b.Set, StartEpoch: b.StartEpoch})
	}
	return list
}

func (d *daemon) limits() (l relay.Limits, err error) {
	for _, caps := range []struct {
		from capsConfig
		to   *relay.Caps
	}{{d.config.Relay.Limits.Hour, &l.Hour}, {d.config.Relay.Limits.Day, &l.Day}} {
		for _, one := range []struct {
			from tokens
			to   *slastream.Amount
		}{{caps.from.All, &caps.to.All}, {caps.from.Deal, &caps.to.Deal}, {caps.from.Provider, &caps.to.Provider}} {
			if *one.to, err = one.from.amount(d.decimals); err != nil {
				return l, fmt.Errorf("relay.limits: %w", err)
			}
		}
	}
	return l, nil
}

// start is the first epoch at or after the creation of a deal: where every relay
// of the deal begins to count if its binding does not say.
func (d *daemon) start(ctx context.Context, deal slastream.Deal) (uint64, error) {
	created, err := d.escrow.CreatedAt(ctx, deal.ID)
	if err != nil {
		return 0, err
	}
	return relay.FirstEpoch(d.genesis, created), nil
}

func (d *daemon) timeOf(epoch uint64) uint64 { return d.genesis + slastream.EpochSeconds*epoch }

// place is where a store is, without what must not be printed.
func (r *relayConfig) place() string {
	if u, err := url.Parse(r.Store); err == nil && r.postgres() {
		return "postgres://" + u.Host + u.Path + " schema " + r.Schema
	}
	return r.Store
}
