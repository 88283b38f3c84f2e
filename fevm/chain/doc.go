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
// What it does: checks the chain id before the first answer counts; resolves the
// finalized (or safe, or latest) tag to a number, because eth_getLogs
// does not know the tag on Lotus and takes it for latest on Forest; splits ranges
// of more than 2880 epochs, and halves them when the node finds too much in
// them; drops removed logs; names null rounds.
//
// What it does not do: it asks one node, once. It does not retry, change to
// another node, compare nodes, follow reorganisations, or notice
// that a node hides logs; a public node that has no old epochs answers with an error.
//
// Block numbers are epochs of 30 seconds. A block's hash is the digest of its
// tipset key, as the node says it: go-ethereum's Header.Hash is something else.
//
// Errors: [ErrNullRound], [ErrBadAnswer], *[ChainIDError], *[RevertError], and
// what the Caller returns.
package chain
