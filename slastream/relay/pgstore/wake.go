package pgstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// wakeUp is the job that asks whoever may send for an account to take a turn.
type wakeUp struct {
	Account string `json:"account"`
}

// Kind implements river.JobArgs.
func (wakeUp) Kind() string { return "slastream_wake_up" }

// queue is the River queue of an account. Only the process that may send for it
// takes jobs from there.
func queue(account string) string {
	sum := sha256.Sum256([]byte(account))
	return "slastream_" + hex.EncodeToString(sum[:16])
}

// runs are the calls of Run on a store: accounts with their owners.
type runs struct {
	mu     sync.Mutex
	owners map[string]string
}

func (r *runs) add(account, owner string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.owners == nil {
		r.owners = map[string]string{}
	}
	r.owners[account] = owner
}

func (r *runs) remove(account string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.owners, account)
}

// holds reports whether a run here is the owner of an account.
func (r *runs) holds(account, owner string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.owners[account] == owner
}

func (r *runs) none() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.owners) == 0
}

// wakeOthers asks the other processes that have leases to take a turn, when the
// transaction is committed: there are new chunks. The process of this store is
// taking one. Without a run nobody takes jobs, and none are made.
func (s *Store) wakeOthers(ctx context.Context, tx pgx.Tx) error {
	if s.runs.none() {
		return nil
	}
	rows, err := tx.Query(ctx, s.sql(`SELECT name, owner FROM {lease} WHERE until > clock_timestamp()`))
	if err != nil {
		return err
	}
	var jobs []river.InsertManyParams
	var name, owner string
	_, err = pgx.ForEachRow(rows, []any{text{&name}, text{&owner}}, func() error {
		if !s.runs.holds(name, owner) {
			jobs = append(jobs, river.InsertManyParams{Args: wakeUp{name}, InsertOpts: &river.InsertOpts{Queue: queue(name), MaxAttempts: 1}})
		}
		return nil
	})
	if err != nil || len(jobs) == 0 {
		return err
	}
	_, err = s.jobs.InsertManyFastTx(ctx, tx, jobs)
	return err
}
