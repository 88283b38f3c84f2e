package simulated

import (
	"fmt"
	"math/big"

	"github.com/NethermindEth/juno/core/crypto"

	"github.com/slastream/slastream-go/slastream"
)

// The universal deployers of starknet-devnet. That at 0x04a64cd0…, which public
// networks have, is not there.
var (
	deployerAddress  = mustAddress("0x2ceed65a4bd731034c01113685c831b01c15d7d432f71afb1cf1634b53a2125")
	deployer0Address = mustAddress("0x41a78e741e5af2fec34b695679bc6891742439f7afb8484ecd7766661ad02bf")
)

var (
	selDeployContract   = selector("deployContract")
	selDeploySnake      = selector("deploy_contract")
	selContractDeployed = selector("ContractDeployed")
)

// deployerEntries is the deployer of OpenZeppelin's presets.
var deployerEntries = []entry{
	{"deployContract", cost{}, deployThrough},
	{"deploy_contract", cost{}, deployThrough},
}

// deployer0Entries is the deployer of Cairo 0.
var deployer0Entries = []entry{
	{"deployContract", cost{}, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		class, salt, unique, data := r.felt(), r.felt(), r.felt(), r.felts()
		if r.end() != nil {
			// Cairo 0 reads memory that is not there.
			f := hardFault(s.frame(c.to, c.selector), nothingMissing, "Couldn't compute operand op1. Unknown value for memory cell 5:3\n")
			f.own, f.where = true, "Error at pc=0:156:\n"
			return nil, f
		}
		return s.deployFrom(c, class, salt, unique, unique == flag(true), data)
	}},
}

func deployThrough(s *state, c *call, r *reader) ([]hexFelt, error) {
	class, salt, unique := r.classHash(), r.felt(), r.felt() != hexFelt{}
	data, err := r.span()
	if err != nil {
		return nil, err
	}
	return s.deployFrom(c, class, salt, flag(unique), unique, data)
}

// deployFrom is what the deployers do once they have read their arguments.
// unique mixes the caller into the salt and the deployer into the address.
func (s *state) deployFrom(c *call, class, salt, uniqueFelt hexFelt, unique bool, data []hexFelt) ([]hexFelt, error) {
	address := contractAddress(hexFelt{}, salt, class, data...)
	if unique {
		caller := word(c.caller)
		mixed := hexFelt(crypto.Pedersen(caller.felt(), salt.felt()))
		address = contractAddress(word(c.to), mixed, class, data...)
	}
	if fault := s.deploy(class, address, c.to, data, c.at); fault != nil {
		return nil, fault
	}
	event := append([]hexFelt{word(address), word(c.caller), uniqueFelt, class, number(uint64(len(data)))}, data...)
	s.emit(c.to, []hexFelt{selContractDeployed}, append(event, salt))
	return []hexFelt{word(address)}, nil
}

// deploy is deploy_syscall: it makes a contract and runs its constructor,
// called by caller.
func (s *state) deploy(classHash hexFelt, at, caller slastream.Address, data []hexFelt, now uint64) *fault {
	class := s.declared.get(classHash)
	frame := frame{Address: word(at), Class: classHash, class: class, constructor: true}
	switch {
	case s.contract(at) != nil:
		return hardFault(frame, nothingMissing, fmt.Sprintf("Deployment failed: contract already deployed at address %s\n", word(at).padded()))
	case class == nil:
		return hardFault(frame, nothingMissing, fmt.Sprintf("Class with hash %s is not declared.\n", classHash.padded()))
	case class.constructor == nil && class.birth == nil:
		return hardFault(frame, nothingMissing, fmt.Sprintf("The simulated node cannot deploy class %s.\n", classHash.padded()))
	case class.constructor == nil && len(data) > 0:
		return hardFault(frame, nothingMissing, "Invalid input: constructor_calldata; Cannot pass calldata to a contract with no constructor.\n")
	}
	c := &contract{address: at, class: class}
	call := &call{caller: caller, to: at, selector: selConstructor, calldata: data, at: now, self: c}
	s.contracts.set(at, c)
	s.deployed = append(s.deployed, c)
	_, err := s.enter(call, "CONSTRUCTOR", func(r *reader) ([]hexFelt, error) {
		if class.birth != nil {
			class.birth(s, c)
		}
		if class.constructor == nil {
			return nil, nil
		}
		return nil, class.constructor(s, call, r)
	})
	if err == nil {
		return nil
	}
	frame.Selector = selConstructor
	// Only panics: no constructor calls another contract.
	f := s.fault(call, err)
	f.frames[0] = frame
	return f
}

// deployCost is what a deployer charges for a class. A class that is not
// there fails early.
func deployCost(s *state, c *call) cost {
	if len(c.calldata) > 0 {
		if class := s.declared.get(c.calldata[0]); class != nil && class.deploying != (cost{}) {
			return class.deploying
		}
	}
	return cost{failed: 50_000}
}

// addressModulus is 2^251 − 256, the modulus of addresses.
var addressModulus = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 251), big.NewInt(256))

// contractAddress is calculate_contract_address.
func contractAddress(deployer, salt, class hexFelt, constructor ...hexFelt) slastream.Address {
	prefix, arguments := text("STARKNET_CONTRACT_ADDRESS"), crypto.PedersenArray(refs(constructor)...)
	hash := crypto.PedersenArray(prefix.felt(), deployer.felt(), salt.felt(), class.felt(), &arguments)
	h := hash.BigInt(new(big.Int))
	h.Mod(h, addressModulus)
	var a slastream.Address
	h.FillBytes(a[:])
	return a
}
