package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/examples/internal/deployment"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet"
)

// newFlowOn returns a flow on a real Starknet node, with an escrow that
// escrowctl deployed. One account is client and relay; they take turns, so that
// no nonce is in dispute. Filecoin is simulated still.
func newFlowOn(ctx context.Context, out *narrator, o options) (*flow, error) {
	var account deployment.Account
	var d deployment.Deployment
	var secret deployment.Attester
	if err := errors.Join(deployment.Read(o.account, &account), deployment.Read(o.deployment, &d)); err != nil {
		return nil, err
	}
	if d.ChainID == starknet.Mainnet {
		return nil, errors.New("dealflow pays a provider that nobody is: it does not run on mainnet")
	}
	if d.Attester == "" {
		return nil, fmt.Errorf("%s names no attester file: only an escrow whose attestation key escrowctl made can be played through", o.deployment)
	}
	if err := deployment.Read(d.Attester, &secret); err != nil {
		return nil, err
	}
	key, err := signer.NewLocal(secret.PrivateKey)
	if err != nil {
		return nil, err
	}
	if key.PublicKey() != d.Key {
		return nil, fmt.Errorf("%s holds the key %v, the escrow has %v", d.Attester, key.PublicKey(), d.Key)
	}
	attester, err := signer.New(key)
	if err != nil {
		return nil, err
	}
	client, err := rpc.DialContext(ctx, o.starknet)
	if err != nil {
		return nil, err
	}
	f := &flow{options: o, out: out, caller: client, domain: attestation.Domain{ChainID: d.ChainID, Escrow: d.Escrow.Word()}}
	f.attester = signer.Guard(attester, signer.NewMemoryJournal())
	chain := &clock{ctx: ctx, caller: client}
	now, err := chain.now()
	if err != nil {
		return nil, err
	}
	f.since = chain.block + 1 // what the account paid before is none of this flow's
	f.filecoin = fevmsim.New(fevmsim.WithStart(fevmsim.EpochAt(now)))
	// A minute more than asked: the time of a transaction and of the newest
	// block can differ by a second.
	f.wait = func(ctx context.Context, seconds uint64) error { return increaseTime(ctx, client, seconds+60) }
	f.pin = func(unix uint64) { chain.pinned = unix }
	f.token = starknet.NewERC20(client, d.Token)
	f.people = people{client: account.Address, relay: account.Address, provider: slastream.Address{31: 0x5b}}
	if f.client, err = f.escrowAs(d.Escrow, account.Address, attestation.Word(account.PrivateKey)); err != nil {
		return nil, err
	}
	f.relayer = f.client
	class := escrow.Compatible
	rules := attestation.RulesLegacy // Cairo 2.8.2
	if d.Class == "extended" {
		class = escrow.Extended
	}
	f.model = newModel(escrow.Params{
		Class: class, Rules: rules, Owner: d.Owner, Key: d.Key, Token: d.Token, Address: d.Escrow, ChainID: d.ChainID,
	}, chain.last)
	if err := f.adopt(ctx); err != nil {
		return nil, err
	}
	f.out.say(plain, "escrow", "%v, class %s", d.Escrow, d.Class)
	return f, nil
}

// adopt gives the people of the model what they have on the chain, and refuses
// an escrow that the model cannot follow because it has deals already.
func (f *flow) adopt(ctx context.Context) error {
	count, err := f.client.DealCount(ctx)
	if err != nil {
		return err
	}
	if !count.IsZero() {
		n, _ := count.Uint64()
		return fmt.Errorf("the escrow has %d deals already: deploy another, with another attester file (escrowctl deploy -attester)", n)
	}
	for _, a := range []slastream.Address{f.people.client, f.people.provider, f.client.Address()} {
		held, err := f.token.BalanceOf(ctx, a)
		if err != nil {
			return err
		}
		if err := f.model.Mint(a, held); err != nil {
			return err
		}
	}
	return nil
}

// A clock reads the time of the newest block.
type clock struct {
	ctx    context.Context
	caller starknet.Caller
	seen   uint64
	block  uint64 // number of the newest block seen
	pinned uint64 // what last says instead, if not 0
}

func (c *clock) now() (uint64, error) {
	var block struct {
		Timestamp uint64 `json:"timestamp"`
		Number    uint64 `json:"block_number"`
	}
	ctx, cancel := context.WithTimeout(c.ctx, 10*time.Second)
	defer cancel()
	if err := c.caller.CallContext(ctx, &block, "starknet_getBlockWithTxHashes", "latest"); err != nil {
		return 0, fmt.Errorf("read the time of the chain: %w", err)
	}
	c.seen, c.block = block.Timestamp, block.Number
	return c.seen, nil
}

// last is the model's clock: the pinned time, the time of the newest block, or
// of the one before if the node does not answer.
func (c *clock) last() uint64 {
	if c.pinned != 0 {
		return c.pinned
	}
	if now, err := c.now(); err == nil {
		return now
	}
	return c.seen
}

// increaseTime lets time pass on a starknet-devnet. Other nodes cannot:
// errors.ErrUnsupported.
func increaseTime(ctx context.Context, caller starknet.Caller, seconds uint64) error {
	err := caller.CallContext(ctx, nil, "devnet_increaseTime", seconds)
	var answer rpc.Error
	const methodNotFound = -32601
	if errors.As(err, &answer) && answer.ErrorCode() == methodNotFound {
		return errors.ErrUnsupported
	}
	return err
}
