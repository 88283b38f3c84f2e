package starknet

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

var _ slastream.Escrow = (*Escrow)(nil)

// An Escrow is a deployed escrow contract. It is safe for concurrent use.
//
// Reads are answered at the newest accepted block, or at that of [Escrow.At].
// Methods that change the escrow need [WithAccount] or [WithSender] and return
// when the change is accepted on L2; what the contract refuses is a
// *slastream.RevertError. Those whose name ends in Call or Calls make no
// transaction: put what they return into one [Account.Execute] with other
// calls. The relay's way to send, where the transaction is stored before it is
// sent, is Nonce, SignRelease, Send and Status.
type Escrow struct {
	contract
	token atomic.Pointer[slastream.Address] // set by the constructor, never changed
}

// NewEscrow returns the escrow at address. It makes no request.
func NewEscrow(caller Caller, address slastream.Address, options ...Option) *Escrow {
	e := new(Escrow)
	e.init(caller, address, options)
	return e
}

// Address returns the address of the contract.
func (e *Escrow) Address() slastream.Address { return e.address }

// At returns the same escrow, read at the end of a block. A node that does not
// have the block answers with an error, never with another state; of a block
// by number that is so for the node's own chain only, so read what must fit
// together by hash. What changes the escrow is not affected.
func (e *Escrow) At(block Block) *Escrow {
	at := &Escrow{contract: e.contract}
	at.block = block
	at.token.Store(e.token.Load())
	return at
}

// Deal returns a deal, the zero Deal if there is none with that id.
//
//	fn get_deal(self, deal_id: u256) -> Deal
func (e *Escrow) Deal(ctx context.Context, id attestation.Word) (slastream.Deal, error) {
	low, high := SplitU256(id)
	r, err := e.view(ctx, "get_deal", low, high)
	if err != nil {
		return slastream.Deal{}, err
	}
	return DecodeDeal(id, r.in)
}

// DealCount returns the id of the newest deal, 0 before the first.
//
//	fn get_deal_counter(self) -> u256
func (e *Escrow) DealCount(ctx context.Context) (attestation.Word, error) {
	r, err := e.view(ctx, "get_deal_counter")
	if err != nil {
		return attestation.Word{}, err
	}
	n := r.u256()
	return n, r.end("answer of get_deal_counter")
}

// PublicKey returns the attestation key that releases chunks. The contract
// checks nothing about it, so it need not be on the curve.
//
//	fn get_pkp_public_key(self) -> (u256, u256)
func (e *Escrow) PublicKey(ctx context.Context) (attestation.PublicKey, error) {
	r, err := e.view(ctx, "get_pkp_public_key")
	if err != nil {
		return attestation.PublicKey{}, err
	}
	k := attestation.PublicKey{X: r.u256(), Y: r.u256()}
	return k, r.end("answer of get_pkp_public_key")
}

// ChunkReleased reports whether a chunk was paid. There is no view for it: the
// storage is read, as for Paused, Owner and Token.
func (e *Escrow) ChunkReleased(ctx context.Context, deal attestation.Word, chunk uint64) (bool, error) {
	f, err := e.storage(ctx, ChunkReleasedStorageKey(deal, chunk))
	if err != nil {
		return false, err
	}
	r := newReader(f)
	v := r.bool()
	return v, r.end("storage of chunk_released")
}

// Paused reports whether the owner stopped create_deal and release_chunk.
func (e *Escrow) Paused(ctx context.Context) (bool, error) {
	f, err := e.storage(ctx, StorageKey("paused"))
	if err != nil {
		return false, err
	}
	r := newReader(f)
	v := r.bool()
	return v, r.end("storage of paused")
}

// Owner returns who may pause: who deployed the contract. If that was a
// deployer contract, nobody can.
func (e *Escrow) Owner(ctx context.Context) (slastream.Address, error) {
	return e.storedAddress(ctx, "owner")
}

// Token returns the token that deals are paid in.
func (e *Escrow) Token(ctx context.Context) (slastream.Address, error) {
	if t := e.token.Load(); t != nil {
		return *t, nil
	}
	t, err := e.storedAddress(ctx, "strk_token")
	if err != nil {
		return slastream.Address{}, err
	}
	e.token.Store(&t)
	return t, nil
}

func (e *Escrow) storedAddress(ctx context.Context, variable string) (slastream.Address, error) {
	f, err := e.storage(ctx, StorageKey(variable))
	if err != nil {
		return slastream.Address{}, err
	}
	r := newReader(f)
	v := r.address()
	return v, r.end("storage of " + variable)
}

// CreateDeal opens a deal and returns its id, read from the transaction's own
// DealCreated event. The account approves exactly what the deal locks, in the
// same transaction; an allowance that it gave the escrow before is replaced.
// A provider that is no address is a *[RangeError].
//
//	fn create_deal(ref self, sp: ContractAddress, num_chunks: u64, chunk_amount: u256,
//	    collateral: u256, sla_duration_secs: u64) -> u256
func (e *Escrow) CreateDeal(ctx context.Context, terms slastream.Terms) (attestation.Word, error) {
	if e.account == nil {
		return attestation.Word{}, ErrNoAccount
	}
	calls, err := e.CreateDealCalls(ctx, terms)
	if err != nil {
		return attestation.Word{}, err
	}
	r, err := e.execute(ctx, calls...)
	if err != nil {
		return attestation.Word{}, err
	}
	for event := range e.eventsOf(r) {
		if created, ok := event.(slastream.DealCreated); ok {
			return created.DealID, nil
		}
	}
	return attestation.Word{}, fmt.Errorf("%w: transaction %v has no DealCreated event of the escrow", ErrBadAnswer, r.Hash)
}

// Release pays one chunk to the provider. [Escrow.ReleaseAll] pays many.
//
//	fn release_chunk(ref self, deal_id: u256, chunk_index: u64, proof_set_id: u256, root_cid: u256,
//	    timestamp: u64, sig_r: u256, sig_s: u256, sig_v: u32)
func (e *Escrow) Release(ctx context.Context, signed attestation.Signed) error {
	_, err := e.execute(ctx, e.ReleaseCall(signed))
	return err
}

// Slash ends a deal whose deadline has passed and refunds the client.
//
//	fn slash(ref self, deal_id: u256)
func (e *Escrow) Slash(ctx context.Context, deal attestation.Word) error {
	_, err := e.execute(ctx, e.SlashCall(deal))
	return err
}

// Pause stops create_deal and release_chunk. Only the owner may.
//
//	fn pause(ref self)
func (e *Escrow) Pause(ctx context.Context) error {
	_, err := e.execute(ctx, e.PauseCall())
	return err
}

// Unpause allows create_deal and release_chunk again. Only the owner may.
//
//	fn unpause(ref self)
func (e *Escrow) Unpause(ctx context.Context) error {
	_, err := e.execute(ctx, e.UnpauseCall())
	return err
}

// Nonce is [Account.Nonce] of the escrow's account.
func (e *Escrow) Nonce(ctx context.Context) (uint64, error) {
	if e.account == nil {
		return 0, ErrNoAccount
	}
	return e.account.Nonce(ctx)
}

// SignRelease makes and signs the transaction that pays one chunk, and does not
// send it. Errors are those of [Account.Sign].
func (e *Escrow) SignRelease(ctx context.Context, signed attestation.Signed, nonce uint64) (slastream.SignedTx, error) {
	if e.account == nil {
		return slastream.SignedTx{}, ErrNoAccount
	}
	return e.account.Sign(ctx, []Call{e.ReleaseCall(signed)}, nonce)
}

// Send is [Account.Send] of the escrow's account.
func (e *Escrow) Send(ctx context.Context, tx slastream.SignedTx) error {
	if e.account == nil {
		return ErrNoAccount
	}
	return e.account.Send(ctx, tx)
}

// Status is [Account.Status]; it needs no account.
func (e *Escrow) Status(ctx context.Context, hash attestation.Word) (slastream.TxStatus, error) {
	if e.account != nil {
		return e.account.Status(ctx, hash)
	}
	return status(ctx, e.caller, hash)
}
