package starknet

import (
	"context"

	"github.com/slastream/slastream-go/slastream"
)

// TransferOwnership offers the escrow to somebody, or with the zero address
// takes an offer back. Only the owner may. Extended class only.
//
//	fn transfer_ownership(ref self, new_owner: ContractAddress)
func (e *Escrow) TransferOwnership(ctx context.Context, to slastream.Address) error {
	if err := checkAddresses("transfer ownership", to); err != nil {
		return err
	}
	_, err := e.execute(ctx, e.TransferOwnershipCall(to))
	return err
}

// AcceptOwnership makes the account the owner that was offered to it. Extended
// class only.
//
//	fn accept_ownership(ref self)
func (e *Escrow) AcceptOwnership(ctx context.Context) error {
	_, err := e.execute(ctx, e.AcceptOwnershipCall())
	return err
}

// PendingOwner returns who may accept the ownership, or the zero address.
// Extended class; the others have no such variable, so that it is zero. Storage
// is read, as for Owner.
func (e *Escrow) PendingOwner(ctx context.Context) (slastream.Address, error) {
	return e.storedAddress(ctx, "pending_owner")
}

// Version returns the name and the version of the class, such as "SLAStream
// extended 1", or nothing if the class does not say, like the reference's.
//
//	fn get_version(self) -> felt252
func (e *Escrow) Version(ctx context.Context) (string, error) {
	r, err := e.view(ctx, "get_version")
	if n, _ := code(err); n == codeNoEntryPoint {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	v := r.shortString()
	return v, r.end("answer of get_version")
}
