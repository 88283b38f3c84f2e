package main

import (
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/lit"
)

// A litConfig says how the action of relay.signer "lit" was made, so that its
// text, and with it its key, comes out the same: see package signer/lit. What the
// file says elsewhere is not said again.
type litConfig struct {
	URL           string             `json:"url"`
	APIKey        string             `json:"api_key_file"`
	ClassHash     attestation.Word   `json:"class_hash"` // how the escrow was deployed
	Salt          attestation.Word   `json:"salt"`
	Deployer      attestation.Word   `json:"deployer"`
	Args          []attestation.Word `json:"args"`
	StarknetRPC   []string           `json:"starknet_rpc"` // nodes that the action asks; everybody can read them
	StarknetBlock string             `json:"starknet_block"`
	FEVMRPC       []string           `json:"fevm_rpc"`
	Confirmations uint64             `json:"confirmations"`
	Agree         int                `json:"agree"`
}

// action is the configuration of the action.
func (c *config) action() lit.Config {
	l := &c.Relay.Lit
	return lit.Config{
		Escrow:      lit.Escrow{ChainID: c.Starknet.ChainID, ClassHash: l.ClassHash, Salt: l.Salt, Deployer: l.Deployer, Args: l.Args},
		StarknetRPC: l.StarknetRPC, StarknetBlock: l.StarknetBlock,
		ChainID: c.FEVM.ChainID, GenesisTime: c.Relay.GenesisTime, Verifier: attestation.EthereumAddress(c.FEVM.PDPVerifier), FEVMRPC: l.FEVMRPC,
		Confirmations: l.Confirmations, MinChallenges: c.Relay.MinChallenges, Agree: l.Agree,
	}
}

// validateLit makes the action, which asks nobody.
func (c *config) validateLit() error {
	l := &c.Relay.Lit
	key := attestation.PublicKey(c.Attester.PublicKey)
	if l.APIKey == "" || l.ClassHash.IsZero() || key == (attestation.PublicKey{}) {
		return errors.New("relay.lit.api_key_file, relay.lit.class_hash or attester.public_key is missing: relay.signer \"lit\" needs all three")
	}
	action, err := lit.NewAction(c.action())
	if err != nil {
		return fmt.Errorf("relay.lit: %w", err)
	}
	if made := action.Domain(key).Escrow; made != c.Starknet.Escrow.Word() {
		return fmt.Errorf("relay.lit makes the action of escrow %v, starknet.escrow is %v: correct class_hash, salt, deployer and args, which are those of the deployment, or attester.public_key", made, c.Starknet.Escrow)
	}
	for i, b := range c.Relay.Bindings {
		if b.StartEpoch == 0 || len(b.Signature) == 0 {
			return fmt.Errorf("relay.bindings[%d] has no start_epoch or no signature: relay.signer \"lit\" wants both, as the client of deal %s has signed them", i, b.Deal.Big())
		}
	}
	return nil
}

// openLit opens the key of the action. What was signed before, which the action
// must be shown, is in the journal, once that is open.
func (d *daemon) openLit(pinned attestation.PublicKey, options []signer.Option) (signer.Signer, error) {
	l := &d.config.Relay.Lit
	secret, err := readSecret("relay.lit.api_key_file", l.APIKey)
	if err != nil {
		return nil, err
	}
	client, err := lit.NewClient(lit.ClientConfig{BaseURL: l.URL, APIKey: lit.NewAPIKey(secret)})
	if err != nil {
		return nil, fmt.Errorf("relay.lit.url: %w", err)
	}
	action, err := lit.NewAction(d.config.action())
	if err != nil {
		return nil, fmt.Errorf("relay.lit: %w", err)
	}
	d.ledger = &lit.Ledger{Key: pinned, Domain: action.Domain(pinned), Bindings: map[attestation.Word]lit.Binding{}}
	for _, b := range d.config.Relay.Bindings {
		d.ledger.Bindings[*b.Deal] = lit.Binding{DealID: *b.Deal, SetID: *b.Set, StartEpoch: b.StartEpoch, Signature: b.Signature}
	}
	d.log.Info("the signer is an action of Lit", "cid", action.CID())
	return signer.NewAction(lit.NewKey(client, action, pinned, d.ledger), options...)
}
