package slastream

import (
	"fmt"

	"github.com/slastream/slastream-go/attestation"
)

// A SignedTx is a transaction that is signed and numbered, and perhaps not yet
// sent. Storing it before sending it is what makes a release happen once: the
// hash is known, so an ambiguous send is settled by asking for it, and sending
// the same bytes again cannot pay twice.
type SignedTx struct {
	Hash   attestation.Word `json:"hash"`
	Sender Address          `json:"sender"`
	Nonce  uint64           `json:"nonce"`
	Body   []byte           `json:"body"` // the transaction as the node takes it
}

// A TxState is how far a transaction has come. The zero value is TxUnknown.
type TxState uint8

const (
	TxUnknown  TxState = iota // the node does not know the hash
	TxReceived                // known, not executed, or executed in a block that may still change
	TxAccepted                // in a block accepted on L2
	TxSettled                 // in a block proven on L1
)

// String returns the state in lower case.
func (s TxState) String() string {
	switch s {
	case TxUnknown:
		return "unknown"
	case TxReceived:
		return "received"
	case TxAccepted:
		return "accepted"
	case TxSettled:
		return "settled"
	}
	return fmt.Sprintf("TxState(%d)", uint8(s))
}

// A TxStatus is what a node says of a transaction.
type TxStatus struct {
	State       TxState
	Revert      *RevertError     // not nil if it was included and reverted
	BlockNumber uint64           // valid from TxAccepted on
	BlockHash   attestation.Word // valid from TxAccepted on
}
