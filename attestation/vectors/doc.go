// Package vectors is the escrow's verdict as data: one JSON file for each way
// in which an attestation, its encoding, its signature or the stored key can be
// right or wrong, with the answer under both Rules.
//
// VECTORS.md beside the files is normative. It states the encoding, the digest
// and the verdict as numbered steps and describes the files, so that an
// implementation in any language can be checked with them. In Go:
//
//	all, err := vectors.Load()
//	for _, v := range all {
//		if v.Kind == vectors.Release {
//			verdict := myVerdict(v.Signed(), *v.Key) // must be v.Expect.LowS.Verdict
//		}
//	}
//
// Every expectation comes from an implementation that shares no code with
// package attestation. Where Source is set, a real escrow on a real node gave
// the same answer to the same input. `go generate` writes the files again, and
// a test compares them byte for byte.
package vectors
