package starknet

import (
	"context"
	"errors"
	"fmt"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// ErrNoKey says that an account was made without a key and so can only build
// transactions.
var ErrNoKey = errors.New("starknet: no key to sign transactions with")

// An Unsigned is a transaction that waits for its signature: for keys in
// custody, which sign elsewhere and later. [Account.Build] makes one.
type Unsigned struct {
	Hash   attestation.Word // what is to be signed, the transaction hash of SNIP-8
	Nonce  uint64
	Bounds Bounds

	tx invokeTx
}

// Signed puts the signature to the transaction: ECDSA on the Stark curve, r and
// s each in [1, order of the curve). It is not checked, since an Unsigned knows
// no key: a wrong one is [ErrValidation] when it is sent.
func (u *Unsigned) Signed(r, s *felt.Felt) (slastream.SignedTx, error) {
	for _, f := range []*felt.Felt{r, s} {
		if f == nil {
			return slastream.SignedTx{}, fmt.Errorf("starknet: signature: %w", errNil)
		}
		if _, ok := scalar(f); !ok {
			return slastream.SignedTx{}, errors.New("starknet: signature: want r and s in [1, order of the Stark curve)")
		}
	}
	body, err := u.tx.body(r, s)
	if err != nil {
		return slastream.SignedTx{}, err
	}
	return slastream.SignedTx{Hash: u.Hash, Sender: u.tx.sender, Nonce: u.Nonce, Body: body}, nil
}

// Build makes a transaction of calls, which happen together or not at all, with
// the bounds that [Account.Estimate] gives. It needs no key.
//
// Errors: those of Estimate; *[FeeError] if it may cost more than the account
// allows. [Fees.MaxPerDay] counts what the account signs itself.
func (a *Account) Build(ctx context.Context, calls []Call, nonce uint64) (*Unsigned, error) {
	if err := a.checkChain(ctx); err != nil {
		return nil, err
	}
	calldata, err := multicall(calls)
	if err != nil {
		return nil, err
	}
	bounds, err := a.estimateOpen(ctx, calldata, nonce)
	if err != nil {
		return nil, err
	}
	return a.unsigned(invokeTx{sender: a.address, calldata: calldata, nonce: nonce, bounds: bounds})
}

// BuildBounds is Build with bounds that the caller gives. The same calls, nonce
// and bounds always make the same hash, and no request is made but the one for
// the chain id. Bounds that are too low make a transaction that no node takes,
// or one that is included and reverts.
func (a *Account) BuildBounds(ctx context.Context, calls []Call, nonce uint64, bounds Bounds) (*Unsigned, error) {
	if err := a.checkChain(ctx); err != nil {
		return nil, err
	}
	calldata, err := multicall(calls)
	if err != nil {
		return nil, err
	}
	return a.unsigned(invokeTx{sender: a.address, calldata: calldata, nonce: nonce, bounds: bounds})
}

// unsigned hashes tx if it may cost what it may.
func (a *Account) unsigned(tx invokeTx) (*Unsigned, error) {
	if err := tx.bounds.check(); err != nil {
		return nil, err
	}
	if most := tx.bounds.Most(); !a.fees.Max.IsZero() && most.Cmp(a.fees.Max) > 0 {
		return nil, &FeeError{Most: most, Cap: a.fees.Max}
	}
	chain, err := FeltFromWord(a.chainID)
	if err != nil {
		return nil, fmt.Errorf("starknet: chain id: %w", err)
	}
	return &Unsigned{WordFromFelt(tx.hash(chain)), tx.nonce, tx.bounds, tx}, nil
}

// SignUnsigned signs what Build made with the key of the account. It makes no
// request. The signature is checked: what a key far away got wrong is found
// here, not by the network.
//
// An Unsigned that another Account made, one without a key or with other caps,
// is signed if it is for the same contract and chain and within the caps of this
// one.
//
// Errors: *[FeeError] if it may cost more than [Fees] allow; [ErrMalformed] if u
// is not of this contract and chain, or its fields were changed; [ErrNoKey].
func (a *Account) SignUnsigned(ctx context.Context, u *Unsigned) (slastream.SignedTx, error) {
	own, err := a.unsigned(u.tx)
	switch {
	case err != nil:
		return slastream.SignedTx{}, err
	case u.tx.sender != a.address:
		return slastream.SignedTx{}, fmt.Errorf("%w: transaction %v: sender %v, want %v", ErrMalformed, u.Hash, u.tx.sender, a.address)
	case u.Hash != own.Hash || u.Nonce != own.Nonce || u.Bounds != own.Bounds:
		return slastream.SignedTx{}, fmt.Errorf("%w: transaction %v is of another chain, or was changed after it was made: it has the hash %v here", ErrMalformed, u.Hash, own.Hash)
	}
	return a.sign(ctx, own)
}

// sign signs what this account made.
func (a *Account) sign(ctx context.Context, u *Unsigned) (slastream.SignedTx, error) {
	if err := a.budget.reserve(u.Nonce, u.Hash, u.Bounds.Most(), a.fees.MaxPerDay); err != nil {
		return slastream.SignedTx{}, err
	}
	tx, err := a.seal(ctx, u, true)
	if err != nil {
		a.budget.release(u.Hash)
	}
	return tx, err
}

// seal signs u, and checks the signature where asked to.
func (a *Account) seal(ctx context.Context, u *Unsigned, check bool) (slastream.SignedTx, error) {
	if a.key == nil {
		return slastream.SignedTx{}, ErrNoKey
	}
	hash, err := FeltFromWord(u.Hash)
	if err != nil {
		return slastream.SignedTx{}, fmt.Errorf("starknet: transaction hash: %w", err)
	}
	r, s, err := a.key.SignHash(ctx, hash)
	if err != nil {
		return slastream.SignedTx{}, err
	}
	if check {
		if !a.verifier().verify(hash, r, s) {
			return slastream.SignedTx{}, errors.New("starknet: the key made a signature that its public key does not verify")
		}
		a.keyChecked.Store(true)
	}
	return u.Signed(r, s)
}
