package starknet_test

import (
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

func ExampleParseEvent() {
	keys, data := starknet.EncodeEvent(slastream.ChunkReleased{
		DealID:     attestation.WordFromUint64(7),
		ChunkIndex: 2,
		Amount:     slastream.AmountFromUint64(100),
		Provider:   slastream.Address{31: 0x42},
	})
	event, err := starknet.ParseEvent(keys, data)
	if err != nil {
		fmt.Println(err)
		return
	}
	switch e := event.(type) {
	case slastream.ChunkReleased:
		fmt.Printf("chunk %d paid: %v\n", e.ChunkIndex, e.Amount)
	}
	// Output: chunk 2 paid: 100
}

func ExampleEncodeCreateDeal() {
	terms := slastream.Terms{
		Provider:    slastream.Address{31: 0x42},
		Chunks:      3,
		ChunkAmount: slastream.AmountFromUint64(100),
		Collateral:  slastream.AmountFromUint64(50),
		Duration:    3600,
	}
	for _, f := range starknet.EncodeCreateDeal(terms) {
		fmt.Print(f, " ")
	}
	// Output: 0x42 0x3 0x64 0x0 0x32 0x0 0xe10
}

func ExampleDealStorageKey() {
	fmt.Println(starknet.DealStorageKey(attestation.WordFromUint64(1)))
	// Output: 0xea5ddab5c1a6b9ed4022beb864033f8f9b827a5304e5b502a9eab092198abf
}
