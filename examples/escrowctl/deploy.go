package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/examples/internal/deployment"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// minted is what the account gets of a token for tests, if it has less: 10,000
// whole tokens.
const minted = "10000"

type deployFlags struct {
	url, account, class, key, attester, token, owner, out string
	json                                                  bool
}

// deploy puts an escrow on a chain, and a token for tests unless told another.
func deploy(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var f deployFlags
	fs := flag.NewFlagSet("deploy", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&f.url, "rpc", "", "`URL` of a Starknet node, RPC 0.9 or 0.10")
	fs.StringVar(&f.account, "account", "", "`file` of the account that pays: {\"address\", \"privateKey\"}")
	fs.StringVar(&f.class, "class", "extended", "escrow class, `extended or compatible`")
	fs.StringVar(&f.key, "key", "", "public attestation `key` in hexadecimal: 33, 64 or 65 bytes; empty makes one")
	fs.StringVar(&f.attester, "attester", "attester.json", "without -key: `file` of the attestation key, made if it is not there")
	fs.StringVar(&f.token, "token", "", "`address` of the ERC-20 that deals are paid in; empty deploys one for tests")
	fs.StringVar(&f.owner, "owner", "", "extended: `address` that may pause; empty is the account")
	fs.StringVar(&f.out, "o", "", "`file` to write the deployment to")
	fs.BoolVar(&f.json, "json", false, "print the deployment as JSON")
	if err := parse(fs, args, "rpc", "account", "o"); err != nil {
		return err
	}
	d, sent, err := f.deploy(ctx)
	if err != nil {
		return explain(err)
	}
	if err := f.save(d); err != nil {
		return err
	}
	if f.json {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(d)
	}
	f.print(stdout, d, sent)
	return nil
}

// deploy sends what is missing on the chain. All flags are read before.
func (f *deployFlags) deploy(ctx context.Context) (d deployment.Deployment, sent []transaction, err error) {
	p := cairo.Params{}
	if p.Class, err = f.parseClass(); err != nil {
		return d, nil, err
	}
	var account deployment.Account
	if err := deployment.Read(f.account, &account); err != nil {
		return d, nil, fmt.Errorf("-account: %w", err)
	}
	if p.Class == cairo.Extended {
		p.Owner = account.Address
	}
	if f.owner != "" {
		if p.Owner, err = slastream.ParseAddress(f.owner); err != nil {
			return d, nil, fmt.Errorf("-owner: %w", err)
		}
	}
	if f.token != "" {
		if p.Token, err = slastream.ParseAddress(f.token); err != nil {
			return d, nil, fmt.Errorf("-token: %w", err)
		}
	}
	client, err := rpc.DialContext(ctx, f.url)
	if err != nil {
		return d, nil, fmt.Errorf("-rpc: %w", err)
	}
	defer client.Close()
	node := &recorder{Caller: client}
	sender, err := f.sender(ctx, node, account)
	if err != nil {
		return d, nil, err
	}
	if p.Key, err = f.attestationKey(); err != nil {
		return d, nil, err
	}
	if f.token == "" {
		if p.Token, err = f.tokenOf(ctx, sender); err != nil {
			return d, nil, err
		}
	}
	escrow, err := cairo.Deploy(ctx, sender, p)
	if err != nil {
		return d, nil, err
	}
	d = deployment.Deployment{
		ChainID: sender.ChainID, Class: p.Class.String(), ClassHash: p.Class.Hash(),
		Escrow: escrow.Address(), Token: p.Token, Key: p.Key,
	}
	if d.Owner, err = escrow.Owner(ctx); err != nil {
		return d, nil, err
	}
	if f.key == "" {
		d.Attester = f.attester
	}
	sent, err = node.transactions(ctx)
	return d, sent, err
}

func (f *deployFlags) parseClass() (cairo.Class, error) {
	switch f.class {
	case "extended":
		return cairo.Extended, nil
	case "compatible":
		if f.owner != "" {
			return 0, errors.New("-owner goes with -class extended: the owner of a compatible escrow is the deployer contract")
		}
		return cairo.Compatible, nil
	}
	return 0, fmt.Errorf("-class is %.40q, want extended or compatible", f.class)
}

// sender returns the account on the chain that the node says it is on.
func (f *deployFlags) sender(ctx context.Context, node starknet.Caller, a deployment.Account) (cairo.Sender, error) {
	key, err := starknet.NewLocalKey(a.PrivateKey)
	if err != nil {
		return cairo.Sender{}, fmt.Errorf("%s: %w", f.account, err)
	}
	var id string
	if err := node.CallContext(ctx, &id, "starknet_chainId"); err != nil {
		return cairo.Sender{}, fmt.Errorf("ask %s for its chain: %w", f.url, err)
	}
	chain, err := attestation.ParseWord(id)
	if err != nil {
		return cairo.Sender{}, fmt.Errorf("%s says that its chain is %.80q", f.url, id)
	}
	if f.token == "" && chain == starknet.Mainnet {
		return cairo.Sender{}, errors.New("no tokens for tests on mainnet: give the ERC-20 that deals are paid in with -token")
	}
	return cairo.Sender{Caller: node, ChainID: chain, Address: a.Address, Key: key}, nil
}

// attestationKey returns the key of -key, or of the attester file, which is made
// if it is not there.
func (f *deployFlags) attestationKey() (attestation.PublicKey, error) {
	if f.key != "" {
		raw, err := hex.DecodeString(strings.TrimPrefix(f.key, "0x"))
		if err != nil {
			return attestation.PublicKey{}, fmt.Errorf("-key is not hexadecimal: %.140q", f.key)
		}
		key, err := attestation.ParsePublicKey(raw)
		if err != nil {
			return key, fmt.Errorf("-key: %w", err)
		}
		return key, nil
	}
	var a deployment.Attester
	if deployment.Exists(f.attester) {
		if err := deployment.Read(f.attester, &a); err != nil {
			return attestation.PublicKey{}, fmt.Errorf("-attester: %w", err)
		}
	} else {
		a = newAttester()
		if err := deployment.Write(f.attester, a); err != nil {
			return attestation.PublicKey{}, fmt.Errorf("-attester: %w", err)
		}
	}
	key, err := signer.NewLocal(a.PrivateKey)
	if err != nil {
		return attestation.PublicKey{}, fmt.Errorf("%s: %w", f.attester, err)
	}
	return key.PublicKey(), nil
}

// tokenOf deploys the token for tests, and mints if the account has little.
func (f *deployFlags) tokenOf(ctx context.Context, sender cairo.Sender) (slastream.Address, error) {
	token, err := cairo.DeployMockERC20(ctx, sender, attestation.Word{})
	if err != nil {
		return slastream.Address{}, err
	}
	want, err := slastream.ParseAmount(minted, 18)
	if err != nil {
		return slastream.Address{}, err
	}
	held, err := token.BalanceOf(ctx, sender.Address)
	if err != nil || held.Cmp(want) >= 0 {
		return token.Address(), err
	}
	to, err := starknet.FeltFromWord(sender.Address.Word())
	if err != nil {
		return slastream.Address{}, err
	}
	low, high := starknet.SplitU256(want.Word())
	account := starknet.NewAccount(sender.Caller, sender.ChainID, sender.Address, sender.Key)
	if _, err := account.Execute(ctx, starknet.NewCall(token.Address(), "mint", to, low, high)); err != nil {
		return slastream.Address{}, fmt.Errorf("mint: %w", err)
	}
	return token.Address(), nil
}

// save writes the deployment. A file that says the same is left as it is.
func (f *deployFlags) save(d deployment.Deployment) error {
	if !deployment.Exists(f.out) {
		return deployment.Write(f.out, d)
	}
	var had deployment.Deployment
	if err := deployment.Read(f.out, &had); err != nil || had != d {
		return fmt.Errorf("the escrow is at %v, but %s is there and says something else: move it away, or name another file with -o", d.Escrow, filepath.Clean(f.out))
	}
	return nil
}

// explain says what to do about an error, where that is known.
func explain(err error) error {
	switch {
	case errors.Is(err, starknet.ErrNonce):
		return fmt.Errorf("%w: another program uses the account: run the command again", err)
	case errors.Is(err, starknet.ErrValidation):
		return fmt.Errorf("%w: does the private key belong to the account, and has it STRK for the fee?", err)
	case errors.Is(err, cairo.ErrNoDeployer):
		return fmt.Errorf("%w: this chain is neither a public network nor a devnet", err)
	}
	var answer rpc.Error
	if errors.As(err, &answer) {
		switch answer.ErrorCode() {
		case 20: // CONTRACT_NOT_FOUND
			return fmt.Errorf("%w: is the account deployed on this chain?", err)
		case 53, 54: // INSUFFICIENT_RESOURCES_FOR_VALIDATE, INSUFFICIENT_ACCOUNT_BALANCE
			return fmt.Errorf("%w: the account has too little STRK for the fee", err)
		case 55: // VALIDATION_FAILURE
			return fmt.Errorf("%w: does the private key belong to the account?", err)
		case -32601:
			return fmt.Errorf("%w: want a Starknet node that speaks RPC 0.9 or 0.10", err)
		}
	}
	return err
}
