package simulated

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// A Behaviour is how a storage provider goes through one proving period. The
// zero value is honest: one proof of five challenges. The fields add up; tiny
// sets are made with [Provider.AddPieces] of a byte.
type Behaviour struct {
	Skip       bool // lazy: opens the period and proves nothing
	Copies     int  // duplicate: sends the same proof so many times; 0 is 1
	Challenges int  // what its proofs answer, from 1; 0 is 5
	Replay     bool // sends the proof of its last period before its own
	Corrupt    bool // its own proof is of a changed leaf
}

// A Period is what [Node.Play] has made happen.
type Period struct {
	ChallengeEpoch uint64
	Proofs         []Receipt      // accepted proofs, each with a PossessionProven
	Refused        []*RevertError // proofs that a contract refused
}

// Play plays one proving period of a data set whose data the provider holds: it
// opens the period, mines up to the challenge epoch, and proves as the behaviour
// says. With [Node.Service] as the listener the challenge epoch is the start of
// the service's window, else as soon as the verifier allows, which is how often
// a provider without a service can do it. What a contract refuses is in the
// result and no error, but for a period that cannot be opened. It mines what it
// sends also when mining is manual. Play one set of a provider at a time.
func (n *Node) Play(ctx context.Context, p *Provider, set uint64, b Behaviour) (Period, error) {
	if b.Challenges < 0 || b.Copies < 0 {
		return Period{}, fmt.Errorf("simulated: behaviour of %d challenges and %d copies: want 0 or more", b.Challenges, b.Copies)
	}
	p.minesItself(n)
	epoch, err := n.open(ctx, p, set)
	if err != nil {
		return Period{}, err
	}
	out := Period{ChallengeEpoch: epoch}
	if head := n.Head(); head < epoch {
		if _, err := n.Mine(epoch - head); err != nil {
			return out, err
		}
	}
	if n.deferred { // so that the state of the epoch is there to read
		if _, err := n.Mine(1); err != nil {
			return out, err
		}
	}
	if b.Replay {
		if last := p.lastProof(set); last != nil {
			if err := out.submit(ctx, p, *last); err != nil {
				return out, err
			}
		}
	}
	if b.Skip {
		return out, nil
	}
	challenges := b.Challenges
	if challenges == 0 {
		challenges = challengesPerProof
	}
	proof, err := p.Proof(ctx, set, challenges)
	if err != nil {
		return out, err
	}
	p.keepProof(set, proof)
	if b.Corrupt {
		proof.Proofs[0].Leaf[0] ^= 1
	}
	for range max(b.Copies, 1) {
		if err := out.submit(ctx, p, proof); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (p *Period) submit(ctx context.Context, by *Provider, proof fevm.ProvePossession) error {
	r, err := by.Submit(ctx, proof)
	if refused, ok := errors.AsType[*RevertError](err); ok {
		p.Refused = append(p.Refused, refused)
		return nil
	}
	if err == nil {
		p.Proofs = append(p.Proofs, r)
	}
	return err
}

// lastProof is the last proof that the provider made for a set in [Node.Play].
func (p *Provider) lastProof(set uint64) *fevm.ProvePossession {
	p.mu.Lock()
	defer p.mu.Unlock()
	proof, ok := p.proofs[set]
	if !ok {
		return nil
	}
	return &proof
}

func (p *Provider) keepProof(set uint64, proof fevm.ProvePossession) {
	kept, err := fevm.ParseProvePossession(proof.Calldata())
	if err != nil {
		return // unreachable: it reads what it wrote
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.proofs[set] = kept
}

// open opens the next proving period of a set, as its listener wants it.
func (n *Node) open(ctx context.Context, p *Provider, set uint64) (uint64, error) {
	c := n.view()
	s, _ := c.state().verifier.sets.get(set)
	if s.listener != n.service {
		return n.openPeriod(ctx, p, set)
	}
	for {
		start, err := n.windowStart(ctx, set)
		if err != nil {
			return 0, err
		}
		// The start is the usual choice. Another epoch of the window is taken
		// when the start is too near, and the next window if all are.
		end := start + n.window
		epoch := max(start, n.nextEpoch()+challengeFinality)
		if epoch == start || epoch+periodSlack <= end {
			_, err = p.NextProvingPeriod(ctx, set, epoch)
			return epoch, err
		}
		if _, err := n.Mine(end + 1 - min(end, n.Head())); err != nil {
			return 0, err
		}
	}
}

// windowStart is where the service says that the next window starts.
func (n *Node) windowStart(ctx context.Context, set uint64) (uint64, error) {
	out, err := n.askService(ctx, "nextPDPChallengeWindowStart", number(set))
	later := uint64(0)
	if refused, ok := errors.AsType[*RevertError](err); ok && refused.Reason == fmt.Sprintf("ProvingPeriodNotInitialized(%d)", set) {
		// The transaction comes some epochs later than the state of the call.
		later = n.nextEpoch() - n.seenHead(ctx)
		out, err = n.askService(ctx, "getPDPConfig")
	}
	start, _ := out.Uint64()
	return start + later, err
}

func (n *Node) seenHead(ctx context.Context) uint64 {
	c := n.seen(ctx)
	return c.head
}

// askService calls a view of the service and returns the last word of what it
// answers: the start of a window.
func (n *Node) askService(ctx context.Context, method string, args ...any) (attestation.Word, error) {
	m := serviceABI().Methods[method]
	input := append(hexutil.Bytes(m.ID), mustPack(m.Inputs, args...)...)
	var ret hexutil.Bytes
	err := n.Provider(n.sp).ask(ctx, &ret, "eth_call", map[string]any{"to": n.service, "input": input}, "latest")
	if err != nil || len(ret) < 32 {
		return attestation.Word{}, err
	}
	return attestation.Word(ret[len(ret)-32:]), nil
}
