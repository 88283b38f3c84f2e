package audit

import (
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// A Reason is what kind of thing is wrong.
type Reason string

// The reasons of findings.
const (
	// ReasonLine: the line is malformed, was changed, or does not follow from the
	// line before; or the log does not contain Options.Head.
	ReasonLine Reason = "line"
	// ReasonAttestation: the attestation is not what its entry and its proof say.
	ReasonAttestation Reason = "attestation"
	// ReasonSignature: the escrow with the key of the header refuses the signature.
	ReasonSignature Reason = "signature"
	// ReasonTwice: the chunk, or the proving period, was paid before.
	ReasonTwice Reason = "twice"
	// ReasonOrder: the chunks of a deal do not follow the proving periods of its
	// data set, or a data set backs two deals at the same time.
	ReasonOrder Reason = "order"
	// ReasonLedger: the model of the escrow refuses it, or another amount is right.
	ReasonLedger Reason = "ledger"
	// ReasonMissing: the log has later chunks of the deal and not this one, or the
	// refund of a slash says that more was paid.
	ReasonMissing Reason = "missing"
)

// A Finding is one thing that is wrong with a log, and an error.
type Finding struct {
	Line   uint64 // from 1, as in the file
	Reason Reason
	Deal   attestation.Word // 0 if it is not about one deal
	Text   string           // for people
}

// Error names the line, the reason and the deal.
func (f *Finding) Error() string {
	if f.Deal.IsZero() {
		return fmt.Sprintf("audit: line %d: %s: %s", f.Line, f.Reason, f.Text)
	}
	return fmt.Sprintf("audit: line %d: %s: deal %s: %s", f.Line, f.Reason, f.Deal.Big(), f.Text)
}

// Totals count money: of a deal, of a provider, or of a log. Amounts are base
// units.
type Totals struct {
	Deals      uint64
	Chunks     uint64           // paid
	Paid       slastream.Amount // for these chunks
	Collateral slastream.Amount // back to the provider with the last chunk
	Refunded   slastream.Amount // to the client by a slash
}

// A DealReport is what a log comes to for one deal.
type DealReport struct {
	Deal    slastream.Deal // as the escrow has it after the log, if nothing is missing
	Line    uint64         // where the log has its terms
	Foreign uint64         // chunks that were paid by a transaction the log does not know
	Missing uint64         // chunks that the log does not have, below the highest one that it has
	Totals                 // Foreign included
}

// A Report is what [Verify] finds in a log.
type Report struct {
	Header     Header
	Head       Head   // of the whole log: keep it elsewhere, and give it to the next Verify
	Releases   uint64 // release entries
	Signatures uint64 // signatures checked; that of a batch counts once
	Unclocked  uint64 // chunks whose timestamp could not be compared with the epoch, for want of a genesis

	Totals                                 // of all deals
	Deals     []DealReport                 // in the order of the log
	Providers map[slastream.Address]Totals // of the deals of each provider

	Findings []Finding // in the order of lines; at most Options.Findings
	Omitted  uint64    // findings beyond that
}

// OK reports whether there is no finding.
func (r *Report) OK() bool { return len(r.Findings) == 0 && r.Omitted == 0 }
