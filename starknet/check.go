package starknet

import (
	"context"
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A Severity says how much a [Finding] matters. The zero value is SeverityInfo.
type Severity uint8

const (
	SeverityInfo     Severity = iota // good to know
	SeverityWarning                  // decide whether you can live with it
	SeverityCritical                 // do not open deals here
)

// String returns "info", "warning" or "critical".
func (s Severity) String() string {
	switch s {
	case SeverityInfo:
		return "info"
	case SeverityWarning:
		return "warning"
	case SeverityCritical:
		return "critical"
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// A Finding is one thing that [CheckEscrow] noticed.
type Finding struct {
	Severity Severity
	Subject  string // "chain", "class", "key", "token", "owner", "rules" or "pause"
	Text     string // what it is and what to do
}

// String returns all of it on one line.
func (f Finding) String() string { return fmt.Sprintf("%v: %s: %s", f.Severity, f.Subject, f.Text) }

// EscrowExpectation is what the caller of [CheckEscrow] believes to know. Fields
// that are nil or zero are not compared.
type EscrowExpectation struct {
	ChainID attestation.Word       // such as that of [Mainnet]
	Key     *attestation.PublicKey // the signer's
	Token   slastream.Address
	Owner   slastream.Address
}

// An EscrowReport is what [CheckEscrow] read, all at one block, and what it
// thinks of it.
type EscrowReport struct {
	BlockNumber  uint64
	BlockHash    attestation.Word
	ChainID      attestation.Word
	ClassHash    attestation.Word
	Class        string // "compatible" or "extended" of starknet/cairo, "reference (Cairo …)", or "" for a class that is not known
	Version      string // as [Escrow.Version]
	Rules        attestation.Rules
	RulesKnown   bool
	Key          attestation.PublicKey
	Token        slastream.Address
	Owner        slastream.Address
	PendingOwner slastream.Address
	Paused       bool
	Deals        attestation.Word // opened so far
	Findings     []Finding        // the chain first, then the class and what hangs on it
}

// Worst returns the highest severity among the findings.
func (r *EscrowReport) Worst() Severity {
	worst := SeverityInfo
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	return worst
}

func (r *EscrowReport) add(s Severity, subject, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{s, subject, fmt.Sprintf(format, args...)})
}

// CheckEscrow looks an escrow over before somebody trusts it with tokens: is it
// on the right chain, who signs for it, which signatures does it take, in what
// does it pay, who can pause it. It changes nothing and costs nothing.
//
// What is odd about the escrow is in the findings, also that there is none; an
// error means that the node could not be asked. A report is about one block:
// of a class that is not known, all but the token and the key can change.
func CheckEscrow(ctx context.Context, caller Caller, escrow slastream.Address, want EscrowExpectation) (*EscrowReport, error) {
	e := NewEscrow(caller, escrow)
	for tries := 1; ; tries++ {
		head, err := e.caller.head(ctx)
		if err != nil {
			return nil, err
		}
		r, err := e.check(ctx, head, want)
		// A node without an archive may have lost the state of a block that is no
		// longer the newest, starknet-devnet at once (code -1).
		if n, coded := code(err); tries < maxCheckTries && coded && (n == codeBlockNotFound || n == -1) {
			continue
		}
		return r, err
	}
}

const maxCheckTries = 5

func (e *Escrow) check(ctx context.Context, head headBlock, want EscrowExpectation) (*EscrowReport, error) {
	r := &EscrowReport{BlockNumber: head.number, BlockHash: head.hash}
	e = e.At(BlockHash(head.hash))
	for _, check := range []func(context.Context, *Escrow, EscrowExpectation) (done bool, err error){
		r.checkChain, r.checkClass, r.checkKey, r.checkToken, r.checkOwner, r.checkState,
	} {
		done, err := check(ctx, e, want)
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
	}
	return r, nil
}

func (r *EscrowReport) checkChain(ctx context.Context, e *Escrow, want EscrowExpectation) (bool, error) {
	var id wireFelt
	if err := call(ctx, e.caller, &id, "starknet_chainId"); err != nil {
		return false, err
	}
	r.ChainID = hashWord(&id)
	if !want.ChainID.IsZero() && want.ChainID != r.ChainID {
		r.add(SeverityCritical, "chain", "the node is on %s, want %s: use a node of the right chain", chainName(r.ChainID), chainName(want.ChainID))
	}
	return false, nil
}

func (r *EscrowReport) checkClass(ctx context.Context, e *Escrow, _ EscrowExpectation) (bool, error) {
	var err error
	if r.ClassHash, err = e.caller.classHashAt(ctx, e.address, e.block); err != nil {
		return false, err
	}
	if r.ClassHash.IsZero() {
		r.add(SeverityCritical, "class", "there is no contract at %v on %s: check address and chain", e.address, chainName(r.ChainID))
		return true, nil
	}
	if r.Version, err = e.Version(ctx); err != nil && !isRefusedOrMalformed(err) {
		return false, err
	}
	if known := classOfHash(r.ClassHash); known != nil {
		r.Class = known.name
	} else {
		r.add(SeverityWarning, "class", "class %v is none that this package knows: read its source, and whether it can be upgraded, before you trust it", r.ClassHash)
	}
	switch r.Rules, err = e.rules(ctx); {
	case errors.Is(err, ErrRules):
		r.add(SeverityWarning, "rules", "it cannot be told which signatures the escrow takes (%v): sign with low s only, as package signer does, which both rules take", err)
	case err != nil:
		return false, err
	default:
		r.RulesKnown = true
		if r.Rules == attestation.RulesLegacy {
			r.add(SeverityInfo, "rules", "legacy rules: a signature is valid in several forms, so never take its bytes for an identity; a chunk is paid once all the same")
		}
	}
	return false, nil
}

// isRefusedOrMalformed reports whether a contract answered, but not like an
// escrow.
func isRefusedOrMalformed(err error) bool {
	_, revert := errors.AsType[*slastream.RevertError](err)
	n, _ := code(err)
	return revert || n == codeNoEntryPoint || errors.Is(err, ErrMalformed)
}

func (r *EscrowReport) checkKey(ctx context.Context, e *Escrow, want EscrowExpectation) (bool, error) {
	var err error
	r.Key, err = e.PublicKey(ctx)
	if err != nil {
		if !isRefusedOrMalformed(err) {
			return false, err
		}
		r.add(SeverityCritical, "class", "the contract does not answer like an escrow (%v): check the address", err)
		return true, nil
	}
	point := append(r.Key.X[:], r.Key.Y[:]...)
	_, curve := attestation.ParsePublicKey(point)
	switch {
	case r.Key == attestation.PublicKey{}:
		r.add(SeverityCritical, "key", "the attestation key is (0, 0), for which anybody can sign: never open a deal here")
	case curve != nil:
		r.add(SeverityCritical, "key", "the attestation key is no point of secp256k1, so that no signature releases a chunk: every deal ends with slash")
	}
	if want.Key != nil && *want.Key != r.Key {
		r.add(SeverityCritical, "key", "the attestation key has x %v, the expected one %v: what your signer signs releases nothing here", r.Key.X, want.Key.X)
	}
	return false, nil
}

func (r *EscrowReport) checkToken(ctx context.Context, e *Escrow, want EscrowExpectation) (bool, error) {
	var err error
	if r.Token, err = e.Token(ctx); err != nil {
		if !isRefusedOrMalformed(err) {
			return false, err
		}
		r.add(SeverityCritical, "token", "no token can be read (%v): the class keeps it elsewhere, or has none", err)
		return false, nil
	}
	if want.Token != (slastream.Address{}) && want.Token != r.Token {
		r.add(SeverityCritical, "token", "deals are paid in %v, expected %v", r.Token, want.Token)
	}
	class, err := e.caller.classHashAt(ctx, r.Token, e.block)
	if err != nil {
		return false, err
	}
	known, ok := slastream.TokenAt(r.ChainID, r.Token)
	switch {
	case r.Token.IsZero():
		r.add(SeverityCritical, "token", "the token is the zero address: no deal can be opened")
	case class.IsZero():
		r.add(SeverityCritical, "token", "there is no contract at the token's address %v: no deal can be opened", r.Token)
	case ok:
		r.add(SeverityInfo, "token", "deals are paid in %s", known.Symbol)
	default:
		r.add(SeverityWarning, "token", "token %v is none that this package knows: make sure that transfers take no fee and that balances do not change by themselves, or the escrow runs short", r.Token)
	}
	return false, nil
}

func (r *EscrowReport) checkOwner(ctx context.Context, e *Escrow, want EscrowExpectation) (bool, error) {
	var err error
	if r.Owner, err = e.Owner(ctx); err != nil {
		if !isRefusedOrMalformed(err) {
			return false, err
		}
		r.add(SeverityWarning, "owner", "no owner can be read (%v)", err)
		return false, nil
	}
	switch {
	case deployerAt(r.Owner) != nil:
		r.add(SeverityWarning, "owner", "the owner is the universal deployer contract %v: nobody can ever pause, also not in an emergency. The extended class takes its owner as an argument", r.Owner)
	case r.Owner.IsZero():
		r.add(SeverityWarning, "owner", "the owner is the zero address: nobody can ever pause")
	}
	if want.Owner != (slastream.Address{}) && want.Owner != r.Owner {
		r.add(SeverityWarning, "owner", "the owner is %v, expected %v: the owner can stop releases, but not slash", r.Owner, want.Owner)
	}
	if r.PendingOwner, err = e.PendingOwner(ctx); err != nil && !isRefusedOrMalformed(err) {
		return false, err
	}
	if !r.PendingOwner.IsZero() {
		r.add(SeverityInfo, "owner", "the escrow is offered to %v, who may become its owner at any time", r.PendingOwner)
	}
	return false, nil
}

func (r *EscrowReport) checkState(ctx context.Context, e *Escrow, _ EscrowExpectation) (bool, error) {
	var err error
	if r.Paused, err = e.Paused(ctx); err != nil && !isRefusedOrMalformed(err) {
		return false, err
	}
	if r.Paused {
		r.add(SeverityWarning, "pause", "the escrow is paused: no deal can be opened and no chunk released until the owner unpauses it, while deadlines go on and anyone may slash")
	}
	if r.Deals, err = e.DealCount(ctx); err != nil && !isRefusedOrMalformed(err) {
		return false, err
	}
	return false, nil
}

// A headBlock is the newest accepted block.
type headBlock struct {
	number uint64
	hash   attestation.Word
}

func (n *Node) head(ctx context.Context) (headBlock, error) {
	var b struct {
		Hash   *wireFelt `json:"block_hash"`
		Number *uint64   `json:"block_number"`
	}
	if err := call(ctx, n, &b, "starknet_blockHashAndNumber"); err != nil {
		return headBlock{}, err
	}
	if b.Hash == nil || b.Number == nil {
		return headBlock{}, fmt.Errorf("%w: newest block without hash or number", ErrBadAnswer)
	}
	return headBlock{*b.Number, hashWord(b.Hash)}, nil
}
