package relay_test

import (
	"context"
	"fmt"
	"iter"

	"github.com/ethereum/go-ethereum/rpc"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// twoPeriods is a source that knows two proved periods of data set 7; a real
// one is fevm/policy.Source.
type twoPeriods struct{}

func (twoPeriods) Head(context.Context) (uint64, error) { return 300, nil }

func (twoPeriods) Proofs(_ context.Context, set attestation.Word, from, to uint64) iter.Seq2[slastream.Proof, error] {
	return func(yield func(slastream.Proof, error) bool) {
		for _, epoch := range []uint64{110, 210} {
			if epoch < from || epoch > to {
				continue
			}
			p := slastream.Proof{Timestamp: 1667326380 + 30*epoch}
			p.ChainID, p.SetID, p.Period, p.BlockNumber = 314159, set, epoch-5, epoch
			if !yield(p, nil) {
				return
			}
		}
	}
}

// A relay in front of a Starknet node: each proved period releases a chunk.
func ExampleRelay_Step() {
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	key, err := signer.NewLocal([32]byte{31: 1})
	check(err)
	s, err := signer.New(key)
	check(err)

	node := simulated.New(simulated.Options{Key: key.PublicKey()})
	caller, err := rpc.DialOptions(ctx, "http://in.process/rpc", rpc.WithHTTPClient(node.Client()))
	check(err)
	account := node.Accounts()[0]
	stark, err := starknet.NewLocalKey(account.PrivateKey)
	check(err)
	escrow := starknet.NewEscrow(caller, node.Escrow(), starknet.WithAccount(starknet.NewAccount(caller, starknet.Sepolia, account.Address, stark)))
	deal, err := escrow.CreateDeal(ctx, slastream.Terms{
		Provider: node.Accounts()[1].Address, Chunks: 3, ChunkAmount: slastream.AmountFromUint64(100), Duration: 3600,
	})
	check(err)

	r, err := relay.New(relay.Config{
		Proofs:   twoPeriods{},
		Signer:   signer.Guard(s, signer.NewMemoryJournal()),
		Escrow:   escrow,
		Store:    relay.NewMemoryStore(),
		Domain:   node.Domain(),
		Bindings: []relay.Binding{{Deal: deal, Set: attestation.WordFromUint64(7), StartEpoch: 100}},
	})
	check(err)
	for range 2 {
		report, err := r.Step(ctx)
		check(err)
		fmt.Println(report.Observed, "observed,", report.Released, "released in", report.Sent, "transactions")
	}
	state, err := escrow.Deal(ctx, deal)
	check(err)
	fmt.Println(state.Released, "of", state.Chunks, "chunks released")
	// Output:
	// 2 observed, 2 released in 2 transactions
	// 0 observed, 0 released in 0 transactions
	// 2 of 3 chunks released
}
