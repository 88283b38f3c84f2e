package simulated_test

import (
	"math"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/starknet"
)

// deals opens deals 1 and 2 and pays their chunks in any order.
func (s *side) deals() {
	client, relay := s.accounts[1], s.accounts[3]
	s.state(s.step("before"), 1)
	s.view(s.step("counter before"), s.inEscrow("get_deal_counter"))
	s.ask(s.step("nonce before"), "starknet_getNonce", "latest", s.address(client.Address))
	s.at.created = s.create(s.step("create"), 3, 100, 50, 3000)
	s.ask(s.step("nonce after"), "starknet_getNonce", "latest", s.address(client.Address))
	s.view(s.step("counter after"), s.inEscrow("get_deal_counter"))
	s.view(s.step("allowance after"), call(s.token, "allowance", feltOf(client.Address), feltOf(s.at.address)))
	s.state(s.step("created"), 1)
	s.purse(s.step("tokens of the client"), 1)

	s.at.released = s.execute(s.step("release"), relay, s.release(attest(1, 1)))
	s.state(s.step("released"), 1)
	s.at.reverted = s.execute(s.step("release again"), relay, s.release(attest(1, 1)))
	s.purse(s.step("tokens of the relay"), 3)
	s.ask(s.step("nonce after a revert"), "starknet_getNonce", "latest", s.address(relay.Address))
	s.execute(s.step("release out of bounds"), relay, s.release(attest(1, 3)))
	s.execute(s.step("release of no deal"), relay, s.release(attest(99, 0)))
	s.view(s.step("release far out of bounds"), s.release(attest(1, math.MaxUint64)))
	s.execute(s.step("release the first"), relay, s.release(attest(1, 0)))
	s.execute(s.step("release the last"), relay, s.release(attest(1, 2)))
	s.state(s.step("completed"), 1)
	s.execute(s.step("release of a completed deal"), relay, s.release(attest(1, 2)))
	s.execute(s.step("slash of a completed deal"), relay, s.slash(1))

	s.create(s.step("create the second"), 4, 7, 0, 3000)
	s.execute(s.step("release two at once"), relay, s.release(attest(2, 3)), s.release(attest(2, 0)))
	s.state(s.step("two released"), 2)
	s.execute(s.step("release one, then one again"), relay, s.release(attest(2, 1)), s.release(attest(2, 0)))
	s.state(s.step("none released"), 2)
	s.execute(s.step("complete at once"), relay, s.release(attest(2, 1)), s.release(attest(2, 2)))
	s.state(s.step("completed the second"), 2)
	for _, view := range []string{"is_paused", "get_owner", "get_token", "get_version", "get_pkp_public_key", "get_pending_owner"} {
		s.view(s.step("%s", view), s.inEscrow(view))
	}
	for _, chunk := range []uint64{0, 3, 4} {
		s.view(s.step("is_chunk_released %d", chunk), s.inEscrow("is_chunk_released", number(2), number(0), number(chunk)))
	}
}

// badSignatures releases a chunk of deal 3 with each kind of signature.
func (s *side) badSignatures() {
	s.create(s.step("create the third"), 4, 10, 5, 900_000)
	relay := s.accounts[3]
	order := attestation.Word{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
		0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41}
	for _, bad := range []struct {
		name   string
		change func(*attestation.Signed)
	}{
		{"good", func(*attestation.Signed) {}},
		{"r is 0", func(a *attestation.Signed) { a.Signature.R = attestation.Word{} }},
		{"s is 0", func(a *attestation.Signed) { a.Signature.S = attestation.Word{} }},
		{"r is the order", func(a *attestation.Signed) { a.Signature.R = order }},
		{"s is the order", func(a *attestation.Signed) { a.Signature.S = order }},
		{"r is the greatest", func(a *attestation.Signed) { a.Signature.R = greatest() }},
		{"s is the greatest", func(a *attestation.Signed) { a.Signature.S = greatest() }},
		{"r is no point", func(a *attestation.Signed) { a.Signature.R = attestation.WordFromUint64(5) }},
		{"r is another point", func(a *attestation.Signed) { a.Signature.R = attestation.WordFromUint64(1) }},
		{"other parity", func(a *attestation.Signed) { a.Signature.V ^= 1 }},
		{"v is 27", func(a *attestation.Signed) { a.Signature.V += 27 }},
		{"v is 2 more", func(a *attestation.Signed) { a.Signature.V += 2 }},
		{"v is the greatest", func(a *attestation.Signed) { a.Signature.V = math.MaxUint32 }},
		{"s is high", func(a *attestation.Signed) { a.Signature.S = minus(order, a.Signature.S); a.Signature.V ^= 1 }},
		{"s is high, v is not", func(a *attestation.Signed) { a.Signature.S = minus(order, a.Signature.S) }},
		{"another chunk", func(a *attestation.Signed) { a.Attestation.ChunkIndex = 1 }},
		{"another time", func(a *attestation.Signed) { a.Attestation.Timestamp++ }},
		{"another proof set", func(a *attestation.Signed) { a.Attestation.ProofSetID = greatest() }},
		{"another root", func(a *attestation.Signed) { a.Attestation.RootCID = greatest() }},
	} {
		signed := attest(3, 0)
		bad.change(&signed)
		s.view(s.step("signature: %s", bad.name), s.release(signed))
	}
	signed := attest(3, 0)
	signed.Signature.V ^= 1
	s.execute(s.step("release with the wrong parity"), relay, s.release(signed))
	signed = attest(3, 0)
	signed.Signature.S = attestation.Word{}
	s.execute(s.step("release with s 0"), relay, s.release(signed))
	s.state(s.step("bad signatures"), 3)
}

func greatest() attestation.Word {
	var w attestation.Word
	for i := range w {
		w[i] = 0xff
	}
	return w
}

// minus is a − b.
func minus(a, b attestation.Word) attestation.Word {
	borrow := 0
	for i := 31; i >= 0; i-- {
		d := int(a[i]) - int(b[i]) - borrow
		borrow = 0
		if d < 0 {
			d, borrow = d+256, 1
		}
		a[i] = byte(d)
	}
	return a
}

// badCalldata calls with too few, too many and too large felts.
func (s *side) badCalldata() {
	wide := new(felt.Felt).SetBytes([]byte{0: 1, 16: 0}) // 2^128
	good := starknet.EncodeReleaseChunk(attest(3, 0))
	with := func(i int, f *felt.Felt) []*felt.Felt {
		out := append([]*felt.Felt{}, good...)
		out[i] = f
		return out
	}
	for _, c := range []struct {
		name, fn string
		data     []*felt.Felt
	}{
		{"release_chunk of nothing", "release_chunk", nil},
		{"release_chunk without v", "release_chunk", good[:12]},
		{"release_chunk and one more", "release_chunk", append(append([]*felt.Felt{}, good...), number(0))},
		{"release_chunk with a wide limb of the deal", "release_chunk", with(0, wide)},
		{"release_chunk with a wide chunk", "release_chunk", with(2, wide)},
		{"release_chunk with a wide root", "release_chunk", with(6, wide)},
		{"release_chunk with a wide time", "release_chunk", with(7, wide)},
		{"release_chunk with a wide r", "release_chunk", with(9, wide)},
		{"release_chunk with a wide s", "release_chunk", with(11, wide)},
		{"release_chunk with a wide v", "release_chunk", with(12, number(math.MaxUint32+1))},
		{"create_deal of nothing", "create_deal", nil},
		{"create_deal for no address", "create_deal", append(felts(s, "0x800000000000000000000000000000000000000000000000000000000000000"), number(1), number(1), number(0), number(0), number(0), number(1))},
		{"create_deal with wide chunks", "create_deal", []*felt.Felt{number(1), wide, number(1), number(0), number(0), number(0), number(1)}},
		{"create_deal and one more", "create_deal", []*felt.Felt{number(1), number(1), number(1), number(0), number(0), number(0), number(1), number(1)}},
		{"get_deal of one felt", "get_deal", []*felt.Felt{number(1)}},
		{"get_deal of three felts", "get_deal", []*felt.Felt{number(1), number(0), number(0)}},
		{"get_deal of a wide felt", "get_deal", []*felt.Felt{wide, number(0)}},
		{"get_deal_counter of a felt", "get_deal_counter", []*felt.Felt{number(1)}},
		{"slash of nothing", "slash", nil},
		{"pause of a felt", "pause", []*felt.Felt{number(1)}},
		{"no such function", "destroy", nil},
		{"release_batch of nothing", "release_batch", nil},
		{"release_batch of no items", "release_batch", []*felt.Felt{number(0), number(1), number(0), number(1), number(0), number(0)}},
		{"release_batch of too few felts", "release_batch", []*felt.Felt{number(2), number(1), number(0), number(1), number(0), number(0)}},
		{"release_batch of a wide count", "release_batch", []*felt.Felt{wide, number(1), number(0), number(1), number(0), number(0)}},
	} {
		s.view(s.step("calldata: %s", c.name), s.inEscrow(c.fn, c.data...))
	}
	s.execute(s.step("release_chunk without v"), s.accounts[3], s.inEscrow("release_chunk", good[:12]...))
}
