package simulated

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// A class is a contract class: the code of its entry points, in Go.
type class struct {
	hash        hexFelt
	program     []hexFelt   // version prefix of the Sierra program
	embedded    cairo.Class // class of ours whose program is served, 0 if none
	entries     map[hexFelt]*entry
	prices      map[hexFelt]func(*state, *call) cost // of entry points whose cost depends on the call
	birth       func(*state, *contract)              // makes the parts of a new contract that no argument decides; may be nil
	constructor constructor                          // nil if it has none

	rules attestation.Rules // of an escrow
	kind  escrow.Class      // of an escrow

	// Gas of declaring it and of deploying it through a universal deployer.
	declaring uint64
	deploying cost
	traces    map[hexFelt][]int // program counters of a failed call of each entry point, innermost first
}

// A constructor sets up the new contract c.self. It reads its arguments to the
// end before it does anything. Its error is a *slastream.RevertError.
type constructor func(*state, *call, *reader) error

// An entry is one external entry point. run reads its arguments to the end
// before it does anything. Its error is a *slastream.RevertError, or the
// *fault of a contract that it called.
type entry struct {
	name string
	cost cost
	run  func(*state, *call, *reader) ([]hexFelt, error)
}

// priced is the entry point of a call with what that call costs.
func (c *class) priced(s *state, call *call, e *entry) *entry {
	price := c.prices[call.selector]
	if e == nil || price == nil {
		return e
	}
	out := *e
	out.cost = price(s, call)
	return &out
}

func newClass(hash string, program []uint64, lists ...[]entry) *class {
	c := &class{hash: mustFelt(hash), entries: make(map[hexFelt]*entry)}
	for _, v := range program {
		c.program = append(c.program, number(v))
	}
	for _, list := range lists {
		for i := range list {
			c.entries[selector(list[i].name)] = &list[i]
		}
	}
	return c
}

func mustFelt(s string) hexFelt {
	var f hexFelt
	if err := f.UnmarshalJSON([]byte(`"` + s + `"`)); err != nil {
		panic(err)
	}
	return f
}

// A catalogue is the classes that the node can run.
type catalogue struct {
	referenceLegacy, referenceLowS *class // the reference escrow by Cairo 2.8.2 and 2.14.0
	compatible, extended, mock     *class // those of starknet/cairo
	strk, eth                      *class // token classes of starknet-devnet 0.6.1
	account                        *class // OpenZeppelin's account on starknet-devnet
	deployer, deployer0            *class // universal deployers: of Cairo 1 and of Cairo 0

	byHash map[hexFelt]*class
}

// known returns the catalogue, made once.
var known = sync.OnceValue(func() *catalogue {
	k := &catalogue{byHash: make(map[hexFelt]*class)}
	add := func(c *class) *class {
		k.byHash[c.hash] = c
		return c
	}
	escrowClass := func(hash string, kind escrow.Class, rules attestation.Rules, program []uint64, lists ...[]entry) *class {
		c := add(newClass(hash, program, lists...))
		c.kind, c.rules = kind, rules
		c.constructor = constructEscrow
		c.declaring, c.deploying = 764_356_480, cost{done: 672_640, undone: 90_000, failed: 86_080, data: 352}
		c.traces = map[hexFelt][]int{selCreateDeal: {7317, 393, 4182}, selReleaseChunk: {11305, 1278, 5309}}
		return c
	}
	cairo282, cairo2140 := []uint64{1, 6, 0, 2, 8, 2}, []uint64{1, 7, 0, 2, 14, 0}
	k.referenceLegacy = escrowClass("0x8b58a51d1d279cbd87ec2e89892835b896b9d256ddd7bfaa6f79891950d1ce", escrow.Compatible, attestation.RulesLegacy, cairo282, escrowEntries)
	k.referenceLegacy.traces = nil
	k.referenceLowS = escrowClass("0x67ce52b98b51ba0a31fa971e848c9222eaff53c6e3d8438d1bf09a16a667fc9", escrow.Compatible, attestation.RulesLowS, cairo2140, escrowEntries)
	k.referenceLowS.traces = nil
	k.compatible = escrowClass(cairo.Compatible.Hash().String(), escrow.Compatible, attestation.RulesLegacy, cairo282, escrowEntries, viewEntries, compatibleEntries)
	k.compatible.embedded = cairo.Compatible
	k.extended = escrowClass(cairo.Extended.Hash().String(), escrow.Extended, attestation.RulesLowS, cairo282, escrowEntries, viewEntries, extendedEntries)
	k.extended.embedded = cairo.Extended
	k.extended.declaring, k.extended.deploying = 1_153_778_560, cost{done: 833_600, undone: 90_000, failed: 91_200, data: 480}
	k.extended.prices = map[hexFelt]func(*state, *call) cost{selector("release_batch"): batchCost}
	k.extended.traces = map[hexFelt][]int{selCreateDeal: {9289, 393, 5229}, selReleaseChunk: {18027, 1278, 6174, 14182}}

	k.mock = add(newClass(cairo.MockERC20.Hash().String(), cairo282, mockEntries))
	k.mock.embedded = cairo.MockERC20
	k.mock.birth = func(s *state, c *contract) { c.mock = newMock(s) }
	k.mock.declaring, k.mock.deploying = 272_653_440, cost{done: 421_440, undone: 90_000, failed: 65_600, data: 96}
	k.mock.traces = map[hexFelt][]int{selTransferFromCall: {2782, 1253, 3382}, selTransferCall: {2782, 827}}

	k.strk = add(newClass("0x76791ef97c042f81fbf352ad95f39a22554ee8d7927b2ce3c681f3418b5206a", []uint64{1, 7, 0, 2, 10, 1}, tokenEntries))
	k.eth = add(newClass("0x9524a94b41c4440a16fd96d7c1ef6ad6f44c1c013e96662734502cd4ee9b1f", []uint64{1, 7, 0, 2, 10, 1}, tokenEntries))
	k.account = add(newClass("0x5b4b537eaa2399e3aa99c4e2e0208ebd6c71bc1467938cd52c798c601e43564", []uint64{1, 6, 0, 2, 9, 4}, accountEntries))
	k.account.constructor = constructAccount
	k.account.declaring, k.account.deploying = 764_356_480, cost{done: 652_160, undone: 90_000, failed: 86_080, data: 288}
	k.account.traces = map[hexFelt][]int{selExecute: {7331, 188, 2616, 3553, 4820, 5564, 6675}}
	k.deployer = add(newClass("0x1b2df6d8861670d4a8ca4670433b2418d78169c2947f46dc614e69f333745c8", []uint64{1, 7, 0, 2, 11, 4}, deployerEntries))
	k.deployer.prices = map[hexFelt]func(*state, *call) cost{selDeployContract: deployCost, selDeploySnake: deployCost}
	k.deployer.traces = map[hexFelt][]int{selDeployContract: {774, 422}, selDeploySnake: {774, 152}}
	k.deployer0 = add(newClass("0x7b3e05f48f0c69e4a65ce5e076a66271a527aff2c34ce1083ec6e1526997a69", nil, deployer0Entries))
	k.deployer0.prices = map[hexFelt]func(*state, *call) cost{selDeployContract: deployCost}
	k.deployer0.traces = map[hexFelt][]int{selDeployContract: {32, 174, 127}}
	return k
})

// pcNextCall is where OpenZeppelin's account goes on to its next call.
const pcNextCall = 6692

// escrow is the class of the escrow that a node is born with.
func (k *catalogue) escrow(o Options) *class {
	switch {
	case o.Class == escrow.Extended:
		return k.extended
	case o.Rules == attestation.RulesLegacy:
		return k.referenceLegacy
	}
	return k.referenceLowS
}

// wireClass is CONTRACT_CLASS of the classes that are not embedded. Only the
// first six felts of the program are there: the versions of Sierra and of the
// compiler, which is what clients look at. The rest would be a program; this
// node runs Go. The ABI is empty for the same reason.
type wireClass struct {
	Program     []hexFelt   `json:"sierra_program"`
	Version     string      `json:"contract_class_version"`
	EntryPoints entryPoints `json:"entry_points_by_type"`
	ABI         string      `json:"abi"`
}

type entryPoints struct {
	Constructor []entryPoint `json:"CONSTRUCTOR"`
	External    []entryPoint `json:"EXTERNAL"`
	L1Handler   []entryPoint `json:"L1_HANDLER"`
}

type entryPoint struct {
	Selector hexFelt `json:"selector"`
	Index    uint64  `json:"function_idx"`
}

// wire is the class as the node serves it.
func (c *class) wire() any {
	if c.embedded.Valid() {
		return c.embedded.JSON()
	}
	if c.program == nil {
		return deprecatedClass()
	}
	out := wireClass{Program: c.program, Version: "0.1.0", ABI: "[]"}
	for sel := range c.entries {
		out.EntryPoints.External = append(out.EntryPoints.External, entryPoint{Selector: sel})
	}
	slices.SortFunc(out.EntryPoints.External, func(a, b entryPoint) int { return a.Selector.felt().Cmp(b.Selector.felt()) })
	for i := range out.EntryPoints.External {
		out.EntryPoints.External[i].Index = uint64(i)
	}
	out.EntryPoints.Constructor, out.EntryPoints.L1Handler = []entryPoint{}, []entryPoint{}
	if c.constructor != nil {
		out.EntryPoints.Constructor = append(out.EntryPoints.Constructor, entryPoint{selConstructor, uint64(len(c.entries))})
	}
	return out
}

// deprecatedClass is DEPRECATED_CONTRACT_CLASS of the Cairo 0 deployer, with
// an empty program: gzip of {} in base64.
func deprecatedClass() json.RawMessage {
	return json.RawMessage(`{"program":"H4sIAAAAAAAC/6uuBQBDv6ajAgAAAA==","entry_points_by_type":{"CONSTRUCTOR":[],"EXTERNAL":[{"offset":"0x9b","selector":"0x1987cbd17808b9a23693d4de7e246a443cfe37e6e7fbaeabd7d7e6532b07c3d"}],"L1_HANDLER":[]},"abi":[]}`)
}
