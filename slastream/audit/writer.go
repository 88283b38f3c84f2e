package audit

import (
	"fmt"
	"io"
	"time"
)

// A Writer writes lines to any storage. It checks that each entry has a line, and
// nothing about what is in the log before: that it is not there already is for its
// caller to see, and that it lasts for the storage. A [Log] does both for a file.
//
// It is not safe for concurrent use.
type Writer struct {
	w      io.Writer
	head   Head
	failed error // set once, for good
}

// NewWriter returns a writer that goes on after head: the zero Head for a new
// log, whose first entry is then a header.
func NewWriter(w io.Writer, head Head) *Writer { return &Writer{w: w, head: head} }

// Head returns the state after the last entry.
func (w *Writer) Head() Head { return w.head }

// Append writes entries with one call of Write. An entry that has no line is
// refused before anything is written. After an error of Write it is not known what
// the storage has, and nothing can be appended any more.
func (w *Writer) Append(entries ...Entry) error {
	if w.failed != nil {
		return w.failed
	}
	if len(entries) == 0 {
		return nil
	}
	b, _, head, err := encode(w.head, entries)
	if err != nil {
		return err
	}
	if _, err := w.w.Write(b); err != nil {
		w.failed = fmt.Errorf("audit: nothing more can be appended: %w", err)
		return w.failed
	}
	w.head = head
	return nil
}

// encode returns the lines of entries that follow head, and where each begins.
func encode(head Head, entries []Entry) (b []byte, begins []int, next Head, err error) {
	for _, e := range entries {
		if e.Time == 0 {
			e.Time = uint64(max(time.Now().Unix(), 1))
		}
		begins = append(begins, len(b))
		if b, head, err = appendLine(b, head, &e); err != nil {
			return nil, nil, Head{}, err
		}
	}
	return b, begins, head, nil
}
