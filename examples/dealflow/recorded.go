package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/policy"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// maxRecording bounds the file of recorded logs.
const maxRecording = 64 << 20

// A recording is the logs of a chain that is over: all of it is final.
type recording struct{ logs []types.Log }

var _ policy.LogReader = (*recording)(nil)

func readRecording(name string) (*recording, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxRecording+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxRecording {
		return nil, fmt.Errorf("%s: more than %d bytes", name, maxRecording)
	}
	var rows []struct {
		Address     common.Address `json:"address"`
		Topics      []common.Hash  `json:"topics"`
		Data        hexutil.Bytes  `json:"data"`
		BlockNumber uint64         `json:"blockNumber"`
		BlockHash   common.Hash    `json:"blockHash"`
		TxHash      common.Hash    `json:"txHash"`
		TxIndex     uint           `json:"transactionIndex"`
		Index       uint           `json:"logIndex"`
		Removed     bool           `json:"removed"`
	}
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, fmt.Errorf("%s: want a JSON array of logs: %w", name, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: no logs", name)
	}
	r := &recording{}
	for _, row := range rows {
		r.logs = append(r.logs, types.Log{
			Address: row.Address, Topics: row.Topics, Data: row.Data,
			BlockNumber: row.BlockNumber, BlockHash: row.BlockHash,
			TxHash: row.TxHash, TxIndex: row.TxIndex, Index: row.Index, Removed: row.Removed,
		})
	}
	return r, nil
}

// Head returns the last epoch of the recording.
func (r *recording) Head(context.Context) (uint64, error) {
	var head uint64
	for _, l := range r.logs {
		head = max(head, l.BlockNumber)
	}
	return head, nil
}

// Logs yields the recorded logs of one contract.
func (r *recording) Logs(_ context.Context, address attestation.EthereumAddress, from, to uint64) iter.Seq2[types.Log, error] {
	return func(yield func(types.Log, error) bool) {
		for _, l := range r.logs {
			if attestation.EthereumAddress(l.Address) != address || l.Removed || l.BlockNumber < from || l.BlockNumber > to {
				continue
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

// provenSets returns the data sets of the verifier that have a proof event, in
// order of the first one.
func (r *recording) provenSets(verifier attestation.EthereumAddress) ([]attestation.Word, error) {
	var sets []attestation.Word
	seen := map[attestation.Word]bool{}
	for i := range r.logs {
		if attestation.EthereumAddress(r.logs[i].Address) != verifier || r.logs[i].Removed {
			continue
		}
		event, err := fevm.ParseLog(&r.logs[i])
		if errors.Is(err, fevm.ErrUnknownEvent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if e, ok := event.(fevm.PossessionProven); ok && !seen[e.SetID] {
			seen[e.SetID] = true
			sets = append(sets, e.SetID)
		}
	}
	return sets, nil
}

// recorded tells the story with the logs of a real PDPVerifier: one deal of
// five chunks for each data set that was proved.
func (f *flow) recorded(ctx context.Context) error {
	verifier, err := attestation.ParseEthereumAddress(f.verifier)
	if err != nil {
		return fmt.Errorf("-verifier: %w", err)
	}
	logs, err := readRecording(f.logs)
	if err != nil {
		return err
	}
	sets, err := logs.provenSets(verifier)
	if err != nil {
		return err
	}
	if len(sets) == 0 {
		return fmt.Errorf("%s: no PossessionProven of %v: name the contract with -verifier", f.logs, verifier)
	}
	// The recording was made with Calibration's chain id in mind; its epochs
	// are those of the recording, and so are the attested times.
	source, err := policy.NewSource(logs, policy.Config{ChainID: fevmsim.ChainID, Verifier: verifier, MinChallenges: f.minChallenges})
	if err != nil {
		return err
	}
	f.out.title(fmt.Sprintf("%d logs of PDPVerifier %v", len(logs.logs), verifier))
	var bindings []relay.Binding
	for _, set := range sets {
		deal, err := f.openDeal(ctx, slastream.Terms{
			Provider: f.people.provider, Chunks: 5, ChunkAmount: tokens(100), Collateral: tokens(50),
			Duration: periodEpochs * fevmsim.EpochSeconds,
		})
		if err != nil {
			return err
		}
		bindings = append(bindings, relay.Binding{Deal: deal, Set: set})
	}
	store := relay.NewMemoryStore()
	// Only what a source must do: the recording ends when its data sets are deleted,
	// and a relay would not bind one that is, and has earned nothing.
	r, err := f.newRelay(struct{ relay.ProofSource }{source}, store, bindings...)
	if err != nil {
		return err
	}
	f.out.title("The recorded proofs")
	if err := f.turn(ctx, r, store, map[relay.ChunkID]bool{}); err != nil {
		return err
	}
	for _, b := range bindings {
		if err := f.verdicts(ctx, source, b); err != nil {
			return err
		}
	}
	return f.finish(ctx, bindings)
}
