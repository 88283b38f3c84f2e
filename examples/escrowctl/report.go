package main

import (
	"crypto/rand"
	"io"

	"github.com/slastream/slastream-go/examples/internal/deployment"
	"github.com/slastream/slastream-go/slastream"
)

// newAttester returns a key at random. It is a valid secret of secp256k1 but
// for a chance of 2^-127, and NewLocal checks it.
func newAttester() (a deployment.Attester) {
	_, _ = rand.Read(a.PrivateKey[:]) // never fails
	return a
}

// print tells people what is deployed and what that cost.
func (f *deployFlags) print(w io.Writer, d deployment.Deployment, sent []transaction) {
	row(w, "chain", "%s", deployment.ChainText(d.ChainID))
	row(w, "class", "%v  %s", d.ClassHash, d.Class)
	row(w, "escrow", "%v", d.Escrow)
	if f.token == "" {
		row(w, "token", "%v  for tests: anyone can mint it", d.Token)
	} else {
		row(w, "token", "%v", d.Token)
	}
	row(w, "owner", "%v", d.Owner)
	row(w, "key", "%v", d.Key)
	if d.Attester != "" {
		row(w, "", "its secret is in %s", d.Attester)
	}
	var fees slastream.Amount
	for _, tx := range sent {
		row(w, tx.kind, "%v  fee %s STRK", tx.hash, tx.fee.Format(18))
		fees, _ = fees.Add(tx.fee) // fees have 128 bits
	}
	if len(sent) == 0 {
		row(w, "fees", "none, all was there already")
	} else {
		row(w, "fees", "%s STRK in %d transactions", fees.Format(18), len(sent))
	}
	row(w, "file", "%s", f.out)
}
