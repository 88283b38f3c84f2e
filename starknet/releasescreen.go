package starknet

import (
	"context"
	"errors"
	"sync"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// screenReaders is how many questions a screen has open at once.
const screenReaders = 8

// screen sorts items by what the escrow would say to them now, in its own order of checks: those that it refuses are told why, ready would be
// paid, in this order, and later are those whose verdict hangs on one of ready.
func (r *releaseRun) screen(ctx context.Context, list []int) (ready, later []int, err error) {
	// What is paid stays paid and what has ended stays so: blocks that come
	// between two questions do no harm.
	at := r.escrow.At(Block{})
	paused, err := at.Paused(ctx)
	if err != nil {
		return nil, nil, err
	}
	if paused {
		for _, i := range list {
			r.out[i] = Release{Err: refusal(slastream.ErrPaused)}
		}
		return nil, nil, nil
	}
	if err := r.verify(ctx, at); err != nil {
		return nil, nil, err
	}
	deals, released, err := r.read(ctx, at, list)
	if err != nil {
		return nil, nil, err
	}
	taken := make(map[dealChunk]bool)
	for _, i := range list {
		c := r.chunk(i)
		deal := deals[c.deal]
		switch err := deal.CheckRelease(c.chunk, released[c]); {
		case err != nil:
			r.out[i] = Release{Err: refusal(err)}
		case taken[c] || deal.Released+uint64(deal.pending) >= deal.Chunks:
			later = append(later, i)
		case r.verdicts[i] != nil:
			r.out[i] = Release{Err: refusal(r.verdicts[i])}
		default:
			ready = append(ready, i)
			taken[c] = true
			deal.pending++
		}
	}
	return ready, later, nil
}

// refusal returns what the contract would say as a value of its own.
func refusal(err error) error {
	if revert, ok := errors.AsType[*slastream.RevertError](err); ok {
		return &slastream.RevertError{Reason: revert.Reason}
	}
	if v, ok := errors.AsType[*attestation.VerifyError](err); ok {
		return &slastream.RevertError{Reason: v.Reason}
	}
	return err
}

func (r *releaseRun) chunk(i int) dealChunk {
	a := &r.items[i].Attestation
	return dealChunk{a.DealID, a.ChunkIndex}
}

// verify checks all signatures once. If it cannot be told how, all pass, and
// the estimates decide.
func (r *releaseRun) verify(ctx context.Context, at *Escrow) error {
	if r.verdicts != nil {
		return nil
	}
	rules, err := at.rules(ctx)
	if errors.Is(err, ErrRules) {
		r.verdicts = make([]error, len(r.items))
		return nil
	}
	if err != nil {
		return err
	}
	key, err := at.PublicKey(ctx)
	if err != nil {
		return err
	}
	r.verdicts = attestation.NewVerifier(rules, key).VerifyBatch(r.items)
	return nil
}

// A pendingDeal is a deal and how many of its chunks are about to be paid.
type pendingDeal struct {
	slastream.Deal
	pending int
}

// read returns the deals of items, and which chunks are paid.
func (r *releaseRun) read(ctx context.Context, at *Escrow, list []int) (map[attestation.Word]*pendingDeal, map[dealChunk]bool, error) {
	deals, released := make(map[attestation.Word]*pendingDeal), make(map[dealChunk]bool)
	var ids []attestation.Word
	for _, i := range list {
		id := r.items[i].Attestation.DealID
		if deals[id] == nil {
			deals[id] = new(pendingDeal)
			ids = append(ids, id)
		}
	}
	if err := inParallel(len(ids), func(k int) (err error) {
		deals[ids[k]].Deal, err = at.Deal(ctx, ids[k])
		return err
	}); err != nil {
		return nil, nil, err
	}
	var chunks []dealChunk
	for _, i := range list {
		c := r.chunk(i)
		// Of the other deals no flag decides.
		if d := deals[c.deal]; d.Active && d.Released > 0 && c.chunk < d.Chunks {
			if _, known := released[c]; !known {
				released[c] = false
				chunks = append(chunks, c)
			}
		}
	}
	flags := make([]bool, len(chunks))
	if err := inParallel(len(chunks), func(k int) (err error) {
		flags[k], err = at.ChunkReleased(ctx, chunks[k].deal, chunks[k].chunk)
		return err
	}); err != nil {
		return nil, nil, err
	}
	for k, c := range chunks {
		released[c] = flags[k]
	}
	return deals, released, nil
}

// inParallel calls f for 0 to n-1 and returns the first failure.
func inParallel(n int, f func(i int) error) error {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		next  int
		first error
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		i := next
		next++
		return i, i < n && first == nil
	}
	for range min(n, screenReaders) {
		group.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				if err := f(i); err != nil {
					mu.Lock()
					if first == nil {
						first = err
					}
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	return first
}
