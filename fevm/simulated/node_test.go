package simulated_test

import (
	"context"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/simulated"
)

// dial returns go-ethereum's client of a node, in process.
func dial(t *testing.T, n *simulated.Node) *ethclient.Client {
	t.Helper()
	return dialURL(t, "http://node.invalid/rpc/v1", n.Client())
}

func dialURL(t *testing.T, url string, hc *http.Client) *ethclient.Client {
	t.Helper()
	c, err := rpc.DialOptions(t.Context(), url, rpc.WithHTTPClient(hc))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return ethclient.NewClient(c)
}

func ask(t *testing.T, c *ethclient.Client, method string, params ...any) any {
	t.Helper()
	var result any
	require.NoError(t, c.Client().Call(&result, method, params...), method)
	return result
}

func refused(t *testing.T, c *ethclient.Client, code int, text, method string, params ...any) rpc.DataError {
	t.Helper()
	var result any
	err := c.Client().Call(&result, method, params...)
	var rpcErr rpc.Error
	require.ErrorAs(t, err, &rpcErr, "%s%v", method, params)
	require.Equal(t, code, rpcErr.ErrorCode(), "%s%v: %v", method, params, err)
	require.ErrorContains(t, err, text)
	return rpcErr.(rpc.DataError)
}

// sign makes a transaction of any of the three types.
func sign(t *testing.T, a simulated.Account, kind uint8, nonce uint64, to common.Address, value *big.Int, input []byte) *types.Transaction {
	t.Helper()
	id := big.NewInt(simulated.ChainID)
	var inner types.TxData
	switch kind {
	case types.LegacyTxType:
		inner = &types.LegacyTx{Nonce: nonce, To: &to, Value: value, Data: input, Gas: 1e6, GasPrice: big.NewInt(1e6)}
	case types.AccessListTxType:
		inner = &types.AccessListTx{ChainID: id, Nonce: nonce, To: &to, Value: value, Data: input, Gas: 1e6, GasPrice: big.NewInt(1e6)}
	default:
		inner = &types.DynamicFeeTx{ChainID: id, Nonce: nonce, To: &to, Value: value, Data: input, Gas: 1e6, GasFeeCap: big.NewInt(1e6), GasTipCap: big.NewInt(7)}
	}
	tx, err := types.SignNewTx(a.PrivateKey(), types.LatestSignerForChainID(id), inner)
	require.NoError(t, err)
	return tx
}

// TestEthclient drives the node with go-ethereum's client, in process and over
// a socket.
func TestEthclient(t *testing.T) {
	served := simulated.New()
	server := httptest.NewServer(served)
	t.Cleanup(server.Close)
	inProcess := simulated.New()
	for name, tt := range map[string]struct {
		node   *simulated.Node
		client *ethclient.Client
	}{
		"in process":    {inProcess, dial(t, inProcess)},
		"over a socket": {served, dialURL(t, server.URL, nil)},
	} {
		t.Run(name, func(t *testing.T) { drive(t, tt.node, tt.client) })
	}
}

func drive(t *testing.T, node *simulated.Node, client *ethclient.Client) {
	ctx := t.Context()
	id, err := client.ChainID(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 314159, id.Uint64())
	start, err := client.BlockNumber(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 3_300_000, start)

	from, to := node.Accounts()[0], node.Accounts()[1].Address()
	before, err := client.BalanceAt(ctx, to, nil)
	require.NoError(t, err)
	for nonce, kind := range []uint8{types.LegacyTxType, types.AccessListTxType, types.DynamicFeeTxType} {
		tx := sign(t, from, kind, uint64(nonce), to, big.NewInt(5), nil)
		require.NoError(t, client.SendTransaction(ctx, tx))
		receipt, err := client.TransactionReceipt(ctx, tx.Hash())
		require.NoError(t, err)
		require.EqualValues(t, 1, receipt.Status)
		require.EqualValues(t, start+1+uint64(nonce), receipt.BlockNumber.Uint64())
		got, pending, err := client.TransactionByHash(ctx, tx.Hash())
		require.NoError(t, err)
		require.False(t, pending)
		require.Equal(t, tx.Hash(), got.Hash())
		sender, err := client.TransactionSender(ctx, got, receipt.BlockHash, 0)
		require.NoError(t, err)
		require.Equal(t, from.Address(), sender)
		block, err := client.BlockByNumber(ctx, receipt.BlockNumber)
		require.NoError(t, err)
		require.Len(t, block.Transactions(), 1)
	}
	after, err := client.BalanceAt(ctx, to, nil)
	require.NoError(t, err)
	require.EqualValues(t, 15, new(big.Int).Sub(after, before).Int64())
	old, err := client.BalanceAt(ctx, to, new(big.Int).SetUint64(start+1))
	require.NoError(t, err)
	require.EqualValues(t, 5, new(big.Int).Sub(old, before).Int64(), "state of an old epoch")

	header, err := client.HeaderByNumber(ctx, new(big.Int).SetUint64(start+1))
	require.NoError(t, err)
	require.EqualValues(t, 1667326380+30*(start+1), header.Time)

	// A contract: the mock verifier.
	roots := hexutil.MustDecode("0xbc96e205" + "0000000000000000000000000000000000000000000000000000000000000007" +
		"0000000000000000000000000000000000000000000000000000000000000040" + "0000000000000000000000000000000000000000000000000000000000000001" +
		"1111111111111111111111111111111111111111111111111111111111111111")
	gas, err := client.EstimateGas(ctx, ethereum.CallMsg{From: from.Address(), To: new(node.MockVerifier()), Data: roots})
	require.NoError(t, err)
	require.Less(t, gas, uint64(1e6))
	tx := sign(t, from, types.DynamicFeeTxType, 3, node.MockVerifier(), nil, roots)
	require.NoError(t, client.SendTransaction(ctx, tx))
	logs, err := client.FilterLogs(ctx, ethereum.FilterQuery{FromBlock: new(big.Int).SetUint64(start), Addresses: []common.Address{node.MockVerifier()}})
	require.NoError(t, err)
	require.Len(t, logs, 1)
	event, err := fevm.ParseLog(&logs[0])
	require.NoError(t, err)
	require.Len(t, event.(fevm.MockRootsAdded).RootCIDs, 1)
	receipts, err := client.BlockReceipts(ctx, rpc.BlockNumberOrHashWithHash(logs[0].BlockHash, false))
	require.NoError(t, err)
	require.Len(t, receipts, 1)
	require.Len(t, receipts[0].Logs, 1)

	code, err := client.CodeAt(ctx, node.Verifier(), nil)
	require.NoError(t, err)
	require.NotEmpty(t, code)
	version, err := client.CallContract(ctx, ethereum.CallMsg{To: new(node.Verifier()), Data: crypto.Keccak256([]byte("VERSION()"))[:4]}, nil)
	require.NoError(t, err)
	require.Contains(t, string(version), "3.5.0")
	_, err = client.SuggestGasTipCap(ctx)
	require.NoError(t, err)
	history, err := client.FeeHistory(ctx, 3, nil, []float64{50})
	require.NoError(t, err)
	require.Len(t, history.BaseFee, 4)
	progress, err := client.SyncProgress(ctx)
	require.NoError(t, err)
	require.Nil(t, progress)
	_, err = client.TransactionReceipt(ctx, common.Hash{1})
	require.ErrorIs(t, err, ethereum.NotFound)
}

// rawBlock is what go-ethereum's header does not keep.
type rawBlock struct {
	Hash, ParentHash common.Hash
	Number           hexutil.Uint64
	Transactions     []any
}

func blockAt(t *testing.T, c *ethclient.Client, at any) (b rawBlock) {
	t.Helper()
	require.NoError(t, c.Client().Call(&b, "eth_getBlockByNumber", at, false))
	return b
}

func TestTipsetHashes(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	_, err := n.Mine(3)
	require.NoError(t, err)
	header, err := c.HeaderByNumber(t.Context(), nil)
	require.NoError(t, err)
	head := blockAt(t, c, "latest")
	require.NotEqual(t, header.Hash(), head.Hash, "the hash of a tipset is not that of the header")
	for at := n.Head(); at > n.Head()-3; at-- {
		b := blockAt(t, c, hexutil.Uint64(at))
		parent := blockAt(t, c, hexutil.Uint64(at-1))
		require.Equal(t, parent.Hash, b.ParentHash)
		var byHash rawBlock
		require.NoError(t, c.Client().Call(&byHash, "eth_getBlockByHash", b.Hash, true))
		require.Equal(t, b.Number, byHash.Number)
	}
	other := dial(t, simulated.New(simulated.WithSeed(2)))
	require.NotEqual(t, blockAt(t, c, "0x325aa0").Hash, blockAt(t, other, "latest").Hash, "hashes follow from the seed")
	require.Equal(t, blockAt(t, dial(t, simulated.New()), "latest").Hash, blockAt(t, c, "0x325aa0").Hash, "and from nothing else")
	require.Nil(t, ask(t, c, "eth_getBlockByHash", common.Hash{5}, false))
	busy := simulated.New()
	emit(t, busy, dial(t, busy), 1)
	require.NotEqual(t, blockAt(t, dial(t, busy), "latest").Hash, blockAt(t, c, "0x325aa1").Hash, "they cover the transactions")
}

func TestTags(t *testing.T) {
	n := simulated.New(simulated.WithStart(100), simulated.WithFinality(2, 4))
	c := dial(t, n)
	require.EqualValues(t, 100, blockAt(t, c, "finalized").Number, "never before the first tipset")
	_, err := n.Mine(5)
	require.NoError(t, err)
	_, err = n.NullRound()
	require.NoError(t, err)
	_, err = n.Mine(4)
	require.NoError(t, err)
	require.EqualValues(t, 110, blockAt(t, c, "latest").Number)
	require.EqualValues(t, 108, blockAt(t, c, "safe").Number)
	require.EqualValues(t, 105, blockAt(t, c, "finalized").Number, "106 is a null round")
	refused(t, c, 1, "not supported", "eth_getBlockByNumber", "earliest", false)
	refused(t, c, 1, "future epoch", "eth_getBlockByNumber", "0x6f", false)
	refused(t, c, 1, "before the first", "eth_getBlockByNumber", "0x1", false)
}

func TestNullRound(t *testing.T) {
	n := simulated.New(simulated.WithStart(100))
	c := dial(t, n)
	require.Equal(t, "0x65", ask(t, c, "sim_nullRound"))
	require.EqualValues(t, 100, n.Head())
	_, err := n.Mine(1)
	require.NoError(t, err)
	require.EqualValues(t, 102, n.Head())
	e := refused(t, c, 12, "requested epoch was a null round (101)", "eth_getBlockByNumber", "0x65", false)
	require.EqualValues(t, 101, e.ErrorData())
	refused(t, c, 12, "null round", "eth_getBlockReceipts", "0x65")
	require.Equal(t, blockAt(t, c, "0x64").Hash, blockAt(t, c, "0x66").ParentHash)
	require.Equal(t, []any{}, ask(t, c, "eth_getLogs", map[string]any{"fromBlock": "0x65", "toBlock": "0x65"}))
	require.Equal(t, "0x0", ask(t, c, "eth_getTransactionCount", common.Address{}, "0x65"), "state of the tipset before")
}

func TestRawTransactions(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	a := n.Accounts()[0]
	raw := func(tx *types.Transaction) hexutil.Bytes {
		b, err := tx.MarshalBinary()
		require.NoError(t, err)
		return b
	}
	to := common.Address{1}
	signWith := func(id int64, inner types.TxData) hexutil.Bytes {
		tx, err := types.SignNewTx(a.PrivateKey(), types.LatestSignerForChainID(big.NewInt(id)), inner)
		require.NoError(t, err)
		return raw(tx)
	}
	unprotected, err := types.SignNewTx(a.PrivateKey(), types.HomesteadSigner{}, &types.LegacyTx{To: &to, Gas: 21000, GasPrice: big.NewInt(1000)})
	require.NoError(t, err)
	good := raw(sign(t, a, types.DynamicFeeTxType, 0, to, nil, nil))
	for name, tt := range map[string]struct {
		raw  hexutil.Bytes
		text string
	}{
		"garbage":               {hexutil.Bytes{1, 2, 3}, "decode transaction"},
		"empty":                 {hexutil.Bytes{}, "decode transaction"},
		"cut off":               {good[:len(good)-1], "decode transaction"},
		"another chain":         {signWith(1, &types.DynamicFeeTx{ChainID: big.NewInt(1), To: &to, Gas: 21000, GasFeeCap: big.NewInt(1000)}), "invalid chain id"},
		"not replay-protected":  {raw(unprotected), "replay-protected"},
		"contract creation":     {signWith(simulated.ChainID, &types.DynamicFeeTx{ChainID: big.NewInt(simulated.ChainID), Gas: 100000, GasFeeCap: big.NewInt(1000)}), "creation is not supported"},
		"fee below base fee":    {signWith(simulated.ChainID, &types.LegacyTx{To: &to, Gas: 21000, GasPrice: big.NewInt(99)}), "less than block base fee"},
		"too little gas":        {signWith(simulated.ChainID, &types.LegacyTx{To: &to, Gas: 20999, GasPrice: big.NewInt(1000)}), "intrinsic gas too low"},
		"nonce too high":        {raw(sign(t, a, types.DynamicFeeTxType, 1, to, nil, nil)), "nonce too high"},
		"more than the balance": {raw(sign(t, a, types.DynamicFeeTxType, 0, to, new(big.Int).Mul(big.NewInt(1e18), big.NewInt(1e6)), nil)), "insufficient funds"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, c, -32000, tt.text, "eth_sendRawTransaction", tt.raw)
		})
	}
	require.EqualValues(t, 3_300_000, n.Head(), "nothing was mined")
	ask(t, c, "eth_sendRawTransaction", good)
	refused(t, c, -32000, "nonce too low", "eth_sendRawTransaction", good)
}

func TestOutOfGas(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	tx, err := types.SignNewTx(n.Accounts()[0].PrivateKey(), types.LatestSignerForChainID(big.NewInt(simulated.ChainID)),
		&types.LegacyTx{To: new(n.MockVerifier()), Gas: 30_000, GasPrice: big.NewInt(1000), Data: crypto.Keccak256([]byte("createProofSet()"))[:4]})
	require.NoError(t, err)
	require.NoError(t, c.SendTransaction(t.Context(), tx))
	r, err := c.TransactionReceipt(t.Context(), tx.Hash())
	require.NoError(t, err)
	require.Zero(t, r.Status)
	require.EqualValues(t, 30_000, r.GasUsed)
	require.Empty(t, r.Logs)
}

func TestManualMining(t *testing.T) {
	n := simulated.New(simulated.WithManualMining())
	c := dial(t, n)
	a := n.Accounts()[0]
	txs := make([]*types.Transaction, 3)
	for i := range txs {
		txs[i] = sign(t, a, types.DynamicFeeTxType, uint64(i), common.Address{1}, big.NewInt(1), nil)
		require.NoError(t, c.SendTransaction(t.Context(), txs[i]))
	}
	require.ErrorContains(t, c.SendTransaction(t.Context(), txs[1]), "already known")
	_, pending, err := c.TransactionByHash(t.Context(), txs[1].Hash())
	require.NoError(t, err)
	require.True(t, pending)
	nonce, err := c.PendingNonceAt(t.Context(), a.Address())
	require.NoError(t, err)
	require.EqualValues(t, 3, nonce)
	nonce, err = c.NonceAt(t.Context(), a.Address(), nil)
	require.NoError(t, err)
	require.Zero(t, nonce)
	_, err = n.Mine(2)
	require.NoError(t, err)
	for i, tx := range txs {
		r, err := c.TransactionReceipt(t.Context(), tx.Hash())
		require.NoError(t, err)
		require.EqualValues(t, 3_300_001, r.BlockNumber.Uint64())
		require.EqualValues(t, i, r.TransactionIndex)
	}
}

// TestPoorInPool has a second transaction that its sender cannot pay for after
// the first, and a third that then has no nonce.
func TestPoorInPool(t *testing.T) {
	n := simulated.New(simulated.WithManualMining())
	c := dial(t, n)
	a, to := n.Accounts()[0], common.Address{1}
	most := new(big.Int).Mul(big.NewInt(1e18), big.NewInt(9e5))
	first := sign(t, a, types.LegacyTxType, 0, to, most, nil)
	second := sign(t, a, types.LegacyTxType, 1, to, most, nil)
	third := sign(t, a, types.LegacyTxType, 2, to, nil, nil)
	for _, tx := range []*types.Transaction{first, second, third} {
		require.NoError(t, c.SendTransaction(t.Context(), tx))
	}
	_, err := n.Mine(1)
	require.NoError(t, err)
	block, err := c.BlockByNumber(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, block.Transactions(), 1)
	require.EqualValues(t, 1, mustNonce(t, n, a.Address()))
	require.NoError(t, c.SendTransaction(t.Context(), sign(t, a, types.LegacyTxType, 1, to, nil, nil)))
}

func TestCancelled(t *testing.T) {
	n := simulated.New(simulated.WithManualMining())
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	_, err := n.Provider(n.Accounts()[1]).CreateDataSet(ctx, common.Address{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
