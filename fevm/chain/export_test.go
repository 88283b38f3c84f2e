package chain

import (
	"bytes"

	"github.com/ethereum/go-ethereum/core/types"
)

// ReadLogs is the reader of answers alone; direct says whether it needed
// no other decoder.
func ReadLogs(raw []byte) (logs []types.Log, direct bool) {
	r := logReader{rest: raw}
	out := r.list()
	return out, !r.odd && len(bytes.TrimSpace(r.rest)) == 0
}
