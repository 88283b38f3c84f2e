package signer

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/slastream/slastream-go/attestation"
)

// parseRaw reads the three forms a key may answer in: r‖s, r‖s‖v and ASN.1 DER.
// A DER signature of two 256-bit integers has 8 to 72 bytes and begins with
// 0x30 and its length, which no 64 or 65 bytes of r‖s are mistaken for: the
// length byte must fit.
func parseRaw(b []byte) (r, s attestation.Word, err error) {
	if r, s, ok := parseDER(b); ok {
		return r, s, nil
	}
	if len(b) != 64 && len(b) != 65 {
		return r, s, fmt.Errorf("%w: %d bytes that are neither r‖s, r‖s‖v nor DER", ErrBadSignature, len(b))
	}
	return attestation.Word(b[:32]), attestation.Word(b[32:64]), nil
}

func parseDER(b []byte) (r, s attestation.Word, ok bool) {
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
