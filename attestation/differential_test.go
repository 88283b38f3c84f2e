package attestation_test

import (
	"bytes"
	"math/big"
	"runtime"
	"slices"
	"testing"

	decred "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/attestation/internal/naive"
)

// FuzzVerdicts holds three implementations against each other, under both
// Rules: this package (Recover, Signed.Verify, a Verifier before and after it
// made its tables, batches of three sizes), package naive, which is written from
// the text of the rules, and the libraries of others where they must agree.
//
// Package naive answers everything. [requireOthersAgree] states where
// go-ethereum and decred must agree.
//
// Random bytes are a signature of nobody, so a recipe builds the input from
// them: see [recipe]. Seeds are all files of attestation/vectors, which hold
// every row of the table of edges, and the recipes with all special numbers. Run
// it with -fuzzminimizetime=1x: to shorten inputs of fixed length takes long and
// gains nothing.
func FuzzVerdicts(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, preimage, z, r, s, x, y []byte, v uint32, how, numbers, edges byte) {
		in := recipe{
			preimage: padded(preimage),
			z:        new(big.Int).SetBytes(leading(z)), r: new(big.Int).SetBytes(leading(r)), s: new(big.Int).SetBytes(leading(s)),
			x: new(big.Int).SetBytes(leading(x)), y: new(big.Int).SetBytes(leading(y)), v: v,
			free: how&freeDigest != 0, step: int(how&^freeDigest) % steps,
			secret: int(numbers&15) % secrets, nonce: int(numbers>>4) % secrets,
			edgeR: int(edges & 15), edgeS: int(edges >> 4),
		}
		made := in.cook()
		sig := attestation.Signature{R: wordOf(made.r), S: wordOf(made.s), V: made.v}
		key := attestation.PublicKey{X: wordOf(made.x), Y: wordOf(made.y)}
		plain := naive.Signature{R: made.r, S: made.s, V: made.v}
		q, found := naive.Recover(naive.Legacy, made.z, plain)
		for _, rules := range []attestation.Rules{attestation.RulesLegacy, attestation.RulesLowS} {
			// The newer corelib is the older one behind a guard: no need to
			// recover twice.
			felt := found
			if rules == attestation.RulesLowS && !naive.IsInLowSRange(plain) {
				felt = naive.RecoveryFailed
			}
			got, err := attestation.Recover(rules, attestation.Digest(wordOf(made.z)), sig)
			require.Equal(t, felt, reason(t, err), "%v: Recover", rules)
			if felt == "" {
				qx, qy := q.XY()
				require.Equal(t, attestation.PublicKey{X: wordOf(qx), Y: wordOf(qy)}, got, "%v: Recover", rules)
				felt = naive.Compare(q, made.x, made.y)
			} else {
				require.Zero(t, got, "%v: Recover", rules)
			}
			if rules == attestation.RulesLegacy {
				requireOthersAgree(t, made, got, err)
			}
			if !in.free {
				signed := attestation.Signed{Attestation: in.attestation(), Signature: sig}
				requireVerdict(t, rules, key, signed, in.valid(), felt)
			}
		}
	})
}

// requireVerdict wants the same verdict from every way to ask for it.
func requireVerdict(t *testing.T, rules attestation.Rules, key attestation.PublicKey, signed, valid attestation.Signed, want string) {
	t.Helper()
	require.Equal(t, want, reason(t, signed.Verify(rules, key)), "%v: Signed.Verify", rules)
	verifier := attestation.NewVerifier(rules, key).WithWindow(4)
	require.Equal(t, want, reason(t, verifier.Verify(signed)), "%v: Verify without tables", rules)
	verifier.VerifyBatch(worthless()) // makes the tables
	require.Equal(t, want, reason(t, verifier.Verify(signed)), "%v: Verify with tables", rules)

	// Neighbours whose verdicts mix refusals of both kinds with acceptance.
	other, flipped, more := signed, signed, signed
	other.Attestation.Timestamp++
	flipped.Signature.V ^= 1
	more.Signature.S[31]++
	neighbours := []attestation.Signed{valid, other, flipped, more, {}}
	wants := map[attestation.Signed]string{}
	for _, item := range neighbours {
		wants[item] = reason(t, item.Verify(rules, key))
	}
	wants[signed] = want
	for _, batch := range []struct {
		size int
		at   []int // where the item is
	}{{1, []int{0}}, {5, []int{2}}, {20, []int{0, 7, 19}}} {
		items := make([]attestation.Signed, batch.size)
		for i := range items {
			items[i] = neighbours[i%len(neighbours)]
		}
		for _, i := range batch.at {
			items[i] = signed
		}
		verdicts := verifier.VerifyBatch(items)
		require.Len(t, verdicts, len(items))
		for i, err := range verdicts {
			require.Equal(t, wants[items[i]], reason(t, err), "%v: item %d of %d", rules, i, len(items))
		}
	}
}

// requireOthersAgree compares a recovery under RulesLegacy with go-ethereum's
// and decred's. Their domain and Cairo's meet where r is in [1, p) without n and
// s is not 0 mod n, after three translations: of v only 1 is odd; s counts mod n;
// and an r in (n, p) is to them r − n with a recovery id of 2 or 3. There they
// find a key exactly if Cairo finds one that is not infinity, which they refuse.
// Any digest will do: all reduce it mod n.
func requireOthersAgree(t *testing.T, made ingredients, got attestation.PublicKey, err error) {
	t.Helper()
	n := decred.S256().N
	r, s := new(big.Int).Mod(made.r, n), new(big.Int).Mod(made.s, n)
	if made.r.Cmp(decred.S256().P) >= 0 || r.Sign() == 0 || s.Sign() == 0 {
		return
	}
	id := byte(0)
	if made.v == 1 {
		id = 1
	}
	if made.r.Cmp(n) > 0 {
		id += 2
	}
	z, rWord, sWord := wordOf(made.z), wordOf(r), wordOf(s)
	rs := append(rWord[:], sWord[:]...)
	found := err == nil && got != attestation.PublicKey{}
	want := append(append([]byte{4}, got.X[:]...), got.Y[:]...)

	theirs, theirErr := crypto.Ecrecover(z[:], append(rs[:64:64], id))
	require.Equal(t, found, theirErr == nil, "go-ethereum: %v", theirErr)
	if found {
		require.Equal(t, want, theirs, "go-ethereum")
	}
	pub, _, theirErr := ecdsa.RecoverCompact(append([]byte{27 + id}, rs...), z[:])
	require.Equal(t, found, theirErr == nil, "decred: %v", theirErr)
	if found {
		require.Equal(t, want, pub.SerializeUncompressed(), "decred")
	}
}

// reason is the felt of a verdict, "" for acceptance.
func reason(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var refused *attestation.VerifyError
	require.ErrorAs(t, err, &refused)
	return refused.Reason
}

// worthless returns signatures that are refused before any arithmetic, enough of
// them for a Verifier to make its tables, as it does after some hundred.
func worthless() []attestation.Signed {
	r := attestation.Word(bytes.Repeat([]byte{0xff}, 32)) // beyond p
	return slices.Repeat([]attestation.Signed{{Signature: attestation.Signature{R: r}}}, 1024)
}

// TestTablesAreMade shows that the verifiers above do use tables: some hundred
// worthless signatures make those of 13 bits, which take more than a MiB.
func TestTablesAreMade(t *testing.T) {
	allocated := func(v *attestation.Verifier) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v.VerifyBatch(worthless())
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	v := attestation.NewVerifier(attestation.RulesLowS, testKey(t))
	require.Less(t, allocated(v.WithWindow(0)), uint64(1<<20))
	require.Greater(t, allocated(v.WithWindow(13)), uint64(1<<20))
}
