package simulated_test

import (
	"encoding/json"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/contracts"
	"github.com/NethermindEth/starknet.go/curve"
	"github.com/NethermindEth/starknet.go/hash"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// sign completes a transaction that is no invocation.
func (s *side) sign(h *felt.Felt, err error, from simulated.Account, tx any, more map[string]any) map[string]any {
	s.Helper()
	require.NoError(s, err)
	r, sig, err := curve.SignFelts(h, feltOf(from.PrivateKey))
	require.NoError(s, err)
	raw, err := json.Marshal(tx)
	require.NoError(s, err)
	out := make(map[string]any)
	require.NoError(s, json.Unmarshal(raw, &out))
	out["signature"] = []any{r.String(), sig.String()}
	for k, v := range more {
		out[k] = v
	}
	return s.once(out)
}

func sepolia() *felt.Felt { return new(felt.Felt).SetBytes([]byte("SN_SEPOLIA")) }

func wideBounds() *rpc.ResourceBoundsMapping {
	return &rpc.ResourceBoundsMapping{
		L1Gas:     rpc.ResourceBounds{MaxAmount: "0x0", MaxPricePerUnit: "0x174876e800"},
		L1DataGas: rpc.ResourceBounds{MaxAmount: "0x186a0", MaxPricePerUnit: "0x174876e800"},
		L2Gas:     rpc.ResourceBounds{MaxAmount: "0x3b9aca00", MaxPricePerUnit: "0x77359400"},
	}
}

// declaration is a DECLARE of a class of package cairo.
func (s *side) declaration(from simulated.Account, class cairo.Class, compiled attestation.Word) map[string]any {
	s.Helper()
	tx := &rpc.DeclareTxnV3{
		Type: "DECLARE", SenderAddress: feltOf(from.Address), CompiledClassHash: feltOf(compiled), Version: rpc.TransactionV3,
		Nonce: number(s.nonces[from.Address]), ClassHash: feltOf(class.Hash()), ResourceBounds: wideBounds(), Tip: "0x0",
		Signature: []*felt.Felt{}, PayMasterData: []*felt.Felt{}, AccountDeploymentData: []*felt.Felt{}, NonceDataMode: "L1", FeeMode: "L1",
	}
	h, err := hash.TransactionHashDeclareV3(tx, sepolia())
	out := s.sign(h, err, from, tx, nil)
	delete(out, "class_hash")
	out["contract_class"] = class.JSON()
	return out
}

// declare is a step of a declaration, and one of its receipt if it was taken.
func (s *side) declare(step string, class cairo.Class, compiled attestation.Word) string {
	s.Helper()
	return s.submit(step, "starknet_addDeclareTransaction", s.accounts[5].Address, s.declaration(s.accounts[5], class, compiled))
}

// deployments declares, deploys through the UDC and deploys an account.
func (s *side) deployments() {
	from := s.accounts[5]
	compiled, other := cairo.MockERC20.CompiledHash(), cairo.MockERC20.CompiledHashV2()
	if s.version != "0.9.0" {
		compiled, other = other, compiled
	}
	s.declare("declare with another compiled hash", cairo.MockERC20, cairo.Extended.CompiledHash())
	s.declare("declare with the compiled hash of the other generation", cairo.MockERC20, other)
	declared := s.declare("declare", cairo.MockERC20, compiled)
	s.declare("declare again", cairo.MockERC20, compiled)
	s.ask("the declaration", "starknet_getTransactionByHash", declared)
	s.ask("status of the declaration", "starknet_getTransactionStatus", declared)
	s.classHead("the declared class", "starknet_getClass", "latest", feltOf(cairo.MockERC20.Hash()))

	newDeployer := mustAddressOf("0x2ceed65a4bd731034c01113685c831b01c15d7d432f71afb1cf1634b53a2125")
	mock := feltOf(cairo.MockERC20.Hash())
	for _, udc := range []struct {
		name    string
		address slastream.Address
	}{{"old deployer", deployerContract}, {"new deployer", newDeployer}} {
		deploy := func(step string, class, salt, unique *felt.Felt, calldata ...*felt.Felt) {
			s.Helper()
			s.execute(udc.name+": "+step, from, call(udc.address, "deployContract", append([]*felt.Felt{class, salt, unique, number(uint64(len(calldata)))}, calldata...)...))
		}
		salt := feltOf(udc.address)
		deploy("deploy", mock, salt, number(0))
		deploy("deploy again", mock, salt, number(0))
		deploy("deploy for the caller", mock, salt, number(1))
		deploy("deploy for the caller again", mock, salt, number(1))
		deploy("deploy with arguments", mock, number(8), number(0), number(1))
		deploy("deploy no class", number(77), number(8), number(0))
		xLow, xHigh := starknet.SplitU256(attesterKey().X)
		yLow, yHigh := starknet.SplitU256(attesterKey().Y)
		extended := feltOf(cairo.Extended.Hash())
		deploy("extended without a curve", extended, number(8), number(0), number(1), number(0), number(1), number(0), feltOf(s.token), number(1))
		deploy("extended without a token", extended, number(8), number(0), xLow, xHigh, yLow, yHigh, number(0), number(1))
		deploy("extended without an owner", extended, number(8), number(0), xLow, xHigh, yLow, yHigh, feltOf(s.token), number(0))
		deploy("extended without arguments", extended, number(8), number(0))
		deploy("extended", extended, salt, number(0), xLow, xHigh, yLow, yHigh, feltOf(s.token), feltOf(from.Address))
		deploy("compatible", feltOf(cairo.Compatible.Hash()), salt, number(1), xLow, xHigh, yLow, yHigh, feltOf(s.token))
	}
	s.execute("deploy by another name", from, call(newDeployer, "deploy_contract", mock, number(9), number(1), number(0)))
	s.execute("deploy of too few felts", from, call(newDeployer, "deployContract", mock, number(9)))
	s.newAccount()
}

// newAccount deploys an account by its own transaction.
func (s *side) newAccount() {
	key, err := starknet.NewLocalKey([32]byte{30: 6, 31: 6})
	require.NoError(s, err)
	public := key.PublicKey()
	var text string
	s.must(&text, "starknet_getClassHashAt", "latest", s.address(s.accounts[0].Address))
	class := felts(s, text)[0]
	address := contracts.PrecomputeAddress(new(felt.Felt), public, class, []*felt.Felt{public})
	a := simulated.Account{Address: address.Bytes(), PrivateKey: attestation.Word{30: 6, 31: 6}}
	s.name(balanceKey(address).String(), "balance of newcomer")
	deploy := func(step string, nonce uint64, key attestation.Word, calldata ...*felt.Felt) string {
		s.Helper()
		tx := &rpc.DeployAccountTxnV3{
			Type: "DEPLOY_ACCOUNT", Version: rpc.TransactionV3, Nonce: number(nonce), ContractAddressSalt: public, ConstructorCalldata: calldata,
			ClassHash: class, ResourceBounds: wideBounds(), Tip: "0x0", Signature: []*felt.Felt{}, PayMasterData: []*felt.Felt{}, NonceDataMode: "L1", FeeMode: "L1",
		}
		if key != a.PrivateKey {
			tx.Tip = "0x1" // another transaction: one is signed once
		}
		at := contracts.PrecomputeAddress(new(felt.Felt), public, class, calldata)
		h, err := hash.TransactionHashDeployAccountV3(tx, at, sepolia())
		return s.submit(step, "starknet_addDeployAccountTransaction", at.Bytes(), s.sign(h, err, simulated.Account{PrivateKey: key}, tx, nil))
	}
	deploy("deploy an account without balance", 0, a.PrivateKey, public)
	s.execute("tokens for an account", s.accounts[5], call(s.token, "transfer", address, number(10_000_000_000_000_000_000), number(0)))
	deploy("deploy an account with a wrong key", 0, attestation.Word{31: 9}, public)
	deploy("deploy an account with a nonce", 1, a.PrivateKey, public)
	s.ask("estimate of nothing deployed", "starknet_getNonce", "latest", s.address(a.Address))
	deployed := deploy("deploy an account", 0, a.PrivateKey, public)
	s.ask("the deployment", "starknet_getTransactionByHash", deployed)
	s.ask("trace of the deployment", "starknet_traceTransaction", deployed)
	deploy("deploy an account again", 0, a.PrivateKey, public)
	s.ask("nonce of the new account", "starknet_getNonce", "latest", s.address(a.Address))
	s.execute("a transaction of the new account", a, s.approve(3))
}

// misbehaving has deals in a token that does what it should not.
func (s *side) misbehaving() {
	from := s.accounts[5]
	mock := mustAddressOf(contracts.PrecomputeAddress(new(felt.Felt), feltOf(deployerContract), feltOf(cairo.MockERC20.Hash()), nil).String())
	xLow, xHigh := starknet.SplitU256(attesterKey().X)
	yLow, yHigh := starknet.SplitU256(attesterKey().Y)
	calldata := []*felt.Felt{xLow, xHigh, yLow, yHigh, feltOf(mock)}
	for _, class := range []cairo.Class{cairo.Compatible, cairo.Extended} {
		if class == cairo.Extended {
			calldata = append(calldata, feltOf(from.Address))
		}
		name := "mock token, " + class.String()
		s.execute(name+": deploy", from, call(deployerContract, "deployContract",
			append([]*felt.Felt{feltOf(class.Hash()), number(6), number(0), number(uint64(len(calldata)))}, calldata...)...))
		escrow := mustAddressOf(contracts.PrecomputeAddress(new(felt.Felt), number(6), feltOf(class.Hash()), calldata).String())
		s.at = &deployment{name: name, class: class, address: escrow}
		token := func(name string, data ...*felt.Felt) rpc.InvokeFunctionCall { return call(mock, name, data...) }
		mode := func(m uint64) rpc.InvokeFunctionCall { return token("set_mode", number(m)) }
		pay := []rpc.InvokeFunctionCall{
			token("mint", feltOf(from.Address), number(1000), number(0)),
			token("approve", feltOf(escrow), number(1000), number(0)),
		}
		with := func(step string, calls ...rpc.InvokeFunctionCall) {
			s.Helper()
			s.execute(s.step("%s", step), from, calls...)
		}
		with("no allowance", s.open(2, 10, 5, 5000))
		with("create", append(pay, s.open(9, 10, 5, 5000))...)
		with("release", s.release(attest(1, 0)))
		with("create, false", mode(1), s.open(2, 10, 5, 5000))
		with("release, false", mode(1), s.release(attest(1, 1)))
		with("create, panic", mode(2), s.open(2, 10, 5, 5000))
		with("release, panic", mode(2), s.release(attest(1, 2)))
		again := starknet.EncodeReleaseChunk(attest(1, 2))
		reenter := func(selector string, data ...*felt.Felt) rpc.InvokeFunctionCall {
			return token("set_call", append([]*felt.Felt{feltOf(escrow), starknet.Selector(selector), number(uint64(len(data)))}, data...)...)
		}
		with("release, which releases it again", reenter("release_chunk", again...), mode(3), s.release(attest(1, 2)))
		with("release, which releases another", reenter("release_chunk", starknet.EncodeReleaseChunk(attest(1, 3))...), mode(3), s.release(attest(1, 2)))
		with("release, which calls nobody", token("set_call", number(0x1234), number(1), number(0)), mode(3), s.release(attest(1, 4)))
		with("release, which calls nothing there", reenter("destroy"), mode(3), s.release(attest(1, 4)))
		s.clock += 10_000
		s.setTime(s.clock)
		with("slash, panic", mode(2), s.slash(1))
		with("slash, which releases", reenter("release_chunk", starknet.EncodeReleaseChunk(attest(1, 5))...), mode(3), s.slash(1))
		with("honest again", mode(0))
		s.view(s.step("deal"), s.inEscrow("get_deal", number(1), number(0)))
		s.view(s.step("tokens of the escrow"), token("balance_of", feltOf(escrow)))
		s.view(s.step("tokens of the provider"), token("balance_of", feltOf(s.accounts[2].Address)))
	}
	s.at = s.escrows[0]
}
