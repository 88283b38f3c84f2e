package main

import (
	"crypto/rand"
	"fmt"
	"io"

	"github.com/slastream/slastream-go/examples/internal/deployment"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// newAttester returns a key at random. It is a valid secret of secp256k1 but
// for a chance of 2^-127, and NewLocal checks it.
func newAttester() (a deployment.Attester) {
	_, _ = rand.Read(a.PrivateKey[:]) // never fails
	return a
}

// print tells people what is deployed and what that cost.
func (f *deployFlags) print(w io.Writer, d deployment.Deployment, sent []transaction) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	chain := d.ChainID.String()
	if felt, err := starknet.FeltFromWord(d.ChainID); err == nil {
		if text, ok := starknet.ShortStringText(felt); ok {
			chain = text
		}
	}
	row("chain", "%s", chain)
	row("class", "%v  %s", d.ClassHash, d.Class)
	row("escrow", "%v", d.Escrow)
	if f.token == "" {
		row("token", "%v  for tests: anyone can mint it", d.Token)
	} else {
		row("token", "%v", d.Token)
	}
	row("owner", "%v", d.Owner)
	row("key", "%v", d.Key)
	if d.Attester != "" {
		row("", "its secret is in %s", d.Attester)
	}
	var fees slastream.Amount
	for _, tx := range sent {
		row(tx.kind, "%v  fee %s STRK", tx.hash, tx.fee.Format(18))
		fees, _ = fees.Add(tx.fee) // fees have 128 bits
	}
	if len(sent) == 0 {
		row("fees", "none, all was there already")
	} else {
		row("fees", "%s STRK in %d transactions", fees.Format(18), len(sent))
	}
	row("file", "%s", f.out)
}
