package chain

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
)

// A Cursor says how far a [Follower] has come: stored together with what the
// program made of an update, it makes each update count once. It holds the newest
// tipset that was read to the end and the logs after the last one that can be
// retracted, some 200 bytes each. The zero value is the beginning. Cursors are
// values: one that was yielded does not change.
type Cursor struct {
	floor  uint64 // what was seen in epochs below is forgotten: they are not read again
	next   uint64 // first epoch that was not read to the end
	tip    mark
	recent []sighting // of epochs from floor on, in the order they were seen
}

// A mark is a tipset.
type mark struct {
	Epoch uint64           `json:"epoch"`
	Hash  attestation.Word `json:"hash"`
}

// A sighting is a log that was yielded and not retracted.
type sighting struct {
	ID    attestation.Word            `json:"id"`
	Block mark                        `json:"block"`
	Tx    attestation.Word            `json:"tx"`
	From  attestation.EthereumAddress `json:"address"`
	Index uint                        `json:"index"`
}

// retracted is the log as far as the sighting remembers it.
func (s sighting) retracted() types.Log {
	return types.Log{
		Address: common.Address(s.From), BlockNumber: s.Block.Epoch, BlockHash: common.Hash(s.Block.Hash),
		TxHash: common.Hash(s.Tx), Index: s.Index, Removed: true,
	}
}

// Next returns the first epoch that was not read to the end.
func (c Cursor) Next() uint64 { return c.next }

type cursorJSON struct {
	Version int        `json:"version"`
	Floor   uint64     `json:"floor"`
	Next    uint64     `json:"next"`
	Tip     mark       `json:"tip"`
	Recent  []sighting `json:"recent"`
}

const cursorVersion = 1

// MarshalJSON writes the cursor for a store.
func (c Cursor) MarshalJSON() ([]byte, error) {
	return json.Marshal(cursorJSON{cursorVersion, c.floor, c.next, c.tip, c.recent})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Cursor) UnmarshalJSON(b []byte) error {
	var j cursorJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("chain: cursor: %w", err)
	}
	if j.Version != cursorVersion {
		return fmt.Errorf("chain: cursor of version %d, want %d", j.Version, cursorVersion)
	}
	seen := make(map[attestation.Word]bool, len(j.Recent))
	for _, s := range j.Recent {
		if seen[s.ID] {
			return errors.New("chain: cursor: a log twice")
		}
		seen[s.ID] = true
	}
	if j.Floor > j.Next {
		return fmt.Errorf("chain: cursor: floor %d is above next epoch %d", j.Floor, j.Next)
	}
	*c = Cursor{j.Floor, j.Next, j.Tip, j.Recent}
	return nil
}
