package escrow_test

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// edge is one row of edges_*.json: release_chunk called on a real node with
// one signature of the table of acceptance.
type edge struct {
	Name    string           `json:"name"`
	KeyX    attestation.Word `json:"key_x"`
	KeyY    attestation.Word `json:"key_y"`
	Deal    attestation.Word `json:"deal"`
	Chunk   json.Number      `json:"chunk"`
	Pset    attestation.Word `json:"pset"`
	Root    attestation.Word `json:"root"`
	TS      attestation.Word `json:"ts"`
	R       attestation.Word `json:"r"`
	S       attestation.Word `json:"s"`
	V       uint32           `json:"v"`
	Outcome string           `json:"outcome"`
	Texts   []string         `json:"texts"`
}

func (e edge) signed() attestation.Signed {
	ts, _ := e.TS.Uint64()
	// The tool that wrote the files rounded the one chunk index above 2^53.
	chunk, err := strconv.ParseUint(e.Chunk.String(), 10, 64)
	if err != nil {
		chunk = math.MaxUint64
	}
	return attestation.Signed{
		Attestation: attestation.Attestation{
			DealID: e.Deal, ChunkIndex: chunk, ProofSetID: e.Pset, RootCID: e.Root, Timestamp: ts,
		},
		Signature: attestation.Signature{R: e.R, S: e.S, V: e.V},
	}
}

// TestEdges replays every signature that a real node was asked about, under
// both corelibs, each on a fresh active deal of 10 chunks.
func TestEdges(t *testing.T) {
	for file, rules := range map[string]attestation.Rules{
		"edges_lows.json":   attestation.RulesLowS,
		"edges_legacy.json": attestation.RulesLegacy,
	} {
		t.Run(rules.String(), func(t *testing.T) {
			rows := readVectors[edge](t, file)
			require.Len(t, rows, 127)
			chains := map[attestation.PublicKey]*chain{}
			for _, row := range rows {
				key := attestation.PublicKey{X: row.KeyX, Y: row.KeyY}
				if chains[key] == nil {
					chains[key] = openDeal(t, escrow.Params{Key: key, Rules: rules, Address: addr(100)}, 10)
				}
				signed := row.signed()
				slot := signed.Attestation
				c := chains[key]
				c.try(t, func() {
					err := c.ReleaseChunk(escrow.Call{}, signed)
					if row.Outcome == "ok" {
						require.NoError(t, err, row.Name)
						require.True(t, c.ChunkReleased(slot.DealID, slot.ChunkIndex), row.Name)
						require.EqualValues(t, 1, c.Deal(row.Deal).Released, row.Name)
						return
					}
					requireReason(t, row.Texts[0], err, row.Name)
				})
				require.False(t, c.ChunkReleased(slot.DealID, slot.ChunkIndex), "%s: At left a change", row.Name)
			}
		})
	}
}

func requireReason(t require.TestingT, reason string, err error, msg ...any) {
	var reverted *slastream.RevertError
	require.ErrorAs(t, err, &reverted, msg...)
	require.Equal(t, reason, reverted.Reason, msg...)
}

// TestCalldata replays the rows of calldata_legacy.json that reach the
// contract's own code. Rows the ABI refuses (a value out of its type, too few
// or too many felts) and rows about other contracts or selectors (outcome
// "error") belong to package starknet.
func TestCalldata(t *testing.T) {
	type row struct {
		Name     string   `json:"name"`
		Fn       string   `json:"fn"`
		Calldata []felt   `json:"calldata"`
		Outcome  string   `json:"outcome"`
		Result   []felt   `json:"result"`
		Texts    []string `json:"texts"`
	}
	rows := readVectors[row](t, "calldata_legacy.json")
	require.Len(t, rows, 82)

	// The deal of the rows, from the row "get_deal 1".
	client := slastream.Address(mustWord("0x260a8311b4f1092db620b923e8d7d20e76dedcc615fb4b6fdf28315b81de201"))
	provider := slastream.Address(mustWord("0x18f81c2ef42310e0abd4fafd27f37beb34d000641beb2cd8a6fb97596552ddb"))
	const deadline, now = 0x6b4b58ab, 0x6b4b58ab - 3600
	params := escrow.Params{
		Owner:   addr(7),
		Rules:   attestation.RulesLegacy,
		Address: addr(100),
		Key: attestation.PublicKey{
			X: mustWord("0x8318535b54105d4a7aae60c08fc45f9687181b4fdfc625bd1a753fa7397fed75"),
			Y: mustWord("0x3547f11ca8696646f2f3acb08e31016afac23e630c5d11f59f61fef57b0d2aa5"),
		},
	}
	mockToken := newMockToken(client, amount(1_000_000))
	mock := newChain(params, &host{token: mockToken})
	require.NoError(t, mockToken.Approve(client, params.Address, amount(1050)))
	_, err := mock.CreateDeal(escrow.Call{From: client, At: now}, slastream.Terms{
		Provider: provider, Chunks: 10, ChunkAmount: amount(100), Collateral: amount(50), Duration: deadline - now,
	})
	require.NoError(t, err)
	strkHost, _ := newHost()
	strk := newChain(params, strkHost)

	used, refused := 0, 0
	for _, r := range rows {
		if r.Outcome == "error" {
			continue
		}
		c := mock
		if r.Name == "create_deal: token = STRK, caller 0" {
			c = strk
		}
		c.try(t, func() {
			ret, ok, err := invoke(c.Contract, escrow.Call{At: now}, r.Fn, r.Calldata)
			if !ok {
				require.Regexp(t, `^(Failed to deserialize param #\d|Input too long for arguments)$`, r.Texts[0], r.Name)
				refused++
				return
			}
			used++
			if r.Outcome == "revert" {
				requireReason(t, r.Texts[0], err, r.Name)
				return
			}
			require.NoError(t, err, r.Name)
			require.Equal(t, r.Result, ret, r.Name)
		})
	}
	require.Equal(t, 24, used)
	require.Equal(t, 53, refused)
}
