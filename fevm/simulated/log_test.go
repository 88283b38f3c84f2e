package simulated_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm/simulated"
)

// emit sends addRoots of the mock for each set.
func emit(t *testing.T, n *simulated.Node, c *ethclient.Client, sets ...byte) {
	t.Helper()
	nonce := mustNonce(t, n, n.Accounts()[2].Address())
	for i, set := range sets {
		input := hexutil.MustDecode("0xbc96e205")
		for _, w := range []byte{set, 64, 0} {
			input = append(input, common.LeftPadBytes([]byte{w}, 32)...)
		}
		require.NoError(t, c.SendTransaction(t.Context(), sign(t, n.Accounts()[2], types.DynamicFeeTxType, nonce+uint64(i), n.MockVerifier(), nil, input)))
	}
}

func TestGetLogs(t *testing.T) {
	n := simulated.New(simulated.WithStart(1000))
	c := dial(t, n)
	emit(t, n, c, 1, 2, 3) // epochs 1001 to 1003
	_, err := n.Mine(1)
	require.NoError(t, err)
	topic0 := crypto.Keccak256Hash([]byte("RootsAdded(uint256,bytes32[])"))
	set := func(b byte) common.Hash { return common.Hash{31: b} }
	mock, other := n.MockVerifier(), common.Address{9}
	block := blockAt(t, c, "0x3ea").Hash // 1002
	for name, tt := range map[string]struct {
		filter map[string]any
		want   int
	}{
		"all":                          {map[string]any{"fromBlock": "0x3e8"}, 3},
		"absent ends are the head":     {map[string]any{}, 0},
		"to the head":                  {map[string]any{"fromBlock": "0x3eb", "toBlock": "latest"}, 1},
		"beyond the head":              {map[string]any{"fromBlock": "0x3e9", "toBlock": "0x500"}, 3},
		"one epoch":                    {map[string]any{"fromBlock": "0x3ea", "toBlock": "0x3ea"}, 1},
		"before the first tipset":      {map[string]any{"fromBlock": "0x0", "toBlock": "0x3e9"}, 1},
		"earliest":                     {map[string]any{"fromBlock": "earliest", "toBlock": "latest"}, 3},
		"by block hash":                {map[string]any{"blockHash": block}, 1},
		"address":                      {map[string]any{"fromBlock": "0x3e8", "address": mock}, 3},
		"other address":                {map[string]any{"fromBlock": "0x3e8", "address": other}, 0},
		"addresses":                    {map[string]any{"fromBlock": "0x3e8", "address": []any{other, mock}}, 3},
		"no address in a list":         {map[string]any{"fromBlock": "0x3e8", "address": []any{}}, 3},
		"topic":                        {map[string]any{"fromBlock": "0x3e8", "topics": []any{topic0}}, 3},
		"other topic":                  {map[string]any{"fromBlock": "0x3e8", "topics": []any{set(1)}}, 0},
		"second topic":                 {map[string]any{"fromBlock": "0x3e8", "topics": []any{nil, set(2)}}, 1},
		"alternatives":                 {map[string]any{"fromBlock": "0x3e8", "topics": []any{topic0, []any{set(1), set(3), set(9)}}}, 2},
		"null among alternatives":      {map[string]any{"fromBlock": "0x3e8", "topics": []any{topic0, []any{set(1), nil}}}, 3},
		"more topics than the log has": {map[string]any{"fromBlock": "0x3e8", "topics": []any{nil, nil, nil}}, 0},
		"trailing nulls that it has":   {map[string]any{"fromBlock": "0x3e8", "topics": []any{topic0, nil}}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			require.Len(t, ask(t, c, "eth_getLogs", tt.filter), tt.want)
		})
	}
	for name, tt := range map[string]struct {
		filter any
		code   int
		text   string
	}{
		"finalized":        {map[string]any{"fromBlock": "finalized"}, 1, "FromBlock is not a hex"},
		"safe":             {map[string]any{"fromBlock": "0x1", "toBlock": "safe"}, 1, "ToBlock is not a hex"},
		"decimal":          {map[string]any{"fromBlock": "1001"}, 1, "FromBlock is not a hex"},
		"upside down":      {map[string]any{"fromBlock": "0x3e9", "toBlock": "0x3e8"}, 1, "invalid epoch range"},
		"range of 2881":    {map[string]any{"fromBlock": "0x3e8", "toBlock": "0xf29"}, -32005, "block range exceeds maximum of 2880 (got 2881)"},
		"above the head":   {map[string]any{"fromBlock": "0x3ed", "toBlock": "0x3ed"}, 1, "not yet available"},
		"unknown hash":     {map[string]any{"blockHash": common.Hash{1}}, -32000, "unknown block"},
		"hash and range":   {map[string]any{"blockHash": block, "fromBlock": "0x1"}, -32602, "must not specify"},
		"five topics":      {map[string]any{"topics": []any{nil, nil, nil, nil, nil}}, -32602, "5 topics"},
		"bad address":      {map[string]any{"address": "0x12"}, -32602, "filter"},
		"topics no array":  {map[string]any{"topics": "x"}, -32602, "filter"},
		"filter no object": {5, -32602, "filter"},
		"no filter":        {nil, -32602, "missing"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, c, tt.code, tt.text, "eth_getLogs", tt.filter) })
	}
	require.Len(t, ask(t, c, "eth_getLogs", map[string]any{"fromBlock": "0x3e8", "toBlock": "0xf28"}), 3, "2880 is the most")
}

func TestMaxResults(t *testing.T) {
	n := simulated.New(simulated.WithStart(1000), simulated.WithMaxResults(2))
	c := dial(t, n)
	emit(t, n, c, 1, 2, 3)
	require.Len(t, ask(t, c, "eth_getLogs", map[string]any{"fromBlock": "0x3ea"}), 2)
	refused(t, c, 1, "filter matches too many events", "eth_getLogs", map[string]any{"fromBlock": "0x3e9"})
}

func TestMaxResultsOfOneTipset(t *testing.T) {
	n := simulated.New(simulated.WithManualMining(), simulated.WithMaxResults(2))
	c := dial(t, n)
	emit(t, n, c, 1, 2, 3)
	_, err := n.Mine(1)
	require.NoError(t, err)
	require.Len(t, ask(t, c, "eth_getLogs", map[string]any{}), 3, "one tipset is never cut")
}

func TestLogIndex(t *testing.T) {
	n := simulated.New(simulated.WithManualMining())
	c := dial(t, n)
	emit(t, n, c, 1, 2)
	_, err := n.Mine(1)
	require.NoError(t, err)
	var logs []types.Log
	require.NoError(t, c.Client().Call(&logs, "eth_getLogs", map[string]any{"blockHash": blockAt(t, c, "latest").Hash}))
	require.Len(t, logs, 2)
	for i, l := range logs {
		require.EqualValues(t, i, l.Index, "counted over the tipset")
		require.EqualValues(t, i, l.TxIndex)
	}
}

func TestEventLimit(t *testing.T) {
	n := simulated.New()
	sp := n.Provider(n.Accounts()[1])
	input := func(roots int) []byte {
		b := hexutil.MustDecode("0xbc96e205")
		for _, w := range []int{1, 64, roots} {
			b = append(b, common.LeftPadBytes(big.NewInt(int64(w)).Bytes(), 32)...)
		}
		return append(b, make([]byte, 32*roots)...)
	}
	_, err := sp.Send(t.Context(), n.MockVerifier(), nil, input(252)) // 2 topics + 254 words
	require.NoError(t, err)
	_, err = sp.Send(t.Context(), n.MockVerifier(), nil, input(253))
	require.ErrorAs(t, err, new(*simulated.RevertError), "an event above 8 KiB cannot be on Filecoin")
}
