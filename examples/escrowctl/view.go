package main

import (
	"fmt"
	"io"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A dealView is a deal for machines. Amounts are base units of the token, as
// decimal text; the names are those of the relay's /v1/deals.
type dealView struct {
	Deal        string            `json:"deal"`
	State       string            `json:"state"` // active, completed or slashed
	Client      slastream.Address `json:"client"`
	Provider    slastream.Address `json:"provider"`
	Chunks      uint64            `json:"chunks"`
	Released    uint64            `json:"released"`
	ChunkAmount slastream.Amount  `json:"chunk_amount"`
	Total       slastream.Amount  `json:"total"`
	Collateral  slastream.Amount  `json:"collateral"`
	Deadline    uint64            `json:"deadline"` // Unix seconds
	Active      bool              `json:"active"`
	Slashed     bool              `json:"slashed"`
	Token       slastream.Address `json:"token"`
	Symbol      string            `json:"symbol"`
	Decimals    uint8             `json:"decimals"`
}

func (c *chain) view(d slastream.Deal) dealView {
	state := "completed"
	switch {
	case d.Slashed:
		state = "slashed"
	case d.Active:
		state = "active"
	}
	return dealView{
		Deal: shortID(d.ID), State: state, Client: d.Client, Provider: d.Provider, Chunks: d.Chunks, Released: d.Released,
		ChunkAmount: d.ChunkAmount, Total: d.Total, Collateral: d.Collateral, Deadline: d.Deadline, Active: d.Active, Slashed: d.Slashed,
		Token: c.token.Address, Symbol: c.token.Symbol, Decimals: c.token.Decimals,
	}
}

// print tells people the same.
func (v *dealView) print(w io.Writer, token slastream.Token) {
	paid, err := v.ChunkAmount.Mul(v.Released)
	if err != nil {
		paid = v.Total // no escrow has released more
	}
	row(w, "deal", "%s", v.Deal)
	row(w, "state", "%s", v.State)
	row(w, "client", "%v", v.Client)
	row(w, "provider", "%v", v.Provider)
	row(w, "paid", "%d of %d chunks, %s of %s", v.Released, v.Chunks, paid.Format(token.Decimals), token.Format(v.Total))
	row(w, "chunk", "%s", token.Format(v.ChunkAmount))
	row(w, "collateral", "%s", token.Format(v.Collateral))
	row(w, "deadline", "%s, %s", stamp(v.Deadline), left(v.Deadline))
	row(w, "token", "%v", v.Token)
}

func row(w io.Writer, name, format string, args ...any) {
	fmt.Fprintf(w, "%-12s %s\n", name, fmt.Sprintf(format, args...))
}

// shortID is a deal id as the relay writes it: 0x1.
func shortID(w attestation.Word) string { return fmt.Sprintf("%#x", w.Big()) }

// instant is a time on the chain. Those beyond any calendar are its end.
func instant(unix uint64) time.Time {
	const year9999 = 253402300799
	return time.Unix(int64(min(unix, year9999)), 0).UTC()
}

func stamp(unix uint64) string { return instant(unix).Format("2006-01-02 15:04:05 UTC") }

// left is how long it is until then, by this machine's clock.
func left(unix uint64) string {
	d := time.Until(instant(unix)).Round(time.Second)
	switch {
	case d <= 0:
		return "which has passed"
	case d >= 48*time.Hour:
		return fmt.Sprintf("in %d days", d.Round(time.Hour)/(24*time.Hour))
	}
	return fmt.Sprintf("in %v", d)
}
