package slastream

import (
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
)

// A Deployment is an escrow on a chain: what a client has to know, and to trust,
// before it pays into one. The members of its JSON form are those of the file
// that escrowctl writes.
type Deployment struct {
	ChainID    attestation.Word      // felt that starknet_chainId answers
	Escrow     Address               // the contract
	Token      Address               // ERC-20 that deals are paid in
	Key        attestation.PublicKey // its signatures release chunks
	Class      Class
	Rules      attestation.Rules // corelib of the compatible class: "lows", if left out, or "legacy"
	ClassHash  attestation.Word  // may be 0: not known
	Owner      Address           // may pause; may be 0: not known
	StartBlock uint64            // block of the deployment, where its events begin; 0: not known
}

// check says what is wrong with a deployment, whatever is on the chain.
func (d Deployment) check() error {
	switch {
	case d.ChainID.IsZero():
		return errors.New("chainId is 0")
	case d.Escrow.IsZero():
		return errors.New("escrow is 0")
	case d.Token.IsZero():
		return errors.New("token is 0")
	case d.Class > ClassExtended:
		return fmt.Errorf("class %d", d.Class)
	case d.Rules > attestation.RulesLegacy:
		return fmt.Errorf("rules %d", d.Rules)
	case d.Class == ClassExtended && d.Rules != attestation.RulesLowS:
		return errors.New("class extended with rules legacy: it is compiled with a later corelib")
	}
	if _, err := attestation.ParsePublicKey(append(d.Key.X[:], d.Key.Y[:]...)); err != nil {
		return errors.New("key is not on the curve: the escrow would never pay, or pay anybody")
	}
	return nil
}
