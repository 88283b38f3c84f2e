package simulated_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet/cairo"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// declaration is a DECLARE of a class, signed by nobody.
func (c *chain) declaration(class string) map[string]any {
	tx := c.build(c.Accounts()[0], c.nonce(c.Accounts()[0]), nil, nil)
	delete(tx, "calldata")
	tx["type"], tx["compiled_class_hash"], tx["contract_class"] = "DECLARE", "0x1", json.RawMessage(class)
	return tx
}

func TestDeclareRefused(t *testing.T) {
	c := newChain(t, simulated.Options{})
	class := func(program, points string) string {
		return fmt.Sprintf(`{"sierra_program":%s,"contract_class_version":"0.1.0","entry_points_by_type":%s,"abi":"[]"}`, program, points)
	}
	const none = `{"CONSTRUCTOR":[],"EXTERNAL":[],"L1_HANDLER":[]}`
	for name, tt := range map[string]struct {
		class string
		code  int
		text  string
	}{
		"a class that the node cannot run":  {class(`["0x1","0x6","0x0"]`, none), 63, "no Cairo runs here"},
		"a program above the limit":         {class(`["0x0"`+strings.Repeat(`,"0x0"`, 81_920)+`]`, none), 57, "size is too large"},
		"a class above the limit":           {strings.Replace(class(`["0x1"]`, none), "[]\"", strings.Repeat("x", 4_100_000)+"\"", 1), 57, "size is too large"},
		"a felt that is none":               {class(`["1"]`, none), -32602, "prefixed by '0x'"},
		"no program":                        {class("null", none), -32602, "missing field `sierra_program`"},
		"no entry points":                   {class("[]", "null"), -32602, "missing field `entry_points_by_type`"},
		"not an object":                     {`"compatible"`, -32602, "Invalid declare transaction v3"},
		"the compiled hash of another node": {string(cairo.MockERC20.JSON()), 60, "compiled class hash did not match"},
	} {
		t.Run(name, func(t *testing.T) {
			e := c.refused("starknet_addDeclareTransaction", c.declaration(tt.class))
			require.Equal(t, tt.code, e.Code, e.Message)
			require.Contains(t, e.Message+string(e.Data), tt.text)
			e = c.refused("starknet_estimateFee", []any{c.declaration(tt.class)}, []string{}, "latest")
			require.NotZero(t, e.Code)
		})
	}
	require.Equal(t, uint64(0), get[uint64](c, "starknet_blockNumber"), "nothing was mined")
}

// TestCompatibleViews reads what the compatible class of package starknet/cairo
// has besides the reference.
func TestCompatibleViews(t *testing.T) {
	c := newChain(t, simulated.Options{})
	e, err := cairo.Deploy(t.Context(), c.sender(c.Accounts()[0], "/rpc"), cairo.Params{Class: cairo.Compatible, Key: attesterKey(), Token: c.Token()})
	require.NoError(t, err)
	for view, want := range map[string]string{
		"get_token": word(c.Token()), "get_owner": word(deployer), "is_paused": "0x0",
		"get_version": new(felt.Felt).SetBytes([]byte("SLAStream compatible 1")).String(),
	} {
		require.Equal(t, []string{want}, c.read("latest", call(e.Address(), view)), view)
	}
	require.Equal(t, []string{"0x0"}, c.read("latest", call(e.Address(), "is_chunk_released", feltOf(attestation.Word{31: 1}), new(felt.Felt), new(felt.Felt))))
	require.Equal(t, 21, c.refused("starknet_call", request(call(e.Address(), "release_batch")), "latest").Code)
	require.Equal(t, 21, c.refused("starknet_call", request(call(e.Address(), "get_pending_owner")), "latest").Code)
}

// TestBatchFee estimates batches of several sizes against the gas table of
// package starknet/cairo, which was measured on starknet-devnet.
func TestBatchFee(t *testing.T) {
	key, err := signer.NewLocal([32]byte{31: 9})
	require.NoError(t, err)
	attester, err := signer.New(key)
	require.NoError(t, err)
	c := newChain(t, simulated.Options{Key: key.PublicKey(), Class: escrow.Extended})
	relay := c.as("/rpc", c.Accounts()[3])
	_, err = c.as("/rpc", c.Accounts()[1]).CreateDeal(t.Context(), slastream.Terms{
		Provider: c.Accounts()[2].Address, Chunks: 1000, ChunkAmount: slastream.AmountFromUint64(1), Duration: 3600,
	})
	require.NoError(t, err)
	next := uint64(0)
	for _, tt := range []struct {
		items int
		gas   float64
	}{{1, 24.87e6}, {30, 34.39e6}, {300, 123.07e6}, {480, 182.30e6}} {
		t.Run(fmt.Sprint(tt.items), func(t *testing.T) {
			req := signer.BatchRequest{Domain: c.Domain()}
			for range tt.items {
				req.Items = append(req.Items, signer.BatchItem{Attestation: attestation.Attestation{DealID: attestation.Word{31: 1}, ChunkIndex: next}})
				next++
			}
			signed, err := attester.(signer.BatchSigner).AttestBatch(t.Context(), req)
			require.NoError(t, err)
			require.NoError(t, relay.ReleaseBatch(t.Context(), signed.Batch.Items, signed.Signature))
			block := get[struct {
				Transactions []struct {
					Receipt struct {
						Resources struct {
							L2Gas float64 `json:"l2_gas"`
						} `json:"execution_resources"`
					} `json:"receipt"`
				} `json:"transactions"`
			}](c, "starknet_getBlockWithReceipts", "latest")
			require.InEpsilon(t, tt.gas, block.Transactions[0].Receipt.Resources.L2Gas, 0.01)
		})
	}
}

// TestDeclaredOnce finds a class that is declared already.
func TestDeclaredOnce(t *testing.T) {
	c := newChain(t, simulated.Options{})
	sender := c.sender(c.Accounts()[0], "/rpc")
	require.NoError(t, cairo.Declare(t.Context(), sender, cairo.Compatible))
	height := get[uint64](c, "starknet_blockNumber")
	require.NoError(t, cairo.Declare(t.Context(), sender, cairo.Compatible))
	require.Equal(t, height, get[uint64](c, "starknet_blockNumber"), "nothing was sent")
}
