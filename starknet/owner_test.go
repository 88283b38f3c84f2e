package starknet_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

func TestOwnershipCalldata(t *testing.T) {
	for name, row := range map[string]struct {
		make func(*starknet.Escrow) error
		want []string // selector, length, arguments
	}{
		"transfer": {
			func(e *starknet.Escrow) error { return e.TransferOwnership(t.Context(), slastream.Address{31: 0x42}) },
			[]string{starknet.Selector("transfer_ownership").String(), "0x1", "0x42"},
		},
		"accept": {
			func(e *starknet.Escrow) error { return e.AcceptOwnership(t.Context()) },
			[]string{starknet.Selector("accept_ownership").String(), "0x0"},
		},
	} {
		node, escrow := writable(t)
		require.NoError(t, row.make(escrow), name)
		require.Equal(t, append([]string{"0x1", "0xee"}, row.want...), sent(t, node), name)
	}
}

func TestPendingOwnerIsReadFromStorage(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_getStorageAt", "0x42")
	escrow := starknet.NewEscrow(node.client(), escrowAddress)
	pending, err := escrow.PendingOwner(t.Context())
	require.NoError(t, err)
	require.Equal(t, slastream.Address{31: 0x42}, pending)
	require.JSONEq(t, `"`+starknet.StorageKey("pending_owner").String()+`"`, string(node.asked[0].Params[1]))

	node.answer("starknet_getStorageAt", "0x800000000000000000000000000000000000000000000000000000000000000")
	_, err = escrow.PendingOwner(t.Context())
	require.ErrorIs(t, err, starknet.ErrMalformed, "2^251 is no address")
}

func TestVersion(t *testing.T) {
	node := newScript(t)
	escrow := starknet.NewEscrow(node.client(), escrowAddress)
	node.answer("starknet_call", []string{"0x534c4153747265616d20657874656e6465642031"})
	version, err := escrow.Version(t.Context())
	require.NoError(t, err)
	require.Equal(t, "SLAStream extended 1", version)

	node.fail("starknet_call", 21, "Requested entrypoint does not exist in the contract", `null`)
	version, err = escrow.Version(t.Context())
	require.NoError(t, err, "the reference has no such view")
	require.Empty(t, version)

	node.fail("starknet_call", 20, "Contract not found", `null`)
	_, err = escrow.Version(t.Context())
	require.ErrorContains(t, err, "Contract not found")

	for name, answer := range map[string][]string{
		"nothing":         {},
		"two felts":       {"0x31", "0x31"},
		"not short":       {"0x7000000000000000000000000000000000000000000000000000000000000000"},
		"a control sign":  {"0x07"},
		"not even a felt": {"0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
	} {
		node.answer("starknet_call", answer)
		_, err := escrow.Version(t.Context())
		require.Error(t, err, name)
	}
}
