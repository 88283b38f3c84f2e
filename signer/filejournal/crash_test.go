package filejournal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/filejournal"
)

var errKilled = errors.New("killed")

// A disk is a file with a write cache that a power failure loses. It dies at
// the step before which budget is used up, and then answers nothing any more.
type disk struct {
	now    []byte // what the process sees
	synced []byte // what is on the disk for sure
	budget int    // steps to live; -1: for ever
}

func (d *disk) step() error {
	if d.budget == 0 {
		return errKilled
	}
	if d.budget > 0 {
		d.budget--
	}
	return nil
}

func (d *disk) ReadAt(b []byte, at int64) (int, error) {
	if d.budget == 0 {
		return 0, errKilled
	}
	n := 0
	if at < int64(len(d.now)) {
		n = copy(b, d.now[at:])
	}
	if n < len(b) {
		return n, errors.New("end of file")
	}
	return n, nil
}

func (d *disk) WriteAt(b []byte, at int64) (int, error) {
	if err := d.step(); err != nil {
		return 0, err
	}
	if need := int(at) + len(b); need > len(d.now) {
		d.now = append(d.now, make([]byte, need-len(d.now))...)
	}
	return copy(d.now[at:], b), nil
}

func (d *disk) Sync() error {
	if err := d.step(); err != nil {
		return err
	}
	d.synced = slices.Clone(d.now)
	return nil
}

func (d *disk) Truncate(size int64) error {
	if err := d.step(); err != nil {
		return err
	}
	d.now = d.now[:size]
	return nil
}

func (d *disk) Close() error { return nil }

// after returns what a power failure can leave: nothing, some or all of what was
// not synced, and room for it without its bytes.
func (d *disk) after() map[string][]byte {
	out := map[string][]byte{"only what was synced": slices.Clone(d.synced), "everything": slices.Clone(d.now)}
	lost := len(d.now) - len(d.synced)
	if lost <= 0 {
		return out
	}
	for _, cut := range []int{1, 4, 100, filejournal.Size - 1, filejournal.Size, filejournal.Size + 1} {
		if cut < lost {
			out[fmt.Sprintf("%d bytes more", cut)] = slices.Clone(d.now[:len(d.synced)+cut])
		}
	}
	out["zeroes"] = append(slices.Clone(d.synced), make([]byte, lost)...)
	return out
}

// A bench is a guard on a disk, with a backend that dies at a step too and
// remembers all that it ever signed.
type bench struct {
	disk   *disk
	signed map[signer.Slot]map[attestation.Word]bool // roots that the backend signed
	left   map[signer.Slot]attestation.Signed        // what left the guard
	key    *signer.Local
}

// dyingKey counts the call of the backend as a step of the disk's life.
type dyingKey struct{ *bench }

func (k dyingKey) PublicKey() attestation.PublicKey { return k.key.PublicKey() }

func (k dyingKey) SignRequest(ctx context.Context, req signer.Request) (attestation.Attestation, []byte, error) {
	k.note(req)
	raw, err := k.key.SignDigest(ctx, req.Attestation.Digest())
	if died := k.disk.step(); died != nil {
		return attestation.Attestation{}, nil, died // it signed, and nobody heard
	}
	return req.Attestation, raw, err
}

func (k dyingKey) SignBatch(ctx context.Context, req signer.BatchRequest) (attestation.Batch, []byte, error) {
	for _, one := range req.Requests() {
		k.note(one)
	}
	raw, err := k.key.SignDigest(ctx, req.Batch().Digest())
	if died := k.disk.step(); died != nil {
		return attestation.Batch{}, nil, died
	}
	return req.Batch(), raw, err
}

func (b *bench) note(req signer.Request) {
	slot := signer.Record{Key: b.key.PublicKey(), Request: req}.Slot()
	if b.signed[slot] == nil {
		b.signed[slot] = map[attestation.Word]bool{}
	}
	b.signed[slot][req.Attestation.RootCID] = true
}

func (b *bench) guard(t *testing.T) signer.Signer {
	j, err := filejournal.Load(b.disk, int64(len(b.disk.now)))
	require.NoError(t, err)
	s, err := signer.NewAction(dyingKey{b})
	require.NoError(t, err)
	return signer.Guard(s, j)
}

func (b *bench) attest(t *testing.T, g signer.Signer, req signer.Request) {
	signed, err := g.Attest(t.Context(), req)
	if err != nil {
		return
	}
	slot := signer.Record{Key: b.key.PublicKey(), Request: req}.Slot()
	if before, ok := b.left[slot]; ok {
		require.Equal(t, before, signed, "a signature that left is given again")
	}
	b.left[slot] = signed
}

// work is what a process does in its life: single chunks and a batch, for the
// roots it is told of.
func (b *bench) work(t *testing.T, g signer.Signer, root byte) {
	for chunk := range uint64(2) {
		b.attest(t, g, request(chunk, root))
	}
	var batch signer.BatchRequest
	for chunk := uint64(2); chunk < 5; chunk++ {
		req := request(chunk, root)
		batch.Domain = req.Domain
		batch.Items = append(batch.Items, signer.BatchItem{Attestation: req.Attestation, Evidence: req.Evidence})
	}
	g.(signer.BatchSigner).AttestBatch(t.Context(), batch)
}

// The power fails before every step of every write, sync and signature, and
// leaves every kind of ruin. The next process wants to sign another root for
// each chunk. The backend must never have signed two.
func TestKilledBetweenEveryTwoSteps(t *testing.T) {
	key := local(t)
	deaths := 0
	for steps := 0; ; steps++ {
		b := &bench{
			disk: &disk{now: filejournal.Header(), synced: filejournal.Header(), budget: steps}, key: key,
			signed: map[signer.Slot]map[attestation.Word]bool{}, left: map[signer.Slot]attestation.Signed{},
		}
		if steps == 0 {
			continue // Load reads
		}
		b.work(t, b.guard(t), 1)
		if b.disk.budget > 0 {
			require.Greater(t, deaths, 12, "the work has at least so many steps")
			return
		}
		deaths++
		for name, ruin := range b.disk.after() {
			next := &bench{disk: &disk{now: ruin, synced: slices.Clone(ruin), budget: -1}, key: key, signed: map[signer.Slot]map[attestation.Word]bool{}, left: map[signer.Slot]attestation.Signed{}}
			for slot, roots := range b.signed {
				for root := range roots {
					next.signed[slot] = map[attestation.Word]bool{root: true}
				}
			}
			for slot, signed := range b.left {
				next.left[slot] = signed
			}
			g := next.guard(t)
			next.work(t, g, 2)
			next.work(t, g, 1)
			for slot, roots := range next.signed {
				require.Len(t, roots, 1, "step %d, %s: chunk %d has signatures for %d roots", steps, name, slot.ChunkIndex, len(roots))
			}
			require.Len(t, next.signed, 5, "step %d, %s: every chunk can be signed for one root", steps, name)
		}
	}
}

// After an error of the disk nothing is signed, although the disk works again.
func TestFailsClosed(t *testing.T) {
	for steps := 1; steps <= 5; steps++ {
		b := &bench{
			disk: &disk{now: filejournal.Header(), synced: filejournal.Header(), budget: -1}, key: local(t),
			signed: map[signer.Slot]map[attestation.Word]bool{}, left: map[signer.Slot]attestation.Signed{},
		}
		g := b.guard(t)
		b.disk.budget = steps - 1
		_, err := g.Attest(t.Context(), request(0, 1))
		if steps == 3 {
			require.ErrorIs(t, err, errKilled, "the backend's own error")
			continue
		}
		require.ErrorIs(t, err, filejournal.ErrFailed)
		require.False(t, signer.Retryable(err))
		b.disk.budget = -1
		calls := len(b.signed)
		_, err = g.Attest(t.Context(), request(0, 1))
		require.ErrorIs(t, err, filejournal.ErrFailed)
		_, err = g.Attest(t.Context(), request(1, 1))
		require.ErrorIs(t, err, filejournal.ErrFailed)
		require.Len(t, b.signed, calls, "the backend is not asked")
	}
}
