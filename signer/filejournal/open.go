package filejournal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"

	"github.com/slastream/slastream-go/internal/durable"
)

// Create makes an empty journal that must not exist yet, else it is an
// [fs.ErrExist], and opens it. The file and its place in the directory are on
// the disk when Create returns.
func Create(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("filejournal: %w", err)
	}
	j, err := create(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		f.Close()
		return nil, fmt.Errorf("filejournal: %w", err)
	}
	return j, nil
}

func create(f *os.File) (*Journal, error) {
	if err := lock(f); err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(header(), 0); err != nil {
		return nil, fmt.Errorf("filejournal: %w", err)
	}
	if err := f.Sync(); err != nil {
		return nil, fmt.Errorf("filejournal: %w", err)
	}
	return load(f, size)
}

// lock takes the journal, or says that somebody has it.
func lock(f *os.File) error {
	locked, err := durable.TryLock(f)
	switch {
	case err != nil:
		return fmt.Errorf("filejournal: %w", err)
	case !locked:
		return fmt.Errorf("%w: %s", ErrLocked, f.Name())
	}
	return nil
}

// Open opens a journal that exists, else it is an [fs.ErrNotExist], and reads
// all of it. It fails with [ErrLocked], [ErrVersion] or a [*CorruptError]. It
// cuts off what a crash in the middle of Put has left.
func Open(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("filejournal: %w", err)
	}
	j, err := open(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

func open(f *os.File) (*Journal, error) {
	if err := lock(f); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("filejournal: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("filejournal: not a regular file")
	}
	return load(f, info.Size())
}

// load reads a file of so many bytes.
func load(f file, length int64) (*Journal, error) {
	if err := checkHeader(f, length); err != nil {
		return nil, err
	}
	guess := int(length/size) / 2
	j := &Journal{
		file:  f,
		slots: make(map[hash]uint32, guess), proofs: make(map[hash]uint32, guess),
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
	}
	if length/size > 1<<32 {
		return nil, &CorruptError{Offset: length, Reason: "more than 2^32 records"}
	}
	if err := j.scan(length); err != nil {
		return nil, err
	}
	if end := offset(j.count + 1); end != length {
		if err := f.Truncate(end); err != nil {
			return nil, fmt.Errorf("filejournal: %w", err)
		}
		if err := f.Sync(); err != nil {
			return nil, fmt.Errorf("filejournal: %w", err)
		}
	}
	return j, nil
}

func checkHeader(f file, length int64) error {
	if length < size {
		return &CorruptError{Reason: fmt.Sprintf("%d bytes, shorter than the header", length)}
	}
	var b [size]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return fmt.Errorf("filejournal: %w", err)
	}
	if string(b[:len(magic)]) != magic {
		return &CorruptError{Reason: "not a journal"}
	}
	if v := binary.BigEndian.Uint32(b[len(magic):]); v > version {
		return fmt.Errorf("%w: format %d, this one reads up to %d", ErrVersion, v, version)
	}
	if crc32.Checksum(b[:size-4], castagnoli) != binary.BigEndian.Uint32(b[size-4:]) || !bytes.Equal(b[:], header()) {
		return &CorruptError{Reason: "the header does not fit its checksum"}
	}
	return nil
}

// scan indexes the records. A record that does not fit is a crash's if nothing
// but zeroes follows: the disk had room for it and not its bytes.
func (j *Journal) scan(length int64) error {
	in := io.NewSectionReader(j.file, size, length-size)
	buf := make([]byte, min(1<<20, (length/size+1)*size))
	for {
		n, err := io.ReadFull(in, buf)
		if err == io.EOF {
			return nil
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return fmt.Errorf("filejournal: %w", err)
		}
		for b := buf[:n-n%size]; len(b) > 0; b = b[size:] {
			if check(b, j.count+1) {
				j.index(b, j.count+1)
				j.count++
				continue
			}
			bad := offset(j.count + 1)
			empty, err := zeroes(io.NewSectionReader(j.file, bad, length-bad))
			if err != nil {
				return fmt.Errorf("filejournal: %w", err)
			}
			if !empty {
				return &CorruptError{Offset: bad, Reason: fmt.Sprintf("record %d does not fit its checksum", j.count+1)}
			}
			return nil
		}
	}
}

// zeroes reports whether nothing but zero bytes is left.
func zeroes(r io.Reader) (bool, error) {
	buf := make([]byte, 1<<16)
	for {
		n, err := r.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return false, nil
			}
		}
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
}
