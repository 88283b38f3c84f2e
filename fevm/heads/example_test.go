package heads_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/slastream/slastream-go/fevm/heads"
	"github.com/slastream/slastream-go/fevm/simulated"
)

// Wait for the next tipset, but never longer than a minute: a subscription that
// is silent must not stop who follows the chain.
func Example() {
	node := simulated.New()
	defer node.Close()
	server := httptest.NewServer(node)
	defer server.Close()

	hint := heads.New("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- hint.Run(ctx) }() // connects, and connects again

	wait := func() error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		return hint.Wait(ctx)
	}
	fmt.Println("connected:", wait())
	if _, err := node.Mine(1); err != nil {
		fmt.Println(err)
	}
	fmt.Println("a tipset:", wait()) // ask the node what it is

	cancel()
	fmt.Println("ended:", <-ended)
	// Output:
	// connected: <nil>
	// a tipset: <nil>
	// ended: context canceled
}
