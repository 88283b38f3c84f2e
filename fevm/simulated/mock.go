package simulated

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
)

// A mock is the reference implementation's MockPDPVerifier: anyone may call it,
// and what it emits means nothing.
type mock struct{}

func (mock) call(f *frame, input []byte) ([]byte, error) {
	if len(input) < 4 || !f.value.IsZero() {
		return nil, &revert{}
	}
	method, err := mockABI().MethodById(input)
	if err != nil {
		return nil, &revert{}
	}
	args, err := method.Inputs.Unpack(input[4:])
	if err != nil {
		return nil, &revert{}
	}
	events := mockABI().Events
	switch method.Name {
	case "nextProofSetId":
		return mustPack(method.Outputs, number(f.mockNext)), nil
	case "createProofSet":
		id := f.mockNext
		f.mockNext++
		return returns(method, f.emit([]common.Hash{events["ProofSetLive"].ID, topic(id)}, nil), number(id))
	default: // addRoots, the last of its three methods
		e := events["RootsAdded"]
		return nil, f.emit([]common.Hash{e.ID, common.BigToHash(args[0].(*big.Int))}, mustPack(e.Inputs.NonIndexed(), args[1]))
	}
}
