package simulated_test

import (
	"context"
	"fmt"
	"log"
	"math/big"
	"net/http"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"

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

// A provider without a strict listener sends the same proof again and again, and
// the verifier takes it each time. An endpoint of the node loses a part of the
// events.
func ExampleNode_Play() {
	ctx := context.Background()
	node := simulated.New(simulated.WithStart(1000))
	sp := node.Provider(node.Accounts()[1])
	set, err := sp.CreateDataSet(ctx, node.PermissiveListener())
	if err != nil {
		log.Fatal(err)
	}
	if _, err := sp.AddPieces(ctx, set, []byte{1}); err != nil {
		log.Fatal(err)
	}
	period, err := node.Play(ctx, sp, set, simulated.Behaviour{Copies: 20, Challenges: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("challenge epoch", period.ChallengeEpoch, "accepted", len(period.Proofs))

	lossy := node.Faulty(simulated.Faults{DropLogs: 0.2})
	for _, client := range []*http.Client{node.Client(), lossy.Client()} {
		c, err := rpc.DialOptions(ctx, "http://fevm", rpc.WithHTTPClient(client))
		if err != nil {
			log.Fatal(err)
		}
		logs, err := ethclient.NewClient(c).FilterLogs(ctx, ethereum.FilterQuery{
			FromBlock: big.NewInt(1000),
			Topics:    [][]common.Hash{{common.HexToHash("0x1acf7df9f0c1b0208c23be6178950c0273f89b766805a2c0bd1e53d25c700e50")}},
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("seen", len(logs))
	}
	// Output:
	// challenge epoch 1015 accepted 20
	// seen 20
	// seen 18
}
