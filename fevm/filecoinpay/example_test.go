package filecoinpay_test

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/fevm/filecoinpay"
)

// A rail changed what it streams.
func ExampleParseLog() {
	l := &types.Log{
		Topics: []common.Hash{
			common.HexToHash("0x2e3c2d5cce45fbe45262be6ec0c3f584e0ba1ccd0f7371dd1175dbde62ec2a50"), // RailRateModified
			common.BigToHash(common.Big2),
		},
		Data: append(common.BigToHash(common.Big1).Bytes(), common.BigToHash(common.Big3).Bytes()...),
	}
	event, err := filecoinpay.ParseLog(l)
	if err != nil {
		fmt.Println(err)
		return
	}
	switch e := event.(type) {
	case filecoinpay.RailRateModified:
		fmt.Println("rail", e.RailID.Big(), "streams", e.NewRate.Big(), "instead of", e.OldRate.Big(), "an epoch")
	}
	// Output: rail 2 streams 3 instead of 1 an epoch
}
