// Command localnet serves both chains of the SDK on this machine: a Starknet
// node with the escrow and its token, and a Filecoin FEVM node with a
// PDPVerifier and a storage provider. Use it to try out programs in any
// language against real JSON-RPC; tests in Go do without a port, with the
// packages starknet/simulated and fevm/simulated, whose comments say what is
// real and what is not. The tests run a deal through starknet.js and starknet.go,
// and proofs through ethers and viem.
//
//	go run ./examples/localnet -config localnet.json
//
// When both endpoints answer it prints one line of JSON with their URLs, the
// contracts, funded accounts and the attestation key of the escrow. It runs
// until SIGINT or SIGTERM. All keys follow from -seed: never send anything of
// value to them.
//
// Both clocks follow that of this machine. Starknet's goes on with it, or as
// devnet_setTime and devnet_increaseTime say. Filecoin's goes 30 seconds with each
// tipset: when it is asked something and is behind, tipsets for the time since come
// first, so a proof that is made with sim_prove is never older than a deal that was
// created before it. One that is ahead, because each transaction has a tipset of
// its own, waits. When nobody asks, nothing is mined.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/slastream/slastream-go/attestation"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	starknetsim "github.com/slastream/slastream-go/starknet/simulated"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	starknet, fevm string // addresses to listen on
	rules          attestation.Rules
	seed           uint64
	config         string
	blockTime      time.Duration // 0: a block for each transaction
	finality       uint64        // epochs
}

// parse reads the command line. It answers flag.ErrHelp, having printed the
// flags to usage, for -h.
func parse(args []string, usage io.Writer) (options, error) {
	var o options
	var rules string
	fs := flag.NewFlagSet("localnet", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // the error says it
	fs.StringVar(&o.starknet, "starknet", "127.0.0.1:5050", "listen for Starknet on `host:port`; port 0 picks a free one")
	fs.StringVar(&o.fevm, "fevm", "127.0.0.1:8545", "listen for FEVM on `host:port`; port 0 picks a free one")
	fs.StringVar(&rules, "rules", "lows", "signature rules of the escrow: lows (corelib 2.14.0 and later) or legacy (before)")
	fs.Uint64Var(&o.seed, "seed", 0, "derive all keys and addresses from `N`")
	fs.StringVar(&o.config, "config", "", "also write the JSON to `file`")
	fs.DurationVar(&o.blockTime, "block-time", 0, "mine a block on each chain every `interval`, as 1s; 0 mines each transaction at once")
	fs.Uint64Var(&o.finality, "finality", 10, "\"finalized\" on FEVM is that many `epochs` behind the head, and \"safe\" half as many")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		fs.SetOutput(usage)
		fmt.Fprintln(usage, "usage: localnet [flags]")
		fs.PrintDefaults()
		return o, flag.ErrHelp
	} else if err != nil {
		return o, fmt.Errorf("localnet: %w; -h lists the flags", err)
	}
	switch rules {
	case "lows":
		o.rules = attestation.RulesLowS
	case "legacy":
		o.rules = attestation.RulesLegacy
	default:
		return o, fmt.Errorf("localnet: -rules %.40q: want lows or legacy", rules)
	}
	if o.blockTime < 0 {
		return o, fmt.Errorf("localnet: -block-time %v: want 0 or more", o.blockTime)
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("localnet: argument %.40q: there are only flags; -h lists them", fs.Arg(0))
	}
	return o, nil
}

// run serves both chains until ctx is done, which is no error.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	attester := newAttester(o.seed)
	starknet := starknetsim.New(starknetsim.Options{
		Seed: o.seed, Key: attester.key, Rules: o.rules, Manual: o.blockTime > 0,
	})
	clock := func() uint64 { return uint64(time.Now().Unix()) }
	fevmOptions := []fevmsim.Option{
		fevmsim.WithSeed(o.seed),
		fevmsim.WithStart(fevmsim.EpochAt(clock())),
		fevmsim.WithClock(clock),
		fevmsim.WithFinality(o.finality/2, o.finality),
	}
	if o.blockTime > 0 {
		fevmOptions = append(fevmOptions, fevmsim.WithManualMining())
	}
	fevm := fevmsim.New(fevmOptions...)

	failed := make(chan error, 2) // one for each server
	starknetServer, err := serve("-starknet", o.starknet, starknet, stderr, failed)
	if err != nil {
		return err
	}
	fevmServer, err := serve("-fevm", o.fevm, fevm, stderr, failed)
	if err != nil {
		starknet.Close() // its WebSockets
		starknetServer.close()
		return err
	}
	defer func() {
		starknet.Close()
		var closing sync.WaitGroup // at the same time, as each may take the whole grace
		closing.Go(starknetServer.close)
		closing.Go(fevmServer.close)
		closing.Wait()
	}()

	line, err := describe(starknet, starknetServer.host(), fevm, fevmServer.host(), attester)
	if err != nil {
		return err
	}
	if o.config != "" { // before the line, whose reader may open it at once
		if err := writeFile(o.config, line); err != nil {
			return err
		}
	}
	if _, err := stdout.Write(line); err != nil {
		return fmt.Errorf("localnet: stdout: %w", err)
	}

	var blocks <-chan time.Time
	if o.blockTime > 0 {
		ticker := time.NewTicker(o.blockTime)
		defer ticker.Stop()
		blocks = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-blocks:
			starknet.Mine()
			if _, err := fevm.Mine(1); err != nil {
				return fmt.Errorf("localnet: mine: %w", err)
			}
		}
	}
}
