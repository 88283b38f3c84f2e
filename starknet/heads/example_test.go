package heads_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/slastream/slastream-go/starknet/heads"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// Wait for the next block, but never longer than a minute: a subscription that is
// silent must not stop who follows the chain. A follower takes the hint with
// starknet.WithWaker and does this itself.
func Example() {
	node := simulated.New(simulated.Options{Accounts: 1})
	server := httptest.NewServer(node)
	defer server.Close()

	hint := heads.New("ws"+strings.TrimPrefix(server.URL, "http")+"/ws/v0_10", nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- hint.Run(ctx) }() // connects, and connects again

	wait := func() error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		return hint.Wait(ctx)
	}
	fmt.Println("connected:", wait())
	node.Mine()
	fmt.Println("a block:", wait()) // ask the node what it is

	cancel()
	fmt.Println("ended:", <-ended)
	// Output:
	// connected: <nil>
	// a block: <nil>
	// ended: context canceled
}
