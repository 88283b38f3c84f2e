package pgstore_test

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/pgstore"
)

// One of many processes: the same program on each machine, with a name of its
// own.
func ExampleStore_Run() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	store, err := pgstore.Open(ctx, pool, "")
	if err != nil {
		log.Fatal(err)
	}
	name, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	var escrow relay.Escrow // and proofs, a signer, a domain: see package relay
	r, err := relay.New(relay.Config{Store: store, Escrow: escrow, Name: name})
	if err != nil {
		log.Fatal(err)
	}
	if err := r.Check(ctx); err != nil {
		log.Fatal(err)
	}
	err = store.Run(ctx, r, pgstore.Options{})
	log.Print(err)
}
