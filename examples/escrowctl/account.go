package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/slastream/slastream-go/examples/internal/deployment"
	"github.com/slastream/slastream-go/slastream"
)

// account writes the account file of one of a starknet-devnet's accounts.
func account(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("account", flag.ContinueOnError)
	fs.SetOutput(stderr)
	url := fs.String("rpc", "", "`URL` of a starknet-devnet, such as http://127.0.0.1:5050/rpc")
	out := fs.String("o", "", "`file` to write the account to")
	index := fs.Int("n", 0, "`number` of the account, from 0")
	if err := parse(fs, args, "rpc", "o"); err != nil {
		return err
	}
	client, err := rpc.DialContext(ctx, *url)
	if err != nil {
		return err
	}
	defer client.Close()
	var list []struct {
		Address    slastream.Address `json:"address"`
		PrivateKey deployment.Secret `json:"private_key"`
	}
	if err := client.CallContext(ctx, &list, "devnet_getPredeployedAccounts"); err != nil {
		return fmt.Errorf("%s has no accounts to give away: %w; write %s by hand: {\"address\": \"0x…\", \"privateKey\": \"0x…\"}", *url, err, *out)
	}
	if *index < 0 || *index >= len(list) {
		return fmt.Errorf("account %d: the node has %d", *index, len(list))
	}
	a := deployment.Account{Address: list[*index].Address, PrivateKey: list[*index].PrivateKey}
	if err := deployment.Write(*out, a); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%-12s %v\n%-12s %s\n", "account", a.Address, "file", *out)
	return nil
}
