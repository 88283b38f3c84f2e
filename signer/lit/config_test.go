package lit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer/lit"
)

// pinned is a configuration for documentation: its CID is the check that the
// action's text has not changed. A new one is another key, so a change of this
// constant belongs into the changelog.
var pinned = lit.Config{
	Escrow: lit.Escrow{
		ChainID:   attestation.Word{25: 'S', 26: 'N', 27: '_', 28: 'M', 29: 'A', 30: 'I', 31: 'N'},
		ClassHash: attestation.Word{31: 1},
		Args:      []attestation.Word{{31: 2}},
	},
	StarknetRPC: []string{"https://a.example", "https://b.example", "https://c.example"},
	ChainID:     314,
	Verifier:    attestation.EthereumAddress{0: 0xBA, 19: 0x7F},
	FEVMRPC:     []string{"https://d.example", "https://e.example", "https://f.example"},
}

const pinnedCID = "QmYUrNTrynBhcXm2aFp9DVw72dv7Wwj9zGCqFXnys8hayG"

func TestActionTextIsPinned(t *testing.T) {
	for range 3 {
		action, err := lit.NewAction(pinned)
		require.NoError(t, err)
		require.Equal(t, pinnedCID, action.CID())
		require.Contains(t, action.Code(), `const CONFIG = {"starknet":{"chainId":"0x`)
		require.Less(t, len(action.Code()), 64<<10)
	}
}

func TestConfigRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*lit.Config)
		want   string
	}{
		"no escrow":                  {func(c *lit.Config) { c.Escrow = lit.Escrow{} }, "no Escrow"},
		"salt is no felt":            {func(c *lit.Config) { c.Escrow.Salt = attestation.Word{0: 0xff} }, "no felt"},
		"many arguments":             {func(c *lit.Config) { c.Escrow.Args = make([]attestation.Word, 9) }, "more than 8"},
		"no chain":                   {func(c *lit.Config) { c.ChainID = 0 }, "0 as ChainID"},
		"unknown chain":              {func(c *lit.Config) { c.ChainID = 5 }, "GenesisTime is not set"},
		"no verifier":                {func(c *lit.Config) { c.Verifier = attestation.EthereumAddress{} }, "no Verifier"},
		"no nodes":                   {func(c *lit.Config) { c.FEVMRPC = nil }, "FEVMRPC: 0 nodes"},
		"no Starknet nodes":          {func(c *lit.Config) { c.StarknetRPC = nil }, "StarknetRPC: 0 nodes"},
		"six nodes":                  {func(c *lit.Config) { c.FEVMRPC = make([]string, 6) }, "want 1 to 5"},
		"clear text":                 {func(c *lit.Config) { c.FEVMRPC[1] = "http://d.example" }, "want https"},
		"user information":           {func(c *lit.Config) { c.FEVMRPC[1] = "https://me:" + apiKey + "@x.example" }, "no plain URL"},
		"no URL":                     {func(c *lit.Config) { c.FEVMRPC[1] = "x" }, "no plain URL"},
		"one node twice":             {func(c *lit.Config) { c.FEVMRPC[1] = "https://d.example/other/path" }, "named twice"},
		"no majority":                {func(c *lit.Config) { c.Agree = 1 }, "1 of 3 nodes are no majority"},
		"negative agreement":         {func(c *lit.Config) { c.Agree = -1 }, "-1 as Agree"},
		"more requests than allowed": {func(c *lit.Config) { c.FEVMRPC = append(c.FEVMRPC, "https://g.example"); c.Agree = 4 }, "61 requests"},
		"negative challenges":        {func(c *lit.Config) { c.MinChallenges = -1 }, "-1 as MinChallenges"},
		"challenges of no event":     {func(c *lit.Config) { c.MinChallenges = 127 }, "127 as MinChallenges"},
		"another block tag":          {func(c *lit.Config) { c.StarknetBlock = "pending" }, `StarknetBlock is "pending"`},
		"centuries of confirmations": {func(c *lit.Config) { c.Confirmations = 1 << 40 }, "as Confirmations"},
	} {
		t.Run(name, func(t *testing.T) {
			c := pinned
			c.FEVMRPC, c.StarknetRPC = append([]string(nil), c.FEVMRPC...), append([]string(nil), c.StarknetRPC...)
			test.change(&c)
			_, err := lit.NewAction(c)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), apiKey)
		})
	}
}

// An RPC URL cannot break out of the constants.
func TestConstantsAreData(t *testing.T) {
	c := pinned
	c.FEVMRPC = []string{`https://d.example/";alert(1);"`, "https://e.example/</script>\u2028{{.}}"}
	action, err := lit.NewAction(c)
	require.NoError(t, err)
	w := newWorld(t)
	require.JSONEq(t, string(mustJSON(c.FEVMRPC)), string(w.inside(action.Code(), "return CONFIG.fevm.rpc;", nil)))
}
