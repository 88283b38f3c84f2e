package slastream

import (
	"context"

	"github.com/slastream/slastream-go/attestation"
)

// A Reader answers what the escrow knows. Implementations are safe for
// concurrent use.
type Reader interface {
	// Deal returns the deal with that id, the zero Deal if there is none.
	Deal(ctx context.Context, id attestation.Word) (Deal, error)
	// DealCount returns the id of the newest deal.
	DealCount(ctx context.Context) (attestation.Word, error)
	// ChunkReleased reports whether a chunk was paid.
	ChunkReleased(ctx context.Context, deal attestation.Word, chunk uint64) (bool, error)
}

// A Writer changes the escrow as one caller. Each method returns after the
// change is in the state that Reader answers from; a refusal by the contract
// is a *[RevertError].
type Writer interface {
	// CreateDeal approves the token, opens a deal and returns its id.
	CreateDeal(ctx context.Context, terms Terms) (attestation.Word, error)
	// Release pays one chunk to the provider.
	Release(ctx context.Context, signed attestation.Signed) error
	// Slash ends a deal whose deadline has passed and refunds the client.
	Slash(ctx context.Context, deal attestation.Word) error
}

// Escrow is both roles: starknet.Escrow and the in-memory model implement it.
type Escrow interface {
	Reader
	Writer
}
