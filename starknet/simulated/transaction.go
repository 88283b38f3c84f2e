package simulated

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/NethermindEth/juno/core/crypto"
	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

var (
	versionInvoke = number(3)
	versionQuery  = hexFelt(*new(felt.Felt).Add(versionInvoke.felt(), new(felt.Felt).SetBytes(append([]byte{1}, make([]byte, 16)...))))
	prefixInvoke  = text("invoke")
)

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

// An invoke is INVOKE_TXN_V3 as clients send it and as the node returns it.
type invoke struct {
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
	AccountDeploymentData []hexFelt       `json:"account_deployment_data"`
	Sender                *hexFelt        `json:"sender_address"`
	Calldata              []hexFelt       `json:"calldata"`
	ProofFacts            []hexFelt       `json:"proof_facts,omitempty"` // since RPC 0.10.1
}

// A transaction is an invoke that was read, hashed and numbered.
type transaction struct {
	invoke
	hash   hexFelt
	sender slastream.Address
	nonce  uint64
	query  bool // may be estimated, not sent
	signed bool // the signature is the sender's

	block   *block
	index   int
	receipt *receipt
}

// parse reads a transaction with the refusals of a real node.
func (h *hasher) parse(raw json.RawMessage) (*transaction, error) {
	t := new(transaction)
	if err := json.Unmarshal(raw, &t.invoke); err != nil {
		return nil, invalid("%v", err)
	}
	t.Hash = nil
	switch {
	case t.Type == nil:
		return nil, invalid("missing field `type`")
	case *t.Type == "DECLARE" || *t.Type == "DEPLOY_ACCOUNT":
		return nil, unsupported("%s transactions: every contract of this node is there from the first block", *t.Type)
	case *t.Type != "INVOKE":
		return nil, invalid("unknown transaction type %q", excerpt(*t.Type))
	case t.Version == nil:
		return nil, invalid("missing field `version`")
	case *t.Version == versionQuery:
		t.query = true
	case *t.Version != versionInvoke:
		return nil, invalid("Invalid version of invoke transaction: %q", t.Version)
	}
	for _, field := range []struct {
		missing bool
		name    string
	}{
		{t.Sender == nil, "sender_address"},
		{t.Calldata == nil, "calldata"},
		{t.Signature == nil, "signature"},
		{t.Nonce == nil, "nonce"},
		{t.Bounds == nil, "resource_bounds"},
		{t.Tip == nil, "tip"},
		{t.PaymasterData == nil, "paymaster_data"},
		{t.AccountDeploymentData == nil, "account_deployment_data"},
		{t.NonceMode == nil, "nonce_data_availability_mode"},
		{t.FeeMode == nil, "fee_data_availability_mode"},
	} {
		if field.missing {
			return nil, invalid("Invalid invoke transaction v3: missing field `%s`", field.name)
		}
	}
	var err error
	if t.sender, err = slastream.AddressFromWord(t.Sender.bytes()); err != nil {
		return nil, invalid("Invalid invoke transaction v3: sender_address %v: not below 2^251", t.Sender)
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
			return nil, invalid("Invalid invoke transaction v3: %s %v: more than %d bits", n.name, n.f, 8*n.size)
		}
	}
	// A nonce of 64 bits or more can never be an account's.
	t.nonce = ^uint64(0)
	if v, ok := attestation.Word(t.Nonce.bytes()).Uint64(); ok {
		t.nonce = v
	}
	if len(t.ProofFacts) > 0 {
		return nil, unsupported("proof_facts")
	}
	modes, err := dataAvailability(*t.NonceMode, *t.FeeMode)
	if err != nil {
		return nil, err
	}
	t.hash = h.invoke(t, modes)
	return t, nil
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
			return 0, invalid("Invalid invoke transaction v3: data availability mode %q: want L1 or L2", excerpt(mode))
		}
	}
	return modes, nil
}

var chainID = word(starknet.Sepolia)

// invoke is calculate_invoke_v3_transaction_hash (sequencer,
// starknet_api/src/transaction_hash.rs); starknet.go's own function refuses
// empty calldata, which a node must hash to refuse it as one.
func (h *hasher) invoke(t *transaction, modes uint64) hexFelt {
	da := number(modes)
	resources := h.bounds(t.Bounds, *t.Tip)
	paymaster, deployment, calldata := poseidon(t.PaymasterData), poseidon(t.AccountDeploymentData), poseidon(t.Calldata)
	return hexFelt(crypto.PoseidonArray(
		prefixInvoke.felt(), t.Version.felt(), t.Sender.felt(), resources.felt(), paymaster.felt(),
		chainID.felt(), t.Nonce.felt(), da.felt(), deployment.felt(), calldata.felt(),
	))
}

// emptyHash is the Poseidon hash of no felts.
var emptyHash = hexFelt(crypto.PoseidonArray())

func poseidon(list []hexFelt) hexFelt {
	if len(list) == 0 {
		return emptyHash
	}
	return hexFelt(crypto.PoseidonArray(refs(list)...))
}

// A hasher hashes transactions. It remembers the last hash of tip and bounds:
// a sender repeats them, and hashing is half the work of a transaction.
type hasher struct{ last atomic.Pointer[boundsHash] }

type boundsHash struct {
	bounds resourceBounds
	tip    hexFelt
	hash   hexFelt
}

func (h *hasher) bounds(b *resourceBounds, tip hexFelt) hexFelt {
	if last := h.last.Load(); last != nil && last.bounds == *b && last.tip == tip {
		return last.hash
	}
	sum := poseidon([]hexFelt{tip, b.L1Gas.pack("L1_GAS"), b.L2Gas.pack("L2_GAS"), b.L1DataGas.pack("L1_DATA")})
	h.last.Store(&boundsHash{*b, tip, sum})
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
func (t *transaction) wire(withHash bool) *invoke {
	out := t.invoke
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
