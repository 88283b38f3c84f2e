package warmstorage_test

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/fevm/warmstorage"
)

// A provider opened its next period after one without a proof.
func ExampleParseLog() {
	l := &types.Log{
		Topics: []common.Hash{
			common.HexToHash("0xff5f076c63706be9f7eaafa8329db4a9ce9b9e3cd6e53470f05491e2043e1a81"), // FaultRecord
			common.BigToHash(common.Big1),
		},
		Data: append(common.BigToHash(common.Big1).Bytes(), common.HexToHash("0x5b8d80").Bytes()...),
	}
	event, err := warmstorage.ParseLog(l)
	if err != nil {
		fmt.Println(err)
		return
	}
	switch e := event.(type) {
	case warmstorage.FaultRecord:
		fmt.Println("data set", e.DataSetID.Big(), "missed", e.PeriodsFaulted.Big(), "period, due by epoch", e.Deadline.Big())
	}
	// Output: data set 1 missed 1 period, due by epoch 6000000
}
