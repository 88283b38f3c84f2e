package lit

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/sha3"

	"github.com/slastream/slastream-go/attestation"
)

//go:embed action/*.js
var source embed.FS

// parts are the files of the action in the order of its text. The order and
// every byte decide the key.
var parts = []string{"config", "input", "address", "node", "proof", "piece", "order", "deal", "main"}

const (
	maxFetches      = 50 // requests that one run may send (Lit's limit)
	fevmRequests    = 13 // at most, to each node that has to agree, in an ordinary run
	snRequests      = 3
	minChallenges   = 5 // CHALLENGES_PER_PROOF of the warm storage service
	bindingTagText  = "SLAStream binding v1"
	maxChallenges   = 126 // an event of more does not fit 8 KiB
	maxConfirmation = 1 << 20
)

// genesisTimes are the Unix seconds of epoch 0 of Mainnet and Calibration.
var genesisTimes = map[uint64]uint64{314: 1598306400, 314159: 1667326380}

// A Config holds what is written into an action when it is made. The action's
// text is public: an RPC URL must not carry a key.
type Config struct {
	// Escrow is the one escrow that the action signs for.
	Escrow Escrow
	// StarknetRPC are nodes of that chain, with RPC 0.9 or 0.10; at most 5.
	StarknetRPC []string
	// StarknetBlock is the block tag that deals are read at: "latest", or
	// "l1_accepted" to wait for Ethereum. "" means latest.
	StarknetBlock string

	// ChainID is the EIP-155 chain id of Filecoin's EVM: 314 Mainnet, 314159
	// Calibration.
	ChainID uint64
	// GenesisTime is the Unix time of epoch 0; 0 means that of ChainID, which is
	// then Mainnet or Calibration.
	GenesisTime uint64
	// Verifier is the PDPVerifier proxy whose events count.
	Verifier attestation.EthereumAddress
	// FEVMRPC are nodes of that chain; at most 5. They must serve logs and state
	// as far back as the last paid proof.
	FEVMRPC []string
	// Confirmations is how many epochs the node's "finalized" tag must be past
	// the proof; 0 means that the tag is enough.
	Confirmations uint64
	// MinChallenges is how many challenges a payable proof has; 0 means 5. It
	// must be what the relay's policy has (package fevm/policy).
	MinChallenges int

	// Agree is how many nodes of each list must give the same answer, always
	// more than half of them; 0 means the smallest majority. It is capped by the
	// number of nodes of a list.
	Agree int
}

// An Action is the text of a hardened action, made for one deployment. It does
// not change and is safe for concurrent use.
type Action struct {
	config Config
	code   string
	cid    string
}

// NewAction writes the constants into the action. Equal configurations give
// equal bytes, and so one CID and one key; any other gives another key.
//
// It fails if the configuration is not complete, if a URL is not https (http is
// taken for loopback addresses), carries user information or is named twice, if
// fewer than a majority would have to agree, and if an ordinary run would send
// more requests than Lit allows.
func NewAction(c Config) (*Action, error) {
	c, err := c.complete()
	if err != nil {
		return nil, fmt.Errorf("lit: config: %w", err)
	}
	var text strings.Builder
	for i, part := range parts {
		b, err := source.ReadFile("action/" + part + ".js")
		if err != nil {
			return nil, fmt.Errorf("lit: %w", err)
		}
		if i > 0 {
			text.WriteByte('\n')
		}
		text.Write(b)
	}
	constants, err := json.Marshal(c.constants())
	if err != nil {
		return nil, fmt.Errorf("lit: config: %w", err)
	}
	a := &Action{config: c, code: strings.Replace(text.String(), "{{.}}", string(constants), 1)}
	if a.cid, err = CID(a.code); err != nil {
		return nil, err
	}
	return a, nil
}

// Code returns the JavaScript text: publish it, so that everybody can check what
// the key signs.
func (a *Action) Code() string { return a.code }

// Domain returns the escrow that the action signs for, if key is its own.
func (a *Action) Domain(key attestation.PublicKey) attestation.Domain {
	return attestation.Domain{ChainID: a.config.Escrow.ChainID, Escrow: a.config.Escrow.address(key)}
}

// CID returns the content identifier of the text, which names the action and its
// key at Lit: [CID] of Code.
func (a *Action) CID() string { return a.cid }

// complete returns a copy of c with its defaults filled in.
func (c Config) complete() (Config, error) {
	zero := attestation.Word{}
	switch {
	case c.Escrow.ChainID == zero || c.Escrow.ClassHash == zero:
		return c, errors.New("no Escrow")
	case !c.Escrow.felts():
		return c, fmt.Errorf("the Escrow holds what is no felt, or more than %d arguments", maxArgs)
	case c.ChainID == 0 || c.ChainID > 1<<53:
		return c, fmt.Errorf("%d as ChainID", c.ChainID)
	case c.Verifier == attestation.EthereumAddress{}:
		return c, errors.New("no Verifier")
	case c.MinChallenges < 0 || c.MinChallenges > maxChallenges:
		return c, fmt.Errorf("%d as MinChallenges", c.MinChallenges)
	case c.Confirmations > maxConfirmation:
		return c, fmt.Errorf("%d as Confirmations", c.Confirmations)
	case c.Agree < 0:
		return c, fmt.Errorf("%d as Agree", c.Agree)
	}
	if c.GenesisTime == 0 {
		if c.GenesisTime = genesisTimes[c.ChainID]; c.GenesisTime == 0 {
			return c, fmt.Errorf("GenesisTime is not set and chain %d is not known", c.ChainID)
		}
	}
	if c.MinChallenges == 0 {
		c.MinChallenges = minChallenges
	}
	switch c.StarknetBlock {
	case "":
		c.StarknetBlock = "latest"
	case "latest", "l1_accepted":
	default:
		return c, fmt.Errorf("StarknetBlock is %.20q: want latest or l1_accepted", c.StarknetBlock)
	}
	c.Escrow.Args = slices.Clone(c.Escrow.Args)
	c.FEVMRPC, c.StarknetRPC = slices.Clone(c.FEVMRPC), slices.Clone(c.StarknetRPC)
	if err := checkNodes(c.FEVMRPC, c.Agree); err != nil {
		return c, fmt.Errorf("FEVMRPC: %w", err)
	}
	if err := checkNodes(c.StarknetRPC, c.Agree); err != nil {
		return c, fmt.Errorf("StarknetRPC: %w", err)
	}
	if n := fevmRequests*c.need(c.FEVMRPC) + snRequests*c.need(c.StarknetRPC); n > maxFetches {
		return c, fmt.Errorf("a run would send %d requests, Lit allows %d: let fewer nodes agree", n, maxFetches)
	}
	return c, nil
}

func checkNodes(list []string, agree int) error {
	if len(list) == 0 || len(list) > 5 {
		return fmt.Errorf("%d nodes: want 1 to 5", len(list))
	}
	if agree > 0 && agree < len(list) && agree <= len(list)/2 {
		return fmt.Errorf("%d of %d nodes are no majority", agree, len(list))
	}
	hosts := make(map[string]bool)
	for _, raw := range list {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
			return fmt.Errorf("%.80q is no plain URL", redactURL(u))
		}
		if err := checkScheme(u); err != nil {
			return err
		}
		if hosts[u.Host] {
			return fmt.Errorf("%.80q is named twice: two of its URLs are one node", u.Host)
		}
		hosts[u.Host] = true
	}
	return nil
}

// redactURL is what of a URL may be printed: one that could not be parsed, or
// with user information, may hold a secret anywhere.
func redactURL(u *url.URL) string {
	if u == nil {
		return "(unparsable)"
	}
	return u.Scheme + "://" + u.Host
}

// checkScheme refuses what would send a key or believe an answer in clear text.
func checkScheme(u *url.URL) error {
	if u.Scheme == "https" {
		return nil
	}
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	if u.Scheme == "http" && (host == "localhost" || err == nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("%.80q: want https, or http to a loopback address", u.Scheme+"://"+net.JoinHostPort(host, u.Port()))
}

func (c Config) need(list []string) int {
	if c.Agree == 0 {
		return len(list)/2 + 1
	}
	return min(c.Agree, len(list))
}

type nodeConstants struct {
	ChainID       string   `json:"chainId"`
	RPC           []string `json:"rpc"`
	Need          int      `json:"need"`
	Genesis       string   `json:"genesis,omitempty"`
	Verifier      string   `json:"verifier,omitempty"`
	Confirmations string   `json:"confirmations,omitempty"`
	Prefix        string   `json:"prefix,omitempty"`
	Args          []string `json:"args,omitempty"`
	Block         string   `json:"block,omitempty"`
}

type constants struct {
	Starknet      nodeConstants    `json:"starknet"`
	FEVM          nodeConstants    `json:"fevm"`
	MinChallenges int              `json:"minChallenges"`
	BindingTag    attestation.Word `json:"bindingTag"`
}

func (c Config) constants() constants {
	args := make([]string, len(c.Escrow.Args))
	for i, a := range c.Escrow.Args {
		args[i] = feltText(a)
	}
	return constants{
		Starknet: nodeConstants{
			ChainID: c.Escrow.ChainID.String(),
			Prefix:  c.Escrow.prefix().String(),
			Args:    args,
			RPC:     c.StarknetRPC,
			Need:    c.need(c.StarknetRPC),
			Block:   c.StarknetBlock,
		},
		FEVM: nodeConstants{
			ChainID:       strconv.FormatUint(c.ChainID, 10),
			Genesis:       strconv.FormatUint(c.GenesisTime, 10),
			Verifier:      strings.ToLower(c.Verifier.String()),
			RPC:           c.FEVMRPC,
			Need:          c.need(c.FEVMRPC),
			Confirmations: strconv.FormatUint(c.Confirmations, 10),
		},
		MinChallenges: c.MinChallenges,
		BindingTag:    keccak([]byte(bindingTagText)),
	}
}

func keccak(parts ...[]byte) (w attestation.Word) {
	h := sha3.NewLegacyKeccak256()
	for _, p := range parts {
		h.Write(p)
	}
	h.Sum(w[:0])
	return w
}
