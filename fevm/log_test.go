package fevm_test

import (
	"encoding/binary"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// w32 is a word with the value v.
func w32(v uint64) []byte {
	b := make([]byte, 32)
	binary.BigEndian.PutUint64(b[24:], v)
	return b
}

func ones() []byte {
	b := make([]byte, 32)
	for i := range b {
		b[i] = 0xff
	}
	return b
}

func cat(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func topicOf(signature string) common.Hash { return crypto.Keccak256Hash([]byte(signature)) }

// knownEvents is every generation of every event; the value counts the indexed
// arguments.
var knownEvents = map[string]int{
	"PossessionProven(uint256,(uint256,uint256)[])":      1,
	"NextProvingPeriod(uint256,uint256,uint256)":         1,
	"ProofSetCreated(uint256,address)":                   2,
	"DataSetCreated(uint256,address)":                    2,
	"ProofSetOwnerChanged(uint256,address,address)":      3,
	"StorageProviderChanged(uint256,address,address)":    3,
	"ProofSetDeleted(uint256,uint256)":                   1,
	"DataSetDeleted(uint256,uint256)":                    1,
	"ProofSetEmpty(uint256)":                             1,
	"DataSetEmpty(uint256)":                              1,
	"RootsAdded(uint256,uint256[])":                      1,
	"PiecesAdded(uint256,uint256[])":                     1,
	"PiecesAdded(uint256,uint256[],(bytes)[])":           1,
	"PiecesAddedV2(uint256,uint256,(bytes32,bytes32)[])": 1,
	"RootsRemoved(uint256,uint256[])":                    1,
	"PiecesRemoved(uint256,uint256[])":                   1,
	"PiecesScheduledForRemoval(uint256,uint256[])":       1,
	"ProofFeePaid(uint256,uint256,uint64,int32)":         1,
	"ProofFeePaid(uint256,uint256)":                      1,
	"FeeUpdateProposed(uint256,uint256,uint256)":         0,
	"ContractUpgraded(string,address)":                   0,
	"UpgradeAnnounced((address,uint96))":                 0,
	"PriceOracleFailure(bytes)":                          0,
	"Upgraded(address)":                                  1,
	"OwnershipTransferred(address,address)":              2,
	"Initialized(uint64)":                                0,
	"RootsAdded(uint256,bytes32[])":                      1,
	"ProofSetLive(uint256)":                              1,
}

func TestEveryGenerationIsKnownByItsSignature(t *testing.T) {
	zeros := make([]byte, 32*8)
	for signature, indexed := range knownEvents {
		for n := range 5 {
			topics := append([]common.Hash{topicOf(signature)}, make([]common.Hash, n)...)
			_, err := fevm.ParseLog(&types.Log{Topics: topics, Data: zeros})
			if n == indexed {
				require.NoError(t, err, signature)
			} else {
				require.ErrorIs(t, err, fevm.ErrMalformed, "%s with %d topics", signature, 1+n)
			}
		}
	}
}

func TestOldGenerationsDecodeIntoTodaysStructs(t *testing.T) {
	set, sp := attestation.WordFromUint64(7), attestation.EthereumAddress{19: 9}
	setTopic, spTopic := common.Hash(set), common.Hash{31: 9}
	tests := []struct {
		signature string
		topics    []common.Hash
		data      []byte
		want      fevm.Event
	}{
		{"ProofSetCreated(uint256,address)", []common.Hash{setTopic, spTopic}, nil, fevm.DataSetCreated{SetID: set, StorageProvider: sp}},
		{"ProofSetOwnerChanged(uint256,address,address)", []common.Hash{setTopic, {}, spTopic}, nil, fevm.StorageProviderChanged{SetID: set, NewStorageProvider: sp}},
		{"ProofSetDeleted(uint256,uint256)", []common.Hash{setTopic}, w32(5), fevm.DataSetDeleted{SetID: set, DeletedLeafCount: attestation.WordFromUint64(5)}},
		{"ProofSetEmpty(uint256)", []common.Hash{setTopic}, nil, fevm.DataSetEmpty{SetID: set}},
		{"RootsAdded(uint256,uint256[])", []common.Hash{setTopic}, cat(w32(32), w32(1), w32(3)),
			fevm.PiecesAdded{SetID: set, FirstPieceID: attestation.WordFromUint64(3), PieceIDs: []attestation.Word{attestation.WordFromUint64(3)}}},
		{"RootsRemoved(uint256,uint256[])", []common.Hash{setTopic}, cat(w32(32), w32(1), w32(3)),
			fevm.PiecesRemoved{SetID: set, PieceIDs: []attestation.Word{attestation.WordFromUint64(3)}}},
		{"ProofFeePaid(uint256,uint256,uint64,int32)", []common.Hash{setTopic}, cat(w32(1), w32(2), append(ones()[:31], 0xf8)),
			fevm.ProofFeePaid{SetID: set, Fee: attestation.WordFromUint64(1), Price: 2, Expo: -8}},
		{"PriceOracleFailure(bytes)", nil, cat(w32(32), w32(3), []byte("abc")), fevm.PriceOracleFailure{Reason: []byte("abc")}},
		{"PiecesAddedV2(uint256,uint256,(bytes32,bytes32)[])", []common.Hash{setTopic}, cat(w32(4), w32(64), w32(0)),
			fevm.PiecesAdded{SetID: set, FirstPieceID: attestation.WordFromUint64(4), PieceIDs: []attestation.Word{}, PieceCIDs: []fevm.RawCID{}}},
	}
	for _, tt := range tests {
		got, err := fevm.ParseLog(&types.Log{Topics: append([]common.Hash{topicOf(tt.signature)}, tt.topics...), Data: tt.data})
		require.NoError(t, err, tt.signature)
		require.Equal(t, tt.want, got, tt.signature)
	}
}

func TestParseLogRefuses(t *testing.T) {
	const (
		proven   = "PossessionProven(uint256,(uint256,uint256)[])"
		added    = "PiecesAdded(uint256,uint256[],(bytes)[])"
		addedV2  = "PiecesAddedV2(uint256,uint256,(bytes32,bytes32)[])"
		period   = "NextProvingPeriod(uint256,uint256,uint256)"
		created  = "DataSetCreated(uint256,address)"
		upgraded = "ContractUpgraded(string,address)"
	)
	one := []common.Hash{{}}
	unsigned63 := cat(make([]byte, 24), []byte{0x80}, make([]byte, 7))
	tests := []struct {
		name, signature string
		topics          []common.Hash
		data            []byte
	}{
		{"no data", proven, one, nil},
		{"offset behind the data", proven, one, cat(w32(33), w32(0))},
		{"offset at the end of the data", proven, one, w32(32)},
		{"offset of 2^63", proven, one, cat(unsigned63, w32(0))},
		{"offset of 2^64+32", proven, one, cat(make([]byte, 23), []byte{1}, w32(32)[24:], w32(0))},
		{"offset of -32", proven, one, cat(append(ones()[:31], 0xe0), w32(0))},
		{"length of one more than the data", proven, one, cat(w32(32), w32(2), w32(1), w32(2))},
		{"length whose bytes pass 2^64", proven, one, cat(w32(32), w32(1<<58), w32(1), w32(2))},
		{"length of 2^63", proven, one, cat(w32(32), unsigned63, w32(1), w32(2))},
		{"length of 2^256-1", proven, one, cat(w32(32), ones(), w32(1), w32(2))},
		{"half a word", period, one, make([]byte, 63)},
		{"fewer pieceIds than pieceCids", added, one, cat(w32(64), w32(96), w32(0), w32(1), w32(32), w32(32), w32(0))},
		{"struct offset of 2^256-1", added, one, cat(w32(64), w32(128), w32(1), w32(0), w32(1), ones())},
		{"bytes longer than the data", added, one, cat(w32(64), w32(128), w32(1), w32(0), w32(1), w32(32), w32(32), w32(1))},
		{"ids that pass 2^256", addedV2, one, cat(ones(), w32(64), w32(2), make([]byte, 128))},
		{"half a packed CID", addedV2, one, cat(w32(0), w32(64), w32(1), w32(1))},
		{"address with high bits in a topic", created, []common.Hash{{}, {0: 1}}, nil},
		{"address with high bits in the data", upgraded, nil, cat(w32(64), ones(), w32(0))},
		{"string longer than the data", upgraded, nil, cat(w32(64), w32(0), w32(1))},
		{"uint64 of 2^64", "Initialized(uint64)", nil, cat(make([]byte, 23), []byte{1}, make([]byte, 8))},
		{"int32 without its sign", "ProofFeePaid(uint256,uint256,uint64,int32)", one, cat(w32(0), w32(0), w32(1<<31))},
		{"uint96 of 2^96", "UpgradeAnnounced((address,uint96))", nil, cat(w32(0), make([]byte, 19), []byte{1}, make([]byte, 12))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := fevm.ParseLog(&types.Log{Topics: append([]common.Hash{topicOf(tt.signature)}, tt.topics...), Data: tt.data})
			require.ErrorIs(t, err, fevm.ErrMalformed)
			require.ErrorContains(t, err, tt.signature)
			require.Less(t, len(err.Error()), 300)
		})
	}
	for name, l := range map[string]*types.Log{
		"nil":           nil,
		"anonymous":     {},
		"another topic": {Topics: []common.Hash{{1}}},
	} {
		_, err := fevm.ParseLog(l)
		require.ErrorIs(t, err, fevm.ErrUnknownEvent, name)
	}
}

func TestParseLogAcceptsTheLayoutsThatOffsetsDescribe(t *testing.T) {
	want := fevm.PossessionProven{Challenges: []fevm.Challenge{{PieceID: attestation.WordFromUint64(1), Offset: attestation.WordFromUint64(2)}}}
	for name, data := range map[string][]byte{
		"canonical":      cat(w32(32), w32(1), w32(1), w32(2)),
		"a gap":          cat(w32(64), ones(), w32(1), w32(1), w32(2)),
		"trailing bytes": cat(w32(32), w32(1), w32(1), w32(2), []byte{1}),
	} {
		got, err := fevm.ParseLog(&types.Log{Topics: []common.Hash{topicOf("PossessionProven(uint256,(uint256,uint256)[])"), {}}, Data: data})
		require.NoError(t, err, name)
		require.Equal(t, fevm.Event(want), got, name)
	}
}

// gethArguments are the data of the dynamic events for go-ethereum's decoder.
var gethArguments = map[string]abi.Arguments{
	"PossessionProven(uint256,(uint256,uint256)[])":      arguments(`[{"name":"challenges","type":"tuple[]","components":[{"name":"pieceId","type":"uint256"},{"name":"offset","type":"uint256"}]}]`),
	"PiecesAdded(uint256,uint256[],(bytes)[])":           arguments(`[{"name":"pieceIds","type":"uint256[]"},{"name":"pieceCids","type":"tuple[]","components":[{"name":"data","type":"bytes"}]}]`),
	"PiecesAddedV2(uint256,uint256,(bytes32,bytes32)[])": arguments(`[{"name":"firstPieceId","type":"uint256"},{"name":"pieceCids","type":"tuple[]","components":[{"name":"header","type":"bytes32"},{"name":"root","type":"bytes32"}]}]`),
	"PiecesRemoved(uint256,uint256[])":                   arguments(`[{"name":"pieceIds","type":"uint256[]"}]`),
	"ContractUpgraded(string,address)":                   arguments(`[{"name":"version","type":"string"},{"name":"implementation","type":"address"}]`),
	"NextProvingPeriod(uint256,uint256,uint256)":         arguments(`[{"name":"challengeEpoch","type":"uint256"},{"name":"leafCount","type":"uint256"}]`),
	"RootsAdded(uint256,bytes32[])":                      arguments(`[{"name":"rootCIDs","type":"bytes32[]"}]`),
}

// strictly are the events where ParseLog refuses what go-ethereum reads: an
// address with high bits, ids without CIDs, ids that pass 2^256.
var strictly = map[string]bool{
	"ContractUpgraded(string,address)":                   true,
	"PiecesAdded(uint256,uint256[],(bytes)[])":           true,
	"PiecesAddedV2(uint256,uint256,(bytes32,bytes32)[])": true,
}

func arguments(inputs string) abi.Arguments {
	parsed, err := abi.JSON(strings.NewReader(`[{"type":"event","name":"E","inputs":` + inputs + `}]`))
	if err != nil {
		panic(err)
	}
	return parsed.Events["E"].Inputs
}

// fromGeth builds the event from what go-ethereum decoded.
func fromGeth(t testing.TB, signature string, v []any) fevm.Event {
	w := func(i *big.Int) attestation.Word {
		x, err := attestation.WordFromBig(i)
		require.NoError(t, err)
		return x
	}
	ws := func(is []*big.Int) []attestation.Word {
		out := make([]attestation.Word, len(is))
		for i := range is {
			out[i] = w(is[i])
		}
		return out
	}
	switch signature {
	case "PossessionProven(uint256,(uint256,uint256)[])":
		cs := *abi.ConvertType(v[0], new([]struct{ PieceId, Offset *big.Int })).(*[]struct{ PieceId, Offset *big.Int })
		e := fevm.PossessionProven{Challenges: make([]fevm.Challenge, len(cs))}
		for i, c := range cs {
			e.Challenges[i] = fevm.Challenge{PieceID: w(c.PieceId), Offset: w(c.Offset)}
		}
		return e
	case "PiecesAdded(uint256,uint256[],(bytes)[])":
		cids := *abi.ConvertType(v[1], new([]struct{ Data []byte })).(*[]struct{ Data []byte })
		e := fevm.PiecesAdded{PieceIDs: ws(v[0].([]*big.Int)), PieceCIDs: make([]fevm.RawCID, len(cids))}
		for i, c := range cids {
			e.PieceCIDs[i] = c.Data
		}
		if len(e.PieceIDs) > 0 {
			e.FirstPieceID = e.PieceIDs[0]
		}
		return e
	case "PiecesAddedV2(uint256,uint256,(bytes32,bytes32)[])":
		packed := *abi.ConvertType(v[1], new([]struct{ Header, Root [32]byte })).(*[]struct{ Header, Root [32]byte })
		first := v[0].(*big.Int)
		e := fevm.PiecesAdded{FirstPieceID: w(first), PieceIDs: make([]attestation.Word, len(packed)), PieceCIDs: make([]fevm.RawCID, len(packed))}
		for i, p := range packed {
			e.PieceIDs[i] = w(new(big.Int).Add(first, big.NewInt(int64(i))))
			e.PieceCIDs[i] = cat(new(big.Int).SetBytes(p.Header[:]).Bytes(), p.Root[:])
		}
		return e
	case "PiecesRemoved(uint256,uint256[])":
		return fevm.PiecesRemoved{PieceIDs: ws(v[0].([]*big.Int))}
	case "ContractUpgraded(string,address)":
		return fevm.ContractUpgraded{Version: v[0].(string), Implementation: attestation.EthereumAddress(v[1].(common.Address))}
	case "NextProvingPeriod(uint256,uint256,uint256)":
		return fevm.NextProvingPeriod{ChallengeEpoch: w(v[0].(*big.Int)), LeafCount: w(v[1].(*big.Int))}
	case "RootsAdded(uint256,bytes32[])":
		roots := v[0].([][32]byte)
		e := fevm.MockRootsAdded{RootCIDs: make([]attestation.Word, len(roots))}
		for i := range roots {
			e.RootCIDs[i] = roots[i]
		}
		return e
	}
	require.Failf(t, "no conversion", "%s", signature)
	return nil
}

// FuzzParseLog checks that hostile data never panics and that what is accepted
// is what go-ethereum's ABI decoder reads too.
func FuzzParseLog(f *testing.F) {
	for _, name := range []string{"v3.4.0.json", "v3.5.0.json", "mock.json"} {
		for _, r := range recordedLogs(f, name) {
			if len(r.Data) < 2000 {
				f.Add(unhex(f, r.Data))
			}
		}
	}
	var signatures []string
	for s := range gethArguments {
		signatures = append(signatures, s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for signature, indexed := range knownEvents {
			topics := append([]common.Hash{topicOf(signature)}, make([]common.Hash, indexed)...)
			_, err := fevm.ParseLog(&types.Log{Topics: topics, Data: data})
			if err != nil {
				require.ErrorIs(t, err, fevm.ErrMalformed, signature)
			}
		}
		for _, signature := range signatures {
			topics := append([]common.Hash{topicOf(signature)}, make([]common.Hash, knownEvents[signature])...)
			got, err := fevm.ParseLog(&types.Log{Topics: topics, Data: data})
			values, gethErr := gethArguments[signature].Unpack(data)
			if err != nil {
				if !strictly[signature] {
					require.Error(t, gethErr, signature)
				}
				continue
			}
			require.NoError(t, gethErr, signature)
			require.Equal(t, fromGeth(t, signature, values), got, signature)
		}
	})
}
