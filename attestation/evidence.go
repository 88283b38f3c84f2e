package attestation

// Evidence names what on Filecoin backs an attestation: the first
// PossessionProven log of one proving period of one data set. A proof pays
// once, so (ChainID, Verifier, SetID, Period) is the unit of payment; the
// other fields say where a reader finds the log.
//
// The type is comparable. Field names and order are part of its JSON form.
type Evidence struct {
	ChainID     uint64          `json:"chainId"`     // EIP-155 chain id: 314 Mainnet, 314159 Calibration
	Verifier    EthereumAddress `json:"verifier"`    // PDPVerifier proxy
	SetID       Word            `json:"setId"`       // data set
	Period      uint64          `json:"period"`      // challenge epoch that names the proving period
	TxHash      Word            `json:"txHash"`      // transaction that proved
	BlockHash   Word            `json:"blockHash"`   // tipset hash as eth_getLogs answers it
	BlockNumber uint64          `json:"blockNumber"` // epoch that holds the proof
	LogIndex    uint64          `json:"logIndex"`    // index of the log in its block
}

// A PeriodKey identifies one proving period of one data set on one chain: what
// a proof is paid for. It is comparable and meant as a map key.
type PeriodKey struct {
	ChainID  uint64
	Verifier EthereumAddress
	SetID    Word
	Period   uint64
}

// Key returns the proving period that e is evidence for.
func (e Evidence) Key() PeriodKey {
	return PeriodKey{ChainID: e.ChainID, Verifier: e.Verifier, SetID: e.SetID, Period: e.Period}
}
