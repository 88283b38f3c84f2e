package policy

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// stretch is how far apart the ends of what is read and judged at once are: what
// a node answers in one piece.
const stretch = 2880

// A place is where a log is on the chain.
type place struct {
	block uint64
	index uint
}

func (a place) compare(b place) int {
	return cmp.Or(cmp.Compare(a.block, b.block), cmp.Compare(a.index, b.index))
}

// readStretch reads the epochs from s.next to upTo, and returns the logs of those
// up to end in chain order, with the ones that were seen in an earlier reading.
// Those above end are kept for the next reading: a log that was seen once in an
// epoch that cannot change is on the chain, whether it is shown again or not.
func (s *Source) readStretch(ctx context.Context, end, upTo uint64) ([]types.Log, error) {
	if err := s.readAhead(ctx, s.next, upTo); err != nil {
		return nil, err
	}
	return s.merged(end), nil
}

// merged returns the logs that were read in epochs up to end, in chain order.
func (s *Source) merged(end uint64) []types.Log {
	var logs []types.Log
	for _, p := range slices.SortedFunc(maps.Keys(s.ahead), place.compare) {
		if p.block > end {
			break
		}
		logs = append(logs, s.ahead[p])
	}
	return logs
}

// forget drops the logs of epochs that were judged.
func (s *Source) forget() {
	maps.DeleteFunc(s.ahead, func(p place, _ types.Log) bool { return p.block < s.next })
}

// readAhead reads a range of epochs into s.ahead.
func (s *Source) readAhead(ctx context.Context, from, to uint64) error {
	fail := func(err error) error { return fmt.Errorf("policy: logs of epochs %d to %d: %w", from, to, err) }
	var last *place
	for l, err := range s.reader.Logs(ctx, s.config.Verifier, from, to) {
		if err != nil {
			return fail(err)
		}
		at := place{l.BlockNumber, l.Index}
		switch {
		case l.BlockNumber < from || l.BlockNumber > to:
			return fail(fmt.Errorf("got epoch %d", l.BlockNumber))
		case l.Removed:
			return fail(fmt.Errorf("log %d of epoch %d was removed by a reorganisation", l.Index, l.BlockNumber))
		case last != nil && at.compare(*last) <= 0:
			return fail(fmt.Errorf("%w: log %d of epoch %d after log %d of epoch %d", ErrOrder, at.index, at.block, last.index, last.block))
		}
		last = &at
		if seen, ok := s.ahead[at]; ok && !sameLog(&seen, &l) {
			clear(s.ahead) // which of the two is right shows when they are read again
			return fail(fmt.Errorf("log %d of epoch %d is another one than before", at.index, at.block))
		}
		s.ahead[at] = l
	}
	return nil
}

func sameLog(a, b *types.Log) bool {
	return a.Address == b.Address && a.BlockHash == b.BlockHash && a.TxHash == b.TxHash &&
		slices.Equal(a.Topics, b.Topics) && bytes.Equal(a.Data, b.Data)
}

// A HiddenProofError says that the verifier's state records a proof of a data set
// (getDataSetLastProvenEpoch) that no log shows: a node leaves logs out, or
// Config.FromBlock is too late. Nothing may be concluded from the logs. Asking
// again reads again, as long as the epoch was not judged yet; else take a new
// [Source], or an earlier checkpoint.
type HiddenProofError struct {
	Set   attestation.Word
	Epoch uint64 // of the proof
	Known uint64 // epoch of the last proof, or of what else sets that record, that the logs show; 0 for none
}

// Error names the epochs.
func (e *HiddenProofError) Error() string {
	return fmt.Sprintf("policy: data set %s: the verifier records a proof in epoch %d that no log shows, the last known is of epoch %d", e.Set.Big(), e.Epoch, e.Known)
}

// lastProofs asks for the epoch of the last proof of a set, and of the other sets
// that were asked about before, in the state after epoch to.
func (s *Source) lastProofs(ctx context.Context, set attestation.Word, to uint64) (map[attestation.Word]uint64, error) {
	if s.config.State == nil {
		return nil, nil
	}
	last := make(map[attestation.Word]uint64, len(s.checked)+1)
	if err := s.lastProof(ctx, set, to, last); err != nil {
		return nil, err
	}
	for other := range s.checked {
		if other != set && s.next <= to {
			if err := s.lastProof(ctx, other, to, last); err != nil {
				return nil, err
			}
		}
	}
	return last, nil
}

// lastProof leaves out a set that is not live: the verifier has no record of it.
func (s *Source) lastProof(ctx context.Context, set attestation.Word, to uint64, last map[attestation.Word]uint64) error {
	word, err := s.view(ctx, selectorLastProven, set, to)
	if err != nil {
		live, also := s.view(ctx, selectorLive, set, to)
		if also != nil || !live.IsZero() {
			return fmt.Errorf("policy: last proof of data set %s: %w", set.Big(), err)
		}
		s.checked[set] = max(s.checked[set], to)
		return nil
	}
	if epoch, ok := word.Uint64(); ok && epoch <= to && epoch >= s.config.FromBlock {
		last[set] = epoch
	}
	return nil
}

// reveal makes sure that the logs hold the last proofs that the state records in
// their epochs: where one is missing, its epoch is read once more.
func (s *Source) reveal(ctx context.Context, logs []types.Log, end uint64, last map[attestation.Word]uint64, wanted func(attestation.Word) bool) ([]types.Log, error) {
	for set, epoch := range last {
		if epoch < s.next || epoch > end || epoch <= s.tracker.touched(set) || slices.Contains(s.tracker.records(logs, set), epoch) {
			continue
		}
		if err := s.readAhead(ctx, epoch, epoch); err != nil {
			return nil, err
		}
		logs = s.merged(end)
		if records := s.tracker.records(logs, set); wanted(set) && !slices.Contains(records, epoch) {
			return nil, &HiddenProofError{Set: set, Epoch: epoch, Known: records[len(records)-1]}
		}
	}
	return logs, nil
}

// records are the epochs up to the end of logs in which the verifier set its
// record of the last proof of a data set: the last one before logs, and those of
// logs.
func (t *Tracker) records(logs []types.Log, id attestation.Word) []uint64 {
	var s dataSet
	if known := t.sets[id]; known != nil {
		s = dataSet{touched: known.touched, active: known.active}
	}
	out := []uint64{s.touched}
	for i := range logs {
		event, err := fevm.ParseLog(&logs[i])
		if err != nil {
			continue
		}
		switch e := event.(type) {
		case fevm.PossessionProven:
			if e.SetID == id {
				s.touched = logs[i].BlockNumber
			}
		case fevm.DataSetCreated:
			if e.SetID == id {
				s.touched = logs[i].BlockNumber
			}
		case fevm.DataSetEmpty:
			if e.SetID == id {
				s.empty(logs[i].BlockNumber)
			}
		case fevm.NextProvingPeriod:
			if e.SetID == id {
				s.open(e, logs[i].BlockNumber)
			}
		}
		if s.touched != out[len(out)-1] {
			out = append(out, s.touched)
		}
	}
	return out
}
