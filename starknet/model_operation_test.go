package starknet_test

import (
	"fmt"
	"math"

	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet"
)

// chunkIndexes are the chunks that operations name.
var chunkIndexes = []uint64{0, 1, 2, 3, math.MaxUint64 - 1, math.MaxUint64}

// actions are the operations of a class, each under as many names as it is
// more likely than others.
func (p *pair) actions(class escrow.Class) map[string]func(*rapid.T) {
	weights := map[string]int{
		"approve": 1, "create_deal": 6, "release_chunk": 6, "release_batch": 1, "slash": 2, "pause": 1, "unpause": 1,
		"transfer_ownership": 1, "token misbehaves": 2, "token calls back": 2, "time passes": 2,
	}
	if class == escrow.Extended {
		weights["release_batch"], weights["unpause"], weights["transfer_ownership"], weights["accept_ownership"] = 9, 4, 2, 1
	}
	do := map[string]func(*rapid.T){
		"approve": p.approve, "create_deal": p.createDeal, "release_chunk": p.releaseChunk, "release_batch": p.releaseBatch,
		"slash": p.slash, "pause": p.pause, "unpause": p.unpause, "transfer_ownership": p.transferOwnership,
		"accept_ownership": p.acceptOwnership, "token misbehaves": p.misbehave, "token calls back": p.callBack, "time passes": p.wait,
	}
	out := map[string]func(*rapid.T){"": p.requireSameState}
	for name, n := range weights {
		for i := range n {
			out[fmt.Sprint(name, " ", i)] = do[name]
		}
	}
	return out
}

// An operation is a call as the node takes it and as the model does.
type operation struct {
	call  starknet.Call
	model func(escrow.Call) error
}

func (p *pair) by(t *rapid.T, o operation) {
	p.do(t, rapid.IntRange(0, len(p.d.accounts)-1).Draw(t, "caller"), o.call, o.model)
}

// one reports whether to do what is done one time in n.
func one(t *rapid.T, n int, what string) bool { return rapid.IntRange(0, n-1).Draw(t, what) == n-1 }

func (p *pair) person(t *rapid.T) slastream.Address {
	return rapid.SampledFrom(p.people).Draw(t, "person")
}

// dealID is that of a deal, or at times of none.
func (p *pair) dealID(t *rapid.T) attestation.Word {
	n, _ := p.model.DealCount().Uint64()
	if one(t, 12, "no deal") {
		return rapid.SampledFrom([]attestation.Word{{}, attestation.WordFromUint64(n + 1), {0: 1}}).Draw(t, "id")
	}
	return attestation.WordFromUint64(rapid.Uint64Range(min(n, 1), n).Draw(t, "id"))
}

func (p *pair) approve(t *rapid.T) {
	a := rapid.SampledFrom([]attestation.Word{{31: 200}, {22: 1}, {22: 1}, {0: 0xff}}).Draw(t, "amount")
	p.by(t, p.approval(t, a))
}

func (p *pair) approval(t *rapid.T, a attestation.Word) operation {
	low, high := starknet.SplitU256(a)
	return operation{p.call("approve", felts(t, p.escrow.Address().Word())[0], low, high), func(c escrow.Call) error {
		p.mock.allowances[[2]slastream.Address{c.From, p.escrow.Address()}] = slastream.AmountFromWord(a)
		return nil
	}}
}

func (p *pair) createDeal(t *rapid.T) { p.by(t, p.creation(t)) }

func (p *pair) creation(t *rapid.T) operation {
	return p.creationOf(p.terms(t))
}

func (p *pair) terms(t *rapid.T) slastream.Terms {
	amount := slastream.AmountFromUint64
	most := slastream.AmountFromWord(attestation.Word{0: 0xff})
	terms := slastream.Terms{
		Provider: p.person(t), Chunks: rapid.Uint64Range(1, 4).Draw(t, "chunks"), ChunkAmount: amount(100),
		Collateral: amount(50), Duration: hours * rapid.Uint64Range(1, 3).Draw(t, "duration"),
	}
	if one(t, 4, "odd terms") {
		terms.Chunks = rapid.SampledFrom([]uint64{0, 1, math.MaxUint64}).Draw(t, "odd chunks")
		terms.ChunkAmount = rapid.SampledFrom([]slastream.Amount{{}, amount(1), most}).Draw(t, "odd amount")
		terms.Collateral = rapid.SampledFrom([]slastream.Amount{{}, amount(1), most}).Draw(t, "odd collateral")
		terms.Duration = rapid.SampledFrom([]uint64{0, hours, math.MaxUint64}).Draw(t, "odd duration")
	}
	return terms
}

func (p *pair) creationOf(terms slastream.Terms) operation {
	return operation{starknet.NewCall(p.escrow.Address(), "create_deal", starknet.EncodeCreateDeal(terms)...), func(c escrow.Call) error {
		_, err := p.model.CreateDeal(c, terms)
		return err
	}}
}

// chunks returns the chunks of active deals that are paid, or that are not.
func (p *pair) chunks(paid bool) []attestation.Attestation {
	var out []attestation.Attestation
	n, _ := p.model.DealCount().Uint64()
	for id := uint64(1); id <= n; id++ {
		deal := p.model.Deal(attestation.WordFromUint64(id))
		for _, chunk := range chunkIndexes {
			if deal.Active && chunk < deal.Chunks && p.model.ChunkReleased(deal.ID, chunk) == paid {
				out = append(out, attestation.Attestation{DealID: deal.ID, ChunkIndex: chunk, ProofSetID: attestation.Word{31: 42}, RootCID: attestation.Word{1, 2, 31: 3}, Timestamp: 7})
			}
		}
	}
	return out
}

func (p *pair) chunk(t *rapid.T) attestation.Attestation {
	if open := p.chunks(false); len(open) > 0 && !one(t, 4, "not an open chunk") {
		return rapid.SampledFrom(open).Draw(t, "open chunk")
	}
	if paid := p.chunks(true); len(paid) > 0 && !one(t, 4, "any chunk") {
		return rapid.SampledFrom(paid).Draw(t, "paid chunk")
	}
	return attestation.Attestation{DealID: p.dealID(t), ChunkIndex: rapid.SampledFrom(chunkIndexes).Draw(t, "chunk")}
}

func (p *pair) releaseChunk(t *rapid.T) {
	o := p.release(t)
	if one(t, 8, "release again inside") {
		p.arm(t, o)
	}
	p.by(t, o)
}

func (p *pair) release(t *rapid.T) operation {
	a := p.chunk(t)
	s := attestation.Signed{Attestation: a, Signature: p.key.sign(t, a.Digest())}
	return operation{starknet.NewCall(p.escrow.Address(), "release_chunk", starknet.EncodeReleaseChunk(s)...), func(c escrow.Call) error {
		return p.model.ReleaseChunk(c, s)
	}}
}

func (p *pair) releaseBatch(t *rapid.T) {
	o := p.batch(t)
	if one(t, 8, "release again inside") {
		p.arm(t, o)
	}
	p.by(t, o)
}

func (p *pair) batch(t *rapid.T) operation {
	var items []attestation.Attestation
	open := p.chunks(false)
	switch {
	case one(t, 16, "large"):
		items = make([]attestation.Attestation, escrow.MaxBatch+rapid.IntRange(0, 1).Draw(t, "too large"))
	case len(open) == 0 || one(t, 4, "any items"):
		for range rapid.IntRange(0, 4).Draw(t, "items") {
			items = append(items, p.chunk(t))
		}
	default:
		items = rapid.Permutation(open).Draw(t, "order")[rapid.IntRange(0, len(open)-1).Draw(t, "left out"):]
	}
	domain := attestation.Domain{ChainID: starknet.Sepolia, Escrow: p.escrow.Address().Word()}
	if one(t, 12, "another domain") {
		domain = rapid.SampledFrom([]attestation.Domain{
			{ChainID: starknet.Mainnet, Escrow: domain.Escrow},
			{ChainID: domain.ChainID, Escrow: p.token.Address().Word()},
		}).Draw(t, "domain")
	}
	sig := p.key.sign(t, attestation.Batch{Domain: domain, Items: items}.Digest())
	return operation{starknet.NewCall(p.escrow.Address(), "release_batch", starknet.EncodeReleaseBatch(items, sig)...), func(c escrow.Call) error {
		return p.model.ReleaseBatch(c, items, sig)
	}}
}

func (p *pair) slash(t *rapid.T) {
	p.by(t, p.slashing(p.dealID(t)))
}

func (p *pair) slashing(id attestation.Word) operation {
	low, high := starknet.SplitU256(id)
	return operation{starknet.NewCall(p.escrow.Address(), "slash", low, high), func(c escrow.Call) error { return p.model.Slash(c, id) }}
}

// owned makes a call that only the owner may make, of the owner if it is an
// account, or at times of anybody.
func (p *pair) owned(t *rapid.T, o operation, owner slastream.Address) {
	for i, a := range p.d.accounts {
		if a.Address() == owner && !one(t, 4, "anybody") {
			p.do(t, i, o.call, o.model)
			return
		}
	}
	p.by(t, o)
}

func (p *pair) plain(entryPoint string, model func(escrow.Call) error) operation {
	return operation{starknet.NewCall(p.escrow.Address(), entryPoint), model}
}

func (p *pair) pause(t *rapid.T) {
	if one(t, 2, "pause") { // paused, there is little else to do
		p.owned(t, p.plain("pause", p.model.Pause), p.model.Owner())
	}
}

func (p *pair) unpause(t *rapid.T) {
	p.owned(t, p.plain("unpause", p.model.Unpause), p.model.Owner())
}

func (p *pair) transferOwnership(t *rapid.T) {
	to := p.d.accounts[rapid.IntRange(0, len(p.d.accounts)-1).Draw(t, "to")].Address()
	if one(t, 4, "to anybody") {
		to = p.person(t)
	}
	p.owned(t, operation{starknet.NewCall(p.escrow.Address(), "transfer_ownership", felts(t, to.Word())...), func(c escrow.Call) error {
		return p.model.TransferOwnership(c, to)
	}}, p.model.Owner())
}

func (p *pair) acceptOwnership(t *rapid.T) {
	if p.model.PendingOwner().IsZero() && !one(t, 4, "no offer") {
		t.Skip("no offer")
	}
	p.owned(t, p.plain("accept_ownership", p.model.AcceptOwnership), p.model.PendingOwner())
}

// hours is how long deals last, or a few times as much, in seconds: so long
// that the time that a test takes does not matter.
const hours = 10_000

// wait lets some hours pass, or slashes a deal at its deadline or a second
// before.
func (p *pair) wait(t *rapid.T) {
	now := p.d.time(p.t, t)
	var ends []slastream.Deal
	n, _ := p.model.DealCount().Uint64()
	for id := uint64(1); id <= n; id++ {
		if deal := p.model.Deal(attestation.WordFromUint64(id)); deal.Active && deal.Deadline > now+1 {
			ends = append(ends, deal)
		}
	}
	if len(ends) == 0 || one(t, 4, "some hours") {
		p.d.setTime(p.t, t, now+hours)
		return
	}
	deal := rapid.SampledFrom(ends).Draw(t, "deal")
	if one(t, 3, "slash again inside") {
		p.arm(t, p.slashing(deal.ID))
	}
	p.d.setTime(p.t, t, deal.Deadline-rapid.Uint64Range(0, 1).Draw(t, "early"))
	p.by(t, p.slashing(deal.ID))
}
