// Package warmstorage reads what FilecoinWarmStorageService (FWSS) says: the
// service that most data sets of the PDPVerifier have as their listener, with the
// rules that the verifier does not have, and the payment rails behind them. Use
// it beside package fevm to see why a period was not paid on Filecoin, or to
// watch a deal and its rail together. It reads only: no I/O, no state.
//
// Proofs themselves are events of the verifier; see fevm.PossessionProven. A
// provider that vanished emits nothing here: FaultRecord comes with its next
// nextProvingPeriod.
//
// The source is filecoin-services v1.3.1, src/FilecoinWarmStorageService.sol and
// src/lib/Rails.sol, and the ABIs back to 1.0.0.
package warmstorage

import (
	"errors"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/internal/abidata"
)

// ErrUnknownEvent marks a log whose first topic is no event of this package.
var ErrUnknownEvent = errors.New("warmstorage: unknown event")

// ErrMalformed marks a log that claims to be an event and is not its encoding.
var ErrMalformed = errors.New("warmstorage: malformed")

// An Event is one decoded log of the service. The set is closed; [ParseLog]
// returns the structs by value. Field names are the ABI's; integers of 256 bits
// are words.
type Event interface{ event() }

type (
	// DataSetCreated says that a client and a provider have a data set, paid on
	// three rails. It is not the verifier's event of the same name.
	DataSetCreated struct {
		DataSetID, ProviderID                 attestation.Word
		PDPRailID, CacheMissRailID, CDNRailID attestation.Word // 0: no such rail
		Payer, ServiceProvider, Payee         attestation.EthereumAddress
		MetadataKeys, MetadataValues          []string
	}
	// PieceAdded says that a piece joined a data set; one for each piece.
	PieceAdded struct {
		DataSetID, PieceID attestation.Word
		PieceCID           fevm.RawCID // nil before 1.0.0
		Keys, Values       []string
	}
	// FaultRecord says that proving periods passed without a proof. It comes when
	// the provider opens its next period, and never if that does not happen.
	FaultRecord struct {
		DataSetID, PeriodsFaulted attestation.Word
		Deadline                  attestation.Word // epoch
	}
	// ServiceTerminated says that one side ended the service.
	ServiceTerminated struct {
		Approver                                         attestation.EthereumAddress
		DataSetID, PDPRailID, CacheMissRailID, CDNRailID attestation.Word
	}
	// PDPPaymentTerminated says when the payment for proofs ends.
	PDPPaymentTerminated struct {
		DataSetID attestation.Word
		EndEpoch  attestation.Word // epoch
		PDPRailID attestation.Word
	}
	// CDNPaymentTerminated says when the payment for retrievals ends.
	CDNPaymentTerminated struct {
		DataSetID                  attestation.Word
		EndEpoch                   attestation.Word // epoch
		CacheMissRailID, CDNRailID attestation.Word
	}
	// CDNServiceTerminated says that retrievals are no longer served.
	CDNServiceTerminated struct {
		Caller                                attestation.EthereumAddress
		DataSetID, CacheMissRailID, CDNRailID attestation.Word
	}
	// DataSetServiceProviderChanged says that another provider took over.
	DataSetServiceProviderChanged struct {
		DataSetID                              attestation.Word
		OldServiceProvider, NewServiceProvider attestation.EthereumAddress
	}
	// RailRateUpdated says what the data set costs from now on.
	RailRateUpdated struct {
		DataSetID, RailID attestation.Word
		NewRate           attestation.Word // base units an epoch
	}
	// DataSetAbandoned says that a data set was given up (since 1.3.0).
	DataSetAbandoned struct {
		DataSetID, PDPRailID, CacheMissRailID, CDNRailID attestation.Word
	}
	// PricingUpdated says what storage costs (1.0.0 to 1.2.1).
	PricingUpdated struct {
		StoragePrice, MinimumRate attestation.Word // base units
	}
	// ProviderApproved says that the service pays this provider.
	ProviderApproved struct{ ProviderID attestation.Word }
	// ProviderUnapproved says that it does so no more.
	ProviderUnapproved struct{ ProviderID attestation.Word }
)

func (DataSetCreated) event()                {}
func (PieceAdded) event()                    {}
func (FaultRecord) event()                   {}
func (ServiceTerminated) event()             {}
func (PDPPaymentTerminated) event()          {}
func (CDNPaymentTerminated) event()          {}
func (CDNServiceTerminated) event()          {}
func (DataSetServiceProviderChanged) event() {}
func (RailRateUpdated) event()               {}
func (DataSetAbandoned) event()              {}
func (PricingUpdated) event()                {}
func (ProviderApproved) event()              {}
func (ProviderUnapproved) event()            {}

// ParseLog decodes a log of the service. It does not look at the address: anyone
// can emit any log. It fails with [ErrUnknownEvent] and [ErrMalformed], as
// fevm.ParseLog does. Byte slices alias the data of the log.
func ParseLog(l *types.Log) (Event, error) { return events.Parse(l) }

var events = abidata.EventTable[Event]{Rows: rows, Unknown: ErrUnknownEvent, Malformed: ErrMalformed}

var rows = map[common.Hash]abidata.EventRow[Event]{
	common.HexToHash("0xc90cb3863281dc6e2e16e74064ed2e0ab91144ccfe5c3492b8c33f58fe90d0db"): {Signature: "DataSetCreated(uint256,uint256,uint256,uint256,uint256,address,address,address,string[],string[])", Decode: func(r *abidata.LogReader) Event {
		return DataSetCreated{r.Topic(), r.Topic(), r.Word(), r.Word(), r.Word(), r.Address(), r.Address(), r.Address(), r.Strings(), r.Strings()}
	}},
	common.HexToHash("0xe919e037e2ba38e953115496aafcfc43555ef39f79c2f5f996608a78628eabd7"): {Signature: "PieceAdded(uint256,uint256,(bytes),string[],string[])", Decode: func(r *abidata.LogReader) Event {
		return PieceAdded{r.Topic(), r.Topic(), r.StructBytes(), r.Strings(), r.Strings()}
	}},
	common.HexToHash("0x985961add7120a51f30cc5b2dd6edc92c0f2ac8b5f8d0068ac326d3d08b778dc"): {Signature: "PieceAdded(uint256,uint256,string[],string[])", Decode: func(r *abidata.LogReader) Event {
		return PieceAdded{DataSetID: r.Topic(), PieceID: r.Topic(), Keys: r.Strings(), Values: r.Strings()}
	}},
	common.HexToHash("0xff5f076c63706be9f7eaafa8329db4a9ce9b9e3cd6e53470f05491e2043e1a81"): {Signature: "FaultRecord(uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return FaultRecord{r.Topic(), r.Word(), r.Word()}
	}},
	common.HexToHash("0x10c867634d8e51bbfd5ddd2e06b4f4a97a91274488ee3afbe1e146aa79e85293"): {Signature: "ServiceTerminated(address,uint256,uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return ServiceTerminated{r.TopicAddress(), r.Topic(), r.Word(), r.Word(), r.Word()}
	}},
	common.HexToHash("0x15371708a8f4745aad266e85741738fc10741627fcc63fd79f29843c59bb3eaf"): {Signature: "PDPPaymentTerminated(uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return PDPPaymentTerminated{r.Topic(), r.Word(), r.Word()}
	}},
	common.HexToHash("0xe8ae13ddeff1f075e7621cd59b2672919372cc6a0f69198a5eb5af0e42294a80"): {Signature: "CDNPaymentTerminated(uint256,uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return CDNPaymentTerminated{r.Topic(), r.Word(), r.Word(), r.Word()}
	}},
	common.HexToHash("0xe050575f2f51273412c3b1a9a74ce3a2abc98172b48f6d19442de80a3744367d"): {Signature: "CDNServiceTerminated(address,uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return CDNServiceTerminated{r.TopicAddress(), r.Topic(), r.Word(), r.Word()}
	}},
	common.HexToHash("0x6bf4c2a87885bf6d2d69480d1835a60db52c95621e8b958542cfcdc1350ea991"): {Signature: "DataSetServiceProviderChanged(uint256,address,address)", Decode: func(r *abidata.LogReader) Event {
		return DataSetServiceProviderChanged{r.Topic(), r.TopicAddress(), r.TopicAddress()}
	}},
	common.HexToHash("0xe48d2ac923afa407ac53fd133176c8ba21d06ab27a0a79391ce837609fe19a63"): {Signature: "RailRateUpdated(uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return RailRateUpdated{r.Topic(), r.Word(), r.Word()}
	}},
	common.HexToHash("0x2299c9051e3efb30d43a1a50966a7a5e1ecc1e0fdc0cc6587c9141facbbdee88"): {Signature: "DataSetAbandoned(uint256,uint256,uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return DataSetAbandoned{r.Topic(), r.Word(), r.Word(), r.Word()}
	}},
	common.HexToHash("0x335f5afc83fe8c5a011a96dc39bcce9fb9d46fb5986502f7040e76e28b036123"): {Signature: "PricingUpdated(uint256,uint256)", Decode: func(r *abidata.LogReader) Event {
		return PricingUpdated{r.Word(), r.Word()}
	}},
	common.HexToHash("0xa58a9113199b8ca6ab27dcb19489338356a3870ca0467736c7dff7769d9d0e4b"): {Signature: "ProviderApproved(uint256)", Decode: func(r *abidata.LogReader) Event {
		return ProviderApproved{r.Topic()}
	}},
	common.HexToHash("0xba4e32ee0678ec258ee0a93a97d502407f44c84993025385cd10a7f565c82b24"): {Signature: "ProviderUnapproved(uint256)", Decode: func(r *abidata.LogReader) Event {
		return ProviderUnapproved{r.Topic()}
	}},
}
