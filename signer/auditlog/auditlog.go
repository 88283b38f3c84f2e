// Package auditlog writes down every decision of a signer, each line chained to
// the one before by its hash, so that no line can be changed or taken out
// unnoticed.
//
//	log, err := auditlog.Open("attester.audit")
//	defer log.Close()
//	s = auditlog.Wrap(signer.Guard(s, journal, policies...), log)
//
// [Verify] checks a file and returns its [Head]. A chain cannot show that its end
// was cut off, nor that all of it was made anew: keep heads elsewhere, such as in
// another system's log, and compare.
//
// Each line is a JSON object of "sum" and "entry"; sum is the SHA-256 of the sum
// of the line before (32 zero bytes for the first) and the bytes of entry as
// they stand. An [Entry] holds what was asked and what came of it. Whether a
// chunk may be signed is for the guard's journal to know; this file is for
// people, and is not synced after each line.
package auditlog

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// maxLine bounds a line: a batch of some thousand items.
const maxLine = 1 << 22

// ErrBroken says that the chain does not hold: a line was changed, added or
// taken out.
var ErrBroken = errors.New("auditlog: broken chain")

// An Entry is one decision. A refusal has an Error and no signature.
type Entry struct {
	Number    uint64                 `json:"number"` // from 1, without gaps
	Time      time.Time              `json:"time"`
	Requests  []signer.Request       `json:"requests"` // one, or the items of a batch
	Batch     bool                   `json:"batch"`
	Digest    attestation.Word       `json:"digest"` // what the signature is over; zero if refused
	Signature *attestation.Signature `json:"signature,omitempty"`
	Error     string                 `json:"error,omitempty"`
}

// A Head is the state of a chain: how many entries, and the sum of the last. The
// zero value is the empty chain.
type Head struct {
	Entries uint64           `json:"entries"`
	Sum     attestation.Word `json:"sum"`
}

type line struct {
	Sum   attestation.Word `json:"sum"`
	Entry json.RawMessage  `json:"entry"`
}

func sum(prev attestation.Word, entry []byte) attestation.Word {
	return sha256.Sum256(append(prev[:], entry...))
}

// Verify reads a file to its end and returns its head, or the head before the
// first line that does not fit and an [ErrBroken]. A last line without its
// newline is one: a crash can leave it, and [Open] cuts it off.
func Verify(r io.Reader) (Head, error) {
	head, _, err := verify(r)
	return head, err
}

// verify also returns how many bytes the good lines have.
func verify(r io.Reader) (head Head, length int64, err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		b, err := readLine(in)
		if err == io.EOF && len(b) == 0 {
			return head, length, nil
		}
		if err == io.EOF {
			return head, length, fmt.Errorf("%w: entry %d has no end", ErrBroken, head.Entries+1)
		}
		if err != nil {
			return head, length, fmt.Errorf("auditlog: %w", err)
		}
		var l line
		var entry struct{ Number uint64 }
		if json.Unmarshal(b, &l) != nil || json.Unmarshal(l.Entry, &entry) != nil ||
			l.Sum != sum(head.Sum, l.Entry) || entry.Number != head.Entries+1 {
			return head, length, fmt.Errorf("%w: line %d does not follow from the one before", ErrBroken, head.Entries+1)
		}
		head = Head{Entries: entry.Number, Sum: l.Sum}
		length += int64(len(b))
	}
}

func readLine(in *bufio.Reader) ([]byte, error) {
	var all []byte
	for {
		part, err := in.ReadSlice('\n')
		all = append(all, part...)
		if err != bufio.ErrBufferFull {
			return all, err
		}
		if len(all) > maxLine {
			return all, fmt.Errorf("line of more than %d bytes", maxLine)
		}
	}
}

// A Log appends entries to a file. It is safe for concurrent use, by one process
// at a time.
type Log struct {
	mu     sync.Mutex
	file   *os.File
	head   Head
	failed error // set once, for good
}

// Open opens a log, or makes an empty one, and verifies all of it. A last line
// that a crash cut short is removed; anything else that does not fit is an
// [ErrBroken].
func Open(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("auditlog: %w", err)
	}
	head, err := resume(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Log{file: f, head: head}, nil
}

func resume(f *os.File) (Head, error) {
	head, length, err := verify(f)
	if errors.Is(err, ErrBroken) {
		rest, readErr := io.ReadAll(io.LimitReader(io.NewSectionReader(f, length, maxLine), maxLine))
		if readErr != nil || bytes.IndexByte(rest, '\n') >= 0 || len(rest) == maxLine {
			return Head{}, err
		}
		err = f.Truncate(length)
	}
	if err != nil {
		return Head{}, err
	}
	if _, err := f.Seek(length, io.SeekStart); err != nil {
		return Head{}, fmt.Errorf("auditlog: %w", err)
	}
	return head, nil
}

// Head returns the state of the chain.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Append adds an entry; its number and time are set here. After an error nothing
// can be appended any more.
func (l *Log) Append(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	e.Number, e.Time = l.head.Entries+1, time.Now().UTC()
	entry, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("auditlog: %w", err)
	}
	next := Head{Entries: e.Number, Sum: sum(l.head.Sum, entry)}
	b, err := json.Marshal(line{Sum: next.Sum, Entry: entry})
	if err != nil {
		return fmt.Errorf("auditlog: %w", err)
	}
	if len(b) >= maxLine {
		return fmt.Errorf("auditlog: entry of %d bytes, want less than %d", len(b), maxLine)
	}
	if _, err := l.file.Write(append(b, '\n')); err != nil {
		l.failed = fmt.Errorf("auditlog: failed: %w", err)
		return l.failed
	}
	l.head = next
	return nil
}

// Close syncs and closes the file. Every call after it is an [fs.ErrClosed].
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	closed := fmt.Errorf("auditlog: %w", fs.ErrClosed)
	if errors.Is(l.failed, fs.ErrClosed) {
		return closed
	}
	l.failed = closed
	if err := errors.Join(l.file.Sync(), l.file.Close()); err != nil {
		return fmt.Errorf("auditlog: %w", err)
	}
	return nil
}
