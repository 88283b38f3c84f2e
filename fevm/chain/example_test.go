package chain_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/internal/jsonrpc"
)

func ExampleClient_Logs() {
	n := newNode() // a node in this process; elsewhere rpc.Dial of go-ethereum
	n.emit(8990, 0)
	n.emit(9005, 0) // not final yet
	caller := jsonrpc.NewClient("http://node.test/", &http.Client{Transport: jsonrpc.InProcess(jsonrpc.Handler(n.answer))})

	client, err := chain.New(caller, chain.Config{ChainID: 314159})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	head, err := client.Head(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("final epoch", head)
	for l, err := range client.Logs(ctx, verifier, head-5000, head) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("log in epoch", l.BlockNumber)
	}
	// Output:
	// final epoch 9000
	// log in epoch 8990
}
