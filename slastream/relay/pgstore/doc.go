// Package pgstore is a relay.Store on PostgreSQL, for relays that are to go on
// when a machine does not: any number of processes share the store, one of them
// sends for an account, and another takes over when it ends.
//
//	pool, err := pgxpool.New(ctx, "postgres://relay@db/slastream")
//	store, err := pgstore.Open(ctx, pool, "")
//	r, err := relay.New(relay.Config{Store: store, Name: hostname, …})
//	err = r.Check(ctx)
//	err = store.Run(ctx, r, pgstore.Options{Account: escrow.Account().String(), Owner: r.Name})
//
// Start the same program on as many machines as you like, each with a Name of
// its own, in place of relay.Relay.Run.
//
// # What the rows do
//
// The rows are the truth, and they alone keep two processes from doing the same:
//
//   - Each method of the store is one transaction.
//   - The lease of an account is a row with an owner, a time by the clock of the
//     database, and a token that grows with each new owner. A change locks that
//     row and compares the token in the transaction that stores the nonce, so a
//     process that was paused and believes that it still has the lease stores
//     nothing, and has nothing to send.
//   - A nonce of an account is a primary key.
//   - A proving period is a unique index on the chunks that were not refused: it
//     earns one of them.
//   - Tracks and chunks are replaced only in the version that was read.
//
// A transaction that the server undoes because of another one is tried again. A
// commit without an answer is an error, and not tried again: read what is there.
// [relay.Relay] does so in its next turn.
//
// # What River does
//
// River, a job queue in the same database, says when to take a turn, and to
// whom. Its elected leader inserts one wake-up per pause, and a process that
// observes new chunks inserts one for each of the others in the same
// transaction. Only the process that has the lease takes wake-ups of its
// account, and all that wait make one turn.
//
// Nothing depends on a job: those that are lost, or come twice, change when
// something is done, never what. River needs up to 15 seconds to replace a leader
// that died. Meanwhile the process that has the lease goes on by its own clock,
// and the others watch the row of the lease: failover takes what is left of the
// lease and one turn. Jobs that are done are removed after about a minute.
//
// # Several accounts
//
// The nonces of one account go one after the other. To send more at once, give
// processes accounts of their own: they share tracks and chunks, and versions
// keep them apart. release_chunk takes a valid signature from any account.
//
// # The server
//
// Tested with PostgreSQL 15. What it confirms must be on disk: Open refuses a server
// with fsync or synchronous_commit off. A standby server that is to take over
// must be a synchronous one; an asynchronous one may have lost the last nonces.
// Clocks of the machines do not matter, but that of the server should not jump.
// Behind a connection pooler use one in session mode, for River listens.
//
// All tables are in one schema, River's too. Do not start from an old copy of
// them: with none at all, a relay reads the chains again and finds the same map
// of periods to chunks.
//
// # Licence
//
// River is under the Mozilla Public License 2.0. A program that links it can have
// any licence; changes of River's own files have to be published. This package
// is a module of its own, so that no other part of the SDK depends on River.
package pgstore
