package cairo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/NethermindEth/juno/core/crypto"
	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// A Sender is the account that pays for declaring and deploying: a Cairo 1
// account contract that checks one Stark signature, as for
// starknet.NewAccount.
type Sender struct {
	Caller  starknet.Caller
	ChainID attestation.Word // starknet.Mainnet, starknet.Sepolia; checked before anything is signed
	Address slastream.Address
	Key     starknet.Key
	Poll    time.Duration // between two questions while waiting; 0 is one second
}

func (s Sender) account() *starknet.Account {
	var options []starknet.AccountOption
	if s.Poll > 0 {
		options = append(options, starknet.WithPoll(s.Poll))
	}
	return starknet.NewAccount(s.Caller, s.ChainID, s.Address, s.Key, options...)
}

// Error codes of the specification of the RPC.
const (
	codeContractNotFound = 20
	codeClassNotFound    = 28
	codeAlreadyDeclared  = 51
	codeCompiledHash     = 60 // the compiled class hash is not the one that the node computes
)

// Declare makes a class known to the network and waits until that is accepted
// on L2. If the class is known already it sends nothing.
//
// Which of the two compiled class hashes the node wants is learned from it: the
// newer form is offered first, and the older one if that is refused, which
// costs nothing. Fees are bounded by the estimate and half as much again.
func Declare(ctx context.Context, sender Sender, class Class) error {
	if !class.Valid() {
		return fmt.Errorf("cairo: declare: %v is no class", class)
	}
	if err := declare(ctx, sender, class.artifact()); err != nil {
		return fmt.Errorf("cairo: declare %v: %w", class, err)
	}
	return nil
}

// An artifact is what is known of a class before it is declared.
type artifact struct {
	hash       attestation.Word
	compiled   attestation.Word // Poseidon
	compiledV2 attestation.Word // Blake2s
	json       json.RawMessage
}

func (c Class) artifact() artifact {
	return artifact{c.Hash(), c.CompiledHash(), c.CompiledHashV2(), c.JSON()}
}

func declare(ctx context.Context, sender Sender, class artifact) error {
	known, err := declared(ctx, sender.Caller, class.hash)
	if err != nil || known {
		return err
	}
	account := sender.account()
	nonce, err := account.Nonce(ctx)
	if err != nil {
		return err
	}
	if err := checkChain(ctx, sender); err != nil {
		return err
	}
	for _, compiled := range []attestation.Word{class.compiledV2, class.compiled} {
		tx := &declareTx{sender: sender.Address, class: class, compiled: compiled, nonce: nonce}
		if err = send(ctx, sender, account, tx); code(err) != codeCompiledHash {
			break
		}
	}
	if code(err) == codeAlreadyDeclared { // by somebody else, in between
		return nil
	}
	return err
}

// declared asks whether the network knows a class.
func declared(ctx context.Context, caller starknet.Caller, hash attestation.Word) (bool, error) {
	err := caller.CallContext(ctx, nil, "starknet_getClass", "latest", hexWord(hash))
	switch {
	case err == nil:
		return true, nil
	case code(err) == codeClassNotFound:
		return false, nil
	}
	return false, err
}

func checkChain(ctx context.Context, sender Sender) error {
	var id string
	if err := sender.Caller.CallContext(ctx, &id, "starknet_chainId"); err != nil {
		return err
	}
	if got, err := attestation.ParseWord(id); err != nil || got != sender.ChainID {
		return fmt.Errorf("%w: %.80q, want %v", starknet.ErrChain, id, sender.ChainID)
	}
	return nil
}

// send bounds, signs and sends tx, and waits for it.
func send(ctx context.Context, sender Sender, account *starknet.Account, tx *declareTx) error {
	var err error
	if tx.bounds, err = estimate(ctx, sender, *tx); err != nil {
		return err
	}
	hash, body, err := tx.seal(ctx, sender)
	if err != nil {
		return err
	}
	if err := sender.Caller.CallContext(ctx, nil, "starknet_addDeclareTransaction", body); err != nil {
		return err
	}
	r, err := account.Wait(ctx, hash.Bytes())
	if err != nil {
		return err
	}
	if r.Status.Revert != nil {
		return r.Status.Revert
	}
	return nil
}

// A bound is how much of a resource a transaction may use, and its price in
// FRI.
type bound struct {
	name   string // as it is hashed
	amount uint64
	price  *big.Int
}

// MarshalJSON writes RESOURCE_BOUNDS of the specification.
func (b bound) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"max_amount":"0x%x","max_price_per_unit":"0x%x"}`, b.amount, b.price), nil
}

// felt is the form that is hashed: the name in 7 bytes, the amount in 8, the
// price in 16.
func (b bound) felt() *felt.Felt {
	v := new(big.Int).SetBytes([]byte(b.name))
	v.Lsh(v, 64).Add(v, new(big.Int).SetUint64(b.amount))
	v.Lsh(v, 128).Add(v, b.price)
	return new(felt.Felt).SetBigInt(v)
}

// bounds are in the order in which they are hashed.
type bounds struct{ l1Gas, l2Gas, l1DataGas bound }

func newBounds(amounts [3]uint64, prices [3]*big.Int) bounds {
	return bounds{
		bound{"L1_GAS", amounts[0], prices[0]},
		bound{"L2_GAS", amounts[1], prices[1]},
		bound{"L1_DATA", amounts[2], prices[2]},
	}
}

// A declareTx is DECLARE_TXN_V3 without tip, paymaster and deployment data, with
// data availability on L1.
type declareTx struct {
	query    bool // only to be estimated
	sender   slastream.Address
	class    artifact
	compiled attestation.Word // in the form that is offered
	nonce    uint64
	bounds   bounds
}

func (t *declareTx) version() *felt.Felt {
	v := big.NewInt(3)
	if t.query {
		v.Add(v, new(big.Int).Lsh(big.NewInt(1), 128))
	}
	return new(felt.Felt).SetBigInt(v)
}

// hash is the transaction hash of SNIP-8.
func (t *declareTx) hash(chainID attestation.Word) *felt.Felt {
	none := crypto.PoseidonArray()
	fee := crypto.PoseidonArray(new(felt.Felt), t.bounds.l1Gas.felt(), t.bounds.l2Gas.felt(), t.bounds.l1DataGas.felt())
	h := crypto.PoseidonArray(new(felt.Felt).SetBytes([]byte("declare")), t.version(), feltOf(t.sender.Word()), &fee, &none,
		feltOf(chainID), new(felt.Felt).SetUint64(t.nonce), new(felt.Felt), &none, feltOf(t.class.hash), feltOf(t.compiled))
	return &h
}

// seal signs t.
func (t *declareTx) seal(ctx context.Context, sender Sender) (*felt.Felt, json.RawMessage, error) {
	hash := t.hash(sender.ChainID)
	r, s, err := sender.Key.SignHash(ctx, hash)
	if err != nil {
		return nil, nil, err
	}
	body, err := json.Marshal(struct {
		Type       string           `json:"type"`
		Version    string           `json:"version"`
		Sender     string           `json:"sender_address"`
		Compiled   string           `json:"compiled_class_hash"`
		Class      json.RawMessage  `json:"contract_class"`
		Signature  []string         `json:"signature"`
		Nonce      string           `json:"nonce"`
		Bounds     map[string]bound `json:"resource_bounds"`
		Tip        string           `json:"tip"`
		Paymaster  []string         `json:"paymaster_data"`
		Deployment []string         `json:"account_deployment_data"`
		NonceDA    string           `json:"nonce_data_availability_mode"`
		FeeDA      string           `json:"fee_data_availability_mode"`
	}{
		"DECLARE", t.version().String(), hexWord(t.sender.Word()), hexWord(t.compiled), t.class.json,
		[]string{r.String(), s.String()}, fmt.Sprintf("0x%x", t.nonce),
		map[string]bound{"l1_gas": t.bounds.l1Gas, "l2_gas": t.bounds.l2Gas, "l1_data_gas": t.bounds.l1DataGas},
		"0x0", []string{}, []string{}, "L1", "L1",
	})
	return hash, body, err
}

// estimate asks what t would use and adds the margin of one half.
func estimate(ctx context.Context, sender Sender, t declareTx) (bounds, error) {
	zero := new(big.Int)
	t.query, t.bounds = true, newBounds([3]uint64{}, [3]*big.Int{zero, zero, zero})
	_, body, err := t.seal(ctx, sender)
	if err != nil {
		return bounds{}, err
	}
	var list []map[string]any
	if err := sender.Caller.CallContext(ctx, &list, "starknet_estimateFee", []json.RawMessage{body}, []string{}, "pre_confirmed"); err != nil {
		return bounds{}, err
	}
	if len(list) != 1 {
		return bounds{}, fmt.Errorf("%w: %d estimates for one transaction", starknet.ErrBadAnswer, len(list))
	}
	var amounts [3]uint64
	var prices [3]*big.Int
	for i, name := range []string{"l1_gas", "l2_gas", "l1_data_gas"} {
		amount, err := quantity(list[0], name+"_consumed")
		if err != nil {
			return bounds{}, err
		}
		price, err := quantity(list[0], name+"_price")
		if err != nil {
			return bounds{}, err
		}
		if amount.BitLen() > 62 || price.BitLen() > 120 {
			return bounds{}, fmt.Errorf("%w: estimate of %s: amount %v, price %v", starknet.ErrBadAnswer, name, amount, price)
		}
		amounts[i] = amount.Uint64() + amount.Uint64()/2
		prices[i] = price.Add(price, new(big.Int).Rsh(price, 1))
	}
	return newBounds(amounts, prices), nil
}

func quantity(from map[string]any, name string) (*big.Int, error) {
	text, _ := from[name].(string)
	w, err := attestation.ParseWord(text)
	if err != nil {
		return nil, fmt.Errorf("%w: estimate: %s is %.80q", starknet.ErrBadAnswer, name, text)
	}
	return w.Big(), nil
}

// code returns the code of an error that the node answered, 0 for any other.
func code(err error) int {
	if e, ok := errors.AsType[interface {
		error
		ErrorCode() int
	}](err); ok {
		return e.ErrorCode()
	}
	return 0
}

// feltOf returns a word that is known to be a felt: a hash, or an address.
func feltOf(w attestation.Word) *felt.Felt { return new(felt.Felt).SetBytes(w[:]) }

// hexWord writes a felt as the specification of the RPC wants it.
func hexWord(w attestation.Word) string {
	if digits := strings.TrimLeft(w.String()[2:], "0"); digits != "" {
		return "0x" + digits
	}
	return "0x0"
}
