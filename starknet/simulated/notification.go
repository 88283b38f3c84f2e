package simulated

import (
	"slices"

	"github.com/slastream/slastream-go/slastream"
)

// What subscriptions say, and when. Everything here runs under the node's
// lock, so each subscriber hears of things in the order they happened.

// open tells of a transaction that was executed in the open block.
func (sub *subscription) open(n *Node, t *transaction) { sub.transaction(n, t, statusPreConfirmed) }

// sealed tells of a block that was sealed.
func (sub *subscription) sealed(n *Node, b *block) {
	if sub.topic == topicHeads {
		h := n.header(view{block: b}, sub.version)
		h.Status = ""
		sub.send("starknet_subscriptionNewHeads", h)
		return
	}
	for _, t := range b.txs {
		sub.transaction(n, t, statusL2)
	}
}

// proven tells of a block that was accepted on L1.
func (sub *subscription) proven(n *Node, b *block) {
	if sub.topic != topicStatus {
		return
	}
	for _, t := range b.txs {
		sub.transaction(n, t, statusL1)
	}
}

// transaction tells of a transaction that reached a status.
func (sub *subscription) transaction(n *Node, t *transaction, status string) {
	if sub.topic == topicStatus {
		if t.hash == sub.hash {
			sub.status(t.status(status))
		}
		return
	}
	if !slices.Contains(sub.statuses, status) {
		return
	}
	switch sub.topic {
	case topicEvents:
		sub.events(t, status)
	case topicTransactions:
		if sub.wants(t.sender) {
			sub.send("starknet_subscriptionNewTransaction", with(t.answer(true, sub.proofs), "finality_status", status))
		}
	case topicReceipts:
		if sub.wants(t.sender) {
			sub.send("starknet_subscriptionNewTransactionReceipts", t.wireReceipt(status, false))
		}
	}
}

// events tells of the events of a transaction.
func (sub *subscription) events(t *transaction, status string) {
	for i, e := range t.receipt.events {
		if !sub.wants(e.emitter) || !matches(sub.keys, e.Keys) {
			continue
		}
		out := struct {
			emittedEvent
			Finality string `json:"finality_status"`
		}{emittedEvent{event: e, BlockNumber: t.block.number, Hash: t.hash}, status}
		if status != statusPreConfirmed {
			out.BlockHash = &t.block.hash
		}
		if sub.version >= v010 {
			out.Transaction, out.Event = &t.index, &i
		}
		sub.send("starknet_subscriptionEvents", out)
	}
}

func (sub *subscription) wants(a slastream.Address) bool {
	return len(sub.addresses) == 0 || slices.Contains(sub.addresses, a)
}

func (sub *subscription) status(status txStatus) {
	sub.send("starknet_subscriptionTransactionStatus", struct {
		Hash   hexFelt  `json:"transaction_hash"`
		Status txStatus `json:"status"`
	}{sub.hash, status})
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

// A txStatus is TXN_STATUS_RESULT.
type txStatus struct {
	Finality  string `json:"finality_status"`
	Execution string `json:"execution_status,omitempty"`
	Failure   string `json:"failure_reason,omitempty"`
}

// status is what there is to say of an executed transaction with that finality.
func (t *transaction) status(finality string) txStatus {
	if t.receipt == nil {
		return txStatus{Finality: finality}
	}
	out := txStatus{finality, "SUCCEEDED", t.receipt.reverted}
	if out.Failure != "" {
		out.Execution = "REVERTED"
	}
	return out
}

// status finds a transaction, executed or waiting.
func (n *Node) status(hash hexFelt) (txStatus, bool) {
	if t := n.txs[hash]; t != nil {
		return t.status(n.finality(t.block)), true
	}
	return txStatus{Finality: statusReceived}, n.isWaiting(hash)
}

func (n *Node) getTransactionStatus(_ version, a args) (any, error) {
	hash, err := arg[hexFelt](a, 0)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	status, ok := n.status(hash)
	if !ok {
		return nil, errHash
	}
	return status, nil
}
