package attestation

import (
	"encoding/hex"
	"encoding/json"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// ParseCompact reads the 64 bytes of EIP-2098: r, then s with the parity of R
// in its top bit. Nothing tells these 64 bytes from a bare r‖s (IEEE P1363),
// and read as EIP-2098 a bare one has the wrong parity half of the time: for
// r‖s use [ParseSignatureBy]. V becomes 0 or 1, s is below 2^255; r and s are
// not range-checked further, as in [ParseSignature].
func ParseCompact(b []byte) (Signature, error) {
	if len(b) != 64 {
		return Signature{}, malformed("compact signature of %d bytes: want 64 (r, parity and s)", len(b))
	}
	sig := Signature{R: Word(b[:32]), S: Word(b[32:]), V: uint32(b[32] >> 7)}
	sig.S[0] &= 0x7f
	return sig, nil
}

// ParseSignatureBy reads what signing devices and key services return for a
// digest, and finds the parity that they leave out or report in ways of their
// own, by recovering key with both. The forms:
//
//   - 64 bytes r‖s: IEEE P1363, PKCS#11 (CKM_ECDSA), Azure Key Vault
//   - 65 bytes r‖s‖v: v is not believed, whatever it is
//   - ASN.1 DER, SEQUENCE { r INTEGER, s INTEGER }: AWS and Google Cloud KMS
//
// DER is read strictly: minimal lengths and integers, none negative or longer
// than 256 bits, nothing after them. Integers shorter than 32 bytes are usual.
// The rare 64 or 65 bytes that are DER and r‖s at once are read as the one that
// key made.
//
// The result has a low s and V 0 or 1; an escrow with that key accepts it under
// both [Rules]. It fails with [ErrMalformed] if b has none of these forms, and
// with a *[VerifyError] if neither parity makes it a signature of d by key: the
// escrow would refuse it too.
func ParseSignatureBy(b []byte, d Digest, key PublicKey) (Signature, error) {
	var err error
	r, s, isDER := parseDER(b)
	if isDER {
		var sig Signature
		if sig, err = resolve(r, s, d, key); err == nil {
			return sig, nil
		}
	}
	switch {
	case len(b) == 64 || len(b) == 65:
		return resolve(Word(b[:32]), Word(b[32:64]), d, key)
	case isDER:
		return Signature{}, err
	}
	return Signature{}, malformed("signature %s: want 64 bytes (r, s), 65 (r, s, v) or strict DER; got %d", excerpt(hex.EncodeToString(b[:min(len(b), 41)])), len(b))
}

// ParseLit reads the JSON object with the members r and s that a Lit action
// gets from its network, and finds the parity as [ParseSignatureBy] does. Both
// are strings of hexadecimal digits, with or without 0x: at most 64 of them, or
// for r the 66 of a compressed point R (02 or 03, then x), which is what the
// Datil network gives. Other members are ignored, v with them.
//
// The prefix of R is not the parity: Datil lowers s after it has fixed R, so
// for half of its signatures the other parity is right. Its v would be, but
// Naga, Datil and ethers each number v in their own way, and the key settles
// it anyway.
//
// Errors are those of ParseSignatureBy.
//
// Source: LIT-Protocol/lit-ecdsa-wasm-combine, src/combiners/k256_cait_sith.rs
// and cs_curve/mod.rs.
func ParseLit(b []byte, d Digest, key PublicKey) (Signature, error) {
	var in struct{ R, S *string }
	if err := json.Unmarshal(b, &in); err != nil {
		return Signature{}, malformed("signature %q: %v", excerpt(string(b)), err)
	}
	if in.R == nil || in.S == nil {
		return Signature{}, malformed("signature %q: want a JSON object with r and s", excerpt(string(b)))
	}
	r, _ := cutHexPrefix(*in.R)
	if len(r) == 66 && (strings.HasPrefix(r, "02") || strings.HasPrefix(r, "03")) {
		r = r[2:]
	}
	rw, err := parseHexWord(*in.R, r)
	if err != nil {
		return Signature{}, err
	}
	s, _ := cutHexPrefix(*in.S)
	sw, err := parseHexWord(*in.S, s)
	if err != nil {
		return Signature{}, err
	}
	return resolve(rw, sw, d, key)
}

// resolve returns the signature of d by key that has this r and this s or its
// negative: with the parity that recovers key. Else the error says why the
// escrow refuses it.
func resolve(r, s Word, d Digest, key PublicKey) (Signature, error) {
	var err error
	for v := range uint32(2) {
		sig := Signature{R: r, S: s, V: v}.Normalize()
		var got PublicKey
		switch got, err = Recover(RulesLowS, d, sig); {
		case err != nil:
		case got == key:
			return sig, nil
		case got.X == key.X:
			err = &VerifyError{Reason: reasonKeyY}
		default:
			err = &VerifyError{Reason: reasonKeyX}
		}
	}
	return Signature{}, err
}

// parseDER reads a SEQUENCE of two INTEGERs and nothing else, minimally
// encoded, not negative and of at most 256 bits.
func parseDER(b []byte) (r, s Word, ok bool) {
	in := cryptobyte.String(b)
	var seq cryptobyte.String
	var rb, sb []byte
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() ||
		!seq.ReadASN1Integer(&rb) || !seq.ReadASN1Integer(&sb) || !seq.Empty() ||
		len(rb) > 32 || len(sb) > 32 {
		return r, s, false
	}
	copy(r[32-len(rb):], rb)
	copy(s[32-len(sb):], sb)
	return r, s, true
}
