package fevm_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

type (
	cid   struct{ Data []byte }
	sized struct {
		Piece   cid
		RawSize *big.Int
	}
)

func abiType(t testing.TB, name string, parts ...abi.ArgumentMarshaling) abi.Argument {
	typ, err := abi.NewType(name, "", parts)
	require.NoError(t, err)
	return abi.Argument{Type: typ}
}

func cids(t testing.TB) abi.Argument {
	return abiType(t, "tuple[]", abi.ArgumentMarshaling{Name: "data", Type: "bytes"})
}

func sizedCIDs(t testing.TB) abi.Argument {
	return abiType(t, "tuple[]",
		abi.ArgumentMarshaling{Name: "piece", Type: "tuple", Components: []abi.ArgumentMarshaling{{Name: "data", Type: "bytes"}}},
		abi.ArgumentMarshaling{Name: "rawSize", Type: "uint256"})
}

// call encodes a call with go-ethereum.
func call(t testing.TB, signature string, args abi.Arguments, values ...any) []byte {
	body, err := args.Pack(values...)
	require.NoError(t, err)
	return append(crypto.Keccak256([]byte(signature))[:4:4], body...)
}

func TestParseCall(t *testing.T) {
	uintT, addressT, bytesT := abiType(t, "uint256"), abiType(t, "address"), abiType(t, "bytes")
	listener := common.HexToAddress("0x8408502033C418E1bbC97cE9ac48E5528F371A9f")
	set, extra := big.NewInt(42), []byte("extra")
	pieces := []cid{{[]byte("first piece")}, {nil}, {make([]byte, 40)}}
	withSize := []sized{{pieces[0], big.NewInt(508)}, {pieces[1], big.NewInt(0)}}
	raw := []fevm.RawCID{fevm.RawCID("first piece"), {}, make(fevm.RawCID, 40)}
	word := attestation.WordFromUint64
	for _, tt := range []struct {
		name string
		data []byte
		want fevm.Call
	}{
		{"addPieces of 2.2.0", call(t, "addPieces(uint256,address,(bytes)[],bytes)", abi.Arguments{uintT, addressT, cids(t), bytesT}, set, listener, pieces, extra),
			fevm.AddPiecesCall{word(42), attestation.EthereumAddress(listener), raw, nil, extra}},
		{"addPieces of 2.1.0", call(t, "addPieces(uint256,(bytes)[],bytes)", abi.Arguments{uintT, cids(t), bytesT}, set, pieces, extra),
			fevm.AddPiecesCall{SetID: word(42), PieceCIDs: raw, ExtraData: extra}},
		{"addPieces of 2.0.0", call(t, "addPieces(uint256,((bytes),uint256)[],bytes)", abi.Arguments{uintT, sizedCIDs(t), bytesT}, set, withSize, extra),
			fevm.AddPiecesCall{SetID: word(42), PieceCIDs: raw[:2], RawSizes: []attestation.Word{word(508), word(0)}, ExtraData: extra}},
		{"addRoots of 1.0.0", call(t, "addRoots(uint256,((bytes),uint256)[],bytes)", abi.Arguments{uintT, sizedCIDs(t), bytesT}, set, withSize[:0], []byte{}),
			fevm.AddPiecesCall{SetID: word(42), PieceCIDs: []fevm.RawCID{}, RawSizes: []attestation.Word{}, ExtraData: []byte{}}},
		{"createDataSet", call(t, "createDataSet(address,bytes)", abi.Arguments{addressT, bytesT}, listener, extra),
			fevm.CreateDataSetCall{attestation.EthereumAddress(listener), extra}},
		{"nextProvingPeriod", call(t, "nextProvingPeriod(uint256,uint256,bytes)", abi.Arguments{uintT, uintT, bytesT}, set, big.NewInt(6_000_000), extra),
			fevm.NextProvingPeriodCall{word(42), word(6_000_000), extra}},
		{"provePossession", twoProofs().Calldata(), twoProofs()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := fevm.ParseCall(tt.data)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			// Cut anywhere, a call is refused: the last byte belongs to it, too,
			// unless it is padding.
			for n := 4; n < len(tt.data)-32; n++ {
				_, err := fevm.ParseCall(tt.data[:n])
				require.ErrorIs(t, err, fevm.ErrMalformed, "%d bytes", n)
			}
		})
	}
}

func TestParseCallRefuses(t *testing.T) {
	for _, b := range [][]byte{nil, {0x9a, 0xfd, 0x37}, {1, 2, 3, 4}} {
		_, err := fevm.ParseCall(b)
		require.ErrorIs(t, err, fevm.ErrUnknownCall)
	}
	_, err := fevm.ParseCall(append([]byte{0xbb, 0xae, 0x41, 0xcb}, cat(ones(), w32(64), w32(0))...))
	require.ErrorIs(t, err, fevm.ErrMalformed)
	require.ErrorContains(t, err, "listener")
}

func FuzzParseCall(f *testing.F) {
	f.Add(twoProofs().Calldata())
	f.Add(call(f, "addPieces(uint256,address,(bytes)[],bytes)", abi.Arguments{abiType(f, "uint256"), abiType(f, "address"), cids(f), abiType(f, "bytes")},
		big.NewInt(1), common.Address{1}, []cid{{[]byte("piece")}}, []byte("extra")))
	args := abi.Arguments{abiType(f, "uint256"), abiType(f, "address"), cids(f), abiType(f, "bytes")}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := fevm.ParseCall(b)
		if err != nil {
			require.Nil(t, c)
			return
		}
		pieces, ok := c.(fevm.AddPiecesCall)
		if !ok || pieces.RawSizes != nil || b[0] != 0x9a {
			return
		}
		// What we read, go-ethereum reads, and to the same values.
		values, err := args.Unpack(b[4:])
		require.NoError(t, err)
		require.Equal(t, pieces.SetID.Big().String(), values[0].(*big.Int).String())
		require.Equal(t, common.Address(pieces.Listener), values[1])
		require.Equal(t, []byte(pieces.ExtraData), values[3])
	})
}
