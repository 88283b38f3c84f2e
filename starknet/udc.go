package starknet

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/NethermindEth/juno/core/crypto"
	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// ErrNoDeployer says that a network has none of the universal deployer
// contracts that this package knows.
var ErrNoDeployer = errors.New("starknet: no universal deployer contract")

// A deployer is a universal deployer contract.
type deployer struct {
	address    slastream.Address
	entryPoint string
	salt       func(a, b *felt.Felt) felt.Felt // hash of caller and salt of a unique deployment
}

// deployers holds the universal deployer contracts, newest first; which of them
// a network has differs. Sources: OpenZeppelin's documentation of its Cairo
// contracts 2.0 and 1.0, and NethermindEth/starknet.go, utils/udc.go; the hash of
// the salt is in OpenZeppelin/cairo-contracts,
// packages/presets/src/universal_deployer.cairo.
var deployers = []deployer{
	{mustAddress("0x2ceed65a4bd731034c01113685c831b01c15d7d432f71afb1cf1634b53a2125"), "deployContract", crypto.Pedersen},
	{mustAddress("0x4a64cd09a853868621d94cae9952b106f2c36a3f81260f85de6696c6b050221"), "deploy_contract", poseidon},
	{mustAddress("0x41a78e741e5af2fec34b695679bc6891742439f7afb8484ecd7766661ad02bf"), "deployContract", crypto.Pedersen}, // Cairo 0
}

func poseidon(a, b *felt.Felt) felt.Felt { return crypto.PoseidonArray(a, b) }

// mustAddress reads a constant; a test reads all of them.
func mustAddress(s string) slastream.Address {
	a, err := slastream.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// deployerAt returns what is known of a deployer contract, nil if nothing is.
func deployerAt(a slastream.Address) *deployer {
	for i := range deployers {
		if deployers[i].address == a {
			return &deployers[i]
		}
	}
	return nil
}

// A Deployment is a contract to be deployed.
type Deployment struct {
	Class attestation.Word // class hash; the class must be declared
	Salt  attestation.Word // a felt: makes the address of an otherwise equal deployment another one
	// Unique makes the address depend on the account that deploys, so that nobody
	// else can deploy there first. Otherwise it is the same for everyone.
	Unique   bool
	Calldata []*felt.Felt // of the constructor
}

func (d Deployment) felts() (class, salt *felt.Felt, err error) {
	if class, err = FeltFromWord(d.Class); err != nil {
		return nil, nil, fmt.Errorf("starknet: deploy: class: %w", err)
	}
	if salt, err = FeltFromWord(d.Salt); err != nil {
		return nil, nil, fmt.Errorf("starknet: deploy: salt: %w", err)
	}
	if anyNil(d.Calldata) {
		return nil, nil, fmt.Errorf("starknet: deploy: calldata: %w", errNil)
	}
	return class, salt, nil
}

// Address returns the address of a deployment that is not unique, on every
// network and by every deployer contract. Errors: *[RangeError] for a class or
// a salt of P or more.
func (d Deployment) Address() (slastream.Address, error) {
	if d.Unique {
		return slastream.Address{}, errors.New("starknet: deploy: a unique address depends on deployer contract and account: use UDC.DeployAddress")
	}
	class, salt, err := d.felts()
	if err != nil {
		return slastream.Address{}, err
	}
	return contractAddress(&felt.Zero, salt, class, d.Calldata)
}

// contractAddress is the address of a contract: the Pedersen hash of all that
// it is made of, reduced to what an address can be (cairo-lang,
// starknet/core/os/contract_address/contract_address.cairo).
func contractAddress(from, salt, class *felt.Felt, calldata []*felt.Felt) (slastream.Address, error) {
	prefix := new(felt.Felt).SetBytes([]byte("STARKNET_CONTRACT_ADDRESS"))
	arguments := crypto.PedersenArray(calldata...)
	h := crypto.PedersenArray(prefix, from, salt, class, &arguments)
	if h.Cmp(addressBound) >= 0 {
		h.Sub(&h, addressBound)
	}
	return AddressFromFelt(&h)
}

// A UDC is a universal deployer contract: anyone deploys contracts with it. It
// is safe for concurrent use.
//
// What a UDC deploys has the UDC as the caller of its constructor. A contract
// whose owner is that caller, as the compatible escrow's, belongs to nobody
// then.
type UDC struct {
	contract
}

// NewUDC returns the deployer contract at address. It makes no request.
func NewUDC(caller Caller, address slastream.Address, options ...Option) *UDC {
	u := new(UDC)
	u.init(caller, address, options)
	return u
}

// FindUDC asks which of the known deployer contracts the network has and
// returns the newest, or [ErrNoDeployer].
func FindUDC(ctx context.Context, caller Caller, options ...Option) (*UDC, error) {
	node := NewNode(caller)
	for _, d := range deployers {
		class, err := node.classHashAt(ctx, d.address, Block{})
		if err != nil {
			return nil, err
		}
		if !class.IsZero() {
			return NewUDC(node, d.address, options...), nil
		}
	}
	return nil, ErrNoDeployer
}

// classHashAt returns the class hash of a contract, 0 if there is none.
func (n *Node) classHashAt(ctx context.Context, address slastream.Address, block Block) (attestation.Word, error) {
	var f wireFelt
	err := call(ctx, n, &f, "starknet_getClassHashAt", block, wire(addressFelt(address)))
	if n, _ := code(err); n == codeContractNotFound {
		return attestation.Word{}, nil
	}
	return hashWord(&f), err
}

// Address returns the address of the deployer contract.
func (u *UDC) Address() slastream.Address { return u.address }

// DeployAddress returns the address of a deployment by an account. Of a unique
// one it is known for the deployer contracts that [FindUDC] knows; the salt is
// hashed with the account, by Poseidon, or by Pedersen where the contract is
// one of Cairo 0. Errors are those of [Deployment.Address], and [ErrNoDeployer].
func (u *UDC) DeployAddress(d Deployment, account slastream.Address) (slastream.Address, error) {
	if !d.Unique {
		return d.Address()
	}
	class, salt, err := d.felts()
	if err != nil {
		return slastream.Address{}, err
	}
	if err := checkAddresses("deploy: account", account); err != nil {
		return slastream.Address{}, err
	}
	known := deployerAt(u.address)
	if known == nil {
		return slastream.Address{}, fmt.Errorf("%w: how %v hashes the salt of a unique deployment is not known", ErrNoDeployer, u.address)
	}
	salted := known.salt(addressFelt(account), salt)
	return contractAddress(addressFelt(u.address), &salted, class, d.Calldata)
}

// DeployCall returns the call that deploys a contract. Errors are those of
// [Deployment.Address].
//
//	fn deployContract(classHash: ClassHash, salt: felt252, unique: bool, calldata: Span<felt252>) -> ContractAddress
func (u *UDC) DeployCall(d Deployment) (Call, error) {
	class, salt, err := d.felts()
	if err != nil {
		return Call{}, err
	}
	args := append([]*felt.Felt{class, salt, boolFelt(d.Unique), uintFelt(uint64(len(d.Calldata)))}, d.Calldata...)
	name := "deployContract"
	if known := deployerAt(u.address); known != nil {
		name = known.entryPoint
	}
	return NewCall(u.address, name, args...), nil
}

// Deploy deploys a contract and returns its address, read from the deployer
// contract's own event and compared with the computed one. What the
// constructor refuses is a *slastream.RevertError.
//
//	fn deployContract(classHash: ClassHash, salt: felt252, unique: bool, calldata: Span<felt252>) -> ContractAddress
func (u *UDC) Deploy(ctx context.Context, d Deployment) (slastream.Address, error) {
	if u.account == nil {
		return slastream.Address{}, ErrNoAccount
	}
	deploy, err := u.DeployCall(d)
	if err != nil {
		return slastream.Address{}, err
	}
	want, err := u.DeployAddress(d, u.account.Address())
	if err != nil && !errors.Is(err, ErrNoDeployer) {
		return slastream.Address{}, err
	}
	unknown := err != nil
	r, err := u.execute(ctx, deploy)
	if err != nil {
		return slastream.Address{}, err
	}
	for _, l := range r.Logs {
		if l.From != u.address {
			continue
		}
		e, err := ParseContractDeployed(l.Keys, l.Data)
		switch {
		case err != nil:
			return slastream.Address{}, fmt.Errorf("%w: %w", ErrBadAnswer, err)
		case e.Class != d.Class || !unknown && e.Address != want:
			return slastream.Address{}, fmt.Errorf("%w: deployed class %v at %v, want %v at %v", ErrBadAnswer, e.Class, e.Address, d.Class, want)
		}
		return e.Address, nil
	}
	return slastream.Address{}, fmt.Errorf("%w: transaction %v has no ContractDeployed event of the deployer", ErrBadAnswer, r.Hash)
}

// A ContractDeployed is the event of a [UDC].
type ContractDeployed struct {
	Address  slastream.Address // of the new contract
	Deployer slastream.Address // the account that called the UDC
	Unique   bool
	Class    attestation.Word
	Calldata []*felt.Felt
	Salt     attestation.Word // as it was given
}

var selContractDeployed = *Selector("ContractDeployed")

// ParseContractDeployed reads an event of a [UDC]; all of it is in the data.
// Errors are those of [ParseEvent].
func ParseContractDeployed(keys, data []*felt.Felt) (ContractDeployed, error) {
	if len(keys) == 0 || keys[0] == nil || *keys[0] != selContractDeployed {
		return ContractDeployed{}, fmt.Errorf("%w: not ContractDeployed", ErrUnknownEvent)
	}
	if len(keys) > 1 {
		return ContractDeployed{}, fmt.Errorf("%w: ContractDeployed: %d keys, want 1", ErrMalformed, len(keys))
	}
	r := reader{in: data}
	e := ContractDeployed{Address: r.address(), Deployer: r.address(), Unique: r.bool(), Class: r.felt()}
	n := r.uint(4)
	if n > uint64(len(r.in)) {
		n = uint64(len(r.in)) + 1 // too many: next says so
	}
	e.Calldata = slices.Clone(r.next(int(n)))
	e.Salt = r.felt()
	if err := r.end("ContractDeployed"); err != nil {
		return ContractDeployed{}, err
	}
	return e, nil
}
