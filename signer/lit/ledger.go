package lit

import (
	"context"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// A Ledger is a [History] that finds signed chunks in the journal of the
// signer.Guard that is around the action's signer: nothing is kept twice, and
// nothing is lost with the process if the journal is a file. The journal must be
// safe for concurrent use.
type Ledger struct {
	Journal interface {
		BySlot(ctx context.Context, slot signer.Slot) (rec signer.Record, ok bool, err error)
	}
	Key      attestation.PublicKey // the action's
	Domain   attestation.Domain    // [Action.Domain] of Key
	Bindings map[attestation.Word]Binding
}

var _ History = Ledger{}

// Binding implements [History].
func (l Ledger) Binding(_ context.Context, deal attestation.Word) (Binding, error) {
	b, ok := l.Bindings[deal]
	if !ok {
		return b, fmt.Errorf("lit: deal %v has no binding", deal)
	}
	return b, nil
}

// Signed implements [History].
func (l Ledger) Signed(ctx context.Context, deal attestation.Word, chunk uint64) (attestation.Signed, error) {
	rec, ok, err := l.Journal.BySlot(ctx, signer.Slot{Key: l.Key, Domain: l.Domain, DealID: deal, ChunkIndex: chunk})
	if err != nil {
		return attestation.Signed{}, fmt.Errorf("lit: journal: %w", err)
	}
	signed := attestation.Signed{Attestation: rec.Request.Attestation, Signature: rec.Signature}
	// One that was signed in a batch has no signature of its own.
	if !ok || !rec.Signed || signed.Verify(attestation.RulesLowS, l.Key) != nil {
		return attestation.Signed{}, fmt.Errorf("lit: chunk %d of deal %v is not known as signed", chunk, deal)
	}
	return signed, nil
}
