package escrow_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// felt is one field element of calldata, return data or an event.
type felt = attestation.Word

// emitted is an event as a receipt shows it.
type emitted struct {
	From felt   `json:"from_address"`
	Keys []felt `json:"keys"`
	Data []felt `json:"data"`
}

func readVectors[T any](t testing.TB, name string) []T {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	var rows []T
	require.NoError(t, json.Unmarshal(b, &rows))
	return rows
}

func mustWord(s string) felt {
	w, err := attestation.ParseWord(s)
	if err != nil {
		panic(err)
	}
	return w
}

// u256 returns the two felts of a u256: low, high.
func u256(w attestation.Word) []felt {
	var low, high felt
	copy(low[16:], w[16:])
	copy(high[16:], w[:16])
	return []felt{low, high}
}

func flag(b bool) felt {
	if b {
		return word(1)
	}
	return word(0)
}

// dealFelts is the return value of get_deal: also the 13 storage slots.
func dealFelts(d slastream.Deal) []felt {
	out := []felt{felt(d.Client), felt(d.Provider)}
	out = append(out, u256(d.Total.Word())...)
	out = append(out, u256(d.ChunkAmount.Word())...)
	out = append(out, word(d.Chunks), word(d.Released))
	out = append(out, u256(d.Collateral.Word())...)
	return append(out, word(d.Deadline), flag(d.Active), flag(d.Slashed))
}

// Selectors of events: sn_keccak of the name.
var (
	selDealCreated   = mustWord("0x170216691507ec9f3007b3509258e582299f1a9930134c01c2e303ef2210c92")
	selChunkReleased = mustWord("0x25a87ee1be734bd6a7bdd4001af1dc52d7cce3691ea03c77b73481003725828")
	selDealSlashed   = mustWord("0x1f09cfe88890aa8097c8fa33c21bd8c67bd01542d60c2ea3c1abed74038ee1e")
	selDealCompleted = mustWord("0x2c02ba5767c81fd2f644bf80ebf5d373a658641132b6f67118295bf44a6b448")
	selPaused        = mustWord("0x2eb5248cf3d8cd81a5ba6d3cc6e1997df7b174eb894aac081867c1a2bc43c90")
	selUnpaused      = mustWord("0xece5baf71f670bcb771481fd7bd9efd6d6b8053246fe67b5a13db8bf5f50f1")
	selTransfer      = mustWord("0x99cd8bde557814842a3121e8ddfd433a539b8c9f14bf31ebf108d12e6196e9")
	selApproval      = mustWord("0x134692b230b9e1ffa39098904722134159652b09c5bc41d88d6698779d228ff")
)

// emit returns an event of the escrow or of devnet's STRK as felts.
func emit(from slastream.Address, event any) emitted {
	out := emitted{From: felt(from)}
	deal := func(selector, id felt) { out.Keys = append([]felt{selector}, u256(id)...) }
	data := func(parts ...[]felt) {
		for _, p := range parts {
			out.Data = append(out.Data, p...)
		}
	}
	one := func(v felt) []felt { return []felt{v} }
	switch e := event.(type) {
	case slastream.DealCreated:
		deal(selDealCreated, e.DealID)
		data(one(felt(e.Client)), one(felt(e.Provider)), u256(e.TotalAmount.Word()), one(word(e.NumChunks)), one(word(e.SLADeadline)))
	case slastream.ChunkReleased:
		deal(selChunkReleased, e.DealID)
		data(one(word(e.ChunkIndex)), u256(e.Amount.Word()), one(felt(e.Provider)))
	case slastream.DealSlashed:
		deal(selDealSlashed, e.DealID)
		data(one(felt(e.Provider)), u256(e.SlashAmount.Word()), one(felt(e.Client)))
	case slastream.DealCompleted:
		deal(selDealCompleted, e.DealID)
		data(one(felt(e.Provider)), u256(e.TotalPaid.Word()))
	case slastream.Paused:
		out.Keys = one(selPaused)
		data(one(felt(e.By)))
	case slastream.Unpaused:
		out.Keys = one(selUnpaused)
		data(one(felt(e.By)))
	case escrow.Transfer:
		out.Keys = one(selTransfer)
		data(one(felt(e.From)), one(felt(e.To)), u256(e.Amount.Word()))
	case escrow.Approval:
		out.Keys = one(selApproval)
		data(one(felt(e.Owner)), one(felt(e.Spender)), u256(e.Amount.Word()))
	}
	return out
}

// calldata reads arguments as a Cairo entry point does. After a read of
// something that the type cannot hold, or past the end, bad stays true.
type calldata struct {
	felts []felt
	bad   bool
}

func (c *calldata) next(limit felt) felt {
	if len(c.felts) == 0 || c.felts[0].Cmp(limit) > 0 {
		c.bad, c.felts = true, nil
		return felt{}
	}
	f := c.felts[0]
	c.felts = c.felts[1:]
	return f
}

var (
	maxU128    = mustWord("0x" + strings.Repeat("f", 32))
	maxU64     = mustWord("0x" + strings.Repeat("f", 16))
	maxU32     = mustWord("0xffffffff")
	maxAddress = mustWord("0x7" + strings.Repeat("f", 62))
)

func (c *calldata) u256() attestation.Word {
	low, high := c.next(maxU128), c.next(maxU128)
	copy(low[:16], high[16:])
	return low
}

func (c *calldata) u64() uint64 {
	v, _ := c.next(maxU64).Uint64()
	return v
}

func (c *calldata) u32() uint32 {
	v, _ := c.next(maxU32).Uint64()
	return uint32(v)
}

func (c *calldata) address() slastream.Address { return slastream.Address(c.next(maxAddress)) }

func (c *calldata) amount() slastream.Amount { return slastream.AmountFromWord(c.u256()) }

// end reports whether everything was read and fitted.
func (c *calldata) end() bool { return !c.bad && len(c.felts) == 0 }

// invoke runs an entry point of the escrow. ok is false if the call is one
// that the ABI refuses before the contract's own code runs: the model's
// arguments cannot express it.
func invoke(c *escrow.Contract, call escrow.Call, entrypoint string, felts []felt) (ret []felt, ok bool, err error) {
	in := &calldata{felts: felts}
	switch entrypoint {
	case "create_deal":
		t := slastream.Terms{
			Provider:    in.address(),
			Chunks:      in.u64(),
			ChunkAmount: in.amount(),
			Collateral:  in.amount(),
			Duration:    in.u64(),
		}
		if !in.end() {
			return nil, false, nil
		}
		id, err := c.CreateDeal(call, t)
		return u256(id), true, err
	case "release_chunk":
		s := attestation.Signed{Attestation: attestation.Attestation{
			DealID:     in.u256(),
			ChunkIndex: in.u64(),
			ProofSetID: in.u256(),
			RootCID:    in.u256(),
			Timestamp:  in.u64(),
		}, Signature: attestation.Signature{R: in.u256(), S: in.u256(), V: in.u32()}}
		if !in.end() {
			return nil, false, nil
		}
		return []felt{}, true, c.ReleaseChunk(call, s)
	case "slash":
		id := in.u256()
		if !in.end() {
			return nil, false, nil
		}
		return []felt{}, true, c.Slash(call, id)
	case "get_deal":
		id := in.u256()
		return dealFelts(c.Deal(id)), in.end(), nil
	case "get_deal_counter":
		return u256(c.DealCount()), in.end(), nil
	case "get_pkp_public_key":
		key := c.Params().Key
		return append(u256(key.X), u256(key.Y)...), in.end(), nil
	case "pause":
		if !in.end() {
			return nil, false, nil
		}
		return []felt{}, true, c.Pause(call)
	case "unpause":
		if !in.end() {
			return nil, false, nil
		}
		return []felt{}, true, c.Unpause(call)
	}
	return nil, false, nil
}
