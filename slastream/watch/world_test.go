package watch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/slastream/watch"
)

// start is the block time at which every world begins.
const start = 1_772_366_400

var (
	domain   = attestation.Domain{ChainID: attestation.WordFromUint64(0x534e), Escrow: attestation.WordFromUint64(0xe5c)}
	client   = slastream.Address{31: 1}
	provider = slastream.Address{31: 2}
	anyone   = slastream.Address{31: 3}

	errDown   = errors.New("node is down")
	errKilled = errors.New("killed")
)

func word(n uint64) attestation.Word { return attestation.WordFromUint64(n) }

func words(ns ...uint64) (list []attestation.Word) {
	for _, n := range ns {
		list = append(list, word(n))
	}
	return list
}

// A world is an escrow with a clock, and what towers are to do with it.
type world struct {
	t      testing.TB
	now    atomic.Uint64
	memory *escrow.Memory
	key    signer.Signer
	mail   *mailbox
	config watch.Config
}

// newWorld returns a world without deals. Its config has all that a tower of one
// needs: make changes, then call tower.
func newWorld(t testing.TB) *world {
	w := &world{t: t, mail: &mailbox{}}
	w.now.Store(start)
	local, err := signer.NewLocal([32]byte{31: 7})
	require.NoError(t, err)
	w.key, err = signer.New(local)
	require.NoError(t, err)
	w.memory = escrow.NewMemory(escrow.Params{Key: w.key.PublicKey(), Address: slastream.Address(domain.Escrow)}, w.now.Load)
	require.NoError(t, w.memory.Mint(client, slastream.AmountFromUint64(1<<60)))
	w.config = watch.Config{
		Domain: domain, Escrow: w.memory.As(anyone), Slasher: w.memory.As(anyone), Clock: w, Notifier: w.mail, Store: &watch.MemoryStore{}, Parallel: 1,
	}
	return w
}

func (w *world) Now(context.Context) (uint64, error) { return w.now.Load(), nil }

// create opens a deal that lasts so many seconds.
func (w *world) create(chunks, duration uint64) uint64 {
	w.t.Helper()
	id, err := w.memory.As(client).CreateDeal(w.t.Context(), slastream.Terms{
		Provider: provider, Chunks: chunks, ChunkAmount: slastream.AmountFromUint64(10), Collateral: slastream.AmountFromUint64(5), Duration: duration,
	})
	require.NoError(w.t, err)
	n, ok := id.Uint64()
	require.True(w.t, ok)
	return n
}

// release pays a chunk.
func (w *world) release(deal, chunk uint64) {
	w.t.Helper()
	signed, err := w.key.Attest(w.t.Context(), signer.Request{Domain: domain, Attestation: attestation.Attestation{
		DealID: word(deal), ChunkIndex: chunk, ProofSetID: word(1), RootCID: word(2), Timestamp: w.now.Load(),
	}})
	require.NoError(w.t, err)
	require.NoError(w.t, w.memory.As(anyone).Release(w.t.Context(), signed))
}

func (w *world) deal(id uint64) slastream.Deal {
	w.t.Helper()
	d, err := w.memory.As(anyone).Deal(w.t.Context(), word(id))
	require.NoError(w.t, err)
	return d
}

func (w *world) tower() *watch.Tower {
	w.t.Helper()
	tower, err := watch.New(w.config)
	require.NoError(w.t, err)
	return tower
}

// step takes turns at one block until nothing is due, and returns the sum.
func (w *world) step(tower *watch.Tower) watch.Report {
	w.t.Helper()
	var sum watch.Report
	for {
		r, err := tower.Step(w.t.Context())
		require.NoError(w.t, err)
		sum = add(sum, r)
		if !r.More {
			return sum
		}
	}
}

func add(a, b watch.Report) watch.Report {
	b.Read += a.Read
	b.Alerts += a.Alerts
	b.Delivered += a.Delivered
	b.Failed += a.Failed
	b.Dead += a.Dead
	b.Slashed = append(a.Slashed, b.Slashed...)
	b.Lost = append(a.Lost, b.Lost...)
	b.Would = append(a.Would, b.Would...)
	b.Held = append(a.Held, b.Held...)
	return b
}

// A mailbox is a receiver that may fail.
type mailbox struct {
	mu     sync.Mutex
	alerts []watch.Alert // delivered, in order
	tries  int
	refuse func(watch.Alert) error // nil: accept
}

func (m *mailbox) Notify(_ context.Context, a watch.Alert) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tries++
	if m.refuse != nil {
		if err := m.refuse(a); err != nil {
			return err
		}
	}
	m.alerts = append(m.alerts, a)
	return nil
}

// told returns "kind phase deal" of each alert, in order, repetitions included.
func (m *mailbox) told() (list []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.alerts {
		n, _ := a.DealID.Uint64()
		list = append(list, fmt.Sprintf("%s %s %d", a.Kind, a.Phase, n))
	}
	return list
}

// slasherFunc is a watch.Slasher.
type slasherFunc func(ctx context.Context, deal attestation.Word) error

func (f slasherFunc) Slash(ctx context.Context, deal attestation.Word) error { return f(ctx, deal) }

// pendingFunc is a watch.Pending.
type pendingFunc func(deal attestation.Word) (bool, error)

func (f pendingFunc) ReleasePending(_ context.Context, deal attestation.Word) (bool, error) {
	return f(deal)
}

// brokenReader is a reader that may fail.
type brokenReader struct {
	slastream.Reader
	deal func(attestation.Word) error // nil: never
}

func (r brokenReader) Deal(ctx context.Context, id attestation.Word) (slastream.Deal, error) {
	if err := r.deal(id); err != nil {
		return slastream.Deal{}, err
	}
	return r.Reader.Deal(ctx, id)
}

const hour, day = uint64(3600), uint64(24 * 3600)

func seconds(n uint64) time.Duration { return time.Duration(n) * time.Second }

var _ watch.Clock = (*world)(nil)

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// fixture reads a file that an older release wrote.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return b
}
