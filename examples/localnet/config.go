package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/slastream/slastream-go/attestation"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/slastream"
	starknetsim "github.com/slastream/slastream-go/starknet/simulated"
)

// A config is the line that localnet prints and examples/relay reads. Words and
// addresses are 0x and hexadecimal digits.
type config struct {
	Starknet starknetConfig `json:"starknet"`
	FEVM     fevmConfig     `json:"fevm"`
	Attester attesterConfig `json:"attester"`
}

type starknetConfig struct {
	RPC      string            `json:"rpc"` // RPC 0.9.0
	WS       string            `json:"ws"`
	ChainID  string            `json:"chain_id"` // felt
	Escrow   slastream.Address `json:"escrow"`
	Token    slastream.Address `json:"token"`
	Owner    slastream.Address `json:"owner"` // of the escrow: the first account
	Accounts []starknetAccount `json:"accounts"`
}

type starknetAccount struct {
	Address    slastream.Address `json:"address"`
	PrivateKey attestation.Word  `json:"private_key"`
	PublicKey  attestation.Word  `json:"public_key"`
}

type fevmConfig struct {
	RPC          string        `json:"rpc"`
	ChainID      uint64        `json:"chain_id"`
	PDPVerifier  string        `json:"pdp_verifier"`
	MockVerifier string        `json:"mock_verifier"`
	Accounts     []fevmAccount `json:"accounts"`
}

type fevmAccount struct {
	Address    string           `json:"address"`
	PrivateKey attestation.Word `json:"private_key"`
}

type attesterConfig struct {
	PrivateKey attestation.Word `json:"private_key"`
	PublicKey  string           `json:"public_key"` // uncompressed, 0x04…
}

// An attester is the key pair whose signatures the escrow pays for.
type attester struct {
	secret attestation.Word
	key    attestation.PublicKey
}

// newAttester derives the attester from the seed.
func newAttester(seed uint64) attester {
	hash := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("slastream localnet attester"), seed))
	secret := secp256k1.PrivKeyFromBytes(hash[:]) // modulo n
	point := secret.PubKey().SerializeUncompressed()
	return attester{
		secret: attestation.Word(secret.Serialize()),
		key:    attestation.PublicKey{X: attestation.Word(point[1:33]), Y: attestation.Word(point[33:])},
	}
}

// describe returns the config of two nodes that are served on those hosts: one
// line of JSON with its line feed.
func describe(starknet *starknetsim.Node, starknetHost string, fevm *fevmsim.Node, fevmHost string, a attester) ([]byte, error) {
	accounts := starknet.Accounts()
	c := config{
		Starknet: starknetConfig{
			RPC:     "http://" + starknetHost + "/rpc",
			WS:      "ws://" + starknetHost + "/ws",
			ChainID: fmt.Sprintf("%#x", starknet.Domain().ChainID.Big()),
			Escrow:  starknet.Escrow(),
			Token:   starknet.Token(),
			Owner:   accounts[0].Address,
		},
		FEVM: fevmConfig{
			RPC:          "http://" + fevmHost + "/",
			ChainID:      fevmsim.ChainID,
			PDPVerifier:  fevm.Verifier().Hex(),
			MockVerifier: fevm.MockVerifier().Hex(),
		},
		Attester: attesterConfig{PrivateKey: a.secret, PublicKey: a.key.String()},
	}
	for _, account := range accounts {
		c.Starknet.Accounts = append(c.Starknet.Accounts, starknetAccount(account))
	}
	for _, account := range fevm.Accounts() {
		key := attestation.Word(crypto.FromECDSA(account.PrivateKey()))
		c.FEVM.Accounts = append(c.FEVM.Accounts, fevmAccount{account.Address().Hex(), key})
	}
	line, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("localnet: config: %w", err)
	}
	return append(line, '\n'), nil
}

// writeFile replaces the file at path as a whole, so that nobody reads half of
// it. Only the user can read it: there are keys in it.
func writeFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("localnet: -config: %w", err)
	}
	_, err = f.Write(content)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("localnet: -config: %w", err)
	}
	return nil
}
