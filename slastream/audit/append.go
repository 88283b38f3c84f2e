package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A ConflictError says that a log has something else about the deal, chunk or
// slash of an entry. Nothing was appended.
type ConflictError struct {
	Line  uint64 // what has it
	Deal  attestation.Word
	Chunk uint64 // 0 if it is not about a chunk
	// TxHash is the transaction that the line names. If only that differs, and the
	// transaction is no longer on the chain, the release can be appended with it as
	// Release.Replaces.
	TxHash attestation.Word
	Text   string
}

// Error says what differs.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("audit: deal %s: %s; line %d has another: nothing was appended", e.Deal.Big(), e.Text, e.Line)
}

// Append adds entries, all or none, and returns when they are on the disk. What
// the log has already is no error and not added again, so a caller who does not know
// whether an append succeeded makes it again:
//
//   - a deal, if its terms are the same; Total, Released, Active and Slashed are
//     not part of them;
//   - a release, if it has the same transaction, chunks, proofs, attestations and
//     signatures; the block and the time are not compared, since a reorganisation
//     may move a transaction;
//   - a chunk of a release with TxHash 0, or one that the log has from such a
//     release, if the attestation and the proof are the same;
//   - a slash of the deal, if it has the same transaction and amount, or TxHash 0.
//
// Something else about the same deal or chunk is a *[ConflictError]. A release or
// slash of a deal whose terms are neither in the log nor among the entries before it
// is refused: pass the deal with it each time.
//
// After an error of the file the log fails for good; opened again, it has all that
// was acknowledged and perhaps the entries of that call.
func (l *Log) Append(entries ...Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	p := plan{log: l, index: index{}}
	for _, e := range entries {
		if err := p.add(e); err != nil {
			return err
		}
	}
	if len(p.entries) == 0 {
		return nil
	}
	b, begins, head, err := encode(l.head, p.entries)
	if err != nil {
		return err
	}
	_, err = l.file.WriteAt(b, l.end)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		l.failed = fmt.Errorf("audit: the log takes nothing more until it is opened again: %w", err)
		return l.failed
	}
	for i := range p.entries {
		l.index.add(&p.entries[i], l.end+int64(begins[i]))
	}
	l.head, l.end = head, l.end+int64(len(b))
	return nil
}

// A plan is what an Append will write: the entries that the log does not have.
type plan struct {
	log     *Log
	entries []Entry
	index   index // of entries: their positions from 1
}

func (p *plan) add(e Entry) error {
	if e.Header != nil {
		return errors.New("audit: the log has its header")
	}
	if err := e.check(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	var err error
	known := false
	switch {
	case e.Deal != nil:
		known, err = p.deal(e.Deal)
	case e.Release != nil:
		known, err = p.release(&e)
	case e.Slash != nil:
		known, err = p.slash(e.Slash)
	}
	if err != nil || known {
		return err
	}
	p.entries = append(p.entries, e)
	p.index.add(&e, int64(len(p.entries)))
	return nil
}

func (p *plan) deal(d *slastream.Deal) (known bool, err error) {
	old, err := p.find(d.ID, func(x *lineIndex) int64 { return x.terms })
	if err != nil || old == nil {
		return false, err
	}
	if terms(*old.Deal) != terms(*d) {
		return false, &ConflictError{Line: old.Line, Deal: d.ID, Text: "other terms"}
	}
	return true, nil
}

// release reports whether the log has all chunks of a release. Of one without a
// transaction it takes out those that the log has.
func (p *plan) release(e *Entry) (known bool, err error) {
	r := *e.Release
	var kept []Chunk
	var moved []*ConflictError // chunks that the log has in other transactions
	seen := map[chunkID]bool{}
	for _, c := range r.Chunks {
		a := c.Signed.Attestation
		if err := p.open(a.DealID); err != nil {
			return false, err
		}
		id := chunkID{a.DealID, a.ChunkIndex}
		if seen[id] {
			return false, fmt.Errorf("audit: chunk %d of deal %s is twice in the release", a.ChunkIndex, a.DealID.Big())
		}
		seen[id] = true
		old, err := p.find(a.DealID, func(x *lineIndex) int64 { return x.chunk(a.ChunkIndex) })
		if err != nil {
			return false, err
		}
		same := false
		if old != nil {
			var other *ConflictError
			if same, other, err = compare(old, &r, &c); err != nil {
				return false, err
			}
			if other != nil {
				moved = append(moved, other)
			}
		}
		if !same {
			kept = append(kept, c)
		}
	}
	replaced := func(c *ConflictError) bool { return c.TxHash == r.Replaces }
	first := r.Chunks[0].Signed.Attestation
	switch {
	case len(kept) == 0:
		return true, nil
	case len(moved) > 0 && !slices.ContainsFunc(moved, replaced):
		return false, moved[0]
	case len(moved) == 0 && !r.Replaces.IsZero():
		return false, fmt.Errorf("audit: chunk %d of deal %s: there is no transaction to replace", first.ChunkIndex, first.DealID.Big())
	case len(kept) == len(r.Chunks):
		return false, nil
	case r.TxHash.IsZero():
		r.Chunks = kept
		e.Release = &r
		return false, nil
	}
	a := kept[0].Signed.Attestation
	return false, fmt.Errorf("audit: release %v: the log has some of its chunks and not chunk %d of deal %s: want all chunks of a transaction in one entry", r.TxHash, a.ChunkIndex, a.DealID.Big())
}

type chunkID struct {
	deal  attestation.Word
	index uint64
}

// compare reports whether an old entry says of a chunk what a release does. If
// only the transaction differs, moved is the conflict that this is, unless the
// release replaces it.
func compare(old *Entry, r *Release, c *Chunk) (same bool, moved *ConflictError, err error) {
	a := c.Signed.Attestation
	i := slices.IndexFunc(old.Release.Chunks, func(o Chunk) bool {
		return o.Signed.Attestation.DealID == a.DealID && o.Signed.Attestation.ChunkIndex == a.ChunkIndex
	})
	o := old.Release.Chunks[i]
	conflict := &ConflictError{Line: old.Line, Deal: a.DealID, Chunk: a.ChunkIndex, TxHash: old.Release.TxHash}
	switch {
	case o.Signed.Attestation != a || o.Proof != c.Proof || o.Amount != c.Amount:
		conflict.Text = fmt.Sprintf("chunk %d with another attestation, proof or amount", a.ChunkIndex)
		return false, nil, conflict
	case r.TxHash.IsZero() || old.Release.TxHash.IsZero():
		return true, nil, nil
	case old.Release.TxHash != r.TxHash:
		conflict.Text = fmt.Sprintf("chunk %d in transaction %v", a.ChunkIndex, r.TxHash)
		return false, conflict, nil
	case o.Signed.Signature != c.Signed.Signature || old.Release.Batched != r.Batched:
		conflict.Text = fmt.Sprintf("chunk %d with another signature", a.ChunkIndex)
		return false, nil, conflict
	}
	return true, nil, nil
}

func (p *plan) slash(s *Slash) (known bool, err error) {
	if err := p.open(s.Deal); err != nil {
		return false, err
	}
	old, err := p.find(s.Deal, func(x *lineIndex) int64 { return x.slash })
	if err != nil || old == nil {
		return false, err
	}
	if o := old.Slash; o.Amount != s.Amount || !s.TxHash.IsZero() && s.TxHash != o.TxHash {
		return false, &ConflictError{Line: old.Line, Deal: s.Deal, TxHash: o.TxHash, Text: "another slash"}
	}
	return true, nil
}

// open fails if the log has no terms of a deal.
func (p *plan) open(deal attestation.Word) error {
	for _, x := range []*lineIndex{p.index[deal], p.log.index[deal]} {
		if x != nil && x.terms != 0 {
			return nil
		}
	}
	return fmt.Errorf("audit: the log has no terms of deal %s: append the deal first, or with the entry", deal.Big())
}

// find returns the entry that an index has of a deal, nil if there is none.
func (p *plan) find(deal attestation.Word, of func(*lineIndex) int64) (*Entry, error) {
	if x := p.index[deal]; x != nil {
		if i := of(x); i != 0 {
			e := p.entries[i-1]
			e.Line = p.log.head.Lines + uint64(i)
			return &e, nil
		}
	}
	if x := p.log.index[deal]; x != nil {
		if offset := of(x); offset != 0 {
			return p.log.read(offset)
		}
	}
	return nil, nil
}

// read returns the entry of the line at an offset.
func (l *Log) read(offset int64) (*Entry, error) {
	line := make([]byte, 0, 1<<12)
	for {
		n := int(min(int64(cap(line)), l.end-offset))
		if _, err := l.file.ReadAt(line[:n], offset); err != nil && err != io.EOF {
			return nil, fmt.Errorf("audit: %w", err)
		}
		if end := bytes.IndexByte(line[:n], '\n'); end >= 0 {
			line = line[:end]
			break
		}
		if n > maxLine || int64(n) == l.end-offset {
			return nil, errors.New("audit: the file was changed while it was open")
		}
		line = make([]byte, 0, 4*cap(line))
	}
	s, err := split(line)
	if err != nil {
		return nil, fmt.Errorf("audit: the file was changed while it was open: %w", err)
	}
	e, err := decodeEntry(s.entry)
	if err := errors.Join(s.check(), err); err != nil {
		return nil, fmt.Errorf("audit: the file was changed while it was open: %w", err)
	}
	e.Line = e.number
	return &e.Entry, nil
}
