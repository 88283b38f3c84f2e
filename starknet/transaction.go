package starknet

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"

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
	out := []*felt.Felt{uintFelt(uint64(len(calls)))}
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

// A bound is how much of a resource a transaction may use, and at what price in
// FRI: a u64 and a u128.
type bound struct {
	amount uint64
	price  *big.Int
}

// MarshalJSON writes RESOURCE_BOUNDS of the specification.
func (b bound) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"max_amount":"0x%x","max_price_per_unit":"0x%x"}`, b.amount, b.price), nil
}

// felt is the form of b that is hashed: the name in 7 bytes, the amount in 8,
// the price in 16.
func (b bound) felt(name string) *felt.Felt {
	var raw [32]byte
	copy(raw[8-len(name):], name)
	binary.BigEndian.PutUint64(raw[8:], b.amount)
	b.price.FillBytes(raw[16:])
	return new(felt.Felt).SetBytes(raw[:])
}

type bounds struct {
	L1Gas     bound `json:"l1_gas"`
	L1DataGas bound `json:"l1_data_gas"`
	L2Gas     bound `json:"l2_gas"`
}

// An invokeTx is INVOKE_TXN_V3 without what this package never sets: tip,
// paymaster and deployment data are empty, data availability is on L1.
type invokeTx struct {
	query    bool // only to be estimated: its signature is worth nothing for the real one
	sender   slastream.Address
	calldata []*felt.Felt
	nonce    uint64
	bounds   bounds
}

var (
	prefixInvoke = *new(felt.Felt).SetBytes([]byte("invoke"))
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
	none := crypto.PoseidonArray()
	fee := crypto.PoseidonArray(new(felt.Felt), t.bounds.L1Gas.felt("L1_GAS"), t.bounds.L2Gas.felt("L2_GAS"), t.bounds.L1DataGas.felt("L1_DATA"))
	calldata := crypto.PoseidonArray(t.calldata...)
	h := crypto.PoseidonArray(&prefixInvoke, t.version(), addressFelt(t.sender), &fee, &none, chainID,
		uintFelt(t.nonce), new(felt.Felt), &none, &calldata)
	return &h
}

// body is the transaction as starknet_addInvokeTransaction takes it. One
// transaction has one form, so that stored bytes can be sent again.
func (t *invokeTx) body(r, s *felt.Felt) (json.RawMessage, error) {
	nothing := []wireFelt{}
	return json.Marshal(struct {
		Type       string     `json:"type"`
		Version    wireFelt   `json:"version"`
		Sender     wireFelt   `json:"sender_address"`
		Calldata   []wireFelt `json:"calldata"`
		Signature  []wireFelt `json:"signature"`
		Nonce      wireFelt   `json:"nonce"`
		Bounds     bounds     `json:"resource_bounds"`
		Tip        string     `json:"tip"`
		Paymaster  []wireFelt `json:"paymaster_data"`
		Deployment []wireFelt `json:"account_deployment_data"`
		NonceDA    string     `json:"nonce_data_availability_mode"`
		FeeDA      string     `json:"fee_data_availability_mode"`
	}{
		"INVOKE", wire(t.version()), wire(addressFelt(t.sender)), wires(t.calldata), wires([]*felt.Felt{r, s}),
		wire(uintFelt(t.nonce)), t.bounds, "0x0", nothing, nothing, "L1", "L1",
	})
}

// An estimate is FEE_ESTIMATE of the specification.
type estimate struct {
	L1Gas       wireFelt `json:"l1_gas_consumed"`
	L1GasPrice  wireFelt `json:"l1_gas_price"`
	L2Gas       wireFelt `json:"l2_gas_consumed"`
	L2GasPrice  wireFelt `json:"l2_gas_price"`
	L1DataGas   wireFelt `json:"l1_data_gas_consumed"`
	L1DataPrice wireFelt `json:"l1_data_gas_price"`
}

// maxL2Gas is what a transaction may use at most: the network's own limit was
// raised to 1.11e9 only in 0.14.4.
const maxL2Gas = 1_000_000_000

// bounds adds the margin of one half to amounts and prices. The L2 amount stays
// at the limit of the network if the margin alone would exceed it.
func (e *estimate) bounds() (bounds, error) {
	var b bounds
	for _, r := range []struct {
		name          string
		amount, price *wireFelt
		to            *bound
	}{
		{"l1_gas", &e.L1Gas, &e.L1GasPrice, &b.L1Gas},
		{"l1_data_gas", &e.L1DataGas, &e.L1DataPrice, &b.L1DataGas},
		{"l2_gas", &e.L2Gas, &e.L2GasPrice, &b.L2Gas},
	} {
		amount, ok := WordFromFelt(r.amount.felt()).Uint64()
		price := WordFromFelt(r.price.felt())
		if !ok || amount > 1<<62 || !fits(price, 15) {
			return bounds{}, fmt.Errorf("%w: estimate of %s: amount %v, price %v", ErrBadAnswer, r.name, r.amount.felt(), r.price.felt())
		}
		most := price.Big()
		most.Add(most, new(big.Int).Rsh(most, 1))
		*r.to = bound{amount + amount/2, most}
	}
	used, _ := WordFromFelt(e.L2Gas.felt()).Uint64()
	if used == 0 { // every transaction uses some
		return bounds{}, fmt.Errorf("%w: estimate without l2_gas_consumed", ErrBadAnswer)
	}
	if b.L2Gas.amount > maxL2Gas {
		b.L2Gas.amount = max(used, maxL2Gas)
	}
	return b, nil
}

// zeroBounds are for a transaction that is only estimated.
func zeroBounds() bounds {
	zero := bound{0, new(big.Int)}
	return bounds{zero, zero, zero}
}

// hashWord is a transaction or block hash as an integer.
func hashWord(f *wireFelt) attestation.Word { return WordFromFelt(f.felt()) }
