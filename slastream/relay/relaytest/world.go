package relaytest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	filecoin "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// Who has which account of the Starknet node.
const (
	ownerAccount = iota // may pause
	clientAccount
	relayAccount
	rivalAccount // of another operator, with the same attestation key
	watcherAccount
	secondAccount // of the other relays of a fleet
	thirdAccount
	accounts
)

const (
	finality = 10 // epochs that "finalized" is below the head
	overlap  = 2  // epochs that the source of a relay reads again

	settleAfter = 20 * time.Minute // Config.SettleAfter
)

// A world is both chains in this process, with those who are active on them
// beside the relay: a client, a storage provider, another relay, a watchtower,
// the owner of the escrow. All that happens follows from the seed and from what
// the relay sends.
//
// Its methods panic with a worldError when something fails that must not: the
// chains are honest to it.
type world struct {
	ctx   context.Context
	rng   *rand.Rand
	began time.Time

	fevm     *filecoin.Node
	logs     *chain.Client
	provider *filecoin.Provider
	roots    map[attestation.Word][]attestation.Word // of the pieces of each data set, by piece id
	sets     []uint64

	stark     *simulated.Node
	caller    starknet.Caller // honest
	accounts  [accounts]*starknet.Account
	key       *signer.Local
	deals     []*deal
	settled   uint64 // newest Starknet block that is accepted on L1
	contested bool   // some new deals claim periods from before they were opened
	floor     uint64 // Starknet blocks up to this one are never dropped
	happened  map[string]int
}

// A deal is what the world knows of one.
type deal struct {
	relay.Binding
	contested bool // it claims periods that earned chunks of an earlier deal
	terms     slastream.Terms
	ended     uint64 // Starknet block in which it was seen to be over, 0: it is not
	replaced  bool   // its data set has another deal
}

// A worldError is a failure of the test's own world.
type worldError struct{ error }

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(worldError{err})
	}
}

// newWorld makes the chains. It is called in a bubble of testing/synctest, whose
// clock is that of the chains.
func newWorld(ctx context.Context, seed uint64, class slastream.Class) *world {
	w := &world{
		ctx: ctx, rng: rand.New(rand.NewPCG(seed, 1)),
		roots: map[attestation.Word][]attestation.Word{}, happened: map[string]int{},
	}
	time.Sleep(time.Until(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)))
	w.began = time.Now()
	w.key = must(signer.NewLocal([32]byte{30: byte(seed>>8) | 1, 31: byte(seed)}))
	w.stark = simulated.New(simulated.Options{Seed: seed, Accounts: accounts, Key: w.key.PublicKey(), Class: class, Clock: func() uint64 { return uint64(time.Now().Unix()) }})
	w.caller = starknet.NewNode(jsonrpc.NewClient("http://starknet/rpc/v0_10", w.stark.Client()))
	w.fevm = filecoin.New(filecoin.WithSeed(seed), filecoin.WithStart(filecoin.EpochAt(uint64(time.Now().Unix()))), filecoin.WithFinality(finality/2, finality))
	w.logs = must(chain.New(jsonrpc.NewClient("http://fevm", w.fevm.Client()), chain.Config{ChainID: filecoin.ChainID, Head: chain.Latest}))
	w.provider = w.fevm.Provider(w.fevm.Accounts()[1])
	return w
}

// account is an honest client of the escrow that acts as an account.
func (w *world) account(i int) *starknet.Account {
	if w.accounts[i] == nil {
		a := w.stark.Accounts()[i]
		key := must(starknet.NewLocalKey(a.PrivateKey))
		w.accounts[i] = starknet.NewAccount(w.caller, starknet.Sepolia, a.Address, key)
	}
	return w.accounts[i]
}

func (w *world) escrow(i int) *starknet.Escrow {
	return starknet.NewEscrow(w.caller, w.stark.Escrow(), starknet.WithAccount(w.account(i)))
}

// head is the newest Starknet block.
func (w *world) head() (n uint64) {
	check(w.caller.CallContext(w.ctx, &n, "starknet_blockNumber"))
	return n
}

// keep makes sure that no reorganization drops what has happened until now.
func (w *world) keep() { w.floor = w.head() }

// pass lets time pass on both chains.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	epoch := filecoin.EpochAt(uint64(time.Now().Unix()))
	if head := w.fevm.Head(); epoch > head {
		must(w.fevm.Mine(epoch - head))
	}
}

// newSet makes a data set of one or two pieces.
func (w *world) newSet() uint64 {
	set := must(w.provider.CreateDataSet(w.ctx, [20]byte{}))
	id := attestation.WordFromUint64(set)
	for i := range 1 + w.rng.IntN(2) {
		raw := fmt.Appendf(nil, "piece %d of data set %d: %0256d", i, set, w.rng.Uint64())
		for _, cid := range must(w.provider.AddPieces(w.ctx, set, raw)) {
			w.roots[id] = append(w.roots[id], cid.Root())
		}
	}
	w.sets = append(w.sets, set)
	return set
}

// providerOf is who is paid for the n-th deal: an address without an account, so
// that its balance is what the escrow paid.
func providerOf(n int) slastream.Address {
	return slastream.Address(attestation.WordFromUint64(0x5afe0000 + uint64(n%7)))
}

// newDeal opens a deal for a data set that has none.
func (w *world) newDeal(set uint64, chunks uint64, duration time.Duration) *deal {
	d := &deal{terms: slastream.Terms{
		Provider: providerOf(len(w.deals)), Chunks: chunks,
		ChunkAmount: slastream.AmountFromUint64(1 + w.rng.Uint64N(1000)), Collateral: slastream.AmountFromUint64(w.rng.Uint64N(100)),
		Duration: uint64(duration / time.Second),
	}}
	d.Deal = must(w.escrow(clientAccount).CreateDeal(w.ctx, d.terms))
	d.Set, d.StartEpoch = attestation.WordFromUint64(set), w.fevm.Head()+1
	w.deals = append(w.deals, d)
	w.keep()
	return d
}

func (w *world) deal(id attestation.Word) *deal {
	n, _ := id.Uint64()
	return w.deals[n-1]
}

// open opens deals for the first n data sets and makes those.
func (w *world) open(n int, draw func() (chunks uint64, duration time.Duration)) {
	for range n {
		chunks, duration := draw()
		w.newDeal(w.newSet(), chunks, duration)
	}
	must(w.fevm.Mine(finality + overlap + 1)) // no reorganization takes the data sets away
}

// final is the newest epoch that counts as final for a relay.
func (w *world) final() uint64 { return w.fevm.Head() - finality - overlap }

// token is an honest client of the token.
func (w *world) token() *starknet.ERC20 { return starknet.NewERC20(w.caller, w.stark.Token()) }
