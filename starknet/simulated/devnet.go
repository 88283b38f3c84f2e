package simulated

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// The controls of starknet-devnet, with its names, parameters and answers.
// Where it takes a JSON number, a 0x-quantity as a string is fine too.

// A quantity is a number from 0 to 2^256−1: a JSON number without a fraction,
// or a string with 0x.
type quantity attestation.Word

func (q *quantity) UnmarshalJSON(raw []byte) error {
	s := string(raw)
	var digits string
	if err := json.Unmarshal(raw, &digits); err == nil && strings.HasPrefix(digits, "0x") {
		w, err := attestation.ParseWord(digits)
		*q = quantity(w)
		return err
	}
	// An exponent makes a short text a long number.
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(s), "e")
	if len(mantissa) > 80 || scientific && len(strings.TrimLeft(exponent, "+0")) > 2 {
		return fmt.Errorf("number %s: not below 2^256", excerpt(raw))
	}
	var r big.Rat
	if _, ok := r.SetString(s); !ok || !r.IsInt() {
		return fmt.Errorf("invalid number %s: want a JSON number without a fraction, or 0x and hexadecimal digits", excerpt(raw))
	}
	w, err := attestation.WordFromBig(r.Num())
	*q = quantity(w)
	return err
}

// uint64 is q as a time.
func (q quantity) uint64() (uint64, error) {
	v, ok := attestation.Word(q).Uint64()
	if !ok {
		return 0, invalid("number %v: not below 2^64", attestation.Word(q))
	}
	return v, nil
}

func timeArg(a args) (uint64, error) {
	q, err := arg[quantity](a, 0)
	if err != nil {
		return 0, err
	}
	return q.uint64()
}

func (n *Node) devnetSetTime(_ version, a args) (any, error) {
	t, err := timeArg(a)
	if err != nil {
		return nil, err
	}
	generate, err := arg[*bool](a, 1)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.setTime(t)
	answer := struct {
		Timestamp uint64   `json:"block_timestamp"`
		Hash      *hexFelt `json:"block_hash"`
	}{Timestamp: t}
	if generate == nil || *generate {
		answer.Hash = &n.seal().hash
	}
	return answer, nil
}

func (n *Node) devnetIncreaseTime(_ version, a args) (any, error) {
	seconds, err := timeArg(a)
	if err != nil {
		return nil, err
	}
	return struct {
		Seconds uint64  `json:"timestamp_increased_by"`
		Hash    hexFelt `json:"block_hash"`
	}{seconds, word(n.IncreaseTime(seconds))}, nil
}

func (n *Node) devnetCreateBlock(version, args) (any, error) {
	return struct {
		Hash hexFelt `json:"block_hash"`
	}{word(n.Mine())}, nil
}

func (n *Node) devnetAbortBlocks(_ version, a args) (any, error) {
	id, err := arg[blockID](a, 0)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	from, err := n.view(id)
	if err != nil {
		return nil, &jsonrpc.Error{Code: -1, Message: "No block found"}
	}
	dropped, err := n.abortFrom(from.number)
	switch {
	case from.number == 0:
		return nil, &jsonrpc.Error{Code: -1, Message: "Genesis block can't be aborted"}
	case err != nil:
		return nil, &jsonrpc.Error{Code: -1, Message: "Block accepted on L1 can't be aborted"}
	}
	answer := struct {
		Aborted []hexFelt `json:"aborted"`
	}{[]hexFelt{}}
	for _, b := range dropped {
		answer.Aborted = append(answer.Aborted, b.hash)
	}
	return answer, nil
}

// abortFrom checks what Abort takes. The number of the open block drops it
// alone.
func (n *Node) abortFrom(number uint64) ([]*block, error) {
	if first := max(1, n.l1); number < first || number > uint64(len(n.blocks)) {
		return nil, fmt.Errorf("simulated: abort from block %d: want %d to %d", number, first, len(n.blocks))
	}
	return n.abort(number), nil
}

func (n *Node) devnetMint(_ version, a args) (any, error) {
	to, err := addressArg(a, 0)
	if err != nil {
		return nil, err
	}
	q, err := arg[quantity](a, 1)
	if err != nil {
		return nil, err
	}
	unit, err := arg[*string](a, 2)
	switch {
	case err != nil:
		return nil, err
	case unit != nil && *unit != "FRI":
		return nil, unsupported("unit %q: the only token is STRK, in FRI", excerpt(*unit))
	}
	hash, balance, err := n.mint(to, slastream.AmountFromWord(attestation.Word(q)))
	if err != nil {
		return nil, &jsonrpc.Error{Code: -1, Message: err.Error()}
	}
	return struct {
		Balance string  `json:"new_balance"`
		Unit    string  `json:"unit"`
		Hash    hexFelt `json:"tx_hash"`
	}{balance.String(), "FRI", hash}, nil
}

var selMint = selector("permissioned_mint")

// mint sends the minter's transaction and returns its hash and the balance
// after it.
func (n *Node) mint(to slastream.Address, value slastream.Amount) (hexFelt, slastream.Amount, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	minter := n.world.minter
	limit := func(amount uint64) bound { return bound{number(amount), number(gasPrice)} }
	kind, mode, sender, nonce := "INVOKE", "L1", word(minter.Address), number(n.state.nonce(minter.Address))
	t := &transaction{
		sender: minter.Address,
		nonce:  n.state.nonce(minter.Address),
		signed: true,
		kind:   typeInvoke,
		body: body{
			Type: &kind, Version: &version3, Sender: &sender, Nonce: &nonce, Tip: new(hexFelt),
			Bounds:        &resourceBounds{L1Gas: limit(0), L1DataGas: limit(10_000), L2Gas: limit(10_000_000)},
			PaymasterData: []hexFelt{}, AccountDeploymentData: []hexFelt{}, NonceMode: &mode, FeeMode: &mode,
			Calldata: append([]hexFelt{number(1), word(n.Token()), selMint, number(3), word(to)}, amount(value)...),
		},
	}
	t.hash = n.hasher.hash(t, 0)
	t.checked = n.state.contract(t.sender)
	key, err := starknet.NewLocalKey(minter.PrivateKey)
	if err != nil {
		return hexFelt{}, slastream.Amount{}, fmt.Errorf("simulated: sign mint: %w", err)
	}
	r, s, err := key.SignHash(context.Background(), t.hash.felt())
	if err != nil {
		return hexFelt{}, slastream.Amount{}, fmt.Errorf("simulated: sign mint: %w", err)
	}
	t.Signature = []hexFelt{hexFelt(*r), hexFelt(*s)}
	if err := n.add(t); err != nil {
		return hexFelt{}, slastream.Amount{}, fmt.Errorf("simulated: mint: %w", err)
	}
	if t.receipt.reverted != "" {
		return hexFelt{}, slastream.Amount{}, fmt.Errorf("simulated: mint reverted: %s", t.receipt.reverted)
	}
	return t.hash, n.state.ledger.Balance(to), nil
}

func (n *Node) devnetAccounts(_ version, a args) (any, error) {
	withBalance, err := arg[bool](a, 0)
	if err != nil {
		return nil, err
	}
	type balance struct {
		Amount string `json:"amount"`
		Unit   string `json:"unit"`
	}
	type item struct {
		Initial string             `json:"initial_balance"`
		Address hexFelt            `json:"address"`
		Public  hexFelt            `json:"public_key"`
		Private hexFelt            `json:"private_key"`
		Balance map[string]balance `json:"balance,omitempty"`
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	list := []item{}
	for _, a := range n.world.accounts {
		i := item{initialBalance.String(), word(a.Address), word(a.PublicKey), word(a.PrivateKey), nil}
		if withBalance {
			i.Balance = map[string]balance{"strk": {n.state.ledger.Balance(a.Address).String(), "FRI"}}
		}
		list = append(list, i)
	}
	return list, nil
}
