package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/examples/internal/deployment"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

const (
	// fileLimit is how many bytes of a configuration are read: what the relay reads.
	fileLimit = 1 << 20
	// poll is the pause between two questions for a transaction that was sent.
	poll = 200 * time.Millisecond
)

// A network is what escrowctl needs of the file that localnet writes and the
// relay reads. What else there is, is for others.
type network struct {
	RPC      string            `json:"rpc"`
	ChainID  attestation.Word  `json:"chain_id"` // zero: any
	Escrow   slastream.Address `json:"escrow"`
	Token    slastream.Address `json:"token"` // zero: any
	Owner    slastream.Address `json:"owner"` // zero: any
	Accounts []struct {
		Address    slastream.Address `json:"address"`
		PrivateKey deployment.Secret `json:"private_key"`
	} `json:"accounts"`

	path string
}

// readNetwork reads a file. It asks nobody.
func readNetwork(path string) (*network, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("-config: %w: write it with examples/localnet -config", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err != nil {
		return nil, fmt.Errorf("-config: %w", err)
	}
	if len(b) > fileLimit {
		return nil, fmt.Errorf("%s: more than %d bytes: that is no configuration", path, fileLimit)
	}
	var file struct {
		Starknet network `json:"starknet"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("%s: %w: want the JSON that examples/localnet writes", path, err)
	}
	n := &file.Starknet
	n.path = path
	switch {
	case n.RPC == "":
		return nil, fmt.Errorf("%s has no starknet.rpc: want the JSON that examples/localnet writes", path)
	case n.Escrow.IsZero():
		return nil, fmt.Errorf("%s has no starknet.escrow: put in the address that escrowctl deploy printed", path)
	}
	return n, nil
}

// A chain is the escrow of a file, as one account or as nobody.
type chain struct {
	file   *network
	node   *recorder
	escrow *starknet.Escrow
	token  slastream.Token
}

// open asks whether the node is on the chain of the file, and has the escrow.
func (n *network) open(ctx context.Context) (*chain, error) {
	c := &chain{file: n, node: &recorder{Caller: jsonrpc.NewClient(n.RPC, nil)}}
	var text string
	if err := c.node.CallContext(ctx, &text, "starknet_chainId"); err != nil {
		return nil, fmt.Errorf("starknet.rpc of %s: %w: is the node up?", n.path, err)
	}
	id, err := attestation.ParseWord(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("starknet.rpc of %s says that its chain is %.80q: want a Starknet node", n.path, text)
	case n.ChainID.IsZero():
		n.ChainID = id
	case n.ChainID != id:
		return nil, fmt.Errorf("starknet.rpc of %s is on chain %s, starknet.chain_id is %s: use a node of the right chain", n.path, deployment.ChainText(id), deployment.ChainText(n.ChainID))
	}
	c.escrow = starknet.NewEscrow(c.node, n.Escrow)
	class, err := c.escrow.ClassHash(ctx)
	if err != nil {
		return nil, fmt.Errorf("starknet.rpc of %s: %w", n.path, err)
	}
	if class.IsZero() {
		return nil, fmt.Errorf("there is no contract at %v on %s: correct starknet.escrow of %s, or deploy one with escrowctl deploy", n.Escrow, deployment.ChainText(id), n.path)
	}
	return c, c.readToken(ctx)
}

// readToken learns in what the escrow pays.
func (c *chain) readToken(ctx context.Context) error {
	address, err := c.escrow.Token(ctx)
	if err == nil && address.IsZero() {
		err = errors.New("it has none")
	}
	if err != nil {
		return fmt.Errorf("token of the escrow %v: %w: is starknet.escrow of %s an escrow?", c.file.Escrow, err, c.file.path)
	}
	known, ok := slastream.TokenAt(c.file.ChainID, address)
	if ok {
		c.token = known
		return nil
	}
	token := starknet.NewERC20(c.node, address)
	decimals, err := token.Decimals(ctx)
	if err != nil {
		return fmt.Errorf("decimals of the token %v: %w", address, err)
	}
	c.token = slastream.Token{ChainID: c.file.ChainID, Decimals: decimals, Address: address}
	if symbol, err := token.Symbol(ctx); err == nil && plain(symbol) {
		c.token.Symbol = symbol
	} else if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return nil
}

// plain reports whether a text that a contract chose is harmless on a terminal.
func plain(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return len(s) <= 12
}

// check looks the escrow over before tokens are locked in it, writes what is odd
// to w, and says which class it is.
func (c *chain) check(ctx context.Context, w io.Writer) (slastream.Class, error) {
	report, err := starknet.CheckEscrow(ctx, c.node, c.file.Escrow, starknet.EscrowExpectation{
		ChainID: c.file.ChainID, Token: c.file.Token, Owner: c.file.Owner,
	})
	if err != nil {
		return 0, err
	}
	for _, f := range report.Findings {
		switch f.Severity {
		case starknet.SeverityCritical:
			return 0, errors.New("starknet.escrow of " + c.file.path + ": " + f.Text)
		case starknet.SeverityWarning:
			fmt.Fprintln(w, "warning:", f.Text)
		}
	}
	if report.Class == "extended" {
		return slastream.ClassExtended, nil
	}
	return slastream.ClassCompatible, nil
}

// as lets the escrow be called by an account of the file.
func (c *chain) as(index int) (slastream.Address, error) {
	if index < 0 || index >= len(c.file.Accounts) {
		return slastream.Address{}, fmt.Errorf("-account %d: starknet.accounts of %s has %d, counted from 0", index, c.file.path, len(c.file.Accounts))
	}
	a := c.file.Accounts[index]
	key, err := starknet.NewLocalKey(a.PrivateKey)
	if err != nil {
		return a.Address, fmt.Errorf("starknet.accounts[%d] of %s: %w", index, c.file.path, err)
	}
	account := starknet.NewAccount(c.node, c.file.ChainID, a.Address, key, starknet.WithPoll(poll))
	c.escrow = starknet.NewEscrow(c.node, c.file.Escrow, starknet.WithAccount(account))
	return a.Address, nil
}
