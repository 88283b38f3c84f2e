package starknet_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// has reports whether there is a finding like that.
func has(r *starknet.EscrowReport, severity starknet.Severity, subject string) bool {
	for _, f := range r.Findings {
		if f.Severity == severity && f.Subject == subject {
			return true
		}
	}
	return false
}

func TestCheckEscrow(t *testing.T) {
	for _, o := range []simulated.Options{{}, {Rules: attestation.RulesLegacy}, {Class: escrow.Extended}} {
		c := newCity(t, o)
		key := c.signer.PublicKey()
		c.create(c.node.Accounts()[2].Address, 3, 9000)
		r, err := starknet.CheckEscrow(t.Context(), c.caller, c.node.Escrow(), starknet.EscrowExpectation{
			ChainID: starknet.Sepolia, Key: &key, Token: c.node.Token(), Owner: c.node.Accounts()[0].Address,
		})
		require.NoError(t, err)
		require.Equal(t, starknet.SeverityInfo, r.Worst(), "%v", r.Findings)
		require.Equal(t, key, r.Key)
		require.Equal(t, c.node.Token(), r.Token)
		require.Equal(t, c.node.Accounts()[0].Address, r.Owner)
		require.Equal(t, starknet.Sepolia, r.ChainID)
		require.Equal(t, attestation.WordFromUint64(1), r.Deals)
		require.True(t, r.RulesKnown)
		require.Equal(t, o.Rules, r.Rules)
		require.Equal(t, o.Class == escrow.Extended, r.Class == "extended", r.Class)
		require.Equal(t, o.Class == escrow.Extended, r.Version != "")
		require.False(t, r.Paused)
		require.NotZero(t, r.BlockHash)
		require.True(t, has(r, starknet.SeverityInfo, "token"), "STRK is known")

		require.NoError(t, c.escrow(0).Pause(t.Context()))
		other := attestation.PublicKey{X: attestation.WordFromUint64(1)}
		r, err = starknet.CheckEscrow(t.Context(), c.caller, c.node.Escrow(), starknet.EscrowExpectation{
			ChainID: starknet.Mainnet, Key: &other, Token: slastream.Address{31: 1}, Owner: slastream.Address{31: 1},
		})
		require.NoError(t, err)
		require.Equal(t, starknet.SeverityCritical, r.Worst())
		for _, subject := range []string{"chain", "key", "token"} {
			require.True(t, has(r, starknet.SeverityCritical, subject), subject)
		}
		require.True(t, has(r, starknet.SeverityWarning, "owner"))
		require.True(t, has(r, starknet.SeverityWarning, "pause"))
		require.True(t, r.Paused)
	}
}

// TestCheckEscrowIsOfOneBlock: everything is asked at the hash of one block.
func TestCheckEscrowIsOfOneBlock(t *testing.T) {
	c := newCity(t, simulated.Options{})
	var first *starknet.Block
	c.caller.before = func(method string, params []any) error {
		for _, p := range params {
			if b, ok := p.(starknet.Block); ok {
				if first == nil {
					first = &b
				}
				require.Equal(t, *first, b, method)
			}
		}
		if method == "starknet_getStorageAt" {
			c.node.Mine() // the chain goes on meanwhile
		}
		return nil
	}
	r, err := starknet.CheckEscrow(t.Context(), c.caller, c.node.Escrow(), starknet.EscrowExpectation{})
	require.NoError(t, err)
	require.Equal(t, starknet.BlockHash(r.BlockHash), *first)
}

// odd is a node with an escrow that a test makes odd.
func odd(t *testing.T, storage map[string]string, key []string) *script {
	node := newScript(t)
	node.answer("starknet_blockHashAndNumber", map[string]any{"block_hash": "0xb", "block_number": 5})
	node.answer("starknet_getClassHashAt", "0x1bcc4b153a34132f580eacf24e72e811a62a68f43f52ce20f9b51482b46e95c")
	node.answer("starknet_call", key) // to everything
	node.on("starknet_getStorageAt", func(params []json.RawMessage) (any, error) {
		for name, v := range storage {
			if string(params[1]) == `"`+starknet.StorageKey(name).String()+`"` {
				return v, nil
			}
		}
		return "0x0", nil
	})
	return node
}

func TestCheckEscrowFindings(t *testing.T) {
	generator := []string{"0x59f2815b16f81798", "0x0", "0x0", "0x0"}
	for name, test := range map[string]struct {
		storage  map[string]string
		key      []string
		severity starknet.Severity
		subject  string
	}{
		"key (0, 0)":                 {nil, []string{"0x0", "0x0", "0x0", "0x0"}, starknet.SeverityCritical, "key"},
		"key off the curve":          {nil, generator, starknet.SeverityCritical, "key"},
		"no answer like an escrow's": {nil, []string{"0x1"}, starknet.SeverityCritical, "class"},
		"token zero":                 {nil, generator, starknet.SeverityCritical, "token"},
		"token unknown":              {map[string]string{"strk_token": "0x1234"}, generator, starknet.SeverityWarning, "token"},
		"token no address":           {map[string]string{"strk_token": "0x800000000000000000000000000000000000000000000000000000000000000"}, generator, starknet.SeverityCritical, "token"},
		"owner is a deployer":        {map[string]string{"owner": "0x2ceed65a4bd731034c01113685c831b01c15d7d432f71afb1cf1634b53a2125"}, generator, starknet.SeverityWarning, "owner"},
		"owner is the old deployer":  {map[string]string{"owner": "0x41a78e741e5af2fec34b695679bc6891742439f7afb8484ecd7766661ad02bf"}, generator, starknet.SeverityWarning, "owner"},
		"owner zero":                 {nil, generator, starknet.SeverityWarning, "owner"},
		"offered":                    {map[string]string{"owner": "0x51", "pending_owner": "0x52"}, generator, starknet.SeverityInfo, "owner"},
		"paused":                     {map[string]string{"paused": "0x1"}, generator, starknet.SeverityWarning, "pause"},
	} {
		r, err := starknet.CheckEscrow(t.Context(), odd(t, test.storage, test.key).client(), escrowAddress, starknet.EscrowExpectation{})
		require.NoError(t, err, name)
		require.True(t, has(r, test.severity, test.subject), "%s: %v", name, r.Findings)
		for _, f := range r.Findings {
			require.NotEmpty(t, f.Text)
			require.Contains(t, f.String(), f.Subject)
		}
	}

	node := odd(t, nil, generator)
	node.answer("starknet_getClassHashAt", "0x1234")
	node.answer("starknet_getClassAt", class([3]string{"0x2", "0xd", "0x1"}, ""))
	r, err := starknet.CheckEscrow(t.Context(), node.client(), escrowAddress, starknet.EscrowExpectation{})
	require.NoError(t, err)
	require.True(t, has(r, starknet.SeverityWarning, "class"), "%v", r.Findings)
	require.Empty(t, r.Class)
	require.Equal(t, attestation.RulesLegacy, r.Rules)

	node.fail("starknet_getClassHashAt", 20, "Contract not found", "")
	r, err = starknet.CheckEscrow(t.Context(), node.client(), escrowAddress, starknet.EscrowExpectation{})
	require.NoError(t, err)
	require.True(t, has(r, starknet.SeverityCritical, "class"))
	require.Len(t, r.Findings, 1)

	node = odd(t, nil, generator)
	node.on("starknet_getStorageAt", func([]json.RawMessage) (any, error) { return nil, &jsonrpc.Error{Code: 24, Message: "Block not found"} })
	_, err = starknet.CheckEscrow(t.Context(), node.client(), escrowAddress, starknet.EscrowExpectation{})
	require.ErrorContains(t, err, "Block not found", "an error of the node is no finding")
}
