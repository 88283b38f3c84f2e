package attestation

// A Domain names one escrow deployment: what separates a signature for it from
// a signature for any other. The single [Attestation] carries no domain;
// guards and [Batch] do.
type Domain struct {
	ChainID Word `json:"chainId"` // Starknet chain id felt, such as "SN_MAIN" in ASCII
	Escrow  Word `json:"escrow"`  // contract address of the escrow
}

// A Batch is many attestations under one signature, for release_batch of the
// extended escrow class.
type Batch struct {
	Domain Domain
	Items  []Attestation
}

// batchTag is the first word of every batch preimage: it makes a batch digest
// unusable for anything else, and the preimage is never 160 bytes long.
const batchTag = "SLAStream batch attestation v1"

// Bytes returns the preimage of a batch: keccak256("SLAStream batch attestation
// v1"), chain id, escrow and number of items as 32-byte big-endian words, then
// the 160 bytes of each item in order.
func (b Batch) Bytes() []byte {
	out := make([]byte, 0, 4*32+len(b.Items)*Size)
	tag := keccak256([]byte(batchTag))
	n := WordFromUint64(uint64(len(b.Items)))
	out = append(out, tag[:]...)
	out = append(out, b.Domain.ChainID[:]...)
	out = append(out, b.Domain.Escrow[:]...)
	out = append(out, n[:]...)
	for _, item := range b.Items {
		enc := item.Bytes()
		out = append(out, enc[:]...)
	}
	return out
}

// Digest returns the Keccak-256 hash of [Batch.Bytes].
func (b Batch) Digest() Digest { return keccak256(b.Bytes()) }
