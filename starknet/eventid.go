package starknet

import "github.com/slastream/slastream-go/slastream"

// An EventID names an event, the same whichever version of the RPC answered:
// since 0.10 nodes say the position (event_index), before it is found in the
// receipts.
type EventID = slastream.EventID
