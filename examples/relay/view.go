package main

import (
	"context"
	"fmt"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// A dealView is a deal in an answer. Amounts are base units, times Unix seconds.
type dealView struct {
	Deal       string            `json:"deal"`
	Set        string            `json:"set"`
	StartEpoch uint64            `json:"start_epoch"`
	Provider   slastream.Address `json:"provider"`
	Amount     string            `json:"chunk_amount"`
	Chunks     uint64            `json:"chunks"`
	Earned     uint64            `json:"earned"`
	Deadline   uint64            `json:"deadline"`
	Behind     bool              `json:"behind"`
	Over       bool              `json:"over"`
	Halted     string            `json:"halted,omitempty"`
	Chain      *chainView        `json:"chain,omitempty"`
	Forecast   *forecastView     `json:"forecast,omitempty"`
	Error      string            `json:"error,omitempty"` // why chain is missing
}

// A chainView is what the escrow says of a deal.
type chainView struct {
	Client   slastream.Address `json:"client"`
	Released uint64            `json:"released"`
	Active   bool              `json:"active"`
	Slashed  bool              `json:"slashed"`
}

// A forecastView is how the deal goes on if each period is proven.
type forecastView struct {
	Outlook    string `json:"outlook"`
	Text       string `json:"text"`
	Pending    uint64 `json:"pending"`
	Left       uint64 `json:"left"`
	Room       uint64 `json:"room"`
	Completion uint64 `json:"completion"`
	Refund     string `json:"refund"`
}

func short(w attestation.Word) string { return fmt.Sprintf("%#x", w.Big()) }

// view is a track with what the escrow says of it.
func (d *daemon) view(ctx context.Context, t relay.Track) dealView {
	v := dealView{
		Deal: short(t.Deal), Set: short(t.Set), StartEpoch: t.StartEpoch, Provider: t.Provider, Amount: t.Amount.String(),
		Chunks: t.Chunks, Earned: t.Earned, Deadline: t.Deadline, Behind: t.Behind, Over: t.Over, Halted: t.Halted,
	}
	deal, err := d.escrow.Deal(ctx, t.Deal)
	if err == nil && !deal.Exists() {
		err = slastream.ErrNoDeal
	}
	if err != nil {
		v.Error = shortened(oneLine(err))
		return v
	}
	v.Chain = &chainView{deal.Client, deal.Released, deal.Active, deal.Slashed}
	progress, err := d.proved(ctx, t)
	if err != nil || d.config.Relay.Period == 0 {
		return v
	}
	if f, err := deal.Forecast(d.cadence(t.StartEpoch), progress, uint64(time.Now().Unix())); err == nil {
		v.Forecast = &forecastView{f.Outlook.String(), f.String(), f.Pending, f.Left, f.Room, f.Completion, f.Refund.String()}
	}
	return v
}

// A chunkView is a chunk in an answer. Times are Unix milliseconds.
type chunkView struct {
	Deal     string           `json:"deal"`
	Chunk    uint64           `json:"chunk"`
	State    string           `json:"state"`
	Amount   string           `json:"amount"`
	Set      string           `json:"set"`
	Period   uint64           `json:"period"`
	Epoch    uint64           `json:"epoch"`
	ProofTx  attestation.Word `json:"proof_tx"`
	Tx       string           `json:"tx,omitempty"`
	Nonce    *uint64          `json:"nonce,omitempty"`
	Attempts uint32           `json:"attempts,omitempty"`
	Retry    uint64           `json:"retry_at,omitempty"`
	Class    string           `json:"class,omitempty"`
	Reason   string           `json:"reason,omitempty"`
	Observed uint64           `json:"observed"`
	Updated  uint64           `json:"updated"`
}

func viewChunk(c relay.Chunk) chunkView {
	v := chunkView{
		Deal: short(c.Deal), Chunk: c.Index, State: c.State.String(), Amount: c.Amount.String(), Set: short(c.Proof.SetID),
		Period: c.Proof.Period, Epoch: c.Proof.BlockNumber, ProofTx: c.Proof.TxHash, Attempts: c.Retry.Attempts,
		Retry: c.Retry.At, Class: c.Retry.Class.String(), Reason: c.Retry.Reason, Observed: c.Observed, Updated: c.Updated,
	}
	if !c.TxHash.IsZero() {
		v.Tx = c.TxHash.String()
	}
	if c.Tx != (relay.TxID{}) {
		v.Nonce = &c.Tx.Nonce
	}
	return v
}
