package simulated_test

import (
	"context"
	"fmt"
	"log"

	"github.com/ethereum/go-ethereum/common"

	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/simulated"
)

// A storage provider stores data, proves it once in its proving period, and
// then loses it.
func Example() {
	ctx := context.Background()
	node := simulated.New(simulated.WithStart(1000))
	sp := node.Provider(node.Accounts()[1])

	set, err := sp.CreateDataSet(ctx, common.Address{})
	if err != nil {
		log.Fatal(err)
	}
	cids, err := sp.AddPieces(ctx, set, []byte("some data that somebody pays for"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("set", set, "piece", cids[0])

	if _, err := sp.NextProvingPeriod(ctx, set, 1020); err != nil {
		log.Fatal(err)
	}
	node.Mine(1020 - node.Head())
	receipt, err := sp.Prove(ctx, set)
	if err != nil {
		log.Fatal(err)
	}
	event, err := fevm.ParseLog(&receipt.Logs[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("epoch", receipt.BlockNumber, "challenges", len(event.(fevm.PossessionProven).Challenges))

	sp.Corrupt(cids[0], 0)
	_, err = sp.Prove(ctx, set)
	fmt.Println(err.(*simulated.RevertError).Reason)
	// Output:
	// set 1 piece bafkzcibcl4beidkiikzwcrhcecs667q72lnai2eft7clkyt6yfccblxblibeqki
	// epoch 1021 challenges 5
	// proof did not verify
}
