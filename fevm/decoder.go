package fevm

import (
	"bytes"
	"fmt"
	"unsafe"

	"github.com/ethereum/go-ethereum/common"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/internal/abidata"
)

// topics are the indexed arguments of a log, as many as its decoder asked for.
type topics []common.Hash

func (t topics) word(i int) attestation.Word { return attestation.Word(t[i]) }

func (t topics) address(i int) (attestation.EthereumAddress, error) {
	return abidata.AddressOf(attestation.Word(t[i]))
}

func possessionProven(t topics, d abidata.Data) (Event, error) {
	elems, n, err := d.Array(0, 64)
	if err != nil {
		return nil, fmt.Errorf("challenges: %w", err)
	}
	return PossessionProven{t.word(0), challengesIn(elems[:64*n])}, nil
}

// challengesIn reads challenges where they stand: a Challenge is the 64 bytes of
// its ABI encoding and has no alignment, and this is the event that a follower
// decodes most.
func challengesIn(elems []byte) []Challenge {
	if len(elems) == 0 {
		return []Challenge{}
	}
	return unsafe.Slice((*Challenge)(unsafe.Pointer(unsafe.SliceData(elems))), len(elems)/64)
}

// The two sizes must agree, or this does not compile.
var _ = [1]struct{}{}[unsafe.Sizeof(Challenge{})-64]

func nextProvingPeriod(t topics, d abidata.Data) (Event, error) {
	if len(d) < 64 {
		return nil, abidata.ErrTruncated
	}
	return NextProvingPeriod{t.word(0), attestation.Word(d), attestation.Word(d[32:])}, nil
}

func dataSetCreated(t topics, _ abidata.Data) (Event, error) {
	sp, err := t.address(1)
	if err != nil {
		return nil, fmt.Errorf("storageProvider: %w", err)
	}
	return DataSetCreated{t.word(0), sp}, nil
}

func dataSetDeleted(t topics, d abidata.Data) (Event, error) {
	leaves, err := d.Word(0)
	if err != nil {
		return nil, fmt.Errorf("deletedLeafCount: %w", err)
	}
	return DataSetDeleted{t.word(0), leaves}, nil
}

func dataSetEmpty(t topics, _ abidata.Data) (Event, error) { return DataSetEmpty{t.word(0)}, nil }

func piecesAddedIDs(t topics, d abidata.Data) (Event, error) {
	ids, err := d.Words(0)
	if err != nil {
		return nil, fmt.Errorf("pieceIds: %w", err)
	}
	return PiecesAdded{SetID: t.word(0), FirstPieceID: first(ids), PieceIDs: ids}, nil
}

func piecesAdded(t topics, d abidata.Data) (Event, error) {
	ids, err := d.Words(0)
	if err != nil {
		return nil, fmt.Errorf("pieceIds: %w", err)
	}
	structs, n, err := d.Array(32, 32)
	if err != nil {
		return nil, fmt.Errorf("pieceCids: %w", err)
	}
	if n != len(ids) {
		return nil, fmt.Errorf("%d pieceIds, %d pieceCids", len(ids), n)
	}
	cids := make([]RawCID, n)
	for i := range cids {
		cid, err := structs.Tail(32 * i)
		if err != nil {
			return nil, fmt.Errorf("pieceCids[%d]: %w", i, err)
		}
		if cids[i], err = cid.Bytes(0); err != nil {
			return nil, fmt.Errorf("pieceCids[%d].data: %w", i, err)
		}
	}
	return PiecesAdded{t.word(0), first(ids), ids, cids}, nil
}

func piecesAddedV2(t topics, d abidata.Data) (Event, error) {
	id, err := d.Word(0)
	if err != nil {
		return nil, fmt.Errorf("firstPieceId: %w", err)
	}
	packed, n, err := d.Array(32, 64)
	if err != nil {
		return nil, fmt.Errorf("pieceCids: %w", err)
	}
	e := PiecesAdded{t.word(0), id, make([]attestation.Word, n), make([]RawCID, n)}
	for i := range n {
		if i > 0 && id.IsZero() {
			return nil, fmt.Errorf("firstPieceId %s: ids pass 2^256", e.FirstPieceID)
		}
		e.PieceIDs[i] = id
		e.PieceCIDs[i] = unpackCID(packed[64*i : 64*i+64 : 64*i+64])
		id = increment(id)
	}
	return e, nil
}

// unpackCID strips the leading zeros of the header of a PackedCid; the rest of
// the header and the root that follows it are the CID.
func unpackCID(packed []byte) RawCID {
	header := bytes.TrimLeft(packed[:32], "\x00")
	return RawCID(packed[32-len(header):])
}

// increment returns w + 1, modulo 2^256.
func increment(w attestation.Word) attestation.Word {
	for i := len(w) - 1; i >= 0; i-- {
		w[i]++
		if w[i] != 0 {
			break
		}
	}
	return w
}

func first(ids []attestation.Word) attestation.Word {
	if len(ids) == 0 {
		return attestation.Word{}
	}
	return ids[0]
}

func piecesRemoved(t topics, d abidata.Data) (Event, error) {
	ids, err := d.Words(0)
	if err != nil {
		return nil, fmt.Errorf("pieceIds: %w", err)
	}
	return PiecesRemoved{t.word(0), ids}, nil
}

func piecesScheduledForRemoval(t topics, d abidata.Data) (Event, error) {
	ids, err := d.Words(0)
	if err != nil {
		return nil, fmt.Errorf("pieceIds: %w", err)
	}
	return PiecesScheduledForRemoval{t.word(0), ids}, nil
}

func storageProviderChanged(t topics, _ abidata.Data) (Event, error) {
	old, err := t.address(1)
	if err != nil {
		return nil, fmt.Errorf("oldStorageProvider: %w", err)
	}
	now, err := t.address(2)
	if err != nil {
		return nil, fmt.Errorf("newStorageProvider: %w", err)
	}
	return StorageProviderChanged{t.word(0), old, now}, nil
}

func proofFeePaid(t topics, d abidata.Data) (Event, error) {
	fee, err := d.Word(0)
	if err != nil {
		return nil, fmt.Errorf("fee: %w", err)
	}
	return ProofFeePaid{SetID: t.word(0), Fee: fee}, nil
}

func proofFeePaidWithPrice(t topics, d abidata.Data) (Event, error) {
	fee, err := d.Word(0)
	if err != nil {
		return nil, fmt.Errorf("fee: %w", err)
	}
	price, err := d.Uint64(32)
	if err != nil {
		return nil, fmt.Errorf("price: %w", err)
	}
	expo, err := d.Int32(64)
	if err != nil {
		return nil, fmt.Errorf("expo: %w", err)
	}
	return ProofFeePaid{t.word(0), fee, price, expo}, nil
}

func feeUpdateProposed(_ topics, d abidata.Data) (Event, error) {
	if len(d) < 96 {
		return nil, abidata.ErrTruncated
	}
	return FeeUpdateProposed{attestation.Word(d), attestation.Word(d[32:]), attestation.Word(d[64:])}, nil
}

func contractUpgraded(_ topics, d abidata.Data) (Event, error) {
	version, err := d.Bytes(0)
	if err != nil {
		return nil, fmt.Errorf("version: %w", err)
	}
	impl, err := d.Address(32)
	if err != nil {
		return nil, fmt.Errorf("implementation: %w", err)
	}
	return ContractUpgraded{string(version), impl}, nil
}

func upgradeAnnounced(_ topics, d abidata.Data) (Event, error) {
	impl, err := d.Address(0)
	if err != nil {
		return nil, fmt.Errorf("nextImplementation: %w", err)
	}
	epoch, err := d.Word(32)
	if err != nil {
		return nil, fmt.Errorf("afterEpoch: %w", err)
	}
	if [20]byte(epoch[:20]) != [20]byte{} {
		return nil, fmt.Errorf("afterEpoch: %s is not below 2^96", epoch)
	}
	return UpgradeAnnounced{impl, epoch}, nil
}

func priceOracleFailure(_ topics, d abidata.Data) (Event, error) {
	reason, err := d.Bytes(0)
	if err != nil {
		return nil, fmt.Errorf("reason: %w", err)
	}
	return PriceOracleFailure{reason}, nil
}

func upgraded(t topics, _ abidata.Data) (Event, error) {
	impl, err := t.address(0)
	if err != nil {
		return nil, fmt.Errorf("implementation: %w", err)
	}
	return Upgraded{impl}, nil
}

func ownershipTransferred(t topics, _ abidata.Data) (Event, error) {
	old, err := t.address(0)
	if err != nil {
		return nil, fmt.Errorf("previousOwner: %w", err)
	}
	now, err := t.address(1)
	if err != nil {
		return nil, fmt.Errorf("newOwner: %w", err)
	}
	return OwnershipTransferred{old, now}, nil
}

func initialized(_ topics, d abidata.Data) (Event, error) {
	version, err := d.Uint64(0)
	if err != nil {
		return nil, fmt.Errorf("version: %w", err)
	}
	return Initialized{version}, nil
}

func mockRootsAdded(t topics, d abidata.Data) (Event, error) {
	roots, err := d.Words(0)
	if err != nil {
		return nil, fmt.Errorf("rootCIDs: %w", err)
	}
	return MockRootsAdded{t.word(0), roots}, nil
}

func mockProofSetLive(t topics, _ abidata.Data) (Event, error) {
	return MockProofSetLive{t.word(0)}, nil
}
