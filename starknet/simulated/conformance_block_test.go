package simulated_test

import (
	"encoding/json"
	"fmt"

	"github.com/slastream/slastream-go/starknet"
)

// A named block id.
type namedBlock struct {
	name string
	id   any
}

// blocks asks for blocks in all forms and by all ids.
func (s *side) blocks() {
	ids := []namedBlock{
		{"latest", "latest"}, {"pre_confirmed", "pre_confirmed"}, {"l1_accepted", "l1_accepted"}, {"pending", "pending"},
		{"the first of the script", numbered(s.base)}, {"one that is not there", numbered(1_000_000)},
		{"its hash", map[string]string{"block_hash": s.blockHash(s.base + 3)}},
		{"a hash that is not there", map[string]string{"block_hash": "0x1234"}},
		{"a name", "newest"}, {"a number as text", map[string]string{"block_number": "0x1"}}, {"a number", 1},
		{"a negative number", map[string]int{"block_number": -1}}, {"nothing", map[string]string{}}, {"null", nil},
		{"both", map[string]any{"block_number": 1, "block_hash": s.blockHash(1)}},
	}
	for _, b := range ids {
		for _, method := range []string{"getBlockWithTxHashes", "getBlockWithTxs", "getBlockWithReceipts", "getBlockTransactionCount", "getStateUpdate"} {
			s.ask(fmt.Sprintf("%s of %s", method, b.name), "starknet_"+method, b.id)
		}
		s.ask("getNonce at "+b.name, "starknet_getNonce", b.id, s.address(s.accounts[3].Address))
		s.ask("class hash at "+b.name, "starknet_getClassHashAt", b.id, s.address(s.at.address))
		s.ask("storage at "+b.name, "starknet_getStorageAt", s.address(s.at.address), starknet.StorageKey("deal_counter"), b.id)
		s.ask("call at "+b.name, "starknet_call", request(s.inEscrow("get_deal_counter")), b.id)
	}
	for _, block := range []uint64{s.base + 1, s.base + 2, s.base + 3, s.base + 4} {
		s.ask(fmt.Sprint("transactions of block ", block), "starknet_getBlockWithTxs", numbered(block))
		s.ask(fmt.Sprint("receipts of block ", block), "starknet_getBlockWithReceipts", numbered(block))
		s.ask(fmt.Sprint("changes of block ", block), "starknet_getStateUpdate", numbered(block))
		s.ask(fmt.Sprint("traces of block ", block), "starknet_traceBlockTransactions", numbered(block))
	}
	s.ask("traces of a block that is not there", "starknet_traceBlockTransactions", numbered(1_000_000))
	s.ask("the first of a block", "starknet_getTransactionByBlockIdAndIndex", numbered(s.base), 0)
	s.ask("the second of a block", "starknet_getTransactionByBlockIdAndIndex", numbered(s.base), 1)
	s.ask("the first of the latest", "starknet_getTransactionByBlockIdAndIndex", "latest", 0)
	s.ask("the first of no block", "starknet_getTransactionByBlockIdAndIndex", numbered(1_000_000), 0)
	s.ask("one before the first", "starknet_getTransactionByBlockIdAndIndex", numbered(s.base), -1)
	for _, e := range s.escrows {
		s.classHead("class of "+e.name, "starknet_getClassAt", "latest", s.address(e.address))
		s.classHead("class by the hash of "+e.name, "starknet_getClass", "latest", feltOf(e.class.Hash()))
	}
}

// classHead is a step: the members of a class and its versions. The simulated
// node has no more of a program.
func (s *side) classHead(step, method string, params ...any) {
	s.Helper()
	r, whole := s.send(method, append([]any{}, params...))
	var class struct {
		Program     []string                   `json:"sierra_program"`
		Version     string                     `json:"contract_class_version"`
		EntryPoints map[string]json.RawMessage `json:"entry_points_by_type"`
		ABI         *string                    `json:"abi"`
	}
	if r.Result == nil || json.Unmarshal(r.Result, &class) != nil {
		s.record(step, whole)
		return
	}
	var kinds []any
	for _, k := range []string{"CONSTRUCTOR", "EXTERNAL", "L1_HANDLER"} {
		kinds = append(kinds, class.EntryPoints[k] != nil)
	}
	var head []any
	for _, f := range class.Program[:min(6, len(class.Program))] {
		head = append(head, f)
	}
	s.record(step, map[string]any{"program": head, "version": class.Version, "entry points": kinds, "ABI": class.ABI != nil})
}

// transactions asks for transactions by their hash.
func (s *side) transactions() {
	hashes := []struct{ name, hash string }{}
	for _, e := range s.escrows {
		hashes = append(hashes, []struct{ name, hash string }{
			{e.name + "'s deal", e.created}, {e.name + "'s release", e.released}, {e.name + "'s revert", e.reverted},
		}...)
	}
	hashes = append(hashes, []struct{ name, hash string }{{"no transaction", "0x1234"}, {"no felt", "hash"}, {"an empty hash", ""}, {"a hash without 0x", "1234"}}...)
	for _, h := range hashes {
		for _, method := range []string{"getTransactionByHash", "getTransactionStatus", "getTransactionReceipt", "traceTransaction"} {
			s.ask(fmt.Sprintf("%s of %s", method, h.name), "starknet_"+method, h.hash)
		}
	}
	s.ask("messages", "starknet_getMessagesStatus", "0x1234")
	s.ask("storage proof", "starknet_getStorageProof", "latest")
}

// events pages through the events of the script.
func (s *side) events() {
	first := numbered(s.base)
	transfers := map[string]any{"address": s.address(s.token), "keys": [][]string{{selectorHex("Transfer")}}}
	filters := []struct {
		name   string
		filter map[string]any
		size   int
		pages  int
	}{
		{"all of the escrow", map[string]any{"address": s.address(s.at.address)}, 1000, 9},
		{"the first", map[string]any{"address": s.address(s.at.address)}, 1, 3},
		{"by two", map[string]any{"address": s.address(s.at.address)}, 2, 4},
		{"deals", map[string]any{"address": s.address(s.at.address), "keys": [][]string{{selectorHex("DealCreated")}}}, 3, 9},
		{"deals and releases", map[string]any{"address": s.address(s.at.address), "keys": [][]string{{selectorHex("DealCreated"), selectorHex("ChunkReleased")}}}, 5, 9},
		{"of the first deal", map[string]any{"address": s.address(s.at.address), "keys": [][]string{{}, {"0x1"}}}, 4, 9},
		{"releases of the first deal", map[string]any{"address": s.address(s.at.address), "keys": [][]string{{selectorHex("ChunkReleased")}, {"0x1"}, {"0x0"}}}, 2, 9},
		{"with more keys than events have", map[string]any{"keys": [][]string{{}, {}, {}, {}, {}}}, 10, 2},
		{"with no key there", map[string]any{"keys": [][]string{{"0x1234"}}}, 10, 2},
		{"with no keys", map[string]any{"address": s.address(s.at.address), "keys": [][]string{}}, 3, 2},
		{"of everybody", map[string]any{}, 10, 3},
		{"transfers", transfers, 7, 3},
		{"of nobody", map[string]any{"address": "0x1234"}, 10, 2},
	}
	for _, f := range filters {
		s.pages("events: "+f.name, f.filter, f.size, f.pages)
	}
	one := func(step string, filter map[string]any) {
		s.Helper()
		s.ask("events: "+step, "starknet_getEvents", filter)
	}
	one("of one block", map[string]any{"from_block": numbered(s.base + 1), "to_block": numbered(s.base + 1), "chunk_size": 10})
	one("of one block by hash", map[string]any{"from_block": map[string]string{"block_hash": s.blockHash(s.base + 1)}, "to_block": map[string]string{"block_hash": s.blockHash(s.base + 1)}, "chunk_size": 10})
	one("backwards", map[string]any{"from_block": numbered(s.base + 3), "to_block": numbered(s.base + 1), "chunk_size": 10})
	one("of the latest", map[string]any{"from_block": "latest", "to_block": "latest", "chunk_size": 10})
	one("of the pre-confirmed", map[string]any{"from_block": "pre_confirmed", "to_block": "pre_confirmed", "chunk_size": 10})
	one("up to L1", map[string]any{"from_block": first, "to_block": "l1_accepted", "chunk_size": 10})
	one("from the future", map[string]any{"from_block": numbered(1_000_000), "chunk_size": 10})
	one("to the future", map[string]any{"from_block": first, "to_block": numbered(1_000_000), "chunk_size": 1})
	one("from no hash", map[string]any{"from_block": map[string]string{"block_hash": "0x1234"}, "chunk_size": 1})
	one("of no size", map[string]any{"from_block": first})
	one("of size 0", map[string]any{"from_block": first, "chunk_size": 0})
	one("of a negative size", map[string]any{"from_block": first, "chunk_size": -1})
	one("of a size as text", map[string]any{"from_block": first, "chunk_size": "0x1"})
	one("of a huge size", map[string]any{"from_block": numbered(s.base), "to_block": numbered(s.base), "chunk_size": 1_000_000})
	one("with a bad token", map[string]any{"from_block": first, "chunk_size": 1, "continuation_token": "token"})
	one("with an empty token", map[string]any{"from_block": first, "chunk_size": 1, "continuation_token": ""})
	one("with a negative token", map[string]any{"from_block": first, "chunk_size": 1, "continuation_token": "-1"})
	one("of a bad address", map[string]any{"from_block": first, "chunk_size": 1, "address": "escrow"})
	one("with bad keys", map[string]any{"from_block": first, "chunk_size": 1, "keys": []string{"0x1"}})
	one("of two addresses", map[string]any{"from_block": first, "chunk_size": 5, "address": []string{s.address(s.token), s.address(s.at.address)}})
	one("of no addresses", map[string]any{"from_block": first, "chunk_size": 5, "address": []string{}})
	one("with a member more", map[string]any{"from_block": first, "chunk_size": 1, "order": "up"})
	s.ask("events: no filter", "starknet_getEvents")
}

// pages is a step a page.
func (s *side) pages(step string, filter map[string]any, size, most int) {
	s.Helper()
	ask := map[string]any{"from_block": numbered(s.base), "to_block": "latest", "chunk_size": size}
	for k, v := range filter {
		ask[k] = v
	}
	for i := range most {
		r, whole := s.send("starknet_getEvents", []any{ask})
		var page struct {
			Token string `json:"continuation_token"`
		}
		s.record(fmt.Sprintf("%s, page %d", step, i), whole)
		if r.Result == nil || json.Unmarshal(r.Result, &page) != nil || page.Token == "" {
			return
		}
		ask["continuation_token"] = page.Token
	}
}

// invalid sends what is no request, or one that is wrong.
func (s *side) invalid() {
	raw := func(step, body string) {
		s.Helper()
		_, whole := s.post([]byte(body))
		s.record("request: "+step, whole)
	}
	raw("no JSON", `{`)
	raw("nothing", ``)
	raw("a number", `7`)
	raw("an empty batch", `[]`)
	raw("a batch", `[{"jsonrpc":"2.0","id":1,"method":"starknet_chainId"},{"jsonrpc":"2.0","id":2,"method":"starknet_nope"}]`)
	raw("no method", `{"jsonrpc":"2.0","id":1}`)
	raw("no version", `{"id":1,"method":"starknet_chainId"}`)
	raw("another version", `{"jsonrpc":"1.0","id":1,"method":"starknet_chainId"}`)
	raw("no id", `{"jsonrpc":"2.0","method":"starknet_chainId"}`)
	raw("a text id", `{"jsonrpc":"2.0","id":"a","method":"starknet_chainId"}`)
	raw("a null id", `{"jsonrpc":"2.0","id":null,"method":"starknet_chainId"}`)
	raw("null parameters", `{"jsonrpc":"2.0","id":1,"method":"starknet_chainId","params":null}`)
	raw("no parameters", `{"jsonrpc":"2.0","id":1,"method":"starknet_chainId"}`)
	raw("empty parameters", `{"jsonrpc":"2.0","id":1,"method":"starknet_chainId","params":[]}`)
	raw("an empty object", `{"jsonrpc":"2.0","id":1,"method":"starknet_chainId","params":{}}`)
	raw("a parameter too many", `{"jsonrpc":"2.0","id":1,"method":"starknet_chainId","params":[1]}`)
	raw("a text as parameters", `{"jsonrpc":"2.0","id":1,"method":"starknet_chainId","params":"x"}`)
	s.ask("a method that is not there", "starknet_nope")
	s.ask("a method of nobody", "eth_chainId")
	s.ask("no parameters of getNonce", "starknet_getNonce")
	s.ask("one parameter of getNonce", "starknet_getNonce", "latest")
	s.ask("too many parameters of getNonce", "starknet_getNonce", "latest", s.address(s.accounts[1].Address), 1)
	s.ask("swapped parameters of getNonce", "starknet_getNonce", s.address(s.accounts[1].Address), "latest")
	named := map[string]any{"block_id": "latest", "contract_address": s.address(s.accounts[1].Address)}
	s.askWith("named parameters of getNonce", "starknet_getNonce", named)
	s.askWith("a name too many", "starknet_getNonce", map[string]any{"block_id": "latest", "contract_address": "0x1234", "x": 1})
	s.askWith("a name too few", "starknet_getNonce", map[string]any{"block_id": "latest"})
	s.ask("an address that is a number", "starknet_getNonce", "latest", 7)
	s.ask("an address that is too long", "starknet_getNonce", "latest", "0x10000000000000000000000000000000000000000000000000000000000000000")
	s.ask("an address above the prime", "starknet_getNonce", "latest", "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")
	s.ask("an address of leading zeros", "starknet_getNonce", "latest", "0x0000000000000000000000000000000000000000000000000000000000001234")
	s.ask("an address of capitals", "starknet_getClassHashAt", "latest", "0X"+s.address(s.token)[2:])
	s.ask("an empty address", "starknet_getNonce", "latest", "0x")
	s.ask("a call of nothing", "starknet_call", map[string]any{}, "latest")
	s.ask("a call without calldata", "starknet_call", map[string]any{"contract_address": s.address(s.token), "entry_point_selector": "0x1"}, "latest")
	s.ask("a call of nobody", "starknet_call", request(call(mustAddressOf("0x1234"), "name")), "latest")
	s.ask("a call of no function", "starknet_call", request(call(s.token, "destroy")), "latest")
	s.ask("a call without a block", "starknet_call", request(call(s.token, "name")))
	s.ask("storage of nobody", "starknet_getStorageAt", "0x1234", "0x1", "latest")
	s.ask("storage at no key", "starknet_getStorageAt", s.address(s.token), "key", "latest")
	s.ask("a declaration of nothing", "starknet_addDeclareTransaction", map[string]any{})
	s.ask("a deployment of nothing", "starknet_addDeployAccountTransaction", map[string]any{})
	s.ask("an invocation of nothing", "starknet_addInvokeTransaction", map[string]any{})
	s.ask("an invocation without parameters", "starknet_addInvokeTransaction")
	more := s.build(s.accounts[4], nil)
	more["memo"] = "0x1"
	s.ask("an invocation with a member more", "starknet_addInvokeTransaction", more)
}

// flags asks with response_flags and what else RPC 0.10 has.
func (s *side) flags() {
	block, hash := numbered(s.base+1), s.at.created
	for _, flags := range [][]string{{}, {"INCLUDE_PROOF_FACTS"}, {"INCLUDE_LAST_UPDATE_BLOCK"}, {"NO_SUCH_FLAG"}} {
		s.ask(fmt.Sprint("transactions with ", flags), "starknet_getBlockWithTxs", block, flags)
		s.ask(fmt.Sprint("receipts with ", flags), "starknet_getBlockWithReceipts", block, flags)
		s.ask(fmt.Sprint("transaction with ", flags), "starknet_getTransactionByHash", hash, flags)
		s.ask(fmt.Sprint("transaction by index with ", flags), "starknet_getTransactionByBlockIdAndIndex", block, 0, flags)
		s.ask(fmt.Sprint("storage with ", flags), "starknet_getStorageAt", s.address(s.at.address), starknet.StorageKey("deal_counter"), "latest", flags)
		s.ask(fmt.Sprint("storage of nothing with ", flags), "starknet_getStorageAt", s.address(s.at.address), "0x5", "latest", flags)
	}
	tx := s.build(s.accounts[4], nil, s.approve(9))
	s.ask("simulate and return the reads", "starknet_simulateTransactions", "latest", []any{tx}, []string{"RETURN_INITIAL_READS"})
	s.askWith("trace and return the reads", "starknet_traceBlockTransactions", map[string]any{"block_id": block, "trace_flags": []string{"RETURN_INITIAL_READS"}})
	s.askWith("changes of one contract", "starknet_getStateUpdate", map[string]any{"block_id": block, "contract_addresses": []string{s.address(s.at.address)}})
}
