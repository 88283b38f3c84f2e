package watch

import (
	"slices"
	"time"

	"github.com/slastream/slastream-go/slastream"
)

const (
	// firstLook is when a deal that has ended is looked at once more, in case a
	// reorganisation took the end back that no event told of; each further look
	// waits twice as long.
	firstLook = 10 * time.Minute
	// lastLook is for how long, without Config.Settled to say when to stop. Blocks
	// of Starknet are settled within a few hours.
	lastLook = 24 * time.Hour
)

// An ending is the end of a deal that a reorganisation may still take back.
type ending struct {
	At    uint64 `json:"at"`             // block time when it was seen
	Kind  Kind   `json:"kind,omitempty"` // what was told; "" of a deal whose end nobody was told
	Final bool   `json:"final,omitempty"`
}

// outcome returns how a deal has ended and what its alert says was paid.
func outcome(d slastream.Deal) (Kind, slastream.Amount) {
	if d.Slashed {
		refund, _ := d.Refund() // no deal of a contract fails
		return KindSlashed, refund
	}
	return KindCompleted, d.Total
}

// conclude tells that a deal has ended, and looks at it again for some time. Of
// history nobody is told.
func (t *Tower) conclude(now uint64, v *visit, history bool) {
	if !t.state.Open.has(v.id) {
		return
	}
	if history {
		t.drop(v.id)
		return
	}
	kind, amount := outcome(v.deal)
	settled := t.state.Settled.has(v.id)
	final := settled || t.config.Settled == nil
	phase := PhasePending
	if final {
		phase = PhaseFinal
	}
	told := phase == PhasePending && kind == KindSlashed && t.state.Slashing.has(v.id)
	if !told && !t.emit(kind, phase, now, v.deal, v.deal.Deadline, amount) {
		t.soon(now, 1, v.id)
		return
	}
	t.config.Logger.Info("watch: a deal has ended", "deal", v.id, "kind", kind, "phase", phase)
	t.drop(v.id)
	if !settled {
		t.end(v.id, ending{now, kind, final})
		t.soon(now, uint64(firstLook/time.Second), v.id)
	}
}

// end keeps the end of a deal.
func (t *Tower) end(id uint64, e ending) {
	if t.state.Ended == nil {
		t.state.Ended = map[uint64]ending{}
	}
	t.state.Ended[id], t.dirty = e, true
}

// review looks at a deal that had ended, and reports whether it is to be judged
// as an open one: what it came to was taken back, or it came to something else.
func (t *Tower) review(now uint64, v *visit) bool {
	e := t.state.Ended[v.id]
	kind, amount := outcome(v.deal)
	if v.deal.Active || e.Kind != "" && e.Kind != kind {
		if e.Kind != "" && !t.retract(now, e, v) {
			t.soon(now, 1, v.id)
			return false
		}
		t.config.Logger.Warn("watch: the end of a deal was taken back", "deal", v.id, "kind", e.Kind)
		t.state.forget(v.id)
		t.adopt(v.id)
		return true
	}
	if e.Kind != "" && !e.Final && t.config.Settled == nil {
		if !t.emit(kind, PhaseFinal, now, v.deal, v.deal.Deadline, amount) {
			t.soon(now, 1, v.id)
			return false
		}
		e.Final = true
	}
	age := now - min(e.At, now)
	switch {
	case t.config.Settled == nil && age >= uint64(lastLook/time.Second):
		delete(t.state.Ended, v.id)
		t.dirty = true
	default:
		if e.At > now { // the clock was wrong
			e.At = now
		}
		if e != t.state.Ended[v.id] {
			t.end(v.id, e)
		}
		if !v.woken {
			t.soon(now, min(max(age, uint64(firstLook/time.Second)), uint64(lastLook/time.Second)), v.id)
		}
	}
	return false
}

// retract tells that the end of a deal was taken back, unless nobody can have
// heard of it.
func (t *Tower) retract(now uint64, e ending, v *visit) bool {
	took := Alert{Kind: e.Kind, Phase: PhaseRetracted, DealID: v.deal.ID, Deal: v.deal, At: now, Due: v.deal.Deadline}
	if !t.enqueue(took) {
		return false
	}
	t.state.Queue = slices.DeleteFunc(t.state.Queue, func(l Letter) bool {
		return l.Alert.Phase == PhaseFinal && l.Alert.Kind == e.Kind && l.Alert.DealID == v.deal.ID
	})
	return true
}

// finalize takes the settled event of an end; d is the deal as it was read then.
// It reports whether there was room for its alert.
func (t *Tower) finalize(id uint64, kind Kind, amount slastream.Amount, d slastream.Deal) bool {
	e, ended := t.state.Ended[id]
	switch {
	case ended && !e.Final && e.Kind != "":
		if !t.emit(kind, PhaseFinal, t.newest, d, d.Deadline, amount) {
			return false
		}
		fallthrough
	case ended:
		delete(t.state.Ended, id)
		t.dirty = true
	case t.state.Open.has(id) || id > t.state.Deals:
		t.state.Settled.add(id)
		t.dirty = true
	}
	return true
}
