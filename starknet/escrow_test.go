package starknet_test

import (
	"encoding/json"
	"errors"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

var (
	escrowAddress = slastream.Address{31: 0xee}
	tokenAddress  = slastream.Address{31: 0x70}
)

func asRevert(err error, to **slastream.RevertError) bool { return errors.As(err, to) }

// writable returns an escrow whose node accepts every transaction and puts it
// into a block with those events.
func writable(t *testing.T, events ...map[string]any) (*script, *starknet.Escrow) {
	node := newScript(t)
	node.answer("starknet_getNonce", "0x1")
	node.answer("starknet_estimateFee", json.RawMessage(estimateJSON))
	node.answer("starknet_getStorageAt", "0x70")
	var hash string
	node.on("starknet_addInvokeTransaction", func(params []json.RawMessage) (any, error) {
		hash = hashOf(t, params[0])
		return map[string]string{"transaction_hash": hash}, nil
	})
	node.on("starknet_getTransactionReceipt", func(params []json.RawMessage) (any, error) {
		return map[string]any{"transaction_hash": hash, "finality_status": "ACCEPTED_ON_L2", "execution_status": "SUCCEEDED", "block_hash": "0xb", "block_number": 1, "events": events}, nil
	})
	return node, starknet.NewEscrow(node.client(), escrowAddress, starknet.WithAccount(newAccount(t, node)))
}

// sent returns the calldata of the transaction that the node got.
func sent(t *testing.T, node *script) []string {
	t.Helper()
	for _, r := range node.asked {
		if r.Method == "starknet_addInvokeTransaction" {
			var tx struct{ Calldata []string }
			require.NoError(t, json.Unmarshal(r.Params[0], &tx))
			return tx.Calldata
		}
	}
	t.Fatal("no transaction was sent")
	return nil
}

func created(from string, id string) map[string]any {
	return map[string]any{"from_address": from, "keys": []string{starknet.Selector("DealCreated").String(), id, "0x0"}, "data": []string{"0x1", "0x2", "0x3", "0x0", "0x4", "0x5"}}
}

func TestCreateDeal(t *testing.T) {
	terms := slastream.Terms{Provider: slastream.Address{31: 2}, Chunks: 3, ChunkAmount: slastream.AmountFromUint64(100), Collateral: slastream.AmountFromUint64(50), Duration: 3600}
	other := map[string]any{"from_address": "0x70", "keys": []string{starknet.Selector("Transfer").String()}, "data": []string{"0x1", "0x2", "0x3", "0x0"}}
	// Another contract emits a look-alike first.
	node, escrow := writable(t, other, created("0xbad", "0x63"), created("0xee", "0x7"), other)
	id, err := escrow.CreateDeal(t.Context(), terms)
	require.NoError(t, err)
	require.Equal(t, attestation.WordFromUint64(7), id)
	require.Equal(t, []string{
		"0x2",
		"0x70", starknet.Selector("approve").String(), "0x3", "0xee", "0x15e", "0x0",
		"0xee", starknet.Selector("create_deal").String(), "0x7", "0x2", "0x3", "0x64", "0x0", "0x32", "0x0", "0xe10",
	}, sent(t, node))

	_, err = escrow.CreateDeal(t.Context(), terms)
	require.NoError(t, err)
	require.Equal(t, 1, node.count("starknet_getStorageAt"), "the token never changes")

	_, escrow = writable(t, created("0xbad", "0x63"))
	_, err = escrow.CreateDeal(t.Context(), terms)
	require.ErrorIs(t, err, starknet.ErrBadAnswer)

	// Terms that lock more than a u256 are for the contract to refuse.
	node, escrow = writable(t)
	node.fail("starknet_estimateFee", 41, "Transaction execution error", `{"execution_error":{"selector":"0x1","error":"0x753235365f6d756c204f766572666c6f77 ('u256_mul Overflow').\n"}}`)
	terms.ChunkAmount = slastream.AmountFromWord(attestation.Word{0xff})
	_, err = escrow.CreateDeal(t.Context(), terms)
	require.ErrorIs(t, err, slastream.ErrMulOverflow)
}

func TestWrites(t *testing.T) {
	signed := attestation.Signed{Attestation: attestation.Attestation{DealID: attestation.WordFromUint64(1)}}
	for name, test := range map[string]struct {
		do   func(e *starknet.Escrow) error
		want []string
	}{
		"slash":         {func(e *starknet.Escrow) error { return e.Slash(t.Context(), attestation.WordFromUint64(9)) }, []string{"0x2", "0x9", "0x0"}},
		"pause":         {func(e *starknet.Escrow) error { return e.Pause(t.Context()) }, []string{"0x0"}},
		"unpause":       {func(e *starknet.Escrow) error { return e.Unpause(t.Context()) }, []string{"0x0"}},
		"release_chunk": {func(e *starknet.Escrow) error { return e.Release(t.Context(), signed) }, append([]string{"0xd"}, hexes(starknet.EncodeReleaseChunk(signed))...)},
	} {
		node, escrow := writable(t)
		require.NoError(t, test.do(escrow), name)
		require.Equal(t, append([]string{"0x1", "0xee", starknet.Selector(name).String()}, test.want...), sent(t, node), name)
	}
	readOnly := starknet.NewEscrow(newScript(t).client(), escrowAddress)
	for _, err := range []error{
		readOnly.Release(t.Context(), signed), readOnly.Slash(t.Context(), attestation.Word{}), readOnly.Pause(t.Context()), readOnly.Send(t.Context(), slastream.SignedTx{}),
		second(readOnly.CreateDeal(t.Context(), slastream.Terms{})), second(readOnly.Nonce(t.Context())), second(readOnly.SignRelease(t.Context(), signed, 0)),
	} {
		require.ErrorIs(t, err, starknet.ErrNoAccount)
	}
}

func second[T any](_ T, err error) error { return err }

// A release that reverts in its block is a revert with its transaction's hash.
func TestIncludedRevert(t *testing.T) {
	node, escrow := writable(t)
	var hash string
	node.on("starknet_getTransactionReceipt", func(params []json.RawMessage) (any, error) {
		require.NoError(t, json.Unmarshal(params[0], &hash))
		return map[string]any{"transaction_hash": hash, "finality_status": "ACCEPTED_ON_L2", "execution_status": "REVERTED", "revert_reason": "…:\n0x4368756e6b20616c72656164792072656c6561736564 ('Chunk already released').\n", "block_hash": "0xb", "block_number": 1}, nil
	})
	err := escrow.Release(t.Context(), attestation.Signed{})
	require.ErrorIs(t, err, slastream.ErrChunkReleased)
	var revert *slastream.RevertError
	require.True(t, asRevert(err, &revert))
	require.Equal(t, wordOf(t, hash), revert.TxHash)
}

func TestViews(t *testing.T) {
	node := newScript(t)
	escrow := starknet.NewEscrow(node.client(), escrowAddress)
	require.Equal(t, escrowAddress, escrow.Address())
	answers := map[string][]string{
		"get_deal_counter":   {"0x5", "0x1"},
		"get_pkp_public_key": {"0x1", "0x2", "0x3", "0x4"},
	}
	node.on("starknet_call", func(params []json.RawMessage) (any, error) {
		var r struct {
			Contract string `json:"contract_address"`
			Selector string `json:"entry_point_selector"`
			Calldata []string
		}
		require.NoError(t, json.Unmarshal(params[0], &r))
		require.Equal(t, "0xee", r.Contract)
		require.JSONEq(t, `"latest"`, string(params[1]))
		for name, a := range answers {
			if starknet.Selector(name).String() == r.Selector {
				require.NotNil(t, r.Calldata)
				return a, nil
			}
		}
		return nil, &jsonrpc.Error{Code: 21, Message: "Requested entrypoint does not exist in the contract"}
	})
	n, err := escrow.DealCount(t.Context())
	require.NoError(t, err)
	require.Equal(t, wordOf(t, "0x100000000000000000000000000000005"), n)
	k, err := escrow.PublicKey(t.Context())
	require.NoError(t, err)
	require.Equal(t, wordOf(t, "0x200000000000000000000000000000001"), k.X)
	require.Equal(t, wordOf(t, "0x400000000000000000000000000000003"), k.Y)
	answers["get_deal_counter"] = []string{"0x5"}
	_, err = escrow.DealCount(t.Context())
	require.ErrorIs(t, err, starknet.ErrMalformed)
	var revert *slastream.RevertError
	_, err = escrow.Deal(t.Context(), attestation.Word{})
	require.ErrorContains(t, err, "entrypoint")
	require.False(t, asRevert(err, &revert))
}

func TestStorageViews(t *testing.T) {
	slots := map[string]string{
		starknet.ChunkReleasedStorageKey(attestation.WordFromUint64(1), 2).String(): "0x1",
		starknet.StorageKey("owner").String():                                       "0x51",
		starknet.StorageKey("strk_token").String():                                  "0x70",
		starknet.StorageKey("paused").String():                                      "0x1",
	}
	// The number of parameters that a node takes: starknet-devnet 0.10.1 refuses
	// three, a node of 0.10.0 may refuse four, as one of 0.9 does.
	for _, node := range []struct {
		version     string
		params      int
		first, more int // questions
	}{
		{"0.9.0", 3, 1, 1},
		{"0.10.2", 4, 1, 1},
		{"0.10.0", 3, 2, 1},
	} {
		t.Run(node.version, func(t *testing.T) { testStorageViews(t, node.version, node.params, node.first, node.more, slots) })
	}
}

func testStorageViews(t *testing.T, version string, want, first, more int, constant map[string]string) {
	slots := maps.Clone(constant)
	node := newScript(t)
	node.answer("starknet_specVersion", version)
	escrow := starknet.NewEscrow(node.client(), escrowAddress)
	node.on("starknet_getStorageAt", func(params []json.RawMessage) (any, error) {
		if len(params) != want {
			return nil, &jsonrpc.Error{Code: -32602, Message: "invalid length"}
		}
		require.JSONEq(t, `"0xee"`, string(params[0]))
		require.JSONEq(t, `"latest"`, string(params[2]))
		var key string
		require.NoError(t, json.Unmarshal(params[1], &key))
		if v, ok := slots[key]; ok {
			return v, nil
		}
		return "0x0", nil
	})
	check := func(chunk uint64, want bool) {
		got, err := escrow.ChunkReleased(t.Context(), attestation.WordFromUint64(1), chunk)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	check(2, true)
	check(3, false)
	require.Equal(t, first+more, node.count("starknet_getStorageAt"), "what is refused once is not tried again")
	paused, err := escrow.Paused(t.Context())
	require.NoError(t, err)
	require.True(t, paused)
	owner, err := escrow.Owner(t.Context())
	require.NoError(t, err)
	require.Equal(t, slastream.Address{31: 0x51}, owner)
	token, err := escrow.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, tokenAddress, token)
	slots[starknet.StorageKey("paused").String()] = "0x2"
	_, err = escrow.Paused(t.Context())
	require.ErrorIs(t, err, starknet.ErrMalformed)
}
