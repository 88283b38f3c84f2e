package lit

import (
	"context"
	"encoding/binary"
	"math/big"

	"github.com/slastream/slastream-go/attestation"
)

// A Binding says which data set earns a deal, and from which epoch on: proofs in
// epochs before StartEpoch earn nothing. It counts when the deal's client, whose
// money it is, has signed it. A provider asks for it before storing anything.
type Binding struct {
	DealID     attestation.Word
	SetID      attestation.Word
	StartEpoch uint64 // from 1
	// Signature is what the client's account takes for [Action.BindingHash],
	// usually r and s of its Stark key: is_valid_signature of the account decides.
	Signature []attestation.Word
}

// BindingHash returns the felt that the client of a deal signs to bind it: the
// low 250 bits of Keccak-256 over eight words of 32 bytes, the Keccak-256 of
// "SLAStream binding v1", Starknet chain id, escrow, EIP-155 chain id, verifier,
// deal, data set, start epoch. key is the action's, which decides the escrow. The
// hash names the deployment, so a signature for one is
// of no use for another. Signature is not part of it.
func (a *Action) BindingHash(key attestation.PublicKey, b Binding) attestation.Word {
	domain := a.Domain(key)
	var chainID, verifier, start attestation.Word
	binary.BigEndian.PutUint64(chainID[24:], a.config.ChainID)
	copy(verifier[12:], a.config.Verifier[:])
	binary.BigEndian.PutUint64(start[24:], b.StartEpoch)
	tag := keccak([]byte(bindingTagText))
	h := keccak(tag[:], domain.ChainID[:], domain.Escrow[:], chainID[:], verifier[:], b.DealID[:], b.SetID[:], start[:])
	h[0] &= 0x03
	return h
}

// A History knows what an action must be shown besides the request. [Memory] is
// one; a relay or a guard's journal, which remember signatures anyway, make
// another. Nothing of it is believed: the action checks the signatures.
type History interface {
	// Binding returns the signed binding of a deal. It is asked for chunk 0
	// alone: later chunks carry it on.
	Binding(ctx context.Context, deal attestation.Word) (Binding, error)
	// Signed returns the attestation of a chunk that the action's key signed
	// before.
	Signed(ctx context.Context, deal attestation.Word, chunk uint64) (attestation.Signed, error)
}

// feltText is a felt as Starknet's JSON-RPC writes it: without leading zeros.
func feltText(w attestation.Word) string { return "0x" + new(big.Int).SetBytes(w[:]).Text(16) }
