package starknet

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/NethermindEth/juno/core/crypto"
	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A Call is one call of a multicall.
type Call struct {
	To       slastream.Address
	Selector *felt.Felt
	Calldata []*felt.Felt
}

// NewCall returns the call of an entry point by name.
func NewCall(to slastream.Address, entryPoint string, calldata ...*felt.Felt) Call {
	return Call{to, Selector(entryPoint), calldata}
}

// multicall serializes calls for __execute__ of a Cairo 1 account:
// Array<Call { to, selector, calldata: Array<felt252> }>.
func multicall(calls []Call) ([]*felt.Felt, error) {
	size := 1
	for i := range calls {
		size += 3 + len(calls[i].Calldata)
	}
	out := append(make([]*felt.Felt, 0, size), uintFelt(uint64(len(calls))))
	for i, c := range calls {
		to, err := FeltFromWord(c.To.Word())
		if err != nil {
			return nil, fmt.Errorf("starknet: call %d: contract: %w", i, err)
		}
		if c.Selector == nil || anyNil(c.Calldata) {
			return nil, fmt.Errorf("starknet: call %d: %w", i, errNil)
		}
		out = append(out, to, c.Selector, uintFelt(uint64(len(c.Calldata))))
		out = append(out, c.Calldata...)
	}
	return out, nil
}

// A wireBound is RESOURCE_BOUNDS of the specification.
type wireBound struct {
	Amount wireFelt `json:"max_amount"`
	Price  wireFelt `json:"max_price_per_unit"`
}

type wireBounds struct {
	L1Gas     wireBound `json:"l1_gas"`
	L1DataGas wireBound `json:"l1_data_gas"`
	L2Gas     wireBound `json:"l2_gas"`
}

func (b Bound) wire() wireBound {
	price := b.Price.Word()
	return wireBound{wire(uintFelt(b.Amount)), wire(new(felt.Felt).SetBytes(price[:]))}
}

func (b *wireBound) bound() (Bound, error) {
	amount, price := WordFromFelt(b.Amount.felt()), WordFromFelt(b.Price.felt())
	n, ok := amount.Uint64()
	if !ok {
		return Bound{}, &RangeError{"u64", amount}
	}
	return Bound{n, slastream.AmountFromWord(price)}, nil
}

// felt is the form of b that is hashed: the name in 7 bytes, the amount in 8,
// the price in 16.
func (b Bound) felt(name string) *felt.Felt {
	raw := b.Price.Word() // at most 16 bytes are used
	copy(raw[8-len(name):], name)
	binary.BigEndian.PutUint64(raw[8:], b.Amount)
	return new(felt.Felt).SetBytes(raw[:])
}

// An invokeTx is INVOKE_TXN_V3 without what this package never sets: paymaster
// and deployment data are empty, data availability is on L1.
type invokeTx struct {
	query    bool // only to be estimated: its signature is worth nothing for the real one
	sender   slastream.Address
	calldata []*felt.Felt
	nonce    uint64
	bounds   Bounds
}

var (
	prefixInvoke = *new(felt.Felt).SetBytes([]byte("invoke"))
	hashNone     = crypto.PoseidonArray() // of no felts
	versionReal  = *uintFelt(3)
	versionQuery = *new(felt.Felt).SetBytes([]byte{15: 0, 16: 3, 0: 1}) // 2^128 + 3
)

func (t *invokeTx) version() *felt.Felt {
	if t.query {
		return &versionQuery
	}
	return &versionReal
}

// hash is the transaction hash of SNIP-8. It does not cover the signature.
func (t *invokeTx) hash(chainID *felt.Felt) *felt.Felt {
	fee := crypto.PoseidonArray(uintFelt(t.bounds.Tip), t.bounds.L1Gas.felt("L1_GAS"), t.bounds.L2Gas.felt("L2_GAS"), t.bounds.L1DataGas.felt("L1_DATA"))
	calldata := crypto.PoseidonArray(t.calldata...)
	h := crypto.PoseidonArray(&prefixInvoke, t.version(), addressFelt(t.sender), &fee, &hashNone, chainID,
		uintFelt(t.nonce), new(felt.Felt), &hashNone, &calldata)
	return &h
}

// A wireInvoke is a transaction as starknet_addInvokeTransaction takes it.
type wireInvoke struct {
	Type       string     `json:"type"`
	Version    wireFelt   `json:"version"`
	Sender     wireFelt   `json:"sender_address"`
	Calldata   []wireFelt `json:"calldata"`
	Signature  []wireFelt `json:"signature"`
	Nonce      wireFelt   `json:"nonce"`
	Bounds     wireBounds `json:"resource_bounds"`
	Tip        wireFelt   `json:"tip"`
	Paymaster  []wireFelt `json:"paymaster_data"`
	Deployment []wireFelt `json:"account_deployment_data"`
	NonceDA    string     `json:"nonce_data_availability_mode"`
	FeeDA      string     `json:"fee_data_availability_mode"`
}

// body is the transaction with a signature. One transaction has one form, so
// that stored bytes can be sent again.
func (t *invokeTx) body(signature ...*felt.Felt) (json.RawMessage, error) {
	nothing := []wireFelt{}
	return json.Marshal(wireInvoke{
		"INVOKE", wire(t.version()), wire(addressFelt(t.sender)), wires(t.calldata), wires(signature), wire(uintFelt(t.nonce)),
		wireBounds{t.bounds.L1Gas.wire(), t.bounds.L1DataGas.wire(), t.bounds.L2Gas.wire()},
		wire(uintFelt(t.bounds.Tip)), nothing, nothing, "L1", "L1",
	})
}

// parseInvoke reads what body wrote. What it does not look at, the hash
// covers.
func parseInvoke(body []byte) (*invokeTx, error) {
	var w wireInvoke
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	sender, err := AddressFromFelt(w.Sender.felt())
	if err != nil {
		return nil, err
	}
	t := &invokeTx{sender: sender, calldata: felts(w.Calldata)}
	for _, u := range []struct {
		in *wireFelt
		to *uint64
	}{{&w.Nonce, &t.nonce}, {&w.Tip, &t.bounds.Tip}} {
		v := WordFromFelt(u.in.felt())
		n, ok := v.Uint64()
		if !ok {
			return nil, &RangeError{"u64", v}
		}
		*u.to = n
	}
	for _, b := range []struct {
		in *wireBound
		to *Bound
	}{{&w.Bounds.L1Gas, &t.bounds.L1Gas}, {&w.Bounds.L1DataGas, &t.bounds.L1DataGas}, {&w.Bounds.L2Gas, &t.bounds.L2Gas}} {
		if *b.to, err = b.in.bound(); err != nil {
			return nil, err
		}
	}
	return t, t.bounds.check()
}

// hashWord is a transaction or block hash as an integer.
func hashWord(f *wireFelt) attestation.Word { return WordFromFelt(f.felt()) }
