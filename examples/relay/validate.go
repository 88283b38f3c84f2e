package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
)

// validate finds what can be found without asking a node.
func (c *config) validate() error {
	for _, check := range []func() error{c.validateChains, c.validateAccount, c.validateSigner, c.validateBindings, c.validateRelay, c.validateHTTP, c.validateWatch} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) validateChains() error {
	switch {
	case len(c.Starknet.RPC) == 0 || slices.Contains(c.Starknet.RPC, ""):
		return errors.New("starknet.rpc is missing: want the URL of a Starknet node, or a list")
	case c.Starknet.ChainID.IsZero():
		return errors.New("starknet.chain_id is missing: want the felt that the node answers to starknet_chainId")
	case c.Starknet.Escrow.IsZero():
		return errors.New("starknet.escrow is missing: want the address of the escrow")
	case len(c.FEVM.RPC) == 0 || slices.Contains(c.FEVM.RPC, ""):
		return errors.New("fevm.rpc is missing: want the URL of a Filecoin node, or a list")
	case c.FEVM.ChainID == 0:
		return errors.New("fevm.chain_id is missing: want 314 for Mainnet or 314159 for Calibration")
	case c.FEVM.PDPVerifier == ethereum{}:
		return errors.New("fevm.pdp_verifier is missing: want the address of the PDPVerifier")
	case c.FEVM.Quorum > len(c.FEVM.RPC):
		return fmt.Errorf("fevm.quorum is %d, but fevm.rpc has %d: want at most as many", c.FEVM.Quorum, len(c.FEVM.RPC))
	case c.Relay.GenesisTime == 0 && periods[c.FEVM.ChainID] == 0:
		return fmt.Errorf("relay.genesis_time is missing: chain %d is not known, want the Unix time of its epoch 0", c.FEVM.ChainID)
	}
	for _, l := range []struct {
		key  string
		list urls
	}{{"starknet.rpc", c.Starknet.RPC}, {"fevm.rpc", c.FEVM.RPC}} {
		for i, raw := range l.list {
			key := l.key
			if len(l.list) > 1 {
				key = fmt.Sprintf("%s[%d]", l.key, i)
			}
			if err := checkURL(key, raw, "http", "https"); err != nil {
				return err
			}
		}
	}
	for _, u := range []struct {
		key, value string
		schemes    []string
	}{
		{"starknet.ws", c.Starknet.WS, []string{"ws", "wss"}},
		{"fevm.ws", c.FEVM.WS, []string{"ws", "wss"}},
	} {
		if u.value == "" {
			continue
		}
		if err := checkURL(u.key, u.value, u.schemes...); err != nil {
			return err
		}
	}
	return nil
}

// checkURL quotes nothing behind the host: it may be an access key.
func checkURL(key, raw string, schemes ...string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		return fmt.Errorf("%s is no URL of %s", key, strings.Join(schemes, " or "))
	}
	return nil
}

func (c *config) validateAccount() error {
	n := len(c.Starknet.Accounts)
	switch {
	case n == 0:
		return errors.New("starknet.accounts is missing: want the account that pays for releases, [{\"address\", \"private_key\"}]")
	case c.Relay.Account >= n:
		return fmt.Errorf("relay.account is %d, but starknet.accounts has %d: want 0 to %d", c.Relay.Account, n, n-1)
	}
	a := c.account()
	switch {
	case a.Address.IsZero():
		return fmt.Errorf("starknet.accounts[%d].address is missing", c.Relay.Account)
	case a.PrivateKey == secret{}:
		return fmt.Errorf("starknet.accounts[%d].private_key is missing", c.Relay.Account)
	}
	return nil
}

func (c *config) account() accountConfig { return c.Starknet.Accounts[c.Relay.Account] }

// signers are the values of relay.signer.
var signers = []string{"local", "keystore", "pkcs11", "remote", "web3signer", "lit"}

func (c *config) validateSigner() error {
	r := &c.Relay
	pinned := attestation.PublicKey(c.Attester.PublicKey) != attestation.PublicKey{}
	switch r.Signer {
	case "local":
		if c.Attester.PrivateKey == (secret{}) {
			return errors.New("attester.private_key is missing: relay.signer \"local\" signs with it")
		}
	case "keystore":
		if r.Keystore.File == "" || r.Keystore.Password == "" {
			return errors.New("relay.keystore.file or relay.keystore.password_file is missing: relay.signer \"keystore\" needs both")
		}
	case "pkcs11":
		if r.PKCS11.Module == "" {
			return errors.New("relay.pkcs11.module is missing: relay.signer \"pkcs11\" needs the path of the module")
		}
	case "remote", "web3signer":
		if r.Remote.URL == "" || !pinned {
			return fmt.Errorf("relay.remote.url or attester.public_key is missing: relay.signer %q needs both", r.Signer)
		}
	case "lit": // validateLit
	default:
		return fmt.Errorf("relay.signer is %q: want %s", shortened(r.Signer), strings.Join(signers, ", "))
	}
	return nil
}

func (c *config) validateBindings() error {
	deals, sets := map[attestation.Word]bool{}, map[attestation.Word]bool{}
	for i, b := range c.Relay.Bindings {
		key := fmt.Sprintf("relay.bindings[%d]", i)
		switch {
		case b.Deal == nil || b.Deal.IsZero():
			return fmt.Errorf("%s has no deal: want \"deal\", the id that the escrow gave it, from 1", key)
		case b.Set == nil || b.Set.IsZero():
			return fmt.Errorf("%s has no set: want \"set\", the data set whose proofs earn the chunks of deal %s, from 1", key, b.Deal.Big())
		case deals[*b.Deal]:
			return fmt.Errorf("%s: deal %s is bound twice: keep one", key, b.Deal.Big())
		case sets[*b.Set]:
			return fmt.Errorf("%s: data set %s backs two deals: a set backs one", key, b.Set.Big())
		}
		deals[*b.Deal], sets[*b.Set] = true, true
	}
	if c.Relay.Signer == "lit" {
		return c.validateLit()
	}
	return nil
}

func (c *config) validateRelay() error {
	r := &c.Relay
	switch {
	case !slices.Contains([]chain.Tag{chain.Finalized, chain.Safe, chain.Latest}, chain.Tag(r.Finality)):
		return fmt.Errorf("relay.finality is %q: want finalized, safe or latest", shortened(r.Finality))
	case r.Batch > 1 && r.Multicall > 1:
		return errors.New("relay.batch and relay.multicall are both set: keep one")
	case len(r.Peers) > 0 && !slices.Contains(r.Peers, r.Name):
		return fmt.Errorf("relay.peers lacks relay.name %q: want the names of all relays, this one's too", shortened(r.Name))
	case len(r.Peers) > 1 && r.Stagger == 0:
		return errors.New("relay.stagger is missing: with relay.peers want how long each relay has before the next one")
	case r.Log != "text" && r.Log != "json":
		return fmt.Errorf("relay.log is %q: want text or json", shortened(r.Log))
	case !slices.Contains([]string{"none", "direct", "all"}, r.Rules.Verify):
		return fmt.Errorf("relay.rules.verify is %q: want none, direct or all", shortened(r.Rules.Verify))
	}
	if _, err := c.level(); err != nil {
		return fmt.Errorf("relay.log_level is %q: want debug, info, warn or error", shortened(r.Level))
	}
	if r.postgres() {
		if _, err := url.Parse(r.Store); err != nil { // without a host it is a socket
			return errors.New("relay.store is no URL of PostgreSQL: want postgres://user@host/database")
		}
		if r.Schema == "" {
			r.Schema = "slastream_relay"
		}
	} else if r.Schema != "" {
		return errors.New("relay.schema is set, but relay.store is a file: a schema is for a store \"postgres://…\"")
	}
	return c.validateAmounts()
}

func (c *config) validateAmounts() error {
	l := c.Relay.Limits
	for _, pair := range []struct {
		key       string
		hour, day tokens
	}{{"all", l.Hour.All, l.Day.All}, {"deal", l.Hour.Deal, l.Day.Deal}, {"provider", l.Hour.Provider, l.Day.Provider}} {
		hour, err1 := pair.hour.amount(18)
		day, err2 := pair.day.amount(18)
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("relay.limits: %w", err)
		}
		if !day.IsZero() && hour.Cmp(day) > 0 {
			return fmt.Errorf("relay.limits.hour.%s is %s, more than relay.limits.day.%s, %s", pair.key, pair.hour, pair.key, pair.day)
		}
	}
	return nil
}

func (c *config) level() (slog.Level, error) {
	var level slog.Level
	err := level.UnmarshalText([]byte(c.Relay.Level))
	return level, err
}

func (c *config) validateHTTP() error {
	r := &c.Relay
	if r.HTTP == "off" {
		if r.AdminToken != "" {
			return errors.New("relay.admin_token_file is set, but relay.http is off")
		}
		return nil
	}
	if _, port, err := net.SplitHostPort(r.HTTP); err != nil || port == "" {
		return fmt.Errorf("relay.http is %q: want host:port, such as 127.0.0.1:9100, or off", shortened(r.HTTP))
	}
	return nil
}

func (c *config) validateWatch() error {
	w := &c.Relay.Watch
	if w.Mode == "" {
		if w.Webhook != "" || w.Secret != "" || w.Warn != 0 {
			return errors.New("relay.watch.mode is missing: want observer, which only tells, or slash")
		}
		return nil
	}
	if w.Mode != "observer" && w.Mode != "slash" {
		return fmt.Errorf("relay.watch.mode is %q: want observer, which only tells, or slash", shortened(w.Mode))
	}
	if (w.Webhook == "") != (w.Secret == "") {
		return errors.New("relay.watch.webhook and relay.watch.secret_file go together: one is missing")
	}
	return nil
}

// stark is the decimals of STRK.
const stark = 18
