package policy

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sort"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A LogReader reads the logs of one contract. fevm/chain.Client is one.
type LogReader interface {
	// Head returns the newest epoch whose logs count as final. It never goes
	// backwards.
	Head(context.Context) (uint64, error)
	// Logs yields the logs that address emitted in epochs from to to, both
	// included, in chain order, without removed ones. After an error it ends.
	Logs(ctx context.Context, address attestation.EthereumAddress, from, to uint64) iter.Seq2[types.Log, error]
}

// ErrNotFinal marks a question about epochs above the head of the reader: the
// answer could still change.
var ErrNotFinal = errors.New("policy: epoch is not final yet")

// maxRefusals bounds the refusals that are kept for one data set: a provider can
// repeat a proof for little more than its fee.
const maxRefusals = 1000

// A Source answers which proofs are payable, from the logs of a reader. It
// reads each epoch once, from Config.FromBlock to the highest epoch it was asked
// for, and those within Config.Overlap of the head twice, and remembers the
// verdicts, so the answer to a question does not depend on the questions before
// it. It is safe for concurrent use.
//
// As JSON a source is a checkpoint: json.Unmarshal into a new source of the same
// Config goes on where json.Marshal was, with the answers that it would have had.
type Source struct {
	reader LogReader
	config Config
	busy   chan struct{} // holds one token while the fields below are in use

	tracker   *Tracker
	next      uint64 // first epoch that was not judged completely
	judged    int    // logs in epochs from next on that were judged, by an attempt that an error ended
	ahead     map[place]types.Log
	sets      map[attestation.Word]*verdicts
	order     []slot // the payable verdicts of all sets, in chain order
	floor     uint64 // verdicts of epochs below are forgotten
	watched   watch
	again     confirmed
	listeners map[attestation.Word]attestation.EthereumAddress
	checked   map[attestation.Word]uint64 // up to which epoch the state knows no further proof
}

// verdicts are those of one data set, each list in chain order.
type verdicts struct {
	payable []Verdict
	refused []Verdict // the newest maxRefusals
}

// NewSource returns a source over r. It reads nothing yet. It fails if the config
// has no chain id, no verifier, no genesis time for its chain, or rules that
// contradict themselves or need a reader that it does not have.
func NewSource(r LogReader, c Config) (*Source, error) {
	t, err := newTracker(c)
	if err != nil {
		return nil, err
	}
	for rules := range c.each {
		if rules.needsMore() && c.State == nil {
			return nil, errors.New("policy: config: Listeners and Verify need State")
		}
		if rules.Verify != VerifyNone && c.Inputs == nil {
			return nil, errors.New("policy: config: Verify needs Inputs")
		}
	}
	return &Source{
		reader:    r,
		config:    t.config,
		busy:      make(chan struct{}, 1),
		tracker:   t,
		next:      c.FromBlock,
		ahead:     make(map[place]types.Log),
		sets:      make(map[attestation.Word]*verdicts),
		watched:   newWatch(c.Sets),
		listeners: make(map[attestation.Word]attestation.EthereumAddress),
		checked:   make(map[attestation.Word]uint64),
	}, nil
}

// Head returns the newest epoch that may be asked for: Config.Overlap below the
// head of the reader.
func (s *Source) Head(ctx context.Context) (uint64, error) {
	head, err := s.readerHead(ctx)
	return head - min(head, s.config.Overlap), err
}

func (s *Source) readerHead(ctx context.Context) (uint64, error) {
	head, err := s.reader.Head(ctx)
	if err != nil {
		return 0, fmt.Errorf("policy: head: %w", err)
	}
	s.again.clear()
	return head, nil
}

// Proofs yields the payable proofs of a data set whose epoch is in [from, to],
// in chain order, at most one for each proving period. It reads the epochs up
// to to that were not read yet, and nothing above. It yields one error and
// ends if reading fails (the next call goes on where it failed), with
// [ErrNotFinal] if to is above the head, [ErrForgotten] if from is below what
// [Source.Forget] keeps, and if Config.Sets leaves the set out.
func (s *Source) Proofs(ctx context.Context, set attestation.Word, from, to uint64) iter.Seq2[slastream.Proof, error] {
	return func(yield func(slastream.Proof, error) bool) {
		payable, _, err := s.read(ctx, set, from, to)
		if err != nil {
			yield(slastream.Proof{}, err)
			return
		}
		for _, v := range payable {
			if !yield(v.Proof, nil) {
				return
			}
		}
	}
}

// Verdicts yields what [Source.Proofs] does together with the refused proof
// events and their reasons, in chain order. Of the refusals of a data set only
// the newest 1,000 are kept.
func (s *Source) Verdicts(ctx context.Context, set attestation.Word, from, to uint64) iter.Seq2[Verdict, error] {
	return func(yield func(Verdict, error) bool) {
		payable, refused, err := s.read(ctx, set, from, to)
		if err != nil {
			yield(Verdict{}, err)
			return
		}
		for len(payable) > 0 || len(refused) > 0 {
			from := &payable
			if len(payable) == 0 || len(refused) > 0 && before(refused[0], payable[0]) {
				from = &refused
			}
			if !yield((*from)[0], nil) {
				return
			}
			*from = (*from)[1:]
		}
	}
}

func before(a, b Verdict) bool {
	if a.Proof.BlockNumber != b.Proof.BlockNumber {
		return a.Proof.BlockNumber < b.Proof.BlockNumber
	}
	return a.Proof.LogIndex < b.Proof.LogIndex
}

// take waits until the fields of s may be used; leave gives them back.
func (s *Source) take(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s.busy <- struct{}{}:
		return func() { <-s.busy }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// read returns the verdicts of a set in [from, to]. The slices do not change
// after it returns.
func (s *Source) read(ctx context.Context, set attestation.Word, from, to uint64) (payable, refused []Verdict, err error) {
	leave, err := s.take(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	if err := s.kept(from); err != nil {
		return nil, nil, err
	}
	if err := s.advance(ctx, set, to); err != nil {
		return nil, nil, err
	}
	v := s.sets[set]
	if v == nil || from > to {
		return nil, nil, nil
	}
	return within(v.payable, from, to), within(v.refused, from, to), nil
}

// within returns a copy of the verdicts with epochs in [from, to].
func within(v []Verdict, from, to uint64) []Verdict {
	i := sort.Search(len(v), func(i int) bool { return v[i].Proof.BlockNumber >= from })
	j := sort.Search(len(v), func(i int) bool { return v[i].Proof.BlockNumber > to })
	return append([]Verdict(nil), v[i:j]...)
}

// advance judges the epochs up to to, and asks the state about a set.
func (s *Source) advance(ctx context.Context, set attestation.Word, to uint64) error {
	if s.tracker.only != nil && !s.tracker.only[set] {
		return fmt.Errorf("policy: data set %s is not in Config.Sets", set.Big())
	}
	s.watched.add(set)
	if to < s.next && (s.config.State == nil || to+1 < s.next || s.checked[set] >= to) {
		return nil
	}
	head, err := s.final(ctx, to)
	if err != nil {
		return err
	}
	last, err := s.lastProofs(ctx, set, to)
	if err != nil {
		return err
	}
	if err := s.judgeUpTo(ctx, to, head, last, func(other attestation.Word) bool { return other == set }); err != nil {
		return err
	}
	if epoch, ok := last[set]; ok {
		if known := s.tracker.touched(set); known < epoch {
			return &HiddenProofError{Set: set, Epoch: epoch, Known: known}
		}
		s.checked[set] = to
	}
	return nil
}

// final returns the head of the reader, and fails if to may not be asked for.
func (s *Source) final(ctx context.Context, to uint64) (head uint64, err error) {
	if head, err = s.readerHead(ctx); err != nil {
		return 0, err
	}
	if settled := head - min(head, s.config.Overlap); to > settled || to == math.MaxUint64 {
		return 0, fmt.Errorf("%w: %d, head is %d", ErrNotFinal, to, settled)
	}
	return head, nil
}

// judgeUpTo judges the epochs up to to. Of the sets of last that are wanted, the
// logs must show those last proofs.
func (s *Source) judgeUpTo(ctx context.Context, to, head uint64, last map[attestation.Word]uint64, wanted func(attestation.Word) bool) error {
	for s.next <= to {
		end := s.next + min(stretch, to-s.next)
		if s.judged > 0 { // up to a later epoch, for a question that failed
			end = max(end, s.tracker.position.block)
		}
		upTo := end
		if end >= to {
			upTo += min(s.config.Overlap, head-min(head, end))
		}
		logs, err := s.readStretch(ctx, end, upTo)
		if err != nil {
			return err
		}
		if logs, err = s.reveal(ctx, logs, end, last, wanted); err != nil {
			return err
		}
		if err := s.judgeStretch(ctx, logs, head); err != nil {
			return err
		}
		s.next, s.judged = end+1, 0
		s.forget()
	}
	return nil
}

func (s *Source) judgeStretch(ctx context.Context, logs []types.Log, head uint64) error {
	if n := s.judged; n > 0 {
		if n > len(logs) || !s.tracker.position.includes(&logs[n-1]) || n < len(logs) && s.tracker.position.includes(&logs[n]) {
			return fmt.Errorf("%w: up to log %d of epoch %d there were %d, and now others", ErrOrder, s.tracker.position.index, s.tracker.position.block, n)
		}
	}
	for _, l := range logs[s.judged:] {
		v, ok, err := s.tracker.observe(&l, s.inspector(ctx, head))
		if err != nil {
			return err
		}
		s.judged++
		if ok {
			s.keep(v)
		}
	}
	return nil
}

func (s *Source) keep(v Verdict) {
	if v.Proof.BlockNumber < s.floor {
		return
	}
	kept := s.sets[v.Proof.SetID]
	if kept == nil {
		kept = &verdicts{}
		s.sets[v.Proof.SetID] = kept
	}
	if v.Refusal == nil {
		kept.payable = append(kept.payable, v)
		s.order = append(s.order, slot{placeOf(&v), kept})
		return
	}
	if len(kept.refused) == maxRefusals {
		kept.refused = append(kept.refused[:0], kept.refused[1:]...)
	}
	kept.refused = append(kept.refused, v)
}

// Activation returns the epoch of the first NextProvingPeriod of a data set up to
// epoch to, which is where its [Schedule] begins. ok is false if there is none.
// It fails as [Source.Proofs] does, but never with [ErrForgotten].
func (s *Source) Activation(ctx context.Context, set attestation.Word, to uint64) (epoch uint64, ok bool, err error) {
	leave, err := s.take(ctx)
	if err != nil {
		return 0, false, err
	}
	defer leave()
	if err := s.advance(ctx, set, to); err != nil {
		return 0, false, err
	}
	state := s.tracker.sets[set]
	if state == nil || state.opened == 0 || state.opened > to {
		return 0, false, nil
	}
	return state.opened, true, nil
}
