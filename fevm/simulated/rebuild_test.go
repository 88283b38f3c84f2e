package simulated_test

import (
	"encoding/json"
	"math/big"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

type call struct {
	from  common.Address
	value *big.Int
	input []byte
}

type cid struct{ Data []byte }

func logOf(l recordedLog) *types.Log { return &types.Log{Topics: l.Topics, Data: l.Data} }

func words(ws []attestation.Word) []*big.Int {
	out := make([]*big.Int, len(ws))
	for i, w := range ws {
		out[i] = w.Big()
	}
	return out
}

func contractABI(t *testing.T) abi.ABI {
	t.Helper()
	f, err := os.Open("abi/PDPVerifier.json")
	require.NoError(t, err)
	defer f.Close()
	parsed, err := abi.JSON(f)
	require.NoError(t, err)
	return parsed
}

var numberIn = regexp.MustCompile(`\d+`)

// rebuild makes the transaction that a recording describes by its label, its
// arguments and its events; ok is false if it is not replayed.
func rebuild(t *testing.T, method, label string, args json.RawMessage, events []fevm.Event, accounts []common.Address, listener common.Address, provider map[uint64]common.Address, nextSet uint64, removed map[string][]attestation.Word) (c call, ok bool) {
	t.Helper()
	contract := contractABI(t)
	c.value = new(big.Int)
	pack := func(args ...any) {
		input, err := contract.Pack(method, args...)
		require.NoError(t, err, label)
		c.input, ok = input, true
	}
	none := []byte{}
	// The set is the last number of most labels.
	var set uint64
	if found := numberIn.FindAllString(strings.Split(label, "(")[0], -1); len(found) > 0 {
		set, _ = strconv.ParseUint(found[len(found)-1], 10, 64)
	}
	var pieces []cid
	var raw []hexutil.Bytes
	if json.Unmarshal(args, &raw) == nil {
		for _, b := range raw {
			pieces = append(pieces, cid{b})
		}
	}
	c.from = provider[set]
	switch method {
	case "createDataSet":
		c.from = common.Address(events[0].(fevm.DataSetCreated).StorageProvider)
		c.value = big.NewInt(1e17)
		if strings.Contains(label, "0.15") {
			c.value = big.NewInt(15e16)
		}
		to := common.Address{}
		if strings.Contains(label, "listener true") {
			to = listener
		}
		pack(to, none)
	case "addPieces":
		switch {
		case strings.HasPrefix(label, "atomic"):
			bytesType, _ := abi.NewType("bytes", "", nil)
			extra, err := abi.Arguments{{Type: bytesType}, {Type: bytesType}}.Pack(none, none)
			require.NoError(t, err)
			c.from, c.value = common.Address(events[0].(fevm.DataSetCreated).StorageProvider), big.NewInt(1e17)
			if pieces == nil {
				pieces = []cid{}
			}
			pack(new(big.Int), listener, pieces, extra)
		case strings.HasPrefix(label, "probe"):
			c.from = provider[nextSet-1]
			pack(new(big.Int).SetUint64(nextSet-1), common.Address{}, pieces, none)
		default:
			pack(new(big.Int).SetUint64(set), common.Address{}, pieces, none)
		}
	case "nextProvingPeriod":
		e := events[len(events)-1].(fevm.NextProvingPeriod)
		pack(e.SetID.Big(), e.ChallengeEpoch.Big(), none)
	case "schedulePieceDeletions":
		var ids []*big.Int
		if queue := removed[strconv.FormatUint(set, 10)]; len(queue) > 0 {
			n, err := strconv.Atoi(numberIn.FindString(label))
			require.NoError(t, err)
			ids = words(queue[:n])
			removed[strconv.FormatUint(set, 10)] = queue[n:]
		}
		for _, e := range events {
			ids = append(ids, words(e.(fevm.PiecesScheduledForRemoval).PieceIDs)...)
		}
		pack(new(big.Int).SetUint64(set), ids, none)
	case "processPieceDeletions":
		n := 0
		for _, e := range events {
			n += len(e.(fevm.PiecesRemoved).PieceIDs)
		}
		pack(new(big.Int).SetUint64(set), big.NewInt(int64(n)))
	case "proposeDataSetStorageProvider":
		// Set 1 goes to the second account and set 2 to the third.
		pack(new(big.Int).SetUint64(set), accounts[set])
	case "claimDataSetStorageProvider":
		c.from = common.Address(events[0].(fevm.StorageProviderChanged).NewStorageProvider)
		pack(new(big.Int).SetUint64(set), none)
	case "deleteDataSet":
		pack(new(big.Int).SetUint64(set), none)
	case "cleanupPieces":
		pack(new(big.Int).SetUint64(set), big.NewInt(1000))
	case "updateProofFee":
		c.from = accounts[0]
		pack(events[0].(fevm.FeeUpdateProposed).NewFee.Big())
	case "migrate":
		c.from = accounts[0]
		pack()
	case "announcePlannedUpgrade":
		e := events[0].(fevm.UpgradeAnnounced)
		c.from = accounts[0]
		pack(struct {
			NextImplementation common.Address
			AfterEpoch         *big.Int
		}{common.Address(e.NextImplementation), e.AfterEpoch.Big()})
	case "transferOwnership":
		c.from = accounts[0]
		pack(common.Address(events[0].(fevm.OwnershipTransferred).NewOwner))
	}
	return c, ok
}
