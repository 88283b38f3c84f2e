package fevm

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/fevm/internal/abidata"
)

var (
	// ErrUnknownEvent marks a log whose first topic is no event of this
	// package: other contracts' logs, and pre-release builds of PDPVerifier.
	ErrUnknownEvent = errors.New("fevm: unknown event")
	// ErrMalformed marks bytes that claim to be an event, a piece CID, a call or
	// an error and are not its encoding.
	ErrMalformed = errors.New("fevm: malformed")
	// ErrUnknownRevert marks revert data that is no error of this package, or none.
	ErrUnknownRevert = errors.New("fevm: unknown revert")
)

// ParseLog decodes the topics and data of a log. It does not look at the
// address: anyone can emit any log, so a reader first drops what its verifier
// did not emit, and what was Removed by a reorganisation.
//
// It fails with [ErrUnknownEvent] for another first topic (or none), and with
// [ErrMalformed] if topics or data are not the event's encoding: another number
// of topics, data that ends early, an offset or length of 2^63 or more, an
// integer or address with bits beyond its type. Like other ABI decoders it
// accepts any layout that the offsets describe: gaps, shared tails and trailing
// bytes, which no contract here emits and which cannot change what it reads.
func ParseLog(l *types.Log) (Event, error) {
	if l == nil || len(l.Topics) == 0 {
		return nil, fmt.Errorf("%w: no topics", ErrUnknownEvent)
	}
	d, ok := decoders[l.Topics[0]]
	if !ok {
		return nil, fmt.Errorf("%w: topic %s", ErrUnknownEvent, l.Topics[0])
	}
	if len(l.Topics) != 1+d.indexed {
		return nil, fmt.Errorf("%w: %s: %d topics, want %d", ErrMalformed, d.signature, len(l.Topics), 1+d.indexed)
	}
	e, err := d.decode(topics(l.Topics[1:]), l.Data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrMalformed, d.signature, err)
	}
	return e, nil
}

type decoder struct {
	signature string
	indexed   int // topics after the first
	decode    func(topics, abidata.Data) (Event, error)
}

// decoders has a row for each event of each release of PDPVerifier, v1.0.0 to
// 3.5.0, and for the two of the mock. The key is the Keccak-256 of the signature.
var decoders = map[common.Hash]decoder{
	common.HexToHash("0x1acf7df9f0c1b0208c23be6178950c0273f89b766805a2c0bd1e53d25c700e50"): {"PossessionProven(uint256,(uint256,uint256)[])", 1, possessionProven},
	common.HexToHash("0xc099ffec4e3e773644a4d1dda368c46af853a0eeb15babde217f53a657396e1e"): {"NextProvingPeriod(uint256,uint256,uint256)", 1, nextProvingPeriod},
	common.HexToHash("0x017f0b33d96e8f9968590172013032c2346cf047787a5e17a44b0a1bb3cd0f01"): {"ProofSetCreated(uint256,address)", 2, dataSetCreated},
	common.HexToHash("0x11369440e1b7135015c16acb9bc14b55b0f4b23b02010c363d34aec2e5b96281"): {"DataSetCreated(uint256,address)", 2, dataSetCreated},
	common.HexToHash("0xd3273037b635678293ef0c076bd77af13760e75e12806d1db237616d03c3a766"): {"ProofSetOwnerChanged(uint256,address,address)", 3, storageProviderChanged},
	common.HexToHash("0x686146a80f2bf4dc855942926481871515b39b508826d7982a2e0212d20552c9"): {"StorageProviderChanged(uint256,address,address)", 3, storageProviderChanged},
	common.HexToHash("0x589e9a441b5bddda77c4ab647b0108764a9cc1a7f655aa9b7bc50b8bdfab8673"): {"ProofSetDeleted(uint256,uint256)", 1, dataSetDeleted},
	common.HexToHash("0x14eeeef7679fcb051c6572811f61c07bedccd0f1cfc1f9b79b23e47c5c52aeb7"): {"DataSetDeleted(uint256,uint256)", 1, dataSetDeleted},
	common.HexToHash("0x323c29bc8d678a5d987b90a321982d10b9a91bcad071a9e445879497bf0e68e7"): {"ProofSetEmpty(uint256)", 1, dataSetEmpty},
	common.HexToHash("0x02a8400fc343f45098cb00c3a6ea694174771939a5503f663e0ff6f4eb7c2842"): {"DataSetEmpty(uint256)", 1, dataSetEmpty},
	common.HexToHash("0x5ce51a8003915c377679ba533d9dafa0792058b254965697e674272f13f4fdd3"): {"RootsAdded(uint256,uint256[])", 1, piecesAddedIDs},
	common.HexToHash("0xd9389326b5d4b5a25430b57198f71d0af2a577710c608fb4834f13ca5bfed859"): {"PiecesAdded(uint256,uint256[])", 1, piecesAddedIDs},
	common.HexToHash("0x396df50222a87662e94bb7d173792d5e61fe0b193b6ccf791f7ce433f0b28207"): {"PiecesAdded(uint256,uint256[],(bytes)[])", 1, piecesAdded},
	common.HexToHash("0xf940e16e56c59d7821a2d55055b93909607d378871e741e763798717d8924579"): {"PiecesAddedV2(uint256,uint256,(bytes32,bytes32)[])", 1, piecesAddedV2},
	common.HexToHash("0xd22bb0ee05b8ca92312459c76223d3b9bc1bd96fb6c9b18e637ededf92d81174"): {"RootsRemoved(uint256,uint256[])", 1, piecesRemoved},
	common.HexToHash("0x6e87df804629ac17804b57ba7abbdfac8bdc36bab504fb8a8801eb313a8ce7b1"): {"PiecesRemoved(uint256,uint256[])", 1, piecesRemoved},
	common.HexToHash("0x0c9e13a7dee0db62e5e7d59c2f225f9ae005e690419932ac47ba6652f09d2305"): {"PiecesScheduledForRemoval(uint256,uint256[])", 1, piecesScheduledForRemoval},
	common.HexToHash("0x928bbf5188022bf8b9a0e59f5e81e179d0a4c729bdba2856ac971af2063fbf2b"): {"ProofFeePaid(uint256,uint256,uint64,int32)", 1, proofFeePaidWithPrice},
	common.HexToHash("0x58b7742b13c8873fc0ba58f695b33ca0044b2db7ff9c5208181dbaec2a5b291e"): {"ProofFeePaid(uint256,uint256)", 1, proofFeePaid},
	common.HexToHash("0x239c396012e4038117d18910fba2aab3452e37696f685a457098e4c4864d8bcb"): {"FeeUpdateProposed(uint256,uint256,uint256)", 0, feeUpdateProposed},
	common.HexToHash("0x2b51ff7c4cc8e6fe1c72e9d9685b7d2a88a5d82ad3a644afbdceb0272c89c1c3"): {"ContractUpgraded(string,address)", 0, contractUpgraded},
	common.HexToHash("0xbcf8666408d712c75c2cbd790925afbec6495ca9e04186b1182902260a1d53cd"): {"UpgradeAnnounced((address,uint96))", 0, upgradeAnnounced},
	common.HexToHash("0x32e677043f93cd9edc909002276c5e55eb11c275a7b368ae7fe86687516eb120"): {"PriceOracleFailure(bytes)", 0, priceOracleFailure},
	common.HexToHash("0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"): {"Upgraded(address)", 1, upgraded},
	common.HexToHash("0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0"): {"OwnershipTransferred(address,address)", 2, ownershipTransferred},
	common.HexToHash("0xc7f505b2f371ae2175ee4913f4499e1f2633a7b5936321eed1cdaeb6115181d2"): {"Initialized(uint64)", 0, initialized},
	common.HexToHash("0x99f7782ee2f637075b86aa3406f31c03a322925b53e42ef2daeb53c646f8f40b"): {"RootsAdded(uint256,bytes32[])", 1, mockRootsAdded},
	common.HexToHash("0x4c0ee6e6655ba8eafaad738e4700fd5d35761fb8c52622a5713bcf1199968059"): {"ProofSetLive(uint256)", 1, mockProofSetLive},
}
