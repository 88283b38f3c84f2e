package simulated_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// A step is one transaction of testdata/lifecycle.jsonl, or the names of the
// profile's addresses. The recording has two escrows in each profile: one with
// STRK, of which everything is compared, and one with a token of its own, of
// which the outcome is.
type step struct {
	Profile, Step, Caller string
	Calls                 [][]string
	Status                string  `json:"execution_status"`
	Reason                *string `json:"revert_reason"`
	Timestamp             uint64  `json:"block_timestamp"`
	Deadline              uint64
	STRK                  bool
	Events                []struct {
		From string `json:"from_address"`
		Keys []string
		Data []string
	}

	Client, Relay, SP, Stranger string
	EscrowMock                  string `json:"escrow_mock"`
	EscrowSTRK                  string `json:"escrow_strk"`
	MockToken                   string `json:"mock_token"`
	STRKToken                   string `json:"strk_token"`
	Forwarder                   string `json:"forwarder_owner"`
}

// A stage is a node in the part of one recorded escrow.
type stage struct {
	*chain
	names     []rename
	forwarder string
	callers   map[string]simulated.Account
}

func newStage(t *testing.T, legend step, rules attestation.Rules, escrow, token string) *stage {
	c := newChain(t, simulated.Options{Seed: 1, Key: recordedKey(t), Rules: rules})
	a := c.Accounts()
	return &stage{
		chain: c,
		names: []rename{
			newRename(escrow, c.Escrow()), newRename(token, c.Token()),
			newRename(legend.Client, a[1].Address), newRename(legend.Relay, a[2].Address),
			newRename(legend.SP, a[3].Address), newRename(legend.Stranger, a[4].Address),
		},
		forwarder: legend.Forwarder,
		callers:   map[string]simulated.Account{"client": a[1], "relay": a[2], "sp": a[3], "stranger": a[4]},
	}
}

// perform sends the calls of a step. The owner of the recorded escrow is a
// contract that forwards calls; here it is accounts[0].
func (s *stage) perform(row step) receipt {
	s.Helper()
	caller := s.callers[row.Caller]
	data := felts(s, "0x0")
	data[0].SetUint64(uint64(len(row.Calls)))
	for _, words := range row.Calls {
		if words[0] == s.forwarder {
			words = append(words[2:4:4], words[5:]...)
			if len(words) == 2 { // pause, unpause
				caller = s.Accounts()[0]
			}
		}
		words = strings.Split(renamed(s.names, strings.Join(words, " ")), " ")
		list := felts(s, words...)
		data = append(data, list[0], list[1], new(felt.Felt).SetUint64(uint64(len(list)-2)))
		data = append(data, list[2:]...)
	}
	now := row.Timestamp
	if row.Deadline != 0 {
		last := row.Calls[len(row.Calls)-1]
		now = row.Deadline - felts(s, last[len(last)-1])[0].Uint64()
	}
	s.SetTime(now)
	return s.post(s.build(caller, s.nonce(caller), nil, func(tx *rpc.InvokeTxnV3) { tx.Calldata = data }))
}

// TestRecordedLifecycle sends every transaction that the reference contract
// got on a real node, in order, under both rules.
func TestRecordedLifecycle(t *testing.T) {
	file, err := os.Open("testdata/lifecycle.jsonl")
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	stages := map[string][2]*stage{}
	count := 0
	for lines.Scan() {
		var row step
		require.NoError(t, json.Unmarshal(lines.Bytes(), &row))
		if row.Step == "" {
			rules := map[string]attestation.Rules{"legacy": attestation.RulesLegacy, "lows": attestation.RulesLowS}[row.Profile]
			stages[row.Profile] = [2]*stage{
				newStage(t, row, rules, row.EscrowMock, row.MockToken),
				newStage(t, row, rules, row.EscrowSTRK, row.STRKToken),
			}
			continue
		}
		count++
		t.Run(row.Profile+"/"+row.Step, func(t *testing.T) {
			if !row.STRK {
				requireOutcome(t, row, stages[row.Profile][0].perform(row))
				return
			}
			s := stages[row.Profile][1]
			got := s.perform(row)
			require.Equal(t, row.Status, got.Execution, got.Reason)
			if row.Reason != nil {
				require.Equal(t, renamed(s.names, *row.Reason), got.Reason)
			}
			require.Len(t, got.Events, len(row.Events))
			for i, e := range row.Events {
				require.Equal(t, renamed(s.names, e.From), got.Events[i].From)
				require.Equal(t, e.Keys, got.Events[i].Keys)
				want := strings.Split(renamed(s.names, strings.Join(e.Data, " ")), " ")
				if i == len(row.Events)-1 {
					want[2] = got.Fee.Amount
				}
				require.Equal(t, want, got.Events[i].Data)
			}
		})
	}
	require.NoError(t, lines.Err())
	require.Greater(t, count, 150)
}

// requireOutcome compares with an escrow whose token is not STRK.
func requireOutcome(t *testing.T, row step, got receipt) {
	t.Helper()
	if strings.Contains(row.Step, "sp 0, mock token") {
		require.Contains(t, got.Reason, "('ERC20: transfer to 0').", "STRK refuses what the mock allows")
		return
	}
	require.Equal(t, row.Status, got.Execution, got.Reason)
	if row.Reason == nil {
		return
	}
	want := *row.Reason
	if strings.Contains(want, "'insufficient ") {
		want = "0x753235365f737562204f766572666c6f77 ('u256_sub Overflow')."
	}
	require.True(t, strings.HasSuffix(got.Reason, want+"\n"), "%s\nwant %s", got.Reason, want)
}
