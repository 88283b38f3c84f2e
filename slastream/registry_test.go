package slastream_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// oneDeployment is a file as examples/escrowctl writes it, for a key of the
// tests on a devnet.
const oneDeployment = `{
  "chainId": "0x00000000000000000000000000000000000000000000534e5f5345504f4c4941",
  "class": "extended",
  "classHash": "0x010b40478a6ccdba9f0ea4d3f441c60c764daeee3396d82154a1b517a84e9cd6",
  "escrow": "0x04bd5def3c550cc4a9edfd80156e76b083a565fa5f9516933b12bacfe6e5ad8e",
  "token": "0x0214c1f0940b2286838e58e86ef4bf2706d91d192453b16b96baa9955bc51af9",
  "owner": "0x0260a8311b4f1092db620b923e8d7d20e76dedcc615fb4b6fdf28315b81de201",
  "key": {
    "x": "0xda680ea6218490f81b9c60b2674e4628556180325ff7e05b41cb82bb6ddccd38",
    "y": "0x68dc6d4cffe4630a7b5dc81c265610815287b4b0043b2847ca989d458ac7770d"
  }
}
`

func deployment(t testing.TB) slastream.Deployment {
	r, err := slastream.ParseRegistry([]byte(oneDeployment))
	require.NoError(t, err)
	require.Equal(t, 1, r.Len())
	return slices.Collect(r.On(sepolia))[0]
}

func TestParseRegistryReadsWhatEscrowctlWrites(t *testing.T) {
	d := deployment(t)
	require.Equal(t, sepolia, d.ChainID)
	require.Equal(t, slastream.ClassExtended, d.Class)
	require.Equal(t, attestation.RulesLowS, d.Rules)
	require.Equal(t, "0x04bd5def3c550cc4a9edfd80156e76b083a565fa5f9516933b12bacfe6e5ad8e", d.Escrow.String())
	require.Equal(t, "0x0214c1f0940b2286838e58e86ef4bf2706d91d192453b16b96baa9955bc51af9", d.Token.String())
	require.Equal(t, "0x0260a8311b4f1092db620b923e8d7d20e76dedcc615fb4b6fdf28315b81de201", d.Owner.String())
	require.Equal(t, "0x010b40478a6ccdba9f0ea4d3f441c60c764daeee3396d82154a1b517a84e9cd6", d.ClassHash.String())
	require.Equal(t, "0xda680ea6218490f81b9c60b2674e4628556180325ff7e05b41cb82bb6ddccd38", d.Key.X.String())
	require.Equal(t, "0x68dc6d4cffe4630a7b5dc81c265610815287b4b0043b2847ca989d458ac7770d", d.Key.Y.String())
	require.Zero(t, d.StartBlock)
}

func TestRegistryRoundTrip(t *testing.T) {
	first := deployment(t)
	second, third := first, first
	second.ChainID = mainnet // the same address on another chain is another escrow
	third.Escrow, third.Class, third.Rules, third.StartBlock = contractAddr, slastream.ClassCompatible, attestation.RulesLegacy, math.MaxUint64
	third.Owner, third.ClassHash = slastream.Address{}, attestation.Word{}
	var r slastream.Registry
	for _, d := range []slastream.Deployment{first, second, third} {
		require.NoError(t, r.Add(d))
	}
	b, err := json.Marshal(r)
	require.NoError(t, err)
	again, err := slastream.ParseRegistry(b)
	require.NoError(t, err)
	require.Equal(t, r, *again)
	require.Equal(t, []slastream.Deployment{first, third}, slices.Collect(again.On(sepolia)))
	require.Equal(t, []slastream.Deployment{second}, slices.Collect(again.On(mainnet)))
	found, ok := again.At(sepolia, contractAddr)
	require.True(t, ok)
	require.Equal(t, third, found)
	_, ok = again.At(mainnet, contractAddr)
	require.False(t, ok)
	for range again.On(sepolia) {
		break // a caller may stop
	}

	var inside struct{ Escrows slastream.Registry }
	require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"escrows": %s}`, b), &inside))
	require.Equal(t, r, inside.Escrows)
	empty, err := json.Marshal(slastream.Registry{})
	require.NoError(t, err)
	require.Equal(t, "[]", string(empty))
	none, err := slastream.ParseRegistry(empty)
	require.NoError(t, err)
	require.Zero(t, none.Len())
}

// TestParseRegistryRefuses changes one thing of a good file each time.
func TestParseRegistryRefuses(t *testing.T) {
	replace := func(old, by string) string {
		require.Contains(t, oneDeployment, old)
		return strings.Replace(oneDeployment, old, by, 1)
	}
	escrowLine := `"escrow": "0x04bd5def3c550cc4a9edfd80156e76b083a565fa5f9516933b12bacfe6e5ad8e",`
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "want a list of deployments"},
		{"blanks", " \n\t", "want a list of deployments"},
		{"another type", `"0x1"`, `"\"0x1\"": want a list of deployments`},
		{"null", "null", "want a list of deployments"},
		{"no end of the list", "[" + oneDeployment, "unexpected end of JSON input"},
		{"no end of the object", `{"chainId": "0x1"`, "EOF"},
		{"something after the list", "[] []", "invalid character '[' after top-level value"},
		{"something after the object", oneDeployment + "{}", "more after the object"},
		{"a list of lists", "[[]]", `deployment 0: "[]": want an object`},
		{"a list with null", "[null]", `deployment 0: "null": want an object`},
		{"an unknown member", replace(`"class"`, `"comment"`), `unknown member "comment"`},
		{"a misspelt member", replace(`"owner"`, `"onwer"`), `unknown member "onwer"; the nearest is "owner"`},
		{"a member in other letters", replace(`"chainId"`, `"chainID"`), `unknown member "chainID"; the nearest is "chainId"`},
		{"a member with an underscore", replace(`"classHash"`, `"class_hash"`), `unknown member "class_hash"; the nearest is "classHash"`},
		{"the secret of escrowctl", replace(`"class"`, `"attester": "attester.json", "class"`), `unknown member "attester"`},
		{"an endless member", replace(`"class"`, `"`+strings.Repeat("x", 100_000)+`"`), `unknown member "xxx`},
		{"a member twice", replace(escrowLine, escrowLine+escrowLine), `member "escrow" is there twice`},
		{"a member that is null", replace(`"extended"`, "null"), "class is null"},
		{"no escrow", replace(escrowLine, ""), `no member "escrow"`},
		{"no key", oneDeployment[:strings.Index(oneDeployment, `"key"`)] + `"startBlock": 1}`, `no member "key"`},
		{"a key without y", replace(`,
    "y": "0x68dc6d4cffe4630a7b5dc81c265610815287b4b0043b2847ca989d458ac7770d"`, ""), `key: no member "y"`},
		{"a key with more", replace(`"x"`, `"z": "0x1", "x"`), `key: unknown member "z"`},
		{"a key that is text", replace(`{
    "x"`, `"0x04", "k": {"x"`), `key: "\"0x04\"": want an object`},
		{"a key off the curve", replace(`770d"`, `770e"`), "key is not on the curve"},
		{"an unknown class", replace(`"extended"`, `"Extended"`), `class "Extended": want compatible or extended`},
		{"a class by number", replace(`"extended"`, "1"), "class: json: cannot unmarshal number"},
		{"unknown rules", replace(`"class"`, `"rules": "low-s", "class"`), `rules "low-s": want lows or legacy`},
		{"rules that the class has not", replace(`"class"`, `"rules": "legacy", "class"`), "class extended with rules legacy"},
		{"an address out of range", replace(`"0x04bd`, `"0x84bd`), "escrow: slastream: address"},
		{"a zero escrow", replace(`"0x04bd5def3c550cc4a9edfd80156e76b083a565fa5f9516933b12bacfe6e5ad8e"`, `"0x0"`), "escrow is 0"},
		{"a zero token", replace(`"0x0214c1f0940b2286838e58e86ef4bf2706d91d192453b16b96baa9955bc51af9"`, `"0x0"`), "token is 0"},
		{"a zero chain", replace(`"0x00000000000000000000000000000000000000000000534e5f5345504f4c4941"`, `"0x0"`), "chainId is 0"},
		{"a start block below 0", replace(`"class"`, `"startBlock": -1, "class"`), "startBlock: json: cannot unmarshal number"},
		{"a start block as text", replace(`"class"`, `"startBlock": "1", "class"`), "startBlock: json: cannot unmarshal string"},
		{"the same escrow twice", "[" + oneDeployment + "," + oneDeployment + "]", "deployment 1: slastream: the escrow is in the registry already"},
		{"more than a mebibyte", strings.Repeat(" ", 1<<20) + "[]", "registry of 1048578 bytes: want at most 1048576"},
		{"more than 1024 deployments", "[" + strings.Repeat("1,", 1024) + "1]", "1025 deployments: want at most 1024"},
		{"a nest", strings.Repeat("[", 100_000), "exceeded max depth"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := slastream.ParseRegistry([]byte(test.text))
			require.ErrorContains(t, err, test.want)
			require.Nil(t, r)
			require.Less(t, len(err.Error()), 500, "the error quotes too much")
			require.Equal(t, 1, strings.Count(err.Error(), "slastream: registry")+strings.Count(err.Error(), "slastream: deployment")+
				strings.Count(err.Error(), "already"), "%v", err)

			var kept slastream.Registry
			require.NoError(t, kept.Add(deployment(t)))
			require.Error(t, kept.UnmarshalJSON([]byte(test.text)))
			require.Equal(t, 1, kept.Len(), "a refused file changed the registry")
		})
	}
}

func TestRegistryAddRefuses(t *testing.T) {
	var r slastream.Registry
	d := deployment(t)
	require.NoError(t, r.Add(d))
	require.ErrorIs(t, r.Add(d), slastream.ErrKnownDeployment)
	for _, test := range []struct {
		name   string
		change func(*slastream.Deployment)
		want   string
	}{
		{"the zero key", func(d *slastream.Deployment) { d.Key = attestation.PublicKey{} }, "key is not on the curve"},
		{"a class of the future", func(d *slastream.Deployment) { d.Class = 2 }, "class 2"},
		{"rules of the future", func(d *slastream.Deployment) { d.Class, d.Rules = 0, 2 }, "rules 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			other := d
			other.Escrow = contractAddr
			test.change(&other)
			require.ErrorContains(t, r.Add(other), test.want)
		})
	}
	for i := 1; i < 1024; i++ {
		d.Escrow = slastream.Address{29: 1, 30: byte(i >> 8), 31: byte(i)}
		require.NoError(t, r.Add(d))
	}
	d.Escrow = slastream.Address{28: 1}
	require.ErrorContains(t, r.Add(d), "more than 1024 deployments")
	require.Equal(t, 1024, r.Len())
}

// FuzzParseRegistry holds that nothing makes the parser panic, that what it
// reads it writes and reads again, and that encoding/json, which is less strict,
// reads the same values.
func FuzzParseRegistry(f *testing.F) {
	for _, s := range []string{
		"", "[]", "{}", "[{}]", oneDeployment, "[" + oneDeployment + "]",
		strings.Replace(oneDeployment, `"class": "extended"`, `"class": "compatible", "rules": "legacy", "startBlock": 18446744073709551615`, 1),
		strings.Replace(oneDeployment, `"owner"`, `"\u006fwner"`, 1),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := slastream.ParseRegistry(b)
		if err != nil {
			require.Nil(t, r)
			return
		}
		out, err := json.Marshal(r)
		require.NoError(t, err)
		again, err := slastream.ParseRegistry(out)
		require.NoError(t, err)
		require.Equal(t, slices.Collect(r.On(sepolia)), slices.Collect(again.On(sepolia)))
		require.Equal(t, r.Len(), again.Len())

		type plain struct {
			ChainID    attestation.Word `json:"chainId"`
			Escrow     slastream.Address
			Token      slastream.Address
			Key        attestation.PublicKey
			Class      slastream.Class
			Rules      string
			ClassHash  attestation.Word
			Owner      slastream.Address
			StartBlock uint64
		}
		var list []plain
		if json.Unmarshal(b, &list) != nil {
			list = make([]plain, 1)
			require.NoError(t, json.Unmarshal(b, &list[0]))
		}
		require.Len(t, list, r.Len())
		for _, p := range list {
			d, ok := r.At(p.ChainID, p.Escrow)
			require.True(t, ok)
			if p.Rules == "" {
				p.Rules = "lows"
			}
			require.Equal(t, p, plain{d.ChainID, d.Escrow, d.Token, d.Key, d.Class, d.Rules.String(), d.ClassHash, d.Owner, d.StartBlock})
		}
	})
}
