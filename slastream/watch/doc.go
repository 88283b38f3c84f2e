// Package watch is the watchtower: it slashes deals at their deadlines, warns
// while a deadline can still be met, and tells others by signed webhooks.
//
// The escrow ends no deal by itself. From the deadline on anyone may slash, and
// until somebody does the client's tokens stay locked, and releases are still
// paid. A [Tower] does it for all deals of an escrow, or for those that
// Config.Filter chooses:
//
//	account := starknet.NewEscrow(node, address, starknet.WithAccount(a))
//	hook, err := watch.NewWebhook("https://example.com/sla", secret, nil)
//	tower, err := watch.New(watch.Config{
//		Domain:  domain,
//		Escrow:  account, Slasher: account, Clock: account, Pending: account,
//		Store:    watch.FileStore{Path: "watch.json"},
//		Notifier: hook,
//		Outlook:  outlook, Warn: 24 * time.Hour,
//		Accepted: account.Watcher(), From: slastream.Cursor{Block: deployment.StartBlock},
//	})
//	err = tower.Run(ctx)
//
// [Tower.Run] blocks; [Tower.Step] is one turn, for cron and tests. The account
// should be the tower's alone.
//
// # Deadlines
//
// A turn reads the time of the newest block, the deals that are new, and those
// whose appointment has come: each open deal has one, for its next warning or its
// deadline, so a million deals cost 16 bytes each and hardly a request. With a
// block at or after the deadline the tower asks [Pending] whether a release is on
// its way, reads the deal once more, stores that it will slash, and slashes. When
// many slashes take long, it asks again before each. What the contract says to
// that is a value: "Deal not active" means that somebody else was first, and a
// refusal is not asked for again at once, nor after a restart. After any other
// error nobody knows, so the deal is looked at before the slash is sent again,
// Config.Retry later.
//
// A node whose clock is ahead has the tower try too early: the contract says no to
// the estimate, which costs nothing. Its alerts are early, too. Once the time goes
// back, what it had put off is due again.
//
// # Reorganisations
//
// A deal that has ended is looked at when Config.Accepted retracts its end, and
// without that for a day, less and less often. If the end was taken back the tower
// tells it, watches the deal as before, and slashes it again.
//
// Several towers that share nothing stand in another order for each deal
// (Config.Peers): the second waits for Config.Stagger and looks at the deal before
// it sends. An observer (Config.Observer) only says what it would do.
//
// # Alerts
//
// An [Alert] has a [Kind] and a [Phase], pending or final. Before the deadline
// there are two: with a cadence from Config.Outlook the tower knows the last
// moment at which the missing chunks can still be proved in time, and tells
// [KindAtRisk] Config.Warn before it and [KindUnreachable] after it, each once for
// a deal. Deals that had ended before the tower's first turn are not told.
//
// Delivery is at least once: an alert is stored before its first attempt and
// until an attempt succeeds, with waits that grow at random up to an hour, and has
// the same id each time, in each run and from each tower. Receivers check
// signatures with [VerifyWebhook], keep the ids, and do not rely on the order.
// What fails for good is a dead letter: see [Tower.Dead] and [Tower.Requeue].
//
// With Config.Settled the end of a deal is final once its block is accepted on L1,
// and pending until then; only [Tower.Run] follows it.
//
// # What is stored
//
// One document of a [Store] holds what a tower must not forget: which deals are
// open, what was told and sent, the queue, and where the watchers stand. It grows
// with the deals that are open in between others that are not, a few bytes for each
// run of them, and is replaced as a whole. If it cannot be written the tower goes
// on slashing, which the contract does once only, and delivers nothing. If it
// cannot be read the tower does not start: see [ErrCorrupt]. Documents of an older
// release are read and then written anew, which the older one refuses.
//
// Two towers cannot use one [FileStore]: see [ErrInUse].
package watch
