package boltstore_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream/relay/boltstore"
)

const pageSize = 4096 // of the file that filled returns

// filled returns a file with some of everything, and what is in it.
func filled(t testing.TB) ([]byte, contents) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "relay.db")
	s, err := boltstore.Open(path, boltstore.WithoutSync())
	require.NoError(t, err)
	fill(t, s)
	want := mustRead(t, s)
	require.NoError(t, s.Close())
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	if os.Getpagesize() != pageSize {
		t.Skipf("needs pages of %d bytes, not %d", pageSize, os.Getpagesize())
	}
	return file, want
}

// refused opens a file that must be refused as damaged, and be left as it is.
func refused(t *testing.T, path string, file []byte, what string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, file, 0o600))
	s, err := boltstore.Open(path)
	if err == nil {
		s.Close()
	}
	require.ErrorIs(t, err, boltstore.ErrCorrupt, what)
	require.ErrorContains(t, err, path, what)
	require.ErrorContains(t, err, "copy the file back from a backup", what)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(file, after), "%s: the file was changed", what)
}

// pagesInUse is the high-water mark of the newest meta.
func pagesInUse(file []byte) int {
	first, second := file[16:], file[pageSize+16:]
	if binary.NativeEndian.Uint64(second[48:]) > binary.NativeEndian.Uint64(first[48:]) {
		first = second
	}
	return int(binary.NativeEndian.Uint64(first[40:]))
}

func TestOpenTruncated(t *testing.T) {
	file, want := filled(t)
	path := filepath.Join(t.TempDir(), "relay.db")
	used := pagesInUse(file)
	require.Greater(t, used, 40)
	for page := range used {
		for _, size := range []int{page * pageSize, page*pageSize + 1, page*pageSize + pageSize/2, page*pageSize + pageSize - 1} {
			if size > 0 { // an empty file is a new one
				refused(t, path, file[:size], "cut off")
			}
		}
	}
	// Behind the pages that are in use there is nothing to lose.
	require.NoError(t, os.WriteFile(path, file[:used*pageSize], 0o600))
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	require.Equal(t, want, mustRead(t, s))
	require.NoError(t, s.Close())
}

func TestOpenGarbage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "relay.db")
	random := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{1, 15, 16, 79, 80, 511, 4095, 4096, 4097, 8192, 65536, 1 << 20} {
		file := make([]byte, size)
		refused(t, path, file, "zeros")
		random.Read(file) // never fails
		refused(t, path, file, "random bytes")
	}
	refused(t, path, []byte(strings.Repeat(`{"deal":1}`, 2000)), "text")
}

func TestOpenFlippedMeta(t *testing.T) {
	file, _ := filled(t)
	path := filepath.Join(t.TempDir(), "relay.db")
	for _, page := range []int{0, pageSize} {
		for i := range 16 + 64 {
			if i >= 8 && i < 16 { // flags, count and overflow say nothing here
				continue
			}
			damaged := bytes.Clone(file)
			damaged[page+i] ^= 1 << (i % 8)
			refused(t, path, damaged, "a flipped bit of a meta page")
		}
	}
}

// Wherever a bit flips, the file is refused, or the bit was in no use.
func TestOpenFlippedAnywhere(t *testing.T) {
	file, want := filled(t)
	path := filepath.Join(t.TempDir(), "relay.db")
	random := rand.New(rand.NewPCG(1, 2))
	refusals, rounds := 0, 600
	for range rounds {
		at, bit := random.IntN(pagesInUse(file)*pageSize), random.IntN(8)
		damaged := bytes.Clone(file)
		damaged[at] ^= 1 << bit
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		s, err := boltstore.Open(path, boltstore.WithoutSync())
		if err != nil {
			require.ErrorIs(t, err, boltstore.ErrCorrupt, "bit %d of byte %d", bit, at)
			refusals++
			continue
		}
		require.Equal(t, want, mustRead(t, s), "bit %d of byte %d", bit, at)
		require.NoError(t, s.Close())
	}
	require.Greater(t, refusals, rounds/10)
}

// A page in the place of another, and each branch that points to another page.
func TestOpenMisplacedPages(t *testing.T) {
	file, _ := filled(t)
	path := filepath.Join(t.TempDir(), "relay.db")
	used := pagesInUse(file)
	live := func(page int) bool { // a branch or a leaf that still says who it is, free ones too
		head := file[page*pageSize:]
		return binary.NativeEndian.Uint64(head) == uint64(page) && binary.NativeEndian.Uint16(head[8:])&3 != 0
	}
	branches := 0
	for page := 2; page < used; page++ {
		if !live(page) || binary.NativeEndian.Uint16(file[page*pageSize+8:]) != 1 {
			continue
		}
		count := int(binary.NativeEndian.Uint16(file[page*pageSize+10:]))
		for e := range count {
			child := file[page*pageSize+16+16*e+8:]
			for _, other := range []uint64{0, 1, uint64(page), uint64(used), 1 << 40, 1<<64 - 1, (binary.NativeEndian.Uint64(child) + 1) % uint64(used)} {
				damaged := bytes.Clone(file)
				binary.NativeEndian.PutUint64(damaged[page*pageSize+16+16*e+8:], other)
				if isFree(t, file, page) {
					continue
				}
				branches++
				refused(t, path, damaged, "a branch to another page")
			}
		}
	}
	require.Positive(t, branches)
}

// Rows that are whole, but where nobody would find them.
func TestOpenUnordered(t *testing.T) {
	file, _ := filled(t)
	path := filepath.Join(t.TempDir(), "relay.db")
	leaves, branches := 0, 0
	for page := 2; page < pagesInUse(file); page++ {
		at := page * pageSize
		if binary.NativeEndian.Uint64(file[at:]) != uint64(page) || binary.NativeEndian.Uint16(file[at+10:]) < 2 || isFree(t, file, page) {
			continue
		}
		damaged := bytes.Clone(file)
		first, second := damaged[at+16:at+32], damaged[at+32:at+48]
		switch binary.NativeEndian.Uint16(file[at+8:]) {
		case 2: // the elements of a leaf change places; they point to what is behind them
			leaves++
			a, b := bytes.Clone(first), bytes.Clone(second)
			binary.NativeEndian.PutUint32(a[4:], binary.NativeEndian.Uint32(a[4:])-16)
			binary.NativeEndian.PutUint32(b[4:], binary.NativeEndian.Uint32(b[4:])+16)
			copy(first, b)
			copy(second, a)
		case 1: // the pages below a branch change places
			branches++
			a := bytes.Clone(first[8:])
			copy(first[8:], second[8:])
			copy(second[8:], a)
		default:
			continue
		}
		refused(t, path, damaged, "two elements in the other order")
	}
	require.Positive(t, leaves)
	require.Positive(t, branches)
}

// The list of free pages: to write on a page that it names is to lose what is
// there.
func TestOpenFreelist(t *testing.T) {
	file, _ := filled(t)
	path := filepath.Join(t.TempDir(), "relay.db")
	meta := file[16:]
	if binary.NativeEndian.Uint64(file[pageSize+16+48:]) > binary.NativeEndian.Uint64(meta[48:]) {
		meta = file[pageSize+16:]
	}
	root, at := binary.NativeEndian.Uint64(meta[16:]), pageSize*int(binary.NativeEndian.Uint64(meta[32:]))
	count := binary.NativeEndian.Uint16(file[at+10:])
	require.Greater(t, count, uint16(2))
	for name, damage := range map[string]func(list []byte){
		"one is missing":        func(list []byte) { binary.NativeEndian.PutUint16(list[10:], count-1) },
		"one is there twice":    func(list []byte) { copy(list[16:24], list[24:32]) },
		"one is in use":         func(list []byte) { binary.NativeEndian.PutUint64(list[16:], root) },
		"one is a meta page":    func(list []byte) { binary.NativeEndian.PutUint64(list[16:], 1) },
		"one does not exist":    func(list []byte) { binary.NativeEndian.PutUint64(list[16:], 1<<60) },
		"it is long":            func(list []byte) { binary.NativeEndian.PutUint16(list[10:], 0xfffe) },
		"it claims to be long":  func(list []byte) { binary.NativeEndian.PutUint16(list[10:], 0xffff) },
		"it is another kind":    func(list []byte) { binary.NativeEndian.PutUint16(list[8:], 2) },
		"it runs over the file": func(list []byte) { binary.NativeEndian.PutUint32(list[12:], 1<<31) },
	} {
		damaged := bytes.Clone(file)
		damage(damaged[at:])
		refused(t, path, damaged, name)
	}
}

// isFree reports whether a page is free: then a store without it is the same.
func isFree(t *testing.T, file []byte, page int) bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "relay.db")
	damaged := bytes.Clone(file)
	binary.NativeEndian.PutUint64(damaged[page*pageSize:], 1<<50)
	require.NoError(t, os.WriteFile(path, damaged, 0o600))
	s, err := boltstore.Open(path, boltstore.WithoutSync())
	if err != nil {
		return false
	}
	require.NoError(t, s.Close())
	return true
}

// The file is damaged while it is open: errors, no panic, and it can be closed.
func TestDamagedWhileOpen(t *testing.T) {
	for name, damage := range map[string]func(f *os.File, size int64) error{
		"overwritten": func(f *os.File, size int64) error {
			_, err := f.WriteAt(bytes.Repeat([]byte{0xa5}, int(size)-2*pageSize), 2*pageSize)
			return err
		},
		"zeros": func(f *os.File, size int64) error {
			_, err := f.WriteAt(make([]byte, int(size)), 0)
			return err
		},
		"cut off": func(f *os.File, _ int64) error { return f.Truncate(2 * pageSize) },
		"empty":   func(f *os.File, _ int64) error { return f.Truncate(0) },
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS != "linux" {
				t.Skip("needs a file that others can change while it is open: Linux")
			}
			path := filepath.Join(t.TempDir(), "relay.db")
			s, err := boltstore.Open(path)
			require.NoError(t, err)
			fill(t, s)
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			info, err := f.Stat()
			require.NoError(t, err)
			require.NoError(t, damage(f, info.Size()))
			require.NoError(t, f.Close())
			for range 2 {
				_, err = read(t, s)
				require.ErrorIs(t, err, boltstore.ErrCorrupt)
				require.ErrorIs(t, s.Bind(t.Context(), benchTrack(999)), boltstore.ErrCorrupt)
			}
			if err := s.Close(); err != nil { // bbolt has stopped with its locks held
				require.ErrorContains(t, err, path+" is given free when the process ends")
				return
			}
			_, err = boltstore.Open(path)
			require.ErrorIs(t, err, boltstore.ErrCorrupt)
		})
	}
}
