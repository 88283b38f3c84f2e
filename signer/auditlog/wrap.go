package auditlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// Wrap returns a signer that writes down each decision of another before it
// passes it on. What cannot be written down does not leave. The text of errors
// goes to the log: backends keep secrets out of it.
func Wrap(inner signer.Signer, log *Log) signer.Signer {
	return &audited{inner: inner, log: log}
}

type audited struct {
	inner signer.Signer
	log   *Log
}

var (
	_ signer.Signer      = (*audited)(nil)
	_ signer.BatchSigner = (*audited)(nil)
	_ signer.Pinger      = (*audited)(nil)
)

func (a *audited) PublicKey() attestation.PublicKey { return a.inner.PublicKey() }

func (a *audited) Attest(ctx context.Context, req signer.Request) (attestation.Signed, error) {
	signed, err := a.inner.Attest(ctx, req)
	if err := a.write(Entry{Requests: []signer.Request{req}}, signed.Attestation.Digest(), signed.Signature, err); err != nil {
		return attestation.Signed{}, err
	}
	return signed, nil
}

func (a *audited) AttestBatch(ctx context.Context, req signer.BatchRequest) (signer.SignedBatch, error) {
	inner, ok := a.inner.(signer.BatchSigner)
	if !ok {
		return signer.SignedBatch{}, fmt.Errorf("auditlog: the signer signs no batches: %w", errors.ErrUnsupported)
	}
	signed, err := inner.AttestBatch(ctx, req)
	if err := a.write(Entry{Requests: req.Requests(), Batch: true}, signed.Batch.Digest(), signed.Signature, err); err != nil {
		return signer.SignedBatch{}, err
	}
	return signed, nil
}

func (a *audited) Ping(ctx context.Context) error {
	p, ok := a.inner.(signer.Pinger)
	if !ok {
		return fmt.Errorf("auditlog: the signer cannot be pinged: %w", errors.ErrUnsupported)
	}
	return p.Ping(ctx)
}

func (a *audited) Explain(ctx context.Context, req signer.Request) ([]signer.Verdict, error) {
	return signer.Explain(ctx, a.inner, req)
}

// write appends what came of a request, and returns its error or, first of all,
// that of the log.
func (a *audited) write(e Entry, digest attestation.Digest, sig attestation.Signature, refused error) error {
	if refused != nil {
		e.Error = refused.Error()
	} else {
		e.Digest, e.Signature = attestation.Word(digest), &sig
	}
	if err := a.log.Append(e); err != nil {
		return errors.Join(err, refused)
	}
	return refused
}
