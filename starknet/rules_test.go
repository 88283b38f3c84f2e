package starknet_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/cairo"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// TestDetectRulesOfKnownClasses: one question besides that for the version.
func TestDetectRulesOfKnownClasses(t *testing.T) {
	for name, test := range map[string]struct {
		options simulated.Options
		want    attestation.Rules
	}{
		"reference, Cairo 2.14": {simulated.Options{}, attestation.RulesLowS},
		"reference, Cairo 2.8":  {simulated.Options{Rules: attestation.RulesLegacy}, attestation.RulesLegacy},
		"extended, Cairo 2.8":   {simulated.Options{Class: escrow.Extended}, attestation.RulesLowS},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCity(t, test.options)
			rules, err := starknet.DetectRules(t.Context(), c.caller, c.node.Escrow())
			require.NoError(t, err)
			require.Equal(t, test.want, rules)
			require.Equal(t, map[string]int{"starknet_specVersion": 1, "starknet_getClassHashAt": 1}, c.caller.calls)
		})
	}
	node := newScript(t)
	for class, want := range map[cairo.Class]attestation.Rules{cairo.Compatible: attestation.RulesLegacy, cairo.Extended: attestation.RulesLowS} {
		node.answer("starknet_getClassHashAt", feltOf(t, class.Hash().String()).String())
		rules, err := starknet.DetectRules(t.Context(), node.client(), escrowAddress)
		require.NoError(t, err, class)
		require.Equal(t, want, rules, class)
	}
}

// class is CONTRACT_CLASS with that compiler and those entry points.
func class(compiler [3]string, more string, entryPoints ...string) json.RawMessage {
	points := []string{}
	for _, name := range entryPoints {
		points = append(points, `{"selector":"`+starknet.Selector(name).String()+`","function_idx":0}`)
	}
	return json.RawMessage(`{"abi":"[{\"type\":\"function\"}]","contract_class_version":"0.1.0","sierra_program":["0x1","0x7","0x0","` + strings.Join(compiler[:], `","`) + `"` + more + `],` +
		`"entry_points_by_type":{"CONSTRUCTOR":[],"EXTERNAL":[` + strings.Join(points, ",") + `],"L1_HANDLER":[]}}`)
}

// TestDetectRulesOfOtherClasses: the compiler decides, else the escrow's own
// answer.
func TestDetectRulesOfOtherClasses(t *testing.T) {
	const legacy, lowS, unknown = attestation.RulesLegacy, attestation.RulesLowS, attestation.Rules(99)
	probed := map[string]attestation.Rules{"Option::unwrap failed.": legacy, "Signature recovery failed": lowS, "Contract is paused": unknown, "": unknown}
	for name, test := range map[string]struct {
		class  json.RawMessage // nil: the node has no such method
		reason string          // that the probe hears, "-" if it must not ask
		want   attestation.Rules
	}{
		"2.13.1":                      {class([3]string{"0x2", "0xd", "0x1"}, ""), "-", legacy},
		"2.14.0":                      {class([3]string{"0x2", "0xe", "0x0"}, `,"0x5","0x6"`), "-", lowS},
		"2.20.3":                      {class([3]string{"0x2", "0x14", "0x3"}, "", "release_chunk"), "-", lowS},
		"3.0.0":                       {class([3]string{"0x3", "0x0", "0x0"}, ""), "-", lowS},
		"1.99.99":                     {class([3]string{"0x1", "0x63", "0x63"}, ""), "-", legacy},
		"2.8.2 with its own check":    {class([3]string{"0x2", "0x8", "0x2"}, "", "release_chunk", "release_batch"), "Signature recovery failed", lowS},
		"2.8.2 without its own check": {class([3]string{"0x2", "0x8", "0x2"}, "", "release_batch"), "Option::unwrap failed.", legacy},
		"2.14.0 with release_batch":   {class([3]string{"0x2", "0xe", "0x0"}, "", "release_batch"), "-", lowS},
		"no such method":              {nil, "Option::unwrap failed.", legacy},
		"class of Cairo 0":            {json.RawMessage(`{"program":"H4sI","entry_points_by_type":{"EXTERNAL":[{"offset":"0x1","selector":"0x2"}]}}`), "Signature recovery failed", lowS},
		"program too short":           {json.RawMessage(`{"sierra_program":["0x1","0x7","0x0","0x2","0xe"]}`), "Signature recovery failed", lowS},
		"program is no list":          {json.RawMessage(`{"sierra_program":7}`), "Signature recovery failed", lowS},
		"version is a huge felt":      {class([3]string{"0x7ffffffffffffffffffffffffffffffffffffffffffffffff", "0xe", "0x0"}, ""), "Signature recovery failed", lowS},
		"no object":                   {json.RawMessage(`"0x2"`), "Signature recovery failed", lowS},
		"paused":                      {nil, "Contract is paused", unknown},
		"the signature is taken":      {nil, "", unknown},
	} {
		t.Run(name, func(t *testing.T) {
			node := newScript(t)
			node.answer("starknet_getClassHashAt", "0x1234")
			if test.class != nil {
				node.answer("starknet_getClassAt", test.class)
			}
			answerProbe(t, node, test.reason)
			rules, err := starknet.DetectRules(t.Context(), node.client(), escrowAddress)
			if test.want == unknown {
				require.ErrorIs(t, err, starknet.ErrRules)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, rules)
			if test.reason == "-" {
				require.Len(t, node.asked, 2)
			} else {
				require.Equal(t, probed[test.reason], rules)
			}
		})
	}
}

// answerProbe is an escrow whose newest deal has ended, and whose deal before
// has its chunk 1 open.
func answerProbe(t *testing.T, node *script, reason string) {
	node.on("starknet_call", func(params []json.RawMessage) (any, error) {
		require.NotEqual(t, "-", reason, "the escrow is not asked")
		var r struct {
			Selector string `json:"entry_point_selector"`
			Calldata []string
		}
		require.NoError(t, json.Unmarshal(params[0], &r))
		revert := func(text string) error {
			f, err := starknet.ShortString(text)
			require.NoError(t, err)
			return &jsonrpc.Error{Code: 40, Message: "Contract error", Data: json.RawMessage(`{"revert_error":{"contract_address":"0xee","class_hash":"0x1","selector":"0x1","error":"[\"` + f.String() + `\"]"}}`)}
		}
		switch r.Selector {
		case starknet.Selector("get_deal_counter").String():
			return []string{"0x2", "0x0"}, nil
		case starknet.Selector("get_deal").String():
			d := slastream.Deal{Client: slastream.Address{1}, Chunks: 3, Released: 2}
			d.Active = r.Calldata[0] == "0x1"
			return hexes(starknet.EncodeDeal(d)), nil
		}
		require.Equal(t, starknet.Selector("release_chunk").String(), r.Selector)
		require.Equal(t, "0x1", r.Calldata[0], "only the open deal is asked about")
		switch {
		case r.Calldata[2] != "0x1":
			return nil, revert("Chunk already released")
		case reason == "":
			return []string{}, nil
		}
		return nil, revert(reason)
	})
}

// TestProbeOnModel: the probe agrees with the class on a node that runs the
// model of the contract.
func TestProbeOnModel(t *testing.T) {
	for _, rules := range []attestation.Rules{attestation.RulesLowS, attestation.RulesLegacy} {
		c := newCity(t, simulated.Options{Rules: rules})
		c.caller.before = func(method string, _ []any) error {
			if method == "starknet_getClassHashAt" || method == "starknet_getClassAt" {
				return &jsonrpc.Error{Code: -32601, Message: "Method not found"}
			}
			return nil
		}
		_, err := starknet.DetectRules(t.Context(), c.caller, c.node.Escrow())
		require.ErrorIs(t, err, starknet.ErrRules, "no deal to ask about")
		deal := c.create(c.node.Accounts()[2].Address, 3, 9000)
		require.NoError(t, c.escrow(3).Release(t.Context(), c.sign(deal, 1)))
		got, err := starknet.DetectRules(t.Context(), c.caller, c.node.Escrow())
		require.NoError(t, err)
		require.Equal(t, rules, got)
	}
}

// TestProbeFailure: a node that is away decides nothing about the escrow.
func TestProbeFailure(t *testing.T) {
	node := newScript(t)
	node.answer("starknet_getClassHashAt", "0x1234")
	node.fail("starknet_call", -32603, "Internal error", "")
	_, err := starknet.DetectRules(t.Context(), node.client(), escrowAddress)
	require.ErrorContains(t, err, "Internal error")
	require.NotErrorIs(t, err, starknet.ErrRules)
}

func TestDetectRulesWithoutContract(t *testing.T) {
	node := newScript(t)
	node.fail("starknet_getClassHashAt", 20, "Contract not found", "")
	_, err := starknet.DetectRules(t.Context(), node.client(), escrowAddress)
	require.ErrorIs(t, err, starknet.ErrRules)
	node.fail("starknet_getClassHashAt", -32603, "Internal error", "")
	_, err = starknet.DetectRules(t.Context(), node.client(), escrowAddress)
	require.ErrorContains(t, err, "Internal error")
	require.NotErrorIs(t, err, starknet.ErrRules)
}

// FuzzClass: whatever a node says a class is, the answer is rules or an error.
func FuzzClass(f *testing.F) {
	f.Add(string(class([3]string{"0x2", "0xe", "0x0"}, `,"0x5"`, "release_batch")))
	f.Add(`{"sierra_program":[`)
	f.Add(`{"sierra_program":["0x1","0x7","0x0","0x2",{},"0x0"],"entry_points_by_type":null}`)
	f.Add(`[[[]]]`)
	f.Fuzz(func(t *testing.T, body string) {
		if !json.Valid([]byte(body)) {
			return
		}
		node := newScript(t)
		node.answer("starknet_getClassHashAt", "0x1234")
		node.answer("starknet_getClassAt", json.RawMessage(body))
		node.fail("starknet_call", 21, "Requested entrypoint does not exist in the contract", "")
		rules, err := starknet.DetectRules(t.Context(), node.client(), escrowAddress)
		if err != nil {
			require.ErrorIs(t, err, starknet.ErrRules)
			return
		}
		require.LessOrEqual(t, rules, attestation.RulesLegacy)
	})
}
