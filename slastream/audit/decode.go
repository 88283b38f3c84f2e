package audit

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// ErrVersion says that a log has a format that this version of the package does
// not know. Use a newer one: nothing in the log is wrong.
var ErrVersion = errors.New("audit: unknown version of the format")

// errSays says that an entry contradicts itself.
var errSays = errors.New("the entry contradicts itself")

// A linked is what ties an entry to the line before.
type linked struct {
	number uint64
	prev   attestation.Word
	Entry
}

// decodeEntry reads what appendEntry writes, and nothing else: there is one
// encoding of an entry.
func decodeEntry(b []byte) (linked, error) {
	d := decoder{rest: b}
	var l linked
	d.literal(`{"n":`)
	l.number = d.uint()
	d.literal(`,"prev":`)
	l.prev = d.word()
	d.literal(`,"time":`)
	if l.Time = d.uint(); d.err == nil && l.Time == 0 {
		d.err = errors.New("time 0: want the time of the entry")
	}
	d.literal(`,"`)
	switch {
	case d.has(`header":`):
		l.Header = d.header()
	case d.has(`deal":`):
		l.Deal = d.deal()
	case d.has(`release":`):
		l.Release = d.release()
	case d.has(`slash":`):
		l.Slash = d.slash()
	default:
		d.want("one of header, deal, release and slash")
	}
	d.literal(`}`)
	if d.err == nil && len(d.rest) > 0 {
		d.want("the end of the entry")
	}
	if d.err == nil {
		d.err = l.check()
	}
	return l, d.err
}

// A decoder reads an entry from its beginning. After an error it stands still
// and answers zero values.
type decoder struct {
	rest []byte
	err  error
}

// want fails with what was expected here.
func (d *decoder) want(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%.40q: want %s", d.rest[:min(len(d.rest), 40)], what)
		d.rest = nil
	}
}

func (d *decoder) has(s string) bool {
	if d.err != nil || len(d.rest) < len(s) || string(d.rest[:len(s)]) != s {
		return false
	}
	d.rest = d.rest[len(s):]
	return true
}

func (d *decoder) literal(s string) {
	if !d.has(s) {
		d.want(s)
	}
}

// uint reads a decimal number without leading zeros.
func (d *decoder) uint() uint64 {
	var v uint64
	n := 0
	for ; n < len(d.rest) && d.rest[n] >= '0' && d.rest[n] <= '9'; n++ {
		high, low := bits.Mul64(v, 10)
		sum, carry := bits.Add64(low, uint64(d.rest[n]-'0'), 0)
		if high != 0 || carry != 0 {
			d.want("a number below 2^64")
			return 0
		}
		v = sum
	}
	if n == 0 || n > 1 && d.rest[0] == '0' {
		d.want("a decimal number")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// hex reads 0x and twice as many digits as into has bytes, in quotes.
func (d *decoder) hex(into []byte) {
	n := 2*len(into) + 4
	if d.err != nil || len(d.rest) < n || string(d.rest[:3]) != `"0x` || d.rest[n-1] != '"' {
		d.want(fmt.Sprintf("%d hexadecimal digits after 0x, in quotes", 2*len(into)))
		return
	}
	digits := d.rest[3 : n-1]
	for i := range into {
		high, low := nibbles[digits[2*i]], nibbles[digits[2*i+1]]
		if high|low > 15 {
			d.want(fmt.Sprintf("%d hexadecimal digits in lower case", 2*len(into)))
			return
		}
		into[i] = high<<4 | low
	}
	d.rest = d.rest[n:]
}

// nibbles are the values of the hexadecimal digits in lower case; other bytes
// have 255.
var nibbles = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i, c := range "0123456789abcdef" {
		t[c] = byte(i)
	}
	return t
}()

func (d *decoder) word() (w attestation.Word) {
	d.hex(w[:])
	return w
}

func (d *decoder) address() slastream.Address { return slastream.Address(d.word()) }

// text reads a string of at most 100 bytes without escapes.
func (d *decoder) text(what string) string {
	if d.err == nil && len(d.rest) > 0 && d.rest[0] == '"' {
		if end := bytes.IndexByte(d.rest[1:min(len(d.rest), 102)], '"'); end >= 0 {
			s := string(d.rest[1 : 1+end])
			d.rest = d.rest[end+2:]
			return s
		}
	}
	d.want(what + " in quotes")
	return ""
}

func (d *decoder) amount() slastream.Amount {
	at := d.rest
	s := d.text("an amount")
	a, err := slastream.ParseAmount(s, 0)
	if err != nil || a.String() != s {
		d.rest = at
		d.want("a decimal amount of base units below 2^256")
	}
	return a
}

func (d *decoder) ethereum() attestation.EthereumAddress {
	at := d.rest
	s := d.text("an address")
	a, err := attestation.ParseEthereumAddress(s)
	if err != nil || a.String() != s {
		d.rest = at
		d.want("0x and 40 hexadecimal digits with the checksum of EIP-55")
	}
	return a
}

func (d *decoder) signature() (s attestation.Signature) {
	d.literal(`{"r":`)
	s.R = d.word()
	d.literal(`,"s":`)
	s.S = d.word()
	d.literal(`,"v":`)
	at := d.rest
	v := d.uint()
	if v > math.MaxUint32 {
		d.rest = at
		d.want("a number below 2^32")
	}
	s.V = uint32(v)
	d.literal(`}`)
	if d.err == nil && s == (attestation.Signature{}) {
		d.err = errors.New("a signature of zeros: want it left out")
	}
	return s
}

func (d *decoder) header() *Header {
	h := new(Header)
	d.literal(`{"format":"` + formatName + `","version":`)
	if v := d.uint(); d.err == nil && v != formatVersion {
		d.err = fmt.Errorf("%w: %d, and this one reads %d", ErrVersion, v, formatVersion)
	}
	d.literal(`,"chainId":`)
	h.Domain.ChainID = d.word()
	d.literal(`,"escrow":`)
	h.Domain.Escrow = d.word()
	d.literal(`,"key":{"x":`)
	h.Key.X = d.word()
	d.literal(`,"y":`)
	h.Key.Y = d.word()
	d.literal(`},"rules":`)
	switch {
	case d.has(`"lows"`):
		h.Rules = attestation.RulesLowS
	case d.has(`"legacy"`):
		h.Rules = attestation.RulesLegacy
	default:
		d.want("lows or legacy")
	}
	d.literal(`,"class":`)
	switch {
	case d.has(`"compatible"`):
		h.Class = slastream.ClassCompatible
	case d.has(`"extended"`):
		h.Class = slastream.ClassExtended
	default:
		d.want("compatible or extended")
	}
	d.literal(`}`)
	return h
}

func (d *decoder) deal() *slastream.Deal {
	deal := &slastream.Deal{Active: true}
	d.literal(`{"id":`)
	deal.ID = d.word()
	d.literal(`,"client":`)
	deal.Client = d.address()
	d.literal(`,"provider":`)
	deal.Provider = d.address()
	d.literal(`,"chunks":`)
	deal.Chunks = d.uint()
	d.literal(`,"chunkAmount":`)
	deal.ChunkAmount = d.amount()
	d.literal(`,"collateral":`)
	deal.Collateral = d.amount()
	d.literal(`,"deadline":`)
	deal.Deadline = d.uint()
	d.literal(`}`)
	deal.Total, _ = deal.ChunkAmount.Mul(deal.Chunks) // checkDeal says if it does not fit
	return deal
}

func (d *decoder) release() *Release {
	r := new(Release)
	r.TxHash, r.Block, r.Sender = d.tx()
	if d.has(`,"replaces":`) {
		if r.Replaces = d.word(); d.err == nil && r.Replaces.IsZero() {
			d.err = errors.New("release: replaces 0: want it left out")
		}
	}
	var batch attestation.Signature
	if r.Batched = d.has(`,"signature":`); r.Batched {
		batch = d.signature()
	}
	d.literal(`,"chunks":[`)
	for d.err == nil {
		c := d.chunk(r.Batched)
		if r.Batched {
			c.Signed.Signature = batch
		}
		if len(r.Chunks) == maxChunks {
			d.want(fmt.Sprintf("at most %d chunks", maxChunks))
		}
		r.Chunks = append(r.Chunks, c)
		if !d.has(`,`) {
			break
		}
	}
	d.literal(`]}`)
	return r
}

func (d *decoder) chunk(batched bool) (c Chunk) {
	d.literal(`{"deal":`)
	deal := d.word()
	d.literal(`,"chunk":`)
	index := d.uint()
	d.literal(`,"proof":{"chainId":`)
	p := &c.Proof
	p.ChainID = d.uint()
	d.literal(`,"verifier":`)
	p.Verifier = d.ethereum()
	d.literal(`,"setId":`)
	p.SetID = d.word()
	d.literal(`,"period":`)
	p.Period = d.uint()
	d.literal(`,"txHash":`)
	p.TxHash = d.word()
	d.literal(`,"blockHash":`)
	p.BlockHash = d.word()
	d.literal(`,"blockNumber":`)
	p.BlockNumber = d.uint()
	d.literal(`,"logIndex":`)
	p.LogIndex = d.uint()
	d.literal(`,"rootCid":`)
	p.RootCID = d.word()
	d.literal(`,"timestamp":`)
	p.Timestamp = d.uint()
	d.literal(`},"attestation":`)
	c.Signed.Attestation = d.attestation()
	if !batched && d.has(`,"signature":`) {
		c.Signed.Signature = d.signature()
	}
	d.literal(`,"amount":`)
	c.Amount = d.amount()
	d.literal(`}`)
	if a := c.Signed.Attestation; d.err == nil && (a.DealID != deal || a.ChunkIndex != index) {
		d.err = fmt.Errorf("%w: chunk %d of deal %s, with an attestation of chunk %d of deal %s", errSays, index, deal.Big(), a.ChunkIndex, a.DealID.Big())
	}
	return c
}

func (d *decoder) attestation() attestation.Attestation {
	var b [attestation.Size]byte
	d.hex(b[:])
	if d.err != nil {
		return attestation.Attestation{}
	}
	a, err := attestation.Parse(b[:])
	if err != nil {
		d.err = fmt.Errorf("%w: %v", errSays, err)
	}
	return a
}

func (d *decoder) slash() *Slash {
	s := new(Slash)
	s.TxHash, s.Block, s.Sender = d.tx()
	d.literal(`,"deal":`)
	s.Deal = d.word()
	d.literal(`,"at":`)
	s.At = d.uint()
	d.literal(`,"amount":`)
	s.Amount = d.amount()
	d.literal(`}`)
	return s
}

func (d *decoder) tx() (hash attestation.Word, block uint64, sender slastream.Address) {
	d.literal(`{"tx":`)
	hash = d.word()
	d.literal(`,"block":`)
	block = d.uint()
	d.literal(`,"sender":`)
	return hash, block, d.address()
}
