package policy

import (
	"cmp"
	"fmt"
	"maps"

	"github.com/slastream/slastream-go/attestation"
)

// EpochSeconds is the length of a Filecoin epoch.
const EpochSeconds = 30

// DefaultMinChallenges is how many challenges a proof needs when
// Config.MinChallenges is 0: what Filecoin's own warm storage service asks for
// (CHALLENGES_PER_PROOF).
const DefaultMinChallenges = 5

// Chain ids of the two public Filecoin networks.
const (
	mainnet     = 314
	calibration = 314159
)

// genesisTimes are the Unix seconds of epoch 0.
var genesisTimes = map[uint64]uint64{
	mainnet:     1598306400,
	calibration: 1667326380,
}

// A Config says which contract is believed and what a proof must hold. Relays
// that share a deal must share it, or they number its chunks differently; only
// Overlap, State and Inputs are each relay's own.
type Config struct {
	ChainID  uint64                      // EIP-155 chain id: 314 Mainnet, 314159 Calibration
	Verifier attestation.EthereumAddress // PDPVerifier proxy; events of other addresses are foreign
	// GenesisTime is the Unix time of epoch 0. 0 means that of the chain id,
	// which is then Mainnet or Calibration.
	GenesisTime uint64
	// MinChallenges is how many challenges a payable proof has. The contract
	// lets the provider choose, from one. 0 means [DefaultMinChallenges].
	MinChallenges int
	// FromBlock is where a [Source] begins to read: at or before the epoch of
	// the data sets' first event. If it is later, their older pieces are
	// unknown and proofs of them are refused.
	FromBlock uint64
	// Sets limits a [Source] or [Tracker] to these data sets, to bound its
	// memory on a verifier that serves many. Empty means every data set.
	Sets []attestation.Word
	// Mock lets the RootsAdded event of the reference implementation's mock
	// verifier count as a proof, one for each epoch and set. Anyone can emit it,
	// so it is for demonstrations, and never has an effect on Mainnet.
	Mock bool

	// Rules hold for every data set that SetRules does not name.
	Rules Rules
	// SetRules are the rules of single data sets. They replace Rules as a whole.
	SetRules map[attestation.Word]Rules

	// Overlap is how many epochs a [Source] stays below the head of its reader,
	// and reads again before it answers. A log that a node left out when its epoch
	// was new, and shows now, is not lost. 0 reads each epoch once.
	Overlap uint64
	// State lets a [Source] ask the verifier: for the listener of a data set
	// (Rules.Listeners), the randomness of a period (Rules.Verify), and the last
	// proof of a data set, to notice one that the logs do not show. nil means that
	// it is not asked.
	State StateReader
	// Inputs lets a [Source] read what providers sent. Rules.Verify needs it.
	Inputs InputReader
}

// complete returns c with its defaults filled in.
func (c Config) complete() (Config, error) {
	if c.ChainID == 0 {
		return c, fmt.Errorf("policy: config: ChainID is 0")
	}
	if c.Verifier == (attestation.EthereumAddress{}) {
		return c, fmt.Errorf("policy: config: Verifier is not set")
	}
	if c.GenesisTime == 0 {
		t, ok := genesisTimes[c.ChainID]
		if !ok {
			return c, fmt.Errorf("policy: config: GenesisTime is not set and chain %d is not known", c.ChainID)
		}
		c.GenesisTime = t
	}
	if c.MinChallenges < 0 {
		return c, fmt.Errorf("policy: config: MinChallenges is %d", c.MinChallenges)
	}
	c.MinChallenges = cmp.Or(c.MinChallenges, DefaultMinChallenges)
	c.Mock = c.Mock && c.ChainID != mainnet
	var err error
	if c.Rules, err = c.Rules.complete(c.MinChallenges); err != nil {
		return c, fmt.Errorf("policy: config: Rules: %w", err)
	}
	c.SetRules = maps.Clone(c.SetRules)
	for set, r := range c.SetRules {
		if c.SetRules[set], err = r.complete(c.MinChallenges); err != nil {
			return c, fmt.Errorf("policy: config: SetRules of data set %s: %w", set.Big(), err)
		}
	}
	return c, nil
}

// rules returns the rules of a data set.
func (c *Config) rules(set attestation.Word) *Rules {
	if r, ok := c.SetRules[set]; ok {
		return &r
	}
	return &c.Rules
}

// each yields all rules.
func (c *Config) each(yield func(*Rules) bool) {
	if !yield(&c.Rules) {
		return
	}
	for _, r := range c.SetRules {
		if !yield(&r) {
			return
		}
	}
}
