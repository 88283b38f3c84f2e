package cairo

import (
	"context"
	"errors"
	"fmt"

	"github.com/NethermindEth/juno/core/crypto"
	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// ErrMismatch says that the contract at the address of a deployment is not what
// was asked for.
var ErrMismatch = errors.New("cairo: deployed contract is another")

// ErrNoDeployer says that the network has none of the known deployer contracts.
var ErrNoDeployer = errors.New("cairo: no universal deployer contract")

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
	salt, err := starknet.FeltFromWord(p.Salt)
	if err != nil {
		return slastream.Address{}, fmt.Errorf("cairo: salt: %w", err)
	}
	return contractAddress(p.Class.Hash(), salt, calldata)
}

// contractAddress is the address of a contract that a deployer contract makes
// without adding itself to the salt.
func contractAddress(class attestation.Word, salt *felt.Felt, calldata []*felt.Felt) (slastream.Address, error) {
	prefix := new(felt.Felt).SetBytes([]byte("STARKNET_CONTRACT_ADDRESS"))
	arguments := crypto.PedersenArray(calldata...)
	h := crypto.PedersenArray(prefix, new(felt.Felt), salt, feltOf(class), &arguments)
	if bound := addressBound(); h.Cmp(bound) >= 0 {
		h.Sub(&h, bound)
	}
	return starknet.AddressFromFelt(&h)
}

// addressBound is 2^251 − 256, the modulus of addresses.
func addressBound() *felt.Felt {
	w := attestation.Word{0: 0x07}
	for i := 1; i < 31; i++ {
		w[i] = 0xff
	}
	return feltOf(w)
}

// The universal deployer contracts, newest first. Which of them a network has
// differs.
var deployers = []string{
	"0x2ceed65a4bd731034c01113685c831b01c15d7d432f71afb1cf1634b53a2125",
	"0x4a64cd09a853868621d94cae9952b106f2c36a3f81260f85de6696c6b050221",
	"0x41a78e741e5af2fec34b695679bc6891742439f7afb8484ecd7766661ad02bf",
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

func deployArtifact(ctx context.Context, sender Sender, class artifact, saltWord attestation.Word, calldata []*felt.Felt) (slastream.Address, error) {
	salt, err := starknet.FeltFromWord(saltWord)
	if err != nil {
		return slastream.Address{}, fmt.Errorf("salt: %w", err)
	}
	address, err := contractAddress(class.hash, salt, calldata)
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
		deployer, err := findDeployer(ctx, sender.Caller)
		if err != nil {
			return slastream.Address{}, err
		}
		// deployContract(class_hash, salt, unique, calldata): all deployers have
		// it. Not unique means that the address is for everyone the same.
		args := append([]*felt.Felt{feltOf(class.hash), salt, new(felt.Felt), new(felt.Felt).SetUint64(uint64(len(calldata)))}, calldata...)
		_, failure := sender.account().Execute(ctx, starknet.NewCall(deployer, "deployContract", args...))
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

func findDeployer(ctx context.Context, caller starknet.Caller) (slastream.Address, error) {
	for _, text := range deployers {
		address, err := slastream.ParseAddress(text)
		if err != nil {
			return slastream.Address{}, err
		}
		class, err := classAt(ctx, caller, address)
		if err != nil {
			return slastream.Address{}, err
		}
		if class != (attestation.Word{}) {
			return address, nil
		}
	}
	return slastream.Address{}, ErrNoDeployer
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
