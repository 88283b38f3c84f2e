package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// smallest is the smallest file that is accepted.
const smallest = `{
 "starknet": {"rpc": "http://127.0.0.1:1/rpc", "chain_id": "0x534e5f5345504f4c4941", "escrow": "0x5", "accounts": [{"address": "0x6", "private_key": "0x7"}]},
 "fevm": {"rpc": "http://127.0.0.1:2", "chain_id": 314159, "pdp_verifier": "0x85e366Cf9DD2c0aE37E963d9556F5f4718d6417C"},
 "attester": {"private_key": "0x2a"},
 "relay": {}
}`

func TestConfigDefaults(t *testing.T) {
	c, err := parseConfig(t, smallest)
	require.NoError(t, err)
	r := &c.Relay
	require.Equal(t, []string{"relay.db", "relay.db.journal", "relay.db.proofs", "local", "127.0.0.1:9100", "finalized", "text"},
		[]string{r.Store, r.Journal, r.Checkpoint, r.Signer, r.HTTP, r.Finality, r.Log})
	require.Equal(t, 15*time.Second, time.Duration(r.Poll))
	require.Equal(t, uint64(240), r.Period)
	require.False(t, c.open)
}

func parseConfig(t testing.TB, text string) (*config, error) {
	path := filepath.Join(t.TempDir(), "c.json")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	c, err := readConfig(path)
	if err != nil {
		message, ok := strings.CutPrefix(err.Error(), path+": ")
		require.True(t, ok, err)
		err = fmt.Errorf("%s", message)
	}
	return c, err
}

// TestConfigRefused changes one thing of a good file at a time.
func TestConfigRefused(t *testing.T) {
	for _, test := range []struct{ name, from, to, want string }{
		{"no JSON", `{`, `{{`, `no JSON in line 1: invalid character '{'`},
		{"cut off", "\n}", "", `no JSON: it ends too early`},
		{"two objects", "\n}", "\n}{}", `there is something behind the object: want one object`},
		{"null for an object", `"relay": {}`, `"relay": null`, `relay is null: want an object`},
		{"a list", smallest, `[]`, `the file is [: want an object`},
		{"unknown key", `"relay": {}`, `"relay": {"polll": "1s"}`, `unknown key relay.polll: did you mean relay.poll?`},
		{"key of another object", `"relay": {}`, `"relay": {}, "poll": "1s"`, `unknown key poll: did you mean relay.poll?`},
		{"key in another case", `"relay": {}`, `"relay": {"Store": "a"}`, `unknown key relay.Store: did you mean relay.store?`},
		{"unknown key in a list", `"relay": {}`, `"relay": {"bindings": [{"deal": "0x1", "sett": "0x1"}]}`, `unknown key relay.bindings[0].sett: did you mean relay.bindings.set?`},
		{"key twice", `"relay": {}`, `"relay": {"poll": "1s", "poll": "1s"}`, `relay.poll is there twice: keep one`},
		{"object twice", `"relay": {}`, `"relay": {}, "relay": {}`, `relay is there twice: keep one`},
		{"number for a duration", `"relay": {}`, `"relay": {"poll": 100}`, `relay.poll is 100: want a duration in quotes, such as "15s", "5m" or "2h"`},
		{"duration without unit", `"relay": {}`, `"relay": {"poll": "100"}`, `relay.poll is "100": want a duration in quotes, such as "15s", "5m" or "2h"`},
		{"negative duration", `"relay": {}`, `"relay": {"lease": "-1s"}`, `relay.lease is "-1s": want a duration in quotes, such as "15s", "5m" or "2h"`},
		{"poll 0", `"relay": {}`, `"relay": {"poll": "0s"}`, ``},
		{"text for a number", `"relay": {}`, `"relay": {"from_block": "5"}`, `relay.from_block is "5": want a whole number that is not negative`},
		{"negative number", `"relay": {}`, `"relay": {"from_block": -5}`, `relay.from_block is -5: want a whole number that is not negative`},
		{"negative account", `"relay": {}`, `"relay": {"account": -1}`, `relay.account is -1: want a whole number that is not negative`},
		{"fraction", `"relay": {}`, `"relay": {"batch": 1.5}`, `relay.batch is 1.5: want a whole number that is not negative`},
		{"null", `"relay": {}`, `"relay": {"batch": null}`, `relay.batch is null: want a whole number that is not negative`},
		{"address too short", `0x85e366Cf9DD2c0aE37E963d9556F5f4718d6417C`, `0x85e3`, `fevm.pdp_verifier is "0x85e3": want an address: 0x and 40 hexadecimal digits in quotes`},
		{"address of Starknet", `"escrow": "0x5"`, `"escrow": "5x"`, `starknet.escrow is "5x": want 0x and hexadecimal digits in quotes`},
		{"no chain", `"chain_id": 314159, `, ``, `fevm.chain_id is missing: want 314 for Mainnet or 314159 for Calibration`},
		{"unknown chain", `314159`, `31`, `relay.genesis_time is missing: chain 31 is not known, want the Unix time of its epoch 0`},
		{"no URL", `"http://127.0.0.1:2"`, `"127.0.0.1:2"`, `fevm.rpc is no URL of http or https`},
		{"URL with a key", `http://127.0.0.1:1/rpc`, `ftp://node/SECRET`, `starknet.rpc is no URL of http or https`},
		{"quorum", `"http://127.0.0.1:2"`, `["http://127.0.0.1:2"], "quorum": 2`, `fevm.quorum is 2, but fevm.rpc has 1: want at most as many`},
		{"no accounts", `"accounts": [{"address": "0x6", "private_key": "0x7"}]`, `"accounts": []`, `starknet.accounts is missing: want the account that pays for releases, [{"address", "private_key"}]`},
		{"account out of range", `"relay": {}`, `"relay": {"account": 1}`, `relay.account is 1, but starknet.accounts has 1: want 0 to 0`},
		{"bad private key", `"private_key": "0x7"`, `"private_key": "SECRET"`, `starknet.accounts[0].private_key: want a private key: 0x and at most 64 hexadecimal digits in quotes`},
		{"bad attester key", `"0x2a"`, `"SECRET"`, `attester.private_key: want a private key: 0x and at most 64 hexadecimal digits in quotes`},
		{"no attester key", `{"private_key": "0x2a"}`, `{}`, `attester.private_key is missing: relay.signer "local" signs with it`},
		{"unknown signer", `"relay": {}`, `"relay": {"signer": "lokal"}`, `relay.signer is "lokal": want local, keystore, pkcs11, remote, web3signer, lit`},
		{"keystore without file", `"relay": {}`, `"relay": {"signer": "keystore"}`, `relay.keystore.file or relay.keystore.password_file is missing: relay.signer "keystore" needs both`},
		{"remote without key", `"relay": {}`, `"relay": {"signer": "remote", "remote": {"url": "https://a"}}`, `relay.remote.url or attester.public_key is missing: relay.signer "remote" needs both`},
		{"binding without deal", `"relay": {}`, `"relay": {"bindings": [{"set": "0x1"}]}`, `relay.bindings[0] has no deal: want "deal", the id that the escrow gave it, from 1`},
		{"binding without set", `"relay": {}`, `"relay": {"bindings": [{"deal": "0x1"}]}`, `relay.bindings[0] has no set: want "set", the data set whose proofs earn the chunks of deal 1, from 1`},
		{"deal bound twice", `"relay": {}`, `"relay": {"bindings": [{"deal": "1", "set": "1"}, {"deal": "0x1", "set": "2"}]}`, `relay.bindings[1]: deal 1 is bound twice: keep one`},
		{"set bound twice", `"relay": {}`, `"relay": {"bindings": [{"deal": "1", "set": "1"}, {"deal": "2", "set": "1"}]}`, `relay.bindings[1]: data set 1 backs two deals: a set backs one`},
		{"finality", `"relay": {}`, `"relay": {"finality": "final"}`, `relay.finality is "final": want finalized, safe or latest`},
		{"batch and multicall", `"relay": {}`, `"relay": {"batch": 2, "multicall": 2}`, `relay.batch and relay.multicall are both set: keep one`},
		{"peers without name", `"relay": {}`, `"relay": {"peers": ["a"], "name": "b"}`, `relay.peers lacks relay.name "b": want the names of all relays, this one's too`},
		{"peers without stagger", `"relay": {}`, `"relay": {"peers": ["a", "b"], "name": "b"}`, `relay.stagger is missing: with relay.peers want how long each relay has before the next one`},
		{"limits", `"relay": {}`, `"relay": {"limits": {"hour": {"all": "10"}, "day": {"all": "9"}}}`, `relay.limits.hour.all is 10, more than relay.limits.day.all, 9`},
		{"amount", `"relay": {}`, `"relay": {"limits": {"day": {"all": "1e3"}}}`, `relay.limits.day.all is "1e3": want an amount in whole tokens in quotes, such as "1000.5"`},
		{"amount as a number", `"relay": {}`, `"relay": {"fees": {"max": 3}}`, `relay.fees.max is 3: want an amount in whole tokens in quotes, such as "1000.5"`},
		{"log", `"relay": {}`, `"relay": {"log": "xml"}`, `relay.log is "xml": want text or json`},
		{"level", `"relay": {}`, `"relay": {"log_level": "loud"}`, `relay.log_level is "loud": want debug, info, warn or error`},
		{"http", `"relay": {}`, `"relay": {"http": "9100"}`, `relay.http is "9100": want host:port, such as 127.0.0.1:9100, or off`},
		{"schema of a file", `"relay": {}`, `"relay": {"schema": "a"}`, `relay.schema is set, but relay.store is a file: a schema is for a store "postgres://…"`},
		{"watch without mode", `"relay": {}`, `"relay": {"watch": {"warn": "1h"}}`, `relay.watch.mode is missing: want observer, which only tells, or slash`},
		{"webhook without secret", `"relay": {}`, `"relay": {"watch": {"mode": "observer", "webhook": "https://a"}}`, `relay.watch.webhook and relay.watch.secret_file go together: one is missing`},
		{"too long a value", `"relay": {}`, `"relay": {"signer": "` + strings.Repeat("x", 200) + `"}`, `relay.signer is "` + strings.Repeat("x", 60) + `…": want local, keystore, pkcs11, remote, web3signer, lit`},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Contains(t, smallest, test.from)
			_, err := parseConfig(t, strings.Replace(smallest, test.from, test.to, 1))
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, test.want)
			require.NotContains(t, err.Error(), "SECRET")
		})
	}
}

func TestConfigOfOtherFiles(t *testing.T) {
	_, err := readConfig(filepath.Join(t.TempDir(), "none.json"))
	require.ErrorIs(t, err, os.ErrNotExist)
	path := filepath.Join(t.TempDir(), "long.json")
	require.NoError(t, os.WriteFile(path, make([]byte, fileLimit+1), 0o644))
	_, err = readConfig(path)
	require.EqualError(t, err, path+": more than 1048576 bytes: bind deals with POST /v1/bindings instead")
	require.NoError(t, os.WriteFile(path, []byte(smallest), 0o644))
	c, err := readConfig(path)
	require.NoError(t, err)
	require.True(t, c.open)
}

// TestSecretsDoNotPrint prints a configuration in every way.
func TestSecretsDoNotPrint(t *testing.T) {
	c, err := parseConfig(t, strings.NewReplacer(`"0x7"`, `"0xfeed5"`, `"0x2a"`, `"0xfeed5"`).Replace(smallest))
	require.NoError(t, err)
	encoded, err := json.Marshal(c.Starknet.Accounts)
	require.NoError(t, err)
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v", c.Attester, c.Starknet, c.Starknet.Accounts), fmt.Sprintf("%x %d %s %q", c.Attester, c.Attester, c.Attester, c.Attester), string(encoded),
	} {
		require.NotContains(t, text, "feed5")
		require.NotContains(t, text, "254 237") // the same as bytes
		require.Contains(t, text, "[redacted]")
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(smallest)
	f.Add(`{"relay":{"bindings":[{"deal":"1","set":"2"}],"limits":{"hour":{"all":"1"}}}}`)
	f.Add(`{"relay":{"watch":{"account":0}},"fevm":{"rpc":["a","b"]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var c config
		if decode([]byte(text), &c) == nil {
			require.True(t, json.Valid([]byte(text)))
			var plain map[string]any
			require.NoError(t, json.Unmarshal([]byte(text), &plain))
		}
		c.setDefaults()
		_ = c.validate() // must not panic
	})
}
