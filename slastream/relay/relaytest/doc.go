// Package relaytest puts a relay through thousands of crashes, and says whether it
// lost a chunk, had one paid twice, or signed what it must not. Use it in the tests
// of a store, a signer's journal or a relay of your own:
//
//	func TestCrash(t *testing.T) {
//		relaytest.Run(t, relaytest.Campaign{
//			Seed: 1, Kills: 200,
//			NewStore: func(t testing.TB) func() (relay.Store, error) {
//				path := filepath.Join(t.TempDir(), "relay.db")
//				return func() (relay.Store, error) { return mystore.Open(path) }
//			},
//		})
//	}
//
// # What happens
//
// Each run has both chains in this process, behind their real JSON-RPC:
// fevm/simulated and starknet/simulated. Twenty deals are open. Providers prove,
// cheat and sleep; Filecoin reorganizes above its finality, Starknet above what is
// accepted on L1; deals end, are slashed and get successors; the owner pauses the
// escrow; another operator pays chunks first; somebody else uses a nonce of the
// relay's account. The nodes fail and lie: two of three must agree on Filecoin, and
// the one on Starknet loses requests and answers, forgets transactions, executes
// them late or twice, and answers null, about another block, or from behind.
//
// Meanwhile the relay is killed, 50 times a run. Each call of the store, of the
// signer's journal and of a node is a kill point: the relay ends there, with the
// call undone or with its answer lost, nothing of it runs on, and another one
// starts on the same store and journal. One life in three ends at a call that
// changes something, the others at any.
//
// # What is judged
//
// At the end the nodes are well and the relay comes to rest. Then the judge reads
// both chains from their beginning, without the code of the relay and of package
// policy, and without its store:
//
//   - each payable period of each live deal has paid its chunk, once, and nothing
//     else is paid: no proof twice, none that is orphaned;
//   - the escrow, its deals and balances are what slastream/escrow, the model, comes
//     to from the transactions on the chain;
//   - what the key has signed is what was earned, one attestation for a chunk;
//   - no transaction was sent before it was stored;
//   - the store is at rest, and at most one transaction in a hundred kills was in
//     vain ([Run] counts those over all its runs).
//
// # Again
//
// All of it follows from the seed: runs are bubbles of testing/synctest, whose clock
// is that of the chains and of the relay. A failure prints the seed, the kill
// points and the command that does it again:
//
//	SLASTREAM_SEED=1057 SLASTREAM_KILLS=50 go test -run '^TestCrash$' .
//
// SLASTREAM_KILLS=10000 makes a short test a long one. A run takes some seconds;
// runs are parallel.
//
// # More than crashes
//
// [Agree] has three relays that share nothing come to the same attestations, byte
// for byte; [Stagger] has them take turns and one of them end. [Play] is a world
// whose every step the test chooses, for what was once found.
//
// A store that waits for a network cannot be in a bubble: its timeouts would be
// those of a clock that stands still. Such a store is killed for real, as
// slastream/relay/pgstore is in its own tests.
package relaytest
