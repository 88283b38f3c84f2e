package main

import (
	"context"
	"time"
)

// standBy reads proofs while another process takes the turns, so that this one
// can send at once when its time comes: a failover takes what is left of the
// lease, not the reading of all that has happened since the last turn here.
func (d *daemon) standBy(ctx context.Context) {
	ticker := time.NewTicker(time.Duration(d.config.Relay.Poll))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if d.relay.Health().Sending {
			continue
		}
		if err := d.readUp(ctx); err != nil {
			if ctx.Err() == nil {
				d.log.Debug("standing by", "err", oneLine(err)) // /readyz says it
			}
			continue
		}
		d.rebuilding.finish(d)
		_ = d.bindPending(ctx) // it is logged
		d.checkpointNow(ctx)
	}
}

// readUp has the source read all that is final.
func (d *daemon) readUp(ctx context.Context) error {
	head, err := d.source.Head(ctx)
	if err != nil {
		return err
	}
	for _, err := range d.source.All(ctx, head, head) {
		if err != nil {
			return err
		}
	}
	return nil
}
