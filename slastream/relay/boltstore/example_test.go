package boltstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/boltstore"
)

// What a relay has stored is there when the next process opens the file. Leases
// end with the process, but their tokens go on, so what an earlier process still
// tries to store is refused.
func ExampleOpen() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "boltstore")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "relay.db")

	for _, process := range []string{"first", "second"} {
		store, err := boltstore.Open(path)
		if err != nil {
			log.Fatal(err) // says what is wrong with the file, and what to do
		}
		if process == "first" {
			err = store.Bind(ctx, relay.Track{
				Binding: relay.Binding{Deal: attestation.WordFromUint64(1), Set: attestation.WordFromUint64(7), StartEpoch: 4_000_000},
				Amount:  slastream.AmountFromUint64(100), Chunks: 30, Deadline: 1_800_000_000,
			})
			if err != nil {
				log.Fatal(err)
			}
		}
		lease, err := store.Lease(ctx, "account", process, time.Minute)
		if err != nil {
			log.Fatal(err)
		}
		stats, err := store.Stats(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(process, "process: deals", stats.Tracks, "token", lease.Token)
		if err := store.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// first process: deals 1 token 1
	// second process: deals 1 token 2
}
