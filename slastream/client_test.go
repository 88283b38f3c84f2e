package slastream_test

import (
	"context"
	"errors"
	"iter"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

var (
	contractAddr = slastream.Address{31: 0x10}
	ownerAddr    = slastream.Address{31: 0x11}
	clientAddr   = slastream.Address{31: 0x12}
	providerAddr = slastream.Address{31: 0x13}
)

func number(v uint64) attestation.Word { return attestation.WordFromUint64(v) }

// attester signs with a key of the tests.
func attester(t testing.TB, secret byte) signer.Signer {
	local, err := signer.NewLocal([32]byte{31: secret})
	require.NoError(t, err)
	s, err := signer.New(local)
	require.NoError(t, err)
	return s
}

func attest(t testing.TB, s signer.Signer, deal, chunk uint64) attestation.Signed {
	signed, err := s.Attest(t.Context(), signer.Request{Attestation: attestation.Attestation{DealID: number(deal), ChunkIndex: chunk}})
	require.NoError(t, err)
	return signed
}

// A world is a model of the escrow with a clock that the test sets.
type world struct {
	*escrow.Memory
	now    uint64
	signer signer.Signer
	sent   int // transactions
}

func newWorld(t testing.TB, class slastream.Class, rules attestation.Rules) *world {
	return newWorldOf(t, class, rules, attester(t, 7))
}

func newWorldOf(t testing.TB, class slastream.Class, rules attestation.Rules, s signer.Signer) *world {
	w := &world{now: 1_700_000_000, signer: s}
	w.Memory = escrow.NewMemory(escrow.Params{
		Class: class, Rules: rules, Owner: ownerAddr, Key: w.signer.PublicKey(), Address: contractAddr, Token: slastream.Address{31: 9},
	}, func() uint64 { return w.now })
	require.NoError(t, w.Mint(clientAddr, units(10_000)))
	return w
}

// sender counts what is sent.
type sender struct {
	*escrow.Account
	w *world
}

func (s sender) CreateDeal(ctx context.Context, t slastream.Terms) (attestation.Word, error) {
	s.w.sent++
	return s.Account.CreateDeal(ctx, t)
}

func (s sender) Release(ctx context.Context, signed attestation.Signed) error {
	s.w.sent++
	return s.Account.Release(ctx, signed)
}

func (s sender) Slash(ctx context.Context, id attestation.Word) error {
	s.w.sent++
	return s.Account.Slash(ctx, id)
}

func (w *world) config() slastream.Config {
	account := w.As(clientAddr)
	return slastream.Config{Escrow: sender{account, w}, State: account, Clock: func() uint64 { return w.now }}
}

func newClient(t testing.TB, c slastream.Config) *slastream.Client {
	client, err := slastream.NewClient(c)
	require.NoError(t, err)
	return client
}

func TestClientReadsTheKeyOnce(t *testing.T) {
	w := newWorld(t, slastream.ClassCompatible, attestation.RulesLowS)
	state := &countingState{State: w.As(clientAddr)}
	config := w.config()
	config.State = state
	client := newClient(t, config)
	id, err := client.CreateDeal(t.Context(), month())
	require.NoError(t, err)
	require.Equal(t, number(1), id)

	state.err = errors.New("no route to host")
	err = client.Release(t.Context(), attest(t, w.signer, 1, 0))
	require.ErrorIs(t, err, state.err)
	require.NotErrorAs(t, err, new(*slastream.RevertError))
	state.err = nil
	for chunk := range uint64(3) {
		require.NoError(t, client.Release(t.Context(), attest(t, w.signer, 1, chunk)))
	}
	require.Equal(t, 2, state.keys, "once with the error, once for good")
}

type countingState struct {
	slastream.State
	keys int
	err  error
}

func (s *countingState) PublicKey(ctx context.Context) (attestation.PublicKey, error) {
	s.keys++
	if s.err != nil {
		return attestation.PublicKey{}, s.err
	}
	return s.State.PublicKey(ctx)
}

// broken is a node that does not answer.
type broken struct{ err error }

func (b broken) Deal(context.Context, attestation.Word) (slastream.Deal, error) {
	return slastream.Deal{}, b.err
}
func (b broken) DealCount(context.Context) (attestation.Word, error) {
	return attestation.Word{}, b.err
}
func (b broken) ChunkReleased(context.Context, attestation.Word, uint64) (bool, error) {
	return false, b.err
}
func (b broken) CreateDeal(context.Context, slastream.Terms) (attestation.Word, error) {
	return attestation.Word{}, errors.New("sent")
}
func (b broken) Release(context.Context, attestation.Signed) error { return errors.New("sent") }
func (b broken) Slash(context.Context, attestation.Word) error     { return errors.New("sent") }
func (b broken) Paused(context.Context) (bool, error)              { return false, b.err }
func (b broken) PublicKey(context.Context) (attestation.PublicKey, error) {
	return attestation.PublicKey{}, b.err
}
func (b broken) BalanceOf(context.Context, slastream.Address) (slastream.Amount, error) {
	return slastream.Amount{}, b.err
}

// halfBroken is an escrow of which some reads fail.
type halfBroken struct {
	slastream.Escrow
	chunks error
}

func (h halfBroken) ChunkReleased(context.Context, attestation.Word, uint64) (bool, error) {
	return false, h.chunks
}

func TestClientSendsNothingOnAFailedRead(t *testing.T) {
	down := errors.New("no route to host")
	w := newWorld(t, slastream.ClassCompatible, attestation.RulesLowS)
	good := w.config()
	_, err := newClient(t, good).CreateDeal(t.Context(), month())
	require.NoError(t, err)
	w.sent = 0

	state, reads, chunks, funds := good, good, good, good
	state.State = broken{down}
	reads.Escrow = broken{down}
	chunks.Escrow = halfBroken{good.Escrow, down}
	funds.Funds = broken{down}
	signed := attest(t, w.signer, 1, 0)
	for _, test := range []struct {
		name   string
		config slastream.Config
		call   func(*slastream.Client) error
	}{
		{"create, paused", state, func(c *slastream.Client) error { _, err := c.CreateDeal(t.Context(), month()); return err }},
		{"create, balance", funds, func(c *slastream.Client) error { _, err := c.CreateDeal(t.Context(), month()); return err }},
		{"release, paused", state, func(c *slastream.Client) error { return c.Release(t.Context(), signed) }},
		{"release, deal", reads, func(c *slastream.Client) error { return c.Release(t.Context(), signed) }},
		{"release, chunk", chunks, func(c *slastream.Client) error { return c.Release(t.Context(), signed) }},
		{"slash, deal", reads, func(c *slastream.Client) error { return c.Slash(t.Context(), number(1)) }},
		{"deal", reads, func(c *slastream.Client) error { _, err := c.Deal(t.Context(), number(1)); return err }},
		{"forecast", reads, func(c *slastream.Client) error {
			_, err := c.Forecast(t.Context(), number(1), slastream.Cadence{Period: day}, slastream.Progress{})
			return err
		}},
		{"deals", reads, func(c *slastream.Client) error {
			for _, err := range c.Deals(t.Context(), slastream.DealFilter{}) {
				return err
			}
			return nil
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.call(newClient(t, test.config))
			require.ErrorIs(t, err, down)
			require.ErrorContains(t, err, "slastream: reading ")
			require.Zero(t, w.sent)
		})
	}
}

func TestCreateDealWithTheLastToken(t *testing.T) {
	w := newWorld(t, slastream.ClassCompatible, attestation.RulesLowS)
	config := w.config()
	config.Funds, config.Account = w.As(clientAddr), clientAddr
	terms := slastream.Terms{Provider: providerAddr, Chunks: 1, ChunkAmount: units(9_000), Collateral: units(1_001), Duration: 1}
	_, err := newClient(t, config).CreateDeal(t.Context(), terms)
	short, ok := errors.AsType[*slastream.FundsError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, slastream.FundsError{Account: clientAddr, Have: units(10_000), Need: units(10_001)}, *short)
	require.ErrorContains(t, err, "holds 10000 base units of the 10001 that the terms lock")
	require.Zero(t, w.sent)
	terms.Collateral = units(1_000)
	_, err = newClient(t, config).CreateDeal(t.Context(), terms)
	require.NoError(t, err)
	require.Zero(t, w.Balance(clientAddr))
}

func TestNewClientNamesWhatIsMissing(t *testing.T) {
	w := newWorld(t, slastream.ClassCompatible, attestation.RulesLowS)
	_, err := slastream.NewClient(slastream.Config{State: w.As(clientAddr)})
	require.ErrorContains(t, err, "without an Escrow")
	_, err = slastream.NewClient(slastream.Config{Escrow: w.As(clientAddr)})
	require.ErrorContains(t, err, "without a State")
}

func TestClientWithoutClockTakesThatOfTheSystem(t *testing.T) {
	w := newWorld(t, slastream.ClassCompatible, attestation.RulesLowS) // its clock stands at 2023
	config := w.config()
	config.Clock = nil
	client := newClient(t, config)
	id, err := client.CreateDeal(t.Context(), month())
	require.NoError(t, err)
	require.ErrorIs(t, client.Slash(t.Context(), id), slastream.ErrDeadline, "the model's word")
	require.Equal(t, 2, w.sent, "the client holds that the deadline has passed")
}

func TestDeals(t *testing.T) {
	w := newWorld(t, slastream.ClassCompatible, attestation.RulesLowS)
	second := slastream.Address{31: 0x20}
	require.NoError(t, w.Mint(second, units(10_000)))
	one := slastream.Terms{Provider: providerAddr, Chunks: 1, ChunkAmount: units(5), Duration: 100}
	elsewhere := one
	elsewhere.Provider = second
	for _, deal := range []struct {
		client slastream.Address
		terms  slastream.Terms
	}{{clientAddr, one}, {second, one}, {clientAddr, elsewhere}, {clientAddr, one}} {
		_, err := w.As(deal.client).CreateDeal(t.Context(), deal.terms)
		require.NoError(t, err)
	}
	client := newClient(t, w.config())
	require.NoError(t, client.Release(t.Context(), attest(t, w.signer, 4, 0))) // completed

	for _, test := range []struct {
		name   string
		filter slastream.DealFilter
		want   []uint64
	}{
		{"all", slastream.DealFilter{}, []uint64{1, 2, 3, 4}},
		{"of a client", slastream.DealFilter{Client: clientAddr}, []uint64{1, 3, 4}},
		{"for a provider", slastream.DealFilter{Provider: providerAddr}, []uint64{1, 2, 4}},
		{"active", slastream.DealFilter{Active: true}, []uint64{1, 2, 3}},
		{"all at once", slastream.DealFilter{Client: clientAddr, Provider: providerAddr, Active: true}, []uint64{1}},
		{"nobody's", slastream.DealFilter{Client: ownerAddr}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []uint64
			for deal, err := range client.Deals(t.Context(), test.filter) {
				require.NoError(t, err)
				id, _ := deal.ID.Uint64()
				got = append(got, id)
			}
			require.Equal(t, test.want, got)
		})
	}
	for deal, err := range client.Deals(t.Context(), slastream.DealFilter{}) {
		require.NoError(t, err)
		require.Equal(t, number(1), deal.ID)
		break // a caller may stop
	}
	_, err := client.Deal(t.Context(), number(5))
	require.ErrorIs(t, err, slastream.ErrNoDeal)
	_, err = client.Forecast(t.Context(), number(5), slastream.Cadence{Period: 1}, slastream.Progress{})
	require.ErrorIs(t, err, slastream.ErrNoDeal)
}

// liar counts more deals than there are.
type liar struct {
	slastream.Escrow
	count attestation.Word
}

func (l liar) DealCount(context.Context) (attestation.Word, error) { return l.count, nil }

func TestDealsOfANodeThatMiscounts(t *testing.T) {
	w := newWorld(t, slastream.ClassCompatible, attestation.RulesLowS)
	for _, test := range []struct {
		name  string
		count attestation.Word
		want  string
	}{
		{"one too many", number(1), "no such deal"},
		{"the most of a u64", number(math.MaxUint64), "no such deal"},
		{"more than a u64", attestation.Word{0: 1}, "want less than 2^64"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := w.config()
			config.Escrow = liar{config.Escrow, test.count}
			errs := 0
			for _, err := range newClient(t, config).Deals(t.Context(), slastream.DealFilter{}) {
				require.ErrorContains(t, err, test.want)
				errs++
			}
			require.Equal(t, 1, errs)
		})
	}
}

type watcher struct {
	from slastream.Cursor
	seen []slastream.ChainEvent
}

func (w *watcher) Follow(_ context.Context, from slastream.Cursor, seen ...slastream.ChainEvent) iter.Seq2[slastream.ChainEvent, error] {
	w.from, w.seen = from, seen
	return func(yield func(slastream.ChainEvent, error) bool) {
		yield(slastream.ChainEvent{Event: slastream.Paused{By: ownerAddr}, BlockNumber: from.Block}, nil)
	}
}

func TestFollow(t *testing.T) {
	w := newWorld(t, slastream.ClassCompatible, attestation.RulesLowS)
	config, watcher := w.config(), new(watcher)
	for _, err := range newClient(t, config).Follow(t.Context(), slastream.Cursor{}) {
		require.ErrorContains(t, err, "without a Watcher")
	}
	config.Watcher = watcher
	seen := []slastream.ChainEvent{{BlockNumber: 4}}
	events := 0
	for event, err := range newClient(t, config).Follow(t.Context(), slastream.Cursor{Block: 5}, seen...) {
		require.NoError(t, err)
		require.Equal(t, uint64(5), event.BlockNumber)
		events++
	}
	require.Equal(t, 1, events)
	require.Equal(t, seen, watcher.seen)
}

func TestClientQuoteAndForecastAtItsClock(t *testing.T) {
	w := newWorld(t, slastream.ClassExtended, attestation.RulesLowS)
	config := w.config()
	config.Class = slastream.ClassExtended
	client := newClient(t, config)
	cadence := slastream.Cadence{Start: w.now, Period: day}
	q, err := client.Quote(month(), cadence)
	require.NoError(t, err)
	require.Equal(t, w.now, q.At)
	nobody := month()
	nobody.Provider = slastream.Address{}
	_, err = client.Quote(nobody, cadence)
	require.ErrorIs(t, err, slastream.ErrProviderZero)

	id, err := client.CreateDeal(t.Context(), month())
	require.NoError(t, err)
	deal, err := client.Deal(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, q.Deadline, deal.Deadline)
	require.Equal(t, q.Locked, w.Balance(contractAddr))
	w.now += day
	f, err := client.Forecast(t.Context(), id, q.Cadence, slastream.Progress{})
	require.NoError(t, err)
	require.Equal(t, w.now, f.Now)
	require.Equal(t, q.Last, f.Completion)
}
