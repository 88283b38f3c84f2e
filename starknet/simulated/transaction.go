package simulated

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

var (
	version3     = number(3)
	versionQuery = hexFelt(*new(felt.Felt).Add(version3.felt(), new(felt.Felt).SetBytes(append([]byte{1}, make([]byte, 16)...))))
)

// Types of transactions, and what their hashes begin with.
const (
	typeInvoke        = "INVOKE"
	typeDeclare       = "DECLARE"
	typeDeployAccount = "DEPLOY_ACCOUNT"
)

var prefixes = map[string]hexFelt{
	typeInvoke:        text("invoke"),
	typeDeclare:       text("declare"),
	typeDeployAccount: text("deploy_account"),
}

// A bound limits what a transaction pays for one resource.
type bound struct {
	Amount hexFelt `json:"max_amount"`         // u64
	Price  hexFelt `json:"max_price_per_unit"` // u128, FRI
}

type resourceBounds struct {
	L1Gas     bound `json:"l1_gas"`
	L1DataGas bound `json:"l1_data_gas"`
	L2Gas     bound `json:"l2_gas"`
}

// A body is a transaction of version 3 as the node returns it. The types have
// most fields in common; the others are absent.
type body struct {
	Hash                  *hexFelt        `json:"transaction_hash,omitempty"`
	Type                  *string         `json:"type"`
	Version               *hexFelt        `json:"version"`
	Signature             []hexFelt       `json:"signature"`
	Nonce                 *hexFelt        `json:"nonce"`
	Bounds                *resourceBounds `json:"resource_bounds"`
	Tip                   *hexFelt        `json:"tip"`
	PaymasterData         []hexFelt       `json:"paymaster_data"`
	NonceMode             *string         `json:"nonce_data_availability_mode"`
	FeeMode               *string         `json:"fee_data_availability_mode"`
	AccountDeploymentData []hexFelt       `json:"account_deployment_data,omitzero"` // INVOKE, DECLARE
	Sender                *hexFelt        `json:"sender_address,omitempty"`         // INVOKE, DECLARE
	Calldata              []hexFelt       `json:"calldata,omitzero"`                // INVOKE
	ProofFacts            []hexFelt       `json:"proof_facts,omitempty"`            // INVOKE, since RPC 0.10.1
	Class                 *hexFelt        `json:"class_hash,omitempty"`             // DECLARE, DEPLOY_ACCOUNT
	Compiled              *hexFelt        `json:"compiled_class_hash,omitempty"`    // DECLARE
	Salt                  *hexFelt        `json:"contract_address_salt,omitempty"`  // DEPLOY_ACCOUNT
	Constructor           []hexFelt       `json:"constructor_calldata,omitzero"`    // DEPLOY_ACCOUNT
}

// A broadcast is a transaction as clients send it: a DECLARE has the class.
type broadcast struct {
	body
	ContractClass json.RawMessage `json:"contract_class"`
	Proof         json.RawMessage `json:"proof"` // INVOKE, since RPC 0.10.1: of proof_facts, which are refused
}

// A transaction is a body that was read, hashed and numbered.
type transaction struct {
	body
	kind   string // one of the types
	hash   hexFelt
	sender slastream.Address
	nonce  uint64
	query  bool   // may be estimated, not sent
	class  *class // that a DECLARE declares

	checked *contract // the sender as it was when the signature was checked
	signed  bool      // the signature is the sender's

	block   *block
	index   int
	receipt *receipt
}

// A part is a field that a type of transaction must have.
type part struct {
	missing bool
	name    string
}

// parse reads a transaction with the refusals of a real node.
func (h *hasher) parse(raw json.RawMessage) (*transaction, error) {
	var in broadcast
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields() // as a real node: a misspelt field is no field
	if err := d.Decode(&in); err != nil {
		return nil, invalid("%v", err)
	}
	t := &transaction{body: in.body}
	if t.Type == nil {
		return nil, invalid("missing field `type`")
	}
	t.kind = *t.Type
	name := strings.ToLower(strings.ReplaceAll(t.kind, "_", " "))
	bad := func(format string, args ...any) error {
		return invalid("Invalid %s transaction v3: %s", name, fmt.Sprintf(format, args...))
	}
	var parts []part
	switch t.kind {
	case typeInvoke:
		parts = []part{{t.Sender == nil, "sender_address"}, {t.Calldata == nil, "calldata"}, {t.AccountDeploymentData == nil, "account_deployment_data"}}
	case typeDeclare:
		parts = []part{{t.Sender == nil, "sender_address"}, {t.Compiled == nil, "compiled_class_hash"}, {in.ContractClass == nil, "contract_class"}, {t.AccountDeploymentData == nil, "account_deployment_data"}}
	case typeDeployAccount:
		parts = []part{{t.Class == nil, "class_hash"}, {t.Salt == nil, "contract_address_salt"}, {t.Constructor == nil, "constructor_calldata"}}
	default:
		return nil, invalid("unknown transaction type %q", excerpt(t.kind))
	}
	switch {
	case t.Version == nil:
		return nil, invalid("missing field `version`")
	case *t.Version == versionQuery:
		t.query = true
	case *t.Version != version3:
		return nil, invalid("Invalid version of %s transaction: %q", name, t.Version)
	}
	for _, p := range append(parts,
		part{t.Signature == nil, "signature"}, part{t.Nonce == nil, "nonce"}, part{t.Bounds == nil, "resource_bounds"},
		part{t.Tip == nil, "tip"}, part{t.PaymasterData == nil, "paymaster_data"},
		part{t.NonceMode == nil, "nonce_data_availability_mode"}, part{t.FeeMode == nil, "fee_data_availability_mode"},
	) {
		if p.missing {
			return nil, bad("missing field `%s`", p.name)
		}
	}
	for _, n := range []struct {
		f    hexFelt
		size int
		name string
	}{
		{*t.Tip, 8, "tip"},
		{t.Bounds.L1Gas.Amount, 8, "l1_gas.max_amount"},
		{t.Bounds.L1DataGas.Amount, 8, "l1_data_gas.max_amount"},
		{t.Bounds.L2Gas.Amount, 8, "l2_gas.max_amount"},
		{t.Bounds.L1Gas.Price, 16, "l1_gas.max_price_per_unit"},
		{t.Bounds.L1DataGas.Price, 16, "l1_data_gas.max_price_per_unit"},
		{t.Bounds.L2Gas.Price, 16, "l2_gas.max_price_per_unit"},
	} {
		if !fits(n.f.bytes(), n.size) {
			return nil, bad("%s %v: more than %d bits", n.name, n.f, 8*n.size)
		}
	}
	if err := t.only(in.ContractClass, bad); err != nil {
		return nil, err
	}
	// A nonce of 64 bits or more can never be an account's.
	t.nonce = ^uint64(0)
	if v, ok := attestation.Word(t.Nonce.bytes()).Uint64(); ok {
		t.nonce = v
	}
	modes, err := dataAvailability(*t.NonceMode, *t.FeeMode)
	if err != nil {
		return nil, bad("%v", err)
	}
	t.hash = h.hash(t, modes)
	return t, nil
}

// only drops what the type of the transaction has not, and works out its
// sender and class.
func (t *transaction) only(class json.RawMessage, bad func(string, ...any) error) error {
	t.Hash = nil
	if t.kind != typeInvoke {
		t.Calldata, t.ProofFacts = nil, nil
	}
	if len(t.ProofFacts) > 0 {
		return unsupported("proof_facts")
	}
	if t.kind == typeDeployAccount {
		t.Sender, t.AccountDeploymentData, t.Compiled = nil, nil, nil
		t.sender = contractAddress(hexFelt{}, *t.Salt, *t.Class, t.Constructor...)
		return nil
	}
	t.Salt, t.Constructor, t.Class = nil, nil, nil
	var err error
	if t.sender, err = slastream.AddressFromWord(t.Sender.bytes()); err != nil {
		return bad("sender_address %v: not below 2^251", t.Sender)
	}
	if t.kind != typeDeclare {
		t.Compiled = nil
		return nil
	}
	read, err := readClass(class)
	if err != nil {
		return err
	}
	hash := read.hash()
	t.Class, t.class = &hash, known().byHash[hash]
	return nil
}

func dataAvailability(nonce, fee string) (uint64, error) {
	var modes uint64
	for _, mode := range []string{nonce, fee} {
		modes <<= 32
		switch mode {
		case "L1":
		case "L2":
			modes |= 1
		default:
			return 0, fmt.Errorf("data availability mode %q: want L1 or L2", excerpt(mode))
		}
	}
	return modes, nil
}

var chainID = word(starknet.Sepolia)

// hash is calculate_invoke_v3_transaction_hash and its like for the other types
// (sequencer, starknet_api/src/transaction_hash.rs); starknet.go's own functions
// refuse empty calldata, which a node must hash to refuse it as one.
func (h *hasher) hash(t *transaction, modes uint64) hexFelt {
	list := []hexFelt{
		prefixes[t.kind], *t.Version, word(t.sender), h.bounds(t.Bounds, *t.Tip), poseidon(t.PaymasterData),
		chainID, *t.Nonce, number(modes),
	}
	switch t.kind {
	case typeInvoke:
		list = append(list, poseidon(t.AccountDeploymentData), h.calldata.hash(t.Calldata))
	case typeDeclare:
		list = append(list, poseidon(t.AccountDeploymentData), *t.Class, *t.Compiled)
	case typeDeployAccount:
		list = append(list, poseidon(t.Constructor), *t.Class, *t.Salt)
	}
	return h.fields.hash(list)
}

// A hasher hashes transactions. It remembers the last one of each list: a
// sender repeats most of it, and hashing is a third of the work of a
// transaction.
type hasher struct {
	fields, calldata sponge
	fee              atomic.Pointer[boundsHash]
}

type boundsHash struct {
	bounds resourceBounds
	tip    hexFelt
	hash   hexFelt
}

func (h *hasher) bounds(b *resourceBounds, tip hexFelt) hexFelt {
	if last := h.fee.Load(); last != nil && last.bounds == *b && last.tip == tip {
		return last.hash
	}
	sum := poseidon([]hexFelt{tip, b.L1Gas.pack("L1_GAS"), b.L2Gas.pack("L2_GAS"), b.L1DataGas.pack("L1_DATA")})
	h.fee.Store(&boundsHash{*b, tip, sum})
	return sum
}

// pack is name ‖ amount as 8 bytes ‖ price as 16 bytes.
func (b bound) pack(name string) hexFelt {
	var out [32]byte
	copy(out[8-len(name):], name)
	amount, price := b.Amount.bytes(), b.Price.bytes()
	copy(out[8:], amount[24:])
	copy(out[16:], price[16:])
	return word(out)
}

func (b bound) amount() uint64 {
	v, _ := attestation.Word(b.Amount.bytes()).Uint64()
	return v
}

// most is the largest fee for the resource.
func (b bound) most() slastream.Amount {
	// 64 × 128 bits cannot overflow 256.
	most, _ := slastream.AmountFromWord(b.Price.bytes()).Mul(b.amount())
	return most
}

// wire returns the transaction as the node lists it, with its hash if asked.
func (t *transaction) wire(withHash bool) *body {
	out := t.body
	if withHash {
		out.Hash = &t.hash
	}
	return &out
}

// invalid is what a node answers to parameters that it cannot read.
func invalid(format string, args ...any) *jsonrpc.Error {
	return &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: fmt.Sprintf(format, args...)}
}

// unsupported refuses what real nodes do and this one does not: code 63, the
// specification's place for anything else.
func unsupported(format string, args ...any) *jsonrpc.Error {
	data, _ := json.Marshal("not supported by the simulated node: " + fmt.Sprintf(format, args...))
	return &jsonrpc.Error{Code: 63, Message: "An unexpected error occurred", Data: data}
}
