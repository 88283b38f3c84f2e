package simulated

import (
	"encoding/json"
	"slices"
)

// flags reads a list of response, trace or subscription flags, all of which
// are new in RPC 0.10, and says which of the known ones are set.
func flags(v version, a args, i int, name string, known ...string) (map[string]bool, error) {
	list, err := arg[[]string](a, i)
	switch {
	case err != nil:
		return nil, err
	case v < v010 && a[i] != nil:
		return nil, invalid("%s: not in RPC %v", name, v)
	}
	set := make(map[string]bool)
	for _, flag := range list {
		if !slices.Contains(known, flag) {
			return nil, invalid("%s: unknown variant `%s`", name, excerpt(flag))
		}
		set[flag] = true
	}
	return set, nil
}

// proofFacts reads the one flag of answers with transactions: whether they have
// proof_facts.
func proofFacts(v version, a args, i int) (bool, error) {
	set, err := flags(v, a, i, "response_flags", "INCLUDE_PROOF_FACTS")
	return len(set) > 0, err
}

// answer is the transaction on the wire. No transaction here proves anything.
func (t *transaction) answer(withHash, proofFacts bool) any {
	if proofFacts && t.kind == typeInvoke {
		return with(t.wire(withHash), "proof_facts", []hexFelt{})
	}
	return t.wire(withHash)
}

// with is the JSON object of v with one more field.
func with(v any, name string, value any) json.RawMessage {
	object, err := json.Marshal(v)
	if err != nil {
		panic(err) // felts, numbers and strings of this package
	}
	field, err := json.Marshal(map[string]any{name: value})
	if err != nil {
		panic(err) // likewise
	}
	return append(append(object[:len(object)-1], ','), field[1:]...)
}
