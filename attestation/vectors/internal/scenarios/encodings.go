package scenarios

import (
	"bytes"
	"math"
	"math/big"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/attestation/vectors"
)

// encodings returns attestations with their bytes, and bytes that are none.
func encodings() []vectors.Vector {
	distinct := attestation.Attestation{
		DealID:     filled(0x11),
		ChunkIndex: 0x2222222222222222,
		ProofSetID: filled(0x33),
		RootCID:    filled(0x44),
		Timestamp:  0x5555555555555555,
	}
	max := attestation.Attestation{DealID: filled(0xff), ChunkIndex: math.MaxUint64, ProofSetID: filled(0xff), RootCID: filled(0xff), Timestamp: math.MaxUint64}
	ascending := attestation.Attestation{ChunkIndex: 0x0102030405060708, Timestamp: 0x090a0b0c0d0e0f10}
	for i := range ascending.DealID {
		ascending.DealID[i], ascending.ProofSetID[i], ascending.RootCID[i] = byte(i), byte(i+32), byte(i+64)
	}
	enc := encode(distinct)
	return []vectors.Vector{
		encoding("encoding-zero", "All fields are 0: 160 zero bytes.", attestation.Attestation{}),
		encoding("encoding-max", "All fields have their greatest value.", max),
		encoding("encoding-field-order", "Each field has a byte of its own, so that its place is seen.", distinct),
		encoding("encoding-byte-order", "The bytes of each field ascend, so that their order is seen.", ascending),
		encoding("encoding-deal-id-one", "Only the deal id is not 0: it is 1.", attestation.Attestation{DealID: word(big.NewInt(1))}),
		encoding("encoding-chunk-index-one", "Only the chunk index is not 0: it is 1.", attestation.Attestation{ChunkIndex: 1}),
		encoding("encoding-chunk-index-above-double", "The chunk index is 2^53 + 1, which a double cannot hold.", attestation.Attestation{ChunkIndex: 1<<53 + 1}),
		encoding("encoding-timestamp-one", "Only the timestamp is not 0: it is 1.", attestation.Attestation{Timestamp: 1}),
		malformed("malformed-empty", "No bytes.", []byte{}),
		malformed("malformed-short", "159 bytes: the last one is missing.", enc[:159]),
		malformed("malformed-long", "161 bytes: a zero follows.", append(bytes.Clone(enc), 0)),
		malformed("malformed-chunk-index", "The chunk index is 2^64.", changed(enc, 55, 1)),
		malformed("malformed-chunk-index-top", "The chunk index has its highest bit of 256 set.", changed(enc, 32, 0x80)),
		malformed("malformed-timestamp", "The timestamp is 2^64.", changed(enc, 151, 1)),
		malformed("malformed-timestamp-top", "The timestamp has its highest bit of 256 set.", changed(enc, 128, 0x80)),
	}
}

func malformed(name, description string, b []byte) vectors.Vector {
	return vectors.Vector{Name: name, Kind: vectors.Malformed, Description: description, Preimage: b}
}

// changed returns b with another byte at i.
func changed(b []byte, i int, to byte) []byte {
	b = bytes.Clone(b)
	b[i] = to
	return b
}

func filled(b byte) (w attestation.Word) {
	copy(w[:], bytes.Repeat([]byte{b}, len(w)))
	return w
}

// batches returns batch attestations with their bytes.
func batches() []vectors.Vector {
	domain := attestation.Domain{ChainID: ascii("SN_MAIN"), Escrow: word(big.NewInt(0xe5c))}
	elsewhere := attestation.Domain{ChainID: ascii("SN_SEPOLIA"), Escrow: domain.Escrow}
	another := attestation.Domain{ChainID: domain.ChainID, Escrow: word(big.NewInt(0xe5d))}
	first, second := example, example
	second.ChunkIndex, second.Timestamp = 1, example.Timestamp+30
	return []vectors.Vector{
		batch("batch-empty", "No items.", domain),
		batch("batch-of-one", "One item: the digest is not that of the item.", domain, first),
		batch("batch-of-two", "Two items.", domain, first, second),
		batch("batch-other-order", "The items of batch-of-two in the other order.", domain, second, first),
		batch("batch-item-twice", "One item twice.", domain, first, first),
		batch("batch-other-chain", "batch-of-two on another chain.", elsewhere, first, second),
		batch("batch-other-escrow", "batch-of-two for another escrow.", another, first, second),
	}
}

func batch(name, description string, domain attestation.Domain, items ...attestation.Attestation) vectors.Vector {
	tag := keccak([]byte("SLAStream batch attestation v1"))
	count := word(big.NewInt(int64(len(items))))
	preimage := bytes.Join([][]byte{tag[:], domain.ChainID[:], domain.Escrow[:], count[:]}, nil)
	list := []vectors.Attestation{}
	for _, item := range items {
		preimage = append(preimage, encode(item)...)
		list = append(list, vectors.Attestation(item))
	}
	digest := keccak(preimage)
	return vectors.Vector{
		Name: name, Kind: vectors.Batch, Description: description,
		Domain: &domain, Items: list, Preimage: preimage, Digest: &digest,
	}
}

// ascii returns a chain id: the felt of a short text.
func ascii(s string) attestation.Word { return word(new(big.Int).SetBytes([]byte(s))) }
