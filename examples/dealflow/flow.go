package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/slastream/slastream-go/attestation"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/starknet"
	starknetsim "github.com/slastream/slastream-go/starknet/simulated"
)

// startTime is when the story begins, fixed so that each run tells the same.
const startTime = 1_790_000_000

// A flow holds both chains and the people on them.
type flow struct {
	options
	out    *narrator
	result result

	filecoin *fevmsim.Node
	caller   starknet.Caller
	token    *starknet.ERC20
	domain   attestation.Domain
	wait     func(ctx context.Context, seconds uint64) error // lets time pass on both chains
	since    uint64                                          // first block whose fees count
	pin      func(unix uint64)                               // sets the model's clock, 0 lets it go; nil where it is the chain's

	attester signer.Signer
	client   *starknet.Escrow // the client's hand on the escrow
	relayer  *starknet.Escrow // the relay's
	people   people
	model    *model
}

type people struct{ client, relay, provider slastream.Address }

func newFlow(out *narrator, o options) (*flow, error) {
	key, err := signer.NewLocal([32]byte{31: 42})
	if err != nil {
		return nil, err
	}
	attester, err := signer.New(key)
	if err != nil {
		return nil, err
	}
	f := &flow{options: o, out: out}
	f.attester = signer.Guard(attester, signer.NewMemoryJournal())
	f.filecoin = fevmsim.New(fevmsim.WithStart(fevmsim.EpochAt(startTime)))
	// Starknet's clock is Filecoin's, so that a deadline means the same on both.
	clock := func() uint64 { return fevmsim.Genesis + fevmsim.EpochSeconds*f.filecoin.Head() }
	node := starknetsim.New(starknetsim.Options{Key: key.PublicKey(), Clock: clock})
	f.domain = node.Domain()
	f.wait = func(_ context.Context, seconds uint64) error {
		_, err := f.filecoin.Mine((seconds + fevmsim.EpochSeconds - 1) / fevmsim.EpochSeconds)
		return err
	}

	client, err := rpc.DialOptions(context.Background(), "http://starknet.in-process/rpc", rpc.WithHTTPClient(node.Client()))
	if err != nil {
		return nil, err
	}
	f.caller = client
	f.token = starknet.NewERC20(f.caller, node.Token())
	accounts := node.Accounts()
	f.people = people{client: accounts[1].Address, relay: accounts[2].Address, provider: accounts[3].Address}
	if f.client, err = f.escrowAs(node.Escrow(), accounts[1].Address, accounts[1].PrivateKey); err != nil {
		return nil, err
	}
	if f.relayer, err = f.escrowAs(node.Escrow(), accounts[2].Address, accounts[2].PrivateKey); err != nil {
		return nil, err
	}
	f.model = newModel(escrow.Params{Address: node.Escrow(), Owner: accounts[0].Address, Key: key.PublicKey(), Token: node.Token()}, clock)
	for _, a := range []slastream.Address{f.people.client, f.people.relay, f.people.provider} {
		if err := f.model.Mint(a, startBalance); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// escrowAs returns the escrow as an account sees it.
func (f *flow) escrowAs(address, account slastream.Address, secret attestation.Word) (*starknet.Escrow, error) {
	key, err := starknet.NewLocalKey(secret)
	if err != nil {
		return nil, err
	}
	as := starknet.NewAccount(f.caller, f.domain.ChainID, account, key)
	return starknet.NewEscrow(f.caller, address, starknet.WithAccount(as)), nil
}

// openDeal opens a deal on the chain and in the model.
func (f *flow) openDeal(ctx context.Context, terms slastream.Terms) (attestation.Word, error) {
	id, err := f.client.CreateDeal(ctx, terms)
	if err != nil {
		return id, fmt.Errorf("open the deal: %w", err)
	}
	if f.pin != nil {
		// The newest block can be a later one than the deal's.
		deal, err := f.client.Deal(ctx, id)
		if err != nil {
			return id, err
		}
		f.pin(deal.Deadline - terms.Duration)
		defer f.pin(0)
	}
	inModel, err := f.model.As(f.people.client).CreateDeal(ctx, terms)
	if err != nil {
		return id, fmt.Errorf("open the deal in the model: %w", err)
	}
	if id != inModel {
		return id, fmt.Errorf("the chain says deal %v, the model %v", id, inModel)
	}
	n, _ := id.Uint64()
	f.out.say(plain, "client", "opens deal %d: %d chunks of %s, collateral %s, %s locked", n, terms.Chunks, strk(terms.ChunkAmount), strk(terms.Collateral), strk(mustLocked(terms)))
	return id, nil
}

func mustLocked(t slastream.Terms) slastream.Amount {
	locked, err := t.Locked()
	if err != nil {
		panic(err) // create_deal has just locked it
	}
	return locked
}

// newRelay returns a relay that works as the relay account.
func (f *flow) newRelay(source relay.ProofSource, store relay.Store, bindings ...relay.Binding) (*relay.Relay, error) {
	return relay.New(relay.Config{
		Proofs:   source,
		Signer:   f.attester,
		Escrow:   f.relayer,
		Store:    store,
		Domain:   f.domain,
		Bindings: bindings,
	})
}

// turn lets the relay take one turn and the model follow: what the chain
// released, the model must release with the same attestation.
func (f *flow) turn(ctx context.Context, r *relay.Relay, store relay.Store, told map[relay.ChunkID]bool) error {
	if _, err := r.Step(ctx); err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	for chunk, err := range store.Chunks(ctx, relay.ChunkQuery{}) {
		if err != nil {
			return err
		}
		key := chunk.ID()
		if chunk.State.Open() || chunk.State == relay.Refused || told[key] {
			continue
		}
		told[key] = true
		deal, _ := chunk.Deal.Uint64()
		if err := f.model.As(f.people.relay).Release(ctx, chunk.Signed); err != nil {
			return fmt.Errorf("the chain released chunk %d of deal %d, the model says %w", chunk.Index, deal, err)
		}
		set, _ := chunk.Proof.SetID.Uint64()
		f.out.say(green, "relay", "period %d of data set %d pays chunk %d of deal %d, tx %s", chunk.Proof.Period, set, chunk.Index, deal, short(chunk.TxHash))
	}
	return nil
}

func short(w attestation.Word) string { return w.String()[:10] + "…" }

// slash ends a deal on the chain and in the model. Before the deadline both
// must refuse, with the same value.
func (f *flow) slash(ctx context.Context, id attestation.Word) error {
	onChain := f.client.Slash(ctx, id)
	inModel := f.model.As(f.people.client).Slash(ctx, id)
	n, _ := id.Uint64()
	if onChain == nil && inModel == nil {
		f.out.say(yellow, "client", "slashes deal %d: collateral and unpaid chunks come back", n)
		return nil
	}
	revert, ok := errors.AsType[*slastream.RevertError](onChain)
	if !ok || !errors.Is(inModel, revert) {
		return fmt.Errorf("slash deal %d: the chain says %v, the model %v", n, onChain, inModel)
	}
	f.out.say(plain, "client", "cannot slash deal %d: %s", n, revert.Reason)
	return nil
}

// finish waits for the deadline, slashes what is left and checks the money.
func (f *flow) finish(ctx context.Context, bindings []relay.Binding) error {
	f.out.title("The deadline passes")
	for _, b := range bindings {
		deal, err := f.client.Deal(ctx, b.Deal)
		if err != nil {
			return err
		}
		if now := f.model.clock(); deal.Deadline > now {
			if err := f.slash(ctx, b.Deal); err != nil {
				return err
			}
			err := f.wait(ctx, deal.Deadline-now)
			if errors.Is(err, errors.ErrUnsupported) {
				f.out.say(yellow, "client", "cannot let time pass on this node: slash after the deadline, in %d s", deal.Deadline-now)
				return f.settle(ctx)
			}
			if err != nil {
				return err
			}
		}
		if err := f.slash(ctx, b.Deal); err != nil {
			return err
		}
		deal, err = f.client.Deal(ctx, b.Deal)
		if err != nil {
			return err
		}
		f.result.Deals = append(f.result.Deals, dealResult{b.Deal, b.Set, deal.Chunks, deal.Released, deal.Slashed})
		modelDeal, err := f.model.As(f.people.client).Deal(ctx, b.Deal)
		if err != nil {
			return err
		}
		if deal != modelDeal {
			return fmt.Errorf("deal on chain: %+v, in the model: %+v", deal, modelDeal)
		}
	}
	return f.settle(ctx)
}
