package chain

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// Dial returns a caller of the JSON-RPC endpoint at an HTTP URL, through hc, nil
// for http.DefaultClient. It opens no connection. It reads at most 64 MiB of an
// answer, and no error text holds the URL, which can hold an access key. Time
// limits come from the context of each call.
func Dial(url string, hc *http.Client) Caller { return jsonrpc.NewClient(url, hc) }

// A Receipt is what became of a transaction.
type Receipt struct {
	Block   Block // without its parent and its time
	Success bool
	Logs    []types.Log
}

// How often a receipt without logs is asked for, and the pause between.
const (
	receiptTries = 4
	receiptPause = 2 * time.Second
)

// Receipt returns the receipt of a mined transaction. Nodes are known to show a
// receipt without its logs for some seconds after the tipset was executed, so one
// of a successful transaction without logs is asked for again, four times in all:
// if it has none then, it has none. It fails with [ErrNotFound] for a transaction
// that is not mined, and with [ErrBadAnswer] for the receipt of another one.
func (c *Client) Receipt(ctx context.Context, tx attestation.Word) (Receipt, error) {
	for try := 1; ; try++ {
		r, err := c.receipt(ctx, tx)
		if err != nil || !r.Success || len(r.Logs) > 0 || try == receiptTries {
			return r, err
		}
		if !sleep(ctx, receiptPause) {
			return Receipt{}, ctx.Err()
		}
	}
}

func (c *Client) receipt(ctx context.Context, tx attestation.Word) (Receipt, error) {
	var answer *struct {
		Hash        *common.Hash    `json:"transactionHash"`
		BlockHash   *common.Hash    `json:"blockHash"`
		BlockNumber *hexutil.Uint64 `json:"blockNumber"`
		Status      *hexutil.Uint64 `json:"status"`
		Logs        []types.Log     `json:"logs"`
	}
	if err := c.call(ctx, &answer, "eth_getTransactionReceipt", common.Hash(tx)); err != nil {
		return Receipt{}, fmt.Errorf("chain: receipt of %s: %w", tx, err)
	}
	if answer == nil {
		return Receipt{}, fmt.Errorf("%w: no receipt of %s", ErrNotFound, tx)
	}
	if answer.Hash == nil || *answer.Hash != common.Hash(tx) {
		return Receipt{}, fmt.Errorf("%w: asked for the receipt of %s, got another one", ErrBadAnswer, tx)
	}
	if answer.BlockHash == nil || answer.BlockNumber == nil || answer.Status == nil {
		return Receipt{}, fmt.Errorf("%w: receipt of %s without block or status", ErrBadAnswer, tx)
	}
	r := Receipt{Block: Block{Number: uint64(*answer.BlockNumber), Hash: attestation.Word(*answer.BlockHash)}, Success: *answer.Status == 1}
	for _, l := range answer.Logs {
		if l.TxHash != common.Hash(tx) || l.BlockHash != *answer.BlockHash || l.BlockNumber != r.Block.Number {
			return Receipt{}, fmt.Errorf("%w: receipt of %s with a log of another transaction or block", ErrBadAnswer, tx)
		}
		if !l.Removed {
			r.Logs = append(r.Logs, l)
		}
	}
	return r, nil
}
