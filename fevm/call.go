package fevm

import (
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/internal/abidata"
)

// ErrUnknownCall marks calldata whose selector is no call of this package.
var ErrUnknownCall = errors.New("fevm: unknown call")

// A Call is one decoded call of a PDPVerifier: [AddPiecesCall],
// [CreateDataSetCall], [NextProvingPeriodCall] or [ProvePossession]. The set is
// closed.
type Call interface{ call() }

func (AddPiecesCall) call()         {}
func (CreateDataSetCall) call()     {}
func (NextProvingPeriodCall) call() {}
func (ProvePossession) call()       {}

// An AddPiecesCall adds pieces to a data set, in the three forms that the entry
// point has had:
//
//	v1.0.0        addRoots(uint256 setId, ((bytes),uint256)[] rootData, bytes extraData)
//	v2.0.0        addPieces(uint256 setId, ((bytes),uint256)[] pieceData, bytes extraData)
//	v2.1.0        addPieces(uint256 setId, (bytes)[] pieceData, bytes extraData)
//	since v2.2.0  addPieces(uint256 setId, address listener, (bytes)[] pieceData, bytes extraData)
//
// Since v2.2.0 it also creates the data set, when SetID is 0 (in v2.2.0 itself
// 2^256−1): the listener is not zero then.
type AddPiecesCall struct {
	SetID     attestation.Word
	Listener  attestation.EthereumAddress // zero before v2.2.0
	PieceCIDs []RawCID
	RawSizes  []attestation.Word // bytes; as many as PieceCIDs up to v2.0.0, nil since
	ExtraData []byte
}

// A CreateDataSetCall is createDataSet(address listener, bytes extraData). The
// listener holds the rules that the verifier does not have; zero means none.
type CreateDataSetCall struct {
	Listener  attestation.EthereumAddress
	ExtraData []byte
}

// A NextProvingPeriodCall is
// nextProvingPeriod(uint256 setId, uint256 challengeEpoch, bytes extraData).
type NextProvingPeriodCall struct {
	SetID          attestation.Word
	ChallengeEpoch attestation.Word // epoch
	ExtraData      []byte
}

// ParseCall decodes calldata that was sent to a PDPVerifier, selector first. The
// slices of the result alias it. It fails with [ErrUnknownCall] for another
// selector and with [ErrMalformed] for arguments that do not decode.
// provePossession is read by [ParseProvePossession]; the others are read as
// [ParseLog] reads data.
func ParseCall(calldata []byte) (Call, error) {
	if len(calldata) < 4 {
		return nil, fmt.Errorf("%w: %s has no selector", ErrUnknownCall, quoteBytes(calldata))
	}
	selector := [4]byte(calldata)
	if selector == selectorProvePossession {
		p, err := ParseProvePossession(calldata)
		if err != nil {
			return nil, err
		}
		return p, nil
	}
	args := abidata.Data(calldata[4:])
	for _, f := range entryPoints {
		if f.selector != selector {
			continue
		}
		c, err := f.decode(args)
		if err != nil {
			return nil, fmt.Errorf("%w: calldata of %s: %v", ErrMalformed, f.signature, err)
		}
		return c, nil
	}
	return nil, fmt.Errorf("%w: selector 0x%x", ErrUnknownCall, selector)
}

// entryPoints are the calls but provePossession. A selector is the first four
// bytes of the Keccak-256 of the signature.
var entryPoints = []struct {
	selector  [4]byte
	signature string
	decode    func(abidata.Data) (Call, error)
}{
	{[4]byte{0x9a, 0xfd, 0x37, 0xf2}, "addPieces(uint256,address,(bytes)[],bytes)", addPiecesWithListener},
	{[4]byte{0x30, 0x6f, 0xc8, 0xbe}, "addPieces(uint256,(bytes)[],bytes)", addPieces},
	{[4]byte{0xdd, 0xea, 0x76, 0xcc}, "addPieces(uint256,((bytes),uint256)[],bytes)", addSizedPieces},
	{[4]byte{0x11, 0xc0, 0xee, 0x4a}, "addRoots(uint256,((bytes),uint256)[],bytes)", addSizedPieces},
	{[4]byte{0xbb, 0xae, 0x41, 0xcb}, "createDataSet(address,bytes)", createDataSet},
	{[4]byte{0x45, 0xc0, 0xb9, 0x2d}, "nextProvingPeriod(uint256,uint256,bytes)", openProvingPeriod},
}

func addPiecesWithListener(d abidata.Data) (Call, error) {
	listener, err := d.Address(32)
	if err != nil {
		return nil, fmt.Errorf("listener: %w", err)
	}
	c, err := addedPieces(d, 64, false)
	c.Listener = listener
	return c, err
}

func addPieces(d abidata.Data) (Call, error)      { return addedPieces(d, 32, false) }
func addSizedPieces(d abidata.Data) (Call, error) { return addedPieces(d, 32, true) }

// addedPieces reads the set id, the array of pieces whose offset is at pos, and
// the extra data behind it.
func addedPieces(d abidata.Data, pos int, sized bool) (c AddPiecesCall, err error) {
	if c.SetID, err = d.Word(0); err != nil {
		return c, fmt.Errorf("setId: %w", err)
	}
	structs, n, err := d.Array(pos, 32)
	if err != nil {
		return c, fmt.Errorf("pieceData: %w", err)
	}
	c.PieceCIDs = make([]RawCID, n)
	if sized {
		c.RawSizes = make([]attestation.Word, n)
	}
	for i := range n {
		piece, err := structs.Tail(32 * i)
		if err == nil && sized {
			if c.RawSizes[i], err = piece.Word(32); err == nil {
				piece, err = piece.Tail(0)
			}
		}
		if err != nil {
			return c, fmt.Errorf("pieceData[%d]: %w", i, err)
		}
		if c.PieceCIDs[i], err = piece.Bytes(0); err != nil {
			return c, fmt.Errorf("pieceData[%d].data: %w", i, err)
		}
	}
	if c.ExtraData, err = d.Bytes(pos + 32); err != nil {
		return c, fmt.Errorf("extraData: %w", err)
	}
	return c, nil
}

func createDataSet(d abidata.Data) (Call, error) {
	listener, err := d.Address(0)
	if err != nil {
		return nil, fmt.Errorf("listener: %w", err)
	}
	extra, err := d.Bytes(32)
	if err != nil {
		return nil, fmt.Errorf("extraData: %w", err)
	}
	return CreateDataSetCall{listener, extra}, nil
}

func openProvingPeriod(d abidata.Data) (Call, error) {
	if len(d) < 64 {
		return nil, abidata.ErrTruncated
	}
	extra, err := d.Bytes(64)
	if err != nil {
		return nil, fmt.Errorf("extraData: %w", err)
	}
	return NextProvingPeriodCall{attestation.Word(d), attestation.Word(d[32:]), extra}, nil
}
