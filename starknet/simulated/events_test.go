package simulated_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/starknet/simulated"
)

type emitted struct {
	From        string   `json:"from_address"`
	Keys        []string `json:"keys"`
	Data        []string `json:"data"`
	BlockHash   string   `json:"block_hash"`
	BlockNumber uint64   `json:"block_number"`
	Hash        string   `json:"transaction_hash"`
	TxIndex     *int     `json:"transaction_index"`
	EventIndex  *int     `json:"event_index"`
}

// events follows the continuation tokens to the end.
func (c *chain) events(path string, filter map[string]any) []emitted {
	c.Helper()
	rpc := jsonrpc.NewClient("http://in.process"+path, c.Client())
	var out []emitted
	for {
		var page struct {
			Events []emitted
			Token  string `json:"continuation_token"`
		}
		require.NoError(c, rpc.CallContext(c.Context(), &page, "starknet_getEvents", filter))
		require.LessOrEqual(c, len(page.Events), filter["chunk_size"])
		out = append(out, page.Events...)
		if page.Token == "" {
			return out
		}
		filter["continuation_token"] = page.Token
	}
}

func TestEventPages(t *testing.T) {
	c := newChain(t, simulated.Options{Key: attesterKey()})
	grow(c)
	escrow, token := feltOf(c.Escrow()).String(), feltOf(c.Token()).String()
	released := "0x25a87ee1be734bd6a7bdd4001af1dc52d7cce3691ea03c77b73481003725828"
	for name, tt := range map[string]struct {
		filter map[string]any
		want   int
	}{
		"everything":             {map[string]any{}, 5 + 3 + 1 + 2 + 7},
		"the escrow's":           {map[string]any{"address": escrow}, 1 + 1 + 3},
		"the token's":            {map[string]any{"address": token}, 4 + 2 + 1 + 2 + 4},
		"nobody's":               {map[string]any{"address": "0x1234"}, 0},
		"by selector":            {map[string]any{"keys": [][]string{{released}}}, 3},
		"by either of two":       {map[string]any{"keys": [][]string{{"0x1", released}}}, 3},
		"by the second key":      {map[string]any{"keys": [][]string{{}, {"0x1"}}}, 5},
		"by a key it has not":    {map[string]any{"keys": [][]string{{released}, {"0x2"}}}, 0},
		"an empty last position": {map[string]any{"keys": [][]string{{released}, {}, {}, {}, {}}}, 3},
		"a key beyond the last":  {map[string]any{"keys": [][]string{{released}, {}, {}, {"0x0"}}}, 0},
		"from a block":           {map[string]any{"from_block": map[string]any{"block_number": 3}}, 1 + 2 + 7},
		"to a block":             {map[string]any{"to_block": map[string]any{"block_number": 2}}, 5 + 3},
		"within a block":         {map[string]any{"from_block": map[string]any{"block_number": 2}, "to_block": map[string]any{"block_number": 2}}, 3},
		"an empty block":         {map[string]any{"from_block": map[string]any{"block_number": 4}, "to_block": map[string]any{"block_number": 4}}, 0},
		"a reversed range":       {map[string]any{"from_block": map[string]any{"block_number": 3}, "to_block": map[string]any{"block_number": 2}}, 0},
		"latest":                 {map[string]any{"from_block": "latest", "to_block": "latest", "address": escrow}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			tt.filter["chunk_size"] = 1000
			all := c.events("/rpc", tt.filter)
			require.Len(t, all, tt.want)
			for _, size := range []int{1, 2, 3} {
				delete(tt.filter, "continuation_token")
				tt.filter["chunk_size"] = size
				require.Equal(t, all, c.events("/rpc", tt.filter), "pages of %d", size)
			}
		})
	}

	// RPC 0.10 numbers the events; 0.9 does not.
	old, numbered := c.events("/rpc", map[string]any{"chunk_size": 4}), c.events("/rpc/v0_10", map[string]any{"chunk_size": 4, "address": []string{escrow, token}})
	require.Len(t, numbered, len(old))
	for i, e := range numbered {
		require.Nil(t, old[i].TxIndex)
		r := get[receipt](c, "starknet_getTransactionReceipt", e.Hash)
		require.Equal(t, r.Events[*e.EventIndex].Data, e.Data)
		require.Equal(t, 0, *e.TxIndex)
		e.TxIndex, e.EventIndex = nil, nil
		require.Equal(t, old[i], e)
	}
}

func TestEventFilterRefused(t *testing.T) {
	c := newChain(t, simulated.Options{})
	for name, tt := range map[string]struct {
		filter string
		code   int
	}{
		"no chunk size":        {`{}`, jsonrpc.CodeInvalidParams},
		"chunk size 0":         {`{"chunk_size":0}`, jsonrpc.CodeInvalidParams},
		"chunk size -1":        {`{"chunk_size":-1}`, jsonrpc.CodeInvalidParams},
		"chunk size 1025":      {`{"chunk_size":1025}`, 31},
		"a list of addresses":  {`{"chunk_size":1,"address":["0x1"]}`, jsonrpc.CodeInvalidParams},
		"a token of devnet":    {`{"chunk_size":1,"continuation_token":"1"}`, 33},
		"a negative token":     {`{"chunk_size":1,"continuation_token":"1--1-0"}`, 33},
		"a token with a tail":  {`{"chunk_size":1,"continuation_token":"1-0-0x"}`, 33},
		"keys of another type": {`{"chunk_size":1,"keys":["0x1"]}`, jsonrpc.CodeInvalidParams},
		"accepted on L1":       {`{"chunk_size":1,"from_block":"l1_accepted"}`, 24},
	} {
		t.Run(name, func(t *testing.T) {
			_, e := raw(c, "starknet_getEvents", json.RawMessage("["+tt.filter+"]"))
			require.NotNil(t, e)
			require.Equal(t, tt.code, e.Code, e.Message)
		})
	}
	keys := make([]string, 1025)
	for i := range keys {
		keys[i] = "0x1"
	}
	require.Equal(t, 34, c.refused("starknet_getEvents", map[string]any{"chunk_size": 1, "keys": [][]string{keys}}).Code)
}
