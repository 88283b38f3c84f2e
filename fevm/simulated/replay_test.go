package simulated_test

import (
	"encoding/json"
	"math/big"
	"os"
	"strconv"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/simulated"
)

type recordedLog struct {
	Topics []common.Hash
	Data   hexutil.Bytes
}

type recorded struct {
	Meta struct {
		Accounts           map[string]common.Address
		Verifier, Listener common.Address
	}
	Transactions []struct {
		Label    string
		Block    uint64
		From, To common.Address
		Value    string
		Input    hexutil.Bytes
		Status   int
		Logs     []recordedLog
	}
	Calls []struct {
		ID, Label string
		Block     uint64
		From, To  common.Address
		Value     string
		Input     hexutil.Bytes
		Verdict   string
		Revert    hexutil.Bytes
	}
	Views []struct {
		Method string
		Args   []string
		Block  uint64
		From   common.Address
		To     common.Address
		Input  hexutil.Bytes
		Result *hexutil.Bytes
		Revert hexutil.Bytes
	}
}

func load(t testing.TB, name string, v any) {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, v))
}

func attoFIL(t testing.TB, s string) *big.Int {
	t.Helper()
	v, ok := new(big.Int).SetString(s, 10)
	require.True(t, ok, s)
	return v
}

// strict is the listener of the recorded run: at least three challenges and
// one proof a period.
func strict(f simulated.StubFrame, input []byte) error {
	if len(input) < 36 {
		return nil
	}
	set := [32]byte(input[4:36])
	custom := func(signature string, words ...[]byte) error {
		data := crypto.Keccak256([]byte(signature))[:4]
		for _, w := range words {
			data = append(data, common.LeftPadBytes(w, 32)...)
		}
		return simulated.RevertWith(data)
	}
	selector := func(signature string) string { return string(crypto.Keccak256([]byte(signature))[:4]) }
	switch string(input[:4]) {
	case selector("nextProvingPeriod(uint256,uint256,uint256,bytes)"):
		f.Store(set, [32]byte{})
	case selector("possessionProven(uint256,uint256,uint256,uint256)"):
		if n := new(big.Int).SetBytes(input[4+96 : 4+128]); n.Cmp(big.NewInt(3)) < 0 {
			return custom("InvalidChallengeCount(uint256,uint256,uint256)", set[:], []byte{3}, n.Bytes())
		}
		if f.Load(set) != [32]byte{} {
			return custom("ProofAlreadySubmitted(uint256)", set[:])
		}
		f.Store(set, [32]byte{31: 1})
	}
	return nil
}

// router forwards (address to, uint256[] values, bytes[] inputs), as the
// recorded run's contract that is a storage provider does.
func router(f simulated.StubFrame, input []byte) error {
	typ := func(s string) abi.Argument {
		t, _ := abi.NewType(s, "", nil)
		return abi.Argument{Type: t}
	}
	args, err := abi.Arguments{typ("address"), typ("uint256[]"), typ("bytes[]")}.Unpack(input[4:])
	if err != nil {
		return simulated.RevertWith(nil)
	}
	values, inputs := args[1].([]*big.Int), args[2].([][]byte)
	for i := range inputs {
		if err := f.Call(args[0].(common.Address), values[i], inputs[i]); err != nil {
			return err
		}
	}
	return nil
}

// machineOf returns a machine with the contracts and accounts of a run.
func machineOf(run *recorded) *simulated.Machine {
	m := simulated.NewMachine(run.Meta.Verifier, run.Meta.Accounts["owner"], 10)
	m.Recorded(run.Meta.Verifier, simulated.Release350, common.HexToAddress("0x6ebd30303d6d5795894b584d469ad96164ea98cb"))
	m.Install(run.Meta.Listener, strict)
	m.Install(run.Meta.Accounts["router"], router)
	m.Fund(common.Address{})
	for _, a := range run.Meta.Accounts {
		m.Fund(a)
	}
	return m
}

// replayed returns a machine after all transactions of a run.
func replayed(t testing.TB, run *recorded) *simulated.Machine {
	m := machineOf(run)
	for _, tx := range run.Transactions {
		m.Run(tx.Block, 0, tx.From, tx.To, attoFIL(t, tx.Value), tx.Input)
	}
	return m
}

// TestReplayProofs sends every recorded transaction of a run of PDPVerifier
// 3.5.0 through the model and wants the same events, byte for byte, the same
// verdict on 209 mutated proofs with the same revert data, and the same answers
// of 228 view calls.
func TestReplayProofs(t *testing.T) {
	var run recorded
	load(t, "proofs-v3.5.0.json", &run)
	require.Len(t, run.Transactions, 198)
	m := machineOf(&run)
	states := map[uint64]any{}
	last := uint64(0)
	for _, tx := range run.Transactions {
		for ; last < tx.Block; last++ {
			states[last] = m.State()
		}
		_, logs, failed := m.Run(tx.Block, 0, tx.From, tx.To, attoFIL(t, tx.Value), tx.Input)
		require.Equal(t, tx.Status == 1, failed == nil, "block %d, %s: %v", tx.Block, tx.Label, failed)
		sameLogs(t, run.Meta.Verifier, tx.Logs, logs, tx.Label)
	}
	for n := last; n <= 400; n++ {
		states[n] = m.State()
	}

	require.Len(t, run.Calls, 209)
	for _, c := range run.Calls {
		m.SetState(states[c.Block])
		_, _, failed := m.Run(c.Block, 0, c.From, c.To, attoFIL(t, c.Value), c.Input)
		if c.Verdict == "accept" {
			require.Nil(t, failed, "%s %s", c.ID, c.Label)
			continue
		}
		require.NotNil(t, failed, "%s %s", c.ID, c.Label)
		require.Equal(t, hexutil.Encode(c.Revert), hexutil.Encode(failed.Data), "%s %s: %s", c.ID, c.Label, failed.Reason)
	}

	require.Len(t, run.Views, 228)
	for _, v := range run.Views {
		m.SetState(states[v.Block])
		ret, _, failed := m.Run(v.Block, 0, v.From, v.To, new(big.Int), v.Input)
		if v.Result != nil {
			require.Nil(t, failed, "%s%v", v.Method, v.Args)
			require.Equal(t, v.Result.String(), hexutil.Encode(ret), "%s%v at %d", v.Method, v.Args, v.Block)
			continue
		}
		require.NotNil(t, failed, "%s%v", v.Method, v.Args)
		require.Equal(t, hexutil.Encode(v.Revert), hexutil.Encode(failed.Data), "%s%v", v.Method, v.Args)
	}
}

func sameLogs(t *testing.T, verifier common.Address, want []recordedLog, got []simulated.Log, label string) {
	t.Helper()
	var own []recordedLog
	for _, l := range got {
		if l.Address == verifier {
			own = append(own, recordedLog{l.Topics, l.Data})
		}
	}
	require.Len(t, own, len(want), label)
	for i := range want {
		require.Equal(t, want[i].Topics, own[i].Topics, "%s, log %d", label, i)
		require.Equal(t, want[i].Data.String(), own[i].Data.String(), "%s, log %d", label, i)
	}
}

// TestReplayHistory replays runs of two releases from their arguments: batches
// of more than a hundred pieces, removals, fees, providers that change, atomic
// creation, migrate, piece CIDs that are not canonical. Proofs are left out, for
// the runs do not have all data.
func TestReplayHistory(t *testing.T) {
	for file, tt := range map[string]struct {
		release  simulated.Release
		replayed int
	}{
		"v3.4.0.json": {simulated.Release340, 54},
		"v3.5.0.json": {simulated.Release350, 62},
	} {
		t.Run(file, func(t *testing.T) { replayHistory(t, file, tt.release, tt.replayed) })
	}
}

func replayHistory(t *testing.T, file string, release simulated.Release, want int) {
	var run struct {
		Accounts []common.Address
		Txs      []struct {
			Tx, Method  string
			Block, Time uint64
			Status      int
			Args        json.RawMessage
			Revert      string
			Logs        []recordedLog
		}
	}
	load(t, file, &run)
	verifier, listener := common.HexToAddress("0xd589"), common.HexToAddress("0xbeef")
	m := simulated.NewMachine(verifier, run.Accounts[0], 2)
	m.Recorded(verifier, release, common.HexToAddress("0x7cD779988266c1EEA33BFF346C522e19eE481beF"))
	m.Install(listener, func(simulated.StubFrame, []byte) error { return nil })
	for _, a := range run.Accounts {
		m.Fund(a)
	}
	// Release 3.4.0 says which pieces were scheduled only when it removes them.
	removed := map[string][]attestation.Word{}
	events := make([][]fevm.Event, len(run.Txs))
	for i, tx := range run.Txs {
		for _, l := range tx.Logs {
			e, err := fevm.ParseLog(logOf(l))
			require.NoError(t, err)
			events[i] = append(events[i], e)
			if e, ok := e.(fevm.PiecesRemoved); ok && release == simulated.Release340 {
				set := e.SetID.Big().String()
				removed[set] = append(removed[set], e.PieceIDs...)
			}
		}
	}
	provider := map[uint64]common.Address{} // by set
	replayed, nextSet := 0, uint64(1)
	for i, tx := range run.Txs {
		call, ok := rebuild(t, tx.Method, tx.Tx, tx.Args, events[i], run.Accounts, listener, provider, nextSet, removed)
		if !ok {
			continue
		}
		replayed++
		_, logs, failed := m.Run(tx.Block, tx.Time, call.from, verifier, call.value, call.input)
		if tx.Status == 0 {
			require.NotNil(t, failed, tx.Tx)
			require.Contains(t, tx.Revert, hexutil.Encode(failed.Data), tx.Tx)
			continue
		}
		require.Nil(t, failed, "%s", tx.Tx)
		sameLogs(t, verifier, tx.Logs, logs, tx.Tx)
		for _, e := range events[i] {
			switch e := e.(type) {
			case fevm.DataSetCreated:
				id, _ := e.SetID.Uint64()
				provider[id], nextSet = common.Address(e.StorageProvider), id+1
			case fevm.StorageProviderChanged:
				id, _ := e.SetID.Uint64()
				provider[id] = common.Address(e.NewStorageProvider)
			}
		}
	}
	require.Equal(t, want, replayed)
}

func TestReplayMock(t *testing.T) {
	var run []struct {
		Event  string
		Topics []common.Hash
		Data   hexutil.Bytes
	}
	load(t, "mock.json", &run)
	require.NotEmpty(t, run)
	at := common.HexToAddress("0x77")
	m := simulated.NewMachine(common.HexToAddress("0x1"), common.Address{}, 10)
	m.InstallMock(at)
	for i, e := range run {
		input := crypto.Keccak256([]byte("createProofSet()"))[:4]
		if e.Event == "RootsAdded" {
			// The calldata has the same tail as the event, behind the set.
			input = append(hexutil.MustDecode("0xbc96e205"), e.Topics[1][:]...)
			input = append(input, common.LeftPadBytes([]byte{64}, 32)...)
			input = append(input, e.Data[32:]...)
		}
		_, logs, failed := m.Run(uint64(i), 0, common.Address{}, at, new(big.Int), input)
		require.Nil(t, failed)
		sameLogs(t, at, []recordedLog{{e.Topics, e.Data}}, logs, e.Event+strconv.Itoa(i))
	}
}

var cleanupDeposit = big.NewInt(1e17)

func keccak(text string) []byte { return crypto.Keccak256([]byte(text)) }
