package slastream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/levenshtein"
)

// ParseRegistry reads a registry: a JSON list of deployments, or one, as
// escrowctl writes it.
//
//	[{"chainId": "0x534e5f5345504f4c4941", "class": "compatible", "rules": "lows",
//	  "escrow": "0x…", "token": "0x…", "key": {"x": "0x…", "y": "0x…"},
//	  "classHash": "0x…", "owner": "0x…", "startBlock": 123456}]
//
// The last line and rules may be left out, nothing else. It is strict, because a
// misspelt member would be a default that nobody chose: unknown and repeated
// members, null, other types and anything after the list are errors, as is all
// that [Registry.Add] refuses. At most 1 MiB and 1024 deployments are read.
func ParseRegistry(b []byte) (*Registry, error) {
	if len(b) > maxRegistry {
		return nil, fmt.Errorf("slastream: registry of %d bytes: want at most %d", len(b), maxRegistry)
	}
	r := new(Registry)
	list, err := elements(b)
	if err != nil {
		return nil, fmt.Errorf("slastream: registry: %w", err)
	}
	for i, e := range list {
		var d Deployment
		if err := d.UnmarshalJSON(e); err != nil {
			return nil, fmt.Errorf("slastream: registry: deployment %d: %w", i, err)
		}
		if err := r.Add(d); err != nil {
			return nil, fmt.Errorf("deployment %d: %w", i, err)
		}
	}
	return r, nil
}

// elements returns the deployments of a list, or the only one.
func elements(b []byte) ([]json.RawMessage, error) {
	switch text := bytes.TrimLeft(b, " \t\r\n"); {
	case len(text) > 0 && text[0] == '{':
		return []json.RawMessage{b}, nil
	case len(text) == 0 || text[0] != '[':
		return nil, fmt.Errorf("%q: want a list of deployments", excerpt(string(text)))
	}
	var list []json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, err
	}
	if len(list) > maxDeployments {
		return nil, fmt.Errorf("%d deployments: want at most %d", len(list), maxDeployments)
	}
	return list, nil
}

// A member is one of those that a JSON object may have.
type member struct {
	name     string
	into     any
	required bool
}

func (d *Deployment) members(rules *string) []member {
	return []member{
		{"chainId", &d.ChainID, true},
		{"escrow", &d.Escrow, true},
		{"token", &d.Token, true},
		{"key", (*strictKey)(&d.Key), true},
		{"class", &d.Class, true},
		{"rules", rules, false},
		{"classHash", &d.ClassHash, false},
		{"owner", &d.Owner, false},
		{"startBlock", &d.StartBlock, false},
	}
}

// UnmarshalJSON reads one deployment as strictly as [ParseRegistry].
func (d *Deployment) UnmarshalJSON(b []byte) error {
	var in Deployment
	rules := attestation.RulesLowS.String()
	if err := object(b, in.members(&rules)); err != nil {
		return err
	}
	switch rules {
	case attestation.RulesLowS.String():
		in.Rules = attestation.RulesLowS
	case attestation.RulesLegacy.String():
		in.Rules = attestation.RulesLegacy
	default:
		return fmt.Errorf("rules %q: want lows or legacy", excerpt(rules))
	}
	*d = in
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (d Deployment) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	rules := d.Rules.String()
	for i, m := range d.members(&rules) {
		value, err := json.Marshal(m.into)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%c%q:%s", "{,"[min(i, 1)], m.name, value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// MarshalJSON writes the list that [ParseRegistry] reads.
func (r Registry) MarshalJSON() ([]byte, error) {
	if r.deployments == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(r.deployments)
}

// UnmarshalJSON is [ParseRegistry].
func (r *Registry) UnmarshalJSON(b []byte) error {
	parsed, err := ParseRegistry(b)
	if err != nil {
		return err
	}
	*r = *parsed
	return nil
}

// A strictKey is a public key whose JSON object has x and y and nothing else.
type strictKey attestation.PublicKey

func (k *strictKey) UnmarshalJSON(b []byte) error {
	return object(b, []member{{"x", &k.X, true}, {"y", &k.Y, true}})
}

// MarshalJSON writes what package attestation does.
func (k *strictKey) MarshalJSON() ([]byte, error) { return json.Marshal((*attestation.PublicKey)(k)) }

// object reads a JSON object with these members, each at most once.
func object(b []byte, members []member) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("%q: want an object", excerpt(string(b)))
	}
	seen := make(map[string]bool, len(members))
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		name, ok := t.(string)
		if !ok {
			return fmt.Errorf("%v: want the name of a member", t)
		}
		i := slices.IndexFunc(members, func(m member) bool { return m.name == name })
		switch {
		case i < 0:
			return fmt.Errorf("unknown member %q; the nearest is %q", excerpt(name), nearest(name, members))
		case seen[name]:
			return fmt.Errorf("member %q is there twice", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if string(value) == "null" {
			return fmt.Errorf("%s is null", name)
		}
		if err := json.Unmarshal(value, members[i].into); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more after the object")
	}
	for _, m := range members {
		if m.required && !seen[m.name] {
			return fmt.Errorf("no member %q", m.name)
		}
	}
	return nil
}

// nearest returns the name with the fewest letters to change, ignoring case.
func nearest(name string, members []member) string {
	name = strings.ToLower(name[:min(len(name), 64)])
	return slices.MinFunc(members, func(a, b member) int {
		return levenshtein.Distance(name, strings.ToLower(a.name)) - levenshtein.Distance(name, strings.ToLower(b.name))
	}).name
}
