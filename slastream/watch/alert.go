package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A Kind is what an alert is about.
type Kind string

// The kinds of alerts.
const (
	KindAtRisk      Kind = "at_risk"     // in Config.Warn or less the deadline can no longer be met, unless a proof comes
	KindUnreachable Kind = "unreachable" // fewer proving periods are left until the deadline than chunks
	KindDeadline    Kind = "deadline"    // the deadline has passed: anyone may slash
	KindSlashed     Kind = "slashed"     // the deal ends, or has ended, with a refund to the client
	KindCompleted   Kind = "completed"   // every chunk was paid
	KindReleased    Kind = "released"    // one chunk was paid
)

// A Phase is how sure an alert is.
type Phase string

// The phases of an alert.
const (
	// PhasePending: on its way. Of a slash, the transaction is about to be sent,
	// and the deal may still end in another way, or it is in a block that is not
	// settled yet; of a completion and a release, only the latter.
	PhasePending Phase = "pending"
	// PhaseFinal: of the end of a deal and of a release, the block is settled
	// (Config.Settled; without it, of the end of a deal, the escrow says so). Of
	// the other kinds, which have this phase only, the tower saw it.
	PhaseFinal Phase = "final"
	// PhaseRetracted: a reorganisation of Starknet took back the release that an
	// earlier alert, with the same event and block, was about, or the end of the
	// deal. If the end comes again, so do its alerts, with the ids they had.
	PhaseRetracted Phase = "retracted"
)

// An Alert is what a [Notifier] delivers. Times are Unix seconds of the chain,
// amounts base units. The zero value is no alert.
type Alert struct {
	// ID is 32 hexadecimal digits that name what happened: every attempt, every
	// run and every tower gives the same alert the same id.
	ID    string `json:"id"`
	Kind  Kind   `json:"kind"`
	Phase Phase  `json:"phase"`

	ChainID attestation.Word  `json:"chainId"` // felt of the Starknet chain
	Escrow  slastream.Address `json:"escrow"`
	DealID  attestation.Word  `json:"dealId"`
	Deal    slastream.Deal    `json:"deal,omitzero"` // as it was then; not of KindReleased
	At      uint64            `json:"at,omitzero"`   // block time when the tower saw it; not of KindReleased

	// Due is the last moment at which the next proof is in time (KindAtRisk,
	// KindUnreachable), else the deadline.
	Due uint64 `json:"due,omitzero"`
	// Amount is what the client gets back (KindSlashed) or the provider was paid
	// (KindReleased, and KindCompleted without the collateral).
	Amount slastream.Amount `json:"amount,omitzero"`

	Provider  slastream.Address `json:"provider,omitzero"`  // KindReleased: who was paid
	Chunk     uint64            `json:"chunk"`              // KindReleased: from 0; 0 also of the other kinds
	Event     slastream.EventID `json:"event,omitzero"`     // KindReleased
	Block     uint64            `json:"block,omitzero"`     // KindReleased
	BlockHash attestation.Word  `json:"blockHash,omitzero"` // KindReleased
}

// identify sets the id: of a deal's alert from kind, phase and deal, of an
// event's also from where it is on the chain.
func (a *Alert) identify() {
	h := sha256.New()
	fmt.Fprintf(h, "SLAStream alert v1\n%v\n%v\n%v\n%s\n%s\n", a.ChainID, a.Escrow, a.DealID, a.Kind, a.Phase)
	if a.Event != (slastream.EventID{}) {
		fmt.Fprintf(h, "%v\n%v\n", a.Event, a.BlockHash)
	}
	a.ID = hex.EncodeToString(h.Sum(nil)[:16])
}

// Subject returns the alert as the subject of a mail: one line of ASCII.
func (a Alert) Subject() string {
	return fmt.Sprintf("SLAStream deal %s: %s", number(a.DealID), a.headline())
}

func (a Alert) headline() string {
	switch a.Kind {
	case KindAtRisk:
		return "the deadline is at risk"
	case KindUnreachable:
		return "the deadline cannot be met"
	case KindDeadline:
		return "the deadline has passed"
	case KindSlashed:
		if a.Phase == PhasePending {
			return "being slashed"
		}
		return a.stage("slashed")
	case KindCompleted:
		return a.stage("completed")
	case KindReleased:
		return a.stage(fmt.Sprintf("chunk %d released", a.Chunk))
	}
	return fmt.Sprintf("%.40q", string(a.Kind))
}

// stage adds to what happened how sure it is.
func (a Alert) stage(s string) string {
	switch a.Phase {
	case PhasePending:
		return s + ", not yet settled"
	case PhaseRetracted:
		return s + ", and taken back"
	}
	return s
}

// Text returns the alert as the body of a mail: a few lines of ASCII.
func (a Alert) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s.", a.Subject())
	line("")
	switch {
	case a.Phase == PhaseRetracted && a.Kind != KindReleased:
		line("The block is no longer on the chain. The deal goes on, or ends again.")
	default:
		a.body(line)
	}
	if d := a.Deal; d.Exists() {
		line("Paid: %d of %d chunks. Deadline: %s.", d.Released, d.Chunks, clock(d.Deadline))
		line("Client: %v", d.Client)
		line("Provider: %v", d.Provider)
	}
	line("Escrow: %v on chain %v", a.Escrow, a.ChainID)
	line("Alert: %s, %s", a.ID, a.Phase)
	return b.String()
}

// body writes what the alert is about.
func (a Alert) body(line func(format string, args ...any)) {
	switch a.Kind {
	case KindAtRisk:
		line("The next chunk must be proved by %s, or the deal cannot complete by its deadline.", clock(a.Due))
	case KindUnreachable:
		line("The next chunk had to be proved by %s. At the deadline the rest goes back to the client.", clock(a.Due))
	case KindDeadline:
		line("Anyone may slash the deal now. Until somebody does, releases are still paid.")
	case KindSlashed:
		line("The client gets %v base units back.", a.Amount)
	case KindCompleted:
		line("The provider was paid %v base units and got the collateral.", a.Amount)
	case KindReleased:
		line("%v base units for %v, in block %d, event %v.", a.Amount, a.Provider, a.Block, a.Event)
		if a.Phase == PhaseRetracted {
			line("That block is no longer on the chain.")
		}
	}
}

// number returns a deal id in decimal where that is shorter.
func number(id attestation.Word) string {
	if n, ok := id.Uint64(); ok {
		return fmt.Sprint(n)
	}
	return id.String()
}

// clock returns Unix seconds as a date, up to the year 9999.
func clock(at uint64) string {
	const last = 253402300799
	if at > last {
		return "the year 10000 or later"
	}
	return time.Unix(int64(at), 0).UTC().Format(time.RFC3339)
}

// later returns a time and a duration after it, or the end of time. A negative
// duration is none.
func later(at uint64, d time.Duration) uint64 {
	seconds := uint64(max(d, 0) / time.Second)
	if at > math.MaxUint64-seconds {
		return math.MaxUint64
	}
	return at + seconds
}
