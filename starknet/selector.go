package starknet

import (
	"github.com/NethermindEth/juno/core/crypto"
	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
)

// Selector returns sn_keccak of a name, the low 250 bits of its Keccak-256: the
// selector of an entry point such as "release_chunk", and the first key of an
// event such as "ChunkReleased".
func Selector(name string) *felt.Felt {
	f := crypto.StarknetKeccak([]byte(name))
	return &f
}

// selReleaseChunk is computed once: release_chunk is called most.
var selReleaseChunk = *Selector("release_chunk")

// StorageKey returns the raw key of a plain storage variable, for
// starknet_getStorageAt. The escrow has paused, owner, strk_token, and in two
// felts each, low half first, at the key and the next one, deal_counter,
// pkp_pub_key_x and pkp_pub_key_y (sla_escrow.cairo, struct Storage).
func StorageKey(variable string) *felt.Felt { return Selector(variable) }

// DealStorageKey returns the raw key of the first of the 13 felts of a deal.
// They are in the order that get_deal returns, at consecutive keys.
func DealStorageKey(dealID attestation.Word) *felt.Felt {
	low, high := SplitU256(dealID)
	return mapKey(StorageKey("deals"), low, high)
}

// ChunkReleasedStorageKey returns the raw key of the flag that says whether a
// chunk was paid: 0 or 1. The contract has no view for it.
func ChunkReleasedStorageKey(dealID attestation.Word, chunk uint64) *felt.Felt {
	low, high := SplitU256(dealID)
	return mapKey(StorageKey("chunk_released"), low, high, uintFelt(chunk))
}

// addressBound is 2^251 − 256, the modulus of storage addresses.
var addressBound = func() *felt.Felt {
	w := attestation.Word{0: 0x07}
	for i := 1; i < 31; i++ {
		w[i] = 0xff
	}
	f, _ := FeltFromWord(w)
	return f
}()

// mapKey is the address of the entry of a storage map: the Pedersen chain over
// the felts of its key.
func mapKey(base *felt.Felt, key ...*felt.Felt) *felt.Felt {
	at := *base
	for _, k := range key {
		at = crypto.Pedersen(&at, k)
	}
	if at.Cmp(addressBound) >= 0 {
		at.Sub(&at, addressBound)
	}
	return &at
}
