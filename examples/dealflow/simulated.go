package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/policy"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// periodEpochs is how long a proving period of the story lasts: half an hour.
const periodEpochs = 60

// simulated tells the story with a simulated storage provider.
func (f *flow) simulated(ctx context.Context) error {
	f.out.title("A deal of five chunks")
	terms := slastream.Terms{
		Provider:    f.people.provider,
		Chunks:      5,
		ChunkAmount: tokens(100),
		Collateral:  tokens(50),
		Duration:    7 * periodEpochs * fevmsim.EpochSeconds,
	}
	deal, err := f.openDeal(ctx, terms)
	if err != nil {
		return err
	}
	sp := f.filecoin.Provider(f.filecoin.Accounts()[0])
	start := f.filecoin.Head()
	set, err := sp.CreateDataSet(ctx, [20]byte{})
	if err != nil {
		return fmt.Errorf("create the data set: %w", err)
	}
	raw := make([]byte, 127*32)
	for i := range raw {
		raw[i] = byte(i * i)
	}
	pieces, err := sp.AddPieces(ctx, set, raw)
	if err != nil {
		return fmt.Errorf("add the piece: %w", err)
	}
	f.out.say(plain, "provider", "creates data set %d with a piece of %d bytes, %s", set, pieces[0].RawSize(), pieces[0])

	client, err := rpc.DialOptions(ctx, "http://filecoin.in-process", rpc.WithHTTPClient(f.filecoin.Client()))
	if err != nil {
		return err
	}
	reader, err := chain.New(client, chain.Config{ChainID: fevmsim.ChainID})
	if err != nil {
		return err
	}
	source, err := policy.NewSource(reader, policy.Config{
		ChainID:       fevmsim.ChainID,
		Verifier:      attestation.EthereumAddress(f.filecoin.Verifier()),
		MinChallenges: f.minChallenges,
		FromBlock:     start,
	})
	if err != nil {
		return err
	}
	binding := relay.Binding{Deal: deal, Set: attestation.WordFromUint64(set), StartEpoch: start}
	store := relay.NewMemoryStore()
	r, err := f.newRelay(source, store, binding)
	if err != nil {
		return err
	}

	f.out.title("Five proving periods")
	told := map[relay.ChunkID]bool{}
	var old fevm.ProvePossession
	for period := 1; period <= 5; period++ {
		challenge := f.filecoin.Head() + periodEpochs/2
		if _, err := sp.NextProvingPeriod(ctx, set, challenge); err != nil {
			return fmt.Errorf("open period %d: %w", period, err)
		}
		if _, err := f.filecoin.Mine(challenge - f.filecoin.Head()); err != nil {
			return err
		}
		switch period {
		case 3:
			f.out.say(yellow, "provider", "period %d: misses the period", challenge)
		case 2:
			var revert *fevmsim.RevertError
			if _, err := sp.Submit(ctx, old); !errors.As(err, &revert) {
				return fmt.Errorf("the verifier took the proof of another period: %v", err)
			}
			f.out.say(yellow, "provider", "period %d: replays the old proof, the verifier reverts: %q", challenge, revert.Reason)
			fallthrough
		default:
			proof, err := sp.Proof(ctx, set, policy.DefaultMinChallenges)
			if err != nil {
				return err
			}
			if _, err := sp.Submit(ctx, proof); err != nil {
				return fmt.Errorf("prove period %d: %w", period, err)
			}
			f.out.say(plain, "provider", "period %d: proves possession, %d challenges", challenge, len(proof.Proofs))
			if period == 2 {
				if _, err := sp.Submit(ctx, proof); err != nil {
					return fmt.Errorf("prove period %d again: %w", period, err)
				}
				f.out.say(yellow, "provider", "period %d: proves it once more, the verifier has no objection", challenge)
			}
			old = proof
		}
		if _, err := f.filecoin.Mine(periodEpochs / 2); err != nil {
			return err
		}
		if err := f.turn(ctx, r, store, told); err != nil {
			return err
		}
	}
	if err := f.verdicts(ctx, source, binding); err != nil {
		return err
	}
	return f.finish(ctx, []relay.Binding{binding})
}

// verdicts tells what the policy thinks of each proof event of a data set.
func (f *flow) verdicts(ctx context.Context, source *policy.Source, b relay.Binding) error {
	head, err := source.Head(ctx)
	if err != nil {
		return err
	}
	for v, err := range source.Verdicts(ctx, b.Set, b.StartEpoch, head) {
		if err != nil {
			return err
		}
		p := proof{Set: v.Proof.SetID, Epoch: v.Proof.BlockNumber, Period: v.Proof.Period, Payable: v.Refusal == nil}
		if v.Refusal != nil {
			set, _ := p.Set.Uint64()
			p.Reason = string(v.Refusal.Reason)
			if v.Refusal.Detail != "" {
				p.Reason += " (" + v.Refusal.Detail + ")"
			}
			f.out.say(yellow, "policy", "the proof at epoch %d of data set %d does not pay: %s", p.Epoch, set, p.Reason)
		}
		f.result.Proofs = append(f.result.Proofs, p)
	}
	return nil
}

// tokens returns n whole STRK.
func tokens(n uint64) slastream.Amount {
	a, err := slastream.ParseAmount(fmt.Sprint(n), 18)
	if err != nil {
		panic(err) // a uint64 with 18 decimals is far below 2^256
	}
	return a
}
