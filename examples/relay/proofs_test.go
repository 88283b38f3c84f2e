package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/policy"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// floor is below which epoch the checkpoint of a daemon knows no verdicts, and
// how many verdicts it has.
func floor(t *testing.T, path string) (epoch uint64, payable int) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	var c struct {
		Source struct {
			Floor   uint64
			Payable []json.RawMessage
		}
	}
	require.NoError(t, json.Unmarshal(b, &c))
	return c.Source.Floor, len(c.Source.Payable)
}

// TestForget pays a deal, lets it be, and binds its data set again more than a
// week later: what was forgotten is read again.
func TestForget(t *testing.T) {
	w := newWorld(t)
	first, second := w.deal(1), w.deal(9)
	checkpoint := filepath.Join(w.dir, "relay.db.proofs")
	config := w.config(map[string]any{"bindings": []map[string]any{{"deal": "1", "set": "1"}}, "admin_token_file": tokenFile(t)})
	path := w.write(config)
	w.prove(1)
	began := w.fevm.Head()
	w.prove(1)
	w.prove(1)
	p := start(t, path)
	w.released(p, first, 1)
	eventually(t, p, func() bool { return strings.Contains(p.log.String(), "caught up") })
	require.NoError(t, p.end())
	_, kept := floor(t, checkpoint)
	require.Equal(t, 3, kept)

	_, err := w.fevm.Mine(keptEpochs + 100)
	require.NoError(t, err)
	p = start(t, path)
	eventually(t, p, func() bool { return strings.Contains(p.log.String(), "caught up") })
	w.prove(1)
	require.NoError(t, p.end())
	at, kept := floor(t, checkpoint)
	require.Greater(t, at, began)
	require.LessOrEqual(t, kept, 1, "only what was proven since")

	p = start(t, path)
	var body string
	require.Equal(t, 200, p.ask("DELETE", "/v1/bindings/1", token, "", &body), body)
	bind := `{"deal":"2","set":"1","start_epoch":` + strconv.FormatUint(began, 10) + `}`
	require.Equal(t, 201, p.ask("POST", "/v1/bindings", token, bind, &body), body)
	eventually(t, p, func() bool { return strings.Contains(p.log.String(), "the history is read again") })
	w.prove(1)
	w.released(p, second, 4)
	require.NoError(t, p.end())
}

// TestProofsThatWereForgotten asks a source for what it has forgotten.
func TestProofsThatWereForgotten(t *testing.T) {
	w := newWorld(t)
	from := w.fevm.Head()
	for range 3 {
		w.prove(1)
	}
	client, err := chain.New(w.fevmCaller(), chain.Config{ChainID: fevmsim.ChainID})
	require.NoError(t, err)
	log := &logBuffer{}
	checkpoint := filepath.Join(t.TempDir(), "proofs")
	require.NoError(t, os.WriteFile(checkpoint, nil, 0o600))
	made := 0
	p, err := newProofs(checkpoint, slog.New(slog.NewTextHandler(log, nil)), func() (*policy.Source, error) {
		made++
		return policy.NewSource(client, policy.Config{
			ChainID: fevmsim.ChainID, Verifier: attestation.EthereumAddress(w.fevm.Verifier()), GenesisTime: fevmsim.Genesis, FromBlock: from,
		})
	})
	require.NoError(t, err)
	set := attestation.WordFromUint64(1)
	ask := func() (list []slastream.Proof) {
		for proof, err := range p.Proofs(t.Context(), set, from, w.fevm.Head()-10) {
			require.NoError(t, err)
			list = append(list, proof)
		}
		return list
	}
	before := ask()
	require.Len(t, before, 3)
	p.source.Load().Forget(before[2].BlockNumber)
	require.Equal(t, 1, made)
	require.Equal(t, before, ask())
	require.Equal(t, 2, made)
	require.NoFileExists(t, checkpoint)
	require.Equal(t, 1, strings.Count(log.String(), "the history is read again"))
	require.NoError(t, p.Confirm(t.Context(), before[0]))
	gone := before[0]
	gone.BlockHash[0] ^= 1
	require.ErrorIs(t, p.Confirm(t.Context(), gone), policy.ErrOrphaned)
	require.Equal(t, 3, made)
	require.Equal(t, before, ask())
}

func TestNeededFrom(t *testing.T) {
	const cursor = 100_000
	store := relay.NewMemoryStore()
	d := &daemon{store: store, pending: newPending(nil)}
	needed := func() uint64 {
		from, err := d.neededFrom(t.Context())
		require.NoError(t, err)
		return from
	}
	require.Zero(t, needed())
	require.NoError(t, store.Observe(t.Context(), relay.Observation{Next: cursor}))
	require.EqualValues(t, cursor-keptEpochs, needed())
	for i, track := range []relay.Track{
		{Binding: relay.Binding{StartEpoch: 5}, Next: cursor},                    // is read
		{Binding: relay.Binding{StartEpoch: 5}, Behind: true, Over: true},        // is over
		{Binding: relay.Binding{StartEpoch: 70_000}, Next: 90_000, Behind: true}, // asks for what is kept
	} {
		track.Deal, track.Set, track.Chunks = attestation.WordFromUint64(uint64(i+1)), attestation.WordFromUint64(uint64(i+1)), 1
		require.NoError(t, store.Bind(t.Context(), track))
	}
	require.EqualValues(t, cursor-keptEpochs, needed())
	halted := relay.Track{Binding: relay.Binding{Deal: attestation.WordFromUint64(9), Set: attestation.WordFromUint64(9), StartEpoch: 70_000}, Next: 71_000, Behind: true, Halted: "look", Chunks: 1}
	require.NoError(t, store.Bind(t.Context(), halted))
	require.EqualValues(t, 71_000, needed())
	d.pending = newPending([]relay.Binding{{StartEpoch: 60_000}})
	require.EqualValues(t, 60_000, needed())
	d.pending = newPending([]relay.Binding{{}})
	require.Zero(t, needed())
}
