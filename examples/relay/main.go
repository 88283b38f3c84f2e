// Command relay pays for proofs: it reads the possession proofs of data sets on
// Filecoin, attests each that is payable, and releases the chunk of the deal that
// it earned on Starknet. Any number of times it may be killed, and it pays each
// period once.
//
// Try it with both chains on this machine, in two shells:
//
//	go run ./examples/localnet -config localnet.json
//	go run ./examples/relay -config localnet.json
//
// and, once a deal is open and the storage provider proves (dealflow shows how,
// sim_prove of localnet does), bind them: add to localnet.json
//
//	"relay": {"bindings": [{"deal": "0x1", "set": "0x1"}], "poll": "1s"}
//
// and start it again. For an escrow of your own deploy one with
//
//	go run ./examples/escrowctl deploy -rpc URL -account account.json -o deployment.json
//
// and write its addresses into the file. An extra copy of the file with mode 0600
// keeps the keys to yourself.
//
// # The file
//
// One JSON object; a key that is not known is refused. Paths are relative to the
// working directory. Amounts are whole tokens in quotes, durations as "15s".
//
//	starknet.rpc                           a URL or a list: one is used, another when it fails or is behind
//	starknet.ws .chain_id .escrow          what wakes the relay (optional), the chain, the escrow
//	starknet.token .owner                  compared with the escrow's, if given
//	starknet.accounts                      [{address, private_key, public_key}]
//	fevm.rpc .quorum                       a URL or a list; how many must agree (1)
//	fevm.ws                                what wakes the relay (optional)
//	fevm.chain_id .pdp_verifier            314 or 314159; the contract whose proofs count
//	attester.private_key .public_key       the attestation key of relay.signer "local"; the key that any signer must have
//
//	relay.store        relay.db            file (bbolt), or postgres://… for many processes; .schema there
//	relay.signer       local               local, keystore, pkcs11, remote, web3signer or lit
//	relay.keystore     file, password_file
//	relay.pkcs11       module, token, serial, label, pin_file
//	relay.remote       url, token_file     of remote and web3signer
//	relay.lit          url, api_key_file   of an action of Lit (package signer/lit); the rest makes its text:
//	                                       class_hash, salt, deployer, args (how the escrow was deployed),
//	                                       starknet_rpc, fevm_rpc (what the action asks; public), starknet_block,
//	                                       confirmations, agree
//	relay.journal      STORE.journal       what was signed: never delete it
//	relay.account      0                   which of starknet.accounts pays; no other program may use it
//	relay.bindings     none                [{deal, set, start_epoch}]; start_epoch: first epoch after the deal's creation;
//	                                       with lit also signature, the felts of the client's account
//	relay.poll         15s                 pause between two turns
//	relay.finality     finalized           finalized, safe or latest, and .depth epochs below
//	relay.from_block   0                   where reading begins: at or before the creation of the data sets
//	relay.overlap      0                   epochs that are read twice, for nodes that show logs late
//	relay.checkpoint   STORE.proofs        what was read, so that a restart does not read it again
//	relay.min_challenges, .genesis_time    5; of the chain
//	relay.rules        none                listeners, providers, min_spacing, min_leaves, window, verify (none, direct, all)
//	relay.period       2880 or 240         epochs of a proving period, for forecasts and warnings
//	relay.batch, .multicall                chunks in one transaction; only an extended escrow has batches
//	relay.in_flight, .workers              16; 4
//	relay.limits       none                hour and day: all, deal, provider
//	relay.fees         none                max, max_per_day in STRK
//	relay.bump_after, .settle_after        5m; 1h
//	relay.lease        1m                  within it another process takes over; it shares the database and the account
//	relay.name, .peers, .stagger           relays that share nothing, and how long each is waited for
//	relay.http         127.0.0.1:9100      /healthz /readyz /metrics /v1/…, or off
//	relay.admin_token_file                 what POST and DELETE need: Authorization: Bearer …
//	relay.audit        none                file of the hash-chained history
//	relay.watch        none                mode (observer, slash), account (of slash), webhook, secret_file, warn, store
//	relay.log .log_level                   text or json; debug, info, warn, error
//
// # HTTP
//
// GET /healthz is 200 while turns are taken; /readyz while both chains answer,
// the store works, history is read and nothing was stopped, else 503 with the
// reasons. It shows, as waiting_bindings, what cannot be bound yet, such as a data
// set that does not exist: that is tried again, less and less often.
// GET /v1/deals?after=&limit=, /v1/deals/{id} and
// /v1/chunks?deal=&state=&after=&limit= show what the relay knows, in pages.
// POST /v1/bindings {"deal","set","start_epoch"}, DELETE /v1/bindings/{deal} and
// POST /v1/deals/{id}/resume change it.
//
// SIGTERM or SIGINT lets the turn under way end, ten seconds at most; a second one
// ends the process at once, which loses nothing either.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal is the system's
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "relay: "+strings.TrimPrefix(oneLine(err), "relay: "))
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	config         string
	check, version bool
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("relay", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // the error says it
	fs.StringVar(&o.config, "config", "", "JSON `file`, such as localnet writes; the comment of main.go explains the keys")
	fs.BoolVar(&o.check, "check", false, "check the file and both chains, and exit")
	fs.BoolVar(&o.version, "version", false, "print the version and exit")
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fs.SetOutput(usage)
		fmt.Fprintln(usage, "usage: relay -config FILE [flags]")
		fs.PrintDefaults()
		return o, err
	case err != nil:
		return o, fmt.Errorf("%w; -h lists the flags", err)
	case fs.NArg() > 0:
		return o, fmt.Errorf("argument %.40q: there are only flags; -h lists them", fs.Arg(0))
	case o.config == "" && !o.version:
		return o, errors.New("-config is missing: want a JSON file, such as localnet writes; -h lists the flags")
	}
	return o, nil
}

// run runs the daemon until ctx is done, which is no error.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parse(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case o.version:
		fmt.Fprintf(stdout, "relay %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return nil
	}
	c, err := readConfig(o.config)
	if err != nil {
		return err
	}
	d := &daemon{config: c, dry: o.check, log: newLog(c, stderr), metrics: newMetrics(), turned: make(chan struct{}, 1)}
	if c.open {
		d.log.Warn("others can read the file, and there are keys in it: chmod 600", "file", c.path)
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.open(ctx); err != nil {
		return err
	}
	if err := d.check(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if err := d.build(); err != nil {
		return err
	}
	d.loadCheckpoint()
	if o.check {
		return d.dryRun(ctx, stdout)
	}
	return d.run(ctx)
}

// dryRun binds nothing and signs nothing: it looks at the data sets, too.
func (d *daemon) dryRun(ctx context.Context, stdout io.Writer) error {
	for _, b := range d.config.bindings() {
		err := d.source.CheckSet(ctx, b.Set)
		if bad := judge(err); bad != nil {
			return bad
		}
		if err != nil {
			d.log.Warn("the data set cannot be bound yet", "deal", b.Deal.Big(), "set", b.Set.Big(), "err", oneLine(err))
		}
	}
	fmt.Fprintf(stdout, "ok: %d bindings, escrow %v, account %v, store %s\n", len(d.config.Relay.Bindings), d.escrow.Address(), d.account.Address(), d.config.Relay.place())
	return nil
}

func newLog(c *config, w io.Writer) *slog.Logger {
	level, err := c.level()
	if err != nil {
		level = slog.LevelInfo // validate has refused it
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Relay.Log == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
