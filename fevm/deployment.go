package fevm

import (
	"fmt"
	"iter"

	"github.com/slastream/slastream-go/attestation"
)

// A Contract is what kind of contract is deployed at an address.
type Contract string

// The contracts of Filecoin's proof of data possession, and those that services
// build on it.
const (
	ContractPDPVerifier        Contract = "PDPVerifier"
	ContractSimplePDPService   Contract = "SimplePDPService"
	ContractWarmStorage        Contract = "FilecoinWarmStorageService"
	ContractWarmStorageView    Contract = "FilecoinWarmStorageServiceStateView"
	ContractFilecoinPay        Contract = "FilecoinPayV1"
	ContractProviderRegistry   Contract = "ServiceProviderRegistry"
	ContractSessionKeyRegistry Contract = "SessionKeyRegistry"
	ContractUSDFC              Contract = "USDFC"
)

// A Deployment is one public contract on one chain. An address alone says
// nothing: the same address is the warm storage service on Mainnet and a
// library on Calibration.
type Deployment struct {
	ChainID  uint64 // 314 Mainnet, 314159 Calibration
	Contract Contract
	Versions string // releases that run or ran there; a proxy is upgraded in place
	Address  attestation.EthereumAddress
	Current  bool // in use at the time of this release of the SDK
}

// Deployments yields the public contracts of a chain with those of the past,
// oldest first in each kind. A data set is named by the verifier and its id: a
// set of an old verifier is not the set with the same number of the new one.
//
// Sources: FilOzone/pdp README and tags v1.0.0 to v3.5.0,
// FilOzone/filecoin-services deployments.json, synapse-sdk chains.ts. The state
// view of the warm storage service changes with each release: read it from the
// service where it matters.
func Deployments(chainID uint64) iter.Seq[Deployment] {
	return func(yield func(Deployment) bool) {
		for _, d := range deployments() {
			if d.ChainID == chainID && !yield(d) {
				return
			}
		}
	}
}

// DeploymentAt returns what is known to be at an address of a chain.
func DeploymentAt(chainID uint64, address attestation.EthereumAddress) (d Deployment, ok bool) {
	for d := range Deployments(chainID) {
		if d.Address == address {
			return d, true
		}
	}
	return Deployment{}, false
}

// CurrentDeployment returns the contract of that kind that is in use on a chain.
func CurrentDeployment(chainID uint64, c Contract) (Deployment, error) {
	for d := range Deployments(chainID) {
		if d.Contract == c && d.Current {
			return d, nil
		}
	}
	return Deployment{}, fmt.Errorf("fevm: no %s is known on chain %d", c, chainID)
}

const (
	mainnet     = 314
	calibration = 314159
)

// deployments is the book. Addresses are as published, so that a wrong digit
// shows as a wrong EIP-55 checksum.
func deployments() []Deployment {
	book := []struct {
		chain    uint64
		contract Contract
		versions string
		address  string
		current  bool
	}{
		{mainnet, ContractPDPVerifier, "1.0.0", "0x9C65E8E57C98cCc040A3d825556832EA1e9f4Df6", false},
		{mainnet, ContractPDPVerifier, "2.1.0", "0x31D87004Fc0C38D897725978e51BC06163603E5A", false},
		{mainnet, ContractPDPVerifier, "2.2.0", "0x9F1bc521A7C3cFeC76c32611Aab50a6dFfb93290", false},
		{mainnet, ContractPDPVerifier, "2.2.1", "0x255cd1BFE3A83889607b8A7323709b24657d3534", false},
		{mainnet, ContractPDPVerifier, "3.0.0", "0x8b3e727D1Df709D5cac9FcBef57B139A9298766C", false},
		{mainnet, ContractPDPVerifier, "3.1.0, 3.2.0, 3.4.0, 3.5.0", "0xBADd0B92C1c71d02E7d520f64c0876538fa2557F", true},
		{mainnet, ContractSimplePDPService, "1.0.0", "0x805370387fA5Bd8053FD8f7B2da4055B9a4f8019", false},
		{mainnet, ContractWarmStorage, "1.3.0, 1.3.1", "0x8408502033C418E1bbC97cE9ac48E5528F371A9f", true},
		{mainnet, ContractWarmStorageView, "1.3.1", "0xAD28BBF18A72f728Ed816D07F5a1d7Ec40D68b5e", true},
		{mainnet, ContractFilecoinPay, "1.0.0", "0x23b1e018F08BB982348b15a86ee926eEBf7F4DAa", true},
		{mainnet, ContractProviderRegistry, "", "0xf55dDbf63F1b55c3F1D4FA7e339a68AB7b64A5eB", true},
		{mainnet, ContractSessionKeyRegistry, "", "0x74FD50525A958aF5d484601E252271f9625231aB", true},
		{mainnet, ContractUSDFC, "", "0x80B98d3aa09ffff255c3ba4A241111Ff1262F045", true},

		{calibration, ContractPDPVerifier, "1.0.0", "0x5A23b7df87f59A291C26A2A1d684AD03Ce9B68DC", false},
		{calibration, ContractPDPVerifier, "2.0.0", "0x4E1e9AB9bf23E9Fe96041E0a2d2f0B99dE27FBb2", false},
		{calibration, ContractPDPVerifier, "2.1.0", "0x445238Eca6c6aB8Dff1Aa6087d9c05734D22f137", false},
		{calibration, ContractPDPVerifier, "2.2.0", "0x9ecb84bB617a6Fd9911553bE12502a1B091CdfD8", false},
		{calibration, ContractPDPVerifier, "2.2.1", "0x579dD9E561D4Cd1776CF3e52E598616E77D5FBcb", false},
		{calibration, ContractPDPVerifier, "3.0.0", "0x06279D540BDCd6CA33B073cEAeA1425B6C68c93d", false},
		{calibration, ContractPDPVerifier, "3.1.0, 3.2.0, 3.4.0, 3.5.0", "0x85e366Cf9DD2c0aE37E963d9556F5f4718d6417C", true},
		{calibration, ContractSimplePDPService, "1.0.0", "0x6170dE2b09b404776197485F3dc6c968Ef948505", false},
		{calibration, ContractWarmStorage, "1.3.0, 1.3.1", "0x02925630df557F957f70E112bA06e50965417CA0", true},
		{calibration, ContractWarmStorageView, "1.3.1", "0xF4B446171b3677fD2B9b183a9fB76d517365700a", true},
		{calibration, ContractFilecoinPay, "1.0.0", "0x09a0fDc2723fAd1A7b8e3e00eE5DF73841df55a0", true},
		{calibration, ContractProviderRegistry, "", "0x839e5c9988e4e9977d40708d0094103c0839Ac9D", true},
		{calibration, ContractSessionKeyRegistry, "", "0x518411c2062E119Aaf7A8B12A2eDf9a939347655", true},
		{calibration, ContractUSDFC, "", "0xb3042734b608a1B16e9e86B374A3f3e389B4cDf0", true},
	}
	out := make([]Deployment, len(book))
	for i, b := range book {
		out[i] = Deployment{b.chain, b.contract, b.versions, mustAddress(b.address), b.current}
	}
	return out
}

// mustAddress is for the constants above, all of which the test parses.
func mustAddress(s string) attestation.EthereumAddress {
	a, err := attestation.ParseEthereumAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}
