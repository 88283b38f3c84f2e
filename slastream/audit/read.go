package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/slastream/slastream-go/attestation"
)

// Read yields the entries of a log, one after the other: a line is let go of when
// the next is asked for. Each one follows from the line before.
//
// The first line that does not is a *[Finding] with [ReasonLine] or
// [ReasonAttestation] and ends it; so does [ErrVersion], and an error of r. A log
// without a line, and a last line without its newline, are findings too. What the
// entries mean is not looked at: that is [Verify].
func Read(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var head Head
		for line, err := range lines(r) {
			if err != nil {
				yield(Entry{Line: head.Lines + 1}, at(head.Lines+1, err))
				return
			}
			e, next, err := follow(head, line)
			if err != nil {
				yield(Entry{Line: head.Lines + 1}, at(head.Lines+1, err))
				return
			}
			if head = next; !yield(e, nil) {
				return
			}
		}
		if head.Lines == 0 {
			yield(Entry{Line: 1}, at(1, errors.New("the log is empty: want a header")))
		}
	}
}

// Errors of the lines as such.
var (
	errTorn = errors.New("the line has no end")
	errLong = fmt.Errorf("the line has more than %d bytes", maxLine)
)

// A readError is an error of the reader, not of what it reads.
type readError struct{ error }

// at returns what is wrong with a line as a finding, or the error as it is if it
// is about something else.
func at(line uint64, err error) error {
	if read, ok := err.(readError); ok {
		return fmt.Errorf("audit: line %d: %w", line, read.error)
	}
	if errors.Is(err, ErrVersion) {
		return err
	}
	reason := ReasonLine
	if errors.Is(err, errSays) {
		reason = ReasonAttestation
	}
	return &Finding{Line: line, Reason: reason, Text: err.Error()}
}

// lines yields lines without their newline. Each is valid until the next one.
func lines(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in := bufio.NewReaderSize(r, 1<<16)
		var long []byte
		for {
			line, err := in.ReadSlice('\n')
			if err == bufio.ErrBufferFull || len(long) > 0 {
				long = append(long, line...)
				if line = long; len(long) > maxLine {
					yield(nil, errLong)
					return
				}
			}
			switch {
			case err == bufio.ErrBufferFull:
			case err == io.EOF && len(line) == 0:
				return
			case err == io.EOF:
				yield(nil, errTorn)
				return
			case err != nil:
				yield(nil, readError{err})
				return
			case !yield(line[:len(line)-1], nil):
				return
			default:
				long = long[:0]
			}
		}
	}
}

// follow reads the line that follows head.
func follow(head Head, line []byte) (Entry, Head, error) {
	s, err := split(line)
	if err != nil {
		return Entry{}, head, err
	}
	if err := s.check(); err != nil {
		return Entry{}, head, err
	}
	l, err := decodeEntry(s.entry)
	if err != nil {
		return Entry{}, head, err
	}
	if err := l.follows(head); err != nil {
		return Entry{}, head, err
	}
	l.Line = head.Lines + 1
	return l.Entry, Head{Lines: head.Lines + 1, Sum: s.sum}, nil
}

// A sealed is a line with its sum.
type sealed struct {
	says, sum attestation.Word // what the line says, and what is right
	entry     []byte
}

const (
	beforeSum   = `{"sum":`
	beforeEntry = `,"entry":`
)

func split(line []byte) (s sealed, err error) {
	d := decoder{rest: line}
	d.literal(beforeSum)
	s.says = d.word()
	d.literal(beforeEntry)
	entry, ok := bytes.CutSuffix(d.rest, []byte{'}'})
	if !ok {
		d.want("an entry and a brace")
	}
	if d.err != nil {
		return s, d.err
	}
	s.entry = entry
	s.sum = sha256.Sum256(s.entry)
	return s, nil
}

func (s sealed) check() error {
	if s.says != s.sum {
		return fmt.Errorf("the entry was changed: its SHA-256 is %v and its sum %v", s.sum, s.says)
	}
	return nil
}

// follows says whether an entry follows from the line before.
func (l *linked) follows(head Head) error {
	switch {
	case l.number != head.Lines+1:
		return fmt.Errorf("number %d follows %d: a line was added, moved or taken out", l.number, head.Lines)
	case l.prev != head.Sum:
		return fmt.Errorf("prev is %v and the sum of the line before %v: a line was changed, added, moved or taken out", l.prev, head.Sum)
	case (l.Header != nil) != (head.Lines == 0):
		return errors.New("want the header as the first line, and there alone")
	}
	return nil
}
