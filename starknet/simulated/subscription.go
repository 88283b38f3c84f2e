package simulated

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
)

// maxBack is how many blocks before the head a subscription may start.
const maxBack = 1024

var (
	errSubscription = &jsonrpc.Error{Code: 66, Message: "Invalid subscription id"}
	errTooFarBack   = &jsonrpc.Error{Code: 68, Message: "Cannot go back more than 1024 blocks"}
)

// A subscription sends what happens to sealed blocks to one socket.
type subscription struct {
	id      string
	socket  *socket
	version version
	events  bool // else new heads

	addresses []slastream.Address
	keys      [][]hexFelt
}

// socketMethods are the methods that only a socket has.
var socketMethods = map[string]struct {
	required []string
	optional []string
	run      func(*Node, version, *socket, args) (any, error)
}{
	"starknet_subscribeNewHeads": {optional: []string{"block_id"}, run: (*Node).subscribeNewHeads},
	"starknet_subscribeEvents":   {optional: []string{"from_address", "keys", "block_id", "finality_status"}, run: (*Node).subscribeEvents},
	"starknet_unsubscribe":       {required: []string{"subscription_id"}, run: (*Node).unsubscribe},
}

func (n *Node) subscribeNewHeads(v version, s *socket, a args) (any, error) {
	return n.subscribe(&subscription{socket: s, version: v}, a, 0)
}

func (n *Node) subscribeEvents(v version, s *socket, a args) (any, error) {
	sub := &subscription{socket: s, version: v, events: true}
	var err error
	if sub.addresses, err = (&eventFilter{Address: a[0]}).addresses(v); err != nil {
		return nil, err
	}
	if sub.keys, err = arg[[][]hexFelt](a, 1); err != nil {
		return nil, err
	}
	finality, err := arg[*string](a, 3)
	switch {
	case err != nil:
		return nil, err
	case finality != nil && *finality != "ACCEPTED_ON_L2":
		return nil, unsupported("finality_status %q: events are sent when their block is sealed", excerpt(*finality))
	}
	return n.subscribe(sub, a, 2)
}

// subscribe starts a subscription, with the blocks from the given one on. By
// default, and from latest, it starts with the next block.
func (n *Node) subscribe(sub *subscription, a args, block int) (any, error) {
	id, err := arg[*blockID](a, block)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	from := uint64(len(n.blocks))
	if id != nil && id.tag == "" {
		v, err := n.view(*id)
		switch {
		case err != nil:
			return nil, err
		case v.number+maxBack < n.head().number:
			return nil, errTooFarBack
		}
		from = v.number
	}
	n.subscribed++
	sub.id = strconv.FormatUint(n.subscribed, 10)
	n.subscriptions = append(n.subscriptions, sub)
	for _, b := range n.blocks[from:] {
		sub.block(b)
	}
	return sub.id, nil
}

func (n *Node) unsubscribe(_ version, s *socket, a args) (any, error) {
	id, err := arg[string](a, 0)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	before := len(n.subscriptions)
	n.subscriptions = slices.DeleteFunc(n.subscriptions, func(sub *subscription) bool { return sub.socket == s && sub.id == id })
	if len(n.subscriptions) == before {
		return nil, errSubscription
	}
	return true, nil
}

// dropSocket ends the subscriptions of a socket.
func (n *Node) dropSocket(s *socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subscriptions = slices.DeleteFunc(n.subscriptions, func(sub *subscription) bool { return sub.socket == s })
}

// block sends what the subscriber wants of a sealed block.
func (sub *subscription) block(b *block) {
	if !sub.events {
		h := view{block: b}.header(sub.version)
		h.Status = ""
		sub.send("starknet_subscriptionNewHeads", h)
		return
	}
	for i, t := range b.txs {
		for j, e := range t.receipt.events {
			if len(sub.addresses) > 0 && !slices.Contains(sub.addresses, e.emitter) || !matches(sub.keys, e.Keys) {
				continue
			}
			out := struct {
				emittedEvent
				Finality string `json:"finality_status"`
			}{emittedEvent{event: e, BlockHash: &b.hash, BlockNumber: b.number, Hash: t.hash}, finality(true)}
			if sub.version >= v010 {
				out.Transaction, out.Event = &i, &j
			}
			sub.send("starknet_subscriptionEvents", out)
		}
	}
}

// reorg says which blocks are gone, oldest and newest.
func (sub *subscription) reorg(oldest, newest *block) {
	sub.send("starknet_subscriptionReorg", struct {
		FirstHash hexFelt `json:"starting_block_hash"`
		First     uint64  `json:"starting_block_number"`
		LastHash  hexFelt `json:"ending_block_hash"`
		Last      uint64  `json:"ending_block_number"`
	}{oldest.hash, oldest.number, newest.hash, newest.number})
}

func (sub *subscription) send(method string, result any) {
	type params struct {
		Result any    `json:"result"`
		ID     string `json:"subscription_id"`
	}
	message, err := json.Marshal(struct {
		Version string `json:"jsonrpc"`
		Method  string `json:"method"`
		Params  params `json:"params"`
	}{"2.0", method, params{result, sub.id}})
	if err != nil {
		panic(err) // felts, numbers and strings of this package
	}
	sub.socket.send(message)
}
