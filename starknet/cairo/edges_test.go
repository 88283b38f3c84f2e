package cairo_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// TestEdges gives both classes every row of the signature table and wants the
// answers of the reference: compiled with the old corelib for compatible, with
// the new one for extended.
func TestEdges(t *testing.T) {
	onDevnets(t, func(t *testing.T, d *devnet) {
		token, err := cairo.DeployMockERC20(t.Context(), d.senders[0], attestation.Word{})
		require.NoError(t, err)
		t.Run("compatible", func(t *testing.T) {
			testEdges(t, d, cairo.Params{Class: cairo.Compatible, Token: token.Address()}, "edges_legacy.json")
		})
		t.Run("extended", func(t *testing.T) {
			testEdges(t, d, cairo.Params{Class: cairo.Extended, Token: token.Address(), Owner: d.senders[0].Address}, "edges_lows.json")
		})
	})
}

func testEdges(t *testing.T, d *devnet, p cairo.Params, file string) {
	rows := readRows[struct {
		Name    string           `json:"name"`
		KeyX    attestation.Word `json:"key_x"`
		KeyY    attestation.Word `json:"key_y"`
		Deal    attestation.Word `json:"deal"`
		Chunk   json.Number      `json:"chunk"`
		Set     attestation.Word `json:"pset"`
		Root    attestation.Word `json:"root"`
		TS      attestation.Word `json:"ts"`
		R       attestation.Word `json:"r"`
		S       attestation.Word `json:"s"`
		V       uint32           `json:"v"`
		Outcome string           `json:"outcome"`
		Felts   []string         `json:"felts"`
	}](t, "../../attestation/testdata/"+file)
	require.Len(t, rows, 127)
	escrows := map[attestation.PublicKey]slastream.Address{}
	refused, accepted := 0, 0
	for _, row := range rows {
		p.Key = attestation.PublicKey{X: row.KeyX, Y: row.KeyY}
		if p.Class == cairo.Extended && !onCurve(p.Key) {
			_, err := cairo.Deploy(t.Context(), d.senders[0], p)
			var revert *slastream.RevertError
			require.ErrorAs(t, err, &revert, "the row's key can be deployed")
			require.Equal(t, "PKP key not on curve", revert.Reason)
			refused++
			continue
		}
		escrow, ok := escrows[p.Key]
		if !ok {
			escrow = openDeal(t, d, p, 10).Address()
			escrows[p.Key] = escrow
		}
		t.Run(row.Name, func(t *testing.T) {
			chunk, err := row.Chunk.Int64()
			signed := attestation.Signed{
				Attestation: attestation.Attestation{DealID: row.Deal, ChunkIndex: uint64(chunk), ProofSetID: row.Set, RootCID: row.Root},
				Signature:   attestation.Signature{R: row.R, S: row.S, V: row.V},
			}
			if err != nil {
				signed.Attestation.ChunkIndex = 1<<64 - 1 // the recorder's JSON rounded it
			}
			signed.Attestation.Timestamp, ok = row.TS.Uint64()
			require.True(t, ok)
			var calldata []string
			for _, f := range starknet.EncodeReleaseChunk(signed) {
				calldata = append(calldata, f.String())
			}
			got := d.call(t, escrow, "release_chunk", calldata)
			if row.Outcome == "ok" {
				require.Zero(t, got.code, "%+v", got)
				require.Empty(t, got.felts)
				accepted++
				return
			}
			require.Equal(t, 40, got.code, "%+v", got)
			require.Equal(t, row.Felts, got.felts, "%s", got.text)
		})
	}
	require.NotZero(t, accepted)
	require.Equal(t, p.Class == cairo.Extended, refused > 0)
	t.Logf("%d rows, %d accepted, %d with a key that cannot be deployed, %d escrows", len(rows), accepted, refused, len(escrows))
}

func onCurve(k attestation.PublicKey) bool {
	b := append(append([]byte{4}, k.X[:]...), k.Y[:]...)
	_, err := attestation.ParsePublicKey(b)
	return err == nil
}
