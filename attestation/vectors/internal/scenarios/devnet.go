package scenarios

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/big"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/attestation/internal/naive"
	"github.com/slastream/slastream-go/attestation/vectors"
)

// An edge is one recorded call of release_chunk.
type edge struct {
	KeyX    attestation.Word `json:"key_x"`
	KeyY    attestation.Word `json:"key_y"`
	Deal    attestation.Word `json:"deal"`
	Chunk   uint64           `json:"chunk"`
	Set     attestation.Word `json:"pset"`
	Root    attestation.Word `json:"root"`
	TS      attestation.Word `json:"ts"`
	Z       attestation.Word `json:"z"`
	R       attestation.Word `json:"r"`
	S       attestation.Word `json:"s"`
	V       uint32           `json:"v"`
	Outcome string           `json:"outcome"`
	Texts   []string         `json:"texts"`
}

func (e edge) verdict() string {
	if e.Outcome == "ok" {
		return vectors.Accept
	}
	return e.Texts[0]
}

// onDevnet returns the scenarios that a real escrow answered, once compiled with
// Cairo 2.14.0 and once with 2.8.2.
func onDevnet(recorded fs.FS) ([]vectors.Vector, error) {
	lows, err := edges(recorded, "edges_lows.json")
	if err != nil {
		return nil, err
	}
	legacy, err := edges(recorded, "edges_legacy.json")
	if err != nil {
		return nil, err
	}
	var all []vectors.Vector
	for _, row := range devnetRows {
		if row.number >= min(len(lows), len(legacy)) {
			return nil, fmt.Errorf("scenarios: %s: no row %d was recorded", row.name, row.number)
		}
		e := lows[row.number]
		timestamp, ok := e.TS.Uint64()
		if !ok {
			return nil, fmt.Errorf("scenarios: %s: timestamp %v of row %d", row.name, e.TS, row.number)
		}
		a := attestation.Attestation{DealID: e.Deal, ChunkIndex: e.Chunk, ProofSetID: e.Set, RootCID: e.Root, Timestamp: timestamp}
		sig := naive.Signature{R: number(e.R), S: number(e.S), V: e.V}
		v := release(row.name, row.description, a, sig, attestation.PublicKey{X: e.KeyX, Y: e.KeyY})
		v.Source = fmt.Sprintf("devnet edges row %d", row.number)
		if *v.Digest != attestation.Digest(e.Z) {
			return nil, fmt.Errorf("scenarios: %s: digest %v, the recorded one of row %d is %v", row.name, v.Digest, row.number, e.Z)
		}
		if v.Expect.LowS.Verdict != e.verdict() || v.Expect.Legacy.Verdict != legacy[row.number].verdict() {
			return nil, fmt.Errorf("scenarios: %s: expected %+v, the escrow's answers to row %d were %q and %q",
				row.name, *v.Expect, row.number, e.verdict(), legacy[row.number].verdict())
		}
		all = append(all, v)
	}
	return all, nil
}

func edges(recorded fs.FS, name string) ([]edge, error) {
	raw, err := fs.ReadFile(recorded, name)
	if err != nil {
		return nil, fmt.Errorf("scenarios: %w", err)
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, fmt.Errorf("scenarios: %s: %w", name, err)
	}
	all := make([]edge, len(rows))
	for i, row := range rows {
		if i == roundedRow {
			continue
		}
		if err := json.Unmarshal(row, &all[i]); err != nil {
			return nil, fmt.Errorf("scenarios: %s, row %d: %w", name, i, err)
		}
	}
	return all, nil
}

// roundedRow is the row whose chunk index of 2^64 − 1 the recorder rounded to
// more than 64 bits. No scenario uses it: the escrow refused it for its state.
const roundedRow = 97

// devnetRows are the recorded rows that are scenarios, counted from 0, and their
// names here. Signatures are by the key of the row unless the text says
// otherwise; "fits the key" says that the key was made from the signature.
var devnetRows = []struct {
	number            int
	name, description string
}{
	{0, "valid-reference", "The signature of the escrow's own test: hardhat's first account."},
	{6, "valid-even-r", "A low s, and R has an even y."},
	{19, "valid-odd-r", "A low s, and R has an odd y."},
	{98, "valid-max-proof-set", "The proof set id is 2^256 - 1."},
	{99, "valid-max-root", "The root is 2^256 - 1."},
	{100, "valid-max-timestamp", "The timestamp is 2^64 - 1."},
	{101, "valid-zero-fields", "Proof set id, root and timestamp are 0."},
	{102, "valid-max-fields", "Proof set id and root are 2^256 - 1, the timestamp is 2^64 - 1."},
	{91, "other-timestamp", "The signature is of another timestamp."},
	{92, "other-root", "The signature is of another root."},
	{93, "other-proof-set", "The signature is of another proof set id."},
	{94, "other-chunk", "The signature is of another chunk of the deal."},

	{7, "high-s", "s is n less the s of valid-even-r and v is flipped: the same signature, malleated."},
	{20, "high-s-odd-r", "s is n less the s of valid-odd-r and v is flipped: the same signature, malleated."},
	{8, "high-s-v-not-flipped", "s is n less the s of valid-even-r and v is kept."},

	{10, "v-1-means-odd", "v is 1, and the signature needs an even y."},
	{11, "v-2-means-even", "v is 2, which is even and never adds n to r, and the signature needs an even y."},
	{12, "v-3-means-even", "v is 3, which is even and never adds n to r, and the signature needs an even y."},
	{14, "v-27-means-even", "v is 27, and the signature needs an even y."},
	{15, "v-28-means-even", "v is 28, Ethereum's odd, which is even here, and the signature needs an even y."},
	{18, "v-max-means-even", "v is 2^32 - 1, and the signature needs an even y."},
	{22, "v-0-for-odd-r", "v is 0, and the signature needs an odd y."},
	{25, "v-3-for-odd-r", "v is 3, which is even, and the signature needs an odd y."},
	{27, "v-27-for-odd-r", "v is 27, and the signature needs an odd y."},
	{28, "v-28-for-odd-r", "v is 28, Ethereum's odd, which is even here, and the signature needs an odd y."},
	{31, "v-max-for-odd-r", "v is 2^32 - 1, which is even, and the signature needs an odd y."},

	{32, "r-zero", "r is 0: no point has x = 0."},
	{33, "r-zero-odd", "r is 0 and v is 1."},
	{34, "r-one", "r is 1, which is the x of a point."},
	{42, "r-not-on-curve", "r is 5, which is the x of no point."},
	{66, "r-two-to-255", "r is 2^255, which is the x of a point."},
	{44, "r-n-minus-1", "r is n - 1, which is the x of no point."},
	{46, "r-equals-n", "r is n, which is the x of a point but has no inverse mod n."},
	{47, "r-equals-n-odd", "r is n and v is 1."},
	{48, "r-above-n-not-on-curve", "r is n + 1, which is the x of no point."},
	{50, "r-above-n-on-curve", "r is n + 2, which is the x of a point."},
	{58, "r-p-minus-1", "r is p - 1, which is the x of no point."},
	{60, "r-equals-p", "r is p: no element of the field."},
	{61, "r-equals-p-odd", "r is p and v is 1."},
	{62, "r-above-p", "r is p + 1: no element of the field. It is not reduced to 1."},
	{64, "r-max", "r is 2^256 - 1."},
	{89, "r-s-swapped", "r and s are swapped."},
	{116, "r-small-fits-key", "r is 2 and fits the key."},
	{119, "r-below-n-fits-key", "r is n - 2 and fits the key."},
	{114, "r-above-n-fits-key", "r is n + 2 and fits the key: x of R is r, the inverse is of r mod n."},
	{118, "r-below-p-fits-key", "r is p - 3 and fits the key."},
	{115, "r-minus-n", "The signature of r-above-n-fits-key with r - n, which is another point's x."},
	{117, "r-plus-n", "The signature of r-small-fits-key with r + n, which is another point's x."},

	{68, "s-zero", "s is 0."},
	{69, "s-one", "s is 1."},
	{72, "s-half-n", "s is n/2 rounded down: the greatest low one."},
	{73, "s-above-half-n", "s is n/2 rounded down and 1 more: the least high one."},
	{79, "s-two-to-255", "s is 2^255."},
	{74, "s-n-minus-1", "s is n - 1."},
	{75, "s-equals-n", "s is n."},
	{76, "s-above-n", "s is n + 1."},
	{77, "s-equals-p", "s is p."},
	{78, "s-max", "s is 2^256 - 1."},
	{109, "s-zero-fits-key", "s is 0 and fits the key, which is -(z/r)·G."},
	{103, "s-one-fits-key", "s is 1 and fits the key."},
	{106, "s-half-n-fits-key", "s is n/2 rounded down and fits the key."},
	{107, "s-above-half-n-fits-key", "s is n/2 rounded down and 1 more and fits the key."},
	{111, "s-n-minus-1-fits-key", "s is n - 1 and fits the key."},
	{110, "s-equals-n-fits-key", "s is n, which counts as 0, and fits the key."},
	{104, "s-above-n-fits-key", "s is n + 1, which counts as 1, and fits the key."},
	{112, "s-max-fits-key", "s is 2^256 - 1, which is reduced mod n, and fits the key."},
	{113, "s-max-reduced", "The signature of s-max-fits-key with s mod n."},

	{80, "r-zero-s-zero", "r and s are 0."},
	{81, "r-equals-n-s-equals-n", "r and s are n."},
	{82, "r-equals-p-s-zero", "r is p and s is 0: the guard speaks before the field does."},
	{83, "r-zero-high-s", "r is 0 and s is high."},
	{84, "r-not-on-curve-s-zero", "r is the x of no point and s is 0."},
	{85, "r-equals-p-s-max", "r is p, s is 2^256 - 1 and v is 1."},

	{86, "key-of-another", "The key in the escrow is another's."},
	{87, "key-y-mismatch", "The signature is by n - d where the key in the escrow is d·G: same x, other y."},
	{88, "key-y-mismatch-high-s", "As key-y-mismatch, malleated."},
	{126, "key-negative", "The key in the escrow is the opposite of the signer's."},
	{125, "key-off-curve", "The key in the escrow is (5, 5), which is no point."},
	{122, "key-zero", "The key in the escrow is (0, 0), the signature an ordinary one."},
	{123, "key-zero-r-zero", "The key in the escrow is (0, 0) and r is 0: no point is not infinity."},
	{120, "infinity-for-zero-key", "The sum is infinity, whose coordinates are (0, 0), and so is the key in the escrow."},
	{121, "infinity-for-zero-key-high-s", "As infinity-for-zero-key, malleated."},
	{124, "infinity", "The sum is infinity, and the key in the escrow is a point."},
}

// minus returns n − v for v in [0, n].
func minus(v *big.Int) *big.Int { return new(big.Int).Sub(naive.N(), v) }
