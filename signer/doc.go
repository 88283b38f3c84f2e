// Package signer turns a payable proof into a signed attestation, and is where
// an operator says no.
//
// A [Key] signs digests and nothing more: [Local] in memory, later an HSM or a
// KMS. [New] makes a [Signer] of it, with a pipeline that no backend can skip:
// digest, backend, parse, range, low s, parity by trial recovery, and a
// comparison with the key's own public key. What it returns passes under both
// attestation.Rules, with V 0 or 1. [Guard] remembers what was signed and never
// signs two different statements for one chunk, nor one proof for two chunks:
//
//	key, err := signer.NewLocal(secret)
//	s, err := signer.New(key)
//	s = signer.Guard(s, signer.NewMemoryJournal())
//	signed, err := s.Attest(ctx, signer.Request{Attestation: a, Domain: d, Evidence: e})
//
// A signer receives the typed request with its evidence, not a digest, so that
// it can check for itself what it signs. Use one key for one deployment of the
// escrow: the attestation does not say which it is for. Errors: [*EquivocationError],
// [ErrEvidence] and [ErrBadSignature] never go away by trying again; an error of
// the backend is passed on with %w.
package signer
