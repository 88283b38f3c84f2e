package slastream_test

import (
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/slastream"
)

// What a client has to hold before it opens a deal.
func ExampleTerms_Locked() {
	price, err := slastream.ParseAmount("0.25", 18) // STRK has 18 decimals
	if err != nil {
		fmt.Println(err)
		return
	}
	collateral, err := slastream.ParseAmount("10", 18)
	if err != nil {
		fmt.Println(err)
		return
	}
	terms := slastream.Terms{Chunks: 30, ChunkAmount: price, Collateral: collateral, Duration: 30 * 24 * 3600}
	locked, err := terms.Locked()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(locked.Format(18), "STRK")
	// Output: 17.5 STRK
}

// Amounts are exact: what does not fit is an error, never a rounded number.
func ExampleParseAmount() {
	for _, s := range []string{"1.5", "0.0000000000000000001", "1,5"} {
		a, err := slastream.ParseAmount(s, 18)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(a, "base units")
	}
	// Output:
	// 1500000000000000000 base units
	// slastream: amount "0.0000000000000000001": more than 18 fractional digits
	// slastream: amount "1,5": want decimal digits with at most one point
}

// A revert is a value: compare it with errors.Is.
func ExampleRevertError() {
	var err error = &slastream.RevertError{Reason: "Chunk already released"} // as a node or the model returns it
	switch {
	case errors.Is(err, slastream.ErrChunkReleased):
		fmt.Println("somebody else was faster")
	case errors.Is(err, slastream.ErrDealNotActive):
		fmt.Println("the deal has ended")
	}
	// Output: somebody else was faster
}
