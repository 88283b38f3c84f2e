// Package scenarios makes the files of package vectors: the inputs by hand or
// from the recorded answers of a real escrow, the expectations by package naive
// and by an encoding of its own, so that nothing in them comes from the code
// that they are to check. The result is the same each time.
package scenarios

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/big"

	"golang.org/x/crypto/sha3"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/attestation/internal/naive"
	"github.com/slastream/slastream-go/attestation/vectors"
)

// Files returns the contents of all files by their names, given the directory
// that holds edges_lows.json and edges_legacy.json, the recorded answers. It
// fails if a recorded answer is not what package naive says, if a name is taken
// twice, or if a scenario does not do what its name promises.
func Files(recorded fs.FS) (map[string][]byte, error) {
	fromNode, err := onDevnet(recorded)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, group := range [][]vectors.Vector{fromNode, keys(), digests(), encodings(), batches()} {
		for _, v := range group {
			name := v.Name + ".json"
			if _, ok := files[name]; ok {
				return nil, fmt.Errorf("scenarios: two are called %s", v.Name)
			}
			content, err := json.MarshalIndent(v, "", "  ")
			if err != nil {
				return nil, fmt.Errorf("scenarios: %s: %w", v.Name, err)
			}
			files[name] = append(content, '\n')
		}
	}
	return files, nil
}

// release completes a vector of that kind.
func release(name, description string, a attestation.Attestation, sig naive.Signature, key attestation.PublicKey) vectors.Vector {
	v := encoding(name, description, a)
	v.Kind = vectors.Release
	judge(&v, sig, key)
	return v
}

// recovery completes a vector of that kind.
func recovery(name, description string, z *big.Int, sig naive.Signature, key attestation.PublicKey) vectors.Vector {
	d := attestation.Digest(word(z))
	v := vectors.Vector{Name: name, Kind: vectors.Recovery, Description: description, Digest: &d}
	judge(&v, sig, key)
	return v
}

// encoding completes a vector of that kind.
func encoding(name, description string, a attestation.Attestation) vectors.Vector {
	preimage := encode(a)
	digest := keccak(preimage)
	fields := vectors.Attestation(a)
	return vectors.Vector{
		Name: name, Kind: vectors.Encoding, Description: description,
		Attestation: &fields, Preimage: preimage, Digest: &digest,
	}
}

// judge adds the signature, the key and what the escrow says to them.
func judge(v *vectors.Vector, sig naive.Signature, key attestation.PublicKey) {
	v.Signature = &attestation.Signature{R: word(sig.R), S: word(sig.S), V: sig.V}
	v.Key = &key
	z := number(*v.Digest)
	v.Expect = &vectors.Expect{
		LowS:   outcome(naive.LowS, z, sig, key),
		Legacy: outcome(naive.Legacy, z, sig, key),
	}
}

func outcome(rules naive.Rules, z *big.Int, sig naive.Signature, key attestation.PublicKey) vectors.Outcome {
	q, felt := naive.Recover(rules, z, sig)
	if felt != "" {
		return vectors.Outcome{Verdict: felt}
	}
	recovered := keyOf(q)
	out := vectors.Outcome{Verdict: naive.Compare(q, number(key.X), number(key.Y)), Recovered: &recovered}
	if out.Verdict == naive.Accept {
		out.Verdict = vectors.Accept
	}
	return out
}

// encode is the canonical encoding, by its definition.
func encode(a attestation.Attestation) []byte {
	var b []byte
	b = append(b, a.DealID[:]...)
	b = append(b, make([]byte, 24)...)
	b = binary.BigEndian.AppendUint64(b, a.ChunkIndex)
	b = append(b, a.ProofSetID[:]...)
	b = append(b, a.RootCID[:]...)
	b = append(b, make([]byte, 24)...)
	return binary.BigEndian.AppendUint64(b, a.Timestamp)
}

func keccak(b []byte) (d attestation.Digest) {
	h := sha3.NewLegacyKeccak256()
	h.Write(b)
	h.Sum(d[:0])
	return d
}

// word returns v, which is in [0, 2^256).
func word(v *big.Int) (w attestation.Word) {
	v.FillBytes(w[:])
	return w
}

func number[W ~[32]byte](w W) *big.Int { return new(big.Int).SetBytes(w[:]) }

func keyOf(p naive.Point) attestation.PublicKey {
	x, y := p.XY()
	return attestation.PublicKey{X: word(x), Y: word(y)}
}
