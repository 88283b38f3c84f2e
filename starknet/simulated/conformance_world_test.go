package simulated_test

import (
	"encoding/json"
	"time"

	"github.com/NethermindEth/juno/core/crypto"
	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// worldBlocks is the number of the newest block when the script starts.
const worldBlocks = 20

// roles are what the accounts do in the script.
var roles = []string{"owner", "client", "provider", "relay", "stranger", "impostor"}

// deployerContract is the UDC that both devnets have.
var deployerContract = mustAddressOf("0x41a78e741e5af2fec34b695679bc6891742439f7afb8484ecd7766661ad02bf")

func mustAddressOf(s string) slastream.Address {
	a, err := slastream.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func worldOptions() simulated.Options {
	return simulated.Options{Seed: 6, Key: attesterKey(), Clock: func() uint64 { return worldStart - 1000 }}
}

// prepare makes the two worlds alike: the accounts of the simulated node are
// deployed on the devnet, with as much STRK, then the escrow on both, and both
// have the same number of blocks.
func (s *side) prepare(sender simulated.Account, devnet bool) {
	s.Helper()
	s.accounts = simulated.New(worldOptions()).Accounts()[:len(roles)]
	s.token = mustAddressOf(strkAddress)
	if devnet {
		s.deployAccounts(sender)
	}
	s.deployEscrows(sender)

	for _, e := range s.escrows {
		s.name(s.address(e.address), "escrow "+e.name)
		var class string
		s.must(&class, "starknet_getClassHashAt", "latest", s.address(e.address))
		s.name(class, "class of "+e.name)
	}
	s.name(s.address(s.token), "STRK")
	for i, name := range roles {
		a := feltOf(s.accounts[i].Address)
		s.name(a.String(), name)
		if name != "provider" { // who never pays a fee
			s.name(balanceKey(a).String(), "balance of "+name)
		}
	}
	s.name(balanceKey(number(0x1000)).String(), "balance of sequencer")
	for name, address := range map[string]slastream.Address{"class of STRK": s.token, "class of accounts": s.accounts[0].Address} {
		var class string
		s.must(&class, "starknet_getClassHashAt", "latest", s.address(address))
		s.name(class, name)
	}
	for {
		var number uint64
		s.must(&number, "starknet_blockNumber")
		require.LessOrEqual(s, number, uint64(worldBlocks))
		if number == worldBlocks {
			break
		}
		var ignored json.RawMessage
		s.must(&ignored, "devnet_createBlock")
	}
	s.clock = worldStart + 100
	s.setTime(s.clock)
	s.base = worldBlocks + 1
}

const strkAddress = "0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d"

func (s *side) address(a slastream.Address) string { return feltOf(a).String() }

// setTime mines an empty block with that timestamp.
func (s *side) setTime(t uint64) {
	s.Helper()
	var ignored json.RawMessage
	s.must(&ignored, "devnet_setTime", t, true)
}

func (s *side) caller() *jsonrpc.Client { return jsonrpc.NewClient(s.url, s.client) }

func (s *side) sender(a simulated.Account) cairo.Sender {
	key, err := starknet.NewLocalKey(a.PrivateKey)
	require.NoError(s, err)
	return cairo.Sender{Caller: s.caller(), ChainID: starknet.Sepolia, Address: a.Address, Key: key, Poll: 5 * time.Millisecond}
}

// predeployed is an account that pays for the preparation.
func (s *side) predeployed(i int) simulated.Account {
	var list []struct {
		Address slastream.Address `json:"address"`
		Private attestation.Word  `json:"private_key"`
	}
	s.must(&list, "devnet_getPredeployedAccounts")
	return simulated.Account{Address: list[i].Address, PrivateKey: list[i].Private}
}

// deployAccounts deploys the accounts through the UDC, which leaves their
// nonces at 0, and mints for them what accounts of the simulated node have.
func (s *side) deployAccounts(sender simulated.Account) {
	var class string
	s.must(&class, "starknet_getClassHashAt", "latest", s.address(sender.Address))
	var calls []starknet.Call
	for _, a := range s.accounts {
		calls = append(calls, starknet.NewCall(deployerContract, "deployContract",
			felts(s, class)[0], feltOf(a.PublicKey), new(felt.Felt), new(felt.Felt).SetUint64(1), feltOf(a.PublicKey)))
		var ignored json.RawMessage
		s.must(&ignored, "devnet_mint", s.address(a.Address), json.RawMessage("1000000000000000000000000"), "FRI")
	}
	from := s.sender(sender)
	_, err := starknet.NewAccount(from.Caller, from.ChainID, from.Address, from.Key, starknet.WithPoll(from.Poll)).Execute(s.Context(), calls...)
	require.NoError(s, err)
}

// deployEscrows deploys both classes of package cairo, in STRK.
func (s *side) deployEscrows(sender simulated.Account) {
	for _, class := range []cairo.Class{cairo.Compatible, cairo.Extended} {
		p := cairo.Params{Class: class, Key: attesterKey(), Token: s.token}
		if class == cairo.Extended {
			p.Owner = s.accounts[0].Address
		}
		d := &deployment{name: class.String(), class: class, batches: class == cairo.Extended}
		s.escrows = append(s.escrows, d)
		e, err := cairo.Deploy(s.Context(), s.sender(sender), p)
		require.NoError(s, err)
		d.address = e.Address()
	}
}

// balanceKey is the storage key of a balance of STRK: its low limb.
func balanceKey(holder *felt.Felt) *felt.Felt {
	key := crypto.Pedersen(starknet.StorageKey("ERC20_balances"), holder)
	return &key
}

// read is a call that is no step.
func (s *side) read(f rpc.InvokeFunctionCall) []string {
	s.Helper()
	var out []string
	s.must(&out, "starknet_call", request(f), "latest")
	return out
}
