// Package chain reads a Filecoin node over its Ethereum JSON-RPC: the final head,
// logs, blocks and view calls. It knows where Lotus and Forest differ from
// Ethereum, and believes no answer that contradicts the question.
//
//	client, err := chain.New(rpc, chain.Config{ChainID: 314}) // rpc: go-ethereum's *rpc.Client, or any Caller
//	head, err := client.Head(ctx)
//	for l, err := range client.Logs(ctx, verifier, head-100, head) {
//		event, err := fevm.ParseLog(&l)
//	}
//
// A [Client] asks one node, once. It checks the chain id before the first answer
// counts; resolves the finalized (or safe, or latest) tag to a number, because
// eth_getLogs does not know the tag on Lotus and takes it for latest on Forest;
// asks for no logs above what the node has; splits ranges of more than 2880
// epochs, and halves them when the node finds too much in them; drops removed
// logs; names null rounds.
//
// [Nodes] asks several: the next one when one fails, and as many as must agree.
//
// A [Follower] follows the logs of a contract through either, for ever, from a
// cursor that the program stores: through reorganisations, with retractions, and
// through nodes that leave logs out for a while.
//
//	f := chain.NewFollower(nodes, chain.FollowerConfig{Query: chain.Query{Address: verifier, From: first}})
//	for u, err := range f.Follow(ctx, cursor) {
//		// store what u makes of the program's state together with u.Cursor
//	}
//
// Block numbers are epochs of 30 seconds. A block's hash is the digest of its
// tipset key, as the node says it: go-ethereum's Header.Hash is something else.
//
// # What is trusted
//
// One node is believed, as far as its answers fit the questions. With m of n nodes
// that must agree, m−1 of them may lie; if m of them leave the same log out, it is
// missed until one shows it while the epochs are read again (see
// [FollowerConfig]). Below that, nothing can be read from a chain without a light
// client.
//
// Errors: [ErrNullRound], [ErrBehind], [ErrNoHistory], [ErrBadAnswer],
// [ErrNoQuorum], *[ChainIDError], *[RevertError], and what the Caller returns.
package chain
