package policy_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/fevm/simulated"
)

var (
	_ json.Marshaler   = (*policy.Tracker)(nil)
	_ json.Unmarshaler = (*policy.Tracker)(nil)
	_ json.Marshaler   = (*policy.Source)(nil)
	_ json.Unmarshaler = (*policy.Source)(nil)
)

// TestARestartChangesNoAnswer polls a source that is stopped and started from its
// checkpoint at random times, over a reader that fails at random logs, and
// compares all verdicts with those of one that reads everything at once.
func TestARestartChangesNoAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawHistory(t)
		c := config(2)
		c.Rules = drawRules(t)
		c.Overlap = rapid.SampledFrom([]uint64{0, 7}).Draw(t, "overlap")
		end := s.epoch + 10
		fresh := func(r policy.LogReader) *policy.Source {
			source, err := policy.NewSource(r, c)
			require.NoError(t, err)
			return source
		}
		whole := fresh(&reader{logs: s.logs, head: end})
		r := &reader{logs: s.logs}
		source := fresh(r)
		for r.head < end {
			r.head = min(end, r.head+rapid.Uint64Range(1, 60).Draw(t, "epochs"))
			r.yielded, r.failAt = 0, rapid.SampledFrom([]int{0, 0, 1, 3, 9}).Draw(t, "fails at")
			head, err := source.Head(t.Context())
			require.NoError(t, err)
			for _, err := range source.Proofs(t.Context(), number(1), 0, head) {
				if err != nil {
					require.ErrorIs(t, err, errBroken)
				}
			}
			if rapid.Bool().Draw(t, "restart") {
				saved, err := json.Marshal(source)
				require.NoError(t, err)
				source = fresh(r)
				require.NoError(t, json.Unmarshal(saved, source))
				again, err := json.Marshal(source)
				require.NoError(t, err)
				require.Equal(t, string(saved), string(again))
			}
		}
		r.failAt = 0
		settled := end - c.Overlap
		for set := range uint64(3) {
			for _, from := range []uint64{0, settled / 2} {
				want := collect(t, whole.Verdicts(t.Context(), number(set), from, settled))
				require.Equal(t, want, collect(t, source.Verdicts(t.Context(), number(set), from, settled)))
			}
		}
	})
}

func TestARestartInTheMiddleOfAnEpoch(t *testing.T) {
	w := newWorld(t)
	f := w.farmer(t, 1, w.node.PermissiveListener(), data(1000))
	w.play(t, f, simulated.Behaviour{})
	state := &flaky{StateReader: w.client, answer: func(uint64) ([]byte, error) { return nil, errBroken }}
	c := w.config(policy.Rules{Listeners: []attestation.EthereumAddress{attestation.EthereumAddress(w.node.PermissiveListener())}})
	c.State = quiet{state}
	source, err := policy.NewSource(w.client, c)
	require.NoError(t, err)
	require.ErrorIs(t, fail(t, source.Proofs(t.Context(), number(f.set), 0, w.node.Head())), errBroken)
	saved, err := json.Marshal(source)
	require.NoError(t, err)
	state.answer = nil
	source, err = policy.NewSource(w.client, c)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(saved, source))
	require.Len(t, collect(t, source.Proofs(t.Context(), number(f.set), 0, w.node.Head())), 1)

	source, err = policy.NewSource(&reader{head: w.node.Head()}, c) // shows none of the logs that were judged
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(saved, source))
	require.ErrorIs(t, fail(t, source.Proofs(t.Context(), number(f.set), 0, w.node.Head())), policy.ErrOrder)
}

// TestACheckpointKeepsEverything restarts after each log and compares with a
// source that never stopped, under rules and with a state that ask for all of it.
func TestACheckpointKeepsEverything(t *testing.T) {
	s := new(script).at(5).created(1, alice).addPiece(1, 0, cid(7).Bytes()).at(6).open(1, 20, 8).
		at(7).addPiece(1, 1, cid(8).Bytes()).              // not challenged yet
		at(20).prove(1, 0, 3, 4).at(21).prove(1, 0, 3, 5). // the first decides
		at(22).open(1, 30, 16).at(30).prove(1, 0, 3, 5).   // a piece too many
		at(31).claimed(1, alice, bob).at(32).removePiece(1, 1).
		at(33).open(1, 40, 8).at(40).prove(1, 0, 3, 5).prove(1, 0, 3, 5)
	c := config(5)
	c.Rules = policy.Rules{Pieces: []fevm.PieceCID{cid(7)}, Providers: []attestation.EthereumAddress{alice, bob}, Window: 5}
	state := &ledger{logs: s.logs}
	c.State = state
	r := &reader{logs: s.logs, head: 100}
	want := []policy.Reason{policy.ReasonFewChallenges, policy.ReasonDuplicate, policy.ReasonOtherPieces, "", policy.ReasonDuplicate}
	source, err := policy.NewSource(r, c)
	require.NoError(t, err)
	for epoch := range uint64(50) {
		collect(t, source.Proofs(t.Context(), number(1), 0, epoch))
		saved, err := json.Marshal(source)
		require.NoError(t, err)
		source, err = policy.NewSource(r, c)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(saved, source))
	}
	require.Equal(t, want, reasons(collect(t, source.Verdicts(t.Context(), number(1), 0, 50))))
}

// checkpoint is that of a source that paid one proof and refused one, and has a
// piece of each kind.
func checkpoint(t testing.TB) (policy.Config, []byte) {
	t.Helper()
	c := config(5)
	c.Rules = policy.Rules{Window: 9}
	s := new(script).at(9).created(1, alice).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8).at(20).prove(1, 0, 3, 5).prove(1, 0, 3, 5).
		addPiece(1, 1, []byte{1}).emit("RootsAdded(uint256,uint256[])", 1, words(32, 1, 2))
	source, err := policy.NewSource(&reader{logs: s.logs, head: 100}, c)
	require.NoError(t, err)
	require.Len(t, collect(t, source.Verdicts(t.Context(), number(1), 0, 50)), 2)
	saved, err := json.Marshal(source)
	require.NoError(t, err)
	return c, saved
}

func TestCheckpointsThatAreRefused(t *testing.T) {
	c, saved := checkpoint(t)
	swap := func(old, with string) func([]byte) []byte {
		return func(b []byte) []byte {
			require.Contains(t, string(b), old)
			return []byte(strings.Replace(string(b), old, with, 1))
		}
	}
	for name, change := range map[string]func([]byte) []byte{
		"not JSON":                       func([]byte) []byte { return []byte("{") },
		"cut off":                        func(b []byte) []byte { return b[:len(b)-1] },
		"something behind it":            func(b []byte) []byte { return append(bytes.Clone(b), '1') },
		"another version":                swap(`"version":1`, `"version":2`),
		"another config":                 swap(`"config":"0x`, `"config":"0x0000`),
		"an unknown field":               swap(`"version":1`, `"version":1,"more":1`),
		"pieces out of order":            swap(`"pieces":[`, `"pieces":[{"id":9},`),
		"a piece that is and is not":     swap(`"bad":true`, `"cid":"01","bad":true`),
		"a piece CID that is none":       swap(`"cid":"01559120`, `"cid":"02559120`),
		"a piece CID with a wrong digit": swap(`"cid":"01`, `"cid":"0x`),
		"logs judged of no epoch":        swap(`"next":51`, `"next":51,"judged":1`),
		"epochs judged and not":          swap(`"next":51`, `"next":20`),
		"a verdict of another chain":     swap(`"chainId":1337`, `"chainId":1`),
		"a verdict at another time":      swap(`"timestamp":1600000600`, `"timestamp":1600000601`),
		"a verdict of later":             swap(`"blockNumber":20`, `"blockNumber":21`),
		"a verdict of nothing":           swap(`"refused":[`, `"refused":[{},`),
		"sets before the first log":      swap(`"begun":true`, `"begun":false`),
	} {
		source, err := policy.NewSource(&reader{head: 100}, c)
		require.NoError(t, err)
		before, err := json.Marshal(source)
		require.NoError(t, err)
		require.Error(t, json.Unmarshal(change(bytes.Clone(saved)), source), name)
		if changed := change(bytes.Clone(saved)); json.Valid(changed) {
			require.ErrorIs(t, json.Unmarshal(changed, source), policy.ErrCheckpoint, name)
		}
		after, err := json.Marshal(source)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after), "%s: nothing changed", name)
	}
}

func TestACheckpointIsOfOneConfig(t *testing.T) {
	c, saved := checkpoint(t)
	for name, change := range map[string]func(*policy.Config){
		"another chain":       func(c *policy.Config) { c.ChainID++ },
		"another verifier":    func(c *policy.Config) { c.Verifier[0]++ },
		"another genesis":     func(c *policy.Config) { c.GenesisTime++ },
		"another first block": func(c *policy.Config) { c.FromBlock++ },
		"other sets":          func(c *policy.Config) { c.Sets = []attestation.Word{number(1)} },
		"the mock":            func(c *policy.Config) { c.Mock = true },
		"more challenges":     func(c *policy.Config) { c.MinChallenges++ },
		"other rules":         func(c *policy.Config) { c.Rules.Window++ },
		"a piece":             func(c *policy.Config) { c.Rules.Pieces = []fevm.PieceCID{cid(7)} },
		"rules for one set":   func(c *policy.Config) { c.SetRules = map[attestation.Word]policy.Rules{number(1): {}} },
		"a piece for one set": func(c *policy.Config) {
			c.SetRules = map[attestation.Word]policy.Rules{number(1): {Pieces: []fevm.PieceCID{cid(7)}}}
		},
		"another piece for a set": func(c *policy.Config) {
			c.SetRules = map[attestation.Word]policy.Rules{number(1): {Pieces: []fevm.PieceCID{cid(8)}}}
		},
	} {
		other := c
		change(&other)
		source, err := policy.NewSource(&reader{head: 100}, other)
		require.NoError(t, err)
		require.ErrorIs(t, json.Unmarshal(saved, source), policy.ErrCheckpoint, name)
	}
	same := c
	same.Overlap, same.State, same.MinChallenges = 7, &ledger{}, 0
	source, err := policy.NewSource(&reader{head: 100}, same)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(saved, source), "how a relay reads is its own affair")
	require.Len(t, collect(t, source.Verdicts(t.Context(), number(1), 0, 50)), 2)
}

func FuzzCheckpoint(f *testing.F) {
	c, saved := checkpoint(f)
	f.Add(saved)
	empty, err := policy.NewSource(&reader{}, c)
	require.NoError(f, err)
	blank, err := json.Marshal(empty)
	require.NoError(f, err)
	f.Add(blank)
	f.Add([]byte(`{"tracker":null,"next":0,"payable":null,"refused":null}`))
	logs := proven().at(25).prove(1, 0, 3, 5).logs
	for i := range logs {
		logs[i].BlockNumber += 1000
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		source, err := policy.NewSource(&reader{logs: logs, head: 2000}, c)
		require.NoError(t, err)
		if err := source.UnmarshalJSON(b); err != nil {
			require.ErrorIs(t, err, policy.ErrCheckpoint)
			return
		}
		once, err := json.Marshal(source)
		require.NoError(t, err)
		again, err := policy.NewSource(&reader{logs: logs, head: 2000}, c)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(once, again))
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
		for _, err := range source.Verdicts(t.Context(), number(1), 0, 2000) {
			if err != nil {
				break
			}
		}
	})
}
