package fevm_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// A recordedLog is one line of the recorded logs.
type recordedLog struct {
	Tx        string          `json:"tx"`
	Event     string          `json:"event"`
	Signature string          `json:"signature"`
	Topics    []common.Hash   `json:"topics"`
	Data      string          `json:"data"`
	Foreign   bool            `json:"foreign"`
	Expected  json.RawMessage `json:"expected"`
	Pieces    []struct {
		Padding, Height, LeafCount, RawSize json.Number
		Root                                string
	} `json:"pieces"`
}

func (r recordedLog) log(t testing.TB) *types.Log {
	return &types.Log{Topics: r.Topics, Data: unhex(t, r.Data)}
}

func recordedLogs(t testing.TB, name string) []recordedLog {
	var logs []recordedLog
	readJSON(t, name, &logs)
	require.NotEmpty(t, logs)
	return logs
}

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, v))
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	require.NoError(t, err)
	return b
}

func word(t testing.TB, s string) attestation.Word {
	t.Helper()
	w, err := attestation.ParseWord(s)
	require.NoError(t, err)
	return w
}

func address(t testing.TB, s string) attestation.EthereumAddress {
	t.Helper()
	a, err := attestation.ParseEthereumAddress(s)
	require.NoError(t, err)
	return a
}

// expectation is `expected` of every event, flattened.
type expectation struct {
	SetID, ChallengeEpoch, LeafCount, DeletedLeafCount, FirstPieceID, Fee string
	CurrentFee, NewFee, EffectiveTime, Version, ProofSetID                string
	PieceIDs, PieceCids, RootCIDs                                         []string
	Challenges                                                            []struct{ PieceID, Offset string }
	StorageProvider, OldStorageProvider, NewStorageProvider               string
	Implementation, PreviousOwner, NewOwner                               string
	PlannedUpgrade                                                        struct{ NextImplementation, AfterEpoch string }
}

// event builds the struct that a log with this signature decodes to, from the
// recorded values alone.
func (x expectation) event(t testing.TB, signature string) fevm.Event {
	w := func(s string) attestation.Word { return word(t, s) }
	words := func(ss []string) []attestation.Word {
		out := make([]attestation.Word, len(ss))
		for i, s := range ss {
			out[i] = w(s)
		}
		return out
	}
	cids := make([]fevm.RawCID, len(x.PieceCids))
	for i, s := range x.PieceCids {
		cids[i] = unhex(t, s)
	}
	first := attestation.Word{}
	if len(x.PieceIDs) > 0 {
		first = w(x.PieceIDs[0])
	}
	switch signature {
	case "PossessionProven(uint256,(uint256,uint256)[])":
		e := fevm.PossessionProven{SetID: w(x.SetID), Challenges: []fevm.Challenge{}}
		for _, c := range x.Challenges {
			e.Challenges = append(e.Challenges, fevm.Challenge{PieceID: w(c.PieceID), Offset: w(c.Offset)})
		}
		return e
	case "NextProvingPeriod(uint256,uint256,uint256)":
		return fevm.NextProvingPeriod{SetID: w(x.SetID), ChallengeEpoch: w(x.ChallengeEpoch), LeafCount: w(x.LeafCount)}
	case "DataSetCreated(uint256,address)":
		return fevm.DataSetCreated{SetID: w(x.SetID), StorageProvider: address(t, x.StorageProvider)}
	case "DataSetDeleted(uint256,uint256)":
		return fevm.DataSetDeleted{SetID: w(x.SetID), DeletedLeafCount: w(x.DeletedLeafCount)}
	case "DataSetEmpty(uint256)":
		return fevm.DataSetEmpty{SetID: w(x.SetID)}
	case "PiecesAdded(uint256,uint256[])":
		return fevm.PiecesAdded{SetID: w(x.SetID), FirstPieceID: first, PieceIDs: words(x.PieceIDs)}
	case "PiecesAdded(uint256,uint256[],(bytes)[])":
		return fevm.PiecesAdded{SetID: w(x.SetID), FirstPieceID: first, PieceIDs: words(x.PieceIDs), PieceCIDs: cids}
	case "PiecesAddedV2(uint256,uint256,(bytes32,bytes32)[])":
		return fevm.PiecesAdded{SetID: w(x.SetID), FirstPieceID: w(x.FirstPieceID), PieceIDs: words(x.PieceIDs), PieceCIDs: cids}
	case "PiecesRemoved(uint256,uint256[])":
		return fevm.PiecesRemoved{SetID: w(x.SetID), PieceIDs: words(x.PieceIDs)}
	case "PiecesScheduledForRemoval(uint256,uint256[])":
		return fevm.PiecesScheduledForRemoval{SetID: w(x.SetID), PieceIDs: words(x.PieceIDs)}
	case "StorageProviderChanged(uint256,address,address)":
		return fevm.StorageProviderChanged{SetID: w(x.SetID), OldStorageProvider: address(t, x.OldStorageProvider), NewStorageProvider: address(t, x.NewStorageProvider)}
	case "ProofFeePaid(uint256,uint256)":
		return fevm.ProofFeePaid{SetID: w(x.SetID), Fee: w(x.Fee)}
	case "FeeUpdateProposed(uint256,uint256,uint256)":
		return fevm.FeeUpdateProposed{CurrentFee: w(x.CurrentFee), NewFee: w(x.NewFee), EffectiveTime: w(x.EffectiveTime)}
	case "ContractUpgraded(string,address)":
		return fevm.ContractUpgraded{Version: x.Version, Implementation: address(t, x.Implementation)}
	case "UpgradeAnnounced((address,uint96))":
		return fevm.UpgradeAnnounced{NextImplementation: address(t, x.PlannedUpgrade.NextImplementation), AfterEpoch: w(x.PlannedUpgrade.AfterEpoch)}
	case "Upgraded(address)":
		return fevm.Upgraded{Implementation: address(t, x.Implementation)}
	case "OwnershipTransferred(address,address)":
		return fevm.OwnershipTransferred{PreviousOwner: address(t, x.PreviousOwner), NewOwner: address(t, x.NewOwner)}
	case "Initialized(uint64)":
		v, ok := w(x.Version).Uint64()
		require.True(t, ok)
		return fevm.Initialized{Version: v}
	case "RootsAdded(uint256,bytes32[])":
		return fevm.MockRootsAdded{ProofSetID: w(x.ProofSetID), RootCIDs: words(x.RootCIDs)}
	case "ProofSetLive(uint256)":
		return fevm.MockProofSetLive{ProofSetID: w(x.ProofSetID)}
	}
	require.Failf(t, "no expectation", "signature %s", signature)
	return nil
}

func TestRecordedLogsDecodeToWhatTheContractsEmitted(t *testing.T) {
	for _, name := range []string{"v3.4.0.json", "v3.5.0.json", "mock.json"} {
		t.Run(name, func(t *testing.T) {
			for _, r := range recordedLogs(t, name) {
				event, err := fevm.ParseLog(r.log(t))
				if r.Event == "Noise" {
					require.ErrorIs(t, err, fevm.ErrUnknownEvent, r.Tx)
					continue
				}
				require.NoError(t, err, r.Tx)
				var x expectation
				require.NoError(t, json.Unmarshal(r.Expected, &x), r.Tx)
				require.Equal(t, x.event(t, r.Signature), event, r.Tx)
			}
		})
	}
}

func TestRecordedPieceCIDsHaveTheSizesTheyWereMadeWith(t *testing.T) {
	var canonical, refused int
	for _, name := range []string{"v3.4.0.json", "v3.5.0.json"} {
		for _, r := range recordedLogs(t, name) {
			var x expectation
			require.NoError(t, json.Unmarshal(r.Expected, &x))
			for i, text := range x.PieceCids {
				cid, err := fevm.RawCID(unhex(t, text)).Parse()
				if err != nil {
					require.ErrorIs(t, err, fevm.ErrMalformed)
					refused++
					continue
				}
				canonical++
				require.Equal(t, unhex(t, text), cid.Bytes())
				p := r.Pieces[i]
				require.Equal(t, p.Root, "0x"+hex.EncodeToString(rootOf(cid)))
				requireNumber(t, p.Height, uint64(cid.Height()))
				requireNumber(t, p.Padding, cid.Padding())
				requireNumber(t, p.LeafCount, cid.LeafCount())
				if p.RawSize != "" {
					requireNumber(t, p.RawSize, cid.RawSize())
				}
			}
		}
	}
	require.Positive(t, canonical)
	require.Equal(t, 5, refused, "the non-canonical CIDs that 3.4.0 was made to accept")
}

func rootOf(c fevm.PieceCID) []byte {
	root := c.Root()
	return root[:]
}

func requireNumber(t *testing.T, want json.Number, got uint64) {
	t.Helper()
	w := word(t, want.String())
	v, ok := w.Uint64()
	require.True(t, ok)
	require.Equal(t, v, got)
}
