package rule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// Deals allows the deals with these ids only. Without any it allows none.
func Deals(ids ...attestation.Word) signer.Policy {
	return allow("deals", "deal", ids, func(req signer.Request) attestation.Word { return req.Attestation.DealID })
}

// DataSets allows proofs of these data sets only. Without any it allows none.
func DataSets(ids ...attestation.Word) signer.Policy {
	return allow("data sets", "data set", ids, func(req signer.Request) attestation.Word { return req.Attestation.ProofSetID })
}

// Domains allows these escrow deployments only. Without any it allows none. With
// one key for one deployment there is one.
func Domains(domains ...attestation.Domain) signer.Policy {
	return allow("domains", "escrow", domains, func(req signer.Request) attestation.Domain { return req.Domain })
}

func allow[T comparable](name, what string, allowed []T, of func(signer.Request) T) signer.Policy {
	set := make(map[T]bool, len(allowed))
	for _, a := range allowed {
		set[a] = true
	}
	return signer.Policy{Name: name, Check: func(_ context.Context, req signer.Request) error {
		if got := of(req); !set[got] {
			return fmt.Errorf("%s %v is not allowed", what, got)
		}
		return nil
	}}
}

// Until refuses attestations whose timestamp is at or after a time, such as the
// deadline of a deal, in Unix seconds. The time comes from a lookup; if that
// fails the request is refused.
func Until(deadline func(ctx context.Context, req signer.Request) (uint64, error)) signer.Policy {
	return signer.Policy{Name: "deadline", Check: func(ctx context.Context, req signer.Request) error {
		end, err := deadline(ctx, req)
		if err != nil {
			return fmt.Errorf("the deadline of deal %v is not known: %w", req.Attestation.DealID, err)
		}
		if req.Attestation.Timestamp >= end {
			return fmt.Errorf("timestamp %d is not before the deadline %d", req.Attestation.Timestamp, end)
		}
		return nil
	}}
}

// Skew refuses attestations whose timestamp is further in the future than ahead
// or further in the past than behind, by this machine's clock. Filecoin blocks
// are up to 30 s ahead of the clocks of those who see them; a proof that waits
// for finality is hours behind.
func Skew(ahead, behind time.Duration) signer.Policy {
	return signer.Policy{Name: "skew", Check: func(_ context.Context, req signer.Request) error {
		now := time.Now()
		low, high := now.Add(-behind).Unix(), now.Add(ahead).Unix()
		ts := req.Attestation.Timestamp
		switch {
		case high < 0 || ts > uint64(high):
			return fmt.Errorf("%w: timestamp %d is later than %d, now and %v", signer.ErrUnavailable, ts, high, ahead)
		case low > 0 && ts < uint64(low):
			return fmt.Errorf("timestamp %d is earlier than %d, now less %v", ts, low, behind)
		}
		return nil
	}}
}

// A Switch stops all signing at once. The zero value is on, that is, it lets
// requests pass. It is safe for concurrent use.
type Switch struct{ off atomic.Bool }

// Set lets requests pass or stops them.
func (s *Switch) Set(on bool) { s.off.Store(!on) }

// Policy returns the policy that the switch controls.
func (s *Switch) Policy() signer.Policy {
	return signer.Policy{Name: "switch", Check: func(context.Context, signer.Request) error {
		if s.off.Load() {
			return fmt.Errorf("%w: signing is switched off", signer.ErrUnavailable)
		}
		return nil
	}}
}

// StopFile refuses everything while a file exists, whatever is in it: touching
// it stops a signer whose process cannot be reached otherwise. If the file
// system does not say whether it exists the request is refused.
func StopFile(path string) signer.Policy {
	return signer.Policy{Name: "stop file", Check: func(context.Context, signer.Request) error {
		switch _, err := os.Lstat(path); {
		case err == nil:
			return fmt.Errorf("%w: %q exists, signing is stopped", signer.ErrUnavailable, path)
		case !errors.Is(err, os.ErrNotExist):
			return fmt.Errorf("%w: cannot tell whether signing is stopped: %w", signer.ErrUnavailable, err)
		}
		return nil
	}}
}
