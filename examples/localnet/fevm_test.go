package main

import (
	"math/big"
	"strconv"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/stretchr/testify/require"
)

// fevmResult is what the scripts for the Filecoin side have seen.
type fevmResult struct {
	NullRound uint64 `json:",string"` // an epoch without a tipset
	Proof     struct {
		Set        attestation.Word
		Hash       common.Hash
		Number     uint64 `json:",string"`
		Challenges int    `json:",string"`
	}
	DataSet struct {
		ID       attestation.Word
		Hash     common.Hash // of the transaction that created it
		Provider common.Address
	}
	Again struct { // the transaction that was sent again after a reorganisation
		Hash   common.Hash
		Number uint64 `json:",string"`
	}
	Nonce uint64 `json:",string"` // of the provider at the end
}

// ethersResult is more of it, of the longer script.
type ethersResult struct {
	fevmResult
	ChainID uint64 `json:",string"`
	View    struct {
		Version    string
		Live       bool
		LeafCount  uint64 `json:",string"`
		LastProven uint64 `json:",string"`
		CID        hexutil.Bytes
	}
	Reverts struct{ Custom, Text hexutil.Bytes }
	Errors  []struct {
		Code    int `json:",string"`
		Message string
	}
}

// TestEthers uses the Filecoin side with ethers 6, and compares what it read
// with what go-ethereum and package fevm read.
func TestEthers(t *testing.T) {
	c, line, _ := start(t)
	var got ethersResult
	runScript(t, &got, "ethers", line)
	node := compareFEVM(t, c, got.fevmResult)
	require.Equal(t, c.FEVM.ChainID, got.ChainID)

	require.Equal(t, "3.5.0", got.View.Version)
	require.True(t, got.View.Live)
	require.Equal(t, got.Proof.Number, got.View.LastProven)
	cid, err := fevm.ParsePieceCID(got.View.CID)
	require.NoError(t, err)
	require.Equal(t, cid.LeafCount(), got.View.LeafCount)
	require.Equal(t, hexutil.Bytes{0x5d, 0x94, 0x69, 0x44}, got.Reverts.Custom) // DataSetNotLive()
	require.Equal(t, hexutil.Bytes{0x08, 0xc3, 0x79, 0xa0}, got.Reverts.Text[:4])

	for i, want := range []struct {
		code    int
		message string
	}{
		{12, "requested epoch was a null round (" + strconv.FormatUint(got.NullRound, 10) + ")"},
		{1, "requested a future epoch (beyond 'latest')"},
		{-32005, "block range exceeds maximum of 2880"},
		{-32000, "nonce too low"},
		{-32000, "nonce too high"},
		{-32000, "insufficient funds for gas * price + value"},
		{-32000, "insufficient funds for transfer"},
	} {
		require.Equal(t, want.code, got.Errors[i].Code, want.message)
		require.Contains(t, got.Errors[i].Message, want.message)
	}

	// A clean chain has what the script sent and no more.
	nonce, err := node.NonceAt(t.Context(), common.HexToAddress(c.FEVM.Accounts[1].Address), nil)
	require.NoError(t, err)
	require.Zero(t, nonce)
}

// TestViem is the same, shorter, with viem.
func TestViem(t *testing.T) {
	c, line, _ := start(t)
	var got fevmResult
	runScript(t, &got, "viem", line)
	compareFEVM(t, c, got)
}

func compareFEVM(t *testing.T, c config, got fevmResult) *ethclient.Client {
	t.Helper()
	ctx := t.Context()
	node, err := ethclient.DialContext(ctx, c.FEVM.RPC)
	require.NoError(t, err)
	t.Cleanup(node.Close)

	_, err = node.HeaderByNumber(ctx, new(big.Int).SetUint64(got.NullRound))
	var null rpc.Error
	require.ErrorAs(t, err, &null)
	require.Equal(t, 12, null.ErrorCode())

	receipt := func(hash common.Hash) *types.Receipt {
		r, err := node.TransactionReceipt(ctx, hash)
		require.NoError(t, err)
		require.Equal(t, types.ReceiptStatusSuccessful, r.Status)
		return r
	}
	proof := receipt(got.Proof.Hash)
	require.Equal(t, got.Proof.Number, proof.BlockNumber.Uint64())
	proven := onlyEvent[fevm.PossessionProven](t, proof)
	require.Equal(t, got.Proof.Set, proven.SetID)
	require.Len(t, proven.Challenges, got.Proof.Challenges)

	created := onlyEvent[fevm.DataSetCreated](t, receipt(got.DataSet.Hash))
	require.Equal(t, got.DataSet.ID, created.SetID)
	require.Equal(t, got.DataSet.Provider, common.Address(created.StorageProvider))

	require.Equal(t, got.Again.Number, receipt(got.Again.Hash).BlockNumber.Uint64())
	nonce, err := node.NonceAt(ctx, got.DataSet.Provider, nil)
	require.NoError(t, err)
	require.Equal(t, nonce, got.Nonce)
	return node
}

// onlyEvent returns the one event of that type in a receipt.
func onlyEvent[E fevm.Event](t *testing.T, r *types.Receipt) E {
	t.Helper()
	var found []E
	for _, l := range r.Logs {
		event, err := fevm.ParseLog(l)
		require.NoError(t, err)
		if e, ok := event.(E); ok {
			found = append(found, e)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}
