package policy

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/slastream"
)

// ErrCheckpoint marks a checkpoint that is damaged, of another version, or of a
// source or tracker with another [Config]. Read from Config.FromBlock again.
var ErrCheckpoint = errors.New("policy: no checkpoint of this config")

const checkpointVersion = 1

type trackerJSON struct {
	Version int              `json:"version"`
	Config  attestation.Word `json:"config"`
	Begun   bool             `json:"begun"`
	Block   uint64           `json:"block"`
	Index   uint             `json:"index"`
	Sets    []setJSON        `json:"sets"`
}

type setJSON struct {
	ID       attestation.Word            `json:"id"`
	Provider attestation.EthereumAddress `json:"provider"`
	Deleted  bool                        `json:"deleted,omitempty"`
	Overflow bool                        `json:"overflow,omitempty"`
	Active   bool                        `json:"active,omitempty"`
	Open     bool                        `json:"open,omitempty"`
	Period   uint64                      `json:"period"`
	Leaves   uint64                      `json:"leaves"`
	Decided  *uint64                     `json:"decided,omitempty"` // last period with a proof
	Paid     *uint64                     `json:"paid,omitempty"`    // last period that was paid
	Opened   uint64                      `json:"opened"`
	Touched  uint64                      `json:"touched"`
	Pieces   []pieceJSON                 `json:"pieces,omitempty"` // by id
}

type pieceJSON struct {
	ID    uint64 `json:"id"`
	CID   string `json:"cid,omitempty"` // hexadecimal; empty if it was not emitted
	Bad   bool   `json:"bad,omitempty"` // it was not canonical, and is not kept
	Fresh bool   `json:"fresh,omitempty"`
}

type sourceJSON struct {
	Tracker json.RawMessage `json:"tracker"`
	Next    uint64          `json:"next"`
	Judged  int             `json:"judged,omitempty"`
	Floor   uint64          `json:"floor,omitempty"` // verdicts below are forgotten
	Payable []verdictJSON   `json:"payable"`
	Refused []verdictJSON   `json:"refused"`
}

type verdictJSON struct {
	Proof  slastream.Proof `json:"proof"`
	Reason Reason          `json:"reason,omitempty"`
	Detail string          `json:"detail,omitempty"`
}

// fingerprint is the digest of what a config says about the verdicts.
func (c *Config) fingerprint() attestation.Word {
	c2 := *c
	c2.Sets = slices.SortedFunc(slices.Values(c.Sets), attestation.Word.Cmp)
	c2.Overlap, c2.State, c2.Inputs = 0, nil, nil
	pieces := []string{}
	name := func(r *Rules) {
		for _, p := range r.Pieces {
			pieces = append(pieces, p.String())
		}
		pieces = append(pieces, "")
		r.Pieces = nil
	}
	name(&c2.Rules)
	c2.SetRules = maps.Clone(c.SetRules)
	for _, set := range slices.SortedFunc(maps.Keys(c2.SetRules), attestation.Word.Cmp) {
		r := c2.SetRules[set]
		name(&r)
		c2.SetRules[set] = r
	}
	b, err := json.Marshal(struct {
		Config Config
		Pieces []string
	}{c2, pieces})
	if err != nil {
		panic(err) // numbers, booleans, words and addresses have an encoding
	}
	return sha256.Sum256(b)
}

// MarshalJSON writes a checkpoint.
func (t *Tracker) MarshalJSON() ([]byte, error) {
	out := trackerJSON{
		Version: checkpointVersion, Config: t.config.fingerprint(),
		Begun: t.position.begun, Block: t.position.block, Index: t.position.index,
		Sets: make([]setJSON, 0, len(t.sets)),
	}
	for _, id := range slices.SortedFunc(maps.Keys(t.sets), attestation.Word.Cmp) {
		out.Sets = append(out.Sets, t.sets[id].json(id))
	}
	return json.Marshal(out)
}

func (s *dataSet) json(id attestation.Word) setJSON {
	out := setJSON{
		ID: id, Provider: s.provider, Deleted: s.deleted, Overflow: s.overflow, Active: s.active, Open: s.isOpen,
		Period: s.period, Leaves: s.leaves, Opened: s.opened, Touched: s.touched,
	}
	if s.paid {
		out.Paid = &s.lastPaid
	}
	if s.decided {
		out.Decided = &s.lastDecided
	}
	for _, n := range slices.Sorted(maps.Keys(s.pieces)) {
		p := pieceJSON{ID: n, Fresh: s.fresh[n], Bad: s.pieces[n].state == pieceBad}
		if s.pieces[n].state == pieceKnown {
			p.CID = hex.EncodeToString(s.pieces[n].cid.Bytes())
		}
		out.Pieces = append(out.Pieces, p)
	}
	return out
}

// UnmarshalJSON replaces the state by what MarshalJSON of a tracker with the same
// Config wrote. It fails with [ErrCheckpoint], and changes nothing then.
func (t *Tracker) UnmarshalJSON(b []byte) error {
	restored, err := t.restore(b)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	*t = *restored
	return nil
}

func (t *Tracker) restore(b []byte) (*Tracker, error) {
	var in trackerJSON
	if err := strict(b, &in); err != nil {
		return nil, err
	}
	if in.Version != checkpointVersion {
		return nil, fmt.Errorf("version %d, want %d", in.Version, checkpointVersion)
	}
	if want := t.config.fingerprint(); in.Config != want {
		return nil, fmt.Errorf("config %s, want %s", in.Config, want)
	}
	out := &Tracker{
		config: t.config, only: t.only, sets: make(map[attestation.Word]*dataSet, len(in.Sets)),
		position: position{in.Begun, in.Block, in.Index},
	}
	if !in.Begun && (in.Block != 0 || in.Index != 0 || len(in.Sets) > 0) {
		return nil, errors.New("state before the first log")
	}
	for i, s := range in.Sets {
		if i > 0 && s.ID.Cmp(in.Sets[i-1].ID) <= 0 {
			return nil, fmt.Errorf("data set %s out of order", s.ID.Big())
		}
		set, err := s.restore()
		if err != nil {
			return nil, fmt.Errorf("data set %s: %w", s.ID.Big(), err)
		}
		if out.only != nil && !out.only[s.ID] {
			return nil, fmt.Errorf("data set %s is not in Config.Sets", s.ID.Big())
		}
		out.sets[s.ID] = set
	}
	return out, nil
}

func (j *setJSON) restore() (*dataSet, error) {
	s := &dataSet{
		provider: j.Provider, deleted: j.Deleted, overflow: j.Overflow, active: j.Active, isOpen: j.Open,
		period: j.Period, leaves: j.Leaves, opened: j.Opened, touched: j.Touched,
	}
	if j.Paid != nil {
		s.paid, s.lastPaid = true, *j.Paid
	}
	if j.Decided != nil {
		s.decided, s.lastDecided = true, *j.Decided
	}
	if s.paid && (!s.decided || s.lastPaid > s.lastDecided) {
		return nil, fmt.Errorf("period %d was paid and not proven", s.lastPaid)
	}
	if len(j.Pieces) > maxPieces {
		return nil, fmt.Errorf("%d pieces, want at most %d", len(j.Pieces), maxPieces)
	}
	if len(j.Pieces) > 0 {
		s.pieces = make(map[uint64]piece, len(j.Pieces))
	}
	for i, p := range j.Pieces {
		if i > 0 && p.ID <= j.Pieces[i-1].ID {
			return nil, fmt.Errorf("piece %d out of order", p.ID)
		}
		restored, err := p.restore()
		if err != nil {
			return nil, fmt.Errorf("piece %d: %w", p.ID, err)
		}
		if s.pieces[p.ID] = restored; p.Bad {
			s.bad++
		}
		if p.Fresh {
			if s.fresh == nil {
				s.fresh = make(map[uint64]bool)
			}
			s.fresh[p.ID] = true
		}
	}
	return s, nil
}

func (j *pieceJSON) restore() (piece, error) {
	switch {
	case j.Bad && j.CID != "":
		return piece{}, errors.New("a CID that is not canonical is not kept")
	case j.Bad:
		return piece{state: pieceBad}, nil
	case j.CID == "":
		return piece{}, nil
	}
	b, err := hex.DecodeString(j.CID)
	if err != nil {
		return piece{}, err
	}
	cid, err := fevm.ParsePieceCID(b)
	return piece{cid, pieceKnown}, err
}

// MarshalJSON writes a checkpoint: the state of each data set, some 150 bytes for
// each piece, and the verdicts. It waits while the source reads.
func (s *Source) MarshalJSON() ([]byte, error) {
	s.busy <- struct{}{}
	defer func() { <-s.busy }()
	tracker, err := s.tracker.MarshalJSON()
	if err != nil {
		return nil, err
	}
	out := sourceJSON{Tracker: tracker, Next: s.next, Judged: s.judged, Floor: s.floor}
	for _, set := range slices.SortedFunc(maps.Keys(s.sets), attestation.Word.Cmp) {
		for _, v := range s.sets[set].payable {
			out.Payable = append(out.Payable, verdictJSON{Proof: v.Proof})
		}
		for _, v := range s.sets[set].refused {
			out.Refused = append(out.Refused, verdictJSON{v.Proof, v.Refusal.Reason, v.Refusal.Detail})
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON replaces what the source knows by what MarshalJSON of a source
// with the same Config wrote. It fails with [ErrCheckpoint], and changes nothing
// then. A checkpoint is believed: keep it where the program's own state is.
func (s *Source) UnmarshalJSON(b []byte) error {
	s.busy <- struct{}{}
	defer func() { <-s.busy }()
	if err := s.restore(b); err != nil {
		return fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	return nil
}

func (s *Source) restore(b []byte) error {
	var in sourceJSON
	if err := strict(b, &in); err != nil {
		return err
	}
	t, err := s.tracker.restore(in.Tracker)
	if err != nil {
		return err
	}
	switch {
	case in.Next < s.config.FromBlock:
		return fmt.Errorf("next epoch %d is before FromBlock %d", in.Next, s.config.FromBlock)
	case in.Judged < 0, in.Judged > 0 && t.position.block < in.Next, in.Judged == 0 && t.position.begun && t.position.block >= in.Next:
		return fmt.Errorf("%d logs judged from epoch %d on, the last in epoch %d", in.Judged, in.Next, t.position.block)
	}
	sets := make(map[attestation.Word]*verdicts)
	var order []slot
	for _, j := range slices.Concat(in.Payable, in.Refused) {
		v := Verdict{Proof: j.Proof}
		if j.Reason != "" {
			v.refuse(j.Reason, j.Detail)
		}
		if err := t.plausible(v); err != nil {
			return err
		}
		if sets[j.Proof.SetID] == nil {
			sets[j.Proof.SetID] = &verdicts{}
		}
		if err := sets[j.Proof.SetID].restore(v); err != nil {
			return err
		}
		if v.Proof.BlockNumber < in.Floor {
			return fmt.Errorf("a verdict of epoch %d, and those below %d are forgotten", v.Proof.BlockNumber, in.Floor)
		}
		if v.Refusal == nil {
			order = append(order, slot{placeOf(&v), sets[j.Proof.SetID]})
		}
	}
	slices.SortFunc(order, func(a, b slot) int { return a.at.compare(b.at) })
	for i := range order[min(1, len(order)):] {
		if order[i].at == order[i+1].at {
			return fmt.Errorf("two verdicts of log %d of epoch %d", order[i].at.index, order[i].at.block)
		}
	}
	s.tracker, s.next, s.judged, s.sets, s.order, s.floor = t, in.Next, in.Judged, sets, order, in.Floor
	s.again.clear()
	clear(s.ahead)
	clear(s.checked)
	return nil
}

// plausible reports what a verdict of the tracker cannot be.
func (t *Tracker) plausible(v Verdict) error {
	p := v.Proof
	at := place{p.BlockNumber, uint(p.LogIndex)}
	switch {
	case p.ChainID != t.config.ChainID,
		v.Refusal == nil && p.Verifier != t.config.Verifier,
		p.Timestamp != t.config.GenesisTime+EpochSeconds*p.BlockNumber,
		v.Refusal != nil && !p.RootCID.IsZero(),
		!t.position.begun || at.compare(place{t.position.block, t.position.index}) > 0,
		t.only != nil && !t.only[p.SetID]:
		return fmt.Errorf("the verdict of log %d of epoch %d cannot be", p.LogIndex, p.BlockNumber)
	}
	return nil
}

// restore appends a verdict of the set.
func (v *verdicts) restore(next Verdict) error {
	list := &v.payable
	if next.Refusal != nil {
		list = &v.refused
	}
	if n := len(*list); n > 0 && !before((*list)[n-1], next) || next.Refusal != nil && n == maxRefusals {
		return fmt.Errorf("data set %s: the verdict of epoch %d out of order, or one too many", next.Proof.SetID.Big(), next.Proof.BlockNumber)
	}
	*list = append(*list, next)
	return nil
}

// strict decodes JSON that has no unknown fields and nothing behind it.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return cmp.Or(err, errors.New("more than one JSON value"))
	}
	return nil
}
