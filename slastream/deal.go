package slastream

import "github.com/slastream/slastream-go/attestation"

// Terms are what a client proposes when it opens a deal: the arguments of
// create_deal. The client locks Chunks × ChunkAmount + Collateral.
type Terms struct {
	Provider    Address `json:"provider"`    // who is paid for each chunk
	Chunks      uint64  `json:"chunks"`      // number of chunks, > 0
	ChunkAmount Amount  `json:"chunkAmount"` // paid for one chunk, > 0
	Collateral  Amount  `json:"collateral"`  // paid to the provider on completion, back to the client on slash; may be 0
	Duration    uint64  `json:"duration"`    // seconds from creation to the deadline, > 0
}

// Total returns the payment for all chunks, without collateral.
func (t Terms) Total() (Amount, error) { return t.ChunkAmount.Mul(t.Chunks) }

// Locked returns what create_deal takes from the client: total and collateral.
func (t Terms) Locked() (Amount, error) {
	total, err := t.Total()
	if err != nil {
		return Amount{}, err
	}
	return total.Add(t.Collateral)
}

// A Deal is one streaming payment as the escrow stores it (get_deal). A deal
// that does not exist is the zero Deal, without an error: ids start at 1.
type Deal struct {
	ID          attestation.Word `json:"id"`
	Client      Address          `json:"client"`
	Provider    Address          `json:"provider"`
	Total       Amount           `json:"total"`       // ChunkAmount × Chunks
	ChunkAmount Amount           `json:"chunkAmount"` // paid for one chunk
	Chunks      uint64           `json:"chunks"`      // number of chunks
	Released    uint64           `json:"released"`    // chunks paid so far, in any order
	Collateral  Amount           `json:"collateral"`
	Deadline    uint64           `json:"deadline"` // Unix seconds; from then on anyone may slash
	Active      bool             `json:"active"`   // neither completed nor slashed
	Slashed     bool             `json:"slashed"`
}

// Exists reports whether the escrow knows the deal.
func (d Deal) Exists() bool { return d.Chunks != 0 }

// Completed reports whether every chunk was released.
func (d Deal) Completed() bool { return d.Exists() && !d.Active && !d.Slashed }

// A Proof is one payable proving period: its evidence and the two values that
// an attestation takes from the proof itself.
type Proof struct {
	attestation.Evidence
	RootCID   attestation.Word `json:"rootCid"`   // root of the piece of the first challenge
	Timestamp uint64           `json:"timestamp"` // Unix seconds of the epoch that holds the proof
}
