package signer

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/slastream/slastream-go/attestation"
)

// readings returns what r and s can be in what a key returned: ASN.1 DER, r‖s
// or r‖s‖v. Now and then 64 bytes are both; recovery decides then.
func readings(b []byte) [][2]attestation.Word {
	var out [][2]attestation.Word
	if r, s, ok := parseDER(b); ok {
		out = append(out, [2]attestation.Word{r, s})
	}
	if len(b) == 64 || len(b) == 65 {
		out = append(out, [2]attestation.Word{attestation.Word(b[:32]), attestation.Word(b[32:64])})
	}
	return out
}

// parseDER reads a SEQUENCE of two INTEGERs and nothing else, minimally
// encoded, not negative and of at most 256 bits.
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
