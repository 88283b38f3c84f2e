package simulated_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/starknet/cairo"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// TestDeployRecorded sends what was sent to starknet-devnet 0.6.1, signatures
// included, and compares the answers: an account deploys itself, declares the
// classes of package starknet/cairo, deploys through both universal deployers
// and calls what it deployed, with every refusal on the way.
func TestDeployRecorded(t *testing.T) {
	c := newChain(t, simulated.Options{})
	raw, err := os.ReadFile("testdata/contracts_0.6.1.jsonl.gz")
	require.NoError(t, err)
	unzip, err := gzip.NewReader(bytes.NewReader(raw))
	require.NoError(t, err)
	classes := make(map[string][]byte)
	for _, class := range []cairo.Class{cairo.Compatible, cairo.Extended, cairo.MockERC20} {
		classes[fmt.Sprintf(`"contract_class":%q`, class)] = fmt.Appendf(nil, `"contract_class":%s`, class.JSON())
	}
	rows := 0
	for dec := json.NewDecoder(unzip); dec.More(); rows++ {
		var row struct {
			Name     string
			Method   string
			Params   json.RawMessage
			Response any
		}
		require.NoError(t, dec.Decode(&row))
		for name, class := range classes {
			row.Params = bytes.ReplaceAll(row.Params, []byte(name), class)
		}
		// A failure need not hide the next.
		t.Run(fmt.Sprintf("%d %s", rows, row.Name), func(t *testing.T) {
			require.Equal(t, comparable(row.Response), comparable(c.answer(row.Method, row.Params)))
		})
	}
	require.Greater(t, rows, 200)
}

// answer is the response to a request, as the rows have it.
func (c *chain) answer(method string, params json.RawMessage) any {
	c.Helper()
	body := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params)
	resp, err := c.Client().Post("http://in.process/rpc", "application/json", bytes.NewReader(body))
	require.NoError(c, err)
	defer resp.Body.Close()
	var out map[string]any
	require.NoError(c, json.NewDecoder(resp.Body).Decode(&out))
	delete(out, "jsonrpc")
	delete(out, "id")
	return out
}

// comparable drops what this node only estimates, and what depends on when the
// answers were recorded: gas, fees, blocks and times.
func comparable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			switch key {
			case "block_hash", "block_number", "actual_fee", "execution_resources", "tx_hash",
				"l1_gas_consumed", "l2_gas_consumed", "l1_data_gas_consumed", "overall_fee":
				delete(v, key)
			case "events":
				events := v[key].([]any)
				fee := events[len(events)-1].(map[string]any)
				fee["data"].([]any)[2] = "fee"
				for _, e := range events {
					keys, data := e.(map[string]any)["keys"].([]any), e.(map[string]any)["data"].([]any)
					if keys[0] == "0x170216691507ec9f3007b3509258e582299f1a9930134c01c2e303ef2210c92" {
						data[len(data)-1] = "deadline"
					}
				}
			default:
				v[key] = comparable(v[key])
			}
		}
	case []any:
		for i := range v {
			v[i] = comparable(v[i])
		}
	}
	return v
}
