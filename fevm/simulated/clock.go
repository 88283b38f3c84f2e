package simulated

// caughtUp is how many epochs of a time when nothing happened get a tipset: a
// day, which is also the longest range of eth_getLogs.
const caughtUp = 2880

// WithClock lets the chain follow a clock of Unix seconds: before each JSON-RPC
// request, and so also before each transaction, it is extended by empty tipsets up
// to the epoch of that time. Of a longer time without requests only the last
// 2,880 epochs, a day, get tipsets, and those before are null rounds: a node that
// nobody asks does nothing. A chain that is ahead of the clock, since a tipset was
// mined for each transaction, waits for it. Without this option time goes on with
// tipsets only.
//
// The first epoch is still that of [WithStart]: give it [EpochAt] of the clock.
func WithClock(clock func() uint64) Option { return func(o *options) { o.clock = clock } }

// catchUp extends the chain to the epoch of the clock.
func (n *Node) catchUp() error {
	if n.clock == nil {
		return nil
	}
	now := EpochAt(n.clock())
	if c := n.view(); c.next() > now {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	next := n.chain.next()
	if next > now {
		return nil
	}
	missed := now - next + 1
	if missed > maxEpochs-uint64(len(n.chain.forks)) {
		return errFull
	}
	before := n.chain
	defer n.tell(&before)
	if missed > caughtUp {
		if err := n.chain.extend(missed-caughtUp, nullRound); err != nil {
			return err
		}
		missed = caughtUp
	}
	return n.chain.extend(missed, n.fork)
}
