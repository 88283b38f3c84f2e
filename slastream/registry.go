package slastream

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/slastream/slastream-go/attestation"
)

const (
	// maxRegistry is how long the JSON of a registry may be.
	maxRegistry = 1 << 20
	// maxDeployments is how many escrows a registry holds.
	maxDeployments = 1024
)

// ErrKnownDeployment says that a registry has an escrow with that chain and
// address already.
var ErrKnownDeployment = errors.New("slastream: the escrow is in the registry already")

// A Registry is a list of escrows that its user trusts, in order of addition.
// The zero value is empty and ready. It is not safe for concurrent use while it
// changes.
//
// The SDK brings no list of its own: no public deployment is confirmed on chain
// yet.
type Registry struct{ deployments []Deployment }

// Add adds an escrow. It fails with [ErrKnownDeployment] for a second one at the
// same address of the same chain, and for what can be no escrow: a zero chain
// id, escrow or token, a key off the curve, an unknown class.
func (r *Registry) Add(d Deployment) error {
	if err := d.check(); err != nil {
		return fmt.Errorf("slastream: deployment %v: %w", d.Escrow, err)
	}
	if _, known := r.At(d.ChainID, d.Escrow); known {
		return fmt.Errorf("%w: %v on chain %v", ErrKnownDeployment, d.Escrow, d.ChainID)
	}
	if len(r.deployments) == maxDeployments {
		return fmt.Errorf("slastream: more than %d deployments", maxDeployments)
	}
	r.deployments = append(r.deployments, d)
	return nil
}

// At returns the escrow at an address of a chain.
func (r *Registry) At(chain attestation.Word, escrow Address) (d Deployment, ok bool) {
	i := slices.IndexFunc(r.deployments, func(d Deployment) bool { return d.ChainID == chain && d.Escrow == escrow })
	if i < 0 {
		return Deployment{}, false
	}
	return r.deployments[i], true
}

// On yields the escrows of a chain.
func (r *Registry) On(chain attestation.Word) iter.Seq[Deployment] {
	return func(yield func(Deployment) bool) {
		for _, d := range r.deployments {
			if d.ChainID == chain && !yield(d) {
				return
			}
		}
	}
}

// Len returns how many escrows there are.
func (r *Registry) Len() int { return len(r.deployments) }
