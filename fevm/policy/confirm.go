package policy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/slastream"
)

// ErrOrphaned says that the log of a proof is not on the chain any more: its
// tipset was replaced, by a reorganization deeper than what the reader takes for
// final. Pay nothing for it; what the [Source] remembers is wrong, so take a new
// one, with a reader that waits longer. Errors that wrap it have a method
// Orphaned() bool too.
var ErrOrphaned = errors.New("policy: the proof is not on the chain any more")

type orphanedError struct{ proof slastream.Proof }

func (e *orphanedError) Error() string {
	p := &e.proof
	return fmt.Sprintf("%v: log %d of epoch %d, tipset %s, transaction %s", ErrOrphaned, p.LogIndex, p.BlockNumber, p.BlockHash, p.TxHash)
}
func (e *orphanedError) Unwrap() error  { return ErrOrphaned }
func (e *orphanedError) Orphaned() bool { return true }

const (
	// confirmTime is how long what Confirm read serves for other proofs of its
	// epoch.
	confirmTime = 2 * time.Second
	// confirmEpochs is of how many epochs.
	confirmEpochs = 8
)

// A confirmed is what Confirm read last, by epoch.
type confirmed struct {
	logs map[uint64]reading
}

type reading struct {
	logs []types.Log
	at   time.Time
}

func (c *confirmed) clear() { clear(c.logs) }

func (c *confirmed) get(epoch uint64) ([]types.Log, bool) {
	r, ok := c.logs[epoch]
	return r.logs, ok && time.Since(r.at) < confirmTime
}

func (c *confirmed) put(epoch uint64, r reading) {
	if c.logs == nil {
		c.logs = make(map[uint64]reading)
	}
	if _, ok := c.logs[epoch]; !ok && len(c.logs) >= confirmEpochs {
		clear(c.logs)
	}
	c.logs[epoch] = r
}

// Confirm reads the logs of the proof's epoch from the reader once more, not
// from what is remembered, and fails with [ErrOrphaned] if the log of the proof
// is not among them: one of the same transaction, index, tipset and data set.
// It is for the moment before the proof is signed for. Any other error says
// nothing about the proof: the reader failed, or the proof is of another chain
// or verifier.
//
// It costs one question of one epoch, two where the log is missing, since nodes
// leave logs out at times. What was read for one proof serves for the others of
// its epoch for two seconds, and no longer than until the source next asks for
// the head.
func (s *Source) Confirm(ctx context.Context, p slastream.Proof) error {
	if p.ChainID != s.config.ChainID || p.Verifier != s.config.Verifier {
		return fmt.Errorf("policy: confirm: proof of chain %d and verifier %s, want %d and %s", p.ChainID, p.Verifier, s.config.ChainID, s.config.Verifier)
	}
	leave, err := s.take(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if logs, ok := s.again.get(p.BlockNumber); ok && shows(logs, &p) {
		return nil
	}
	for range 2 {
		logs, err := s.readEpoch(ctx, p.BlockNumber)
		if err != nil {
			return err
		}
		if shows(logs, &p) {
			s.again.put(p.BlockNumber, reading{logs, time.Now()})
			return nil
		}
	}
	return &orphanedError{p}
}

// readEpoch reads the proof events of one epoch.
func (s *Source) readEpoch(ctx context.Context, epoch uint64) ([]types.Log, error) {
	var logs []types.Log
	for l, err := range s.reader.Logs(ctx, s.config.Verifier, epoch, epoch) {
		if err != nil {
			return nil, fmt.Errorf("policy: confirm: logs of epoch %d: %w", epoch, err)
		}
		if l.BlockNumber != epoch {
			return nil, fmt.Errorf("policy: confirm: logs of epoch %d: got epoch %d", epoch, l.BlockNumber)
		}
		logs = append(logs, l)
	}
	return logs, nil
}

// shows reports whether the log of a proof is among logs.
func shows(logs []types.Log, p *slastream.Proof) bool {
	for i := range logs {
		l := &logs[i]
		if l.Removed || attestation.EthereumAddress(l.Address) != p.Verifier || uint64(l.Index) != p.LogIndex ||
			attestation.Word(l.TxHash) != p.TxHash || attestation.Word(l.BlockHash) != p.BlockHash {
			continue
		}
		event, err := fevm.ParseLog(l)
		if err != nil {
			continue
		}
		switch e := event.(type) {
		case fevm.PossessionProven:
			return e.SetID == p.SetID
		case fevm.MockRootsAdded:
			return e.ProofSetID == p.SetID
		}
	}
	return false
}
