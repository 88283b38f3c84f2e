package simulated

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"slices"

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

// Addresses of STRK, the fee token, and of ETH on every public network.
var (
	strk = mustAddress("0x04718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d")
	eth  = mustAddress("0x049d36570d4e46f48e99674bd3fcc84644ddd6b96f7c741b1562b82f9e004dc7")
)

func mustAddress(s string) slastream.Address {
	a, err := slastream.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// A world is what a chain is born with and never changes: the classes that can
// run, the first contracts, who holds which key.
type world struct {
	known    *catalogue
	params   escrow.Params // of the first escrow
	class    *class        // of the first escrow
	accounts []Account
	minter   Account // may mint; not listed
}

func newWorld(o Options) *world {
	w := &world{known: known()}
	for i := range o.Accounts {
		w.accounts = append(w.accounts, w.newAccount(o.Seed, uint64(i)))
	}
	w.minter = w.newAccount(o.Seed, ^uint64(0))

	w.class = w.known.escrow(o)
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
	w.params.Address = contractAddress(word(w.params.Owner), number(o.Seed), w.class.hash, arguments...)
	return w
}

// genesis makes the first contracts.
func (w *world) genesis(s *state) {
	k := w.known
	for _, c := range []*class{k.strk, k.eth, k.account, k.deployer, k.deployer0, w.class} {
		s.declared.set(c.hash, c)
	}
	put := func(at slastream.Address, c *class) *contract {
		out := &contract{address: at, class: c}
		s.contracts.set(at, out)
		return out
	}
	put(deployerAddress, k.deployer)
	put(deployer0Address, k.deployer0)
	s.ledger = s.newToken(strk, k.strk, "StarkNet Token", "STRK").token.ledger
	ether := s.newToken(eth, k.eth, "Ether", "ETH").token.ledger
	for _, a := range append(slices.Clone(w.accounts), w.minter) {
		put(a.Address, k.account).key = newStarkKey(word(a.PublicKey))
		// Cannot fail: the addresses are not 0 and the sums far below 2^256.
		_ = s.ledger.Mint(a.Address, initialBalance)
		_ = ether.Mint(a.Address, initialBalance)
	}
	first := put(w.params.Address, w.class)
	first.escrow = escrow.New(w.params, escrowHost{s, first})
}

func (w *world) newAccount(seed, index uint64) Account {
	var in [16]byte
	binary.BigEndian.PutUint64(in[:8], seed)
	binary.BigEndian.PutUint64(in[8:], index)
	digest := sha256.Sum256(append([]byte("slastream simulated account"), in[:]...))
	// Into [1, n): a key of 0 signs nothing.
	secret := new(big.Int).SetBytes(digest[:])
	secret.Mod(secret, new(big.Int).Sub(fr.Modulus(), big.NewInt(1)))
	secret.Add(secret, big.NewInt(1))

	var a Account
	public := publicKeyOf(secret)
	secret.FillBytes(a.PrivateKey[:])
	a.PublicKey = public.bytes()
	a.Address = contractAddress(hexFelt{}, public, w.known.account.hash, public)
	return a
}
