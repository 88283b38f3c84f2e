package starknet_test

import (
	"net/http"
	"slices"
	"testing"

	ethrpc "github.com/ethereum/go-ethereum/rpc"

	snclient "github.com/NethermindEth/starknet.go/client"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// Three clients say the same thing in different Go types.
func TestCallers(t *testing.T) {
	node := newScript(t)
	httpClient := &http.Client{Transport: node}
	eth, err := ethrpc.DialOptions(t.Context(), "http://in.process", ethrpc.WithHTTPClient(httpClient))
	require.NoError(t, err)
	defer eth.Close()
	sn, err := snclient.DialOptions(t.Context(), "http://in.process", snclient.WithHTTPClient(httpClient))
	require.NoError(t, err)
	defer sn.Close()
	for name, c := range map[string]starknet.Caller{
		"internal/jsonrpc": node.client(),
		"go-ethereum":      eth,
		"starknet.go":      starknet.CallerFunc(sn.CallContextWithSliceArgs),
	} {
		t.Run(name, func(t *testing.T) {
			escrow := starknet.NewEscrow(c, escrowAddress)
			node.answer("starknet_call", []string{"0x5", "0x0"})
			n, err := escrow.DealCount(t.Context())
			require.NoError(t, err)
			require.Equal(t, attestation.WordFromUint64(5), n)

			node.fail("starknet_call", 40, "Contract error", `{"revert_error":{"contract_address":"0x1","class_hash":"0x2","selector":"0x3","error":"[\"0x4465616c206e6f7420616374697665\"]"}}`)
			_, err = escrow.DealCount(t.Context())
			require.Equal(t, &slastream.RevertError{Reason: "Deal not active"}, err)

			node.fail("starknet_call", 20, "Contract not found", "")
			_, err = escrow.DealCount(t.Context())
			require.ErrorContains(t, err, "starknet: starknet_call: ")
			require.ErrorContains(t, err, "Contract not found")
			var coded interface {
				error
				ErrorCode() int
			}
			require.ErrorAs(t, err, &coded)
			require.Equal(t, 20, coded.ErrorCode())

			node.fail("starknet_getTransactionReceipt", 29, "Transaction hash not found", "")
			node.fail("starknet_getTransactionStatus", 29, "Transaction hash not found", "")
			account := starknet.NewAccount(c, starknet.Sepolia, senderAddress, newKey(t))
			node.fail("starknet_addInvokeTransaction", 55, "Account validation failed", `"The validate entry point panicked with:\n0x4163636f756e743a20696e76616c6964207369676e6174757265 ('Account: invalid signature').\n"`)
			err = account.Send(t.Context(), slastream.SignedTx{Body: []byte(`{"a":1}`)})
			require.ErrorIs(t, err, starknet.ErrValidation)
			require.ErrorContains(t, err, "refused by the account: Account: invalid signature")
			require.True(t, slices.ContainsFunc(node.asked, func(r request) bool {
				return r.Method == addInvoke && len(r.Params) == 1 && string(r.Params[0]) == `{"a":1}`
			}))
		})
	}
}
