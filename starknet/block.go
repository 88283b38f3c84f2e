package starknet

import (
	"encoding/json"

	"github.com/slastream/slastream-go/attestation"
)

// A Block names the block at whose end a state is read: see [Escrow.At]. The
// zero value is the newest block accepted on L2, the tag latest. A Block is
// comparable.
//
// Which block a tag or a number names can change, between two questions even:
// what must fit together is read at one hash. A node that does not have the
// block answers "Block not found" (code 24) and never another block's state.
type Block struct {
	kind   blockKind
	number uint64
	hash   attestation.Word
}

type blockKind uint8

const (
	atLatest blockKind = iota
	atNumber
	atHash
	atPreConfirmed
	atL1Accepted
)

// BlockNumber returns the block with that number.
func BlockNumber(n uint64) Block { return Block{kind: atNumber, number: n} }

// BlockHash returns the block with that hash, a felt.
func BlockHash(h attestation.Word) Block { return Block{kind: atHash, hash: h} }

// BlockPreConfirmed returns the block under construction, tag pre_confirmed. It
// can be dropped, so act on nothing that is read there.
func BlockPreConfirmed() Block { return Block{kind: atPreConfirmed} }

// BlockL1Accepted returns the newest block that is proven on Ethereum, tag
// l1_accepted. It is hours old.
func BlockL1Accepted() Block { return Block{kind: atL1Accepted} }

// MarshalJSON writes BLOCK_ID of the specification of the RPC. A hash of P or
// more, which no block has, is a *[RangeError].
func (b Block) MarshalJSON() ([]byte, error) {
	switch b.kind {
	case atNumber:
		return json.Marshal(map[string]uint64{"block_number": b.number})
	case atHash:
		f, err := FeltFromWord(b.hash)
		if err != nil {
			return nil, err
		}
		return json.Marshal(map[string]wireFelt{"block_hash": wire(f)})
	case atPreConfirmed:
		return json.Marshal(tagPreConfirmed)
	case atL1Accepted:
		return []byte(`"l1_accepted"`), nil
	}
	return json.Marshal(tagLatest)
}
