package starknet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// ErrRules says that it cannot be told which signatures an escrow takes.
var ErrRules = errors.New("starknet: rules of the escrow are unknown")

// A knownClass is an escrow class whose behaviour was compared with the model's.
type knownClass struct {
	hash  attestation.Word
	name  string
	class slastream.Class
	rules attestation.Rules
}

// knownClasses are the classes of starknet/cairo, whose tests compare the
// hashes, and the reference's source as two compilers make it.
var knownClasses = []knownClass{
	{mustWord("0x10b40478a6ccdba9f0ea4d3f441c60c764daeee3396d82154a1b517a84e9cd6"), "extended", slastream.ClassExtended, attestation.RulesLowS},
	{mustWord("0x1bcc4b153a34132f580eacf24e72e811a62a68f43f52ce20f9b51482b46e95c"), "compatible", slastream.ClassCompatible, attestation.RulesLegacy},
	{mustWord("0x8b58a51d1d279cbd87ec2e89892835b896b9d256ddd7bfaa6f79891950d1ce"), "reference (Cairo 2.8.2)", slastream.ClassCompatible, attestation.RulesLegacy},
	{mustWord("0x67ce52b98b51ba0a31fa971e848c9222eaff53c6e3d8438d1bf09a16a667fc9"), "reference (Cairo 2.14.0)", slastream.ClassCompatible, attestation.RulesLowS},
}

// mustWord reads a constant.
func mustWord(s string) attestation.Word {
	w, err := attestation.ParseWord(s)
	if err != nil {
		panic(err)
	}
	return w
}

func classOfHash(hash attestation.Word) *knownClass {
	for i := range knownClasses {
		if knownClasses[i].hash == hash {
			return &knownClasses[i]
		}
	}
	return nil
}

// DetectRules says which signatures the escrow at an address takes. It asks for
// the hash of the class, which is all if the class is known: both classes of
// starknet/cairo, and the reference's as Cairo 2.8.2 and 2.14.0 compile it.
// Of another class it asks for the class itself, some hundred kilobytes, and
// reads the version of the compiler, in the first felts of the program: the
// corelib is strict from 2.14.0 on.
//
// Where the compiler does not decide, because the node has no class to show or
// the class has a check of its own (release_batch tells), the escrow is asked:
// starknet_call of release_chunk with r = n for a chunk that is open, which
// costs nothing and changes nothing. This needs an active deal among the newest
// ones and an escrow that is not paused.
//
// Errors: [ErrRules] if nothing of this decides; the node's own.
func DetectRules(ctx context.Context, caller Caller, escrow slastream.Address) (attestation.Rules, error) {
	return NewEscrow(caller, escrow).rules(ctx)
}

func (e *Escrow) rules(ctx context.Context) (attestation.Rules, error) {
	hash, err := e.caller.classHashAt(ctx, e.address, e.block)
	n, coded := code(err)
	switch {
	case err != nil && (!coded || n != codeNoMethod):
		return 0, err
	case err == nil && hash.IsZero():
		return 0, fmt.Errorf("%w: no contract at %v", ErrRules, e.address)
	}
	if known := classOfHash(hash); known != nil {
		return known.rules, nil
	}
	return e.rulesOfClass(ctx)
}

// rulesOfClass is rules for a class that is not known.
func (e *Escrow) rulesOfClass(ctx context.Context) (attestation.Rules, error) {
	var head classHead
	err := call(ctx, e.caller, &head, "starknet_getClassAt", e.block, wire(addressFelt(e.address)))
	switch n, coded := code(err); {
	case err == nil && head.sierra && !head.compiler.less(lowSCompiler):
		return attestation.RulesLowS, nil
	case err == nil && head.sierra && !head.batch:
		return attestation.RulesLegacy, nil
	case err == nil, coded && n != codeContractNotFound:
		// The contract's own answer is as good.
	default:
		return 0, err
	}
	rules, probeErr := e.probe(ctx)
	if probeErr != nil && err != nil {
		return 0, fmt.Errorf("%w (and its class: %w)", probeErr, err)
	}
	return rules, probeErr
}

// A compilerVersion is the version of the Cairo compiler that made a class.
type compilerVersion [3]uint64

func (v compilerVersion) less(w compilerVersion) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

// lowSCompiler is the first version whose recover_public_key refuses high s
// (starkware-libs/cairo, corelib/src/starknet/secp256_trait.cairo).
var lowSCompiler = compilerVersion{2, 14, 0}

// A classHead is what is read of CONTRACT_CLASS. The rest, which is long, is
// passed over.
type classHead struct {
	sierra   bool // is a class of Cairo 1, with the versions in it
	compiler compilerVersion
	batch    bool // has the entry point release_batch
}

// headFelts is the number of felts at the start of a Sierra program that are
// versions: three of Sierra, three of the compiler.
const headFelts = 6

var selReleaseBatch = *Selector("release_batch")

// UnmarshalJSON reads the versions and the entry points. What is no class of
// Cairo 1 is no error: then the head is not sierra.
func (h *classHead) UnmarshalJSON(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil
		}
		switch key {
		case "sierra_program":
			err = h.program(d)
		case "entry_points_by_type":
			err = h.entryPoints(d)
		default:
			err = d.Decode(new(skip))
		}
		if err != nil {
			h.sierra = false
			return nil
		}
	}
	return nil
}

var errNoHead = errors.New("starknet: not a Sierra class")

// program reads the first felts of an array and passes over the others.
func (h *classHead) program(d *json.Decoder) error {
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errNoHead
	}
	i := 0
	for ; d.More(); i++ {
		if i >= headFelts {
			if err := d.Decode(new(skip)); err != nil {
				return err
			}
			continue
		}
		var f wireFelt
		if err := d.Decode(&f); err != nil {
			return err
		}
		v, ok := WordFromFelt(f.felt()).Uint64()
		if !ok {
			return errNoHead
		}
		if i >= 3 {
			h.compiler[i-3] = v
		}
	}
	h.sierra = i >= headFelts
	_, err := d.Token() // the end of the array
	return err
}

func (h *classHead) entryPoints(d *json.Decoder) error {
	var points struct {
		External []struct {
			Selector wireFelt `json:"selector"`
		} `json:"EXTERNAL"`
	}
	if err := d.Decode(&points); err != nil {
		return err
	}
	for _, p := range points.External {
		h.batch = h.batch || *p.Selector.felt() == selReleaseBatch
	}
	return nil
}

// skip is a value that is not looked at.
type skip struct{}

func (*skip) UnmarshalJSON([]byte) error { return nil }

// Limits of the search for an open chunk.
const (
	probeDeals  = 32
	probeChunks = 32 // of one deal
)

// probe asks the escrow for its verdict on r = n, the order of secp256k1: x = n
// is on the curve, so that the legacy corelib goes on until n has no inverse
// modulo n, where the strict one refuses at once.
func (e *Escrow) probe(ctx context.Context) (attestation.Rules, error) {
	last, err := e.DealCount(ctx)
	if err != nil {
		return 0, noRules(err)
	}
	newest, ok := last.Uint64()
	if !ok {
		return 0, fmt.Errorf("%w: %v deals", ErrRules, last)
	}
	for i := uint64(0); i < probeDeals && i < newest; i++ {
		deal, err := e.Deal(ctx, attestation.WordFromUint64(newest-i))
		if err != nil {
			return 0, noRules(err)
		}
		if !deal.Active {
			continue
		}
		rules, err := e.probeDeal(ctx, deal)
		if !errors.Is(err, slastream.ErrChunkReleased) {
			return rules, err
		}
	}
	return 0, fmt.Errorf("%w: none of the newest deals has an open chunk to ask about", ErrRules)
}

// noRules makes an answer that does not decide [ErrRules], and leaves a failure
// of the node what it is.
func noRules(err error) error {
	if isRefusedOrMalformed(err) {
		return fmt.Errorf("%w: %w", ErrRules, err)
	}
	return err
}

// probeDeal asks about chunks of a deal until one is open.
func (e *Escrow) probeDeal(ctx context.Context, deal slastream.Deal) (attestation.Rules, error) {
	order := mustWord("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	question := attestation.Signed{
		Attestation: attestation.Attestation{DealID: deal.ID},
		Signature:   attestation.Signature{R: order, S: attestation.WordFromUint64(1)},
	}
	// Chunks are mostly released in order, so the first open one is about here.
	var err error
	for i := uint64(0); i < min(deal.Chunks, probeChunks); i++ {
		question.Attestation.ChunkIndex = (deal.Released + i) % deal.Chunks
		_, err = e.ask(ctx, e.ReleaseCall(question))
		switch {
		case errors.Is(err, slastream.ErrNoInverse):
			return attestation.RulesLegacy, nil
		case errors.Is(err, slastream.ErrRecovery):
			return attestation.RulesLowS, nil
		case errors.Is(err, slastream.ErrChunkReleased):
		case err == nil:
			return 0, fmt.Errorf("%w: the escrow takes r = n", ErrRules)
		default:
			return 0, noRules(err)
		}
	}
	return 0, err
}
