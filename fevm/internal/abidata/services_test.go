package abidata_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/filecoinpay"
	"github.com/slastream/slastream-go/fevm/warmstorage"
)

// The events as the contracts' ABIs have them: * marks the indexed arguments.
var (
	warmStorage = []string{
		"DataSetCreated(uint256*,uint256*,uint256,uint256,uint256,address,address,address,string[],string[])",
		"PieceAdded(uint256*,uint256*,(bytes),string[],string[])",
		"FaultRecord(uint256*,uint256,uint256)",
		"ServiceTerminated(address*,uint256*,uint256,uint256,uint256)",
		"PDPPaymentTerminated(uint256*,uint256,uint256)",
		"CDNPaymentTerminated(uint256*,uint256,uint256,uint256)",
		"CDNServiceTerminated(address*,uint256*,uint256,uint256)",
		"DataSetServiceProviderChanged(uint256*,address*,address*)",
		"RailRateUpdated(uint256*,uint256,uint256)",
		"DataSetAbandoned(uint256*,uint256,uint256,uint256)",
		"PricingUpdated(uint256,uint256)",
		"ProviderApproved(uint256*)",
		"ProviderUnapproved(uint256*)",
	}
	filecoinPay = []string{
		"RailCreated(uint256*,address*,address*,address,address,address,address,uint256)",
		"RailRateModified(uint256*,uint256,uint256)",
		"RailLockupModified(uint256*,uint256,uint256,uint256,uint256)",
		"RailOneTimePaymentProcessed(uint256*,uint256,uint256,uint256)",
		"RailSettled(uint256*,uint256,uint256,uint256,uint256,uint256)",
		"RailTerminated(uint256*,address*,uint256)",
		"RailFinalized(uint256*)",
		"DepositRecorded(address*,address*,address*,uint256)",
		"WithdrawRecorded(address*,address*,address*,uint256)",
		"AccountLockupSettled(address*,address*,uint256,uint256,uint256)",
		"OperatorApprovalUpdated(address*,address*,address*,bool,uint256,uint256,uint256)",
	}
)

func TestWarmStorage(t *testing.T) {
	for _, s := range warmStorage {
		compare(t, s, func(l *types.Log) (any, error) { return warmstorage.ParseLog(l) }, warmstorage.ErrMalformed)
	}
	// Before 1.0.0 the event had no CID.
	old := encode(t, "PieceAdded(uint256*,uint256*,string[],string[])", rand.New(rand.NewPCG(1, 1)))
	e, err := warmstorage.ParseLog(old.log)
	require.NoError(t, err)
	require.Nil(t, e.(warmstorage.PieceAdded).PieceCID)
	for _, l := range []*types.Log{nil, {}, {Topics: []common.Hash{{1}}}} {
		_, err := warmstorage.ParseLog(l)
		require.ErrorIs(t, err, warmstorage.ErrUnknownEvent)
	}
}

func TestFilecoinPay(t *testing.T) {
	for _, s := range filecoinPay {
		compare(t, s, func(l *types.Log) (any, error) { return filecoinpay.ParseLog(l) }, filecoinpay.ErrMalformed)
	}
	for _, l := range []*types.Log{nil, {}, {Topics: []common.Hash{{1}}}} {
		_, err := filecoinpay.ParseLog(l)
		require.ErrorIs(t, err, filecoinpay.ErrUnknownEvent)
	}
}

// compare encodes an event with go-ethereum and wants it back field by field.
func compare(t *testing.T, signature string, parse func(*types.Log) (any, error), malformed error) {
	name, _, _ := strings.Cut(signature, "(")
	t.Run(name, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, uint64(len(signature))))
		for range 20 {
			c := encode(t, signature, rng)
			e, err := parse(c.log)
			require.NoError(t, err)
			require.Equal(t, name, reflect.TypeOf(e).Name())
			var got []string
			for i := range reflect.ValueOf(e).NumField() {
				got = append(got, text(reflect.ValueOf(e).Field(i).Interface()))
			}
			require.Equal(t, c.want, got)

			short := *c.log
			short.Topics = short.Topics[:len(short.Topics)-1]
			if len(short.Topics) > 0 {
				_, err = parse(&short)
				require.ErrorIs(t, err, malformed)
			}
			long := *c.log
			long.Topics = append(append([]common.Hash{}, long.Topics...), common.Hash{})
			_, err = parse(&long)
			require.ErrorIs(t, err, malformed)
			if len(c.log.Data) > 0 {
				cut := *c.log
				cut.Data = cut.Data[:rng.IntN(len(cut.Data)-31)]
				_, err = parse(&cut)
				require.ErrorIs(t, err, malformed)
			}
		}
	})
}

type encoded struct {
	log  *types.Log
	want []string // the arguments, indexed ones first
}

func encode(t *testing.T, signature string, rng *rand.Rand) encoded {
	t.Helper()
	plain := strings.ReplaceAll(signature, "*", "")
	l := &types.Log{Topics: []common.Hash{crypto.Keccak256Hash([]byte(plain))}}
	_, list, _ := strings.Cut(strings.TrimSuffix(signature, ")"), "(")
	var args abi.Arguments
	var values []any
	var indexed, others []string
	for _, typ := range strings.Split(list, ",") {
		v := value(typ, rng)
		if strings.HasSuffix(typ, "*") {
			var w attestation.Word
			switch v := v.(type) {
			case *big.Int:
				v.FillBytes(w[:])
			case common.Address:
				copy(w[12:], v[:])
			}
			l.Topics = append(l.Topics, common.Hash(w))
			indexed = append(indexed, text(v))
			continue
		}
		var parts []abi.ArgumentMarshaling
		if typ == "(bytes)" {
			typ, parts = "tuple", []abi.ArgumentMarshaling{{Name: "data", Type: "bytes"}}
		}
		abiType, err := abi.NewType(typ, "", parts)
		require.NoError(t, err)
		args, values, others = append(args, abi.Argument{Type: abiType}), append(values, v), append(others, text(v))
	}
	var err error
	l.Data, err = args.Pack(values...)
	require.NoError(t, err)
	return encoded{l, append(indexed, others...)}
}

type cid struct{ Data []byte }

func value(typ string, rng *rand.Rand) any {
	switch strings.TrimSuffix(typ, "*") {
	case "address":
		var a common.Address
		for i := range a {
			a[i] = byte(rng.Uint32())
		}
		return a
	case "bool":
		return rng.IntN(2) == 1
	case "string[]":
		out := make([]string, rng.IntN(4))
		for i := range out {
			out[i] = strings.Repeat("ä", rng.IntN(40))
		}
		return out
	case "(bytes)":
		return cid{[]byte(strings.Repeat("c", 1+rng.IntN(50)))}
	}
	w := make([]byte, 32)
	for i := range w {
		w[i] = byte(rng.Uint32())
	}
	return new(big.Int).SetBytes(w)
}

// text makes values of both sides comparable.
func text(v any) string {
	switch v := v.(type) {
	case attestation.Word:
		return v.Big().String()
	case attestation.EthereumAddress:
		return common.Address(v).Hex()
	case common.Address:
		return v.Hex()
	case cid:
		return string(v.Data)
	case fevm.RawCID:
		return string(v)
	}
	return fmt.Sprint(v)
}
