package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/slastream/slastream-go/internal/durable"
)

// checkpointEvery is how often the state of the proof source is written, so that
// a restart does not read the history again.
const checkpointEvery = 5 * time.Minute

// checkpointLimit is how many bytes of a checkpoint are read.
const checkpointLimit = 1 << 30

// A checkpoint is the state of the proof source with what it depends on. It holds
// nothing that the chain does not: without it, or if it does not fit, the history
// is read again.
type checkpoint struct {
	Policy string          `json:"policy"` // sum of what the verdicts depend on
	Sum    string          `json:"sum"`    // SHA-256 of Source
	Source json.RawMessage `json:"source"`
}

// policySum is the sum of what the verdicts depend on.
func (c *config) policySum() string {
	r := &c.Relay
	text, err := json.Marshal([]any{
		1, c.FEVM.ChainID, hex.EncodeToString(c.FEVM.PDPVerifier[:]), r.GenesisTime, r.MinChallenges, r.FromBlock, r.Finality, r.Depth,
		r.Rules.Window, r.Rules.MinSpacing, r.Rules.MinLeaves, r.Rules.Verify, fmt.Sprint(r.Rules.Listeners, r.Rules.Providers),
	})
	if err != nil {
		panic(err) // numbers and texts
	}
	return sum(text)
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// loadCheckpoint goes on where an earlier process was.
func (d *daemon) loadCheckpoint() {
	path := d.config.Relay.Checkpoint
	read, err := readCheckpoint(path, d.config.policySum())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err == nil:
		err = json.Unmarshal(read, d.source)
	}
	if err != nil {
		d.log.Warn("the checkpoint is not used: the history is read again", "file", path, "err", oneLine(err))
		return
	}
	var at struct {
		Next uint64 `json:"next"`
	}
	if json.Unmarshal(read, &at) == nil {
		d.progress.upTo.Store(at.Next)
	}
	d.log.Info("going on from the checkpoint", "file", path, "epoch", at.Next)
	d.saved = time.Now()
}

func readCheckpoint(path, policy string) (json.RawMessage, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var c checkpoint
	if err := json.NewDecoder(io.LimitReader(f, checkpointLimit)).Decode(&c); err != nil {
		return nil, err
	}
	switch {
	case c.Policy != policy:
		return nil, errors.New("it was made with other rules")
	case c.Sum != sum(c.Source):
		return nil, errors.New("it is damaged")
	}
	return c.Source, nil
}

// checkpointNow writes the checkpoint if it is time to.
func (d *daemon) checkpointNow(ctx context.Context) {
	if !d.rebuilding.done.Load() {
		return
	}
	d.keeping.Lock()
	defer d.keeping.Unlock()
	d.forgetNow(ctx)
	if time.Since(d.saved) >= checkpointEvery {
		d.replaceCheckpoint()
	}
}

// saveCheckpoint writes the checkpoint, so that a restart goes on from here.
func (d *daemon) saveCheckpoint() {
	if !d.rebuilding.done.Load() {
		return
	}
	d.keeping.Lock()
	defer d.keeping.Unlock()
	d.replaceCheckpoint()
}

// replaceCheckpoint replaces the file as a whole. The caller holds the lock.
func (d *daemon) replaceCheckpoint() {
	d.saved = time.Now()
	if err := d.writeCheckpoint(); err != nil {
		d.log.Warn("no checkpoint is written: a restart reads the history again", "err", err)
		return
	}
	d.metrics.beat("checkpoint")
}

func (d *daemon) writeCheckpoint() error {
	source, err := json.Marshal(d.source)
	if err != nil {
		return err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, source); err != nil {
		return err
	}
	b, err := json.Marshal(checkpoint{d.config.policySum(), sum(compact.Bytes()), compact.Bytes()})
	if err != nil {
		return err
	}
	return durable.Replace(d.config.Relay.Checkpoint, b)
}
