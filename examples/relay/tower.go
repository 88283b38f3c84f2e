package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/slastream/watch"
	"github.com/slastream/slastream-go/starknet"
)

// A watcher is the watchtower beside the relay: it guards every deal of the
// escrow, also those that the relay does not pay.
type watcher struct {
	tower *watch.Tower
	*daemon
}

func (d *daemon) newWatcher() (*watcher, error) {
	w := &d.config.Relay.Watch
	c := watch.Config{
		Domain: attestation.Domain{ChainID: d.config.Starknet.ChainID, Escrow: d.config.Starknet.Escrow.Word()},
		Escrow: d.escrow, Clock: d.escrow, Observer: w.Mode == "observer", Pending: d.escrow,
		Store: watch.FileStore{Path: w.Store}, Outlook: d.outlook, Warn: time.Duration(w.Warn),
		Accepted: d.escrow.Watcher(),
		Settled:  d.escrow.Watcher(starknet.WithFinality(starknet.AcceptedOnL1)),
		Logger:   d.log.With("task", "watch"), OnTurn: d.watched,
	}
	if !c.Observer {
		account, err := d.slashAccount()
		if err != nil {
			return nil, err
		}
		c.Slasher = account
	}
	if p := d.config.Relay.Peers; len(p) > 0 {
		c.Peers, c.Name, c.Stagger = p, d.config.Relay.Name, time.Duration(d.config.Relay.Stagger)
	}
	if w.Webhook != "" {
		secret, err := readSecret("relay.watch.secret_file", w.Secret)
		if err != nil {
			return nil, err
		}
		if c.Notifier, err = watch.NewWebhook(w.Webhook, []byte(secret), nil); err != nil {
			return nil, fmt.Errorf("relay.watch: %w", err)
		}
	}
	tower, err := watch.New(c)
	if err != nil {
		return nil, fmt.Errorf("relay.watch: %w", err)
	}
	return &watcher{tower, d}, nil
}

// slashAccount is the escrow as the account that slashes sees it. It is another
// one than the relay's, whose nonces are the relay's alone.
func (d *daemon) slashAccount() (*starknet.Escrow, error) {
	a := d.config.Relay.Watch.Account
	switch {
	case a == nil:
		return nil, errors.New("relay.watch.account is missing: slashing needs an account of its own, an index into starknet.accounts")
	case *a >= len(d.config.Starknet.Accounts):
		return nil, fmt.Errorf("relay.watch.account is %d, but starknet.accounts has %d", *a, len(d.config.Starknet.Accounts))
	case *a == d.config.Relay.Account:
		return nil, errors.New("relay.watch.account is relay.account: slashing needs an account of its own, the relay's nonces are its alone")
	}
	account := d.config.Starknet.Accounts[*a]
	key, err := starknet.NewLocalKey(account.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("starknet.accounts[%d].private_key is no key of the Stark curve", *a)
	}
	fees, err := d.config.fees()
	if err != nil {
		return nil, err
	}
	as := starknet.NewAccount(d.starknet, d.config.Starknet.ChainID, account.Address, key, starknet.WithFees(fees))
	return starknet.NewEscrow(d.starknet, d.config.Starknet.Escrow, starknet.WithAccount(as)), nil
}

// outlook says how far the proofs of a deal are, for warnings.
func (d *daemon) outlook(ctx context.Context, deal slastream.Deal) (slastream.Cadence, slastream.Progress, error) {
	for t, err := range d.store.Tracks(ctx, relay.TrackQuery{Deal: &deal.ID}) {
		if err != nil {
			return slastream.Cadence{}, slastream.Progress{}, err
		}
		progress, err := d.proved(ctx, t)
		return d.cadence(t.StartEpoch), progress, err
	}
	return slastream.Cadence{}, slastream.Progress{}, nil // a deal of others: the deadline itself counts
}

// proved is what the proofs of a track have earned so far.
func (d *daemon) proved(ctx context.Context, t relay.Track) (slastream.Progress, error) {
	p := slastream.Progress{Proved: t.Earned}
	if t.Earned == 0 {
		return p, nil
	}
	for c, err := range d.store.Chunks(ctx, relay.ChunkQuery{IDs: []relay.ChunkID{{Deal: t.Deal, Index: t.Earned - 1}}}) {
		if err != nil {
			return p, err
		}
		p.Last = c.Proof.Timestamp
	}
	return p, nil
}

func (d *daemon) watched(r watch.Report, err error) {
	d.metrics.beat("watch")
	d.metrics.slashes.Add(float64(len(r.Slashed)))
	for outcome, n := range map[string]int{"delivered": r.Delivered, "failed": r.Failed, "dead": r.Dead} {
		d.metrics.alerts.WithLabelValues(outcome).Add(float64(n))
	}
	if len(r.Would) > 0 {
		d.log.Warn("the deadline has passed, and this watchtower only watches", "task", "watch", "deals", len(r.Would))
	}
}

func (w *watcher) run(ctx context.Context) {
	if err := w.tower.Run(ctx); err != nil && ctx.Err() == nil {
		w.log.Error("the watchtower has ended; the relay goes on", "err", oneLine(err))
	}
}
