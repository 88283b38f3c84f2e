package simulated

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"

	"github.com/NethermindEth/juno/core/crypto"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fr"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// An Account is one of the node's accounts. Its key is as public as the seed:
// for tests only.
type Account struct {
	Address    slastream.Address
	PrivateKey attestation.Word // Stark key
	PublicKey  attestation.Word // x coordinate
}

// sequencer receives the fees.
var sequencer = slastream.Address{30: 0x10}

// strk is the address of the fee token on every public network.
var strk = mustAddress("0x04718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d")

func mustAddress(s string) slastream.Address {
	a, err := slastream.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// A world is what a chain is born with and never changes: the contracts, who
// holds which key.
type world struct {
	params    escrow.Params
	accounts  []*account
	byAddress map[slastream.Address]*account
	minter    *account // may mint; not listed
	classes   map[slastream.Address]*class
	byHash    map[hexFelt]*class
}

// An account is an Account with its key ready to check signatures.
type account struct {
	Account
	key *starkKey
}

func newWorld(o Options) *world {
	w := &world{
		byAddress: make(map[slastream.Address]*account),
		classes:   make(map[slastream.Address]*class),
		byHash:    make(map[hexFelt]*class),
	}
	account := accountClass()
	for i := range o.Accounts {
		a := newAccount(o.Seed, uint64(i), account.hash)
		w.accounts = append(w.accounts, a)
		w.add(a, account)
	}
	w.minter = newAccount(o.Seed, ^uint64(0), account.hash)
	w.add(w.minter, account)

	class := escrowClass(o.Class, o.Rules)
	w.params = escrow.Params{
		Class:   o.Class,
		Owner:   w.accounts[0].Address,
		Key:     o.Key,
		Token:   strk,
		Rules:   o.Rules,
		ChainID: chainID.bytes(),
	}
	xLow, xHigh := split(o.Key.X)
	yLow, yHigh := split(o.Key.Y)
	arguments := []hexFelt{xLow, xHigh, yLow, yHigh, word(strk)}
	if o.Class == escrow.Extended {
		arguments = append(arguments, word(w.params.Owner))
	}
	// Deployed by the owner's account itself: through the UDC the owner of the
	// compatible class would be the UDC.
	w.params.Address = contractAddress(word(w.params.Owner), number(o.Seed), class.hash, arguments...)
	w.deploy(w.params.Address, class)
	w.deploy(strk, tokenClass())
	return w
}

func (w *world) add(a *account, c *class) {
	w.byAddress[a.Address] = a
	w.deploy(a.Address, c)
}

func (w *world) deploy(at slastream.Address, c *class) {
	w.classes[at] = c
	w.byHash[c.hash] = c
}

// classHash is the class at an address, 0 if there is no contract.
func (w *world) classHash(at slastream.Address) hexFelt {
	if c := w.classes[at]; c != nil {
		return c.hash
	}
	return hexFelt{}
}

func newAccount(seed, index uint64, class hexFelt) *account {
	var in [16]byte
	binary.BigEndian.PutUint64(in[:8], seed)
	binary.BigEndian.PutUint64(in[8:], index)
	digest := sha256.Sum256(append([]byte("slastream simulated account"), in[:]...))
	// Into [1, n): a key of 0 signs nothing.
	secret := new(big.Int).SetBytes(digest[:])
	secret.Mod(secret, new(big.Int).Sub(fr.Modulus(), big.NewInt(1)))
	secret.Add(secret, big.NewInt(1))

	a := &account{key: newStarkKey(secret)}
	public := a.key.publicKey()
	secret.FillBytes(a.PrivateKey[:])
	a.PublicKey = public.bytes()
	a.Address = contractAddress(hexFelt{}, public, class, public)
	return a
}

// contractAddress is calculate_contract_address. The real one reduces the
// hash modulo 2^251 − 256, and so does this.
func contractAddress(deployer, salt, class hexFelt, constructor ...hexFelt) slastream.Address {
	prefix, arguments := text("STARKNET_CONTRACT_ADDRESS"), crypto.PedersenArray(refs(constructor)...)
	hash := crypto.PedersenArray(prefix.felt(), deployer.felt(), salt.felt(), class.felt(), &arguments)
	h := hash.BigInt(new(big.Int))
	h.Mod(h, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 251), big.NewInt(256)))
	var a slastream.Address
	h.FillBytes(a[:])
	return a
}
