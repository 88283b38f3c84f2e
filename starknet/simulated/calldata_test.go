package simulated_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// TestRecordedCalldata calls the escrow with the calldata that the real
// contract was called with: limbs out of range, short, long, every check of
// create_deal.
func TestRecordedCalldata(t *testing.T) {
	c := newChain(t, simulated.Options{Key: recordedKey(t), Rules: attestation.RulesLegacy})
	client := c.Accounts()[1]
	c.sent(client, c.create(c.Accounts()[2].Address, 10, 100, 50, 60)...)

	text, err := os.ReadFile("testdata/calldata_legacy.json")
	require.NoError(t, err)
	// The recording has another token, with a text of its own.
	recorded := strings.ReplaceAll(string(text), "0x696e73756666696369656e7420616c6c6f77616e6365", "0x753235365f737562204f766572666c6f77")
	var rows []struct {
		Name, Fn, Outcome       string
		Calldata, Felts, Result []string
		Raw                     *struct{ Code int }
	}
	require.NoError(t, json.Unmarshal([]byte(recorded), &rows))
	require.NotEmpty(t, rows)
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			switch {
			case strings.Contains(row.Name, "token = 0"), strings.Contains(row.Name, "token = account"), strings.Contains(row.Name, "not deployed"):
				t.Skip("this node has one escrow with one token")
			case strings.HasPrefix(row.Fn, "0x"):
				row.Fn = "no_such_entry_point"
			}
			request := request(call(c.Escrow(), row.Fn, felts(t, row.Calldata...)...))
			if row.Outcome == "ok" {
				got := get[[]string](c, "starknet_call", request, "latest")
				require.Len(t, got, len(row.Result))
				return
			}
			e := c.refused("starknet_call", request, "latest")
			if row.Outcome == "error" {
				require.Equal(t, row.Raw.Code, e.Code)
				return
			}
			felts, err := json.Marshal(row.Felts)
			require.NoError(t, err)
			require.Contains(t, strings.ReplaceAll(string(e.Data), `\"`, `"`), string(felts))
		})
	}
}
