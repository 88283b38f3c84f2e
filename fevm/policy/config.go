package policy

import (
	"fmt"

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
// that share a deal must share it, or they number its chunks differently.
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
	if c.MinChallenges == 0 {
		c.MinChallenges = DefaultMinChallenges
	}
	c.Mock = c.Mock && c.ChainID != mainnet
	return c, nil
}
