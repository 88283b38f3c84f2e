package simulated_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slastream/slastream-go/starknet"
)

// worldStart is where both clocks are set before the script, Unix seconds.
const worldStart = 1_900_000_000

// A normalizer replaces in an answer what may differ between two nodes: felts
// with a name by their name, times by thousands of seconds since worldStart,
// gas by gas, which is compared with a tolerance.
type normalizer struct {
	names map[string]string
	keyed bool // events of tokens are compared in the form with from and to as keys
}

var hexFelt = regexp.MustCompile(`0x[0-9a-fA-F]+`)

func (n normalizer) value(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[n.text(k)] = n.value(k, e)
		}
		if slot, ok := v["key"].(string); ok && v["value"] != nil && strings.HasPrefix(n.names[shortest(slot)], "balance of ") {
			out["value"] = "a balance" // fees come out of it
		}
		if n.keyed {
			keyEvent(out)
		}
		if key == "fee_transfer_invocation" {
			hideFee(out)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = n.value(key, e)
		}
		if key == "storage_diffs" {
			out = slices.DeleteFunc(out, ofBlockHashes)
		}
		switch key {
		case "storage_diffs", "storage_entries", "nonces", "initial_reads":
			slices.SortFunc(out, func(a, b any) int { return strings.Compare(show(a), show(b)) }) // in no order
		}
		return out
	case string:
		switch {
		case isGas(key):
			return gasOf(v)
		case key == "continuation_token":
			return "a token" // opaque
		}
		return n.text(v)
	case json.Number:
		if isGas(key) {
			return gasOf(v.String())
		}
		if t, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			if name, ok := timeName(t); ok {
				return name
			}
		}
		return v
	}
	return v
}

// text names the felts in a text. Felts of full length stay recognizable.
func (n normalizer) text(s string) string {
	return hexFelt.ReplaceAllStringFunc(s, func(f string) string {
		short := shortest(f)
		name, ok := n.names[short]
		if !ok {
			if t, err := strconv.ParseUint(short, 0, 64); err == nil {
				name, ok = timeName(t)
			}
		}
		switch {
		case !ok:
			return f
		case f == short:
			return "{" + name + "}"
		case len(f) == 66:
			return "{" + name + ", padded}"
		}
		return "{" + name + ", " + strconv.Itoa(len(f)) + " digits}"
	})
}

// timeName is a time of the script. The clock of a real node goes on, so that
// times are only compared to 1,000 seconds.
func timeName(t uint64) (string, bool) {
	if t < worldStart || t >= worldStart+100_000_000 {
		return "", false
	}
	return fmt.Sprintf("start+%d", (t-worldStart)/1000*1000), true
}

// ofBlockHashes reports whether changes of storage are those of contract 0x1,
// which holds the hashes of blocks. The simulated node has no such contract.
func ofBlockHashes(diff any) bool {
	object, _ := diff.(map[string]any)
	return object["address"] == "0x1"
}

// hideFee removes the amount from the call of the token that pays the fee.
func hideFee(call map[string]any) {
	if data, ok := call["calldata"].([]any); ok && len(data) == 3 {
		data[1] = "fee"
	}
	events, _ := call["events"].([]any)
	for _, e := range events {
		e, _ := e.(map[string]any)
		if data, ok := e["data"].([]any); ok && len(data) >= 2 {
			data[len(data)-2] = "fee"
		}
	}
}

// keyEvent brings a Transfer or Approval of the older class of STRK, which has
// the addresses as data, to the form of the newer one, which has them as keys.
func keyEvent(event map[string]any) {
	keys, _ := event["keys"].([]any)
	data, _ := event["data"].([]any)
	if len(keys) == 1 && len(data) == 4 && (keys[0] == selectorHex("Transfer") || keys[0] == selectorHex("Approval")) {
		event["keys"], event["data"] = []any{keys[0], data[0], data[1]}, data[2:]
	}
}

func selectorHex(name string) string { return starknet.Selector(name).String() }

func isGas(key string) bool {
	switch key {
	case "l1_gas", "l2_gas", "l1_data_gas", "l1_gas_consumed", "l2_gas_consumed", "l1_data_gas_consumed", "overall_fee":
		return true
	}
	return false
}

// gas is an amount of gas, or of FRI for gas.
type gas float64

func gasOf(number string) any {
	v, ok := new(big.Float).SetString(number)
	if !ok {
		return "no number: " + number
	}
	f, _ := v.Float64()
	return gas(f)
}

// near reports whether the simulated node's gas is near enough to the devnet's.
// The simulated node has a table of what the calls cost on starknet-devnet
// 0.6.1; 0.10.1 counts more for storage. The parts of a trace need only be 0 or
// not.
func (a gas) near(b gas, version, path string) bool {
	factor := gas(2)
	switch {
	case a == 0 || b == 0:
		return a == b
	case strings.Contains(path, "_invocation."):
		return true
	case version != "0.9.0":
		factor = 4
	case strings.HasSuffix(path, ".l2_gas"):
		factor = 1.5
	}
	return a <= factor*b && b <= factor*a
}

// A difference is one value that the nodes have different, or that one of them
// does not have.
type difference struct {
	step, path   string
	ours, theirs string
	code         string // of the devnet's error, if it is one
}

func (d difference) String() string {
	return fmt.Sprintf("%s\n   at %s\n   simulated %s\n   devnet    %s", d.step, d.path, d.ours, d.theirs)
}

// compare lists the differences of two values, in the order of the paths.
func compare(version, step, path string, ours, theirs any) []difference {
	switch a := ours.(type) {
	case gas:
		if b, ok := theirs.(gas); ok && a.near(b, version, path) {
			return nil
		}
	case map[string]any:
		b, ok := theirs.(map[string]any)
		if !ok {
			break
		}
		var out []difference
		keys := slices.Collect(maps.Keys(a))
		for k := range b {
			if _, both := a[k]; !both {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		for _, k := range keys {
			x, inA := a[k]
			y, inB := b[k]
			at := path + "." + k
			switch {
			case inA && inB:
				out = append(out, compare(version, step, at, x, y)...)
			case inA:
				out = append(out, difference{step: step, path: at, ours: show(x), theirs: "nothing"})
			default:
				out = append(out, difference{step: step, path: at, ours: "nothing", theirs: show(y)})
			}
		}
		return out
	case []any:
		b, ok := theirs.([]any)
		if !ok {
			break
		}
		var out []difference
		for i := range min(len(a), len(b)) {
			out = append(out, compare(version, step, path+"."+strconv.Itoa(i), a[i], b[i])...)
		}
		if len(a) != len(b) {
			out = append(out, difference{step: step, path: path, ours: fmt.Sprintf("%d items: %s", len(a), show(ours)), theirs: fmt.Sprintf("%d items: %s", len(b), show(theirs))})
		}
		return out
	}
	if x, y := show(ours), show(theirs); x != y {
		return []difference{{step: step, path: path, ours: x, theirs: y}}
	}
	return nil
}

func show(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // decoded from JSON
	return strings.TrimSpace(b.String())
}

// compareLogs lists the differences of two runs of the script.
func compareLogs(ours, theirs *side) []difference {
	var out []difference
	keyed := ours.version != "0.9.0"
	a, b := normalizer{ours.names, keyed}, normalizer{theirs.names, keyed}
	rest := make(map[string]any, len(theirs.log))
	for _, x := range theirs.log {
		rest[x.step] = x.answer
	}
	for _, x := range ours.log {
		y, ok := rest[x.step]
		if !ok {
			out = append(out, difference{step: x.step, ours: show(a.value("", x.answer)), theirs: "not asked: the step before was refused"})
			continue
		}
		delete(rest, x.step)
		found := compare(ours.version, x.step, "", a.value("", x.answer), b.value("", y))
		for i := range found {
			found[i].code = errorCode(y)
		}
		out = append(out, found...)
	}
	for _, y := range theirs.log {
		if _, ok := rest[y.step]; ok {
			out = append(out, difference{step: y.step, ours: "not asked: the step before was refused", theirs: show(b.value("", y.answer))})
		}
	}
	return out
}

// errorCode is the code of an answer that is an error.
func errorCode(answer any) string {
	for _, member := range []string{"body", "error", "code"} {
		object, _ := answer.(map[string]any)
		answer = object[member]
	}
	code, _ := answer.(json.Number)
	return code.String()
}
