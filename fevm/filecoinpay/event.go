// Package filecoinpay reads what FilecoinPayV1 says: accounts and payment rails on
// Filecoin, which the warm storage service pays its providers with. Use it to
// watch a rail beside a deal of the escrow on Starknet. It reads only: no I/O, no
// state.
//
// The source is filecoin-pay v1.0.0, src/FilecoinPayV1.sol. Earlier releases had
// other events under some of these names, with other topics: those are unknown
// here.
package filecoinpay

import (
	"errors"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/internal/abidata"
)

// ErrUnknownEvent marks a log whose first topic is no event of this package.
var ErrUnknownEvent = errors.New("filecoinpay: unknown event")

// ErrMalformed marks a log that claims to be an event and is not its encoding.
var ErrMalformed = errors.New("filecoinpay: malformed")

// An Event is one decoded log of the contract. The set is closed; [ParseLog]
// returns the structs by value. Amounts and rates are base units of the rail's
// token, rates an epoch; epochs are Filecoin's; integers are words.
type Event interface{ event() }

type (
	// RailCreated says that a payer pays a payee. The validator, if not zero, can
	// reduce what is settled.
	RailCreated struct {
		RailID                                          attestation.Word
		Payer, Payee                                    attestation.EthereumAddress
		Token, Operator, Validator, ServiceFeeRecipient attestation.EthereumAddress
		CommissionRateBps                               attestation.Word // 1/10,000
	}
	// RailRateModified says what the rail streams from now on.
	RailRateModified struct{ RailID, OldRate, NewRate attestation.Word }
	// RailLockupModified says how much the payer keeps ready: for that many epochs
	// of the rate, and a fixed amount.
	RailLockupModified struct {
		RailID                           attestation.Word
		OldLockupPeriod, NewLockupPeriod attestation.Word // epochs
		OldLockupFixed, NewLockupFixed   attestation.Word
	}
	// RailOneTimePaymentProcessed says that a part of the fixed lockup was paid.
	RailOneTimePaymentProcessed struct{ RailID, NetPayeeAmount, OperatorCommission, NetworkFee attestation.Word }
	// RailSettled says that the rail was paid up to an epoch. For epochs that the
	// validator refused nothing is in the total.
	RailSettled struct {
		RailID, TotalSettledAmount, TotalNetPayeeAmount, OperatorCommission, NetworkFee attestation.Word
		SettledUpTo                                                                     attestation.Word // epoch
	}
	// RailTerminated says that the rail streams only until an epoch.
	RailTerminated struct {
		RailID   attestation.Word
		By       attestation.EthereumAddress
		EndEpoch attestation.Word // epoch
	}
	// RailFinalized says that the rail is settled for good.
	RailFinalized struct{ RailID attestation.Word }
	// DepositRecorded says that tokens came into an account; token zero is FIL.
	DepositRecorded struct {
		Token, From, To attestation.EthereumAddress
		Amount          attestation.Word
	}
	// WithdrawRecorded says that tokens left an account; token zero is FIL.
	WithdrawRecorded struct {
		Token, From, To attestation.EthereumAddress
		Amount          attestation.Word
	}
	// AccountLockupSettled says what an account has locked.
	AccountLockupSettled struct {
		Token, Owner                                   attestation.EthereumAddress
		LockupCurrent, LockupRate, LockupLastSettledAt attestation.Word
	}
	// OperatorApprovalUpdated says what an operator may do with a client's account.
	OperatorApprovalUpdated struct {
		Token, Client, Operator        attestation.EthereumAddress
		Approved                       bool
		RateAllowance, LockupAllowance attestation.Word
		MaxLockupPeriod                attestation.Word // epochs
	}
)

func (RailCreated) event()                 {}
func (RailRateModified) event()            {}
func (RailLockupModified) event()          {}
func (RailOneTimePaymentProcessed) event() {}
func (RailSettled) event()                 {}
func (RailTerminated) event()              {}
func (RailFinalized) event()               {}
func (DepositRecorded) event()             {}
func (WithdrawRecorded) event()            {}
func (AccountLockupSettled) event()        {}
func (OperatorApprovalUpdated) event()     {}

// ParseLog decodes a log of the contract. It does not look at the address: anyone
// can emit any log. It fails with [ErrUnknownEvent] and [ErrMalformed], as
// fevm.ParseLog does.
func ParseLog(l *types.Log) (Event, error) { return events.Parse(l) }

var events = abidata.EventTable[Event]{Rows: rows, Unknown: ErrUnknownEvent, Malformed: ErrMalformed}

var rows = map[common.Hash]abidata.EventRow[Event]{
	common.HexToHash("0xb9f4f448b1c10a427fd0df9553b65fbd49cea0137977ce50f8deb47864b4754f"): {Signature: "RailCreated(uint256,address,address,address,address,address,address,uint256)", Decode: func(r *abidata.LogReader) Event {
		return RailCreated{r.Topic(), r.TopicAddress(), r.TopicAddress(), r.Address(), r.Address(), r.Address(), r.Address(), r.Word()}
	}},
	common.HexToHash("0x2e3c2d5cce45fbe45262be6ec0c3f584e0ba1ccd0f7371dd1175dbde62ec2a50"): {Signature: "RailRateModified(uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return RailRateModified{r.Topic(), r.Word(), r.Word()}
	}},
	common.HexToHash("0xcceff3285f15292e6ad0acd5900af1575f7e0debe13855d76901c33981978f79"): {Signature: "RailLockupModified(uint256,uint256,uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return RailLockupModified{r.Topic(), r.Word(), r.Word(), r.Word(), r.Word()}
	}},
	common.HexToHash("0x70358589bc618854360f545817cd39ae53b440c5c6ef7bb83db1c86f3496f723"): {Signature: "RailOneTimePaymentProcessed(uint256,uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return RailOneTimePaymentProcessed{r.Topic(), r.Word(), r.Word(), r.Word()}
	}},
	common.HexToHash("0x14e2efd598f2db6bfe762fcf9a830ffdfcba170d263d4a4956f36176ba82d3f3"): {Signature: "RailSettled(uint256,uint256,uint256,uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return RailSettled{r.Topic(), r.Word(), r.Word(), r.Word(), r.Word(), r.Word()}
	}},
	common.HexToHash("0x341cedeea2157541f32a2c3ba561c2a096f12997813844db9818532104a41aa9"): {Signature: "RailTerminated(uint256,address,uint256)", Decode: func(r *abidata.LogReader) Event {
		return RailTerminated{r.Topic(), r.TopicAddress(), r.Word()}
	}},
	common.HexToHash("0xeba1d176034891f68b755fb52cf844fe98a96ca13b50147fbe0e93f6cdecd9e2"): {Signature: "RailFinalized(uint256)", Decode: func(r *abidata.LogReader) Event {
		return RailFinalized{r.Topic()}
	}},
	common.HexToHash("0x0dc0013c9d314fc3894bafe429b311ffbd18598c3d159a5a0e31225215db94a7"): {Signature: "DepositRecorded(address,address,address,uint256)", Decode: func(r *abidata.LogReader) Event {
		return DepositRecorded{r.TopicAddress(), r.TopicAddress(), r.TopicAddress(), r.Word()}
	}},
	common.HexToHash("0x332e20fbeb87ed1d267a2f391e6e3c6bdb9932c83d0cee5b5594ba827c4326c5"): {Signature: "WithdrawRecorded(address,address,address,uint256)", Decode: func(r *abidata.LogReader) Event {
		return WithdrawRecorded{r.TopicAddress(), r.TopicAddress(), r.TopicAddress(), r.Word()}
	}},
	common.HexToHash("0x25db253b018b2168f226371d77fc91f15152c02e8242c25af92a8271d239f450"): {Signature: "AccountLockupSettled(address,address,uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return AccountLockupSettled{r.TopicAddress(), r.TopicAddress(), r.Word(), r.Word(), r.Word()}
	}},
	common.HexToHash("0x9f4ee4f42b9fb561fb251246fa9cabfe12aeed51f1c615a17f34e5c0575b4fc8"): {Signature: "OperatorApprovalUpdated(address,address,address,bool,uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return OperatorApprovalUpdated{r.TopicAddress(), r.TopicAddress(), r.TopicAddress(), r.Bool(), r.Word(), r.Word(), r.Word()}
	}},
}
