package policy

import (
	"context"
	"errors"
	"fmt"
	"iter"
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
// for, and remembers the verdicts, so the answer to a question does not depend
// on the questions before it. It is safe for concurrent use.
type Source struct {
	reader LogReader
	config Config
	busy   chan struct{} // holds one token while the fields below are in use

	tracker *Tracker
	next    uint64 // first epoch that was not read completely
	sets    map[attestation.Word]*verdicts
}

// verdicts are those of one data set, each list in chain order.
type verdicts struct {
	payable []Verdict
	refused []Verdict // the newest maxRefusals
}

// NewSource returns a source over r. It reads nothing yet. It fails as
// [NewTracker] does.
func NewSource(r LogReader, c Config) (*Source, error) {
	t, err := NewTracker(c)
	if err != nil {
		return nil, err
	}
	return &Source{
		reader:  r,
		config:  t.config,
		busy:    make(chan struct{}, 1),
		tracker: t,
		next:    c.FromBlock,
		sets:    make(map[attestation.Word]*verdicts),
	}, nil
}

// Head returns the newest epoch that may be asked for.
func (s *Source) Head(ctx context.Context) (uint64, error) {
	head, err := s.reader.Head(ctx)
	if err != nil {
		return 0, fmt.Errorf("policy: head: %w", err)
	}
	return head, nil
}

// Proofs yields the payable proofs of a data set whose epoch is in [from, to],
// in chain order, at most one for each proving period. It reads the epochs up
// to to that were not read yet, and nothing above. It yields one error and
// ends if reading fails (the next call goes on where it failed), with
// [ErrNotFinal] if to is above the head, and if Config.Sets leaves the set out.
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

// read returns the verdicts of a set in [from, to]. The slices do not change
// after it returns.
func (s *Source) read(ctx context.Context, set attestation.Word, from, to uint64) (payable, refused []Verdict, err error) {
	if s.tracker.only != nil && !s.tracker.only[set] {
		return nil, nil, fmt.Errorf("policy: data set %s is not in Config.Sets", set.Big())
	}
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if err := s.advance(ctx, to); err != nil {
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

// advance reads the epochs up to to.
func (s *Source) advance(ctx context.Context, to uint64) error {
	if to < s.next {
		return nil
	}
	head, err := s.Head(ctx)
	if err != nil {
		return err
	}
	if to > head {
		return fmt.Errorf("%w: %d, head is %d", ErrNotFinal, to, head)
	}
	read := s.tracker.position // by an attempt that an error ended
	for l, err := range s.reader.Logs(ctx, s.config.Verifier, s.next, to) {
		if err != nil {
			return fmt.Errorf("policy: logs of epochs %d to %d: %w", s.next, to, err)
		}
		if l.BlockNumber < s.next || l.BlockNumber > to {
			return fmt.Errorf("policy: logs of epochs %d to %d: got epoch %d", s.next, to, l.BlockNumber)
		}
		if read.includes(&l) {
			continue
		}
		v, ok, err := s.tracker.Observe(&l)
		if err != nil {
			return err
		}
		if ok {
			s.keep(v)
		}
	}
	s.next = to + 1
	return nil
}

func (s *Source) keep(v Verdict) {
	kept := s.sets[v.Proof.SetID]
	if kept == nil {
		kept = &verdicts{}
		s.sets[v.Proof.SetID] = kept
	}
	if v.Refusal == nil {
		kept.payable = append(kept.payable, v)
		return
	}
	if len(kept.refused) == maxRefusals {
		kept.refused = append(kept.refused[:0], kept.refused[1:]...)
	}
	kept.refused = append(kept.refused, v)
}
