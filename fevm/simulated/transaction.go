package simulated

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"
)

// Gas is nominal: the same for the same calldata, and near what the real
// contract takes in an Ethereum node (Filecoin's own gas is about a thousand
// times that). The base fee does not move.
const (
	gasTransaction = 21_000
	gasContract    = 120_000 // a call of a contract, its logs included
	gasByte        = 40      // a byte of calldata, reading and handling it
	gasLimitBlock  = 10_000_000_000
	gasLimitCall   = gasLimitBlock
	baseFee        = 100     // attoFIL
	priorityFee    = 100_000 // attoFIL, what eth_maxPriorityFeePerGas suggests
)

func gasFor(contract bool, input []byte) uint64 {
	gas := uint64(gasTransaction + gasByte*len(input))
	if contract {
		gas += gasContract
	}
	return gas
}

// Errors of eth_sendRawTransaction; the texts are go-ethereum's, which clients
// look for.
var (
	errNonceLow  = errors.New("nonce too low")
	errNonceHigh = errors.New("nonce too high")
	errKnown     = errors.New("already known")
	errFunds     = errors.New("insufficient funds for gas * price + value")
	errFeeCap    = errors.New("max fee per gas less than block base fee")
	errGasLimit  = errors.New("exceeds block gas limit")
	errIntrinsic = errors.New("intrinsic gas too low")
	errCreate    = errors.New("contract creation is not supported: this node has models of contracts, not the EVM")
	errChainID   = errors.New("invalid chain id for signer")
	errTxType    = errors.New("transaction type not supported")
)

// A pooled transaction passed all checks but those of the state.
type pooled struct {
	tx   *types.Transaction
	from common.Address
}

// readTransaction decodes a raw transaction and checks what does not depend on
// the state.
func readTransaction(raw []byte) (pooled, error) {
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(raw); err != nil {
		return pooled{}, fmt.Errorf("decode transaction: %w", err)
	}
	if err := checkSigned(tx); err != nil {
		return pooled{}, err
	}
	from, err := types.Sender(types.LatestSignerForChainID(tx.ChainId()), tx)
	if err != nil {
		return pooled{}, fmt.Errorf("invalid sender: %w", err)
	}
	return pooled{tx, from}, checkGas(tx)
}

// checkSigned checks what a sender can be recovered from.
func checkSigned(tx *types.Transaction) error {
	switch tx.Type() {
	case types.LegacyTxType, types.AccessListTxType, types.DynamicFeeTxType:
	default:
		return fmt.Errorf("%w: %d", errTxType, tx.Type())
	}
	if !tx.Protected() {
		return errors.New("only replay-protected (EIP-155) transactions allowed")
	}
	if id := tx.ChainId(); !id.IsUint64() || id.Uint64() != ChainID {
		return fmt.Errorf("%w: have %v, want %d", errChainID, id, ChainID)
	}
	return nil
}

func checkGas(tx *types.Transaction) error {
	switch {
	case tx.To() == nil:
		return errCreate
	case tx.Gas() > gasLimitBlock:
		return errGasLimit
	case tx.Gas() < gasTransaction:
		return fmt.Errorf("%w: have %d, want %d", errIntrinsic, tx.Gas(), gasTransaction)
	case tx.GasFeeCapIntCmp(tx.GasTipCap()) < 0:
		return errors.New("max priority fee per gas higher than max fee per gas")
	case tx.GasFeeCapIntCmp(common.Big1) < 0 || !tx.GasFeeCap().IsUint64() || tx.GasFeeCap().Uint64() < baseFee:
		return fmt.Errorf("%w: maxFeePerGas: %v, baseFee: %d", errFeeCap, tx.GasFeeCap(), baseFee)
	}
	return nil
}

// affordable checks the sender's balance as a node does before it takes a
// transaction.
func (w *world) affordable(p pooled) error {
	balance := w.account(p.from).balance
	if cost := p.tx.Cost(); cost.Cmp(balance.ToBig()) > 0 {
		return fmt.Errorf("%w: address %v have %v want %v", errFunds, p.from, balance.ToBig(), cost)
	}
	return nil
}

// apply runs a transaction whose nonce and balance were checked.
func (m *vm) apply(p pooled) *transaction {
	price := new(uint256.Int)
	price.SetFromBig(p.tx.GasTipCap())
	price.Add(price, uint256.NewInt(baseFee))
	if feeCap, _ := uint256.FromBig(p.tx.GasFeeCap()); price.Gt(feeCap) {
		price.Set(feeCap)
	}
	t := &transaction{tx: p.tx, from: p.from, number: m.number, price: price}
	to := *p.tx.To()
	acc := m.account(p.from)
	acc.nonce++
	m.setAccount(p.from, acc)

	t.gasUsed = gasFor(m.contracts[to] != nil, p.tx.Data())
	if t.gasUsed > p.tx.Gas() {
		t.gasUsed = p.tx.Gas() // out of gas: it pays and does nothing
	} else {
		value, _ := uint256.FromBig(p.tx.Value())
		if _, err := m.message(p.from, to, value, p.tx.Data()); err == nil {
			t.status = types.ReceiptStatusSuccessful
		}
	}
	fee := new(uint256.Int).Mul(price, uint256.NewInt(t.gasUsed))
	m.move(p.from, burnAddress, fee) // affordable checked that the sender has it
	t.logs, m.logs = m.logs, nil
	return t
}
