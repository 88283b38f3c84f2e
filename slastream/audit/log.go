package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/durable"
)

// ErrLocked says that another process, or this one, has the log open.
var ErrLocked = errors.New("audit: the log is open already")

// A file is what a Log needs of an *os.File.
type file interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Truncate(size int64) error
	Close() error
}

// A Log is a log in a file, open for appending. It is safe for concurrent use,
// and others may read the file meanwhile.
//
// It holds some 8 bytes of memory for each chunk and 150 for each deal, to know
// what is in the file.
type Log struct {
	mu     sync.Mutex
	file   file
	header Header
	head   Head
	end    int64 // of the file, in bytes
	index  index
	failed error // set once, for good
}

// Create makes a log that must not exist yet, else it is an fs.ErrExist. The
// header and the file's place in the directory are on the disk when it returns.
// If a crash interrupts it, [Open] says so: remove the file.
func Create(path string, h Header) (*Log, error) {
	b, _, head, err := encode(Head{}, []Entry{{Header: &h}})
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if err := create(f, b, filepath.Dir(path)); err != nil {
		f.Close()
		os.Remove(path) // nothing is in it yet
		return nil, err
	}
	return &Log{file: f, header: h, head: head, end: int64(len(b)), index: index{}}, nil
}

func create(f *os.File, header []byte, dir string) error {
	if err := lock(f); err != nil {
		return err
	}
	if _, err := f.WriteAt(header, 0); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if err := durable.SyncDir(dir); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// lock takes the log, or says that somebody has it.
func lock(f *os.File) error {
	locked, err := durable.TryLock(f)
	switch {
	case err != nil:
		return fmt.Errorf("audit: %w", err)
	case !locked:
		return fmt.Errorf("%w: %s", ErrLocked, f.Name())
	}
	return nil
}

// Open opens a log that exists, else it is an fs.ErrNotExist, and reads all of it
// as [Read] does. It fails with [ErrLocked], [ErrVersion], the *[Finding] of a
// line that does not follow, or if the header is not h: then the log is of another
// escrow or key.
//
// It cuts off what a crash in the middle of Append left: a last line without a
// newline that begins as the next line must, or nothing but zeroes. Append has not
// returned then. What is there with a newline was perhaps acknowledged, and is never
// cut off.
func Open(path string, h Header) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	l, err := open(f, h)
	if err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

func open(f *os.File, h Header) (*Log, error) {
	if err := lock(f); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("audit: not a regular file")
	}
	return load(f, info.Size(), h)
}

// load reads a file of so many bytes.
func load(f file, size int64, h Header) (*Log, error) {
	l := &Log{file: f, header: h, index: index{}}
	for line, err := range lines(io.NewSectionReader(f, 0, size)) {
		var e Entry
		next := l.head
		if err == nil {
			e, next, err = follow(l.head, line)
		}
		if err != nil {
			return l.resume(size, err)
		}
		if e.Header != nil && *e.Header != h {
			return nil, fmt.Errorf("audit: the log is of escrow %v on chain %v with the key %v and the rules %v, and not of this one", e.Header.Domain.Escrow, e.Header.Domain.ChainID, e.Header.Key, e.Header.Rules)
		}
		l.index.add(&e, l.end)
		l.head = next
		l.end += int64(len(line)) + 1
	}
	if l.head.Lines == 0 {
		return l.resume(size, errors.New("the log is empty"))
	}
	return l, nil
}

// resume decides about a file whose line after l.head is wrong.
func (l *Log) resume(size int64, cause error) (*Log, error) {
	unmade := l.head.Lines == 0 && (size == 0 || errors.Is(cause, errTorn))
	cause = at(l.head.Lines+1, cause)
	if _, wrong := errors.AsType[*Finding](cause); !wrong {
		return nil, cause
	}
	if unmade {
		return nil, fmt.Errorf("%w: making the log was interrupted: remove the file and make it again", cause)
	}
	torn, err := l.torn(size)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if !torn || l.head.Lines == 0 {
		return nil, fmt.Errorf("%w; the log is good up to byte %d: put back a copy of it, or keep this file and begin another", cause, l.end)
	}
	if err := l.file.Truncate(l.end); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return l, nil
}

// torn reports whether the file ends with the beginning of the line that follows
// l.head, and after it with zeroes where the disk had room and not the bytes yet.
func (l *Log) torn(size int64) (bool, error) {
	rest := make([]byte, min(size-l.end, maxLine))
	if _, err := l.file.ReadAt(rest, l.end); err != nil && err != io.EOF {
		return false, err
	}
	text := bytes.TrimRight(rest, "\x00")
	if size-l.end > maxLine {
		return false, nil
	}
	return beginsLine(text, l.head), nil
}

// beginsLine reports whether b is the beginning of a line that follows head, its
// newline left out. A whole line with more behind it is none: its newline was
// changed, and it may have been acknowledged.
func beginsLine(b []byte, head Head) bool {
	start := appendWord([]byte(beforeSum), attestation.Word{})
	digits := start[len(beforeSum)+3 : len(start)-1]
	for i := range digits {
		if at := len(beforeSum) + 3 + i; at < len(b) && nibbles[b[at]] < 16 {
			digits[i] = b[at]
		}
	}
	start = append(start, beforeEntry...)
	start = appendEntry(start, head, &Entry{})
	start = bytes.TrimSuffix(start, []byte("0}")) // the time, and the end
	n := min(len(b), len(start))
	if !bytes.Equal(b[:n], start[:n]) || bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' || r > '~' }) {
		return false
	}
	s, err := split(b[:bytes.LastIndexByte(b, '}')+1])
	return err != nil || s.check() != nil || b[len(b)-1] == '}'
}

// Head returns the state of the log. Kept elsewhere, it lets [Verify] notice that
// the end was cut off.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Close closes the file. Every call after it is an fs.ErrClosed.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	closed := fmt.Errorf("audit: %w", fs.ErrClosed)
	if errors.Is(l.failed, fs.ErrClosed) {
		return closed
	}
	l.failed = closed
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}
