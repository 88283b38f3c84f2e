package watch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/slastream/slastream-go/attestation"
)

// ErrCorrupt says that a store holds something that no tower of this release
// wrote: a damaged document, or one of a newer release. Restore it from a
// backup, or move it away: a tower with an empty store looks at every deal again,
// slashes as before, and may repeat alerts, with the ids they had.
var ErrCorrupt = errors.New("watch: the stored state cannot be read; restore it from a backup or move it away, and alerts may be repeated")

// format names the layout of the document: another one gets another number.
// formatOne had no Refused, Ended and Settled, and is read as one that has none.
const (
	format    = "slastream watch 2"
	formatOne = "slastream watch 1"
)

// state is what a tower must not forget.
type state struct {
	Domain  attestation.Domain `json:"domain"`
	Deals   uint64             `json:"deals"`   // every deal up to it was read once
	History uint64             `json:"history"` // deals up to it that had ended when they were first read are not told

	Watched     dealSet `json:"watched,omitzero"`     // those that Config.Filter chose
	Open        dealSet `json:"open,omitzero"`        // of these, those that had not ended when last read
	AtRisk      dealSet `json:"atRisk,omitzero"`      // open deals that were told to be at risk,
	Unreachable dealSet `json:"unreachable,omitzero"` // beyond reach,
	Overdue     dealSet `json:"overdue,omitzero"`     // over their deadline,
	Slashing    dealSet `json:"slashing,omitzero"`    // about to be slashed
	Unread      dealSet `json:"unread,omitzero"`      // open only because they could not be read yet

	Sent    map[uint64]uint64 `json:"sent,omitempty"`    // block time at which a slash that may be on its way was sent
	Refused map[uint64]uint64 `json:"refused,omitempty"` // block time at which a slash of an open deal was refused
	Ended   map[uint64]ending `json:"ended,omitempty"`   // deals that had ended and may be taken back
	Settled dealSet           `json:"settled,omitzero"`  // deals whose settled end came before the tower saw it

	Queue []Letter        `json:"queue,omitempty"` // alerts to deliver, oldest first
	Dead  []Letter        `json:"dead,omitempty"`  // alerts that were given up, oldest first
	Feeds map[string]feed `json:"feeds,omitempty"` // how far the watchers have come
}

// told returns the set of open deals that had an alert of a kind.
func (s *state) told(k Kind) *dealSet {
	switch k {
	case KindAtRisk:
		return &s.AtRisk
	case KindUnreachable:
		return &s.Unreachable
	case KindDeadline:
		return &s.Overdue
	}
	return &s.Slashing
}

// forget drops what is kept of an open deal.
func (s *state) forget(id uint64) {
	for _, set := range []dealSet{s.Open, s.AtRisk, s.Unreachable, s.Overdue, s.Slashing, s.Unread, s.Settled} {
		set.remove(id)
	}
	delete(s.Sent, id)
	delete(s.Refused, id)
	delete(s.Ended, id)
}

// envelope is the document: the state and the hash that shows damage.
type envelope struct {
	Format string          `json:"format"`
	SHA256 string          `json:"sha256"` // of State as it stands here
	State  json.RawMessage `json:"state"`
}

func (s *state) document() ([]byte, error) {
	inner, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(inner)
	return json.Marshal(envelope{format, hex.EncodeToString(sum[:]), inner})
}

// corrupt returns an ErrCorrupt with what is wrong.
func corrupt(text string, args ...any) error {
	return fmt.Errorf("%w: "+text, append([]any{ErrCorrupt}, args...)...)
}

// parseState reads a document, all of it or nothing.
func parseState(document []byte) (state, error) {
	var e envelope
	if err := strict(document, &e); err != nil {
		return state{}, corrupt("%.200v", err)
	}
	if e.Format != format && e.Format != formatOne {
		return state{}, corrupt("the format is %.40q, want %q: a newer release may have written it", e.Format, format)
	}
	if sum := sha256.Sum256(e.State); e.SHA256 != hex.EncodeToString(sum[:]) {
		return state{}, corrupt("its hash does not fit")
	}
	var s state
	if err := strict(e.State, &s); err != nil {
		return state{}, corrupt("%.200v", err)
	}
	if s.Deals > maxDeals || s.History > maxDeals {
		return state{}, corrupt("it counts %d deals", max(s.Deals, s.History))
	}
	if id, ok := s.Watched.next(s.Deals + 1); ok {
		return state{}, corrupt("it watches deal %d of %d", id, s.Deals)
	}
	for i, w := range s.Open {
		if i >= len(s.Watched) || w&^s.Watched[i] != 0 {
			return state{}, corrupt("it holds an open deal that is not watched")
		}
	}
	for id := range s.Ended {
		if !s.Watched.has(id) || s.Open.has(id) {
			return state{}, corrupt("it holds deal %d that has ended, and is open or not watched", id)
		}
	}
	return s, nil
}

// strict reads one JSON value without unknown names and nothing after it.
func strict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is something after the end")
	}
	return nil
}

// clip bounds a text that others wrote, and makes it one line.
func clip(s string) string {
	const most = 200
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s[:min(len(s), 4*most)], "")), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
