package lit_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/lit"
)

// The tests of this file are the flaws of the reference implementation's action
// (relay/lit-action/action.js and lit-bridge.ts), one each: what it signs, the
// hardened action refuses.

// proven is a world with one final proof, and the parameters that are signed for
// it when nothing is changed.
func proven(t *testing.T) (*world, signer.Request, map[string]any) {
	t.Helper()
	w := newWorld(t)
	w.proveNext()
	requests := w.requests()
	require.Len(t, requests, 1)
	params := w.params(requests[0], w.memory())
	response, err := w.Execute(t.Context(), w.action.Code(), params)
	require.NoError(t, err)
	require.Contains(t, string(response), `"ok":true`)
	return w, requests[0], params
}

// onResult changes the result of one method.
func onResult(method string, change func(result any) any) tamper {
	return func(m string, _ []json.RawMessage, answer map[string]any) {
		if m == method {
			answer["result"] = change(answer["result"])
		}
	}
}

func TestFlaw01CallerChoosesTheRPC(t *testing.T) {
	w, _, params := proven(t)
	w.requestsSent()
	params["fevmRpcUrl"], params["rpc"], params["jsParams"] = "https://evil.test/", []string{"https://evil.test/"}, map[string]any{"fevmRpcUrl": "https://evil.test/"}
	_, err := w.Execute(t.Context(), w.action.Code(), params)
	require.NoError(t, err, "it is ignored")
	for _, s := range w.seen {
		require.Regexp(t, `^(fevm|sn)[123]\.test `, s)
	}
	w.refuses("not-final", "not on the chain", set(params, "evidence.txHash", "0x"+strings.Repeat("ab", 32)))
}

func TestFlaw02CallerChoosesTheVerifier(t *testing.T) {
	w, _, params := proven(t)
	w.refuses("mismatch", "the verifier", set(params, "evidence.verifier", strings.ToLower(w.fevm.MockVerifier().Hex())))
	// The same log from a contract of somebody else.
	w.tamper(onResult("eth_getTransactionReceipt", func(result any) any {
		for _, l := range result.(map[string]any)["logs"].([]any) {
			l.(map[string]any)["address"] = w.fevm.MockVerifier().Hex()
		}
		return result
	}), fevmNodes...)
	w.refuses("proof", "proves nothing", params)
}

func TestFlaw03ContractCreationPasses(t *testing.T) {
	w, _, params := proven(t)
	w.tamper(onResult("eth_getTransactionReceipt", func(result any) any {
		r := result.(map[string]any)
		r["to"], r["contractAddress"], r["logs"] = nil, w.fevm.Verifier().Hex(), []any{}
		return r
	}), fevmNodes...)
	w.refuses("rpc", "no logs", params)
}

func TestFlaw04AnyCallOfTheVerifierPasses(t *testing.T) {
	w, _, params := proven(t)
	receipt, err := w.provider.NextProvingPeriod(t.Context(), w.setID(), w.fevm.Head()+20)
	require.NoError(t, err)
	other, err := w.fevm.Prove(t.Context(), 2) // somebody else's data set
	require.NoError(t, err)
	failed, err := w.provider.Send(t.Context(), w.fevm.Verifier(), new(big.Int), []byte{1, 2, 3, 4})
	var revert *fevmsim.RevertError
	require.ErrorAs(t, err, &revert, "%v", failed)
	w.mine(15)
	w.refuses("proof", "proves nothing", set(params, "evidence.txHash", receipt.TxHash.Hex()))
	w.refuses("proof", "proves nothing", set(params, "evidence.txHash", other.TxHash.Hex()))
	w.refuses("proof", "failed", set(params, "evidence.txHash", revert.TxHash.String()))

	// A proof through another contract is a proof: the log counts, not "to".
	w.tamper(onResult("eth_getTransactionReceipt", func(result any) any {
		result.(map[string]any)["to"] = w.fevm.MockVerifier().Hex()
		return result
	}), fevmNodes...)
	_, err = w.Execute(t.Context(), w.action.Code(), params)
	require.NoError(t, err)
}

func TestFlaw05OneProofPaysEveryChunk(t *testing.T) {
	w, req, params := proven(t)
	second := w.openDeal(10)
	w.refuses("binding", "did not sign", set(params, "attestation.dealId", second.String()))
	w.refuses("mismatch", "the root", set(params, "attestation.rootCid", attestation.Word{1}.String()))
	w.refuses("mismatch", "the data set", set(params, "attestation.proofSetId", number(9).String()))

	// The next chunk with the same proof, shown the signature of chunk 0.
	again := req
	again.Attestation.ChunkIndex = 1
	w.refuses("order", "not after", w.params(again, w.memory(req.Attestation)))
	// Chunk 7, whose predecessor nobody signed; the caller signs it himself.
	again.Attestation.ChunkIndex = 7
	forged := w.memory()
	before := req.Attestation
	before.ChunkIndex, before.Timestamp = 6, before.Timestamp-30
	forged.Add(w.signBy(actionKey("somebody else"), before))
	w.refuses("previous", "not signed by this action", w.params(again, forged))
	// The signature of another deal's chunk does not carry over.
	before.DealID = second
	stolen := w.memory()
	s := w.sign(before)
	s.Attestation.DealID = w.deal
	stolen.Add(s)
	w.refuses("previous", "not signed by this action", w.params(again, stolen))
}

func TestFlaw06AddingDataCountsAsProof(t *testing.T) {
	w, _, params := proven(t)
	// addRoots(uint256,bytes32[]) of the mock: RootsAdded, what the reference relay watches.
	call := append(common.FromHex("0xbc96e205"), w.set[:]...)
	for _, word := range []attestation.Word{number(64), number(1), {1}} {
		call = append(call, word[:]...)
	}
	receipt, err := w.provider.Send(t.Context(), w.fevm.MockVerifier(), new(big.Int), call)
	require.NoError(t, err)
	require.Len(t, receipt.Logs, 1)
	before := w.fevm.Head()
	_, err = w.provider.AddPieces(t.Context(), w.setID(), []byte("new data"))
	require.NoError(t, err)
	added := w.transactionIn(before + 1)
	w.mine(15)
	w.refuses("proof", "proves nothing", set(params, "evidence.txHash", receipt.TxHash.Hex()))
	w.refuses("proof", "proves nothing", set(params, "evidence.txHash", added))
}

func TestFlaw07TimestampIsTakenAsItIs(t *testing.T) {
	w, req, params := proven(t)
	for _, d := range []int64{-30, -1, 1, 30, 1 << 40} {
		at := uint64(int64(req.Attestation.Timestamp) + d)
		w.refuses("mismatch", "the time of the proof", set(params, "attestation.timestamp", new(big.Int).SetUint64(at).String()))
	}
	// After the deadline nothing is earned.
	w.tamper(onResult("starknet_call", func(result any) any {
		if felts := result.([]any); len(felts) == 13 {
			felts[10] = hexOf(req.Attestation.Timestamp - 1)
		}
		return result
	}), starknetNodes...)
	w.refuses("deal", "deadline", params)
}

func TestFlaw08HeadIsEnough(t *testing.T) {
	w := newWorld(t)
	w.proveNext()
	requests := w.requests() // mines until it is final
	params := w.params(requests[0], w.memory())

	w.tamper(onResult("eth_getBlockByNumber", func(result any) any {
		b := result.(map[string]any)
		if b["number"] != hexOf(requests[0].Evidence.BlockNumber) {
			b["number"] = hexOf(requests[0].Evidence.BlockNumber - 1) // finalized is one before
		}
		return b
	}), fevmNodes...)
	w.refuses("not-final", "not final", params)
	w.tamper(nil, fevmNodes...)

	// The receipt is of a block that is no longer there.
	w.tamper(onResult("eth_getTransactionReceipt", func(result any) any {
		r := result.(map[string]any)
		r["blockHash"] = common.Hash{1}.Hex()
		for _, l := range r["logs"].([]any) {
			l.(map[string]any)["blockHash"] = common.Hash{1}.Hex()
		}
		return r
	}), fevmNodes...)
	w.refuses("chain", "another block", params)
	w.tamper(nil, fevmNodes...)

	_, err := w.fevm.Reorg(w.fevm.Head() - requests[0].Evidence.BlockNumber + 1)
	require.NoError(t, err)
	w.refuses("not-final", "not on the chain", params)

	deep := newWorld(t, func(c *lit.Config) { c.Confirmations = 100 })
	deep.proveNext()
	requests = deep.requests()
	params = deep.params(requests[0], deep.memory())
	deep.refuses("not-final", "not final", params)
	deep.mine(100)
	_, err = deep.Execute(t.Context(), deep.action.Code(), params)
	require.NoError(t, err)
}

func TestFlaw09OneNodeIsBelieved(t *testing.T) {
	w, _, params := proven(t)
	otherChain := onResult("eth_chainId", func(any) any { return "0x13a" })
	forge := onResult("eth_getTransactionReceipt", func(result any) any {
		result.(map[string]any)["status"] = "0x0"
		return result
	})
	for name, lie := range map[string]tamper{"another chain": otherChain, "another answer": forge, "no answer": down} {
		for _, host := range fevmNodes {
			w.tamper(nil, fevmNodes...)
			w.tamper(lie, host)
			_, err := w.Execute(t.Context(), w.action.Code(), params)
			require.NoError(t, err, "%s of %s is outvoted", name, host)
		}
	}
	w.tamper(otherChain, "fevm1", "fevm2")
	w.refuses("rpc", "no 2 of 3 nodes agree", params)
	w.tamper(down, "fevm1", "fevm2")
	w.refuses("rpc", "no 2 of 3 nodes agree", params)
	w.tamper(nil, fevmNodes...)
	w.tamper(onResult("starknet_chainId", func(any) any { return "0x534e5f4d41494e" }), "sn2", "sn3")
	w.refuses("rpc", "another chain", params)
}

func TestFlaw10SignatureIsGoodForEveryDeployment(t *testing.T) {
	w, req, params := proven(t)
	w.refuses("mismatch", "the escrow", set(params, "domain.escrow", attestation.Word{31: 7}.String()))
	w.refuses("mismatch", "the Starknet chain", set(params, "domain.chainId", attestation.Word{31: 7}.String()))

	signed, err := w.signer(w.memory()).Attest(t.Context(), req)
	require.NoError(t, err)
	other := w.config
	other.Escrow.Salt = number(1)
	action, err := lit.NewAction(other)
	require.NoError(t, err)
	require.NotEqual(t, w.action.CID(), action.CID())
	require.Error(t, signed.Verify(attestation.RulesLegacy, publicKey(action.CID())), "another escrow has another key")
}

func TestFlaw11KeyOfTheCaller(t *testing.T) {
	w, req, params := proven(t)
	params["pkpPublicKey"], params["publicKey"] = "0x04"+strings.Repeat("11", 64), "0x04"+strings.Repeat("11", 64)
	response, err := w.Execute(t.Context(), w.action.Code(), params)
	require.NoError(t, err)
	key := publicKey(w.action.CID())
	require.Contains(t, string(response), key.String())

	// A signature that the action's own key did not make does not leave it.
	w.runtime.signBy = actionKey("somebody else")
	_, err = w.Execute(t.Context(), w.action.Code(), params)
	require.ErrorContains(t, err, "the signature is not of the action's key")
	w.runtime.signBy = nil

	// Nor does the caller believe another key than the pinned one.
	s, err := signer.NewAction(lit.NewKey(lying(w, func(answer map[string]any) {
		answer["signature"] = signatureBy(t, actionKey("somebody else"), req.Attestation)
	}), w.action, key, w.memory()))
	require.NoError(t, err)
	_, err = s.Attest(t.Context(), req)
	require.ErrorIs(t, err, signer.ErrBadSignature)
	require.False(t, signer.Retryable(err))
}

func TestFlaw12HolderOfASessionSignsAnything(t *testing.T) {
	w, req, params := proven(t)
	// The runtime offers no key but that of the text: no PKP takes part.
	require.NotRegexp(t, `getPrivateKey\(|pkpId|signEcdsa|signAndCombineEcdsa`, w.action.Code())
	var digests [][]byte
	w.runtime.signed = func(d []byte) { digests = append(digests, d) }
	for _, name := range []string{"digest", "toSign", "hash", "message", "data"} {
		params[name] = "0x" + strings.Repeat("66", 32)
	}
	_, err := w.Execute(t.Context(), w.action.Code(), params)
	require.NoError(t, err)
	want := req.Attestation.Digest()
	require.Equal(t, [][]byte{want[:]}, digests, "what is signed is computed")

	// Another text, by one byte, has another key: the escrow does not know it.
	changed := strings.Replace(w.action.Code(), "if (!canonical.final)", "if (false)", 1)
	require.NotEqual(t, w.action.Code(), changed)
	s, err := signer.NewAction(lit.NewKey(executor(func(_ string, params any) (json.RawMessage, error) {
		return w.Execute(t.Context(), changed, params)
	}), w.action, publicKey(w.action.CID()), w.memory()))
	require.NoError(t, err)
	_, err = s.Attest(t.Context(), req)
	require.Error(t, err)
	require.Contains(t, err.Error(), "the escrow is", "its own escrow would be another one")
}

func TestFlaw13ErrorsLookLikeSuccess(t *testing.T) {
	w, req, params := proven(t)
	w.refuses("proof", "proves nothing", set(params, "evidence.txHash", w.anyTransaction())) // it throws
	for _, response := range []string{
		`{"error":"receipt not found"}`, `{"ok":false}`, `{"ok":true}`, `{"ok":true,"v":"1"}`, `null`, `""`, `[]`, `{"ok":"true","v":"1"}`, `{"ok":true,"v":"2"}`,
	} {
		s, err := signer.NewAction(lit.NewKey(executor(func(string, any) (json.RawMessage, error) {
			return json.RawMessage(response), nil
		}), w.action, publicKey(w.action.CID()), w.memory()))
		require.NoError(t, err)
		got, err := s.Attest(t.Context(), req)
		require.Error(t, err, response)
		require.Zero(t, got)
		require.False(t, signer.Retryable(err), response)
	}
}

func TestFlaw14GlobalsDifferByNetwork(t *testing.T) {
	w, _, _ := proven(t)
	w.requestsSent()
	// The text alone does nothing; all it reads is the argument of main.
	global := "globalThis.jsParams = {};\n"
	_, err := w.runtime.run("Qm", global+w.action.Code(), json.RawMessage("null"))
	require.ErrorContains(t, err, "slastream[input]")
	_, err = w.runtime.run("Qm", global+strings.Replace(w.action.Code(), "async function main(", "async function unused(", 1)+"\nasync function main() {}", json.RawMessage("null"))
	require.NoError(t, err)
	require.Zero(t, w.requestsSent())
	require.NotContains(t, w.action.Code(), "jsParams")
}

func TestFlaw15TheOddAnswerWins(t *testing.T) {
	w, req, params := proven(t)
	w.requestsSent()
	_, err := w.Execute(t.Context(), w.action.Code(), params)
	require.NoError(t, err)
	require.LessOrEqual(t, w.requestsSent(), 50)
	// Whatever an executor makes of several answers, one that is not right in
	// every part is refused.
	for name, lie := range map[string]func(map[string]any){
		"chunk":       func(a map[string]any) { a["attestation"].(map[string]any)["chunkIndex"] = "1" },
		"deal":        func(a map[string]any) { a["attestation"].(map[string]any)["dealId"] = number(9).String() },
		"time":        func(a map[string]any) { a["attestation"].(map[string]any)["timestamp"] = "1" },
		"transaction": func(a map[string]any) { a["evidence"].(map[string]any)["txHash"] = number(9).String() },
		"period":      func(a map[string]any) { a["evidence"].(map[string]any)["period"] = "1" },
		"escrow":      func(a map[string]any) { a["domain"].(map[string]any)["escrow"] = number(9).String() },
		"digest":      func(a map[string]any) { a["digest"] = number(9).String() },
		"signature":   func(a map[string]any) { a["signature"].(map[string]any)["s"] = number(9).String() },
		"r":           func(a map[string]any) { delete(a["signature"].(map[string]any), "r") },
	} {
		s, err := signer.NewAction(lit.NewKey(lying(w, lie), w.action, publicKey(w.action.CID()), w.memory()))
		require.NoError(t, err)
		_, err = s.Attest(t.Context(), req)
		require.ErrorIs(t, err, signer.ErrBadSignature, name)
	}
	// v alone is not believed: the key settles it.
	s, err := signer.NewAction(lit.NewKey(lying(w, func(a map[string]any) { a["signature"].(map[string]any)["v"] = 77 }), w.action, publicKey(w.action.CID()), w.memory()))
	require.NoError(t, err)
	_, err = s.Attest(t.Context(), req)
	require.NoError(t, err)
}

func TestFlaw16ConfigurationIsIgnored(t *testing.T) {
	w, req, _ := proven(t)
	seen := map[string]string{w.action.CID(): "the configuration"}
	for name, change := range map[string]func(*lit.Config){
		"chain id":       func(c *lit.Config) { c.ChainID, c.GenesisTime = 314, 1 },
		"genesis":        func(c *lit.Config) { c.GenesisTime = 1 },
		"verifier":       func(c *lit.Config) { c.Verifier[0] ^= 1 },
		"nodes":          func(c *lit.Config) { c.FEVMRPC = []string{"https://a.test"} },
		"starknet nodes": func(c *lit.Config) { c.StarknetRPC = []string{"https://a.test"} },
		"agreement":      func(c *lit.Config) { c.Agree = 3 },
		"confirmations":  func(c *lit.Config) { c.Confirmations = 1 },
		"challenges":     func(c *lit.Config) { c.MinChallenges = 6 },
		"block tag":      func(c *lit.Config) { c.StarknetBlock = "l1_accepted" },
		"starknet chain": func(c *lit.Config) { c.Escrow.ChainID = number(1) },
		"class":          func(c *lit.Config) { c.Escrow.ClassHash = number(1) },
		"salt":           func(c *lit.Config) { c.Escrow.Salt = number(1) },
		"deployer":       func(c *lit.Config) { c.Escrow.Deployer = number(1) },
		"token":          func(c *lit.Config) { c.Escrow.Args = []attestation.Word{number(1)} },
	} {
		c := w.config
		change(&c)
		action, err := lit.NewAction(c)
		require.NoError(t, err, name)
		require.Empty(t, seen[action.CID()], "%s has no effect", name)
		seen[action.CID()] = name
	}
	// A request for another verifier, chain or escrow does not even leave.
	s := w.signer(w.memory())
	for name, change := range map[string]func(*signer.Request){
		"verifier": func(r *signer.Request) { r.Evidence.Verifier[0] ^= 1 },
		"chain":    func(r *signer.Request) { r.Evidence.ChainID = 314 },
		"escrow":   func(r *signer.Request) { r.Domain.Escrow[31] ^= 1 },
		"starknet": func(r *signer.Request) { r.Domain.ChainID[31] ^= 1 },
	} {
		w.requestsSent()
		other := req
		change(&other)
		_, err := s.Attest(t.Context(), other)
		require.ErrorIs(t, err, lit.ErrForeign, name)
		require.Zero(t, w.requestsSent())
	}
}

func TestFlaw17AnybodyMayCall(t *testing.T) {
	w, req, params := proven(t)
	history := new(lit.Memory)
	// A provider binds the deal to a set and a start of his own liking.
	history.Bind(w.bind(w.starknet.Accounts()[2], w.deal, w.set, firstEpoch+1))
	w.refuses("binding", "did not sign", w.params(req, history))
	// A binding that the client did sign, with another start.
	moved := w.binding
	moved.StartEpoch++
	history.Bind(moved)
	w.refuses("binding", "did not sign", w.params(req, history))
	// Proofs before the start earn nothing.
	history.Bind(w.bind(w.client, w.deal, w.set, req.Evidence.BlockNumber+1))
	w.refuses("order", "not after", w.params(req, history))
	// Deals that are not there, and chunks a deal does not have.
	w.refuses("deal", "there is no deal", set(params, "attestation.dealId", number(77).String()))
	far := req
	far.Attestation.ChunkIndex = 300
	before := req.Attestation
	before.ChunkIndex, before.Timestamp = 299, before.Timestamp-30
	w.refuses("deal", "has 300 chunks", w.params(far, w.memory(before)))
	// A slashed deal earns nothing.
	w.starknet.SetTime(fevmsim.Genesis + 30*firstEpoch + 1<<30 + 1)
	require.NoError(t, w.escrow(w.client).Slash(t.Context(), w.deal))
	w.refuses("deal", "not active", params)
}

// lying is the world as an executor that changes the action's answer.
func lying(w *world, change func(answer map[string]any)) lit.Executor {
	return executor(func(code string, params any) (json.RawMessage, error) {
		response, err := w.Execute(w.t.Context(), code, params)
		if err != nil {
			return nil, err
		}
		var answer map[string]any
		if err := json.Unmarshal(response, &answer); err != nil {
			return nil, errors.New("no object: " + string(response))
		}
		change(answer)
		return json.Marshal(answer)
	})
}

func number(v uint64) attestation.Word { return attestation.WordFromUint64(v) }
