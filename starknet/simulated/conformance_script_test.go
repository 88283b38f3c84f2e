package simulated_test

import (
	"fmt"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/rpc"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/starknet"
)

// script is what both nodes are asked, in this order.
func (s *side) script() {
	s.born()
	for _, e := range s.escrows {
		s.at = e
		s.deals()
		s.badSignatures()
		s.badCalldata()
		s.deadlines()
		s.badDeals()
		s.pauses()
		if e.batches {
			s.batches()
			s.owners()
		}
		s.variables()
	}
	s.at = s.escrows[0]
	s.deployments()
	s.misbehaving()
	s.refusals()
	s.estimates()
	s.simulations()
	s.blocks()
	s.transactions()
	s.events()
	if s.version != "0.9.0" {
		s.flags()
	}
	s.invalid()
	s.nameBlocks()
}

// step is the name of a step of the escrow in turn.
func (s *side) step(format string, args ...any) string {
	return s.at.name + ": " + fmt.Sprintf(format, args...)
}

// nameBlocks names the hashes of the blocks, which differ.
func (s *side) nameBlocks() {
	s.Helper()
	var head uint64
	s.must(&head, "starknet_blockNumber")
	for i := range head + 1 {
		s.name(s.blockHash(i), fmt.Sprint("block ", i))
	}
}

func (s *side) blockHash(number uint64) string {
	s.Helper()
	var b struct {
		Hash string `json:"block_hash"`
	}
	s.must(&b, "starknet_getBlockWithTxHashes", numbered(number))
	return b.Hash
}

func numbered(block uint64) any { return map[string]any{"block_number": block} }

func number(v uint64) *felt.Felt { return new(felt.Felt).SetUint64(v) }

// born asks about the world before the first deal.
func (s *side) born() {
	s.ask("chain id", "starknet_chainId")
	s.ask("spec version", "starknet_specVersion")
	s.ask("syncing", "starknet_syncing")
	s.ask("block number", "starknet_blockNumber")
	s.ask("block hash and number", "starknet_blockHashAndNumber")
	client, nobody := s.address(s.accounts[1].Address), "0x1234"
	for _, block := range []any{"latest", "pre_confirmed", numbered(worldBlocks)} {
		s.ask(fmt.Sprint("nonce at ", block), "starknet_getNonce", block, client)
	}
	s.ask("nonce of nobody", "starknet_getNonce", "latest", nobody)
	s.ask("class hash of an account", "starknet_getClassHashAt", "latest", client)
	s.ask("class hash of the token", "starknet_getClassHashAt", "latest", s.address(s.token))
	s.ask("class hash of the deployer", "starknet_getClassHashAt", "latest", s.address(deployerContract))
	s.ask("class hash of nobody", "starknet_getClassHashAt", "latest", nobody)
	s.ask("class of nobody", "starknet_getClassAt", "latest", nobody)
	s.ask("class of no hash", "starknet_getClass", "latest", nobody)
	for _, e := range s.escrows {
		s.ask("nonce of escrow "+e.name, "starknet_getNonce", "latest", s.address(e.address))
		s.ask("class hash of escrow "+e.name, "starknet_getClassHashAt", "latest", s.address(e.address))
	}
	for i, name := range roles {
		s.view("balance of "+name, s.balanceOf(i))
	}
	s.view("allowance", call(s.token, "allowance", feltOf(s.accounts[1].Address), feltOf(s.escrows[0].address)))
	for _, f := range []string{"name", "symbol", "decimals"} {
		s.view("token "+f, call(s.token, f))
	}
	s.view("balanceOf", call(s.token, "balanceOf", feltOf(s.accounts[1].Address)))
	s.view("public key of an account", call(s.accounts[1].Address, "get_public_key"))
	for _, id := range []string{
		"0x3f918d17e5ee77373b56385708f855659a07f75997f365cf87748628532a055", // introspection
		"0x2ceccef7f994940b3962a6c67e0ba4fcd37df7d131417c604f91e03caecc1cd", // account
		"0x1d1144bb2138366ff28d8e9ab57456b1d332ac42196230c3a602003c89872",   // outside execution
		"0x1234",
	} {
		s.view("interface "+id, call(s.accounts[1].Address, "supports_interface", felts(s, id)...))
	}
}

// view is a step: a call at the newest block.
func (s *side) view(step string, f rpc.InvokeFunctionCall) {
	s.Helper()
	s.ask(step, "starknet_call", request(f), "latest")
}

func (s *side) balanceOf(i int) rpc.InvokeFunctionCall {
	return call(s.token, "balance_of", feltOf(s.accounts[i].Address))
}

// inEscrow is a call of the escrow in turn.
func (s *side) inEscrow(name string, calldata ...*felt.Felt) rpc.InvokeFunctionCall {
	return call(s.at.address, name, calldata...)
}

func (s *side) approve(amount uint64) rpc.InvokeFunctionCall {
	return call(s.token, "approve", append([]*felt.Felt{feltOf(s.at.address)}, amountFelts(amount)...)...)
}

// open is create_deal for the provider.
func (s *side) open(chunks, amount, collateral, seconds uint64) rpc.InvokeFunctionCall {
	return s.inEscrow("create_deal", feltOf(s.accounts[2].Address), number(chunks), number(amount), number(0), number(collateral), number(0), number(seconds))
}

// create is a step: approve and create_deal of the client.
func (s *side) create(step string, chunks, amount, collateral, seconds uint64) string {
	s.Helper()
	return s.execute(step, s.accounts[1], s.approve(chunks*amount+collateral), s.open(chunks, amount, collateral, seconds))
}

func (s *side) release(a attestation.Signed) rpc.InvokeFunctionCall {
	return s.inEscrow("release_chunk", starknet.EncodeReleaseChunk(a)...)
}

func (s *side) slash(deal uint64) rpc.InvokeFunctionCall {
	return s.inEscrow("slash", amountFelts(deal)...)
}

// state is three steps: a deal, and what the escrow and the provider have.
// Neither ever pays a fee.
func (s *side) state(step string, deal uint64) {
	s.Helper()
	s.view(step+": deal", s.inEscrow("get_deal", amountFelts(deal)...))
	s.view(step+": tokens of the escrow", call(s.token, "balance_of", feltOf(s.at.address)))
	s.view(step+": tokens of the provider", s.balanceOf(2))
}

// purse is a step: the balance of an account as if it had paid no fee.
func (s *side) purse(step string, i int) {
	s.Helper()
	a := s.accounts[i].Address
	got := felts(s, s.read(s.balanceOf(i))...)
	sum := got[0]
	if fee := s.fees[a]; fee != nil {
		sum = new(felt.Felt).Add(sum, fee)
	}
	s.record(step, []any{sum.String(), got[1].String()})
}
