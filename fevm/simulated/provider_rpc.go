package simulated

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// A Receipt is the outcome of a transaction that succeeded.
type Receipt struct {
	TxHash      common.Hash
	BlockNumber uint64      // epoch
	Logs        []types.Log // of all contracts, in order
}

// receiptPoll is the pause between looks for a receipt when the node does not
// mine at once.
const receiptPoll = 20 * time.Millisecond

// callGas is more than any call of the models takes; what is left is not paid.
func callGas(input []byte) uint64 { return 1_000_000 + 2*gasByte*uint64(len(input)) }

// call sends a transaction that calls a method of the verifier.
func (p *Provider) call(ctx context.Context, value *big.Int, method string, args ...any) (Receipt, error) {
	input, err := verifierABI().Pack(method, args...)
	if err != nil {
		return Receipt{}, fmt.Errorf("simulated: %s: %w", method, err)
	}
	return p.Send(ctx, p.verifier, value, input)
}

// Send signs a transaction, sends it and waits until it is mined. value is in
// attoFIL; nil is 0. It fails with *[RevertError] if the contract refused it, and
// with the context's error while it is pending.
func (p *Provider) Send(ctx context.Context, to common.Address, value *big.Int, input []byte) (Receipt, error) {
	p.sending.Lock()
	defer p.sending.Unlock()
	var nonce hexutil.Uint64
	var price hexutil.Big
	if p.chainID == 0 {
		var id hexutil.Uint64
		if err := p.ask(ctx, &id, "eth_chainId"); err != nil {
			return Receipt{}, err
		}
		p.chainID = uint64(id)
	}
	if err := p.ask(ctx, &nonce, "eth_getTransactionCount", p.address, "pending"); err != nil {
		return Receipt{}, err
	}
	if err := p.ask(ctx, &price, "eth_gasPrice"); err != nil {
		return Receipt{}, err
	}
	signer := types.LatestSignerForChainID(new(big.Int).SetUint64(p.chainID))
	tx, err := types.SignNewTx(p.key, signer, &types.DynamicFeeTx{
		ChainID: signer.ChainID(), Nonce: uint64(nonce), To: &to, Value: value, Data: input,
		Gas: callGas(input), GasFeeCap: price.ToInt(), GasTipCap: big.NewInt(1),
	})
	if err != nil {
		return Receipt{}, fmt.Errorf("simulated: sign: %w", err)
	}
	if err := p.hand(ctx, tx); err != nil {
		return Receipt{}, err
	}
	if p.sent != nil {
		if err := p.sent(); err != nil {
			return Receipt{}, err
		}
	}
	return p.wait(ctx, tx)
}

// hand gives a signed transaction to the node.
func (p *Provider) hand(ctx context.Context, tx *types.Transaction) error {
	if d, ok := p.rpc.(direct); ok {
		return d.send(tx, p.address)
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		return fmt.Errorf("simulated: encode transaction: %w", err)
	}
	return p.ask(ctx, nil, "eth_sendRawTransaction", hexutil.Bytes(raw))
}

// wait returns the receipt of a transaction when there is one.
func (p *Provider) wait(ctx context.Context, tx *types.Transaction) (Receipt, error) {
	for {
		var r *struct {
			Status      hexutil.Uint64 `json:"status"`
			BlockNumber hexutil.Uint64 `json:"blockNumber"`
			Logs        []types.Log    `json:"logs"`
		}
		if err := p.ask(ctx, &r, "eth_getTransactionReceipt", tx.Hash()); err != nil {
			return Receipt{}, err
		}
		if r != nil && uint64(r.Status) == types.ReceiptStatusSuccessful {
			return Receipt{tx.Hash(), uint64(r.BlockNumber), r.Logs}, nil
		}
		if r != nil {
			return Receipt{}, p.whyReverted(ctx, tx, r.BlockNumber)
		}
		pause := time.NewTimer(receiptPoll)
		select {
		case <-ctx.Done():
			pause.Stop()
			return Receipt{}, fmt.Errorf("simulated: transaction %v is pending: %w", tx.Hash(), ctx.Err())
		case <-pause.C:
		}
	}
}

// whyReverted runs a failed transaction again, as a call, for its reason: it is
// not in the receipt.
func (p *Provider) whyReverted(ctx context.Context, tx *types.Transaction, at hexutil.Uint64) error {
	reverted := &RevertError{TxHash: attestation.Word(tx.Hash())}
	err := p.ask(ctx, nil, "eth_call", map[string]any{
		"from": p.address, "to": tx.To(), "value": (*hexutil.Big)(tx.Value()), "input": hexutil.Bytes(tx.Data()),
	}, at)
	if again, ok := errors.AsType[*RevertError](err); ok {
		reverted.Reason, reverted.Data = again.Reason, again.Data
		return reverted
	}
	if err != nil {
		return errors.Join(reverted, err)
	}
	return reverted
}

// ask calls a method of the node. What a contract refused is a *RevertError.
func (p *Provider) ask(ctx context.Context, result any, method string, params ...any) error {
	err := p.rpc.CallContext(ctx, result, method, params...)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*jsonrpc.Error](err); ok && e.Code == codeReverted {
		var data hexutil.Bytes
		if json.Unmarshal(e.Data, &data) == nil {
			return &RevertError{Reason: revertReason(data), Data: data}
		}
	}
	return fmt.Errorf("simulated: %w", err)
}

// read calls a view of the verifier at a block.
func (p *Provider) read(ctx context.Context, at, method string, args ...any) ([]any, error) {
	input, err := verifierABI().Pack(method, args...)
	if err != nil {
		return nil, fmt.Errorf("simulated: %s: %w", method, err)
	}
	var ret hexutil.Bytes
	if err := p.ask(ctx, &ret, "eth_call", map[string]any{"to": p.verifier, "input": hexutil.Bytes(input)}, at); err != nil {
		return nil, err
	}
	out, err := verifierABI().Unpack(method, ret)
	if err != nil {
		return nil, fmt.Errorf("simulated: %s: %w", method, err)
	}
	return out, nil
}

// readNumber reads a view that returns one uint256.
func (p *Provider) readNumber(ctx context.Context, at, method string, args ...any) (*big.Int, error) {
	out, err := p.read(ctx, at, method, args...)
	if err != nil {
		return nil, err
	}
	return out[0].(*big.Int), nil
}

// head returns the newest epoch as a quantity, to read a consistent state at.
func (p *Provider) head(ctx context.Context) (string, error) {
	var head hexutil.Uint64
	err := p.ask(ctx, &head, "eth_blockNumber")
	return head.String(), err
}

// piecePage is how many pieces are read in one call.
const piecePage = 500

// dataSet reads a data set for proving, and its challenge epoch.
func (p *Provider) dataSet(ctx context.Context, at string, set uint64) (fevm.DataSet, attestation.Word, error) {
	out := fevm.DataSet{ID: attestation.WordFromUint64(set)}
	epoch, err := p.readNumber(ctx, at, "getNextChallengeEpoch", number(set))
	if err != nil {
		return out, attestation.Word{}, err
	}
	word, err := attestation.WordFromBig(epoch)
	if err != nil {
		return out, word, err
	}
	leaves, err := p.readNumber(ctx, at, "getChallengeRange", number(set))
	if err != nil {
		return out, word, err
	}
	if !leaves.IsUint64() {
		return out, word, fmt.Errorf("simulated: challenge range %v is not below 2^64", leaves)
	}
	out.ChallengeRange = leaves.Uint64()
	for from, more := uint64(0), true; more; {
		page, err := p.read(ctx, at, "getActivePiecesByCursor", number(set), number(from), big.NewInt(piecePage))
		if refused, ok := errors.AsType[*RevertError](err); ok && len(refused.Data) == 0 {
			page, err = p.piecesOneByOne(ctx, at, set) // release 2.2.1 has no such method
		}
		if err != nil {
			return out, word, err
		}
		data := *abi.ConvertType(page[0], new([]cidTuple)).(*[]cidTuple)
		ids := page[1].([]*big.Int)
		if len(data) != len(ids) {
			return out, word, fmt.Errorf("simulated: %d piece CIDs for %d ids", len(data), len(ids))
		}
		for i, id := range ids {
			if !id.IsUint64() || id.Uint64() < from {
				return out, word, fmt.Errorf("simulated: piece id %v: want ids in order from %d", id, from)
			}
			out.Pieces = append(out.Pieces, fevm.Piece{ID: id.Uint64(), CID: data[i].Data})
			from = id.Uint64() + 1
		}
		more = page[2].(bool) && len(ids) > 0
	}
	return out, word, nil
}

// piecesOneByOne reads the live pieces of a set with calls that every release
// has.
func (p *Provider) piecesOneByOne(ctx context.Context, at string, set uint64) ([]any, error) {
	next, err := p.readNumber(ctx, at, "getNextPieceId", number(set))
	if err != nil {
		return nil, err
	}
	data, ids := []cidTuple{}, []*big.Int{}
	for id := uint64(0); next.IsUint64() && id < next.Uint64(); id++ {
		leaves, err := p.readNumber(ctx, at, "getPieceLeafCount", number(set), number(id))
		if err != nil {
			return nil, err
		}
		if leaves.Sign() == 0 {
			continue
		}
		cid, err := p.read(ctx, at, "getPieceCid", number(set), number(id))
		if err != nil {
			return nil, err
		}
		data, ids = append(data, *abi.ConvertType(cid[0], new(cidTuple)).(*cidTuple)), append(ids, number(id))
	}
	return []any{data, ids, false}, nil
}
