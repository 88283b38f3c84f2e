package simulated

import (
	"fmt"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// An event is EVENT of the specification.
type event struct {
	From hexFelt   `json:"from_address"`
	Keys []hexFelt `json:"keys"`
	Data []hexFelt `json:"data"`

	emitter slastream.Address
}

var (
	selTransfer = selector("Transfer")
	selApproval = selector("Approval")
)

// tokenEvent encodes an event of STRK's first class, which indexes nothing
// but the selector.
func tokenEvent(e escrow.TokenEvent) (keys, data []hexFelt) {
	switch e := e.(type) {
	case escrow.Transfer:
		low, high := split(e.Amount.Word())
		return []hexFelt{selTransfer}, []hexFelt{word(e.From), word(e.To), low, high}
	case escrow.Approval:
		low, high := split(e.Amount.Word())
		return []hexFelt{selApproval}, []hexFelt{word(e.Owner), word(e.Spender), low, high}
	}
	panic(fmt.Sprintf("simulated: unknown event %T", e)) // the set is closed
}
