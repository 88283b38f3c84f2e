package simulated_test

import (
	"math"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/rpc"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/starknet/simulated"
)

type change = func(*rpc.InvokeTxnV3)

func l2Bounds(amount, price rpc.U64) change {
	return func(tx *rpc.InvokeTxnV3) {
		tx.ResourceBounds.L2Gas = rpc.ResourceBounds{MaxAmount: amount, MaxPricePerUnit: rpc.U128(price)}
	}
}

func noBounds(tx *rpc.InvokeTxnV3) {
	none := rpc.ResourceBounds{MaxAmount: "0x0", MaxPricePerUnit: "0x0"}
	tx.ResourceBounds = &rpc.ResourceBoundsMapping{L1Gas: none, L1DataGas: none, L2Gas: none}
}

// refusals sends transactions that a node does not take, or takes and reverts.
func (s *side) refusals() {
	from := s.accounts[4]
	ok := s.approve(7)
	nonce := func(step string) {
		s.Helper()
		s.ask("nonce after "+step, "starknet_getNonce", "pre_confirmed", s.address(from.Address))
	}
	with := func(step string, c change, calls ...rpc.InvokeFunctionCall) {
		s.Helper()
		s.add(step, s.build(from, c, calls...))
	}
	edited := func(step string, edit func(map[string]any)) {
		s.Helper()
		tx := s.build(from, nil, ok)
		edit(tx)
		s.add(step, tx)
	}
	set := func(key string, value any) func(map[string]any) {
		return func(tx map[string]any) { tx[key] = value }
	}
	without := func(key string) func(map[string]any) {
		return func(tx map[string]any) { delete(tx, key) }
	}

	tx := s.build(from, nil, ok)
	s.add("an approval", tx)
	s.nonces[from.Address]--
	s.add("the same again", tx)
	s.add("another with its nonce", s.build(from, nil, s.approve(8)))
	s.nonces[from.Address]++
	s.add("a nonce too high", s.buildAt(from, s.nonces[from.Address]+1, nil, ok))
	s.add("a nonce far too high", s.buildAt(from, s.nonces[from.Address]+1000, nil, ok))
	nonce("wrong nonces")

	edited("no signature", set("signature", []string{}))
	edited("half a signature", func(tx map[string]any) { tx["signature"] = tx["signature"].([]any)[:1] })
	edited("a signature and a half", func(tx map[string]any) {
		tx["signature"] = append(tx["signature"].([]any)[:2:2], "0x1")
	})
	edited("a signature of ones", set("signature", []string{"0x1", "0x1"}))
	edited("a signature of zeros", set("signature", []string{"0x0", "0x0"}))
	wrong := simulated.Account{Address: from.Address, PrivateKey: s.accounts[5].PrivateKey}
	s.add("a signature of another key", s.buildAt(wrong, s.nonces[from.Address], func(tx *rpc.InvokeTxnV3) { tx.Tip = "0x3" }, ok))
	edited("another tip than signed", set("tip", "0x1"))
	nonce("wrong signatures")

	with("no bounds", noBounds, ok)
	with("no L2 gas", l2Bounds("0x0", "0x77359400"), ok)
	with("little L2 gas", l2Bounds("0x64", "0x77359400"), ok)
	with("no price", l2Bounds("0x3b9aca00", "0x0"), ok)
	with("a low price", l2Bounds("0x3b9aca00", "0x1"), ok)
	with("the price less one", l2Bounds("0x3b9aca00", "0x3b9ac9ff"), ok)
	with("the exact price", l2Bounds("0x989680", "0x3b9aca00"), ok)
	with("bounds above the balance", l2Bounds("0x3b9aca00", "0xffffffffffffffff"), ok)
	with("too much L2 gas", l2Bounds("0xffffffffffffffff", "0x3b9aca00"), ok)
	with("no data gas", func(tx *rpc.InvokeTxnV3) { tx.ResourceBounds.L1DataGas.MaxAmount = "0x0" }, ok)
	with("little data gas", func(tx *rpc.InvokeTxnV3) { tx.ResourceBounds.L1DataGas.MaxAmount = "0x81" }, s.approve(1234))
	with("a low data price", func(tx *rpc.InvokeTxnV3) { tx.ResourceBounds.L1DataGas.MaxPricePerUnit = "0x1" }, ok)
	with("too little gas to run", l2Bounds("0xf4240", "0x77359400"), s.release(attest(3, 1)))
	with("a tip", func(tx *rpc.InvokeTxnV3) { tx.Tip = "0x5" }, ok)
	nonce("bounds")

	with("a paymaster", func(tx *rpc.InvokeTxnV3) { tx.PayMasterData = []*felt.Felt{number(1)} }, ok)
	with("deployment data", func(tx *rpc.InvokeTxnV3) { tx.AccountDeploymentData = []*felt.Felt{number(1)} }, ok)
	with("nonce on L2", func(tx *rpc.InvokeTxnV3) { tx.NonceDataMode = "L2" }, ok)
	with("fee on L2", func(tx *rpc.InvokeTxnV3) { tx.FeeMode = "L2" }, ok)
	edited("nonce nowhere", set("nonce_data_availability_mode", "L3"))
	edited("version 1", set("version", "0x1"))
	edited("version 2", set("version", "0x2"))
	edited("a query", set("version", "0x100000000000000000000000000000003"))
	edited("no type", without("type"))
	edited("a type of its own", set("type", "TRANSFER"))
	for _, key := range []string{"version", "sender_address", "calldata", "signature", "nonce", "resource_bounds", "tip", "paymaster_data", "account_deployment_data", "nonce_data_availability_mode", "fee_data_availability_mode"} {
		edited("without "+key, without(key))
	}
	edited("a nonce that is no felt", set("nonce", "nonce"))
	edited("a nonce without 0x", set("nonce", "12"))
	ghost := simulated.Account{Address: mustAddressOf("0x1234"), PrivateKey: from.PrivateKey}
	s.add("a sender that is not deployed", s.buildAt(ghost, 0, nil, ok))
	s.add("a sender that is no account", s.buildAt(simulated.Account{Address: s.at.address, PrivateKey: from.PrivateKey}, 0, nil, ok))
	nonce("forms")

	calldata := func(step string, data ...*felt.Felt) {
		s.Helper()
		with(step, func(tx *rpc.InvokeTxnV3) { tx.Calldata = data })
	}
	calldata("calldata of one call that is not there", number(1))
	calldata("calldata of too many calls", number(3), number(1), number(1), number(0))
	calldata("calldata and one more", number(0), number(0))
	calldata("calldata of wide count", new(felt.Felt).SetBytes([]byte{0: 1, 16: 0}))
	with("no calls", nil)
	with("a function that is not there", nil, call(s.at.address, "destroy"))
	with("a contract that is not there", nil, call(mustAddressOf("0x1234"), "slash"))
	with("a contract that is not there, after an approval", nil, ok, call(mustAddressOf("0x1234"), "slash"))
	with("a transfer of too much", nil, call(s.token, "transfer", feltOf(s.accounts[2].Address), number(0), number(math.MaxUint64)))
	with("a transfer to nobody", nil, call(s.token, "transfer", number(0), number(1), number(0)))
	with("an approval of nobody", nil, call(s.token, "approve", number(0), number(1), number(0)))
	with("a transfer from without allowance", nil, call(s.token, "transfer_from", feltOf(s.accounts[1].Address), feltOf(from.Address), number(1), number(0)))
	with("a transfer of a wide amount", nil, call(s.token, "transfer", feltOf(s.accounts[2].Address), new(felt.Felt).SetBytes([]byte{0: 1, 16: 0}), number(0)))
	with("a transfer", nil, call(s.token, "transfer", feltOf(s.accounts[2].Address), number(11), number(0)))
	with("a transfer to itself", nil, call(s.token, "transfer", feltOf(from.Address), number(11), number(0)))
	with("a call of itself", nil, call(from.Address, "__execute__", number(0)))
	with("a view as a call", nil, s.inEscrow("get_deal_counter"))
	with("a release, then a function that is not there", nil, s.release(attest(3, 1)), call(s.at.address, "destroy"))
	s.purse("tokens of the stranger", 4)
	nonce("calls")
}

// estimates asks for fees.
func (s *side) estimates() {
	from := s.accounts[4]
	estimate := func(step string, flags []string, block any, txs ...map[string]any) {
		s.Helper()
		s.ask("estimate: "+step, "starknet_estimateFee", txs, flags, block)
	}
	at := func(nonce uint64, c change, calls ...rpc.InvokeFunctionCall) map[string]any {
		s.Helper()
		return s.buildAt(from, s.nonces[from.Address]+nonce, c, calls...)
	}
	ok, no, none := s.approve(9), s.slash(88), []string{}
	skip := []string{"SKIP_VALIDATE"}
	unsigned := at(0, nil, ok)
	unsigned["signature"] = []string{}
	query := at(0, nil, ok)
	query["version"] = "0x100000000000000000000000000000003"
	estimate("an approval", none, "latest", at(0, noBounds, ok))
	estimate("an approval at pre_confirmed", none, "pre_confirmed", at(0, noBounds, ok))
	estimate("an approval in its block", none, numbered(worldBlocks), at(0, noBounds, ok))
	estimate("two", none, "latest", at(0, nil, ok), at(1, nil, ok))
	estimate("none", none, "latest")
	estimate("a release", none, "latest", at(0, nil, s.release(attest(3, 1))))
	estimate("unsigned", none, "latest", unsigned)
	estimate("unsigned without validation", skip, "latest", unsigned)
	estimate("query version", none, "latest", query)
	estimate("query version without validation", skip, "latest", query)
	estimate("a revert", none, "latest", at(0, nil, no))
	estimate("a revert as the second", none, "latest", at(0, nil, ok), at(1, nil, no))
	estimate("a revert as the second call", none, "latest", at(0, nil, ok, no))
	estimate("a bad signature", none, "latest", at(0, nil, s.release(badSigned())))
	estimate("no contract", none, "latest", at(0, nil, call(mustAddressOf("0x1234"), "slash")))
	estimate("no function", none, "latest", at(0, nil, call(s.at.address, "destroy")))
	estimate("no allowance", none, "latest", at(0, nil, s.open(1, 1, 0, 1)))
	estimate("a low nonce", none, "latest", s.buildAt(from, 0, nil, ok))
	estimate("a high nonce", none, "latest", at(3, nil, ok))
	estimate("a high nonce without validation", skip, "latest", at(3, nil, ok))
	estimate("a flag that is not there", []string{"SKIP_FEE_CHARGE"}, "latest", at(0, nil, ok))
	estimate("a block that is not there", none, numbered(1_000_000), at(0, nil, ok))
	estimate("little gas", none, "latest", at(0, l2Bounds("0x64", "0x77359400"), ok))
	estimate("a sender that is not deployed", none, "latest", s.buildAt(simulated.Account{Address: mustAddressOf("0x1234"), PrivateKey: from.PrivateKey}, 0, nil, ok))
	s.ask("estimate: no block", "starknet_estimateFee", []any{at(0, nil, ok)}, none)
}

func badSigned() (out attestation.Signed) {
	out = attest(3, 1)
	out.Signature.V ^= 1
	return out
}

// simulations runs transactions without sending them.
func (s *side) simulations() {
	from := s.accounts[4]
	simulate := func(step string, flags []string, txs ...map[string]any) {
		s.Helper()
		s.ask("simulate: "+step, "starknet_simulateTransactions", "latest", txs, flags)
	}
	at := func(nonce uint64, c change, calls ...rpc.InvokeFunctionCall) map[string]any {
		s.Helper()
		return s.buildAt(from, s.nonces[from.Address]+nonce, c, calls...)
	}
	none := []string{}
	unsigned := at(0, nil, s.approve(9))
	unsigned["signature"] = []string{}
	simulate("an approval", none, at(0, nil, s.approve(9)))
	simulate("without a fee", []string{"SKIP_FEE_CHARGE"}, at(0, noBounds, s.approve(9)))
	simulate("without validation", []string{"SKIP_VALIDATE"}, unsigned)
	simulate("without both", []string{"SKIP_VALIDATE", "SKIP_FEE_CHARGE"}, unsigned)
	simulate("unsigned", none, unsigned)
	simulate("no bounds", none, at(0, noBounds, s.approve(9)))
	simulate("a release", none, at(0, nil, s.release(attest(3, 1))))
	simulate("a deal and its release", none, at(0, nil, s.approve(10), s.open(1, 10, 0, 1000)), at(1, nil, s.release(attest(3, 1))))
	simulate("a revert", none, at(0, nil, s.slash(88)))
	simulate("a high nonce", none, at(3, nil, s.approve(9)))
	simulate("a flag that is not there", []string{"SKIP"}, at(0, nil, s.approve(9)))
	simulate("nothing", none)
}
