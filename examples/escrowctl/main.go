// Command escrowctl deploys an escrow on Starknet, and opens and shows deals.
//
//	escrowctl account -rpc URL -o account.json                        # of a starknet-devnet, with tokens
//	escrowctl deploy -rpc URL -account account.json -o deployment.json
//
//	escrowctl create-deal -config localnet.json -provider 0x5b -chunks 30 -chunk-amount 1.5 -duration 720h
//	escrowctl deal -config localnet.json -deal 1
//	escrowctl deals -config localnet.json
//
// deploy declares the class if the chain does not know it, deploys through the
// universal deployer, and checks what is there. A second time it finds the same
// escrow at the same address and changes nothing. Without -token it deploys a
// token that anyone can mint, for tests, and mints some to the account. Without
// -key it makes an attestation key, in a file that only you can read.
//
// create-deal, deal and deals read the file that examples/localnet writes and
// examples/relay reads: of it starknet.rpc, .chain_id, .escrow, .token, .owner and
// .accounts. create-deal first looks the escrow over, and then approves what the
// deal locks and opens it in one transaction, as -account (1). Amounts are whole
// tokens on the command line and for people; with -json they are base units, and
// deals writes one object on each line.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "escrowctl:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	const usage = "want a command: account, deploy, create-deal, deal or deals; escrowctl COMMAND -h lists its flags"
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch args[0] {
	case "account":
		return account(ctx, args[1:], stdout, stderr)
	case "deploy":
		return deploy(ctx, args[1:], stdout, stderr)
	case "create-deal":
		return createDeal(ctx, args[1:], stdout, stderr)
	case "deal":
		return showDeal(ctx, args[1:], stdout, stderr)
	case "deals":
		return listDeals(ctx, args[1:], stdout, stderr)
	}
	return fmt.Errorf("unknown command %q: %s", args[0], usage)
}

// parse reads flags and refuses what is left over, and required flags that are
// missing.
func parse(fs *flag.FlagSet, args []string, required ...string) error {
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("%s: unexpected argument %q", fs.Name(), fs.Arg(0))
	}
	for _, name := range required {
		if fs.Lookup(name).Value.String() == "" {
			_, usage := flag.UnquoteUsage(fs.Lookup(name))
			return fmt.Errorf("%s: -%s is missing: %s", fs.Name(), name, usage)
		}
	}
	return nil
}
