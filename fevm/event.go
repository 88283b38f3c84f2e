package fevm

import "github.com/slastream/slastream-go/attestation"

// An Event is one decoded log of a PDPVerifier, of any release, or of the
// reference implementation's mock. [ParseLog] returns the structs of this
// package by value, never pointers to them. The set is closed.
//
// Field names are the ABI's. Integers of 256 bits (and AfterEpoch, of 96) are
// attestation.Word. Byte slices and challenges alias the data of the log that they
// came from.
type Event interface{ isEvent() }

// A Challenge is one leaf that a provider had to show: a 32-byte leaf of a
// piece. It is IPDPTypes.PieceIdAndOffset of the contract.
type Challenge struct {
	PieceID attestation.Word // id of the piece in its data set
	Offset  attestation.Word // index of the leaf in the piece, in 32-byte leaves
}

// PossessionProven says that the contract verified Merkle proofs for the
// challenges, in challenge order. It does not say in which proving period, and
// the contract emits it again when the same proofs are sent again: package
// policy decides what is payable. The signature is the same in every release.
type PossessionProven struct {
	SetID      attestation.Word
	Challenges []Challenge
}

// NextProvingPeriod opens a proving period: proofs are accepted from
// ChallengeEpoch on, drawn from LeafCount leaves. When the set has just become
// empty (DataSetEmpty comes before it in the same transaction) ChallengeEpoch is
// what the caller asked for, and nothing can be proven.
type NextProvingPeriod struct {
	SetID          attestation.Word
	ChallengeEpoch attestation.Word // epoch
	LeafCount      attestation.Word // 32-byte leaves
}

// DataSetCreated says that a data set exists. Before v2.0.0 it was called
// ProofSetCreated.
type DataSetCreated struct {
	SetID           attestation.Word
	StorageProvider attestation.EthereumAddress
}

// DataSetDeleted says that a data set ended; since v3.4.0 it enters cleanup and
// its pieces are torn down later. Before v2.0.0 it was called ProofSetDeleted.
type DataSetDeleted struct {
	SetID            attestation.Word
	DeletedLeafCount attestation.Word // 32-byte leaves
}

// DataSetEmpty says that a data set lost its last piece, so no challenge is
// scheduled. Before v2.0.0 it was called ProofSetEmpty.
type DataSetEmpty struct {
	SetID attestation.Word
}

// PiecesAdded says that pieces joined a data set; they are challenged from the
// next proving period on. It stands for RootsAdded (v1.0.0) and PiecesAdded of
// v2.0.0, which carry no CIDs (PieceCIDs is nil), for PiecesAdded of v2.1.0 to
// v3.4.0, and for PiecesAddedV2 of 3.5.0, whose ids are consecutive.
//
// PieceCIDs[i] belongs to PieceIDs[i]. The contract before 3.5.0 gives as many
// of one as of the other; a log that does not is refused.
type PiecesAdded struct {
	SetID        attestation.Word
	FirstPieceID attestation.Word // id of the first piece; of a V2 log also if it adds none
	PieceIDs     []attestation.Word
	PieceCIDs    []RawCID
}

// PiecesRemoved says that pieces left a data set. Before v2.0.0 it was called
// RootsRemoved.
type PiecesRemoved struct {
	SetID    attestation.Word
	PieceIDs []attestation.Word
}

// PiecesScheduledForRemoval says that pieces will leave a data set (3.5.0).
type PiecesScheduledForRemoval struct {
	SetID    attestation.Word
	PieceIDs []attestation.Word
}

// StorageProviderChanged says that a data set has a new provider. Before v2.0.0
// it was called ProofSetOwnerChanged.
type StorageProviderChanged struct {
	SetID              attestation.Word
	OldStorageProvider attestation.EthereumAddress
	NewStorageProvider attestation.EthereumAddress
}

// ProofFeePaid comes before PossessionProven in the same transaction. Price and
// Expo are the FIL/USD price that releases before v2.2.0 reported, else 0.
type ProofFeePaid struct {
	SetID attestation.Word
	Fee   attestation.Word // attoFIL
	Price uint64           // times 10^Expo US dollars
	Expo  int32
}

// FeeUpdateProposed announces a proof fee (v2.2.0 on).
type FeeUpdateProposed struct {
	CurrentFee    attestation.Word // attoFIL per TiB
	NewFee        attestation.Word // attoFIL per TiB
	EffectiveTime attestation.Word // Unix seconds
}

// ContractUpgraded says which release runs behind the proxy. The warm storage
// service and the provider registry emit the same topic.
type ContractUpgraded struct {
	Version        string
	Implementation attestation.EthereumAddress
}

// UpgradeAnnounced says which implementation may replace the current one after
// AfterEpoch (v3.2.0 on).
type UpgradeAnnounced struct {
	NextImplementation attestation.EthereumAddress
	AfterEpoch         attestation.Word // epoch, below 2^96
}

// PriceOracleFailure carries the revert data of the price oracle (v2.0.0).
type PriceOracleFailure struct {
	Reason []byte
}

// Upgraded is the ERC-1967 proxy's own event.
type Upgraded struct {
	Implementation attestation.EthereumAddress
}

// OwnershipTransferred is OpenZeppelin's Ownable event.
type OwnershipTransferred struct {
	PreviousOwner attestation.EthereumAddress
	NewOwner      attestation.EthereumAddress
}

// Initialized is OpenZeppelin's Initializable event; Version is 2^64-1 for an
// implementation that can never be initialized.
type Initialized struct {
	Version uint64
}

// MockRootsAdded is RootsAdded(uint256,bytes32[]) of the reference
// implementation's MockPDPVerifier: anyone can emit it, and it proves nothing.
// No PDPVerifier ever emitted this signature.
type MockRootsAdded struct {
	ProofSetID attestation.Word
	RootCIDs   []attestation.Word
}

// MockProofSetLive is ProofSetLive(uint256) of the same mock.
type MockProofSetLive struct {
	ProofSetID attestation.Word
}

func (PossessionProven) isEvent()          {}
func (NextProvingPeriod) isEvent()         {}
func (DataSetCreated) isEvent()            {}
func (DataSetDeleted) isEvent()            {}
func (DataSetEmpty) isEvent()              {}
func (PiecesAdded) isEvent()               {}
func (PiecesRemoved) isEvent()             {}
func (PiecesScheduledForRemoval) isEvent() {}
func (StorageProviderChanged) isEvent()    {}
func (ProofFeePaid) isEvent()              {}
func (FeeUpdateProposed) isEvent()         {}
func (ContractUpgraded) isEvent()          {}
func (UpgradeAnnounced) isEvent()          {}
func (PriceOracleFailure) isEvent()        {}
func (Upgraded) isEvent()                  {}
func (OwnershipTransferred) isEvent()      {}
func (Initialized) isEvent()               {}
func (MockRootsAdded) isEvent()            {}
func (MockProofSetLive) isEvent()          {}
