package vectors

import (
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slastream/slastream-go/attestation"
)

//go:generate go run ./internal/generate

//go:embed *.json
var files embed.FS

// A Kind says which members a [Vector] has and what is asked.
type Kind string

// The kinds of vectors.
const (
	// Release asks for the escrow's verdict on a signed attestation. It has
	// all members but Domain and Items.
	Release Kind = "release"
	// Recovery asks the same of a digest that no attestation is known for: it
	// has Digest, Signature, Key and Expect.
	Recovery Kind = "recovery"
	// Encoding asks for the Preimage and the Digest of an Attestation.
	Encoding Kind = "encoding"
	// Malformed has a Preimage that encodes no attestation.
	Malformed Kind = "malformed"
	// Batch asks for the Preimage and the Digest of Domain and Items.
	Batch Kind = "batch"
)

// A Vector is one scenario. Members that its kind has not are nil. VECTORS.md
// describes the JSON form.
type Vector struct {
	Name        string                 `json:"-"` // of the file, without .json
	Kind        Kind                   `json:"kind"`
	Description string                 `json:"description"`
	Source      string                 `json:"source,omitempty"` // where a real escrow gave this answer; empty: nowhere
	Attestation *Attestation           `json:"attestation,omitempty"`
	Domain      *attestation.Domain    `json:"domain,omitempty"`
	Items       []Attestation          `json:"items,omitzero"`
	Preimage    Hex                    `json:"preimage,omitzero"`
	Digest      *attestation.Digest    `json:"digest,omitempty"`
	Signature   *attestation.Signature `json:"signature,omitempty"`
	Key         *attestation.PublicKey `json:"key,omitempty"` // the one stored in the escrow
	Expect      *Expect                `json:"expect,omitempty"`
}

// Expect holds the verdicts of both corelibs.
type Expect struct {
	LowS   Outcome `json:"lows"`
	Legacy Outcome `json:"legacy"`
}

// Under returns the outcome under those rules.
func (e Expect) Under(rules attestation.Rules) Outcome {
	if rules == attestation.RulesLegacy {
		return e.Legacy
	}
	return e.LowS
}

// Accept is the verdict on a signature that the escrow does not refuse.
const Accept = "accept"

// An Outcome is what the escrow says to a signature.
type Outcome struct {
	// Verdict is [Accept], or the felt of the panic as text.
	Verdict string `json:"verdict"`
	// Recovered is the key that recover_public_key returns, (0, 0) for
	// infinity, or nil if it returns none or panics.
	Recovered *attestation.PublicKey `json:"recovered,omitempty"`
}

// Load returns all vectors in the order of their names. The files are part of
// the program, so an error means that the module is damaged. Each call returns
// its own copy.
func Load() ([]Vector, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("vectors: %w", err)
	}
	all := make([]Vector, 0, len(entries))
	for _, entry := range entries {
		raw, err := files.ReadFile(entry.Name())
		if err != nil {
			return nil, fmt.Errorf("vectors: %w", err)
		}
		v := Vector{Name: strings.TrimSuffix(entry.Name(), ".json")}
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, fmt.Errorf("vectors: %s: %w", entry.Name(), err)
		}
		all = append(all, v)
	}
	return all, nil
}

// Signed returns attestation and signature of a [Release] vector. It is the
// zero value for the other kinds.
func (v Vector) Signed() attestation.Signed {
	if v.Kind != Release || v.Attestation == nil || v.Signature == nil {
		return attestation.Signed{}
	}
	return attestation.Signed{Attestation: attestation.Attestation(*v.Attestation), Signature: *v.Signature}
}

// Batch returns domain and items of a [Batch] vector. It is the zero value for
// the other kinds.
func (v Vector) Batch() attestation.Batch {
	if v.Kind != Batch || v.Domain == nil {
		return attestation.Batch{}
	}
	b := attestation.Batch{Domain: *v.Domain}
	for _, item := range v.Items {
		b.Items = append(b.Items, attestation.Attestation(item))
	}
	return b
}

// An Attestation is an [attestation.Attestation] whose five members are all
// hexadecimal text in JSON. Numbers would be rounded above 2^53 where JSON is
// read as JavaScript reads it.
type Attestation attestation.Attestation

type words struct {
	DealID     attestation.Word `json:"dealId"`
	ChunkIndex attestation.Word `json:"chunkIndex"`
	ProofSetID attestation.Word `json:"proofSetId"`
	RootCID    attestation.Word `json:"rootCid"`
	Timestamp  attestation.Word `json:"timestamp"`
}

// MarshalJSON returns the five members, each as 0x and 64 digits.
func (a Attestation) MarshalJSON() ([]byte, error) {
	return json.Marshal(words{
		DealID:     a.DealID,
		ChunkIndex: attestation.WordFromUint64(a.ChunkIndex),
		ProofSetID: a.ProofSetID,
		RootCID:    a.RootCID,
		Timestamp:  attestation.WordFromUint64(a.Timestamp),
	})
}

// UnmarshalJSON reads what MarshalJSON writes. It fails if the chunk index or
// the timestamp does not fit 64 bits.
func (a *Attestation) UnmarshalJSON(b []byte) error {
	var w words
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	chunk, ok := w.ChunkIndex.Uint64()
	if !ok {
		return fmt.Errorf("vectors: chunk index %v does not fit 64 bits", w.ChunkIndex)
	}
	timestamp, ok := w.Timestamp.Uint64()
	if !ok {
		return fmt.Errorf("vectors: timestamp %v does not fit 64 bits", w.Timestamp)
	}
	*a = Attestation{DealID: w.DealID, ChunkIndex: chunk, ProofSetID: w.ProofSetID, RootCID: w.RootCID, Timestamp: timestamp}
	return nil
}

// Hex is bytes that JSON writes as 0x and two lower-case digits a byte.
type Hex []byte

// MarshalText returns the JSON form without its quotes.
func (h Hex) MarshalText() ([]byte, error) { return []byte("0x" + hex.EncodeToString(h)), nil }

// UnmarshalText reads what MarshalText writes. Empty text of "0x" is no bytes,
// which is not nil.
func (h *Hex) UnmarshalText(b []byte) error {
	digits, ok := strings.CutPrefix(string(b), "0x")
	if !ok {
		return fmt.Errorf("vectors: bytes %.80q: want 0x and hexadecimal digits", b)
	}
	decoded, err := hex.DecodeString(digits)
	if err != nil {
		return fmt.Errorf("vectors: bytes %.80q: want 0x and hexadecimal digits", b)
	}
	*h = append(Hex{}, decoded...)
	return nil
}
