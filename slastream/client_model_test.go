package slastream_test

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
)

// TestClientSaysWhatTheEscrowWouldSay makes random calls. What the client sends
// the model accepts, but for the token; what it refuses the model refuses with
// the same value.
func TestClientSaysWhatTheEscrowWouldSay(t *testing.T) {
	for _, kind := range []struct {
		class slastream.Class
		rules attestation.Rules
	}{
		{slastream.ClassCompatible, attestation.RulesLowS},
		{slastream.ClassCompatible, attestation.RulesLegacy},
		{slastream.ClassExtended, attestation.RulesLegacy}, // to be ignored
	} {
		t.Run(kind.class.String()+" "+kind.rules.String(), func(t *testing.T) {
			key, other, signed := attester(t, 7), attester(t, 8), map[slot]attestation.Signed{}
			outcomes := map[string]int{}
			rapid.Check(t, func(rt *rapid.T) {
				d := &differential{world: newWorldOf(t, kind.class, kind.rules, key), outcomes: outcomes, t: t, other: other, signed: signed}
				config := d.config()
				config.Class, config.Rules = kind.class, kind.rules
				if d.funds = rapid.Bool().Draw(rt, "funds"); d.funds {
					config.Funds, config.Account = d.As(clientAddr), clientAddr
				}
				d.client = newClient(t, config)
				rt.Repeat(map[string]func(*rapid.T){
					"create": d.create, "create 2": d.create, "release": d.release, "release 2": d.release, "release 3": d.release,
					"slash": d.slash, "wait": d.wait, "pause": d.pause,
				})
			})
			t.Log(outcomes)
			for _, reason := range []error{
				slastream.ErrPaused, slastream.ErrNoChunks, slastream.ErrNoChunkAmount, slastream.ErrNoDuration, slastream.ErrMulOverflow,
				slastream.ErrAddOverflow, slastream.ErrDeadlineOverflow, slastream.ErrDealNotActive, slastream.ErrChunkOutOfBounds,
				slastream.ErrChunkReleased, slastream.ErrRecovery, slastream.ErrKeyX, slastream.ErrDeadline,
			} {
				require.NotZero(t, outcomes["refused: "+reason.Error()], "never saw %v", reason)
			}
			for _, call := range []string{"create", "release", "slash"} {
				require.NotZero(t, outcomes["sent: "+call], call)
			}
			require.NotZero(t, outcomes["funds"])
			require.Equal(t, kind.class == slastream.ClassExtended, outcomes["refused: "+slastream.ErrProviderZero.Error()] > 0)
		})
	}
}

type differential struct {
	*world
	t        testing.TB
	client   *slastream.Client
	funds    bool
	other    signer.Signer
	signed   map[slot]attestation.Signed // signing costs more than all else
	outcomes map[string]int
}

// A slot is a chunk, and whether the key of the tests signed it.
type slot struct {
	deal, chunk uint64
	other       bool
}

func (d *differential) sign(s slot) attestation.Signed {
	if _, ok := d.signed[s]; !ok {
		by := d.world.signer
		if s.other {
			by = d.other
		}
		d.signed[s] = attest(d.t, by, s.deal, s.chunk)
	}
	return d.signed[s]
}

// compare judges a call of the client; direct makes the same call of the model.
func (d *differential) compare(t *rapid.T, call string, through, direct func() error) {
	d.sent = 0
	err := through()
	if d.sent > 0 {
		require.Equal(t, 1, d.sent)
		if err == nil {
			d.outcomes["sent: "+call]++
			return
		}
		// The token may refuse: nobody asked it for its balance, or the provider is
		// the zero address.
		refusal, ok := errors.AsType[*slastream.RevertError](err)
		require.True(t, ok, "%v", err)
		require.Contains(t, []string{"u256_sub Overflow", "ERC20: transfer to 0"}, refusal.Reason)
		if refusal.Reason == "u256_sub Overflow" {
			require.False(t, d.funds, "the client knew the balance")
		}
		return
	}
	require.Error(t, err, "neither sent nor refused")
	said := direct()
	if funds, ok := errors.AsType[*slastream.FundsError](err); ok {
		require.ErrorIs(t, said, slastream.ErrSubOverflow)
		require.Equal(t, d.Balance(clientAddr), funds.Have)
		d.outcomes["funds"]++
		return
	}
	if !d.funds && errors.Is(err, slastream.ErrDeadlineOverflow) && errors.Is(said, slastream.ErrSubOverflow) {
		return // the contract asks the token before it adds
	}
	require.Equal(t, said, err)
	d.outcomes["refused: "+err.Error()]++
}

func (d *differential) create(t *rapid.T) {
	top := maxAmount(d.t)
	terms := slastream.Terms{Provider: providerAddr, Chunks: rapid.Uint64Range(1, 3).Draw(t, "chunks"), ChunkAmount: units(40), Collateral: units(7), Duration: 100}
	// Up to two faults: which one is named shows the order of the checks.
	for range rapid.IntRange(0, 2).Draw(t, "faults") {
		switch rapid.IntRange(0, 7).Draw(t, "fault") {
		case 0:
			terms.Chunks = 0
		case 1:
			terms.ChunkAmount = slastream.Amount{}
		case 2:
			terms.Duration = 0
		case 3:
			terms.Provider = slastream.Address{}
		case 4:
			terms.Chunks, terms.ChunkAmount = 2, top
		case 5:
			terms.Collateral = top
		case 6:
			terms.Duration = math.MaxUint64 - d.now + 1
		case 7:
			terms.Collateral = units(1_000_000)
		}
	}
	d.compare(t, "create",
		func() error { _, err := d.client.CreateDeal(d.t.Context(), terms); return err },
		func() error { _, err := d.As(clientAddr).CreateDeal(d.t.Context(), terms); return err })
}

func (d *differential) dealID(t *rapid.T) uint64 {
	count, err := d.As(clientAddr).DealCount(d.t.Context())
	require.NoError(t, err)
	n, _ := count.Uint64()
	return rapid.Uint64Range(min(n, 1), n+1).Draw(t, "deal")
}

func (d *differential) release(t *rapid.T) {
	deal, chunk := d.dealID(t), rapid.Uint64Range(0, 3).Draw(t, "chunk")
	kind := rapid.SampledFrom([]string{"valid", "valid", "valid", "high s", "another key", "empty"}).Draw(t, "signature")
	signed := d.sign(slot{deal, chunk, kind == "another key"})
	switch kind {
	case "high s":
		signed.Signature.S, signed.Signature.V = highS(t, signed.Signature.S), 1-signed.Signature.V
	case "empty":
		signed.Signature = attestation.Signature{}
	}
	d.compare(t, "release",
		func() error { return d.client.Release(d.t.Context(), signed) },
		func() error { return d.As(clientAddr).Release(d.t.Context(), signed) })
}

// highS is the other s of the same signature.
func highS(t require.TestingT, s attestation.Word) attestation.Word {
	order, err := attestation.ParseWord("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	require.NoError(t, err)
	high := order.Big()
	w, err := attestation.WordFromBig(high.Sub(high, s.Big()))
	require.NoError(t, err)
	return w
}

func (d *differential) slash(t *rapid.T) {
	id := number(d.dealID(t))
	d.compare(t, "slash",
		func() error { return d.client.Slash(d.t.Context(), id) },
		func() error { return d.As(clientAddr).Slash(d.t.Context(), id) })
}

func (d *differential) wait(t *rapid.T) {
	d.now += rapid.SampledFrom([]uint64{1, 99, 100}).Draw(t, "seconds")
}

func (d *differential) pause(t *rapid.T) {
	owner := d.As(ownerAddr)
	set := owner.Unpause
	if rapid.IntRange(0, 4).Draw(t, "on") == 0 {
		set = owner.Pause
	}
	require.NoError(t, set(d.t.Context()))
}
