package policy_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/policy"
)

// A provider proves a period, sends the same proof again, and opens the next
// period too early.
func ExampleSource_Verdicts() {
	logs := new(script).at(10).addPiece(1, 0, cid(7).Bytes()).open(1, 20, 8).
		at(21).prove(1, 0, 3, 5).
		at(25).prove(1, 0, 3, 5).
		at(26).open(1, 180, 8).
		at(180).prove(1, 0, 3, 5).logs
	source, err := policy.NewSource(&reader{logs: logs, head: 200}, policy.Config{
		ChainID:  314159,
		Verifier: proxy,
		Rules:    policy.Rules{MinSpacing: 220, MinLeaves: 8},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	head, err := source.Head(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for v, err := range source.Verdicts(ctx, attestation.WordFromUint64(1), 0, head) {
		switch {
		case err != nil:
			fmt.Println(err)
		case v.Refusal != nil:
			fmt.Println("refused:", v.Refusal)
		default:
			fmt.Println("payable: period", v.Proof.Period, "at", v.Proof.Timestamp)
		}
	}
	// Output:
	// payable: period 20 at 1667327010
	// refused: policy: data set 1: proof in epoch 25: the proving period is already proven: challenge epoch 20
	// refused: policy: data set 1: proof in epoch 180: the proving period is too close to the last one that was paid: challenge epochs 20 and 180, want 220 epochs between them
}

// The third period of a data set on Calibration, an hour before its deadline.
func ExampleSchedule() {
	s := policy.Schedule{Activation: 3_300_000, MaxPeriod: 240, Window: 20, GenesisTime: 1667326380}
	proofs := []uint64{3_300_225, 3_300_479}
	now := uint64(3_300_600)
	for p := range s.Periods(now, slices.Values(proofs)) {
		fmt.Println("period", p.Index, p.State, "- deadline", time.Unix(int64(s.Time(p.Deadline)), 0).UTC())
	}
	left, due := s.Due(now, 120, slices.Values(proofs))
	fmt.Println(left, "epochs left, warn:", due)
	paid, settled, err := s.Settle(3_300_000, now, now, slices.Values(proofs))
	fmt.Println(paid, "epochs paid, settled up to", settled, err)
	// Output:
	// period 0 proven - deadline 2025-12-21 16:13:00 +0000 UTC
	// period 1 proven - deadline 2025-12-21 18:13:00 +0000 UTC
	// period 2 open - deadline 2025-12-21 20:13:00 +0000 UTC
	// 120 epochs left, warn: true
	// 480 epochs paid, settled up to 3300480 <nil>
}
