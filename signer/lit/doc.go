// Package lit signs attestations with an action of the Lit network: a program
// that reads the proof for itself and whose key nobody holds.
//
// An action is JavaScript that Lit runs in a trusted execution environment (TEE).
// Lit derives a key from the CID of the text, so the key is the program: a changed
// byte is another key. The action of this package ([NewAction], directory action)
// signs one thing, the attestation of a payable proof, after it has checked all
// of it against nodes that are written into its text. Because anybody may run it,
// it is sound alone: the caller gets the one true attestation or an exception.
//
// # Deploying
//
//	action, err := lit.NewAction(lit.Config{…})      // publish action.Code() and action.CID()
//	client, err := lit.NewClient(lit.ClientConfig{APIKey: lit.NewAPIKey(secret)})
//	cid, err := client.ActionCID(ctx, action.Code()) // once: does Lit count as CID does?
//	key, err := client.ActionKey(ctx, action.CID())  // once: keep it
//	domain := action.Domain(key)                     // deploy the escrow with key: it must get this address
//
// The text cannot name the escrow's address, which depends on the escrow's key,
// which depends on the text. It holds class hash, salt, deployer and the other
// constructor arguments instead, and computes the address from its own key. So an
// action signs for exactly one escrow.
//
// # Signing
//
//	s, err := signer.NewAction(lit.NewKey(client, action, key, ledger))
//	s = signer.Guard(s, journal)                     // ledger reads the same journal
//
// Before chunk 0 the client of the deal says which data set earns it, from which
// epoch on: a [Binding], the hash of which ([Action.BindingHash]) the client's
// Starknet account signs. A provider should store nothing before it has seen that
// signature. Each later chunk is shown the signature of the one before, which
// carries binding and order on, so that a client cannot withdraw a binding by
// changing its account's key.
//
// # What the action checks
//
//   - of each answer, that the configured majority of nodes gives it, after each
//     has named the right chain
//   - the transaction succeeded, its block is canonical, its epoch final
//   - the first PossessionProven log of the data set in its epoch, of the verifier,
//     whoever called it; enough challenges, in pieces with canonical CIDs
//   - the proving period was open, and not proven before
//   - root, time (genesis + 30·epoch), period, epoch and block are those asked for
//   - the deal is active, has the chunk, and the proof is not after its deadline
//   - binding or previous signature, and that no proof in between earned the chunk
//
// The verdicts are those of package fevm/policy, with one difference: of a
// proof's pieces the first four that differ are looked at, where the policy wants
// every piece of the set to be canonical. Only sets that are older than
// PDPVerifier 3.5.0 can hold others.
//
// # Whom one trusts
//
// The TEE and its maker (Intel TDX), and the root key that Lit's key management
// releases to attested code: whoever breaks these has the key. A majority of the
// nodes of each list, which therefore should be run by people who do not know
// each other. The verifier contract. Not trusted: the relay, whoever calls, holders
// of Lit API keys (a usage key can run the action and no more; it never sees the
// key), single nodes, and the answer itself, which signer.NewAction checks against
// the pinned key like any other.
//
// What Lit can do without breaking anything is stop: refuse to run, lose the root
// key, go out of business. The escrow's key cannot be changed, so deals then run
// into their deadline and are refunded. The same holds for an action with nodes
// that are gone: rotation is a new action, so a new CID, a new key and a new
// escrow; open deals end on the old one. Choose nodes that last longer than deals,
// with state and logs as far back as the last paid proof.
//
// The action does not see other deals. A set that two clients bind to their deals
// earns both; a client who minds looks at the bindings of others. A client who
// signs two bindings of one deal lets either be earned, each chunk once. It does not see
// other networks either: attestations hold no domain, so never register the key
// with a second escrow.
//
// PKPs, Lit's wallets, are not used: whoever may use one in an action of his own
// can read its key out.
//
// # Errors
//
// [*ActionError] names the check that refused. [*StatusError] and
// [*TransportError] are the service's; signer.Retryable says of all of them
// whether the identical request can succeed later. [Client] itself tries again
// after 429 alone, five times at most.
//
// Source: LIT-Protocol/chipotle (REST service, runtime, keys), FilOzone/pdp
// (PDPVerifier.sol), sla_escrow.cairo.
package lit
