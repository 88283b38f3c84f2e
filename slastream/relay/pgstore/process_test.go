package pgstore_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/relay/pgstore"
)

// processEnv has the test binary run as one of the processes that share an
// account, instead of the tests. It holds a setup in JSON.
const processEnv = "PGSTORE_TEST_PROCESS"

// A setup is what a process is told.
type setup struct {
	Database string
	Schema   string
	Owner    string
	Chain    string // URL of the chain
	Lease    time.Duration
}

var account = slastream.Address{31: 7}

// runProcess is the main function of a process. It ends with its parent.
func runProcess() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	if err := process(ctx); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func process(ctx context.Context) error {
	var s setup
	if err := json.Unmarshal([]byte(os.Getenv(processEnv)), &s); err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(s.Database)
	if err != nil {
		return err
	}
	config.MaxConns = 5
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	store, err := pgstore.Open(ctx, pool, s.Schema)
	if err != nil {
		return err
	}
	return store.Run(ctx, &sender{store: store, setup: s}, pgstore.Options{
		Account: account.String(), Owner: s.Owner, Poll: 100 * time.Millisecond, Lease: s.Lease, Grace: time.Second,
	})
}

// A sender is a relay that only sends: in each turn it takes the lease, then
// stores one transaction after the other under the next nonce and sends it.
type sender struct {
	store relay.Store
	setup setup
}

func (s *sender) Step(ctx context.Context) (report relay.Report, err error) {
	lease, err := s.store.Lease(ctx, account.String(), s.setup.Owner, s.setup.Lease)
	if errors.Is(err, relay.ErrLease) {
		return report, nil
	} else if err != nil {
		return report, err
	}
	next, err := s.nonce(ctx)
	if err != nil {
		return report, err
	}
	// What the last holder stored and perhaps did not send is sent again.
	for t, err := range s.store.Transactions(ctx, account, 0) {
		if err != nil {
			return report, err
		}
		if err := s.send(ctx, lease, t); err != nil {
			return report, err
		}
		next = max(next, t.Nonce+1)
	}
	for ; report.Sent < 20 && ctx.Err() == nil; next++ {
		time.Sleep(5 * time.Millisecond)
		t := s.transaction(next)
		err := s.store.Commit(ctx, relay.Change{Lease: lease, Put: []relay.Transaction{t}})
		if errors.Is(err, relay.ErrLease) {
			return report, errors.Join(err, s.post(ctx, "fenced", url.Values{}))
		}
		if err == nil {
			err = s.send(ctx, lease, t)
		}
		if err != nil {
			return report, err
		}
		report.Sent++
	}
	return report, ctx.Err()
}

func (s *sender) transaction(nonce uint64) relay.Transaction {
	var hash attestation.Word
	_, _ = rand.Read(hash[1:])
	id := relay.TxID{Sender: account, Nonce: nonce}
	return relay.Transaction{
		TxID: id, State: relay.Stored, Stored: uint64(time.Now().UnixMilli()),
		Signed: []slastream.SignedTx{{Hash: hash, Sender: account, Nonce: nonce, Body: []byte(s.setup.Owner)}},
	}
}

// send gives a transaction to the chain and then drops it: it is accepted.
func (s *sender) send(ctx context.Context, lease relay.Lease, t relay.Transaction) error {
	signed := t.Signed[0]
	err := s.post(ctx, "send", url.Values{
		"nonce": {strconv.FormatUint(t.Nonce, 10)}, "hash": {signed.Hash.String()}, "stored": {string(signed.Body)}, "owner": {s.setup.Owner},
	})
	if err != nil {
		return err
	}
	return s.store.Commit(ctx, relay.Change{Lease: lease, Drop: []relay.TxID{t.TxID}})
}

func (s *sender) post(ctx context.Context, path string, form url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.setup.Chain+"/"+path+"?"+form.Encode(), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return errors.Join(err, answer.Body.Close())
}

// nonce asks the chain for the next nonce of the account.
func (s *sender) nonce(ctx context.Context) (n uint64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.setup.Chain+"/nonce", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	err = json.NewDecoder(answer.Body).Decode(&n)
	return n, errors.Join(err, answer.Body.Close())
}
