package cairo

import (
	"context"
	"errors"
	"fmt"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// ErrMismatch says that the contract at the address of a deployment is not what
// was asked for.
var ErrMismatch = errors.New("cairo: deployed contract is another")

// ErrNoDeployer is starknet.ErrNoDeployer: the network has none of the known
// deployer contracts.
var ErrNoDeployer = starknet.ErrNoDeployer

// Params is what an escrow is made of. Both classes keep it for ever, except
// that the owner of [Extended] can hand over.
type Params struct {
	Class Class                 // Compatible or Extended
	Key   attestation.PublicKey // its signatures release chunks
	Token slastream.Address     // ERC-20 that deals are paid in
	// Owner may pause and unpause. Extended wants one. Compatible takes none:
	// like the reference it is owned by whoever deploys it, here the universal
	// deployer, so that nobody can ever pause it.
	Owner slastream.Address
	// Salt makes the address of an otherwise equal deployment another one.
	Salt attestation.Word
}

// calldata returns the arguments of the constructor.
func (p Params) calldata() ([]*felt.Felt, error) {
	xLow, xHigh := starknet.SplitU256(p.Key.X)
	yLow, yHigh := starknet.SplitU256(p.Key.Y)
	token, err := starknet.FeltFromWord(p.Token.Word())
	if err != nil {
		return nil, fmt.Errorf("cairo: token: %w", err)
	}
	out := []*felt.Felt{xLow, xHigh, yLow, yHigh, token}
	switch p.Class {
	case Compatible:
		if p.Owner != (slastream.Address{}) {
			return nil, errors.New("cairo: class compatible takes no owner: it is the deployer contract")
		}
		return out, nil
	case Extended:
		owner, err := starknet.FeltFromWord(p.Owner.Word())
		if err != nil {
			return nil, fmt.Errorf("cairo: owner: %w", err)
		}
		return append(out, owner), nil
	}
	return nil, fmt.Errorf("cairo: %v is no escrow class", p.Class)
}

// Address returns the address at which [Deploy] puts the escrow, on every
// network. It does not depend on who deploys.
func (p Params) Address() (slastream.Address, error) {
	calldata, err := p.calldata()
	if err != nil {
		return slastream.Address{}, err
	}
	address, err := starknet.Deployment{Class: p.Class.Hash(), Salt: p.Salt, Calldata: calldata}.Address()
	if err != nil {
		return slastream.Address{}, fmt.Errorf("cairo: %w", err)
	}
	return address, nil
}

// Deploy declares the class of p if need be, deploys p through the universal
// deployer contract if it is not deployed yet, reads back what is there and
// returns it, bound to the sender's account.
//
// Anyone can deploy the same p at the same address first. That is a success:
// the constructor's arguments are part of the address.
func Deploy(ctx context.Context, sender Sender, p Params) (*starknet.Escrow, error) {
	calldata, err := p.calldata()
	if err != nil {
		return nil, err
	}
	address, err := deploy(ctx, sender, p.Class, p.Salt, calldata)
	if err != nil {
		return nil, err
	}
	escrow := starknet.NewEscrow(sender.Caller, address, starknet.WithAccount(sender.account()))
	if err := check(ctx, escrow, p); err != nil {
		return nil, err
	}
	return escrow, nil
}

// DeployMockERC20 declares and deploys the token for tests, like [Deploy].
func DeployMockERC20(ctx context.Context, sender Sender, salt attestation.Word) (*starknet.ERC20, error) {
	address, err := deploy(ctx, sender, MockERC20, salt, nil)
	if err != nil {
		return nil, err
	}
	return starknet.NewERC20(sender.Caller, address, starknet.WithAccount(sender.account())), nil
}

func deploy(ctx context.Context, sender Sender, class Class, salt attestation.Word, calldata []*felt.Felt) (slastream.Address, error) {
	address, err := deployArtifact(ctx, sender, class.artifact(), salt, calldata)
	if err != nil {
		return slastream.Address{}, fmt.Errorf("cairo: deploy %v: %w", class, err)
	}
	return address, nil
}

func deployArtifact(ctx context.Context, sender Sender, class artifact, salt attestation.Word, calldata []*felt.Felt) (slastream.Address, error) {
	d := starknet.Deployment{Class: class.hash, Salt: salt, Calldata: calldata}
	address, err := d.Address()
	if err != nil {
		return slastream.Address{}, err
	}
	found, err := classAt(ctx, sender.Caller, address)
	if err != nil {
		return slastream.Address{}, err
	}
	if found == (attestation.Word{}) {
		if err := declare(ctx, sender, class); err != nil {
			return slastream.Address{}, err
		}
		deployer, err := starknet.FindUDC(ctx, sender.Caller, starknet.WithAccount(sender.account()))
		if err != nil {
			return slastream.Address{}, err
		}
		_, failure := deployer.Deploy(ctx, d)
		if found, err = classAt(ctx, sender.Caller, address); err != nil {
			return slastream.Address{}, err
		}
		if failure != nil && found == (attestation.Word{}) {
			return slastream.Address{}, failure
		}
	}
	if found != class.hash {
		return slastream.Address{}, fmt.Errorf("%w: class %v at %v, want %v", ErrMismatch, found, address, class.hash)
	}
	return address, nil
}

// classAt returns the class hash of a contract, 0 if there is none.
func classAt(ctx context.Context, caller starknet.Caller, address slastream.Address) (attestation.Word, error) {
	var text string
	err := caller.CallContext(ctx, &text, "starknet_getClassHashAt", "latest", hexWord(address.Word()))
	if code(err) == codeContractNotFound {
		return attestation.Word{}, nil
	}
	if err != nil {
		return attestation.Word{}, fmt.Errorf("class at %v: %w", address, err)
	}
	w, err := attestation.ParseWord(text)
	if err != nil {
		return attestation.Word{}, fmt.Errorf("%w: class at %v: %.80q", starknet.ErrBadAnswer, address, text)
	}
	return w, nil
}

// check reads back what was deployed.
func check(ctx context.Context, escrow *starknet.Escrow, p Params) error {
	key, err := escrow.PublicKey(ctx)
	if err != nil {
		return err
	}
	token, err := escrow.Token(ctx)
	if err != nil {
		return err
	}
	if key != p.Key || token != p.Token {
		return fmt.Errorf("%w: %v has key %v and token %v, want %v and %v", ErrMismatch, escrow.Address(), key, token, p.Key, p.Token)
	}
	return nil
}
