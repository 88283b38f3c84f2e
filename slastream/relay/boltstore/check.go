package boltstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"os"
)

// What bbolt writes, in the byte order of the machine: pages with a header of
// 16 bytes, elements of 16 bytes behind it, then keys and values. The first two
// pages are the metas, of which that with the higher transaction id counts.
const (
	headerSize  = 16
	elementSize = 16
	metaSize    = 64

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10
	flagBucket   = 0x01 // of an element: a table

	boltMagic    = 0xed0cdaed
	boltVersion  = 2
	noFreelist   = math.MaxUint64
	longFreelist = 0xffff // a count that does not fit is the first element

	maxDepth = 100 // far more than the tree of any file that fits on a disk
)

var native = binary.NativeEndian

// A checker reads all pages of a file: each must be in the tree once or free,
// and all rows as they were written. bbolt itself believes what it reads; on a
// damaged page it panics, runs for ever, or writes over what is still needed.
type checker struct {
	file     io.ReaderAt
	pageSize uint64
	pages    uint64 // how many there are
	seen     []uint64
	left     uint64 // how many are not seen yet
}

// check returns what is wrong with a file that is locked.
func check(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, headerSize+metaSize)
	if _, err := f.ReadAt(head, 0); err != nil {
		return fmt.Errorf("%w: %d bytes are no store", errRow, info.Size())
	}
	pageSize := uint64(native.Uint32(head[headerSize+8:]))
	first, err := parseMeta(head, 0)
	if err != nil {
		return err
	}
	if _, err := f.ReadAt(head, int64(pageSize)); err != nil {
		return fmt.Errorf("%w: cut off at %d bytes", errRow, info.Size())
	}
	second, err := parseMeta(head, 1)
	if err != nil {
		return err
	}
	newest := first
	if second.txid > first.txid {
		newest = second
	}
	c := &checker{file: f, pageSize: pageSize, pages: newest.pages}
	if size := uint64(info.Size()); c.pages < 4 || c.pages > size/pageSize {
		return fmt.Errorf("%w: cut off at %d bytes, before page %d", errRow, size, c.pages)
	}
	c.seen, c.left = make([]uint64, c.pages/64+1), c.pages
	if err := c.mark(0, 2); err != nil {
		return err
	}
	if err := c.freelist(newest.freelist); err != nil {
		return err
	}
	if err := c.tree("", newest.root, nil, nil, 0); err != nil {
		return err
	}
	if c.left > 0 {
		return fmt.Errorf("%w: %d pages are lost", errRow, c.left)
	}
	return nil
}

type meta struct{ root, freelist, pages, txid uint64 }

// parseMeta decodes a meta page. A crash leaves no bad one: it is less than a
// sector of the disk.
func parseMeta(b []byte, id uint64) (m meta, err error) {
	page, b := b[:headerSize], b[headerSize:]
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8]) // never fails
	pageSize := native.Uint32(b[8:])
	switch {
	case native.Uint32(b) != boltMagic, native.Uint32(b[4:]) != boltVersion:
		return m, fmt.Errorf("%w: page %d is not that of a store", errRow, id)
	case native.Uint64(b[metaSize-8:]) != sum.Sum64():
		return m, fmt.Errorf("%w: wrong checksum of page %d: what was stored last may be missing", errRow, id)
	case native.Uint64(page) != id, pageSize < 512, pageSize > 1<<24, pageSize&(pageSize-1) != 0:
		return m, fmt.Errorf("%w: page %d", errRow, id)
	}
	return meta{root: native.Uint64(b[16:]), freelist: native.Uint64(b[32:]), pages: native.Uint64(b[40:]), txid: native.Uint64(b[48:])}, nil
}

// mark notes that n pages from id on are in use or free.
func (c *checker) mark(id, n uint64) error {
	if id >= c.pages || n > c.pages-id {
		return fmt.Errorf("%w: page %d of %d", errRow, id, c.pages)
	}
	for ; n > 0; id, n = id+1, n-1 {
		if c.seen[id/64]&(1<<(id%64)) != 0 {
			return fmt.Errorf("%w: page %d is used twice", errRow, id)
		}
		c.seen[id/64] |= 1 << (id % 64)
		c.left--
	}
	return nil
}

// read returns a page with those that overflow from it.
func (c *checker) read(id uint64) ([]byte, error) {
	if id >= c.pages {
		return nil, fmt.Errorf("%w: page %d of %d", errRow, id, c.pages)
	}
	header := make([]byte, headerSize)
	if _, err := c.file.ReadAt(header, int64(id*c.pageSize)); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	n := uint64(native.Uint32(header[12:])) + 1
	if native.Uint64(header) != id {
		return nil, fmt.Errorf("%w: page %d says that it is %d", errRow, id, native.Uint64(header))
	}
	if err := c.mark(id, n); err != nil {
		return nil, err
	}
	page := make([]byte, n*c.pageSize)
	if _, err := c.file.ReadAt(page, int64(id*c.pageSize)); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	return page, nil
}

// freelist marks the pages that are free.
func (c *checker) freelist(id uint64) error {
	if id == noFreelist {
		return fmt.Errorf("%w: no list of free pages", errRow)
	}
	page, err := c.read(id)
	if err != nil {
		return err
	}
	count, ids := uint64(native.Uint16(page[10:])), page[headerSize:]
	if count == longFreelist {
		count, ids = native.Uint64(ids), ids[8:]
	}
	if native.Uint16(page[8:]) != flagFreelist || count > uint64(len(ids)/8) {
		return fmt.Errorf("%w: page %d is no list of free pages", errRow, id)
	}
	for i := range count {
		if err := c.mark(native.Uint64(ids[i*8:]), 1); err != nil {
			return err
		}
	}
	return nil
}

// tree checks a page and those below it, whose keys are from low on and below
// high, if there are bounds. The rows are of the table n, or the tables if it is
// empty. Depth is how many pages are above.
func (c *checker) tree(n table, id uint64, low, high []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: page %d is below too many others", errRow, id)
	}
	page, err := c.read(id)
	if err != nil {
		return err
	}
	if err := c.page(n, page, low, high, depth); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

func (c *checker) page(n table, page, low, high []byte, depth int) error {
	flags, count := native.Uint16(page[8:]), int(native.Uint16(page[10:]))
	if flags != flagBranch && flags != flagLeaf || flags == flagBranch && count == 0 || headerSize+count*elementSize > len(page) {
		return fmt.Errorf("%w: flags %x with %d elements", errRow, flags, count)
	}
	var last []byte
	for i := range count {
		e, err := parseElement(page, i, flags)
		switch {
		case err != nil:
			return err
		case len(e.key) == 0, bytes.Compare(e.key, low) < 0, high != nil && bytes.Compare(e.key, high) >= 0,
			i > 0 && bytes.Compare(e.key, last) <= 0:
			return fmt.Errorf("%w: key %x is out of order", errRow, e.key[:min(len(e.key), 64)])
		}
		last = e.key
		switch {
		case flags == flagBranch:
			next := high
			if i+1 < count {
				follower, err := parseElement(page, i+1, flags)
				if err != nil {
					return err
				}
				next = follower.key
			}
			err = c.tree(n, e.child, e.key, next, depth+1)
		case n == "" && e.flags == flagBucket:
			err = c.bucket(table(e.key), e.value, depth)
		case n != "" && e.flags == 0:
			_, err = checked(n, e.key, e.value)
		default:
			err = fmt.Errorf("%w: flags %x of %x", errRow, e.flags, e.key[:min(len(e.key), 64)])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket checks a table: a page of its own with those below it, or one that is
// so small that it is here.
func (c *checker) bucket(n table, value []byte, depth int) error {
	if len(value) < 16 {
		return fmt.Errorf("%w: table of %s", errRow, n)
	}
	root, inline := native.Uint64(value), value[16:]
	switch {
	case n == "":
		return fmt.Errorf("%w: a table without a name", errRow)
	case root != 0:
		return c.tree(n, root, nil, nil, depth+1)
	case len(inline) < headerSize, native.Uint16(inline[8:]) != flagLeaf:
		return fmt.Errorf("%w: table of %s", errRow, n)
	}
	return c.page(n, inline, nil, nil, depth)
}

type element struct {
	flags      uint32
	key, value []byte
	child      uint64
}

// parseElement decodes an element of a page: a leaf's has flags, position, and the
// sizes of key and value; a branch's position, size of the key, and page.
func parseElement(page []byte, i int, flags uint16) (e element, err error) {
	start := headerSize + i*elementSize
	b := page[start : start+elementSize]
	var at, key, value uint64
	if flags == flagLeaf {
		e.flags = native.Uint32(b)
		at, key, value = uint64(native.Uint32(b[4:])), uint64(native.Uint32(b[8:])), uint64(native.Uint32(b[12:]))
	} else {
		at, key, e.child = uint64(native.Uint32(b)), uint64(native.Uint32(b[4:])), native.Uint64(b[8:])
	}
	at += uint64(start)
	if at+key+value > uint64(len(page)) {
		return e, fmt.Errorf("%w: element %d", errRow, i)
	}
	e.key, e.value = page[at:at+key], page[at+key:at+key+value]
	return e, nil
}
