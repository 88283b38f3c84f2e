package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

type createFlags struct {
	config, provider, amount, collateral string
	account                              int
	chunks                               uint64
	duration                             time.Duration
	json                                 bool
}

// createDeal opens a deal: approve and create_deal in one transaction.
func createDeal(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var f createFlags
	fs := flag.NewFlagSet("create-deal", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&f.config, "config", "", configUsage)
	fs.IntVar(&f.account, "account", 1, "`index` into starknet.accounts of the client, who pays")
	fs.StringVar(&f.provider, "provider", "", "`address` of the storage provider, who is paid")
	fs.Uint64Var(&f.chunks, "chunks", 0, "`number` of chunks: one is paid for each proven period")
	fs.StringVar(&f.amount, "chunk-amount", "", "`tokens` that one chunk pays, such as 1.5")
	fs.StringVar(&f.collateral, "collateral", "0", "`tokens` on top: to the provider when all chunks are paid, back to the client on slash")
	fs.DurationVar(&f.duration, "duration", 0, "`time` until the deadline, such as 720h")
	fs.BoolVar(&f.json, "json", false, "print one JSON object")
	if err := parse(fs, args, "config", "provider", "chunk-amount"); err != nil {
		return err
	}
	n, err := readNetwork(f.config)
	if err != nil {
		return err
	}
	terms, err := f.terms()
	if err != nil {
		return err
	}
	c, err := n.open(ctx)
	if err != nil {
		return err
	}
	created, err := f.create(ctx, c, terms, stderr)
	if err != nil {
		return c.explain(err)
	}
	if f.json {
		return json.NewEncoder(stdout).Encode(created)
	}
	created.print(stdout, c.token)
	row(stdout, "transaction", "%v  fee %s STRK", created.Tx, created.Fee.Format(18))
	row(stdout, "next", "escrowctl deal -config %s -deal %s", f.config, created.Deal)
	return nil
}

// terms are what the flags say, but for the amounts: what a token is, the chain
// says.
func (f *createFlags) terms() (t slastream.Terms, err error) {
	if t.Provider, err = slastream.ParseAddress(f.provider); err != nil {
		return t, fmt.Errorf("-provider: %w", err)
	}
	switch {
	case t.Provider.IsZero():
		return t, errors.New("-provider is 0x0: the tokens would be lost")
	case f.chunks == 0:
		return t, errors.New("-chunks is missing: want 1 or more, one for each period that you want proven")
	case f.duration < time.Second || f.duration%time.Second != 0:
		return t, fmt.Errorf("-duration is %v: want whole seconds, such as 720h for 30 days", f.duration)
	}
	t.Chunks, t.Duration = f.chunks, uint64(f.duration/time.Second)
	return t, nil
}

// A creation is a deal and the transaction that opened it.
type creation struct {
	dealView
	Tx  string           `json:"tx"`
	Fee slastream.Amount `json:"fee"` // FRI
}

func (f *createFlags) create(ctx context.Context, c *chain, terms slastream.Terms, stderr io.Writer) (created creation, err error) {
	if terms.ChunkAmount, err = c.token.Parse(f.amount); err != nil {
		return created, fmt.Errorf("-chunk-amount: %w", err)
	}
	if terms.Collateral, err = c.token.Parse(f.collateral); err != nil {
		return created, fmt.Errorf("-collateral: %w", err)
	}
	if terms.ChunkAmount.IsZero() {
		return created, errors.New("-chunk-amount is 0: want what one chunk pays, in whole tokens")
	}
	account, err := c.as(f.account)
	if err != nil {
		return created, err
	}
	class, err := c.check(ctx, stderr)
	if err != nil {
		return created, err
	}
	client, err := slastream.NewClient(slastream.Config{
		Escrow: c.escrow, State: c.escrow, Class: class, Funds: starknet.NewERC20(c.node, c.token.Address), Account: account,
	})
	if err != nil {
		return created, err
	}
	id, err := client.CreateDeal(ctx, terms)
	if err != nil {
		return created, err
	}
	deal, err := client.Deal(ctx, id)
	if err != nil {
		return created, fmt.Errorf("deal %s is open, but cannot be read: %w: do not open it again", shortID(id), err)
	}
	created.dealView = c.view(deal)
	sent, err := c.node.transactions(ctx)
	if err != nil {
		return created, fmt.Errorf("deal %s is open, but its receipt cannot be read: %w: do not open it again", shortID(id), err)
	}
	for _, tx := range sent {
		created.Tx, created.Fee = tx.hash.String(), tx.fee
	}
	return created, nil
}

// explain says what to do about an error, where that is known.
func (c *chain) explain(err error) error {
	if short, ok := errors.AsType[*slastream.FundsError](err); ok {
		return fmt.Errorf("account %v holds %s, the deal locks %s: send it tokens, or take fewer chunks or another -account",
			short.Account, c.token.Format(short.Have), c.token.Format(short.Need))
	}
	switch {
	case errors.Is(err, slastream.ErrNoDeal):
		return fmt.Errorf("%w: escrowctl deals -config %s lists what there is", err, c.file.path)
	case errors.Is(err, slastream.ErrPaused):
		return fmt.Errorf("%w: wait until its owner unpauses it; what is in it is safe", err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		if sent := c.node.hashes(); len(sent) > 0 {
			return fmt.Errorf("%w: transaction %v was sent and may still come: look with escrowctl deals -config %s before you try again", err, sent[len(sent)-1], c.file.path)
		}
	}
	return explain(err)
}
