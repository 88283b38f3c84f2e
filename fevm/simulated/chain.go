package simulated

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"
)

// maxEpochs bounds the chain: four bytes are kept for each epoch.
const maxEpochs = 1 << 25

// nullRound marks an epoch without a tipset.
const nullRound = math.MaxUint32

// A chain is all tipsets. It is a value that is never changed in place: a copy
// of it is a snapshot, and readers use one without a lock.
type chain struct {
	seed   uint64
	start  uint64
	forks  []uint32 // of each epoch from start on: which fork mined it, or nullRound
	bodies []*body  // tipsets with transactions, and the first, by epoch
	head   uint64   // newest epoch with a tipset
}

// A body is a tipset that changed state.
type body struct {
	number uint64
	digest [32]byte // of the transactions
	state  world    // after it
	known  table[string, *transaction]
	txs    []*transaction
}

// A transaction is a mined transaction with its receipt.
type transaction struct {
	tx       *types.Transaction
	from     common.Address
	number   uint64
	index    int
	firstLog int // index in the tipset of logs[0]
	logs     []logEntry
	status   uint64
	gasUsed  uint64
	price    *uint256.Int // effective gas price
}

var errFull = fmt.Errorf("simulated: chain of %d epochs: no room for more", maxEpochs)

func newChain(seed, start uint64, genesis world) chain {
	return chain{seed, start, []uint32{0}, []*body{{number: start, state: genesis}}, start}
}

// next is the epoch that the next tipset gets.
func (c *chain) next() uint64 { return c.start + uint64(len(c.forks)) }

func (c *chain) last() *body { return c.bodies[len(c.bodies)-1] }

func (c *chain) state() *world { return &c.last().state }

// extend appends n epochs of one kind.
func (c *chain) extend(n uint64, fork uint32) error {
	if n > maxEpochs || uint64(len(c.forks))+n > maxEpochs {
		return errFull
	}
	c.forks = slices.Grow(c.forks, int(n))
	for range n {
		c.forks = append(c.forks, fork)
	}
	if fork != nullRound && n > 0 {
		c.head = c.next() - 1
	}
	return nil
}

// seal appends a tipset with transactions that led to state.
func (c *chain) seal(fork uint32, state world, txs []*transaction) error {
	number := c.next()
	if err := c.extend(1, fork); err != nil {
		return err
	}
	hashes := make([][]byte, len(txs))
	known := c.last().known
	for i, t := range txs {
		h := t.tx.Hash()
		hashes[i] = h[:]
		known = known.with(string(h[:]), t)
	}
	c.bodies = append(c.bodies, &body{number, keccak(hashes...), state, known, txs})
	return nil
}

// reorg replaces the last depth tipsets by empty ones of another fork; null
// rounds stay. It returns the chain before them, extended, and the transactions
// that it dropped.
func (c chain) reorg(depth uint64, fork uint32) (chain, []common.Hash, error) {
	from := len(c.forks)
	for left := depth; left > 0; {
		if from--; from <= 0 {
			return c, nil, fmt.Errorf("simulated: reorganisation of %d tipsets: the chain has not so many after its first", depth)
		}
		if c.forks[from] != nullRound {
			left--
		}
	}
	old := c.forks[from:]
	var dropped []common.Hash
	keep := c.bodiesTo(c.start + uint64(from) - 1)
	for _, b := range c.bodies[keep:] {
		for _, t := range b.txs {
			dropped = append(dropped, t.tx.Hash())
		}
	}
	// Clipped, so that appending does not write into what a copy still shows.
	c.forks, c.bodies = slices.Clip(c.forks[:from]), slices.Clip(c.bodies[:keep])
	for _, was := range old {
		kind := fork
		if was == nullRound {
			kind = nullRound
		}
		c.forks = append(c.forks, kind)
	}
	return c, dropped, nil
}

// bodiesTo returns how many bodies are at or before the epoch.
func (c *chain) bodiesTo(number uint64) int {
	return sort.Search(len(c.bodies), func(i int) bool { return c.bodies[i].number > number })
}

// stateAt returns the state after the epoch, which must not be before the
// first. A null round has that of the tipset before it.
func (c *chain) stateAt(number uint64) *world { return &c.bodies[c.bodiesTo(number)-1].state }

// known returns a mined transaction, or nil.
func (c *chain) known(hash common.Hash) *transaction {
	t, _ := c.last().known.get(string(hash[:]))
	return t
}

// A tipset is one block as clients see it.
type tipset struct {
	number       uint64
	hash, parent common.Hash
	txs          []*transaction
	txRoot       common.Hash
	gasUsed      uint64
}

var (
	errFuture = errors.New("requested a future epoch (beyond 'latest')")
	errPast   = errors.New("the tipset is before the first one that this node has")
)

// A nullRoundError is the answer for an epoch without a tipset.
type nullRoundError uint64

func (e nullRoundError) Error() string {
	return fmt.Sprintf("requested epoch was a null round (%d)", uint64(e))
}

// tipset returns the tipset of an epoch.
func (c *chain) tipset(number uint64) (tipset, error) {
	switch {
	case number < c.start:
		return tipset{}, errPast
	case number >= c.next():
		return tipset{}, errFuture
	case c.forks[number-c.start] == nullRound:
		return tipset{}, nullRoundError(number)
	}
	t := tipset{number: number, txRoot: types.EmptyRootHash}
	t.hash = c.hash(number)
	if number > c.start {
		t.parent = c.hash(c.atOrBefore(number - 1))
	}
	if b := c.bodies[c.bodiesTo(number)-1]; b.number == number && len(b.txs) > 0 {
		t.txs, t.txRoot = b.txs, b.digest
		for _, tx := range b.txs {
			t.gasUsed += tx.gasUsed
		}
	}
	return t, nil
}

// atOrBefore returns the newest epoch with a tipset that is not after number;
// epochs before the first give the first.
func (c *chain) atOrBefore(number uint64) uint64 {
	number = max(min(number, c.head), c.start)
	for c.forks[number-c.start] == nullRound {
		number--
	}
	return number
}

// hash returns the hash of the tipset of an epoch. As on Filecoin it is not the
// hash of the header. Its last eight bytes hold the epoch, masked, so that a
// tipset is found by its hash without an index.
func (c *chain) hash(number uint64) common.Hash {
	var in [20]byte
	binary.BigEndian.PutUint64(in[:], c.seed)
	binary.BigEndian.PutUint64(in[8:], number)
	binary.BigEndian.PutUint32(in[16:], c.forks[number-c.start])
	var digest [32]byte
	if b := c.bodies[c.bodiesTo(number)-1]; b.number == number {
		digest = b.digest
	}
	h := keccak([]byte("tipset"), in[:], digest[:])
	mask := binary.BigEndian.Uint64(h[:])
	binary.BigEndian.PutUint64(h[24:], number^mask)
	return common.Hash(h)
}

// find returns the epoch of a tipset of the chain by its hash.
func (c *chain) find(hash common.Hash) (number uint64, ok bool) {
	number = binary.BigEndian.Uint64(hash[24:]) ^ binary.BigEndian.Uint64(hash[:])
	if number < c.start || number >= c.next() || c.forks[number-c.start] == nullRound {
		return 0, false
	}
	return number, c.hash(number) == hash
}
