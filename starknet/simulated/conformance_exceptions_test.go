package simulated_test

import "regexp"

// An exception is a difference that stays.
type exception struct {
	step, path string // regular expressions of the whole step and the whole path
	version    string // of the RPC, empty for both
	code       string // of the devnet's error, empty for any answer
	reason     string
}

// Besides these, what differs is made equal before it is compared, by normalizer:
// hashes of blocks are named, times are rounded down to 1,000 seconds, gas is
// compared with a tolerance, balances that fees come out of are compared without
// them, and continuation tokens are opaque.
var exceptions = []exception{
	{path: `\.body\.error\.message`, code: "-32602", reason: "the text is that of the devnet's JSON decoder; clients act on the code"},
	{path: `\.body\.error\.(message|data)`, code: "-32600", reason: "as before"},
	{path: `\.body\.error\.(message|data)`, code: "-32700", reason: "as before"},
	{step: `(getTransactionStatus|status) of .*`, path: `\.body\.result\.failure_reason`, reason: "null for a transaction that did not fail: the devnet's own, nodes leave it out"},
	{step: `events: of size 0`, path: `\.body\.(error|result)`, reason: "nodes want a page of at least 1; the devnet answers an empty page and a token for ever"},
	{step: `events: of a huge size`, path: `\.body\.(error|result)`, reason: "nodes have a limit (31); the devnet has none"},
	{step: `storage proof`, path: `\.body\.error\.(code|message|data)`, reason: "neither has proofs; the devnet wants all four parameters to say so"},
	{step: `an address above the prime`, version: "0.9.0", path: `\.body\.error\.(code|message)`, reason: "no felt; the devnet reduces it silently"},
	{step: `simulate: a deal and its release`, path: `\.body\.result\.1\.transaction_trace\.state_diff\..*`, reason: "the devnet repeats in the second transaction's changes those of the first"},

	{step: `mock token, .*: release, which releases another: receipt`, path: `\.body\.result\.execution_resources\..*`, reason: "the simulated node charges for the calls of the account, not for those inside"},
	{path: `.*_invocation(\.calls\.\d+)*\.execution_resources\.l2_gas`, reason: "no Cairo runs in the simulated node: it knows the gas of whole transactions"},
	{step: `too little gas to run: receipt`, path: `\.body\.result\.revert_reason`, reason: "the text has the gas that was used, of which the simulated node has a rounded table; 0.10.1 stops in the middle, which needs the code"},
	{step: `request: no (version|method|id)|request: a text as parameters`, path: `\.body(\.error|\.error\.code|\.result|\.id)?`, reason: "the simulated node forgives a missing version, takes a request without id for a notification and says -32602 of parameters"},

	{version: "0.10.2", path: `\.body\.result\.(event|receipt|transaction|state_diff)_commitment`, reason: "the simulated node has no Patricia tries"},
	{step: `storage .*with \[INCLUDE_LAST_UPDATE_BLOCK\]|(simulate|trace) and return the reads`, version: "0.10.2", path: `\.body\.(error|result)`, reason: "the simulated node refuses the two flags: it does not keep who wrote or read what"},
	{version: "0.10.2", path: `\.body\.result\.state_diff_length`, reason: "the devnet counts the change of contract 0x1, which holds the hashes of blocks"},
	{step: `the same again|deploy an account again`, version: "0.10.2", path: `\.body\.error\.message`, reason: "the devnet says 'Duplicate transaction', the specification what the simulated node says"},
	{step: `token (name|symbol)`, version: "0.10.2", path: `\.body\.result(\.0)?`, reason: "the class of STRK is newer there: a ByteArray. Its events are brought to one form by normalizer"},
	{step: `.*create (with no allowance|with no end|without balance): receipt|a transfer of too much: receipt|a transfer from without allowance: receipt|estimate: no allowance`, version: "0.10.2", path: `.*\.(revert_reason|execution_error.*)`, reason: "as before: 'ERC20: insufficient balance', not 'u256_sub Overflow'"},
}

// except drops the differences that are excepted and counts in used which
// exceptions that took.
func except(version string, list []difference, used map[int]bool) []difference {
	var left []difference
next:
	for _, d := range list {
		for i, e := range exceptions {
			if (e.version == "" || e.version == version) && (e.code == "" || e.code == d.code) && whole(e.step, d.step) && whole(e.path, d.path) {
				used[i] = true
				continue next
			}
		}
		left = append(left, d)
	}
	return left
}

// whole reports whether pattern matches all of s; an empty one matches anything.
func whole(pattern, s string) bool {
	return pattern == "" || regexp.MustCompile("^(?:"+pattern+")$").MatchString(s)
}
