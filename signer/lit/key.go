package lit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// ErrForeign says that a request is for another escrow, chain or verifier than
// the action was made for. It is refused before anything is sent.
var ErrForeign = errors.New("lit: request is for another deployment")

// A Key is the key of a hardened action, as a port of package signer: use it
// through signer.NewAction, which checks every signature against the pinned key.
// It is safe for concurrent use. It keeps no secret: that is in the Executor.
type Key struct {
	exec    Executor
	action  *Action
	public  attestation.PublicKey
	domain  attestation.Domain
	history History
	turn    atomic.Uint64
}

var _ signer.ActionKey = (*Key)(nil)

// NewKey returns the key of an action. public is what [Client.ActionKey] said
// once, when the escrow was deployed with it. It does no I/O.
func NewKey(exec Executor, action *Action, public attestation.PublicKey, history History) *Key {
	return &Key{exec: exec, action: action, public: public, domain: action.Domain(public), history: history}
}

// PublicKey implements signer.ActionKey.
func (k *Key) PublicKey() attestation.PublicKey { return k.public }

// An answer is what the action returns. Numbers are decimal strings.
type answer struct {
	OK          bool              `json:"ok"`
	V           string            `json:"v"`
	Attestation actionAttestation `json:"attestation"`
	Domain      actionDomain      `json:"domain"`
	Evidence    actionEvidence    `json:"evidence"`
	Digest      string            `json:"digest"`
	Signature   json.RawMessage   `json:"signature"`
}

type actionDomain struct {
	ChainID string `json:"chainId"`
	Escrow  string `json:"escrow"`
}

type actionAttestation struct {
	DealID     string `json:"dealId"`
	ChunkIndex string `json:"chunkIndex"`
	ProofSetID string `json:"proofSetId"`
	RootCID    string `json:"rootCid"`
	Timestamp  string `json:"timestamp"`
}

// An actionEvidence has no log index: nodes number logs in different ways, and
// the action finds the log by what it says.
type actionEvidence struct {
	ChainID     string `json:"chainId"`
	Verifier    string `json:"verifier"`
	SetID       string `json:"setId"`
	Period      string `json:"period"`
	TxHash      string `json:"txHash"`
	BlockHash   string `json:"blockHash"`
	BlockNumber string `json:"blockNumber"`
}

type actionPrevious struct {
	RootCID   string `json:"rootCid"`
	Timestamp string `json:"timestamp"`
	R         string `json:"r"`
	S         string `json:"s"`
	V         string `json:"v"`
}

type actionBinding struct {
	StartEpoch string   `json:"startEpoch"`
	Signature  []string `json:"signature"`
}

type input struct {
	V           string            `json:"v"`
	First       string            `json:"first"`
	Domain      actionDomain      `json:"domain"`
	Attestation actionAttestation `json:"attestation"`
	Evidence    actionEvidence    `json:"evidence"`
	Previous    *actionPrevious   `json:"previous"`
	Binding     *actionBinding    `json:"binding"`
}

func decimal(v uint64) string { return strconv.FormatUint(v, 10) }

// SignRequest runs the action for a request and returns the attestation and 65
// bytes r‖s‖v. The attestation is the one asked for: the action refuses what it
// does not derive itself, time included. Attestation, domain, evidence and digest
// of the answer are compared with the request, whoever the executor is.
//
// It fails with [ErrForeign], with the history's error, with those of
// [Client.Execute], and with signer.ErrBadSignature if the answer is for
// something else or not signed by the pinned key: then the executor ran another
// text, or is not Lit.
func (k *Key) SignRequest(ctx context.Context, req signer.Request) (attestation.Attestation, []byte, error) {
	if err := ctx.Err(); err != nil {
		return attestation.Attestation{}, nil, fmt.Errorf("lit: %w", err)
	}
	in, err := k.input(ctx, req)
	if err != nil {
		return attestation.Attestation{}, nil, err
	}
	// After a node that hangs, the next try begins with another one.
	in.First = decimal(k.turn.Add(1) - 1)
	response, err := k.exec.Execute(ctx, k.action.code, in)
	if err != nil {
		return attestation.Attestation{}, nil, err
	}
	sig, err := k.check(in, req, response)
	if err != nil {
		return attestation.Attestation{}, nil, err
	}
	raw, err := sig.Bytes()
	if err != nil {
		return attestation.Attestation{}, nil, fmt.Errorf("%w: %w", signer.ErrBadSignature, err)
	}
	return req.Attestation, raw[:], nil
}

func (k *Key) input(ctx context.Context, req signer.Request) (*input, error) {
	a, e, c := req.Attestation, req.Evidence, k.action.config
	switch {
	case req.Domain != k.domain:
		return nil, fmt.Errorf("%w: chain %v, escrow %v", ErrForeign, req.Domain.ChainID, req.Domain.Escrow)
	case e.ChainID != c.ChainID || e.Verifier != c.Verifier:
		return nil, fmt.Errorf("%w: Filecoin chain %d, verifier %v", ErrForeign, e.ChainID, e.Verifier)
	case e.SetID != a.ProofSetID:
		return nil, fmt.Errorf("%w: data set %v, attested %v", signer.ErrEvidence, e.SetID, a.ProofSetID)
	}
	in := &input{
		V:      "1",
		Domain: actionDomain{ChainID: k.domain.ChainID.String(), Escrow: k.domain.Escrow.String()},
		Attestation: actionAttestation{
			DealID: a.DealID.String(), ChunkIndex: decimal(a.ChunkIndex), ProofSetID: a.ProofSetID.String(),
			RootCID: a.RootCID.String(), Timestamp: decimal(a.Timestamp),
		},
		Evidence: actionEvidence{
			ChainID: decimal(e.ChainID), Verifier: strings.ToLower(e.Verifier.String()), SetID: e.SetID.String(), Period: decimal(e.Period),
			TxHash: e.TxHash.String(), BlockHash: e.BlockHash.String(), BlockNumber: decimal(e.BlockNumber),
		},
	}
	if a.ChunkIndex == 0 {
		b, err := k.history.Binding(ctx, a.DealID)
		if err != nil {
			return nil, fmt.Errorf("lit: history: %w", err)
		}
		in.Binding = &actionBinding{StartEpoch: decimal(b.StartEpoch), Signature: []string{}}
		for _, felt := range b.Signature {
			in.Binding.Signature = append(in.Binding.Signature, feltText(felt))
		}
		return in, nil
	}
	p, err := k.history.Signed(ctx, a.DealID, a.ChunkIndex-1)
	if err != nil {
		return nil, fmt.Errorf("lit: history: %w", err)
	}
	sig := p.Signature.Normalize()
	in.Previous = &actionPrevious{
		RootCID: p.Attestation.RootCID.String(), Timestamp: decimal(p.Attestation.Timestamp),
		R: sig.R.String(), S: sig.S.String(), V: decimal(uint64(sig.V)),
	}
	return in, nil
}

// check compares the answer with what was asked for.
func (k *Key) check(in *input, req signer.Request, response json.RawMessage) (attestation.Signature, error) {
	var got answer
	if err := json.Unmarshal(response, &got); err != nil {
		return attestation.Signature{}, fmt.Errorf("%w: action: %q", ErrMalformed, cut(string(response)))
	}
	if !got.OK || got.V != "1" {
		return attestation.Signature{}, fmt.Errorf("%w: action: not ok: %q", ErrMalformed, cut(string(response)))
	}
	digest := req.Attestation.Digest()
	switch {
	case got.Attestation != in.Attestation:
		return attestation.Signature{}, fmt.Errorf("%w: the action signed another attestation: %q", signer.ErrBadSignature, cut(string(response)))
	case got.Domain != in.Domain || got.Evidence != in.Evidence:
		return attestation.Signature{}, fmt.Errorf("%w: the action answers for another proof or escrow: %q", signer.ErrBadSignature, cut(string(response)))
	case got.Digest != digest.String():
		return attestation.Signature{}, fmt.Errorf("%w: the action signed digest %.70q, want %v", signer.ErrBadSignature, got.Digest, digest)
	}
	sig, err := attestation.ParseLit(got.Signature, digest, k.public)
	if err != nil {
		return attestation.Signature{}, fmt.Errorf("%w: %w", signer.ErrBadSignature, err)
	}
	return sig, nil
}
