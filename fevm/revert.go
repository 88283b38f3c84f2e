package fevm

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/sha3"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/internal/abidata"
)

// A ContractError is what a contract reverted with: a custom error of
// PDPVerifier, of the libraries in it or of the warm storage service, the text
// of a require, or a panic of the compiler's checks.
type ContractError struct {
	Name    string             // "PendingPieceDeletions"; "Error" for the text of a require, "Panic" for a panic
	Types   []string           // of the arguments, as Solidity writes them
	Args    []attestation.Word // the words of the arguments; 0 where Message stands
	Message string             // of a string argument, as sent
}

// Error returns the error as Solidity would call it, such as
// "fevm: reverted: PendingPieceDeletions(3)", or a require's text alone. What
// the contract sent is bounded and quoted where it is not plain text.
func (e *ContractError) Error() string {
	const most = 200
	text := e.Message
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	if e.Name == "Error" {
		return "fevm: reverted: " + printable(text)
	}
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		switch e.Types[i] {
		case "address":
			args[i] = attestation.EthereumAddress(a[12:]).String()
		case "string":
			args[i] = fmt.Sprintf("%q", text)
		default:
			args[i] = a.Big().String()
		}
	}
	return "fevm: reverted: " + e.Name + "(" + strings.Join(args, ",") + ")"
}

func printable(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Sprintf("%q", s)
	}
	return s
}

// ParseRevert decodes the revert data of a call. It fails with
// [ErrUnknownRevert] for no data (a revert without a reason) and for another
// selector, and with [ErrMalformed] if the arguments are not the error's.
func ParseRevert(data []byte) (*ContractError, error) {
	if len(data) < 4 {
		return nil, fmt.Errorf("%w: %d bytes of data", ErrUnknownRevert, len(data))
	}
	signature, ok := errorSignatures[binary.BigEndian.Uint32(data)]
	if !ok {
		return nil, fmt.Errorf("%w: selector 0x%x", ErrUnknownRevert, data[:4])
	}
	e, err := readRevert(signature, data[4:])
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrMalformed, signature, err)
	}
	return e, nil
}

func readRevert(signature string, d abidata.Data) (*ContractError, error) {
	name, list, _ := strings.Cut(strings.TrimSuffix(signature, ")"), "(")
	e := &ContractError{Name: name}
	if list == "" {
		return e, nil
	}
	e.Types = strings.Split(list, ",")
	e.Args = make([]attestation.Word, len(e.Types))
	for i, typ := range e.Types {
		var err error
		switch typ {
		case "string":
			var text []byte
			text, err = d.Bytes(32 * i)
			e.Message = string(text)
		case "address":
			if e.Args[i], err = d.Word(32 * i); err == nil {
				_, err = abidata.AddressOf(e.Args[i])
			}
		default:
			e.Args[i], err = d.Word(32 * i)
		}
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
	}
	return e, nil
}

// errorSignatures are the errors by selector, the first four bytes of the
// Keccak-256 of the signature.
var errorSignatures = func() map[uint32]string {
	m := make(map[uint32]string, len(contractErrors))
	for _, s := range contractErrors {
		h := sha3.NewLegacyKeccak256()
		h.Write([]byte(s))
		m[binary.BigEndian.Uint32(h.Sum(nil))] = s
	}
	return m
}()

// contractErrors are the errors of the Solidity sources of pdp 3.5.0
// (PDPVerifier.sol, Cids.sol, PieceMetadata.sol), of what filecoin-services
// 1.3.1 (Errors.sol) says to a storage provider that proves or adds pieces, and
// of the OpenZeppelin contracts that both inherit.
var contractErrors = []string{
	"Error(string)", "Panic(uint256)",

	"IndexedError(uint256,string)", "CleanupDepositRequired()", "DataSetNotFound()", "DataSetNotLive()",
	"DataSetAlreadyInCleanup()", "MaxPiecesMustBePositive()", "EmptyRemovalBatch()", "DataSetNotInCleanupMode()",
	"DepositTransferFailed()", "TransferFailed()", "OnlyStorageProvider()", "InvalidPieceDeletionBatch()",
	"PendingPieceDeletions(uint256)", "NoPiecesToProve()", "InsufficientChallengeDelay(uint256,uint256)",
	"ExcessiveChallengeDelay(uint256,uint256)", "InvalidImplementation(address)", "PieceMetadataOverflow()",
	"CidTooShort()", "InvalidCommPv2Prefix()", "NonMinimalUvarint()", "InvalidCommPv2MultihashLength()",
	"InvalidCommPv2DigestLength()", "UnterminatedUvarint()", "UvarintOverflow()",

	"OnlyPDPVerifierAllowed(address,address)", "ProvingPeriodNotInitialized(uint256)", "DataSetNotRegistered(uint256)",
	"ProofAlreadySubmitted(uint256)", "InvalidChallengeCount(uint256,uint256,uint256)", "ProvingNotStarted(uint256)",
	"ProvingPeriodPassed(uint256,uint256,uint256)", "ChallengeWindowTooEarly(uint256,uint256,uint256)",
	"InvalidChallengeEpoch(uint256,uint256,uint256,uint256)", "NextProvingPeriodAlreadyCalled(uint256,uint256,uint256)",
	"DataSetPaymentAlreadyTerminated(uint256)", "DataSetPaymentBeyondEndEpoch(uint256,uint256,uint256)",
	"InvalidDataSetId(uint256)", "CallerNotServiceProvider(uint256,address,address)", "ExtraDataRequired()",
	"InsufficientLockupFunds(address,uint256,uint256)", "StorageProviderChangesNotSupported()",

	"OwnableUnauthorizedAccount(address)", "OwnableInvalidOwner(address)", "UUPSUnauthorizedCallContext()",
	"InvalidInitialization()", "NotInitializing()", "ERC1967InvalidImplementation(address)", "FailedCall()",
}
