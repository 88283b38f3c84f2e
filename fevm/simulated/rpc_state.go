package simulated

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
)

func (n *Node) getTransactionCount(ctx context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "address", "block")
	if err != nil {
		return nil, err
	}
	var address common.Address
	if err := decode(p[0], "address", &address); err != nil {
		return nil, err
	}
	if string(p[1]) == `"pending"` {
		n.mu.RLock()
		defer n.mu.RUnlock()
		return hexutil.Uint64(n.nextNonce(address)), nil
	}
	c := n.seen(ctx)
	number, err := n.epoch(&c, p[1])
	if err != nil {
		return nil, err
	}
	return hexutil.Uint64(c.stateAt(number).account(address).nonce), nil
}

// addressAt reads an address and the state that the block parameter names.
func (n *Node) addressAt(ctx context.Context, params json.RawMessage) (address common.Address, w *world, err error) {
	p, err := jsonrpc.Params(params, "address", "block")
	if err != nil {
		return address, nil, err
	}
	if err := decode(p[0], "address", &address); err != nil {
		return address, nil, err
	}
	c := n.seen(ctx)
	number, err := n.epoch(&c, p[1])
	if err != nil {
		return address, nil, err
	}
	return address, c.stateAt(number), nil
}

func (n *Node) getBalance(ctx context.Context, params json.RawMessage) (any, error) {
	address, w, err := n.addressAt(ctx, params)
	if err != nil {
		return nil, err
	}
	acc := w.account(address)
	return (*hexutil.Big)(acc.balance.ToBig()), nil
}

// getCode answers an invalid opcode and a name for the contracts: they are Go.
func (n *Node) getCode(ctx context.Context, params json.RawMessage) (any, error) {
	address, _, err := n.addressAt(ctx, params)
	if err != nil {
		return nil, err
	}
	c := n.contracts[address]
	if c == nil {
		return hexutil.Bytes{}, nil
	}
	return hexutil.Bytes(fmt.Sprintf("\xfe%T", c)), nil
}

func (n *Node) getStorageAt(ctx context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "address", "slot", "block")
	if err != nil {
		return nil, err
	}
	var address common.Address
	var slot string
	if err := decode(p[0], "address", &address); err != nil {
		return nil, err
	}
	if err := decode(p[1], "slot", &slot); err != nil {
		return nil, err
	}
	key, err := attestation.ParseWord(slot)
	if err != nil || !strings.HasPrefix(slot, "0x") {
		return nil, invalid("slot %s: want 0x and 1 to 64 hexadecimal digits", excerpt(slot))
	}
	c := n.seen(ctx)
	number, err := n.epoch(&c, p[2])
	if err != nil {
		return nil, err
	}
	if address == n.verifier || address == n.mock {
		return nil, errors.New("this contract is a model in Go and has no storage slots")
	}
	value, _ := c.stateAt(number).storage.get(string(address[:]) + string(key[:]))
	return common.Hash(value), nil
}

// A callObject is the first parameter of eth_call and eth_estimateGas.
type callObject struct {
	From  *common.Address `json:"from"`
	To    *common.Address `json:"to"`
	Gas   *hexutil.Uint64 `json:"gas"`
	Value *hexutil.Big    `json:"value"`
	Data  *hexutil.Bytes  `json:"data"`
	Input *hexutil.Bytes  `json:"input"`
}

// simulate runs a call on the state of an epoch, without keeping its effects.
func (n *Node) simulate(ctx context.Context, params json.RawMessage) (ret []byte, gas uint64, err error) {
	p, err := jsonrpc.Params(params, "transaction", "block", "stateOverride")
	if err != nil {
		return nil, 0, err
	}
	if p[2] != nil && string(p[2]) != "{}" {
		return nil, 0, invalid("state overrides are not supported")
	}
	var call callObject
	if err := decode(p[0], "transaction", &call); err != nil {
		return nil, 0, err
	}
	if call.To == nil {
		return nil, 0, errCreate
	}
	input, err := call.input()
	if err != nil {
		return nil, 0, err
	}
	value := new(uint256.Int)
	if call.Value != nil {
		if over := value.SetFromBig(call.Value.ToInt()); over {
			return nil, 0, invalid("value is not below 2^256")
		}
	}
	var from common.Address
	if call.From != nil {
		from = *call.From
	}
	c := n.seen(ctx)
	number, err := n.epoch(&c, p[1])
	if err != nil {
		return nil, 0, err
	}
	m := n.vm(&c, number)
	if balance := m.account(from).balance; balance.Lt(value) {
		return nil, 0, fmt.Errorf("insufficient funds for transfer: address %v", from)
	}
	gas = gasFor(n.contracts[*call.To] != nil, input)
	if call.Gas != nil && uint64(*call.Gas) < gas {
		return nil, 0, fmt.Errorf("out of gas: %d, want %d", uint64(*call.Gas), gas)
	}
	ret, err = m.message(from, *call.To, value, input)
	return ret, gas, err
}

func (call *callObject) input() ([]byte, error) {
	switch {
	case call.Input == nil && call.Data == nil:
		return nil, nil
	case call.Input == nil:
		return *call.Data, nil
	case call.Data != nil && string(*call.Data) != string(*call.Input):
		return nil, invalid("data and input differ")
	}
	return *call.Input, nil
}

func (n *Node) ethCall(ctx context.Context, params json.RawMessage) (any, error) {
	ret, _, err := n.simulate(ctx, params)
	if err != nil {
		return nil, err
	}
	return hexutil.Bytes(ret), nil
}

// estimateGas answers a quarter more than is used, as Lotus does.
func (n *Node) estimateGas(ctx context.Context, params json.RawMessage) (any, error) {
	_, gas, err := n.simulate(ctx, params)
	if err != nil {
		return nil, err
	}
	return hexutil.Uint64(gas + gas/4), nil
}

func (n *Node) sendRaw(_ context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "transaction")
	if err != nil {
		return nil, err
	}
	var raw hexutil.Bytes
	if err := decode(p[0], "transaction", &raw); err != nil {
		return nil, err
	}
	hash, err := n.send(raw)
	if err != nil {
		return nil, err
	}
	return hash, nil
}

// maxFeeHistory is the most blocks that eth_feeHistory answers.
const maxFeeHistory = 1024

func (n *Node) feeHistory(ctx context.Context, params json.RawMessage) (any, error) {
	p, err := jsonrpc.Params(params, "blockCount", "newestBlock", "rewardPercentiles")
	if err != nil {
		return nil, err
	}
	var count quantity
	if err := decode(p[0], "blockCount", &count); err != nil {
		return nil, err
	}
	var percentiles []float64
	if p[2] != nil {
		if err := decode(p[2], "rewardPercentiles", &percentiles); err != nil {
			return nil, err
		}
	}
	if len(percentiles) > 100 {
		return nil, invalid("%d percentiles, want at most 100", len(percentiles))
	}
	c := n.seen(ctx)
	newest, err := n.epoch(&c, p[1])
	if err != nil {
		return nil, err
	}
	blocks := min(uint64(count), maxFeeHistory, newest-c.start+1)
	fees := make([]hexutil.Uint64, blocks+1)
	for i := range fees {
		fees[i] = baseFee
	}
	history := map[string]any{
		"oldestBlock":   hexutil.Uint64(newest + 1 - blocks),
		"baseFeePerGas": fees,
		"gasUsedRatio":  make([]float64, blocks),
	}
	if len(percentiles) > 0 {
		row := make([]hexutil.Uint64, len(percentiles))
		for i := range row {
			row[i] = priorityFee
		}
		rewards := make([][]hexutil.Uint64, blocks)
		for i := range rewards {
			rewards[i] = row
		}
		history["reward"] = rewards
	}
	return history, nil
}
