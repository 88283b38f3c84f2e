package simulated

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// maxRange is MaxFilterHeightRange of Lotus and Forest: toBlock - fromBlock.
const maxRange = 2880

var errNoHexDigits = errors.New("no hexadecimal digits")

// bounds resolves the range of a filter as the node's software does.
func (n *Node) bounds(c *chain, f *filter) error {
	if f.BlockHash != nil {
		if f.FromBlock != nil || f.ToBlock != nil {
			return invalid("must not specify block hash and from/to block")
		}
		number, ok := c.find(*f.BlockHash)
		if !ok {
			return fmt.Errorf("unknown block %v", *f.BlockHash)
		}
		f.from, f.to = number, number
		return nil
	}
	var err error
	if f.from, err = n.rangeEnd(f.FromBlock, "FromBlock", c.head); err != nil {
		return err
	}
	if f.to, err = n.rangeEnd(f.ToBlock, "ToBlock", c.head); err != nil {
		return err
	}
	switch {
	case f.from > f.to:
		return other("invalid epoch range: to block (%d) must be after from block (%d)", f.to, f.from)
	case f.to-f.from > maxRange:
		return n.rangeError(c, f)
	case f.from > c.head && n.software == Forest:
		return nil // and there is nothing to find
	case f.from > c.head:
		return other("events for the requested block are not yet available")
	}
	return n.checkLookback(c, f.from)
}

func other(format string, args ...any) error {
	return &jsonrpc.Error{Code: codeOther, Message: fmt.Sprintf(format, args...)}
}

// rangeError refuses a range that is too long.
func (n *Node) rangeError(c *chain, f *filter) error {
	switch {
	case !n.oldErrors:
		return &jsonrpc.Error{Code: codeLimit, Message: fmt.Sprintf("block range exceeds maximum of %d (got %d)", maxRange, f.to-f.from)}
	case isLatest(f.ToBlock):
		return other("invalid epoch range: from block is too far in the past (maximum: %d)", maxRange)
	case isLatest(f.FromBlock):
		return other("invalid epoch range: to block is too far in the future (maximum: %d)", maxRange)
	}
	return other("invalid epoch range: range between to and from blocks is too large (maximum: %d)", maxRange)
}

func isLatest(text *string) bool { return text == nil || *text == "" || *text == "latest" }

// rangeEnd reads fromBlock or toBlock. Lotus knows no tags here but "latest" and
// "earliest"; Forest takes all others for "latest".
func (n *Node) rangeEnd(text *string, name string, latest uint64) (uint64, error) {
	switch {
	case isLatest(text):
		return latest, nil
	case *text == "earliest":
		return 0, nil
	}
	var v uint64
	err := errNoHexDigits
	hex := len(*text) > 2 && (*text)[:2] == "0x"
	if hex {
		v, err = strconv.ParseUint((*text)[2:], 16, 64)
	}
	switch {
	case err == nil:
		return v, nil
	case n.software == Forest && !hex:
		return latest, nil
	}
	return 0, other("%s is not a hex", name)
}

func (n *Node) collect(c *chain, f *filter) ([]logJSON, error) {
	out := []logJSON{}
	tipsets := 0
	for _, b := range c.bodies[c.bodiesTo(max(f.from, 1)-1):] {
		if b.number > f.to {
			break
		}
		before := len(out)
		out = f.collect(out, c, b)
		if len(out) > before {
			tipsets++
		}
		// Only when more than one tipset contributes.
		if tipsets > 1 && n.maxResults > 0 && len(out) > n.maxResults {
			if n.software == Forest {
				return nil, other("filter matches too many events across multiple tipsets (maximum %d); narrow the block range", n.maxResults)
			}
			return nil, other("failed to get events for filter: filter matches too many events, try a more restricted filter")
		}
	}
	return out, nil
}

// collect appends the logs of a tipset that the filter matches.
func (f *filter) collect(out []logJSON, c *chain, b *body) []logJSON {
	hash := c.hash(b.number)
	for _, t := range b.txs {
		for i := range t.logs {
			if f.matches(&t.logs[i]) {
				out = append(out, t.log(i, hash))
			}
		}
	}
	return out
}
