package relay_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/policy"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/starknet"
	starknetsim "github.com/slastream/slastream-go/starknet/simulated"
)

// BenchmarkRebuild binds 10,000 deals in an empty store and finds out from both
// chains, over JSON-RPC, what each has earned and what is paid: a chunk of every
// deal, half of them paid. Making the chains takes most of the time and is not
// measured.
func BenchmarkRebuild(b *testing.B) {
	const deals = 10_000
	key, err := signer.NewLocal([32]byte{31: 7})
	require.NoError(b, err)
	own, err := signer.New(key)
	require.NoError(b, err)

	filecoin := fevmsim.New(fevmsim.WithStart(10), fevmsim.WithFinality(0, 0))
	prove(b, filecoin, deals)
	logs, err := rpc.DialOptions(b.Context(), "http://fevm.invalid", rpc.WithHTTPClient(filecoin.Client()))
	require.NoError(b, err)
	client, err := chain.New(logs, chain.Config{ChainID: fevmsim.ChainID})
	require.NoError(b, err)

	node := starknetsim.New(starknetsim.Options{Key: key.PublicKey(), Class: slastream.ClassExtended})
	caller, err := rpc.DialOptions(b.Context(), "http://starknet.invalid/rpc", rpc.WithHTTPClient(node.Client()))
	require.NoError(b, err)
	account := node.Accounts()[0]
	stark, err := starknet.NewLocalKey(account.PrivateKey)
	require.NoError(b, err)
	escrow := starknet.NewEscrow(caller, node.Escrow(), starknet.WithAccount(starknet.NewAccount(caller, starknet.Sepolia, account.Address, stark)))
	bindings := open(b, node, caller, escrow, deals)

	config := func(store relay.Store) relay.Config {
		source, err := policy.NewSource(client, policy.Config{
			ChainID: fevmsim.ChainID, Verifier: attestation.EthereumAddress(filecoin.Verifier()), FromBlock: 10,
		})
		require.NoError(b, err)
		return relay.Config{Proofs: source, Signer: own, Escrow: escrow, Store: store, Domain: node.Domain(), Batch: 480, Name: "relay"}
	}
	half := config(relay.NewMemoryStore())
	half.Bindings = bindings[:deals/2]
	r, err := relay.New(half)
	require.NoError(b, err)
	report, err := r.Step(b.Context())
	require.NoError(b, err)
	require.Equal(b, deals/2, report.Released)
	b.Logf("%d chunks paid in %d transactions", report.Released, report.Sent)

	var took time.Duration
	for b.Loop() {
		began := time.Now()
		store := relay.NewMemoryStore()
		c := config(store)
		c.Bindings, c.Peers, c.Stagger = bindings, []string{"relay", "another"}, time.Hour // those that are not paid wait
		r, err := relay.New(c)
		require.NoError(b, err)
		report, err := r.Step(b.Context())
		require.NoError(b, err)
		require.Equal(b, deals, report.Observed)
		require.GreaterOrEqual(b, report.Released, deals/2)
		took = time.Since(began)
	}
	b.ReportMetric(took.Seconds(), "s/rebuild")
	b.ReportMetric(deals/took.Seconds(), "deals/s")
}

// prove makes so many data sets, and proves each once.
func prove(b *testing.B, node *fevmsim.Node, sets uint64) {
	b.Helper()
	provider := node.Provider(node.Accounts()[1])
	for i := range sets {
		set, err := provider.CreateDataSet(b.Context(), common.Address{})
		require.NoError(b, err)
		_, err = provider.AddPieces(b.Context(), set, fmt.Appendf(nil, "%0200d", i))
		require.NoError(b, err)
	}
	challenge := node.Head() + sets + 200
	for set := uint64(1); set <= sets; set++ {
		_, err := provider.NextProvingPeriod(b.Context(), set, challenge)
		require.NoError(b, err)
	}
	_, err := node.Mine(challenge - node.Head())
	require.NoError(b, err)
	for set := uint64(1); set <= sets; set++ {
		_, err := provider.Prove(b.Context(), set)
		require.NoError(b, err)
	}
}

// open opens a deal for each data set, many in a transaction.
func open(b *testing.B, node *starknetsim.Node, caller starknet.Caller, escrow *starknet.Escrow, deals uint64) []relay.Binding {
	b.Helper()
	client := node.Accounts()[1]
	key, err := starknet.NewLocalKey(client.PrivateKey)
	require.NoError(b, err)
	account := starknet.NewAccount(caller, starknet.Sepolia, client.Address, key)
	terms := slastream.Terms{Provider: node.Accounts()[2].Address, Chunks: 2, ChunkAmount: slastream.AmountFromUint64(10), Duration: 1_000_000}
	require.NoError(b, starknet.NewERC20(caller, node.Token(), starknet.WithAccount(account)).Approve(b.Context(), escrow.Address(), slastream.AmountFromUint64(20*deals)))
	for range deals / 50 {
		_, err := account.Execute(b.Context(), slices.Repeat([]starknet.Call{escrow.CreateDealCall(terms)}, 50)...)
		require.NoError(b, err)
	}
	bindings := make([]relay.Binding, deals)
	for i := range bindings {
		id := attestation.WordFromUint64(uint64(i) + 1)
		bindings[i] = relay.Binding{Deal: id, Set: id, StartEpoch: 10}
	}
	return bindings
}
