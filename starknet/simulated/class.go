package simulated

import (
	"slices"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// A class is a contract class: the code of its entry points, in Go.
type class struct {
	hash    hexFelt
	program []hexFelt // version prefix of the Sierra program
	entries map[hexFelt]*entry
}

// An entry is one external entry point. run reads its arguments to the end
// before it does anything. Its error is a *slastream.RevertError.
type entry struct {
	name string
	cost cost
	run  func(*state, *call, *reader) ([]hexFelt, error)
}

func newClass(hash string, program []uint64, entries []entry) *class {
	c := &class{entries: make(map[hexFelt]*entry, len(entries))}
	c.hash = mustFelt(hash)
	for _, v := range program {
		c.program = append(c.program, number(v))
	}
	for i := range entries {
		c.entries[selector(entries[i].name)] = &entries[i]
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

// escrowClass has the hash and the versions of the reference escrow compiled
// with Cairo 2.14.0 or, for the legacy rules, 2.8.2; or those of the extended
// class of starknet/cairo.
func escrowClass(kind escrow.Class, rules attestation.Rules) *class {
	if kind == escrow.Extended {
		return newClass("0x10b40478a6ccdba9f0ea4d3f441c60c764daeee3396d82154a1b517a84e9cd6", []uint64{1, 6, 0, 2, 8, 2}, append(slices.Clone(escrowEntries), extendedEntries...))
	}
	if rules == attestation.RulesLegacy {
		return newClass("0x8b58a51d1d279cbd87ec2e89892835b896b9d256ddd7bfaa6f79891950d1ce", []uint64{1, 6, 0, 2, 8, 2}, escrowEntries)
	}
	return newClass("0x67ce52b98b51ba0a31fa971e848c9222eaff53c6e3d8438d1bf09a16a667fc9", []uint64{1, 7, 0, 2, 14, 0}, escrowEntries)
}

// tokenClass has the hash and the versions of STRK's class on starknet-devnet
// 0.6.1.
func tokenClass() *class {
	return newClass("0x76791ef97c042f81fbf352ad95f39a22554ee8d7927b2ce3c681f3418b5206a", []uint64{1, 7, 0, 2, 10, 1}, tokenEntries)
}

// accountClass has the hash and the versions of OpenZeppelin's account on
// starknet-devnet.
func accountClass() *class {
	return newClass("0x5b4b537eaa2399e3aa99c4e2e0208ebd6c71bc1467938cd52c798c601e43564", []uint64{1, 6, 0, 2, 9, 4}, accountEntries)
}

// wireClass is CONTRACT_CLASS. Only the first six felts of the program are
// there: the versions of Sierra and of the compiler, which is what clients
// look at. The rest would be a program; this node runs Go. The ABI is empty
// for the same reason.
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
	Index    int     `json:"function_idx"`
}

func (c *class) wire() wireClass {
	out := wireClass{Program: c.program, Version: "0.1.0", ABI: "[]"}
	for sel := range c.entries {
		out.EntryPoints.External = append(out.EntryPoints.External, entryPoint{Selector: sel})
	}
	slices.SortFunc(out.EntryPoints.External, func(a, b entryPoint) int { return a.Selector.felt().Cmp(b.Selector.felt()) })
	for i := range out.EntryPoints.External {
		out.EntryPoints.External[i].Index = i
	}
	out.EntryPoints.Constructor, out.EntryPoints.L1Handler = []entryPoint{}, []entryPoint{}
	return out
}
