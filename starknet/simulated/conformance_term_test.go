package simulated_test

import (
	"math"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// deadline of a deal on this side: the clocks of the two differ by seconds.
func (s *side) deadline(deal uint64) uint64 {
	s.Helper()
	out := felts(s, s.read(s.inEscrow("get_deal", amountFelts(deal)...))...)
	return out[10].Uint64()
}

// deadlines slashes deal 4 before, at and after its deadline and releases a
// chunk of deal 5 after it.
func (s *side) deadlines() {
	client, relay := s.accounts[1], s.accounts[3]
	s.create(s.step("create the fourth"), 4, 10, 5, 5000)
	s.create(s.step("create the fifth"), 2, 10, 5, 5000)
	s.execute(s.step("release of the fourth"), relay, s.release(attest(4, 0)))
	s.execute(s.step("slash early"), client, s.slash(4))
	deadline := s.deadline(4)
	s.setTime(deadline - 1)
	s.view(s.step("slash a second early"), s.slash(4))
	s.setTime(deadline)
	s.view(s.step("slash in time"), s.slash(4))
	s.state(s.step("late"), 4)
	s.execute(s.step("slash"), relay, s.slash(4))
	s.state(s.step("slashed"), 4)
	s.purse(s.step("tokens of the client after the slash"), 1)
	s.execute(s.step("slash again"), relay, s.slash(4))
	s.execute(s.step("release of a slashed deal"), relay, s.release(attest(4, 1)))
	s.execute(s.step("slash of no deal"), relay, s.slash(77))
	s.clock += 10_000
	s.setTime(s.clock)
	s.execute(s.step("release after the deadline"), relay, s.release(attest(5, 1)))
	s.execute(s.step("slash after the deadline"), s.accounts[4], s.slash(5))
	s.state(s.step("slashed late"), 5)
}

// badDeals is create_deal with all that it refuses.
func (s *side) badDeals() {
	client, provider := s.accounts[1], feltOf(s.accounts[2].Address)
	half := new(felt.Felt).SetBytes([]byte{0x80, 15: 0}) // 2^127
	for _, c := range []struct {
		name string
		data []*felt.Felt
	}{
		{"no chunks", []*felt.Felt{provider, number(0), number(1), number(0), number(0), number(0), number(1)}},
		{"no amount", []*felt.Felt{provider, number(1), number(0), number(0), number(0), number(0), number(1)}},
		{"no time", []*felt.Felt{provider, number(1), number(1), number(0), number(0), number(0), number(0)}},
		{"no provider", []*felt.Felt{number(0), number(1), number(1), number(0), number(0), number(0), number(1)}},
		{"a total too large", []*felt.Felt{provider, number(2), number(0), half, number(0), number(0), number(1)}},
		{"a lock too large", []*felt.Felt{provider, number(1), number(0), half, number(0), half, number(1)}},
		{"no allowance", []*felt.Felt{provider, number(1), number(5), number(0), number(0), number(0), number(1)}},
		{"no end", []*felt.Felt{provider, number(1), number(5), number(0), number(0), number(0), number(math.MaxUint64)}},
	} {
		s.execute(s.step("create with %s", c.name), client, s.approve(4), s.inEscrow("create_deal", c.data...))
	}
	s.execute(s.step("create without end"), client, s.approve(5), s.inEscrow("create_deal", provider, number(1), number(5), number(0), number(0), number(0), number(math.MaxUint64)))
	s.execute(s.step("create without balance"), client,
		call(s.token, "approve", feltOf(s.at.address), number(0), number(1<<40)),
		s.inEscrow("create_deal", provider, number(1), number(0), number(1<<40), number(0), number(0), number(1)))
	s.execute(s.step("take the allowance back"), client, s.approve(0))
	s.create(s.step("create for a day"), 1, 1, 0, 86_000)
	s.view(s.step("counter of all"), s.inEscrow("get_deal_counter"))
}

// pauses has the owner and a stranger pause. The owner of the compatible class
// is who deployed it, so that nobody can.
func (s *side) pauses() {
	owner, client, relay, stranger := s.accounts[0], s.accounts[1], s.accounts[3], s.accounts[4]
	s.execute(s.step("pause by a stranger"), stranger, s.inEscrow("pause"))
	s.execute(s.step("pause by the owner"), owner, s.inEscrow("pause"))
	s.execute(s.step("pause again"), owner, s.inEscrow("pause"))
	s.view(s.step("paused"), s.inEscrow("is_paused"))
	s.execute(s.step("create while paused"), client, s.approve(1), s.open(1, 1, 0, 1000))
	s.execute(s.step("release while paused"), relay, s.release(attest(3, 2)))
	s.execute(s.step("slash while paused"), client, s.slash(3))
	s.execute(s.step("unpause by a stranger"), stranger, s.inEscrow("unpause"))
	s.execute(s.step("unpause by the owner"), owner, s.inEscrow("unpause"))
	s.execute(s.step("unpause again"), owner, s.inEscrow("unpause"))
	s.execute(s.step("release after the pause"), relay, s.release(attest(3, 3)))
}

func (s *side) batch(domain attestation.Domain, items ...[2]uint64) ([]attestation.Attestation, attestation.Signature) {
	b := attestation.Batch{Domain: domain}
	for _, i := range items {
		b.Items = append(b.Items, attest(i[0], i[1]).Attestation)
	}
	d := b.Digest()
	sig := ecdsa.SignCompact(attester, d[:], false)
	return b.Items, attestation.Signature{R: [32]byte(sig[1:33]), S: [32]byte(sig[33:]), V: uint32(sig[0] - 27)}
}

// batches has the extended class release many chunks with one signature.
func (s *side) batches() {
	relay := s.accounts[3]
	domain := attestation.Domain{ChainID: starknet.Sepolia, Escrow: s.at.address.Word()}
	count := felts(s, s.read(s.inEscrow("get_deal_counter"))...)[0].Uint64()
	s.create(s.step("create for batches"), 5, 3, 2, 900_000)
	s.create(s.step("create for batches too"), 3, 4, 1, 900_000)
	a, b := count+1, count+2
	release := func(step string, items []attestation.Attestation, sig attestation.Signature) {
		s.Helper()
		s.execute(s.step("%s", step), relay, s.inEscrow("release_batch", starknet.EncodeReleaseBatch(items, sig)...))
	}
	items, sig := s.batch(domain, [2]uint64{a, 0}, [2]uint64{b, 2}, [2]uint64{a, 1})
	release("batch", items, sig)
	release("batch again", items, sig)
	s.state(s.step("batch released"), a)
	s.state(s.step("batch released too"), b)
	items, sig = s.batch(domain)
	release("batch of nothing", items, sig)
	items, sig = s.batch(domain, [2]uint64{a, 2}, [2]uint64{a, 2})
	release("batch of one twice", items, sig)
	items, sig = s.batch(domain, [2]uint64{a, 2}, [2]uint64{a, 5})
	release("batch out of bounds", items, sig)
	items, sig = s.batch(domain, [2]uint64{a, 2}, [2]uint64{999, 0})
	release("batch of no deal", items, sig)
	items, sig = s.batch(domain, [2]uint64{a, 2}, [2]uint64{1, 0})
	release("batch of a completed deal", items, sig)
	items, sig = s.batch(attestation.Domain{ChainID: starknet.Mainnet, Escrow: s.at.address.Word()}, [2]uint64{a, 2})
	release("batch for another chain", items, sig)
	items, sig = s.batch(attestation.Domain{ChainID: starknet.Sepolia}, [2]uint64{a, 2})
	release("batch for another escrow", items, sig)
	items, sig = s.batch(domain, [2]uint64{a, 2})
	sig.S = attestation.Word{}
	release("batch with s 0", items, sig)
	items, _ = s.batch(domain, [2]uint64{a, 2})
	release("batch with the signature of the chunk", items, attest(a, 2).Signature)
	items, sig = s.batch(domain, [2]uint64{b, 0}, [2]uint64{a, 2}, [2]uint64{a, 3}, [2]uint64{b, 1}, [2]uint64{a, 4})
	release("batch that completes", items, sig)
	s.state(s.step("batch completed"), a)
	s.state(s.step("batch completed too"), b)
}

// owners changes the owner of the extended class.
func (s *side) owners() {
	owner, client, stranger := s.accounts[0], s.accounts[1], s.accounts[4]
	give := func(to slastream.Address) []*felt.Felt { return []*felt.Felt{feltOf(to)} }
	s.execute(s.step("offer by a stranger"), stranger, s.inEscrow("transfer_ownership", give(stranger.Address)...))
	s.execute(s.step("offer"), owner, s.inEscrow("transfer_ownership", give(client.Address)...))
	s.view(s.step("offered to"), s.inEscrow("get_pending_owner"))
	s.execute(s.step("accept by a stranger"), stranger, s.inEscrow("accept_ownership"))
	s.execute(s.step("take the offer back"), owner, s.inEscrow("transfer_ownership", number(0)))
	s.execute(s.step("accept too late"), client, s.inEscrow("accept_ownership"))
	s.execute(s.step("offer again"), owner, s.inEscrow("transfer_ownership", give(client.Address)...))
	s.execute(s.step("accept"), client, s.inEscrow("accept_ownership"))
	s.view(s.step("owner after"), s.inEscrow("get_owner"))
	s.execute(s.step("pause by the old owner"), owner, s.inEscrow("pause"))
	s.execute(s.step("offer to no address"), client, s.inEscrow("transfer_ownership", felts(s, "0x800000000000000000000000000000000000000000000000000000000000000")...))
}

// variables reads the storage of the escrow by raw key.
func (s *side) variables() {
	at := func(step string, key *felt.Felt, block any) {
		s.Helper()
		s.ask(s.step("storage: %s", step), "starknet_getStorageAt", s.address(s.at.address), key, block)
	}
	next := func(key *felt.Felt, i uint64) *felt.Felt { return new(felt.Felt).Add(key, number(i)) }
	for _, v := range []string{"owner", "pending_owner", "strk_token", "paused"} {
		at(v, starknet.StorageKey(v), "latest")
	}
	for _, v := range []string{"deal_counter", "pkp_pub_key_x", "pkp_pub_key_y"} {
		for i := range uint64(2) {
			at(s.step("%s %d", v, i), next(starknet.StorageKey(v), i), "latest")
		}
	}
	for _, deal := range []uint64{1, 4, 99} {
		for i := range uint64(14) {
			at(s.step("deal %d, felt %d", deal, i), next(starknet.DealStorageKey(attestation.WordFromUint64(deal)), i), "latest")
		}
		for chunk := range uint64(3) {
			at(s.step("deal %d, chunk %d", deal, chunk), starknet.ChunkReleasedStorageKey(attestation.WordFromUint64(deal), chunk), "latest")
		}
	}
	chunks := next(starknet.DealStorageKey(attestation.WordFromUint64(1)), 7)
	at("before the first deal", chunks, numbered(worldBlocks))
	at("pre-confirmed", chunks, "pre_confirmed")
	at("of a block that is not there", chunks, numbered(1_000_000))
	at("of no variable", number(5), "latest")
}
