package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

const (
	configUsage = "JSON `file` that examples/localnet writes and examples/relay reads"
	// flagWindow is how many flags of chunks are asked for at the same time.
	flagWindow = 32
	// flagLimit is how many flags are asked for at most: anyone can open a deal of
	// 2^64 chunks.
	flagLimit = 100_000
)

// showDeal prints one deal, and which chunks are paid.
func showDeal(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("deal", flag.ContinueOnError)
	fs.SetOutput(stderr)
	config := fs.String("config", "", configUsage)
	text := fs.String("deal", "", "`id` of the deal, decimal or 0x and hexadecimal digits")
	asJSON := fs.Bool("json", false, "print one JSON object; amounts are base units")
	if err := parse(fs, args, "config", "deal"); err != nil {
		return err
	}
	id, err := attestation.ParseWord(*text)
	if err != nil {
		return fmt.Errorf("-deal is %.80q: want a number, decimal or 0x and hexadecimal digits", *text)
	}
	c, err := openConfig(ctx, *config)
	if err != nil {
		return err
	}
	report, err := c.report(ctx, id)
	if err != nil {
		return c.explain(err)
	}
	if *asJSON {
		return json.NewEncoder(stdout).Encode(report)
	}
	report.print(stdout, c.token)
	row(stdout, "released", "%v", report.ReleasedChunks)
	return nil
}

func openConfig(ctx context.Context, path string) (*chain, error) {
	n, err := readNetwork(path)
	if err != nil {
		return nil, err
	}
	return n.open(ctx)
}

// A dealReport is a deal and which of its chunks are paid.
type dealReport struct {
	dealView
	ReleasedChunks ranges `json:"released_chunks"`
}

// report reads everything at one block, so that it fits together.
func (c *chain) report(ctx context.Context, id attestation.Word) (*dealReport, error) {
	at, client, err := c.fixed(ctx)
	if err != nil {
		return nil, err
	}
	deal, err := client.Deal(ctx, id)
	if err != nil {
		return nil, err
	}
	report := &dealReport{dealView: c.view(deal)}
	report.ReleasedChunks, err = releasedChunks(ctx, at, deal)
	return report, err
}

// fixed is the escrow at the newest block, for many reads.
func (c *chain) fixed(ctx context.Context) (*starknet.Escrow, *slastream.Client, error) {
	head, err := c.escrow.Head(ctx)
	if err != nil {
		return nil, nil, err
	}
	at := c.escrow.At(starknet.BlockNumber(head))
	client, err := slastream.NewClient(slastream.Config{Escrow: at, State: at})
	return at, client, err
}

// releasedChunks asks for the flags of the chunks until as many are found as the
// deal says.
func releasedChunks(ctx context.Context, escrow *starknet.Escrow, deal slastream.Deal) (ranges, error) {
	found := ranges{}
	if deal.Released == deal.Chunks {
		return append(found, [2]uint64{0, deal.Chunks - 1}), nil
	}
	count := uint64(0)
	for first := uint64(0); count < deal.Released && first < deal.Chunks; first += flagWindow {
		if first >= flagLimit {
			return nil, fmt.Errorf("deal %s has %d chunks, of which %d are paid, but only %d among the first %d: read the events of the escrow instead",
				shortID(deal.ID), deal.Chunks, deal.Released, count, first)
		}
		var flags [flagWindow]bool
		var failures [flagWindow]error
		var wg sync.WaitGroup
		for i := range min(flagWindow, deal.Chunks-first) {
			wg.Go(func() { flags[i], failures[i] = escrow.ChunkReleased(ctx, deal.ID, first+i) })
		}
		wg.Wait()
		if err := errors.Join(failures[:]...); err != nil {
			return nil, err
		}
		for i, released := range flags {
			if released {
				found = found.with(first + uint64(i))
				count++
			}
		}
	}
	return found, nil
}

// ranges are numbers in ascending order, each range with its first and last.
type ranges [][2]uint64

// with adds a number that is greater than all.
func (r ranges) with(n uint64) ranges {
	if last := len(r) - 1; last >= 0 && r[last][1]+1 == n {
		r[last][1] = n
		return r
	}
	return append(r, [2]uint64{n, n})
}

// String returns ranges as people write them: "chunks 0-4, 6".
func (r ranges) String() string {
	if len(r) == 0 {
		return "no chunk yet"
	}
	var parts []string
	for _, p := range r {
		if p[0] == p[1] {
			parts = append(parts, fmt.Sprint(p[0]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", p[0], p[1]))
		}
	}
	if len(r) == 1 && r[0][0] == r[0][1] {
		return "chunk " + parts[0]
	}
	return "chunks " + strings.Join(parts, ", ")
}

// listDeals prints a line for each deal.
func listDeals(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("deals", flag.ContinueOnError)
	fs.SetOutput(stderr)
	config := fs.String("config", "", configUsage)
	asJSON := fs.Bool("json", false, "print a JSON object on each line; amounts are base units")
	if err := parse(fs, args, "config"); err != nil {
		return err
	}
	c, err := openConfig(ctx, *config)
	if err != nil {
		return err
	}
	_, client, err := c.fixed(ctx)
	if err != nil {
		return c.explain(err)
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	enc := json.NewEncoder(stdout)
	n := 0
	for deal, err := range client.Deals(ctx, slastream.DealFilter{}) {
		if err != nil {
			return errors.Join(c.explain(err), table.Flush())
		}
		n++
		view := c.view(deal)
		if *asJSON {
			if err := enc.Encode(view); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(table, "deal %v\t%s\t%d of %d chunks\t%s each\tuntil %s\tprovider %v\n", deal.ID.Big(), view.State,
			deal.Released, deal.Chunks, c.token.Format(deal.ChunkAmount), stamp(deal.Deadline), deal.Provider)
	}
	if n == 0 && !*asJSON {
		fmt.Fprintf(stdout, "no deals yet: escrowctl create-deal -config %s opens one\n", *config)
	}
	return table.Flush()
}
