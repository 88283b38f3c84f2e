package attestation

import (
	"sync"
	"sync/atomic"

	"github.com/slastream/slastream-go/attestation/internal/secp256k1"
)

// A Verifier gives the escrow's verdict on attestations for one attestation
// key. It is safe for concurrent use. Verify and VerifyBatch run on the calling
// goroutine: to use more cores, call them from several.
//
// A Verifier begins as cheap as [Recover]. Once it has seen enough signatures
// to make it worth while, it makes tables for its key ([Verifier.WithWindow] says how
// large), and then recovers a key only to name the reason of a refusal.
type Verifier struct {
	rules Rules
	key   PublicKey

	seen   atomic.Int64
	tables func() *secp256k1.Verifier // nil: the key is no point, or no tables are wanted
}

const defaultWindow = 13

// NewVerifier returns a verifier for an escrow with that key. Any key is
// allowed, also (0, 0) and points off the curve: the contract checks nothing
// about its key, and for (0, 0) it accepts what recovers to infinity.
func NewVerifier(rules Rules, key PublicKey) *Verifier {
	v := &Verifier{rules: rules, key: key}
	return v.WithWindow(defaultWindow)
}

// WithWindow returns a verifier with the same verdicts, whose tables have
// windows of that many bits. Wider windows need fewer additions and more
// memory, for the key and once in the process for the generator. The range is
// 4 to 16, beyond which the nearest is taken; 0 means no tables, so that each
// verdict is a [Recover]. NewVerifier takes 13.
//
//	bits    8         10       11        12       13       14     16
//	memory  0.13 MiB  0.4 MiB  0.75 MiB  1.4 MiB  2.5 MiB  5 MiB  18 MiB
func (v *Verifier) WithWindow(bits int) *Verifier {
	w := &Verifier{rules: v.rules, key: v.key}
	if point, ok := pointOf(v.key); ok && bits > 0 {
		bits = min(max(bits, secp256k1.MinWindow), secp256k1.MaxWindow)
		w.tables = sync.OnceValue(func() *secp256k1.Verifier { return secp256k1.NewVerifier(point, bits) })
	}
	return w
}

// Making the tables takes as long as that many calls of Recover.
const worthTables = 256

// ready returns the tables, if there are to be any after n more signatures.
func (v *Verifier) ready(n int) *secp256k1.Verifier {
	if v.tables == nil || v.seen.Load() < worthTables && v.seen.Add(int64(n)) < worthTables {
		return nil
	}
	return v.tables()
}

// Verify returns nil if the escrow accepts the signature, else a *[VerifyError]
// with the felt it panics with. It looks at the signature alone: whether the
// deal is active and the chunk unpaid is the escrow's state (package
// slastream/escrow).
//
// Source: release_chunk of sla_escrow.cairo: recovery, then X, then Y.
func (v *Verifier) Verify(s Signed) error {
	d := s.Attestation.Digest()
	if tables := v.ready(1); tables != nil {
		var c secp256k1.Claim
		if v.claim(&c, &d, &s.Signature) && tables.Holds(&c) {
			return nil
		}
	}
	return v.recover(d, s.Signature)
}

// recover does what the escrow does.
func (v *Verifier) recover(d Digest, sig Signature) error {
	got, err := Recover(v.rules, d, sig)
	switch {
	case err != nil:
		return err
	case got.X != v.key.X:
		return &VerifyError{Reason: reasonKeyX}
	case got.Y != v.key.Y:
		return &VerifyError{Reason: reasonKeyY}
	}
	return nil
}

// claim says what acceptance means for a key on the curve: the escrow recovers
// (s·R − z·G)/r, and that is Q if and only if (z/s)·G + (r/s)·Q is R, the point
// with x = r and y odd where V is 1. It returns false where that does not
// follow, because r or s is 0 mod n or r is no field element, and where the
// rules refuse the signature anyway.
func (v *Verifier) claim(c *secp256k1.Claim, d *Digest, sig *Signature) bool {
	if v.rules != RulesLegacy && !inStrictRange(*sig) {
		return false
	}
	c.Z.SetBytes((*[32]byte)(d))
	c.R.SetBytes((*[32]byte)(&sig.R))
	c.S.SetBytes((*[32]byte)(&sig.S))
	c.Odd = sig.V == 1
	return c.X.SetBytes((*[32]byte)(&sig.R)) && !c.R.IsZero() && !c.S.IsZero()
}

// smallBatch is how many claims are faster one by one than in a batch.
const smallBatch = 16

// VerifyBatch returns the verdict of [Verifier.Verify] on each item: a slice as
// long as items, nil where the escrow accepts. It is exact for each item, and
// faster than Verify for some dozens of items and more. It allocates some
// 200 KiB of scratch memory, whatever the number of items.
func (v *Verifier) VerifyBatch(items []Signed) []error {
	errs := make([]error, len(items))
	tables := v.ready(len(items))
	if tables == nil || len(items) < smallBatch {
		for i := range items {
			errs[i] = v.Verify(items[i])
		}
		return errs
	}
	b := batches.Get().(*batch)
	defer batches.Put(b)
	for len(items) > 0 {
		n := min(len(items), secp256k1.BatchSize)
		b.verify(v, tables, items[:n], errs[len(errs)-len(items):])
		items = items[n:]
	}
	return errs
}

// A batch is scratch memory for as many items as go through the tables at once.
type batch struct {
	sums    secp256k1.Batch
	digests [secp256k1.BatchSize]Digest
	claims  [secp256k1.BatchSize]secp256k1.Claim
	items   [secp256k1.BatchSize]int // of each claim
	holds   [secp256k1.BatchSize]bool
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func (b *batch) verify(v *Verifier, tables *secp256k1.Verifier, items []Signed, errs []error) {
	n := 0
	for i := range items {
		b.digests[i] = items[i].Attestation.Digest()
		if v.claim(&b.claims[n], &b.digests[i], &items[i].Signature) {
			b.items[n] = i
			n++
		} else {
			errs[i] = v.recover(b.digests[i], items[i].Signature)
		}
	}
	b.sums.Hold(tables, b.claims[:n], b.holds[:n])
	for j, i := range b.items[:n] {
		if !b.holds[j] {
			errs[i] = v.recover(b.digests[i], items[i].Signature)
		}
	}
}

// Verify returns nil if an escrow with that key, under those rules, accepts the
// signature, else a *[VerifyError]. For many attestations of one key use
// [NewVerifier].
func (s Signed) Verify(rules Rules, key PublicKey) error {
	v := Verifier{rules: rules, key: key}
	return v.recover(s.Attestation.Digest(), s.Signature)
}
