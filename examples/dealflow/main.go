// Command dealflow is the whole of SLAStream on two chains in this process: a
// client opens a deal on Starknet, a storage provider proves possession on
// Filecoin, a relay attests each proved period and releases a chunk, and when
// the deadline has passed the client slashes what was not earned.
//
//	go run ./examples/dealflow             # the provider misses a period, replays, proves twice
//	go run ./examples/dealflow -logs FILE  # recorded logs of a real PDPVerifier instead
//	go run ./examples/dealflow -json       # the result for machines
//	go run ./examples/dealflow -starknet URL -account FILE -deployment FILE  # an escrow that escrowctl deployed
//
// Everything goes through real JSON-RPC and real signatures; only the chains
// are simulated, or with -starknet only Filecoin. At the end the balances are compared with the reference model
// of the contract: a difference ends the program with status 1.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/slastream/slastream-go/attestation"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dealflow:", err)
		os.Exit(1)
	}
}

// recordedVerifier is the proxy of the PDPVerifier in the recorded logs that
// the SDK's tests come with.
const recordedVerifier = "0xD589c9a823caf0912b8d370D7959b2E956Ea28d6"

type options struct {
	logs          string
	verifier      string
	minChallenges int
	json          bool

	starknet   string
	account    string
	deployment string
}

// check refuses flags that do not go together.
func (o options) check() error {
	switch {
	case o.minChallenges < 0:
		return fmt.Errorf("-min-challenges is %d, want 0 or more", o.minChallenges)
	case o.starknet == "" && o.account != "":
		return errors.New("-account goes with -starknet")
	case o.starknet != "" && o.account == "":
		return errors.New("-starknet wants -account: the file that `escrowctl account` or you wrote")
	case o.starknet != "" && o.logs != "":
		return errors.New("-logs and -starknet do not go together: the recorded proofs are years apart")
	}
	return nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	fs := flag.NewFlagSet("dealflow", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.logs, "logs", "", "read recorded logs of a PDPVerifier from this JSON `file` instead of simulating a provider")
	fs.StringVar(&o.verifier, "verifier", recordedVerifier, "with -logs: `address` of the PDPVerifier whose events count")
	fs.IntVar(&o.minChallenges, "min-challenges", 0, "challenges a payable proof has at least; 0 means the default of the policy")
	fs.StringVar(&o.starknet, "starknet", "", "`URL` of a Starknet node with an escrow that escrowctl deployed, instead of a simulated node")
	fs.StringVar(&o.account, "account", "", "with -starknet: `file` of the account that is client and relay")
	fs.StringVar(&o.deployment, "deployment", "deployment.json", "with -starknet: `file` that escrowctl deploy wrote")
	fs.BoolVar(&o.json, "json", false, "print the result as one JSON object")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: a file of logs goes after -logs", fs.Arg(0))
	}
	if err := o.check(); err != nil {
		return err
	}
	out := newNarrator(stdout)
	if o.json {
		out = newNarrator(io.Discard)
	}
	var flow *flow
	var err error
	if o.starknet == "" {
		flow, err = newFlow(out, o)
	} else {
		flow, err = newFlowOn(ctx, out, o)
	}
	if err != nil {
		return err
	}
	if o.logs == "" {
		err = flow.simulated(ctx)
	} else {
		err = flow.recorded(ctx)
	}
	if err != nil {
		return err
	}
	if o.json {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(flow.result); err != nil {
			return err
		}
	}
	if !flow.result.OK {
		return errors.New("the balances differ from the model's")
	}
	return nil
}

// A result is what happened, for -json.
type result struct {
	OK       bool         `json:"ok"`
	Deals    []dealResult `json:"deals"`
	Proofs   []proof      `json:"proofs"`
	Balances []balance    `json:"balances"`
}

type dealResult struct {
	Deal     attestation.Word `json:"deal"`
	Set      attestation.Word `json:"set"`
	Chunks   uint64           `json:"chunks"`
	Released uint64           `json:"released"`
	Slashed  bool             `json:"slashed"`
}

// A proof is the verdict on one PossessionProven event.
type proof struct {
	Set     attestation.Word `json:"set"`
	Epoch   uint64           `json:"epoch"`
	Period  uint64           `json:"period"`
	Payable bool             `json:"payable"`
	Reason  string           `json:"reason,omitempty"` // why it does not pay
}
