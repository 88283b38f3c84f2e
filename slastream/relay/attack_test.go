package relay_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// slowSource answers as late as a node that is about to give up.
type slowSource struct {
	relay.ProofSource
	wait time.Duration
}

func (s slowSource) Head(ctx context.Context) (uint64, error) {
	time.Sleep(s.wait)
	return s.ProofSource.Head(ctx)
}

// slowEscrow answers each question about a chunk late.
type slowEscrow struct {
	*world
	wait time.Duration
}

func (s slowEscrow) ChunkReleased(ctx context.Context, id attestation.Word, chunk uint64) (bool, error) {
	time.Sleep(s.wait)
	return s.world.ChunkReleased(ctx, id, chunk)
}

// TestATurnThatTakesLongerThanTheLeasePays: a lease that has run out and that
// nobody took is as good as before, and one that is needed is kept.
func TestATurnThatTakesLongerThanTheLeasePays(t *testing.T) {
	for name, change := range map[string]func(*world, *relay.Config){
		"a slow source":   func(w *world, c *relay.Config) { c.Proofs = slowSource{c.Proofs, 2 * time.Minute} },
		"a slow escrow":   func(w *world, c *relay.Config) { c.Escrow = slowEscrow{w, 2 * time.Second} },
		"one slow answer": func(w *world, c *relay.Config) { c.Escrow = slowEscrow{w, 2 * time.Minute} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				deal := w.deal(60)
				for epoch := uint64(1); epoch <= 60; epoch++ {
					w.prove(1, epoch)
				}
				r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Clock = time.Now; change(w, c) }, bind(deal, 1, 0))
				for range 2 {
					_, err := r.Step(t.Context())
					require.NoError(t, err)
				}
				require.EqualValues(t, 60, w.released(deal))
			})
		})
	}
}

// TestTwoSlowProcessesDoNotTakeTheLeaseFromEachOther: the work of a turn is not
// thrown away because another process came by in the middle of it.
func TestTwoSlowProcessesDoNotTakeTheLeaseFromEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		deal := w.deal(60)
		for epoch := uint64(1); epoch <= 60; epoch++ {
			w.prove(1, epoch)
		}
		store := relay.NewMemoryStore()
		ctx, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		for _, name := range []string{"one", "two"} {
			r := w.start(store, func(c *relay.Config) {
				c.Name, c.Clock, c.Escrow = name, time.Now, slowEscrow{w, 2 * time.Second}
			}, bind(deal, 1, 0))
			wait.Go(func() { r.Run(ctx) })
		}
		time.Sleep(20 * time.Minute)
		cancel()
		wait.Wait()
		require.EqualValues(t, 60, w.released(deal))
	})
}

// backlog is a world with one deal that has earned so many chunks.
func backlog(t *testing.T, n uint64) (*world, attestation.Word) {
	w := newWorld(t)
	w.head = n + 100
	deal := w.deal(n + 5)
	for epoch := uint64(1); epoch <= n; epoch++ {
		w.prove(1, epoch)
	}
	return w, deal
}

// TestARecorderThatFailsEndsNoTurnAndHoldsUpNobody: there is more to settle than
// one portion, and no room on the disk of the history.
func TestARecorderThatFailsEndsNoTurnAndHoldsUpNobody(t *testing.T) {
	w, deal := backlog(t, 600)
	_, err := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0)).Step(t.Context()) // somebody else pays
	require.NoError(t, err)
	s, store, log := newSettling(w), relay.NewMemoryStore(), &recorder{}
	r := w.start(store, func(c *relay.Config) { s.config(c); c.Recorder = log }, bind(deal, 1, 0))
	_, err = r.Step(t.Context())
	require.NoError(t, err)
	for i := range uint64(600) {
		s.paid[relay.ChunkID{Deal: deal, Index: i}] = true
	}
	log.err = errors.New("disk full")
	w.clock = w.clock.Add(61 * time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = r.Step(ctx)
	require.ErrorIs(t, err, log.err)
	require.NoError(t, ctx.Err(), "the turn ends")
	require.Equal(t, map[relay.State]int{relay.Accepted: 600}, states(t, store))
	other := w.deal(1)
	w.prove(2, 700)
	require.NoError(t, r.Bind(t.Context(), bind(other, 2, 0)))
	w.head = 800
	w.later(r)
	require.EqualValues(t, 1, w.released(other), "it pays all the same")
	log.err = nil
	w.clock = w.clock.Add(61 * time.Minute)
	for range 2 {
		_, err = r.Step(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, 600, states(t, store)[relay.Settled])
}

// TestAHaltHoldsForTheRestOfTheTurn: the chunks of a deal that is halted are more
// than one portion.
func TestAHaltHoldsForTheRestOfTheTurn(t *testing.T) {
	w, deal := backlog(t, 1200)
	gone := map[uint64]bool{1: true}
	r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Proofs = confirmer{c.Proofs, gone} }, bind(deal, 1, 0))
	for range 3 {
		w.later(r)
	}
	require.Zero(t, w.released(deal))
	delete(gone, 1)
	require.NoError(t, r.Resume(t.Context(), deal))
	for range 4 {
		w.later(r)
	}
	require.EqualValues(t, 1200, w.released(deal))
}

// unreadable is a source that cannot read some data sets.
type unreadable struct {
	relay.ProofSource
	sets map[attestation.Word]bool
}

func (u unreadable) Proofs(ctx context.Context, set attestation.Word, from, to uint64) iter.Seq2[slastream.Proof, error] {
	if u.sets[set] {
		return func(yield func(slastream.Proof, error) bool) {
			yield(slastream.Proof{}, fmt.Errorf("data set %s is too large", set.Big()))
		}
	}
	return u.ProofSource.Proofs(ctx, set, from, to)
}

// TestDataSetsThatCannotBeReadHoldUpNoOther: four of them, and the deal that can
// be read comes last or first.
func TestDataSetsThatCannotBeReadHoldUpNoOther(t *testing.T) {
	for _, good := range []int{0, 4} {
		t.Run(fmt.Sprintf("the good one is number %d", good), func(t *testing.T) {
			w := newWorld(t)
			var bindings []relay.Binding
			var deal attestation.Word
			sets := map[attestation.Word]bool{}
			for i := range 5 {
				b := bind(w.deal(2), uint64(i+1), 0)
				w.prove(uint64(i+1), 10)
				if bindings = append(bindings, b); i == good {
					deal = b.Deal
				} else {
					sets[b.Set] = true
				}
			}
			store := relay.NewMemoryStore()
			r := w.start(store, func(c *relay.Config) { c.Proofs = unreadable{c.Proofs, sets} }, bindings...)
			for range 5 {
				w.later(r)
			}
			require.EqualValues(t, 1, w.released(deal))
			// What could be read until now cannot any more.
			w.prove(uint64(good+1), 150)
			w.head = 200
			for range 5 {
				w.later(r)
			}
			require.EqualValues(t, 2, w.released(deal))
			clear(sets)
			for range 3 {
				w.later(r)
			}
			for _, b := range bindings {
				require.NotZero(t, w.released(b.Deal))
			}
		})
	}
}

// TestADataSetThatCannotBeReadAnyMoreHoldsUpNoOther: all of them were read before.
func TestADataSetThatCannotBeReadAnyMoreHoldsUpNoOther(t *testing.T) {
	w := newWorld(t)
	var bindings []relay.Binding
	for i := range uint64(6) {
		bindings = append(bindings, bind(w.deal(2), i+1, 0))
	}
	sets := map[attestation.Word]bool{}
	r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Proofs = unreadable{c.Proofs, sets} }, bindings...)
	_, err := r.Step(t.Context())
	require.NoError(t, err)
	for i, b := range bindings {
		w.prove(uint64(i+1), 150)
		sets[b.Set] = i < 5
	}
	w.head = 200
	for range 5 {
		_, err = w.later(r)
	}
	require.ErrorContains(t, err, "too large", "it is said")
	require.EqualValues(t, 1, w.released(bindings[5].Deal))
	clear(sets)
	for range 2 {
		w.later(r)
	}
	for _, b := range bindings {
		require.EqualValues(t, 1, w.released(b.Deal))
	}
}

// mempool is a node that takes a nonce ahead of the account's, as a sequencer
// does, and lets it wait for the one before.
type mempool struct {
	*world
	waits map[uint64]slastream.SignedTx
	drops bool // it forgets what it takes
}

func (m *mempool) Send(ctx context.Context, tx slastream.SignedTx) error {
	if m.drops {
		m.sends++
		return nil
	}
	if tx.Nonce > m.nonce {
		if _, ok := m.waits[tx.Nonce]; ok && m.waits[tx.Nonce].Hash != tx.Hash {
			return errors.New("a transaction with that nonce waits")
		}
		m.waits[tx.Nonce], m.known[tx.Hash].status.State = tx, slastream.TxReceived
		return nil
	}
	err := m.world.Send(ctx, tx)
	for next, ok := m.waits[m.nonce]; err == nil && ok; next, ok = m.waits[m.nonce] {
		delete(m.waits, m.nonce)
		m.known[next.Hash].status.State = slastream.TxUnknown
		err = m.world.Send(ctx, next)
	}
	return err
}

// TestANonceThatIsGivenBackHoldsUpNoOther: the transaction with the lowest nonce
// need not be sent any more, and the one above it waits for that nonce.
func TestANonceThatIsGivenBackHoldsUpNoOther(t *testing.T) {
	for name, late := range map[string]bool{"before the other is sent again": false, "after it": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first, second, third := w.deal(2), w.deal(2), w.deal(2)
			w.prove(1, 10)
			w.prove(2, 10)
			m := &mempool{world: w, waits: map[uint64]slastream.SignedTx{}, drops: true}
			r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Escrow = m }, bind(first, 1, 0), bind(second, 2, 0), bind(third, 3, 0))
			_, err := r.Step(t.Context())
			require.NoError(t, err)
			require.Equal(t, 2, w.sends)
			// The node was started again, and somebody else has paid the first.
			m.drops = false
			if late {
				for _, known := range w.known {
					if known.items[0].Attestation.DealID == second {
						known.status.State = slastream.TxReceived
					}
				}
				for hash, known := range w.known {
					if known.status.State == slastream.TxReceived {
						m.waits[1] = slastream.SignedTx{Hash: hash, Sender: account, Nonce: 1}
					}
				}
			}
			other, err := relay.New(func() relay.Config {
				c := w.config(relay.NewMemoryStore(), bind(first, 1, 0))
				c.Escrow = rival{w}
				return c
			}())
			require.NoError(t, err)
			_, err = other.Step(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 1, w.released(first))
			require.Zero(t, w.nonce)
			for range 4 {
				w.later(r)
			}
			require.EqualValues(t, 1, w.released(second))
			w.prove(3, 150)
			w.head = 200
			for range 4 {
				w.later(r)
			}
			require.EqualValues(t, 1, w.released(third))
			require.LessOrEqual(t, w.reverts(), 1)
		})
	}
}

// rival pays with another account.
type rival struct{ *world }

func (rival) Nonce(context.Context) (uint64, error) { return 0, nil }

func (r rival) Send(ctx context.Context, tx slastream.SignedTx) error {
	known := r.known[tx.Hash]
	delete(r.known, tx.Hash)
	for _, item := range known.items {
		require.NoError(r.t, r.memory.As(account).Release(ctx, item))
	}
	r.known[tx.Hash] = &transaction{items: known.items}
	return nil
}

func (rival) Status(context.Context, attestation.Word) (slastream.TxStatus, error) {
	return slastream.TxStatus{State: slastream.TxAccepted}, nil
}

// refusing is a node that takes no transactions, while fees change.
type refusing struct{ *world }

func (r refusing) Send(context.Context, slastream.SignedTx) error {
	r.price++
	return errors.New("the account's balance is too low")
}

// TestATransactionThatIsNeverTakenDoesNotGrow: a day without a balance.
func TestATransactionThatIsNeverTakenDoesNotGrow(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(2)
	w.prove(1, 10)
	store := relay.NewMemoryStore()
	r := w.start(store, func(c *relay.Config) { c.Escrow = refusing{w} }, bind(deal, 1, 0))
	for range 200 {
		w.later(r)
	}
	n := 0
	for tx, err := range store.Transactions(t.Context(), account, 0) {
		require.NoError(t, err)
		n = len(tx.Signed)
	}
	require.NotZero(t, n)
	require.LessOrEqual(t, n, 32)
	w.price = 255
	r = w.relay(store)
	for range 3 {
		w.later(r)
	}
	require.EqualValues(t, 1, w.released(deal))
}

// liar says once of a deal that it is over.
type liar struct {
	*world
	lies int // how many answers are wrong
}

func (l *liar) Deal(ctx context.Context, id attestation.Word) (slastream.Deal, error) {
	d, err := l.world.Deal(ctx, id)
	if l.lies > 0 {
		l.lies--
		d.Active, d.Slashed = false, true
	}
	return d, err
}

// TestOneAnswerEndsNothingInALongTurn: a turn that goes round several times
// remembers what it was told of a deal.
func TestOneAnswerEndsNothingInALongTurn(t *testing.T) {
	w, deal := backlog(t, 1200)
	store := relay.NewMemoryStore()
	l := &liar{world: w}
	r := w.start(store, func(c *relay.Config) {
		c.Escrow, c.Jitter = l, func(time.Duration) time.Duration { return 0 }
		c.Clock = func() time.Time { w.clock = w.clock.Add(10 * time.Millisecond); return w.clock }
	}, bind(deal, 1, 0))
	require.NoError(t, r.Check(t.Context()))
	l.lies = 1
	for range 4 {
		w.later(r)
	}
	require.Empty(t, chunks(t, store)[relay.Refused])
	require.EqualValues(t, 1200, w.released(deal))
}

// badChunk is an escrow that refuses one chunk for ever.
type badChunk struct {
	*world
	bad map[relay.ChunkID]bool
}

func (b badChunk) SignRelease(ctx context.Context, signed attestation.Signed, nonce uint64) (slastream.SignedTx, error) {
	if b.bad[relay.ChunkID{Deal: signed.Attestation.DealID, Index: signed.Attestation.ChunkIndex}] {
		return slastream.SignedTx{}, slastream.ErrKeyX
	}
	return b.world.SignRelease(ctx, signed, nonce)
}

// TestChunksThatAreRefusedHoldUpNoOtherOfTheirDeal: it is not always the deal that
// is at fault.
func TestChunksThatAreRefusedHoldUpNoOtherOfTheirDeal(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(9)
	w.prove(1, 10)
	bad := map[relay.ChunkID]bool{{Deal: deal, Index: 0}: true, {Deal: deal, Index: 1}: true, {Deal: deal, Index: 4}: true}
	store := relay.NewMemoryStore()
	r := w.start(store, func(c *relay.Config) {
		c.Escrow, c.Jitter = badChunk{w, bad}, func(d time.Duration) time.Duration { return d }
	}, bind(deal, 1, 0))
	r.Step(t.Context())
	for epoch := uint64(110); epoch < 117; epoch++ {
		w.prove(1, epoch)
	}
	w.head = 200
	for range 400 {
		w.clock = w.clock.Add(15 * time.Second)
		r.Step(t.Context())
	}
	require.EqualValues(t, 5, w.released(deal))
}

// down is a node that answers no question about chunks.
type down struct {
	*world
	asked *int
}

func (d down) ChunkReleased(context.Context, attestation.Word, uint64) (bool, error) {
	*d.asked++
	return false, errors.New("connection refused")
}

// TestATurnEndsWhenTheNodeIsDown: the next turn observes and looks after
// transactions, however long the backlog is.
func TestATurnEndsWhenTheNodeIsDown(t *testing.T) {
	w, deal := backlog(t, 5000)
	asked := 0
	r := w.start(relay.NewMemoryStore(), func(c *relay.Config) { c.Escrow = down{w, &asked} }, bind(deal, 1, 0))
	_, err := r.Step(t.Context())
	require.Error(t, err)
	require.Less(t, asked, 100)
}

// TestALiveDealLosesNothingToTheNext: the slash of the first deal is taken back
// after another deal was bound to its data set, and before anybody has looked.
func TestALiveDealLosesNothingToTheNext(t *testing.T) {
	w := newWorld(t)
	first, second := w.deal(4), w.deal(4)
	w.prove(1, 10)
	s, store := newSettling(w), relay.NewMemoryStore()
	over := &ended{s, map[attestation.Word]bool{}}
	r := w.start(store, func(c *relay.Config) { s.config(c); c.Escrow = over }, bind(first, 1, 0))
	require.NoError(t, r.Check(t.Context()))
	over.over[first] = true
	for range 2 {
		w.clock = w.clock.Add(61 * time.Minute)
		_, err := r.Step(t.Context())
		require.NoError(t, err)
	}
	require.NoError(t, r.Bind(t.Context(), bind(second, 1, 5)))
	over.over[first] = false
	for range 3 {
		w.clock = w.clock.Add(31 * time.Minute)
		_, err := r.Step(t.Context())
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, w.released(first), "it earned the period first")
	require.Zero(t, w.released(second))
	require.Empty(t, chunks(t, store)[relay.Refused])
}

// TestAPaidChunkIsNotRefused: the node that is asked about a chunk is behind, and
// the one that is asked about its deal is not.
func TestAPaidChunkIsNotRefused(t *testing.T) {
	for name, slashed := range map[string]bool{"of a completed deal": false, "of a slashed deal": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			deal := w.deal(1)
			w.prove(1, 10)
			_, err := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0)).Step(t.Context()) // somebody else pays
			require.NoError(t, err)
			id, s, store := relay.ChunkID{Deal: deal}, newSettling(w), relay.NewMemoryStore()
			over := &ended{s, map[attestation.Word]bool{}}
			binding := bind(deal, 1, 0)
			require.NoError(t, store.Bind(t.Context(), relay.Track{Binding: binding, Chunks: 1, Amount: slastream.AmountFromUint64(10), Behind: true}))
			r := w.start(store, func(c *relay.Config) { s.config(c); c.Escrow = over }, binding)
			w.unpaid, over.over[deal] = id, slashed
			s.deals[deal], err = over.Deal(t.Context(), deal)
			require.NoError(t, err)
			s.paid[id] = true
			for range 4 {
				w.clock = w.clock.Add(61 * time.Minute)
				r.Step(t.Context())
			}
			require.Empty(t, chunks(t, store)[relay.Refused])
			w.unpaid = relay.ChunkID{}
			for range 2 {
				w.clock = w.clock.Add(61 * time.Minute)
				r.Step(t.Context())
			}
			require.Equal(t, map[relay.State]int{relay.Settled: 1}, states(t, store))
		})
	}
}

// TestAnEndIsAskedForOnceATurn: a slashed deal with many chunks waits for L1.
func TestAnEndIsAskedForOnceATurn(t *testing.T) {
	w, deal := backlog(t, 2000)
	s, store := newSettling(w), relay.NewMemoryStore()
	over := &ended{s, map[attestation.Word]bool{}}
	r := w.start(store, func(c *relay.Config) { s.config(c); c.Escrow = over }, bind(deal, 1, 0))
	require.NoError(t, r.Check(t.Context()))
	over.over[deal] = true
	for range 5 {
		w.clock = w.clock.Add(61 * time.Minute)
		_, err := r.Step(t.Context())
		require.NoError(t, err)
	}
	require.LessOrEqual(t, s.asked, 5)
}

// TestAClockThatGoesBackHoldsUpNothing: it was a day ahead when the chunk was
// observed.
func TestAClockThatGoesBackHoldsUpNothing(t *testing.T) {
	w := newWorld(t)
	deal := w.deal(2)
	w.prove(1, 10)
	r := w.relay(relay.NewMemoryStore(), bind(deal, 1, 0))
	w.paused = true
	w.clock = w.clock.Add(24 * time.Hour)
	_, err := r.Step(t.Context())
	require.ErrorIs(t, err, slastream.ErrPaused)
	w.paused = false
	w.clock = w.clock.Add(-24 * time.Hour)
	_, err = r.Step(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, w.released(deal))
}
