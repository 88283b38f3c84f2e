package starknet

import (
	"context"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// DealSettled is [Escrow.Deal] at the newest block that is accepted on L1: no
// reorganization of Starknet takes the answer back. It is hours behind Deal. A
// deal that is not there yet is the zero Deal; so is each while no block is
// accepted on L1, or none that holds the contract.
func (e *Escrow) DealSettled(ctx context.Context, id attestation.Word) (slastream.Deal, error) {
	at, err := e.settled(ctx)
	if at == nil {
		return slastream.Deal{}, err
	}
	deal, err := at.Deal(ctx, id)
	if notDeployed(err) {
		return slastream.Deal{}, nil
	}
	return deal, err
}

// ChunkSettled is [Escrow.ChunkReleased] at the newest block that is accepted on
// L1, false while there is none.
func (e *Escrow) ChunkSettled(ctx context.Context, deal attestation.Word, chunk uint64) (bool, error) {
	at, err := e.settled(ctx)
	if at == nil {
		return false, err
	}
	released, err := at.ChunkReleased(ctx, deal, chunk)
	if notDeployed(err) {
		return false, nil
	}
	return released, err
}

// settled is the escrow at the newest block that is accepted on L1, nil if there
// is none.
func (e *Escrow) settled(ctx context.Context) (*Escrow, error) {
	h, err := e.events().settled(ctx)
	if h == nil {
		return nil, err
	}
	return e.At(BlockHash(h.hash)), nil
}

func notDeployed(err error) bool {
	n, coded := code(err)
	return coded && n == codeContractNotFound
}
