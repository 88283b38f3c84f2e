package main

import (
	"context"
	"errors"
	"sync"

	fevmheads "github.com/slastream/slastream-go/fevm/heads"
	starknetheads "github.com/slastream/slastream-go/starknet/heads"
)

// A waiter waits for the next hint, or for the end of ctx.
type waiter interface {
	Run(ctx context.Context) error
	Wait(ctx context.Context) error
}

// hints wakes the loop when a chain has something new. It is a hint only:
// without it the loop asks with each tick.
func (d *daemon) hints(ctx context.Context, wg *sync.WaitGroup) <-chan struct{} {
	wake := make(chan struct{}, 1)
	var list []waiter
	if url := d.config.Starknet.WS; url != "" {
		list = append(list, starknetheads.New(url, d.log.With("task", "starknet.ws")))
	}
	if url := d.config.FEVM.WS; url != "" {
		list = append(list, fevmheads.New(url, d.log.With("task", "fevm.ws")))
	}
	for _, hint := range list {
		wg.Go(func() {
			if err := hint.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				d.log.Warn("no hints of new blocks", "err", oneLine(err))
			}
		})
		wg.Go(func() {
			for hint.Wait(ctx) == nil {
				select {
				case wake <- struct{}{}:
				default:
				}
			}
		})
	}
	return wake
}
