package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// fileLimit is how many bytes of a file are read: some thousand bindings.
const fileLimit = 1 << 20

// A config is the file of the daemon: what localnet prints, and "relay".
type config struct {
	Starknet starknetConfig `json:"starknet"`
	FEVM     fevmConfig     `json:"fevm"`
	Attester attesterConfig `json:"attester"`
	Relay    relayConfig    `json:"relay"`

	path string
	open bool // others than the owner can read the file
}

type starknetConfig struct {
	RPC      urls              `json:"rpc"` // RPC 0.9 or 0.10
	WS       string            `json:"ws"`  // wakes the relay when there is a block
	ChainID  attestation.Word  `json:"chain_id"`
	Escrow   slastream.Address `json:"escrow"`
	Token    slastream.Address `json:"token"`
	Owner    slastream.Address `json:"owner"`
	Accounts []accountConfig   `json:"accounts"`
}

type accountConfig struct {
	Address    slastream.Address `json:"address"`
	PrivateKey secret            `json:"private_key"`
	PublicKey  attestation.Word  `json:"public_key"`
}

type fevmConfig struct {
	RPC          urls          `json:"rpc"`
	WS           string        `json:"ws"`     // wakes the relay when there is a tipset
	Quorum       int           `json:"quorum"` // how many of RPC must agree; 0: one
	ChainID      uint64        `json:"chain_id"`
	PDPVerifier  ethereum      `json:"pdp_verifier"`
	MockVerifier ethereum      `json:"mock_verifier"` // not used
	Accounts     []fevmAccount `json:"accounts"`      // not used
}

type fevmAccount struct {
	Address    ethereum `json:"address"`
	PrivateKey secret   `json:"private_key"`
}

type attesterConfig struct {
	PrivateKey secret    `json:"private_key"`
	PublicKey  publicKey `json:"public_key"`
}

// A relayConfig is what is the daemon's own. The comment of main.go explains each key.
type relayConfig struct {
	Store      string          `json:"store"`
	Schema     string          `json:"schema"`
	Signer     string          `json:"signer"`
	Keystore   keystoreConfig  `json:"keystore"`
	Remote     remoteConfig    `json:"remote"`
	PKCS11     pkcs11Config    `json:"pkcs11"`
	Lit        litConfig       `json:"lit"`
	Account    int             `json:"account"`
	Bindings   []bindingConfig `json:"bindings"`
	Poll       duration        `json:"poll"`
	Finality   string          `json:"finality"`
	Depth      uint64          `json:"depth"`
	FromBlock  uint64          `json:"from_block"`
	Overlap    uint64          `json:"overlap"`
	HTTP       string          `json:"http"`
	AdminToken string          `json:"admin_token_file"`

	Batch     int          `json:"batch"`
	Multicall int          `json:"multicall"`
	InFlight  int          `json:"in_flight"`
	Workers   int          `json:"workers"`
	Limits    limitsConfig `json:"limits"`
	Fees      feesConfig   `json:"fees"`

	MinChallenges int         `json:"min_challenges"`
	GenesisTime   uint64      `json:"genesis_time"`
	Period        uint64      `json:"period"`
	Rules         rulesConfig `json:"rules"`

	Name        string   `json:"name"`
	Peers       []string `json:"peers"`
	Stagger     duration `json:"stagger"`
	Lease       duration `json:"lease"`
	BumpAfter   duration `json:"bump_after"`
	SettleAfter duration `json:"settle_after"`

	Journal    string      `json:"journal"`
	Checkpoint string      `json:"checkpoint"`
	Audit      string      `json:"audit"`
	Watch      watchConfig `json:"watch"`
	Log        string      `json:"log"`
	Level      string      `json:"log_level"`
}

type bindingConfig struct {
	Deal       *attestation.Word `json:"deal"`
	Set        *attestation.Word `json:"set"`
	StartEpoch uint64            `json:"start_epoch"`

	Signature []attestation.Word `json:"signature"` // of the deal's client, for relay.signer "lit"
}

type keystoreConfig struct {
	File     string `json:"file"`
	Password string `json:"password_file"`
}

type remoteConfig struct {
	URL   string `json:"url"`
	Token string `json:"token_file"`
}

type pkcs11Config struct {
	Module string `json:"module"`
	Token  string `json:"token"`
	Serial string `json:"serial"`
	Label  string `json:"label"`
	PIN    string `json:"pin_file"`
}

type limitsConfig struct {
	Hour capsConfig `json:"hour"`
	Day  capsConfig `json:"day"`
}

// capsConfig is in whole tokens, as "1000.5".
type capsConfig struct {
	All      tokens `json:"all"`
	Deal     tokens `json:"deal"`
	Provider tokens `json:"provider"`
}

// feesConfig is in whole STRK.
type feesConfig struct {
	Max       tokens `json:"max"`
	MaxPerDay tokens `json:"max_per_day"`
}

type rulesConfig struct {
	Listeners  []ethereum `json:"listeners"`
	Providers  []ethereum `json:"providers"`
	MinSpacing uint64     `json:"min_spacing"`
	MinLeaves  uint64     `json:"min_leaves"`
	Window     uint64     `json:"window"`
	Verify     string     `json:"verify"`
}

type watchConfig struct {
	Mode    string   `json:"mode"`
	Account *int     `json:"account"`
	Webhook string   `json:"webhook"`
	Secret  string   `json:"secret_file"`
	Warn    duration `json:"warn"`
	Store   string   `json:"store"`
}

// readConfig reads and checks a file. It asks nobody.
func readConfig(path string) (*config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("-config: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err != nil {
		return nil, fmt.Errorf("-config: %w", err)
	}
	if len(b) > fileLimit {
		return nil, fmt.Errorf("%s: more than %d bytes: bind deals with POST /v1/bindings instead", path, fileLimit)
	}
	c := &config{path: path}
	if err := decode(b, c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if info, err := f.Stat(); err == nil {
		c.open = info.Mode().Perm()&0o077 != 0
	}
	c.setDefaults()
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c *config) setDefaults() {
	r := &c.Relay
	for _, d := range []struct {
		at    *string
		value string
	}{
		{&r.Store, "relay.db"}, {&r.Signer, "local"}, {&r.Finality, string(chain.Finalized)}, {&r.HTTP, "127.0.0.1:9100"},
		{&r.Log, "text"}, {&r.Level, "info"}, {&r.Rules.Verify, "none"},
	} {
		if *d.at == "" {
			*d.at = d.value
		}
	}
	beside := r.Store
	if r.postgres() {
		beside = "relay"
	}
	if r.Journal == "" {
		r.Journal = beside + ".journal"
	}
	if r.Checkpoint == "" {
		r.Checkpoint = beside + ".proofs"
	}
	if r.Watch.Store == "" {
		r.Watch.Store = beside + ".watch"
	}
	if r.Poll == 0 {
		r.Poll = duration(relay.DefaultPoll)
	}
	if c.FEVM.Quorum == 0 {
		c.FEVM.Quorum = 1
	}
	if r.Period == 0 {
		r.Period = periods[c.FEVM.ChainID]
	}
}

// periods are the proving periods of Filecoin's warm storage service, epochs, by
// chain id.
var periods = map[uint64]uint64{314: 2880, 314159: 240}

// postgres reports whether the store is a database that processes share.
func (r *relayConfig) postgres() bool {
	return strings.HasPrefix(r.Store, "postgres://") || strings.HasPrefix(r.Store, "postgresql://")
}
