package filejournal

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"iter"
	"math"
	"sync"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// ErrLocked says that the journal is open elsewhere, here or in another process.
var ErrLocked = errors.New("filejournal: the journal is in use")

// ErrVersion says that a newer version of this package wrote the file.
var ErrVersion = errors.New("filejournal: written by a newer version")

// ErrFailed says that reading or writing the file failed before, so that nobody
// knows what is stored. Only opening the journal again helps.
var ErrFailed = errors.New("filejournal: failed, open it again")

// A CorruptError says that the file does not hold what was written to it. No
// part of it is used; the file is left as it is.
type CorruptError struct {
	Offset int64 // of the record that does not fit
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("filejournal: corrupt at byte %d: %s", e.Offset, e.Reason)
}

// A Journal is a [signer.Journal] in a file. It is safe for concurrent use.
type Journal struct {
	mu     sync.Mutex
	file   file
	count  uint64 // records in the file, without the header
	slots  map[hash]uint32
	proofs map[hash]uint32 // number of a record whose proof it is
	seeds  [2]maphash.Seed
	failed error  // set once, for good
	buf    []byte // records on their way to the file
}

var _ signer.Journal = (*Journal)(nil)

// A file is what a journal needs of an os.File.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
}

// A hash stands for a slot or a proof in the index. With 128 bits and a seed of
// this process's own no two are ever the same; every read compares the original.
type hash [2]uint64

func (j *Journal) hash(b []byte) hash {
	return hash{maphash.Bytes(j.seeds[0], b), maphash.Bytes(j.seeds[1], b)}
}

// BySlot implements [signer.Journal].
func (j *Journal) BySlot(_ context.Context, slot signer.Slot) (signer.Record, bool, error) {
	key := appendSlot(make([]byte, 0, size), slot)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		return signer.Record{}, false, j.failed
	}
	number, ok := j.slots[j.hash(key)]
	if !ok {
		return signer.Record{}, false, nil
	}
	rec, err := j.read(uint64(number))
	if err == nil && rec.Slot() != slot {
		err = j.fail(errors.New("the index leads to another slot"))
	}
	return rec, err == nil, err
}

// ByProof implements [signer.Journal].
func (j *Journal) ByProof(_ context.Context, owner attestation.PublicKey, domain attestation.Domain, proof attestation.PeriodKey) (signer.Slot, bool, error) {
	key := appendPeriod(appendOwner(make([]byte, 0, size), owner, domain), proof)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		return signer.Slot{}, false, j.failed
	}
	number, ok := j.proofs[j.hash(key)]
	if !ok {
		return signer.Slot{}, false, nil
	}
	rec, err := j.read(uint64(number))
	if err == nil && (rec.Key != owner || rec.Request.Domain != domain || rec.Request.Evidence.Key() != proof) {
		err = j.fail(errors.New("the index leads to another proof"))
	}
	return rec.Slot(), err == nil, err
}

// Put implements [signer.Journal]. It returns after fsync. A ctx that is over
// before anything is written is no failure of the journal.
func (j *Journal) Put(ctx context.Context, recs ...signer.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		return j.failed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("filejournal: %w", err)
	}
	if j.count+uint64(len(recs)) > math.MaxUint32 {
		return errors.New("filejournal: full: 2^32 records")
	}
	j.buf = j.buf[:0]
	var err error
	for i, rec := range recs {
		if j.buf, err = appendRecord(j.buf, j.count+1+uint64(i), rec); err != nil {
			return err
		}
	}
	if len(recs) == 0 {
		return nil
	}
	if _, err := j.file.WriteAt(j.buf, offset(j.count+1)); err != nil {
		return j.fail(err)
	}
	if err := j.file.Sync(); err != nil {
		return j.fail(err)
	}
	for i := range recs {
		j.index(j.buf[i*size:], j.count+1)
		j.count++
	}
	return nil
}

// All yields the newest record of each slot, in the order in which they were
// written. Records that are put meanwhile may or may not be among them. It stops
// at an error.
func (j *Journal) All() iter.Seq2[signer.Record, error] {
	return func(yield func(signer.Record, error) bool) {
		for number := uint64(1); ; number++ {
			rec, newest, err := j.at(number)
			switch {
			case err == io.EOF:
				return
			case err != nil:
				yield(signer.Record{}, err)
				return
			case newest && !yield(rec, nil):
				return
			}
		}
	}
}

// at returns a record, and whether it is the newest of its slot; io.EOF after
// the last.
func (j *Journal) at(number uint64) (signer.Record, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		return signer.Record{}, false, j.failed
	}
	if number > j.count {
		return signer.Record{}, false, io.EOF
	}
	rec, err := j.read(number)
	if err != nil {
		return signer.Record{}, false, err
	}
	key := appendSlot(make([]byte, 0, size), rec.Slot())
	return rec, uint64(j.slots[j.hash(key)]) == number, nil
}

// Len returns the number of slots that have a record.
func (j *Journal) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.slots)
}

// Close unlocks and closes the file; it has nothing left to write. Every call
// after it, a second Close too, is an [fs.ErrClosed].
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	closed := fmt.Errorf("filejournal: %w", fs.ErrClosed)
	if errors.Is(j.failed, fs.ErrClosed) {
		return closed
	}
	j.failed = closed
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("filejournal: %w", err)
	}
	return nil
}

func (j *Journal) index(record []byte, number uint64) {
	j.slots[j.hash(record[atSlot:endSlot])] = uint32(number)
	j.proofs[j.hash(record[atProof:endProof])] = uint32(number)
}

func (j *Journal) read(number uint64) (signer.Record, error) {
	var b [size]byte
	if _, err := j.file.ReadAt(b[:], offset(number)); err != nil {
		return signer.Record{}, j.fail(err)
	}
	if !check(b[:], number) {
		return signer.Record{}, j.fail(&CorruptError{Offset: offset(number), Reason: "a record that was there has changed"})
	}
	return parseRecord(b[:]), nil
}

// fail ends the use of the journal.
func (j *Journal) fail(err error) error {
	j.failed = fmt.Errorf("%w: %w", ErrFailed, err)
	return j.failed
}

// offset is where a record is; number 0 is the header.
func offset(number uint64) int64 { return int64(number) * size }
