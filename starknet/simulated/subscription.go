package simulated

import (
	"slices"
	"strconv"

	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
)

// Limits of subscriptions, as of public nodes.
const (
	maxBack          = 1024 // blocks before the head that one may start
	maxAddresses     = 100  // in a sender_address filter
	maxSubscriptions = 1024 // of one socket
)

var (
	errSubscription  = &jsonrpc.Error{Code: 66, Message: "Invalid subscription id"}
	errAddresses     = &jsonrpc.Error{Code: 67, Message: "Too many addresses in filter sender_address filter"}
	errTooFarBack    = &jsonrpc.Error{Code: 68, Message: "Cannot go back more than 1024 blocks"}
	errSubscriptions = &jsonrpc.Error{Code: -1, Message: "too many subscriptions on this connection"}
)

// A topic is what a subscription is about.
type topic uint8

const (
	topicHeads topic = iota
	topicEvents
	topicStatus
	topicTransactions
	topicReceipts
)

// A subscription sends what happens on the chain to one socket.
type subscription struct {
	id      string
	socket  *socket
	version version
	topic   topic

	addresses []slastream.Address // emitters or senders; empty for all
	keys      [][]hexFelt
	statuses  []string // finality statuses that are told
	hash      hexFelt  // transaction of a status
	proofs    bool     // transactions have proof_facts
}

// socketMethods are the methods that only a socket has.
var socketMethods = map[string]method{
	"starknet_subscribeNewHeads":               {optional: []string{"block_id"}, onSocket: (*Node).subscribeNewHeads},
	"starknet_subscribeEvents":                 {optional: []string{"from_address", "keys", "block_id", "finality_status"}, onSocket: (*Node).subscribeEvents},
	"starknet_subscribeTransactionStatus":      {required: []string{"transaction_hash"}, onSocket: (*Node).subscribeTransactionStatus},
	"starknet_subscribeNewTransactions":        {optional: []string{"finality_status", "sender_address"}, since10: []string{"tags"}, onSocket: (*Node).subscribeNewTransactions},
	"starknet_subscribeNewTransactionReceipts": {optional: []string{"finality_status", "sender_address"}, onSocket: (*Node).subscribeNewReceipts},
	"starknet_unsubscribe":                     {required: []string{"subscription_id"}, onSocket: (*Node).unsubscribe},
}

func (n *Node) subscribeNewHeads(v version, s *socket, a args) (any, error) {
	return n.subscribe(&subscription{socket: s, version: v, topic: topicHeads}, a, 0)
}

func (n *Node) subscribeEvents(v version, s *socket, a args) (any, error) {
	sub := &subscription{socket: s, version: v, topic: topicEvents, statuses: []string{statusL2}}
	var err error
	if sub.addresses, err = (&eventFilter{Address: a[0]}).addresses(v); err != nil {
		return nil, err
	}
	if sub.keys, err = arg[[][]hexFelt](a, 1); err != nil {
		return nil, err
	}
	if tooManyKeys(sub.keys) {
		return nil, errKeys
	}
	finality, err := arg[*string](a, 3)
	switch {
	case err != nil:
		return nil, err
	case finality == nil || *finality == statusL2:
	case *finality == statusPreConfirmed:
		sub.statuses = append(sub.statuses, statusPreConfirmed)
	default:
		return nil, unknownStatus(*finality, "`PRE_CONFIRMED` or `ACCEPTED_ON_L2`")
	}
	return n.subscribe(sub, a, 2)
}

func (n *Node) subscribeTransactionStatus(v version, s *socket, a args) (any, error) {
	hash, err := arg[hexFelt](a, 0)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	sub := &subscription{socket: s, version: v, topic: topicStatus, hash: hash}
	if err := n.register(sub); err != nil {
		return nil, err
	}
	if status, ok := n.status(hash); ok {
		sub.status(status)
	}
	return sub.id, nil
}

func (n *Node) subscribeNewTransactions(v version, s *socket, a args) (any, error) {
	set, err := flags(v, a, 2, "tags", "INCLUDE_PROOF_FACTS")
	if err != nil {
		return nil, err
	}
	return n.subscribeTransactions(&subscription{socket: s, version: v, topic: topicTransactions, proofs: len(set) > 0}, a,
		"one of `RECEIVED`, `CANDIDATE`, `PRE_CONFIRMED`, `ACCEPTED_ON_L2`", statusReceived, statusCandidate, statusPreConfirmed, statusL2)
}

func (n *Node) subscribeNewReceipts(v version, s *socket, a args) (any, error) {
	return n.subscribeTransactions(&subscription{socket: s, version: v, topic: topicReceipts}, a,
		"`PRE_CONFIRMED` or `ACCEPTED_ON_L2`", statusPreConfirmed, statusL2)
}

// subscribeTransactions reads finality_status and sender_address.
func (n *Node) subscribeTransactions(sub *subscription, a args, expected string, known ...string) (any, error) {
	statuses, err := arg[[]string](a, 0)
	if err != nil {
		return nil, err
	}
	for _, status := range statuses {
		if !slices.Contains(known, status) {
			return nil, unknownStatus(status, expected)
		}
	}
	if sub.statuses = statuses; statuses == nil {
		sub.statuses = []string{statusL2}
	}
	senders, err := arg[[]hexFelt](a, 1)
	switch {
	case err != nil:
		return nil, err
	case len(senders) > maxAddresses:
		return nil, errAddresses
	}
	for _, sender := range senders {
		sub.addresses = append(sub.addresses, sender.bytes())
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.register(sub); err != nil {
		return nil, err
	}
	return sub.id, nil
}

func unknownStatus(got, expected string) error {
	return invalid("unknown variant `%s`, expected %s", excerpt(got), expected)
}

// subscribe starts a subscription, with the blocks from the given one on. By
// default, and from latest, it starts with the next block.
func (n *Node) subscribe(sub *subscription, a args, block int) (any, error) {
	id, err := arg[*blockID](a, block)
	switch {
	case err != nil:
		return nil, err
	case id != nil && id.tag != "" && id.tag != "latest":
		return nil, invalid("Subscription block cannot be '%s'", id.tag)
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
	if err := n.register(sub); err != nil {
		return nil, err
	}
	for _, b := range n.blocks[from:] {
		sub.sealed(n, b)
	}
	if n.pending != nil && sub.topic == topicEvents {
		for _, t := range n.pending.txs {
			sub.open(n, t)
		}
	}
	return sub.id, nil
}

// register enters a subscription.
func (n *Node) register(sub *subscription) error {
	if sub.socket.subscriptions == maxSubscriptions {
		return errSubscriptions
	}
	sub.socket.subscriptions++
	n.subscribed++
	sub.id = strconv.FormatUint(n.subscribed, 10)
	n.subscriptions = append(n.subscriptions, sub)
	return nil
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
	s.subscriptions--
	return true, nil
}

// dropSocket ends the subscriptions of a socket.
func (n *Node) dropSocket(s *socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subscriptions = slices.DeleteFunc(n.subscriptions, func(sub *subscription) bool { return sub.socket == s })
}

func (sub *subscription) send(method string, result any) {
	type params struct {
		Result any    `json:"result"`
		ID     string `json:"subscription_id"`
	}
	if err := sub.socket.Notify(method, params{result, sub.id}); err != nil {
		panic(err) // felts, numbers and strings of this package
	}
}
