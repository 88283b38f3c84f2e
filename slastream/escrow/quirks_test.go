package escrow_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// One test for each observable behaviour of sla_escrow.cairo that a model
// would get wrong by writing what one expects.

var (
	client     = addr(1)
	provider   = addr(2)
	stranger   = addr(3)
	owner      = addr(7)
	escrowAddr = addr(100)
	testParams = escrow.Params{Owner: owner, Key: testKey, Address: escrowAddr, Token: addr(200)}
)

// release signs and releases one chunk as a stranger.
func (c *chain) release(t testing.TB, deal, index uint64) error {
	t.Helper()
	return c.ReleaseChunk(escrow.Call{From: stranger}, sign(t, testSecret, chunkOf(deal, index)))
}

// create opens a deal as the client at time 0.
func (c *chain) create(t testing.TB, terms slastream.Terms) attestation.Word {
	t.Helper()
	id, err := c.CreateDeal(escrow.Call{From: client}, terms)
	require.NoError(t, err)
	return id
}

func (c *chain) pause(t testing.TB) {
	t.Helper()
	require.NoError(t, c.Pause(escrow.Call{From: owner}))
}

var maxAmount = slastream.AmountFromWord(mustWord(
	"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"))

// Each row breaks one more check than the row below it, so the first refusal
// shows the order.
func TestQuirk01CreateChecksInOrder(t *testing.T) {
	tokenSays := &slastream.RevertError{Reason: "token"}
	const late = math.MaxUint64 // any duration overflows the deadline
	for _, row := range []struct {
		want   error
		paused bool
		terms  slastream.Terms
		token  error
		at     uint64
	}{
		{slastream.ErrPaused, true, slastream.Terms{}, tokenSays, late},
		{slastream.ErrNoChunks, false, slastream.Terms{}, tokenSays, late},
		{slastream.ErrNoChunkAmount, false, slastream.Terms{Chunks: 2}, tokenSays, late},
		{slastream.ErrNoDuration, false, slastream.Terms{Chunks: 2, ChunkAmount: maxAmount}, tokenSays, late},
		{slastream.ErrMulOverflow, false, slastream.Terms{Chunks: 2, ChunkAmount: maxAmount, Collateral: amount(1), Duration: 1}, tokenSays, late},
		{slastream.ErrAddOverflow, false, slastream.Terms{Chunks: 1, ChunkAmount: maxAmount, Collateral: amount(1), Duration: 1}, tokenSays, late},
		{tokenSays, false, slastream.Terms{Chunks: 1, ChunkAmount: amount(1), Duration: 1}, tokenSays, late},
		{slastream.ErrDeadlineOverflow, false, slastream.Terms{Chunks: 1, ChunkAmount: amount(1), Duration: 1}, nil, late},
		{nil, false, slastream.Terms{Chunks: 1, ChunkAmount: amount(1), Duration: 1}, nil, late - 1},
	} {
		c := openDeal(t, testParams, 1)
		if row.paused {
			c.pause(t)
		}
		c.host.before = func(_, _ slastream.Address, _ slastream.Amount) error { return row.token }
		_, err := c.CreateDeal(escrow.Call{From: client, At: row.at}, row.terms)
		require.ErrorIs(t, err, row.want)
	}
}

func TestQuirk01DeadlineOverflowUndoesTheTransfer(t *testing.T) {
	c := openDeal(t, testParams, 1)
	before, allowed := c.ledger.Balance(client), c.ledger.Allowance(client, escrowAddr)
	id, err := c.CreateDeal(escrow.Call{From: client, At: 1}, slastream.Terms{
		Chunks: 1, ChunkAmount: amount(1), Duration: math.MaxUint64,
	})
	require.Equal(t, slastream.ErrDeadlineOverflow, err)
	require.Zero(t, id)
	require.Equal(t, before, c.ledger.Balance(client))
	require.Equal(t, allowed, c.ledger.Allowance(client, escrowAddr))
	require.Equal(t, word(1), c.DealCount())
	require.Empty(t, c.host.log, "events of the token stayed")
}

func TestQuirk02ReleaseChecksInOrder(t *testing.T) {
	tokenSays := &slastream.RevertError{Reason: "token"}
	good := sign(t, testSecret, chunkOf(1, 1))
	released := sign(t, testSecret, chunkOf(1, 0))
	unsigned := func(deal, index uint64) attestation.Signed {
		return attestation.Signed{Attestation: chunkOf(deal, index)}
	}
	for _, row := range []struct {
		want   error
		paused bool
		signed attestation.Signed
		token  error
	}{
		{slastream.ErrPaused, true, unsigned(9, 99), tokenSays},
		{slastream.ErrDealNotActive, false, unsigned(9, 99), tokenSays},
		{slastream.ErrDealNotActive, false, unsigned(0, 0), tokenSays},
		{slastream.ErrChunkOutOfBounds, false, unsigned(1, 3), tokenSays},
		{slastream.ErrChunkOutOfBounds, false, unsigned(1, math.MaxUint64), tokenSays},
		{slastream.ErrChunkReleased, false, unsigned(1, 0), tokenSays},
		{slastream.ErrChunkReleased, false, released, tokenSays},
		{slastream.ErrRecovery, false, unsigned(1, 1), tokenSays},
		{slastream.ErrKeyX, false, flipV(good), tokenSays},
		{tokenSays, false, good, tokenSays},
		{nil, false, good, nil},
	} {
		c := openDeal(t, testParams, 3)
		require.NoError(t, c.release(t, 1, 0))
		if row.paused {
			c.pause(t)
		}
		c.host.before = func(_, _ slastream.Address, _ slastream.Amount) error { return row.token }
		require.ErrorIs(t, c.ReleaseChunk(escrow.Call{From: stranger}, row.signed), row.want)
	}
}

func TestQuirk02ReleaseOrderOfEvents(t *testing.T) {
	c := openDeal(t, testParams, 2)
	require.NoError(t, c.release(t, 1, 1))
	require.NoError(t, c.release(t, 1, 0))
	require.Equal(t, []any{
		escrow.Transfer{From: escrowAddr, To: provider, Amount: amount(100)},
		slastream.ChunkReleased{DealID: word(1), ChunkIndex: 1, Amount: amount(100), Provider: provider},
		escrow.Transfer{From: escrowAddr, To: provider, Amount: amount(100)},
		slastream.ChunkReleased{DealID: word(1), ChunkIndex: 0, Amount: amount(100), Provider: provider},
		escrow.Transfer{From: escrowAddr, To: provider, Amount: amount(50)},
		slastream.DealCompleted{DealID: word(1), Provider: provider, TotalPaid: amount(200)},
	}, c.host.log)
}

// The last chunk moves tokens twice. If the second move fails, the first is
// taken back with the chunk, its events and the deal.
func TestQuirk02FailingCollateralUndoesTheLastChunk(t *testing.T) {
	c := openDeal(t, testParams, 1)
	before := c.Deal(word(1))
	refused := &slastream.RevertError{Reason: "no collateral today"}
	c.host.before = func(_, _ slastream.Address, amt slastream.Amount) error {
		if amt == amount(50) {
			return refused
		}
		return nil
	}
	require.Equal(t, refused, c.release(t, 1, 0))
	require.Equal(t, before, c.Deal(word(1)))
	require.False(t, c.ChunkReleased(word(1), 0))
	require.True(t, c.ledger.Balance(provider).IsZero())
	require.Equal(t, amount(150), c.ledger.Balance(escrowAddr))
	require.Empty(t, c.host.log)
}

func TestQuirk03EndedDealsAreNotActive(t *testing.T) {
	completed := openDeal(t, testParams, 1)
	require.NoError(t, completed.release(t, 1, 0))
	slashed := openDeal(t, testParams, 1)
	require.NoError(t, slashed.Slash(escrow.Call{At: 1000}, word(1)))
	for _, c := range []*chain{completed, slashed} {
		// Neither "Deal already slashed", "All chunks already released" nor
		// "Chunk already released".
		require.Equal(t, slastream.ErrDealNotActive, c.release(t, 1, 0))
		require.Equal(t, slastream.ErrDealNotActive, c.Slash(escrow.Call{At: 2000}, word(1)))
	}
	require.True(t, completed.Deal(word(1)).Completed())
	require.False(t, completed.Deal(word(1)).Slashed)
	require.True(t, slashed.Deal(word(1)).Slashed)
}

func TestQuirk04SlashAtTheDeadline(t *testing.T) {
	for at, want := range map[uint64]error{
		0: slastream.ErrDeadline, 999: slastream.ErrDeadline, 1000: nil, 1001: nil, math.MaxUint64: nil,
	} {
		c := openDeal(t, testParams, 3)
		require.ErrorIs(t, c.Slash(escrow.Call{From: stranger, At: at}, word(1)), want, "at %d", at)
	}
}

func TestQuirk04SlashRefundsCollateralAndUnpaidChunks(t *testing.T) {
	c := openDeal(t, testParams, 3)
	require.NoError(t, c.release(t, 1, 2))
	c.pause(t) // slash is not gated
	c.host.log = nil
	require.NoError(t, c.Slash(escrow.Call{From: stranger, At: 1000}, word(1)))
	require.Equal(t, []any{
		escrow.Transfer{From: escrowAddr, To: client, Amount: amount(250)},
		slastream.DealSlashed{DealID: word(1), Provider: provider, SlashAmount: amount(250), Client: client},
	}, c.host.log)
	require.True(t, c.ledger.Balance(escrowAddr).IsZero())
	require.EqualValues(t, 1, c.Deal(word(1)).Released, "slash keeps the count")
}

func TestQuirk04SlashIsUndoneIfTheTokenRefuses(t *testing.T) {
	c := openDeal(t, testParams, 3)
	before := c.Deal(word(1))
	refused := &slastream.RevertError{Reason: "token"}
	c.host.before = func(_, _ slastream.Address, _ slastream.Amount) error { return refused }
	require.Equal(t, refused, c.Slash(escrow.Call{At: 1000}, word(1)))
	require.Equal(t, before, c.Deal(word(1)))
}

func TestQuirk05ReleaseAfterTheDeadlineByAnybodyInAnyOrder(t *testing.T) {
	c := openDeal(t, testParams, 3)
	for i, index := range []uint64{2, 0, 1} {
		call := escrow.Call{From: addr(uint64(50 + i)), At: 1_000_000}
		require.NoError(t, c.ReleaseChunk(call, sign(t, testSecret, chunkOf(1, index))))
	}
	require.True(t, c.Deal(word(1)).Completed())
	require.Equal(t, amount(350), c.ledger.Balance(provider))
}

func TestQuirk06OneProofServesEveryChunk(t *testing.T) {
	c := openDeal(t, testParams, 3)
	for index := range uint64(3) {
		a := attestation.Attestation{DealID: word(1), ChunkIndex: index} // no data set, no root, the year 1970
		if index == 2 {
			a.ProofSetID, a.RootCID, a.Timestamp = maxAmount.Word(), maxAmount.Word(), math.MaxUint64
		}
		require.NoError(t, c.ReleaseChunk(escrow.Call{At: 10}, sign(t, testSecret, a)))
	}
	require.True(t, c.Deal(word(1)).Completed())
}

func TestQuirk07ProviderZeroOnlySlashEnds(t *testing.T) {
	c := openDeal(t, testParams, 1)
	id := c.create(t, slastream.Terms{Chunks: 1, ChunkAmount: amount(10), Duration: 5})
	before := c.Deal(id)
	requireReason(t, "ERC20: transfer to 0", c.release(t, 2, 0))
	require.Equal(t, before, c.Deal(id))
	require.NoError(t, c.Slash(escrow.Call{At: 5}, id))
}

func TestQuirk07ProviderMayBeClientOrEscrow(t *testing.T) {
	c := openDeal(t, testParams, 1)
	for _, p := range []slastream.Address{client, escrowAddr} {
		id := c.create(t, slastream.Terms{Provider: p, Chunks: 1, ChunkAmount: amount(10), Collateral: amount(5), Duration: 5})
		held, paid := c.ledger.Balance(escrowAddr), c.ledger.Balance(p)
		n, _ := id.Uint64()
		require.NoError(t, c.release(t, n, 0))
		require.True(t, c.Deal(id).Completed())
		if p == escrowAddr {
			require.Equal(t, held, c.ledger.Balance(escrowAddr), "paid to itself: locked for good")
			continue
		}
		want, err := paid.Add(amount(15))
		require.NoError(t, err)
		require.Equal(t, want, c.ledger.Balance(p))
	}
}

func TestQuirk08CollateralIsTheClientsAndMayBeZero(t *testing.T) {
	c := openDeal(t, testParams, 1)
	funds := c.ledger.Balance(client)
	id := c.create(t, slastream.Terms{Provider: provider, Chunks: 1, ChunkAmount: amount(10), Duration: 5})
	require.Equal(t, word(2), id)
	left, err := funds.Sub(amount(10))
	require.NoError(t, err)
	require.Equal(t, left, c.ledger.Balance(client))
	c.host.log = nil
	require.NoError(t, c.release(t, 2, 0))
	require.Equal(t, []any{
		escrow.Transfer{From: escrowAddr, To: provider, Amount: amount(10)},
		slastream.ChunkReleased{DealID: id, Amount: amount(10), Provider: provider},
		escrow.Transfer{From: escrowAddr, To: provider}, // moves nothing, but happens
		slastream.DealCompleted{DealID: id, Provider: provider, TotalPaid: amount(10)},
	}, c.host.log)
}

// A token that answers false moved nothing, and the escrow does not notice.
func TestQuirk09TokenResultIsIgnoredAndBalancesArePooled(t *testing.T) {
	c := openDeal(t, testParams, 1)
	ledger := c.host.token
	c.host.token = lazyToken{ledger}
	id, err := c.CreateDeal(escrow.Call{From: stranger}, slastream.Terms{
		Provider: stranger, Chunks: 1, ChunkAmount: amount(120), Duration: 5,
	})
	require.NoError(t, err, "nothing was paid in")
	c.host.token = ledger
	n, _ := id.Uint64()
	require.NoError(t, c.release(t, n, 0), "paid out of the first deal's tokens")
	require.Equal(t, amount(120), ledger.Balance(stranger))
	require.Equal(t, slastream.ErrSubOverflow, c.release(t, 1, 0), "the first deal cannot be paid any more")
}

// lazyToken answers false to everything: no error, no effect.
type lazyToken struct{ token }

func (lazyToken) Transfer(_, _ slastream.Address, _ slastream.Amount) error        { return nil }
func (lazyToken) TransferFrom(_, _, _ slastream.Address, _ slastream.Amount) error { return nil }

func TestQuirk10NoRounding(t *testing.T) {
	h := &host{token: newMockToken(client, maxAmount)}
	require.NoError(t, h.token.Approve(client, escrowAddr, maxAmount))
	c := newChain(testParams, h)
	// (2^256 − 1) / 3 is exact; collateral fills up what is left.
	third := slastream.AmountFromWord(mustWord("0x5555555555555555555555555555555555555555555555555555555555555555"))
	id := c.create(t, slastream.Terms{Provider: provider, Chunks: 3, ChunkAmount: third, Duration: 1})
	require.Equal(t, maxAmount, c.Deal(id).Total)
	require.Equal(t, maxAmount, h.token.Balance(escrowAddr))
	for index := range uint64(3) {
		require.NoError(t, c.release(t, 1, index))
	}
	require.Equal(t, maxAmount, h.token.Balance(provider))
}

func TestQuirk11ReplayIsPerSlotAndPerDeploymentOnly(t *testing.T) {
	legacy := testParams
	legacy.Rules = attestation.RulesLegacy
	c := openDeal(t, legacy, 2)
	signed := sign(t, testSecret, chunkOf(1, 0))
	require.NoError(t, c.ReleaseChunk(escrow.Call{}, signed))
	require.Equal(t, slastream.ErrChunkReleased, c.ReleaseChunk(escrow.Call{}, signed))
	require.Equal(t, slastream.ErrChunkReleased, c.ReleaseChunk(escrow.Call{}, highS(signed)))
	// Another deployment with the same key pays for the same statement.
	other := testParams
	other.Address = addr(101)
	require.NoError(t, openDeal(t, other, 2).ReleaseChunk(escrow.Call{}, signed))
}

func TestQuirk12PauseIsTheOwnersAndIdempotent(t *testing.T) {
	c := openDeal(t, testParams, 1)
	require.Equal(t, slastream.ErrNotOwner, c.Pause(escrow.Call{From: client}))
	require.Equal(t, slastream.ErrNotOwner, c.Unpause(escrow.Call{From: client}))
	require.False(t, c.Paused())
	require.Empty(t, c.host.log)

	byOwner := escrow.Call{From: owner}
	for _, call := range []func(escrow.Call) error{c.Pause, c.Pause, c.Unpause, c.Unpause} {
		require.NoError(t, call(byOwner))
	}
	require.Equal(t, []any{
		slastream.Paused{By: owner}, slastream.Paused{By: owner},
		slastream.Unpaused{By: owner}, slastream.Unpaused{By: owner},
	}, c.host.log)
	require.False(t, c.Paused())
}

// Deployed by a deployer contract, the escrow belongs to that contract.
func TestQuirk12NobodyPausesWhatTheDeployerContractOwns(t *testing.T) {
	p := testParams
	p.Owner = slastream.Address(mustWord("0x41a78e741e5af2fec34b695679bc6891742439f7afb8484ecd7766661ad02bf"))
	c := openDeal(t, p, 1)
	for _, a := range []slastream.Address{client, provider, stranger, owner, {}} {
		require.Equal(t, slastream.ErrNotOwner, c.Pause(escrow.Call{From: a}))
	}
}

func TestQuirk13ConstructorChecksNothing(t *testing.T) {
	nothing := escrow.Params{Address: escrowAddr} // key (0, 0), token 0, owner 0
	c := openDeal(t, nothing, 1)
	require.Equal(t, nothing, c.Params())
	requireReason(t, "PKP key X mismatch", c.release(t, 1, 0))
	require.NoError(t, c.Pause(escrow.Call{}), "the zero address owns it")
	// That anybody can sign for the key (0, 0) is in TestSignatureTable.
}

// A token that calls back during create_deal opens a deal of its own first:
// the counter is read after the token call, so the inner deal has the lower id.
func TestQuirk14CreateCallsTheTokenFirst(t *testing.T) {
	c := openDeal(t, testParams, 1)
	terms := slastream.Terms{Provider: provider, Chunks: 1, ChunkAmount: amount(10), Duration: 5}
	var inner attestation.Word
	c.host.before = func(_, _ slastream.Address, _ slastream.Amount) error {
		c.host.before = nil
		require.Equal(t, word(1), c.DealCount())
		inner = c.create(t, terms)
		return nil
	}
	outer := c.create(t, terms)
	require.Equal(t, []attestation.Word{word(2), word(3)}, []attestation.Word{inner, outer})
}

// During release_chunk and slash the state is written already: a token that
// calls back finds the chunk paid and the deal ended.
func TestQuirk14ReleaseAndSlashWriteFirst(t *testing.T) {
	c := openDeal(t, testParams, 1)
	var inner []error
	c.host.before = func(_, _ slastream.Address, _ slastream.Amount) error {
		require.True(t, c.ChunkReleased(word(1), 0))
		inner = append(inner, c.release(t, 1, 0), c.Slash(escrow.Call{At: 1000}, word(1)))
		return nil
	}
	require.NoError(t, c.release(t, 1, 0))
	require.Len(t, inner, 4, "one call back in each of the two transfers")
	require.Equal(t, slices.Repeat([]error{slastream.ErrDealNotActive}, 4), inner)

	c = openDeal(t, testParams, 1)
	c.host.before = func(_, _ slastream.Address, _ slastream.Amount) error {
		return c.Slash(escrow.Call{At: 1000}, word(1))
	}
	require.Equal(t, slastream.ErrDealNotActive, c.Slash(escrow.Call{At: 1000}, word(1)))
	require.True(t, c.Deal(word(1)).Active, "the outer failure undid the outer write")
}

// What a token's call back changed is undone with the call around it.
func TestQuirk14FailureUndoesNestedCalls(t *testing.T) {
	c := openDeal(t, testParams, 3)
	refused := errors.New("out of gas")
	c.host.before = func(_, _ slastream.Address, _ slastream.Amount) error {
		c.host.before = nil
		require.NoError(t, c.release(t, 1, 1))
		return refused
	}
	require.Equal(t, refused, c.release(t, 1, 0), "an error of the host is returned as it is")
	require.EqualValues(t, 0, c.Deal(word(1)).Released)
	require.False(t, c.ChunkReleased(word(1), 0))
	require.False(t, c.ChunkReleased(word(1), 1))
	require.True(t, c.ledger.Balance(provider).IsZero())
	require.Empty(t, c.host.log)
}

func TestQuirk15ViewsNeverFail(t *testing.T) {
	c := openDeal(t, testParams, 2)
	for _, id := range []attestation.Word{{}, word(2), maxAmount.Word()} {
		require.Zero(t, c.Deal(id))
		require.False(t, c.Deal(id).Exists())
		require.False(t, c.ChunkReleased(id, 0))
	}
	require.False(t, c.ChunkReleased(word(1), math.MaxUint64))
	require.Equal(t, word(1), c.DealCount(), "the id of the newest deal")
	require.Equal(t, word(0), escrow.New(testParams, &host{}).DealCount())
}

func TestQuirk16TimesAreSecondsOfTheBlock(t *testing.T) {
	c := openDeal(t, testParams, 1)
	call := escrow.Call{From: client, At: 1_800_000_000}
	id, err := c.CreateDeal(call, slastream.Terms{Provider: provider, Chunks: 1, ChunkAmount: amount(1), Duration: 3600})
	require.NoError(t, err)
	require.EqualValues(t, 1_800_003_600, c.Deal(id).Deadline)
	call.At = math.MaxUint64 - 1
	id, err = c.CreateDeal(call, slastream.Terms{Provider: provider, Chunks: 1, ChunkAmount: amount(1), Duration: 1})
	require.NoError(t, err)
	require.EqualValues(t, uint64(math.MaxUint64), c.Deal(id).Deadline)
}
