package simulated

import (
	"encoding/json"
	"slices"

	"github.com/slastream/slastream-go/slastream"
)

// Limits of getEvents. A page that looked at maxScan events ends even if it is
// empty: like the pages of nodes that scan a limited number of blocks.
const (
	maxChunk = 1024
	maxKeys  = 1024
	maxScan  = 10_000
)

// An eventFilter is EVENTS_CHUNK_REQUEST.
type eventFilter struct {
	From      *blockID        `json:"from_block"`
	To        *blockID        `json:"to_block"`
	Address   json.RawMessage `json:"address"` // a felt, since RPC 0.10.1 also a list
	Keys      [][]hexFelt     `json:"keys"`
	ChunkSize *uint64         `json:"chunk_size"`
	Token     *string         `json:"continuation_token"`
}

// An emittedEvent is EMITTED_EVENT.
type emittedEvent struct {
	event
	BlockHash   *hexFelt `json:"block_hash,omitempty"`
	BlockNumber uint64   `json:"block_number"`
	Hash        hexFelt  `json:"transaction_hash"`
	Transaction *int     `json:"transaction_index,omitempty"` // since RPC 0.10
	Event       *int     `json:"event_index,omitempty"`       // since RPC 0.10
}

type eventPage struct {
	Events []emittedEvent `json:"events"`
	Token  string         `json:"continuation_token,omitempty"`
}

// addresses are the contracts that the filter asks for, nil if for all.
func (f *eventFilter) addresses(v version) ([]slastream.Address, error) {
	if len(f.Address) == 0 || string(f.Address) == "null" {
		return nil, nil
	}
	var list []hexFelt
	if v >= v010 && f.Address[0] == '[' {
		if err := json.Unmarshal(f.Address, &list); err != nil {
			return nil, invalid("%v", err)
		}
	} else {
		list = make([]hexFelt, 1)
		if err := json.Unmarshal(f.Address, &list[0]); err != nil {
			return nil, invalid("%v", err)
		}
	}
	out := make([]slastream.Address, len(list))
	for i := range list {
		out[i] = list[i].bytes()
	}
	return out, nil
}

// matches reports whether each position of the filter is empty or has the key
// that the event has there.
func matches(filter [][]hexFelt, keys []hexFelt) bool {
	for i, wanted := range filter {
		if len(wanted) > 0 && (i >= len(keys) || !slices.Contains(wanted, keys[i])) {
			return false
		}
	}
	return true
}

func tooManyKeys(filter [][]hexFelt) bool {
	keys := 0
	for _, k := range filter {
		keys += len(k)
	}
	return keys > maxKeys
}

func (n *Node) getEvents(v version, a args) (any, error) {
	f, err := arg[eventFilter](a, 0)
	if err != nil {
		return nil, err
	}
	switch {
	case f.ChunkSize == nil:
		return nil, invalid("missing field `chunk_size`")
	case *f.ChunkSize == 0:
		return nil, invalid("chunk_size 0: want at least 1")
	case *f.ChunkSize > maxChunk:
		return nil, errPageSize
	}
	if tooManyKeys(f.Keys) {
		return nil, errKeys
	}
	addresses, err := f.addresses(v)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	first, last, err := n.blockRange(f.From, f.To)
	if err != nil {
		return nil, err
	}
	if addresses != nil && len(addresses) == 0 {
		return eventPage{Events: []emittedEvent{}}, nil // of no contract
	}
	start := place{block: first}
	if f.Token != nil {
		var ok bool
		if start, ok = parsePlace(*f.Token); !ok {
			return nil, errToken
		}
	}
	return n.eventPage(v, addresses, f.Keys, start, last, int(*f.ChunkSize)), nil
}

// blockRange resolves the ends of a filter: by default from the first block
// to the open one.
func (n *Node) blockRange(from, to *blockID) (first, last uint64, err error) {
	last = n.pre().number
	for _, end := range []struct {
		id *blockID
		to *uint64
	}{{from, &first}, {to, &last}} {
		if end.id == nil {
			continue
		}
		v, err := n.view(*end.id)
		if err != nil {
			return 0, 0, err
		}
		*end.to = v.number
	}
	return first, last, nil
}

func (n *Node) eventPage(v version, addresses []slastream.Address, keys [][]hexFelt, start place, last uint64, size int) eventPage {
	page := eventPage{Events: []emittedEvent{}}
	places := n.index.all
	if len(addresses) == 1 {
		places = n.index.emitter[addresses[0]]
	}
	i, _ := slices.BinarySearchFunc(places, start, place.compare)
	for scanned := 0; i < len(places) && places[i].block <= last; i, scanned = i+1, scanned+1 {
		p := places[i]
		if len(page.Events) == size || scanned == maxScan {
			page.Token = p.String()
			break
		}
		b := n.blockAt(p.block)
		t := b.txs[p.tx]
		e := t.receipt.events[p.event]
		if len(addresses) > 1 && !slices.Contains(addresses, e.emitter) || !matches(keys, e.Keys) {
			continue
		}
		out := emittedEvent{event: e, BlockNumber: b.number, Hash: t.hash}
		if n.sealed(b) {
			out.BlockHash = &b.hash
		}
		if v >= v010 {
			out.Transaction, out.Event = &p.tx, &p.event
		}
		page.Events = append(page.Events, out)
	}
	return page
}
