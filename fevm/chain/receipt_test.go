package chain_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
)

// TestReceipt has a node that shows the logs late, as Lotus v1.36.0 did.
func TestReceipt(t *testing.T) {
	tx := common.Hash{7}
	log := types.Log{Topics: []common.Hash{{1}}, BlockNumber: 50, BlockHash: blockHash(50), TxHash: tx}
	for name, tt := range map[string]struct {
		late   int // answers without logs
		change func(map[string]any)
		want   error
		logs   int
	}{
		"at once":                      {logs: 1},
		"after three tries":            {late: 3, logs: 1},
		"never":                        {late: 9},
		"not mined":                    {change: func(r map[string]any) { clear(r) }, want: chain.ErrNotFound},
		"of the one that replaced it":  {change: func(r map[string]any) { r["transactionHash"] = common.Hash{8} }, want: chain.ErrBadAnswer},
		"without a block":              {change: func(r map[string]any) { delete(r, "blockHash") }, want: chain.ErrBadAnswer},
		"without a status":             {change: func(r map[string]any) { delete(r, "status") }, want: chain.ErrBadAnswer},
		"with a log of another block":  {change: func(r map[string]any) { r["blockHash"] = common.Hash{8} }, want: chain.ErrBadAnswer},
		"reverted, which has no logs":  {late: 9, change: func(r map[string]any) { r["status"] = "0x0" }},
		"with a log that was reverted": {change: func(r map[string]any) { l := log; l.Removed = true; r["logs"] = []types.Log{l} }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode()
				asked := 0
				n.reply = func(method string, _ []json.RawMessage) (any, error) {
					if method != "eth_getTransactionReceipt" {
						return nil, nil
					}
					r := map[string]any{"transactionHash": tx, "blockHash": blockHash(50), "blockNumber": "0x32", "status": "0x1", "logs": []types.Log{log}}
					if asked++; asked <= tt.late {
						r["logs"] = []types.Log{}
					}
					if tt.change != nil {
						tt.change(r)
					}
					if len(r) == 0 {
						return json.RawMessage("null"), nil
					}
					return r, nil
				}
				r, err := n.client(t, chain.Config{}).Receipt(t.Context(), attestation.Word(tx))
				require.ErrorIs(t, err, tt.want)
				require.Len(t, r.Logs, tt.logs)
				require.LessOrEqual(t, asked, 4)
			})
		})
	}
}
