package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

// A StateReader runs views of contracts. fevm/chain.Client and fevm/chain.Nodes
// are some. What it answers decides about payment as the logs do, so it should be
// believed as much as they are.
type StateReader interface {
	// Call returns what the view at the address returns for calldata, in the state
	// after an epoch.
	Call(ctx context.Context, to attestation.EthereumAddress, data []byte, epoch uint64) ([]byte, error)
}

// An InputReader reads transactions.
type InputReader interface {
	// TransactionInput returns the calldata of the transaction with that hash.
	TransactionInput(ctx context.Context, hash attestation.Word) ([]byte, error)
}

// Selectors of PDPVerifier's views, the same in every release since v2.0.0.
var (
	selectorListener   = [4]byte{0x2b, 0x31, 0x29, 0xbb} // getDataSetListener(uint256)
	selectorRandomness = [4]byte{0x45, 0x3f, 0x4f, 0x62} // getRandomness(uint256)
	selectorLastProven = [4]byte{0x04, 0x59, 0x5c, 0x1a} // getDataSetLastProvenEpoch(uint256)
	selectorLive       = [4]byte{0xca, 0x75, 0x9f, 0x27} // dataSetLive(uint256)
)

// inspector returns what decides about a proof where logs alone do not: the
// listener, then the calldata. head is an epoch that every node has the state of.
func (s *Source) inspector(ctx context.Context, head uint64) inspect {
	return func(v *Verdict, set *dataSet, rules *Rules, challenges []fevm.Challenge) (objection, error) {
		if len(rules.Listeners) > 0 {
			listener, err := s.listener(ctx, v.Proof.SetID, v.Proof.BlockNumber, head)
			if err != nil {
				return objection{}, err
			}
			if !slices.Contains(rules.Listeners, listener) {
				return objection{ReasonListener, listener.String()}, nil
			}
		}
		if rules.Verify == VerifyNone {
			return objection{}, nil
		}
		return s.verify(ctx, v, set, rules, challenges, head)
	}
}

// listener asks for the listener of a data set, once. The verifier sets it when
// the set is created and never again, so the newest state tells it as well as
// that of the proof's epoch, which public nodes keep for a day only; a set that
// was deleted since has it in the old state only.
func (s *Source) listener(ctx context.Context, set attestation.Word, epoch, head uint64) (attestation.EthereumAddress, error) {
	if l, ok := s.listeners[set]; ok {
		return l, nil
	}
	word, err := s.view(ctx, selectorListener, set, head, epoch)
	if err != nil {
		return attestation.EthereumAddress{}, fmt.Errorf("policy: listener of data set %s: %w", set.Big(), err)
	}
	if [12]byte(word[:]) != [12]byte{} {
		return attestation.EthereumAddress{}, fmt.Errorf("policy: listener of data set %s: %s is no address", set.Big(), word)
	}
	l := attestation.EthereumAddress(word[12:])
	s.listeners[set] = l
	return l, nil
}

// verify repeats the contract's checks of a proof.
func (s *Source) verify(ctx context.Context, v *Verdict, set *dataSet, rules *Rules, challenges []fevm.Challenge, head uint64) (objection, error) {
	input, err := s.config.Inputs.TransactionInput(ctx, v.Proof.TxHash)
	if err != nil {
		return objection{}, fmt.Errorf("policy: calldata of transaction %s: %w", v.Proof.TxHash, err)
	}
	call, err := fevm.ParseCall(input)
	proof, ok := call.(fevm.ProvePossession)
	if errors.Is(err, fevm.ErrMalformed) && [4]byte(input) == [4]byte(fevm.ProvePossession{}.Calldata()) {
		return objection{ReasonWrongProof, err.Error()}, nil
	}
	if err != nil || !ok || proof.SetID != v.Proof.SetID {
		if rules.Verify == VerifyAll {
			return objection{ReasonNotVerifiable, fmt.Sprintf("transaction %s", v.Proof.TxHash)}, nil
		}
		return objection{}, nil
	}
	// The beacon's entry of an epoch does not change: any later state tells it.
	seed, err := s.view(ctx, selectorRandomness, attestation.WordFromUint64(set.period), v.Proof.BlockNumber, head)
	if err == nil && seed.IsZero() {
		err = errors.New("0, which the verifier returns where the beacon does not answer")
	}
	if err != nil {
		return objection{}, fmt.Errorf("policy: randomness of epoch %d: %w", set.period, err)
	}
	shown, err := proof.Verify(set.snapshot(v.Proof.SetID), seed)
	if bad, ok := errors.AsType[*fevm.ProofError](err); ok {
		return objection{ReasonWrongProof, bad.Reason}, nil
	}
	if err != nil {
		return objection{}, err
	}
	if !slices.Equal(shown, challenges) {
		return objection{ReasonWrongProof, "the event names other challenges"}, nil
	}
	return objection{}, nil
}

// view asks a view of the verifier that takes one word and returns one, in the
// state of the first epoch that is answered.
func (s *Source) view(ctx context.Context, selector [4]byte, arg attestation.Word, epochs ...uint64) (attestation.Word, error) {
	data := append(selector[:], arg[:]...)
	var failed []error
	for i, epoch := range epochs {
		if i > 0 && epoch == epochs[i-1] {
			continue
		}
		ret, err := s.config.State.Call(ctx, s.config.Verifier, data, epoch)
		if err == nil && len(ret) != 32 {
			err = fmt.Errorf("selector 0x%x returned %d bytes, want 32", selector, len(ret))
		}
		if err == nil {
			return attestation.Word(ret), nil
		}
		if failed = append(failed, err); ctx.Err() != nil {
			break
		}
	}
	return attestation.Word{}, errors.Join(failed...)
}
