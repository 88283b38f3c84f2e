package policy_test

import (
	"context"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/policy"
)

// A provider proves a period and then sends the same proof again.
func ExampleSource_Verdicts() {
	logs := proven().at(25).prove(1, 0, 3, 5).logs
	source, err := policy.NewSource(&reader{logs: logs, head: 100}, policy.Config{
		ChainID:  314159,
		Verifier: proxy,
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
	// payable: period 20 at 1667326980
	// refused: policy: data set 1: proof in epoch 25: the proving period is already proven: challenge epoch 20
}
