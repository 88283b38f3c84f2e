package escrow_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// extended is an escrow of the extended class with the key that signs for it.
type extended struct {
	*chain
	sign func(attestation.Digest) attestation.Signature
}

// openExtended returns an escrow with deals 1 to deals, of chunks each, for
// the providers 101, 102, …; the log is empty.
func openExtended(t testing.TB, deals, chunks uint64) extended {
	t.Helper()
	secret, err := crypto.GenerateKey()
	require.NoError(t, err)
	key, err := attestation.ParsePublicKey(crypto.FromECDSAPub(&secret.PublicKey))
	require.NoError(t, err)
	h, ledger := newHost()
	p := escrow.Params{Class: escrow.Extended, Owner: addr(5), Key: key, Token: addr(8), Address: addr(9), ChainID: word(77)}
	require.NoError(t, p.Check())
	c := extended{newChain(p, h), func(d attestation.Digest) attestation.Signature {
		b, err := crypto.Sign(d[:], secret)
		require.NoError(t, err)
		sig, err := attestation.ParseSignature(b)
		require.NoError(t, err)
		return sig
	}}
	require.NoError(t, ledger.Mint(addr(1), amount(1_000_000)))
	require.NoError(t, ledger.Approve(addr(1), p.Address, amount(1_000_000)))
	for i := range deals {
		_, err := c.CreateDeal(escrow.Call{From: addr(1)}, slastream.Terms{
			Provider: addr(101 + i), Chunks: chunks, ChunkAmount: amount(100), Collateral: amount(50), Duration: 1000,
		})
		require.NoError(t, err)
	}
	h.log = nil
	return c
}

func (c extended) batch(items ...attestation.Attestation) error {
	domain := attestation.Domain{ChainID: word(77), Escrow: addr(9).Word()}
	return c.ReleaseBatch(escrow.Call{}, items, c.sign(attestation.Batch{Domain: domain, Items: items}.Digest()))
}

func item(deal, index uint64) attestation.Attestation {
	return attestation.Attestation{DealID: word(deal), ChunkIndex: index, ProofSetID: word(deal), Timestamp: 30 * index}
}

func TestExtendedBatchPaysAllOrNothing(t *testing.T) {
	c := openExtended(t, 2, 2)
	paid := func(deal, index uint64) slastream.ChunkReleased {
		return slastream.ChunkReleased{DealID: word(deal), ChunkIndex: index, Amount: amount(100), Provider: addr(100 + deal)}
	}
	move := func(to, n uint64) escrow.Transfer {
		return escrow.Transfer{From: addr(9), To: addr(to), Amount: amount(n)}
	}
	for name, items := range map[string][]attestation.Attestation{
		"a chunk twice":                     {item(1, 0), item(1, 0)},
		"a chunk twice, another in between": {item(1, 0), item(2, 0), item(1, 0)},
	} {
		require.ErrorIs(t, c.batch(items...), slastream.ErrChunkReleased, name)
	}
	require.ErrorIs(t, c.batch(item(1, 0), item(3, 0)), slastream.ErrDealNotActive)
	require.ErrorIs(t, c.batch(item(1, 0), item(1, 2)), slastream.ErrChunkOutOfBounds)
	require.Empty(t, c.host.log)
	require.False(t, c.ChunkReleased(word(1), 0))

	require.NoError(t, c.batch(item(1, 1), item(1, 0), item(2, 1)))
	require.Equal(t, []any{
		paid(1, 1), paid(1, 0),
		slastream.DealCompleted{DealID: word(1), Provider: addr(101), TotalPaid: amount(200)},
		paid(2, 1),
		move(101, 250), move(102, 100),
	}, c.host.log)
	require.ErrorIs(t, c.batch(item(2, 0), item(2, 1)), slastream.ErrChunkReleased)
	require.NoError(t, c.batch(item(2, 0)))
}

func TestExtendedBatchChecksInOrder(t *testing.T) {
	c := openExtended(t, 1, 2)
	many := make([]attestation.Attestation, escrow.MaxBatch+1)
	sig := attestation.Signature{}
	require.ErrorIs(t, c.ReleaseBatch(escrow.Call{}, nil, sig), slastream.ErrBatchEmpty)
	require.ErrorIs(t, c.ReleaseBatch(escrow.Call{}, many, sig), slastream.ErrBatchTooLarge)
	require.ErrorIs(t, c.ReleaseBatch(escrow.Call{}, many[1:], sig), slastream.ErrDealNotActive)
	require.ErrorIs(t, c.ReleaseBatch(escrow.Call{}, []attestation.Attestation{item(1, 0)}, sig), slastream.ErrRecovery, "r and s are 0")
	other := c.sign(item(1, 0).Digest())
	require.ErrorIs(t, c.ReleaseBatch(escrow.Call{}, []attestation.Attestation{item(1, 0)}, other), slastream.ErrKeyX, "signed alone")
	require.NoError(t, c.Pause(escrow.Call{From: addr(5)}))
	require.ErrorIs(t, c.ReleaseBatch(escrow.Call{}, nil, sig), slastream.ErrPaused)
}

func TestExtendedBatchIsForItsDomain(t *testing.T) {
	c := openExtended(t, 1, 2)
	items := []attestation.Attestation{item(1, 0), item(1, 1)}
	for name, domain := range map[string]attestation.Domain{
		"another chain":  {ChainID: word(78), Escrow: addr(9).Word()},
		"another escrow": {ChainID: word(77), Escrow: addr(8).Word()},
	} {
		sig := c.sign(attestation.Batch{Domain: domain, Items: items}.Digest())
		require.ErrorIs(t, c.ReleaseBatch(escrow.Call{}, items, sig), slastream.ErrKeyX, name)
	}
}

func TestExtendedHeedsTheToken(t *testing.T) {
	for _, class := range []escrow.Class{escrow.Compatible, escrow.Extended} {
		c := openExtended(t, 1, 1)
		p := c.Params()
		p.Class = class
		c.Contract = escrow.New(p, c.host)
		terms := slastream.Terms{Provider: addr(2), Chunks: 1, ChunkAmount: amount(1), Duration: 1}
		c.host.before = func(_, _ slastream.Address, _ slastream.Amount) error { return escrow.ErrFalse }
		_, err := c.CreateDeal(escrow.Call{From: addr(1)}, terms)
		if class == escrow.Compatible {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, slastream.ErrTokenFailed)
		c.host.before = nil
		_, err = c.CreateDeal(escrow.Call{From: addr(1)}, terms)
		require.NoError(t, err)
		c.host.before = func(_, _ slastream.Address, _ slastream.Amount) error { return escrow.ErrFalse }
		require.ErrorIs(t, c.batch(item(1, 0)), slastream.ErrTokenFailed)
		require.ErrorIs(t, c.Slash(escrow.Call{At: 1000}, word(1)), slastream.ErrTokenFailed)
		require.True(t, c.Deal(word(1)).Active)
		require.False(t, c.ChunkReleased(word(1), 0))
	}
}

func TestExtendedChangesItsOwnerInTwoSteps(t *testing.T) {
	c := openExtended(t, 0, 0)
	by := func(n uint64) escrow.Call { return escrow.Call{From: addr(n)} }
	require.ErrorIs(t, c.TransferOwnership(by(6), addr(6)), slastream.ErrNotOwner)
	require.ErrorIs(t, c.AcceptOwnership(by(6)), slastream.ErrNotPendingOwner)
	require.ErrorIs(t, c.AcceptOwnership(by(0)), slastream.ErrNotPendingOwner, "the zero address is nobody's offer")
	require.NoError(t, c.TransferOwnership(by(5), addr(6)))
	require.Equal(t, addr(6), c.PendingOwner())
	require.NoError(t, c.Pause(by(5)), "an offer changes nothing")
	require.NoError(t, c.TransferOwnership(by(5), addr(0)))
	require.ErrorIs(t, c.AcceptOwnership(by(6)), slastream.ErrNotPendingOwner, "taken back")
	require.NoError(t, c.TransferOwnership(by(5), addr(6)))
	before := c.Snapshot()
	require.NoError(t, c.AcceptOwnership(by(6)))
	require.Equal(t, addr(6), c.Owner())
	require.Zero(t, c.PendingOwner())
	require.ErrorIs(t, c.Unpause(by(5)), slastream.ErrNotOwner)
	require.NoError(t, c.Unpause(by(6)))
	require.Equal(t, []any{
		slastream.OwnershipTransferStarted{Previous: addr(5), New: addr(6)},
		slastream.Paused{By: addr(5)},
		slastream.OwnershipTransferStarted{Previous: addr(5), New: addr(0)},
		slastream.OwnershipTransferStarted{Previous: addr(5), New: addr(6)},
		slastream.OwnershipTransferred{Previous: addr(5), New: addr(6)},
		slastream.Unpaused{By: addr(6)},
	}, c.host.log)
	require.True(t, c.Revert(before))
	require.Equal(t, addr(5), c.Owner())
}

func TestExtendedConstructorChecksInOrder(t *testing.T) {
	good := openExtended(t, 0, 0).Params()
	for name, tc := range map[string]struct {
		change func(*escrow.Params)
		want   error
	}{
		"key (0, 0)":                  {func(p *escrow.Params) { p.Key, p.Token = attestation.PublicKey{}, slastream.Address{} }, slastream.ErrKeyNotOnCurve},
		"key off the curve":           {func(p *escrow.Params) { p.Key.Y[31] ^= 1 }, slastream.ErrKeyNotOnCurve},
		"token zero, and owner zero":  {func(p *escrow.Params) { p.Token, p.Owner = slastream.Address{}, slastream.Address{} }, slastream.ErrTokenZero},
		"owner zero":                  {func(p *escrow.Params) { p.Owner = slastream.Address{} }, slastream.ErrOwnerZero},
		"compatible, nothing is good": {func(p *escrow.Params) { *p = escrow.Params{} }, nil},
	} {
		p := good
		tc.change(&p)
		require.Equal(t, tc.want, p.Check(), name)
	}
}

func TestExtendedRefusesProviderZero(t *testing.T) {
	c := openExtended(t, 0, 0)
	terms := slastream.Terms{Chunks: 1, ChunkAmount: amount(1), Duration: 0}
	_, err := c.CreateDeal(escrow.Call{From: addr(1)}, terms)
	require.ErrorIs(t, err, slastream.ErrNoDuration)
	terms.Duration = 1
	_, err = c.CreateDeal(escrow.Call{From: addr(1)}, terms)
	require.ErrorIs(t, err, slastream.ErrProviderZero)
}

func TestCompatibleHasNoEntryPointsOfExtended(t *testing.T) {
	c := openDeal(t, escrow.Params{Address: addr(9), Owner: addr(1)}, 1)
	for _, err := range []error{
		c.ReleaseBatch(escrow.Call{}, nil, attestation.Signature{}),
		c.TransferOwnership(escrow.Call{From: addr(1)}, addr(2)),
		c.AcceptOwnership(escrow.Call{From: addr(1)}),
	} {
		require.ErrorIs(t, err, &slastream.RevertError{Reason: "ENTRYPOINT_NOT_FOUND"})
	}
}
