package policy

import (
	"errors"
	"fmt"
	"math"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/slastream"
)

// ErrOrder marks a log that is not after the one before it in chain order.
var ErrOrder = errors.New("policy: logs are not in chain order")

// A Tracker judges the logs of one verifier, one after the other. It is a pure
// function of the logs it was given: no clock, no I/O. It keeps, for each data
// set, the provider, the live pieces (at most 2^20), the open proving period and
// the last one that was paid. It is not safe for concurrent use.
//
// As JSON a tracker is a checkpoint: json.Unmarshal into a new tracker of the
// same Config goes on where json.Marshal was.
type Tracker struct {
	config   Config
	only     map[attestation.Word]bool // nil: every set
	sets     map[attestation.Word]*dataSet
	position position
}

// A position is the last log that was observed. The zero value is none.
type position struct {
	begun bool
	block uint64
	index uint
}

// includes reports whether l is that log or one before it.
func (p position) includes(l *types.Log) bool {
	return p.begun && (l.BlockNumber < p.block || l.BlockNumber == p.block && l.Index <= p.index)
}

// NewTracker returns a tracker that has seen no logs. It fails if the config
// has no chain id, no verifier, no genesis time for its chain, or rules that
// contradict themselves, and for Rules.Listeners and Rules.Verify: logs alone do
// not answer them, a [Source] does.
func NewTracker(c Config) (*Tracker, error) {
	for r := range c.each {
		if r.needsMore() {
			return nil, errors.New("policy: config: Listeners and Verify need a Source")
		}
	}
	return newTracker(c)
}

func newTracker(c Config) (*Tracker, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	t := &Tracker{config: c, sets: make(map[attestation.Word]*dataSet)}
	if len(c.Sets) > 0 {
		t.only = make(map[attestation.Word]bool, len(c.Sets))
		for _, set := range c.Sets {
			t.only[set] = true
		}
	}
	return t, nil
}

// Observe takes the next log in chain order, ascending by block and log index.
// If the log is a proof event (PossessionProven, or the mock's RootsAdded), ok is
// true and the verdict says what it is worth; every other log changes the state
// at most, or is ignored: other contracts' logs, unknown events, data sets that
// Config.Sets leaves out.
//
// It fails, and ignores the log, with [ErrOrder] if the log is not after the last
// one, with fevm.ErrMalformed if the verifier's log cannot be decoded, and if the
// log is marked Removed or of an epoch beyond reason.
func (t *Tracker) Observe(l *types.Log) (v Verdict, ok bool, err error) {
	return t.observe(l, nil)
}

func (t *Tracker) observe(l *types.Log, more inspect) (v Verdict, ok bool, err error) {
	if l.Removed {
		return v, false, fmt.Errorf("policy: log %d of epoch %d was removed by a reorganisation", l.Index, l.BlockNumber)
	}
	if t.position.includes(l) {
		return v, false, fmt.Errorf("%w: log %d of epoch %d after log %d of epoch %d", ErrOrder, l.Index, l.BlockNumber, t.position.index, t.position.block)
	}
	if l.BlockNumber > (math.MaxUint64-t.config.GenesisTime)/EpochSeconds {
		return v, false, fmt.Errorf("policy: log of epoch %d: no such time", l.BlockNumber)
	}
	event, err := fevm.ParseLog(l)
	foreign := attestation.EthereumAddress(l.Address) != t.config.Verifier
	if errors.Is(err, fevm.ErrUnknownEvent) || err != nil && foreign {
		t.seen(l)
		return v, false, nil
	}
	if err != nil {
		return v, false, fmt.Errorf("policy: log %d of epoch %d: %w", l.Index, l.BlockNumber, err)
	}
	switch e := event.(type) {
	case fevm.PossessionProven:
		v, ok, err = t.judge(l, e.SetID, foreign, func(s *dataSet, v *Verdict) error {
			return s.prove(t.config.rules(e.SetID), e.Challenges, v, more)
		})
	case fevm.MockRootsAdded:
		v, ok, err = t.judge(l, e.ProofSetID, foreign, func(s *dataSet, v *Verdict) error {
			s.mock(&t.config, e, v)
			return nil
		})
	default:
		if !foreign {
			t.apply(event, l.BlockNumber)
		}
	}
	if err == nil {
		t.seen(l)
	}
	return v, ok, err
}

func (t *Tracker) seen(l *types.Log) { t.position = position{true, l.BlockNumber, l.Index} }

// judge makes the verdict of a proof event.
func (t *Tracker) judge(l *types.Log, id attestation.Word, foreign bool, judge func(*dataSet, *Verdict) error) (v Verdict, ok bool, err error) {
	if t.only != nil && !t.only[id] {
		return v, false, nil
	}
	v.Proof = slastream.Proof{
		Evidence: attestation.Evidence{
			ChainID:     t.config.ChainID,
			Verifier:    t.config.Verifier,
			SetID:       id,
			TxHash:      attestation.Word(l.TxHash),
			BlockHash:   attestation.Word(l.BlockHash),
			BlockNumber: l.BlockNumber,
			LogIndex:    uint64(l.Index),
		},
		Timestamp: t.config.GenesisTime + EpochSeconds*l.BlockNumber,
	}
	if foreign {
		v.Proof.Verifier = attestation.EthereumAddress(l.Address)
		v.refuse(ReasonForeign, v.Proof.Verifier.String())
		return v, true, nil
	}
	if err := judge(t.set(id), &v); err != nil {
		return Verdict{}, false, err
	}
	return v, true, nil
}

// touched returns the epoch of the last event of a set that may have set the
// verifier's record of its last proof.
func (t *Tracker) touched(id attestation.Word) uint64 {
	if s, ok := t.sets[id]; ok {
		return s.touched
	}
	return 0
}

func (v *Verdict) refuse(reason Reason, detail string) {
	v.Refusal = &Refusal{Reason: reason, Evidence: v.Proof.Evidence, Detail: detail}
}

// set returns the state of a data set, or nil if it is left out.
func (t *Tracker) set(id attestation.Word) *dataSet {
	if t.only != nil && !t.only[id] {
		return nil
	}
	s, ok := t.sets[id]
	if !ok {
		s = &dataSet{}
		t.sets[id] = s
	}
	return s
}

// apply changes the state of a data set by an event of an epoch.
func (t *Tracker) apply(event fevm.Event, epoch uint64) {
	switch e := event.(type) {
	case fevm.DataSetCreated:
		if s := t.set(e.SetID); s != nil {
			s.provider, s.touched = e.StorageProvider, epoch
		}
	case fevm.StorageProviderChanged:
		if s := t.set(e.SetID); s != nil {
			s.provider = e.NewStorageProvider
		}
	case fevm.PiecesAdded:
		if s := t.set(e.SetID); s != nil {
			s.add(e)
		}
	case fevm.PiecesRemoved:
		if s := t.set(e.SetID); s != nil {
			s.remove(e.PieceIDs)
		}
	case fevm.NextProvingPeriod:
		if s := t.set(e.SetID); s != nil {
			s.open(e, epoch)
		}
	case fevm.DataSetEmpty:
		if s := t.set(e.SetID); s != nil {
			s.empty(epoch)
		}
	case fevm.DataSetDeleted:
		if s := t.set(e.SetID); s != nil {
			*s = dataSet{provider: s.provider, deleted: true, opened: s.opened, touched: s.touched}
		}
	}
}
