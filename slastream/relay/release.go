package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
)

// work brings the chunks that are due as far as they go: to a transaction that
// is stored and sent.
func (t *turn) work(ctx context.Context) {
	now := t.now() // what is put off in this turn comes in another: a turn ends
	for !t.over && ctx.Err() == nil {
		due, err := collect(t.Store.Chunks(ctx, ChunkQuery{Due: now, Limit: portion}))
		if err != nil {
			t.fail("chunks", &storeError{err})
			return
		}
		if len(due) == 0 {
			return
		}
		if t.unsure {
			// What is signed must be stored: is there room again?
			if _, err := t.put(ctx, due[:1:1], Change{Chunks: slices.Clone(due[:1])}); err != nil {
				t.fail("store", err)
				return
			}
			t.unsure = false
			continue
		}
		ready := t.look(ctx, t.running(ctx, due))
		if t.over || ctx.Err() != nil || t.Health().Stopped != "" || !t.unpaused(ctx, ready) {
			return
		}
		left := t.release(ctx, t.govern(ctx, ready))
		if left > 0 || len(due) < portion {
			return
		}
	}
}

// A suspect is a deal of which the escrow refused a chunk. Until one of its
// chunks is paid, one at a time is tried, alone: it is nearly always the deal that
// is at fault, and its chunks would split every group. Where it is the chunk, the
// others have their turns.
type suspect struct {
	until    uint64 // none is tried before, Unix milliseconds
	reason   string
	failures uint32
}

// suspect notes that the escrow refused a chunk of a deal.
func (t *turn) suspect(c Chunk) {
	s := t.suspects[c.Deal]
	if s.until > t.now() {
		return // another chunk of it was refused in this turn
	}
	pause := t.Jitter(min(revertedMax, revertedMin<<min(s.failures, 20)))
	t.suspects[c.Deal] = suspect{t.now() + millis(pause), c.Retry.Reason, s.failures + 1}
}

// try chooses one of the chunks of each suspect: the one that failed least.
func (t *turn) try(chunks []Chunk) map[attestation.Word]Chunk {
	chosen := map[attestation.Word]Chunk{}
	for _, c := range chunks {
		if s, ok := t.suspects[c.Deal]; !ok || s.until > t.now() || !c.Open() {
			continue
		}
		if best, ok := chosen[c.Deal]; !ok || c.Retry.Attempts < best.Retry.Attempts {
			chosen[c.Deal] = c
		}
	}
	return chosen
}

// running leaves out the chunks of halted deals, which wait, and all but one of
// each suspect.
func (t *turn) running(ctx context.Context, chunks []Chunk) []Chunk {
	var on, before []Chunk
	var change Change
	chosen := t.try(chunks)
	for _, c := range chunks {
		track, err := t.trackOf(ctx, c.Deal)
		if err != nil {
			t.fail("track", err)
			return nil
		}
		s, suspected := t.suspects[c.Deal]
		suspected = suspected && c.Open()
		switch {
		case track.Halted != "":
			before = append(before, c)
			change.Chunks = append(change.Chunks, later(c, t.now()+millis(haltedPause), ClassRefused, "the deal is halted: "+track.Halted))
		case suspected && chosen[c.Deal].ID() != c.ID():
			before = append(before, c)
			wait := max(s.until, t.now()+millis(t.Poll)) // the one that is tried has its own pause
			change.Chunks = append(change.Chunks, later(c, wait, ClassReverted, s.reason))
		default:
			on = append(on, c)
		}
	}
	if len(before) > 0 {
		if _, err := t.put(ctx, before, change); err != nil {
			t.fail("track", err)
			return nil
		}
	}
	return on
}

// unpaused asks whether the escrow is paused when there is something to release.
// While it is, nothing is signed, and nothing is tried.
func (t *turn) unpaused(ctx context.Context, ready []Chunk) bool {
	if len(ready) == 0 {
		return true
	}
	before := t.Health().Paused
	paused, err := t.askPaused(ctx)
	if err != nil {
		t.fail("escrow", err)
		return false
	}
	if paused && !before {
		t.Logger.Error("the escrow is paused: chunks wait", "chunks", len(ready))
	}
	if paused {
		t.fail("escrow", slastream.ErrPaused)
	}
	return !paused
}

// askPaused asks whether the escrow is paused, and notes it for Health.
func (t *turn) askPaused(ctx context.Context) (bool, error) {
	paused, err := t.Escrow.Paused(ctx)
	if err == nil {
		t.note(func(h *Health) { h.Paused = paused })
	}
	return paused, err
}

// release signs and sends. It returns how many chunks are left because there are
// enough transactions on the way, or because of a failure.
func (t *turn) release(ctx context.Context, ready []Chunk) int {
	var alone, together []Chunk
	for _, c := range ready {
		_, suspected := t.suspects[c.Deal]
		switch {
		case suspected, t.size() < 2, c.Retry.Class == ClassReverted, t.Batch > 1 && c.State == Attested:
			alone = append(alone, c)
		default:
			together = append(together, c)
		}
	}
	if len(together) == 1 {
		alone, together = append(alone, together...), nil
	}
	left := 0
	if t.Batch < 2 {
		together = t.attest(ctx, together)
	}
	for group := range slices.Chunk(together, max(t.size(), 1)) {
		left += t.releaseGroup(ctx, group)
	}
	for _, c := range t.attest(ctx, alone) {
		left += t.releaseGroup(ctx, []Chunk{c})
	}
	return left
}

// size is how many chunks one transaction releases at most.
func (t *turn) size() int { return min(max(t.Batch, t.Multicall), t.largest) }

// attest takes chunks to Attested, each with a signature of its own.
func (t *turn) attest(ctx context.Context, chunks []Chunk) []Chunk {
	if len(chunks) == 0 || t.over || ctx.Err() != nil {
		return nil
	}
	next := make([]Chunk, len(chunks))
	errs := make([]error, len(chunks))
	each(ctx, t.Workers, len(chunks), func(i int) {
		next[i], errs[i] = t.attestOne(ctx, chunks[i])
		_ = t.keepLease(ctx)
	})
	if ctx.Err() != nil {
		return nil
	}
	var before, done []Chunk
	var change Change
	for i, c := range next {
		if errs[i] != nil {
			c = t.unsigned(chunks[i], errs[i])
		}
		if c == chunks[i] {
			done = append(done, c)
			continue
		}
		before, change.Chunks = append(before, chunks[i]), append(change.Chunks, c)
	}
	if len(before) == 0 {
		return done
	}
	stored, err := t.put(ctx, before, change)
	if err != nil {
		t.fail("attest", err)
		return nil
	}
	for _, c := range stored {
		if c.State == Attested {
			done = append(done, c)
		}
	}
	slices.SortFunc(done, func(a, b Chunk) int { return a.ID().Compare(b.ID()) })
	return done
}

// unsigned is a chunk that the signer did not sign.
func (t *turn) unsigned(c Chunk, err error) Chunk {
	t.fail(fmt.Sprintf("sign for chunk %v", c.ID()), err)
	return t.failed(c, err)
}

// attestOne runs beside others.
func (t *turn) attestOne(ctx context.Context, c Chunk) (Chunk, error) {
	if c.State == Attested {
		return c, nil
	}
	want := c.Attestation()
	signed, err := t.Signer.Attest(ctx, signer.Request{Attestation: want, Domain: t.Domain, Evidence: c.Proof.Evidence})
	if err != nil {
		return c, err
	}
	want.Timestamp = signed.Attestation.Timestamp // a guard may answer with an earlier statement
	if signed.Attestation != want {
		return c, fmt.Errorf("%w: the signer answered with another attestation", errRefusal)
	}
	if err := t.verifier.Verify(signed); err != nil {
		t.stop(fmt.Sprintf("the signer's signature for chunk %v is none that the escrow takes: %v", c.ID(), err))
		return c, fmt.Errorf("%w: %w", errRefusal, err)
	}
	c.Signed, c.State, c.Retry = signed, Attested, Retry{}
	return c, nil
}

// stop ends all signing until the program is started again: what the signer
// gives out would be paid for by nobody.
func (r *Relay) stop(why string) {
	r.Logger.Error("signing stopped", "reason", why)
	r.note(func(h *Health) { h.Stopped = shorten(why) })
}

// releaseGroup stores and sends one transaction for a group, or for the halves of
// it if the escrow would refuse the whole. It returns how many chunks are left.
func (t *turn) releaseGroup(ctx context.Context, group []Chunk) int {
	if t.over || ctx.Err() != nil || t.Health().Stopped != "" || !t.room(ctx) {
		return len(group)
	}
	if len(group) == 1 && group[0].State == Final {
		if group = t.attest(ctx, group); len(group) == 0 {
			return 0
		}
	}
	nonce := t.nextNonce()
	tx, signed, err := t.signGroup(ctx, group, nonce)
	if err != nil {
		return t.unreleased(ctx, group, err)
	}
	now := t.now()
	transaction := Transaction{TxID: TxID{tx.Sender, tx.Nonce}, Signed: []slastream.SignedTx{tx}, State: Stored, Stored: now}
	for i := range signed {
		transaction.Chunks = append(transaction.Chunks, signed[i].ID())
		signed[i].State, signed[i].Tx, signed[i].Retry.At = Stored, transaction.TxID, 0
	}
	if _, err := t.put(ctx, group, Change{Chunks: signed, Put: []Transaction{transaction}}); err != nil {
		t.fail("store a transaction", err)
		return len(group)
	}
	f := &flying{Transaction: transaction}
	t.flight = append(t.flight, f)
	t.sortFlight()
	t.send(ctx, f)
	return 0
}

// signGroup signs the transaction of a group, and returns the chunks as they are
// then.
func (t *turn) signGroup(ctx context.Context, group []Chunk, nonce uint64) (slastream.SignedTx, []Chunk, error) {
	signed := slices.Clone(group)
	if len(group) == 1 && group[0].State == Attested {
		tx, err := t.Escrow.SignRelease(ctx, group[0].Signed, nonce)
		return tx, signed, err
	}
	if t.Batch < 2 {
		tx, err := t.Escrow.(Multicaller).SignReleases(ctx, signatures(group), nonce)
		return tx, signed, err
	}
	batch, sig, err := t.attestBatch(ctx, group)
	if err != nil {
		return slastream.SignedTx{}, nil, &unsignedError{err}
	}
	tx, err := t.Escrow.(Batcher).SignReleaseBatch(ctx, batch.Items, sig, nonce)
	for i := range signed {
		signed[i].Signed, signed[i].Batched = attestation.Signed{Attestation: batch.Items[i], Signature: sig}, true
	}
	return tx, signed, err
}

// An unsignedError says that it was the signer that failed.
type unsignedError struct{ cause error }

func (e *unsignedError) Error() string { return e.cause.Error() }
func (e *unsignedError) Unwrap() error { return e.cause }

func signatures(group []Chunk) []attestation.Signed {
	list := make([]attestation.Signed, len(group))
	for i, c := range group {
		list[i] = c.Signed
	}
	return list
}

// attestBatch has a batch of chunks signed, and checks that it is that batch.
func (t *turn) attestBatch(ctx context.Context, group []Chunk) (attestation.Batch, attestation.Signature, error) {
	req := signer.BatchRequest{Domain: t.Domain, Items: make([]signer.BatchItem, len(group))}
	for i, c := range group {
		req.Items[i] = signer.BatchItem{Attestation: c.Attestation(), Evidence: c.Proof.Evidence}
	}
	signed, err := t.Signer.(signer.BatchSigner).AttestBatch(ctx, req)
	if err != nil {
		return attestation.Batch{}, attestation.Signature{}, err
	}
	same := func(got attestation.Attestation, want signer.BatchItem) bool {
		want.Attestation.Timestamp = got.Timestamp // a guard may answer with an earlier statement
		return got == want.Attestation
	}
	if signed.Batch.Domain != t.Domain || !slices.EqualFunc(signed.Batch.Items, req.Items, same) {
		return attestation.Batch{}, attestation.Signature{}, fmt.Errorf("%w: the signer answered with another batch", errRefusal)
	}
	key, err := attestation.Recover(attestation.RulesLowS, signed.Batch.Digest(), signed.Signature)
	if err != nil || key != t.Signer.PublicKey() {
		t.stop("the signer's signature for a batch is none that the escrow takes")
		return attestation.Batch{}, attestation.Signature{}, fmt.Errorf("%w: the signature of the batch is another key's", errRefusal)
	}
	return signed.Batch, signed.Signature, nil
}

// unreleased deals with a group that got no transaction: the escrow would refuse
// it, or it does not fit into one, or something failed. It returns how many
// chunks are left.
func (t *turn) unreleased(ctx context.Context, group []Chunk, err error) int {
	_, reverted := errors.AsType[*slastream.RevertError](err)
	large, tooLarge := errors.AsType[interface {
		error
		Fit() int
	}](err)
	unsigned, signing := errors.AsType[*unsignedError](err)
	if split := reverted || tooLarge || signing && classify(unsigned) == ClassRefused; split && len(group) > 1 {
		t.Logger.Warn("group split", "chunks", len(group), "err", err)
		part := (len(group) + 1) / 2
		if tooLarge {
			part = min(max(large.Fit(), 1), len(group)-1)
			t.largest = min(t.largest, max(part, 2))
		}
		left := 0
		for some := range slices.Chunk(group, part) {
			left += t.releaseGroup(ctx, some)
		}
		return left
	}
	t.fail(fmt.Sprintf("release %v", group[0].ID()), err)
	next := slices.Clone(group)
	for i := range next {
		next[i] = t.failed(next[i], err)
		if reverted {
			t.suspect(next[i])
		}
	}
	if _, putErr := t.put(ctx, group, Change{Chunks: next}); putErr != nil {
		t.fail("store", putErr)
		return len(group)
	}
	if !reverted && !signing {
		if t.failures++; t.failures >= maxErrors {
			t.over = true // it is the node
		}
	}
	return 0
}
