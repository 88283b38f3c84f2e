package lit_test

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// inside runs a main function of the test's own behind the action's functions.
func (w *world) inside(code, body string, params any) json.RawMessage {
	w.t.Helper()
	code = strings.Replace(code, "async function main(", "async function unused(", 1)
	got, err := w.runtime.run("Qm", code+"\nasync function main(p) {\n"+body+"\n}\n", mustJSON(params))
	require.NoError(w.t, err)
	return got
}

// encodePiece is the answer of getPieceCid: a struct of one bytes.
func encodePiece(cid []byte) string {
	length := attestation.WordFromUint64(uint64(len(cid)))
	offset := attestation.WordFromUint64(32)
	padded := append(cid[:len(cid):len(cid)], make([]byte, (32-len(cid)%32)%32)...)
	return "0x" + hex.EncodeToString(offset[:]) + hex.EncodeToString(offset[:]) + hex.EncodeToString(length[:]) + hex.EncodeToString(padded)
}

// The action reads a piece CID if and only if package fevm does, and finds the
// same root and leaf count.
func TestPieceCIDsAreReadAsByPackageFEVM(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(7, 7))
	var cids [][]byte
	for range 3000 {
		var root [32]byte
		root[random.IntN(32)] = byte(random.Uint32())
		height := uint8(random.IntN(52))
		padding := random.Uint64() >> random.IntN(64)
		cid, err := fevm.NewPieceCID(root, height, padding)
		if err != nil {
			cid, err = fevm.NewPieceCID(root, height%51, 0)
			require.NoError(t, err)
		}
		b := cid.Bytes()
		for range random.IntN(3) {
			switch i := random.IntN(len(b)); random.IntN(4) {
			case 0:
				b[random.IntN(min(12, len(b)))] ^= 1 << random.IntN(8)
			case 1:
				b = append(b[:i], b[i+1:]...)
			case 2:
				b = append(b[:i:i], append([]byte{byte(random.Uint32())}, b[i:]...)...)
			case 3:
				b[i] = byte(random.Uint32())
			}
		}
		cids = append(cids, b)
	}
	answers := make([]string, len(cids))
	for i, cid := range cids {
		answers[i] = encodePiece(cid)
	}
	var got []*struct{ Root, Leaves string }
	require.NoError(t, json.Unmarshal(w.inside(w.action.Code(), "return p.map(pieceOf).map((r) => r && { root: r.root, leaves: String(r.leaves) });", answers), &got))
	require.Len(t, got, len(cids))
	accepted := 0
	for i, cid := range cids {
		want, err := fevm.ParsePieceCID(cid)
		if err != nil {
			require.Nil(t, got[i], "%x: %v", cid, err)
			continue
		}
		accepted++
		require.NotNil(t, got[i], "%x", cid)
		require.Equal(t, attestation.Word(want.Root()).String(), got[i].Root)
		require.Equal(t, strconv.FormatUint(want.LeafCount(), 10), got[i].Leaves)
	}
	require.Greater(t, accepted, 300)
	require.Greater(t, len(cids)-accepted, 300)
}

func TestPieceAnswersInAnotherForm(t *testing.T) {
	w, _, params := proven(t)
	for _, bad := range map[string]string{
		"nothing":        "0x",
		"no bytes":       encodePiece(make([]byte, 39))[:2+192],
		"another offset": attestation.WordFromUint64(64).String() + encodePiece(make([]byte, 39))[66:],
		"zeros":          encodePiece(make([]byte, 39)),
	} {
		w.tamper(func(method string, _ []json.RawMessage, answer map[string]any) {
			if s, ok := answer["result"].(string); ok && method == "eth_call" && len(s) > 66 {
				answer["result"] = bad
			}
		}, fevmNodes...)
		w.refuses("proof", "has no canonical CID", params)
	}
}
