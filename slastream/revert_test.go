package slastream_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// What the contract panics with, verbatim.
func TestRevertTexts(t *testing.T) {
	texts := map[error]string{
		slastream.ErrPaused:            "Contract is paused",
		slastream.ErrNotOwner:          "Not owner",
		slastream.ErrNoChunks:          "num_chunks must be > 0",
		slastream.ErrNoChunkAmount:     "chunk_amount must be > 0",
		slastream.ErrNoDuration:        "sla_duration must be > 0",
		slastream.ErrDealNotActive:     "Deal not active",
		slastream.ErrDealSlashed:       "Deal already slashed",
		slastream.ErrAllChunksReleased: "All chunks already released",
		slastream.ErrChunkOutOfBounds:  "chunk_index out of bounds",
		slastream.ErrChunkReleased:     "Chunk already released",
		slastream.ErrDeadline:          "SLA deadline not reached",
		slastream.ErrRecovery:          "Signature recovery failed",
		slastream.ErrKeyX:              "PKP key X mismatch",
		slastream.ErrKeyY:              "PKP key Y mismatch",
		slastream.ErrNoInverse:         "Option::unwrap failed.",
		slastream.ErrInvalidArgument:   "Invalid argument",
		slastream.ErrMulOverflow:       "u256_mul Overflow",
		slastream.ErrAddOverflow:       "u256_add Overflow",
		slastream.ErrSubOverflow:       "u256_sub Overflow",
		slastream.ErrDeadlineOverflow:  "u64_add Overflow",
	}
	for err, text := range texts {
		var reverted *slastream.RevertError
		require.ErrorAs(t, err, &reverted)
		require.Equal(t, text, reverted.Reason)
		require.LessOrEqual(t, len(text), 31, "a short string of one felt")
		for other, otherText := range texts {
			require.Equal(t, text == otherText, errors.Is(err, other), "%q and %q", text, otherText)
		}
	}
}

func TestRevertErrorIsByReason(t *testing.T) {
	included := &slastream.RevertError{Reason: "Chunk already released", TxHash: attestation.WordFromUint64(7)}
	wrapped := fmt.Errorf("relay: deal 1: %w", included)
	require.ErrorIs(t, wrapped, slastream.ErrChunkReleased, "whatever the transaction")
	require.NotErrorIs(t, wrapped, slastream.ErrDealNotActive)
	require.NotErrorIs(t, wrapped, errors.New("Chunk already released"), "another type never")

	keyX := &slastream.RevertError{Reason: "PKP key X mismatch"}
	require.ErrorIs(t, keyX, &attestation.VerifyError{Reason: "PKP key X mismatch"}, "what the local check said")
	require.NotErrorIs(t, keyX, &attestation.VerifyError{Reason: "PKP key Y mismatch"})
}

func TestRevertErrorText(t *testing.T) {
	require.EqualError(t, slastream.ErrPaused, `slastream: reverted: "Contract is paused"`)
	require.EqualError(t, &slastream.RevertError{Reason: "a\nb", TxHash: attestation.WordFromUint64(7)},
		`slastream: transaction 0x0000000000000000000000000000000000000000000000000000000000000007 reverted: "a\nb"`)
}
