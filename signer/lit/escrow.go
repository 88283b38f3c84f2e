package lit

import (
	"math/big"

	starkcurve "github.com/consensys/gnark-crypto/ecc/stark-curve"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"

	"github.com/slastream/slastream-go/attestation"
)

// maxArgs bounds the constructor's arguments after the key.
const maxArgs = 8

// An Escrow says how an escrow is deployed. Its address follows from that and
// from its key, [Action.Domain]. It cannot be in the action's text itself: the
// address depends on the constructor's arguments, the key among them, and the
// key on the text.
type Escrow struct {
	ChainID   attestation.Word // Starknet chain id felt, such as "SN_MAIN" in ASCII
	ClassHash attestation.Word
	Salt      attestation.Word
	// Deployer is the contract that deploys, as it goes into the address: 0 for
	// the universal deployer without "unique", which is what package
	// starknet/cairo does.
	Deployer attestation.Word
	// Args are the constructor's felts after the four of the key: the token, and
	// for the extended class the owner.
	Args []attestation.Word
}

// felts reports whether all of e are field elements.
func (e Escrow) felts() bool {
	for _, w := range append([]attestation.Word{e.ChainID, e.ClassHash, e.Salt, e.Deployer}, e.Args...) {
		if w.Big().Cmp(fp.Modulus()) >= 0 {
			return false
		}
	}
	return len(e.Args) <= maxArgs
}

// address is calculate_contract_address of cairo-lang: Pedersen hashes over a
// prefix, deployer, salt, class and the hash of the arguments, modulo 2^251 − 256.
func (e Escrow) address(key attestation.PublicKey) attestation.Word {
	var h attestation.Word
	args := append([]attestation.Word{low(key.X), high(key.X), low(key.Y), high(key.Y)}, e.Args...)
	for _, arg := range args {
		h = pedersen(h, arg)
	}
	h = pedersen(h, attestation.WordFromUint64(uint64(len(args))))
	h = pedersen(pedersen(e.prefix(), h), attestation.WordFromUint64(5))
	bound := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 251), big.NewInt(256))
	new(big.Int).Mod(h.Big(), bound).FillBytes(h[:])
	return h
}

// prefix is the part of the address that does not depend on the key.
func (e Escrow) prefix() attestation.Word {
	var text attestation.Word
	copy(text[32-len("STARKNET_CONTRACT_ADDRESS"):], "STARKNET_CONTRACT_ADDRESS")
	var h attestation.Word
	for _, w := range []attestation.Word{text, e.Deployer, e.Salt, e.ClassHash} {
		h = pedersen(h, w)
	}
	return h
}

func low(w attestation.Word) (l attestation.Word)  { copy(l[16:], w[16:]); return l }
func high(w attestation.Word) (h attestation.Word) { copy(h[16:], w[:16]); return h }

// pedersenPoints are the shift point and the four constant points of the hash.
//
// Source: cairo-lang, starkware/crypto/signature/fast_pedersen_hash.py.
var pedersenPoints = [5][2]string{
	{"2089986280348253421170679821480865132823066470938446095505822317253594081284", "1713931329540660377023406109199410414810705867260802078187082345529207694986"},
	{"996781205833008774514500082376783249102396023663454813447423147977397232763", "1668503676786377725805489344771023921079126552019160156920634619255970485781"},
	{"2251563274489750535117886426533222435294046428347329203627021249169616184184", "1798716007562728905295480679789526322175868328062420237419143593021674992973"},
	{"2138414695194151160943305727036575959195309218611738193261179310511854807447", "113410276730064486255102093846540133784865286929052426931474106396135072156"},
	{"2379962749567351885752724891227938183011949129833673362440656643086021394946", "776496453633298175483985398648758586525933812536653089401905292063708816422"},
}

// pedersen is a dozen of hashes in the life of an action, so it makes no tables,
// as gnark-crypto's does for every program that imports it.
func pedersen(a, b attestation.Word) attestation.Word {
	var sum starkcurve.G1Jac
	for i, scalar := range [][]byte{{1}, a[1:], a[:1], b[1:], b[:1]} {
		var p starkcurve.G1Jac
		_, _ = p.X.SetString(pedersenPoints[i][0]) // constants: they parse
		_, _ = p.Y.SetString(pedersenPoints[i][1])
		p.Z.SetOne()
		p.ScalarMultiplication(&p, new(big.Int).SetBytes(scalar))
		sum.AddAssign(&p)
	}
	var affine starkcurve.G1Affine
	affine.FromJacobian(&sum)
	return affine.X.Bytes()
}
