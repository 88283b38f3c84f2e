package naive_test

import (
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation/internal/naive"
)

// TestContract asks the oracle what was asked of the real escrow on a real node,
// row by row, and wants the same answers: that makes it an oracle.
func TestContract(t *testing.T) {
	for _, rules := range []naive.Rules{naive.LowS, naive.Legacy} {
		raw, err := os.ReadFile("../../testdata/edges_" + string(rules) + ".json")
		require.NoError(t, err)
		var rows []struct {
			Name    string   `json:"name"`
			KeyX    string   `json:"key_x"`
			KeyY    string   `json:"key_y"`
			Z       string   `json:"z"`
			R       string   `json:"r"`
			S       string   `json:"s"`
			V       uint32   `json:"v"`
			Outcome string   `json:"outcome"`
			Texts   []string `json:"texts"`
		}
		require.NoError(t, json.Unmarshal(raw, &rows))
		require.Len(t, rows, 127)
		for _, row := range rows {
			t.Run(string(rules)+"/"+row.Name, func(t *testing.T) {
				got := naive.Verdict(rules, number(t, row.Z), naive.Signature{R: number(t, row.R), S: number(t, row.S), V: row.V},
					number(t, row.KeyX), number(t, row.KeyY))
				if row.Outcome == "ok" {
					require.Equal(t, naive.Accept, got)
					return
				}
				require.Equal(t, "revert", row.Outcome)
				switch row.Texts[0] {
				case "Deal not active", "chunk_index out of bounds":
					// The escrow's state spoke before the signature did.
					require.NotEqual(t, naive.Accept, got)
				default:
					require.Equal(t, row.Texts[0], got)
				}
			})
		}
	}
}

// TestGroup holds the arithmetic to the laws of a group and to the published
// multiple 112233445566778899·G.
func TestGroup(t *testing.T) {
	g, n := naive.G(), naive.N()
	minusG := g.Times(new(big.Int).Sub(n, big.NewInt(1)))
	require.True(t, g.Times(n).IsInfinity())
	require.True(t, g.Plus(minusG).IsInfinity())
	require.True(t, g.Times(new(big.Int)).IsInfinity())
	require.Equal(t, g, g.Plus(naive.Point{}))
	require.Equal(t, g, naive.Point{}.Plus(g))
	require.Equal(t, g.Plus(g).Plus(g), g.Times(big.NewInt(3)))
	require.Equal(t, g, g.Times(new(big.Int).Add(n, big.NewInt(1))))
	x, y := minusG.XY()
	gx, gy := g.XY()
	require.Equal(t, gx, x)
	require.Equal(t, naive.P(), y.Add(y, gy))
	x, y = naive.Point{}.XY()
	require.Zero(t, x.Sign())
	require.Zero(t, y.Sign())

	x, y = g.Times(big.NewInt(112233445566778899)).XY()
	require.Equal(t, number(t, "0xa90cc3d3f3e146daadfc74ca1372207cb4b725ae708cef713a98edd73d99ef29"), x)
	require.Equal(t, number(t, "0x5a79d6b289610c68bc3b47f3d72f9788a26a06868b4d8e433e1e2ad76fb7dc76"), y)

	for _, odd := range []bool{false, true} {
		point, ok := naive.PointWithX(gx, odd)
		require.True(t, ok)
		_, y := point.XY()
		require.Equal(t, odd, y.Bit(0) == 1)
	}
	_, ok := naive.PointWithX(new(big.Int), false)
	require.False(t, ok, "7 is no square")
}

func number(t *testing.T, s string) *big.Int {
	t.Helper()
	v, ok := new(big.Int).SetString(strings.TrimPrefix(s, "0x"), 16)
	require.True(t, ok, s)
	return v
}
