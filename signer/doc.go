// Package signer turns a payable proof into a signed attestation, and is where
// an operator says no.
//
// A signer receives the typed request with its evidence, not a digest, so that
// it can check for itself what it signs. [New] makes a [Signer] of a [Key],
// which signs digests and nothing more: [Local] in memory, an HSM, a cloud KMS.
// [NewMessage] does so of a [MessageKey], which hashes for itself, and
// [NewAction] of an [ActionKey], which derives for itself what it signs. All
// have one pipeline that no backend can skip: digest, backend, parse, range, low
// s, parity by trial recovery, and a comparison with the pinned public key. What
// comes out passes under both attestation.Rules, with V 0 or 1.
//
// [Guard] remembers in a [Journal] what was signed. It never signs two different
// statements for one chunk, nor one proof for two chunks, and asks each [Policy]
// before it signs anything:
//
//	key, err := signer.NewLocal(secret)
//	s, err := signer.New(key)
//	j, err := filejournal.Open("attester.journal")
//	s = signer.Guard(s, j, rule.Domains(d), rule.Deals(deal))
//	signed, err := s.Attest(ctx, signer.Request{Attestation: a, Domain: d, Evidence: e})
//
// Use one key for one deployment of the escrow: the attestation does not say
// which it is for.
//
// [Retryable] says of an error whether the identical request can succeed later:
// after [ErrUnavailable] nothing was signed, after [ErrUnknownOutcome] nobody
// knows, and the guard lets the same statement alone go on. A refusal never goes
// away by trying again: [*EquivocationError], [ErrEvidence], [ErrBadSignature],
// most of a [*PolicyError].
//
// Package filejournal keeps the journal in a file, rule has the usual policies,
// auditlog writes every decision down, and a new backend is tested with
// signertest.
package signer
