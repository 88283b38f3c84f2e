package relay_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

func TestABacklogTakesFewTransactions(t *testing.T) {
	w := newWorld(t)
	w.group = 30
	var bindings []relay.Binding
	for set := uint64(1); set <= 10; set++ {
		bindings = append(bindings, bind(w.deal(10), set, 0))
		for epoch := uint64(1); epoch <= 10; epoch++ {
			w.prove(set, epoch)
		}
	}
	report, err := w.relay(relay.NewMemoryStore(), bindings...).Step(t.Context())
	require.NoError(t, err)
	require.Equal(t, relay.Report{Observed: 100, Sent: 4, Released: 100}, report)
	require.EqualValues(t, 4, w.nonce)
	require.Equal(t, 4, w.sends)
}

func TestAChunkAtFaultIsSplitOut(t *testing.T) {
	w := newWorld(t)
	w.group = 100
	w.poison = attestation.WordFromUint64(3)
	var bindings []relay.Binding
	for set := uint64(1); set <= 8; set++ {
		bindings = append(bindings, bind(w.deal(1), set, 0))
		w.prove(set, 10)
	}
	r := w.relay(relay.NewMemoryStore(), bindings...)
	report, err := r.Step(t.Context())
	require.ErrorIs(t, err, slastream.ErrKeyX)
	require.Equal(t, relay.Report{Observed: 8, Sent: 3, Released: 7, Open: 1}, report)
	require.EqualValues(t, 3, w.nonce, "two, one alone, four")
	w.poison = attestation.Word{}
	report, err = w.later(r)
	require.NoError(t, err)
	require.Equal(t, relay.Report{Sent: 1, Released: 1}, report)
}

func TestABatchThatIsLostIsSentAgain(t *testing.T) {
	w := newWorld(t)
	w.group, w.loses = 10, true
	deal := w.deal(3)
	for epoch := uint64(1); epoch <= 3; epoch++ {
		w.prove(1, epoch)
	}
	r := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0))
	report, err := r.Step(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, report.Open)
	w.loses = false
	for range 2 {
		_, err = w.later(r)
		require.NoError(t, err)
	}
	require.EqualValues(t, 3, w.released(deal))
	require.EqualValues(t, 1, w.nonce)
}

func TestABatchWithoutItsNonceIsMadeAgain(t *testing.T) {
	for name, change := range map[string]func(*world){
		"the account sent something else": func(w *world) { w.nonce = 5 },
		"the fee became too low":          func(w *world) { w.price = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.group, w.loses = 10, true
			deal := w.deal(3)
			for epoch := uint64(1); epoch <= 3; epoch++ {
				w.prove(1, epoch)
			}
			r := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0))
			_, err := r.Step(t.Context())
			require.NoError(t, err)
			w.loses = false
			change(w)
			before := w.nonce
			for range 3 {
				_, err = w.later(r)
				require.NoError(t, err)
			}
			require.EqualValues(t, 3, w.released(deal))
			require.Equal(t, before+1, w.nonce, "one transaction for all")
			require.Zero(t, w.reverts())
		})
	}
}

// forger signs batches in which it has changed something.
type forger struct {
	signer.Signer
	change func(*signer.SignedBatch)
}

func (f forger) AttestBatch(ctx context.Context, req signer.BatchRequest) (signer.SignedBatch, error) {
	signed, err := f.Signer.(signer.BatchSigner).AttestBatch(ctx, req)
	if err == nil {
		f.change(&signed)
	}
	return signed, err
}

func TestABatchThatTheSignerChangedIsNotSent(t *testing.T) {
	for name, change := range map[string]func(*signer.SignedBatch){
		"another domain": func(s *signer.SignedBatch) { s.Batch.Domain.Escrow = attestation.Word{} },
		"one chunk less": func(s *signer.SignedBatch) { s.Batch.Items = s.Batch.Items[1:] },
		"another chunk":  func(s *signer.SignedBatch) { s.Batch.Items[0].ChunkIndex = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			deal := w.deal(3)
			w.prove(1, 1)
			w.prove(1, 2)
			own, err := signer.New(w.key)
			require.NoError(t, err)
			r, err := relay.New(relay.Config{
				Proofs: w, Signer: forger{own, change}, Escrow: w, Store: relay.NewMemoryStore(),
				Domain: domain, Bindings: []relay.Binding{bind(deal, 1, 0)}, Batch: 10,
			})
			require.NoError(t, err)
			_, err = w.later(r)
			require.NoError(t, err)
			require.EqualValues(t, 2, w.released(deal), "each alone")
			require.Equal(t, 2, w.sends)
		})
	}
}

func TestNewRefusesBatchesOfWhatCannotMakeThem(t *testing.T) {
	w := newWorld(t)
	own, err := signer.New(w.key)
	require.NoError(t, err)
	config := relay.Config{Proofs: w, Signer: own, Escrow: w, Store: relay.NewMemoryStore(), Batch: 2}
	_, err = relay.New(config)
	require.NoError(t, err)
	for name, change := range map[string]func(*relay.Config){
		"Escrow":   func(c *relay.Config) { c.Escrow = struct{ relay.Escrow }{w} },
		"Signer":   func(c *relay.Config) { c.Signer = struct{ signer.Signer }{own} },
		"negative": func(c *relay.Config) { c.Batch = -1 },
	} {
		c := config
		change(&c)
		_, err := relay.New(c)
		require.ErrorContains(t, err, "Config.Batch", name)
	}
}
