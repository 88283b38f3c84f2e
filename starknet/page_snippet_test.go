package starknet_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// This is what docs/starknet.md shows, there without the checks of errors that
// do nothing but return. page_test.go runs it and compares the two.

func connect(ctx context.Context, url string, address slastream.Address) (*starknet.Node, *starknet.Escrow, error) {
	client, err := rpc.DialContext(ctx, url) // of go-ethereum
	if err != nil {
		return nil, nil, err
	}
	node := starknet.NewNode(client)
	return node, starknet.NewEscrow(node, address), nil
}

func inspect(ctx context.Context, node *starknet.Node, want slastream.Deployment) error {
	report, err := starknet.CheckEscrow(ctx, node, want.Escrow, starknet.EscrowExpectation{ChainID: want.ChainID, Key: &want.Key, Token: want.Token, Owner: want.Owner})
	if err != nil {
		return err
	}
	if report.Worst() >= starknet.SeverityWarning {
		return fmt.Errorf("escrow %v: %v", want.Escrow, report.Findings)
	}
	return nil
}

func payer(node *starknet.Node, address slastream.Address, key starknet.Key, most, day slastream.Amount) *starknet.Account {
	return starknet.NewAccount(node, starknet.Sepolia, address, key, starknet.WithFees(starknet.Fees{Max: most, MaxPerDay: day}))
}

func openDeal(ctx context.Context, node *starknet.Node, account *starknet.Account, d slastream.Deployment, terms slastream.Terms, cadence slastream.Cadence) (attestation.Word, error) {
	escrow := starknet.NewEscrow(node, d.Escrow, starknet.WithAccount(account))
	client, err := slastream.NewClient(slastream.Config{
		Escrow: escrow, State: escrow, Class: d.Class, Rules: d.Rules,
		Funds: starknet.NewERC20(node, d.Token), Account: account.Address(),
	})
	if err != nil {
		return attestation.Word{}, err
	}
	quote, err := client.Quote(terms, cadence) // *slastream.CadenceError: more chunks than periods
	if err != nil {
		return attestation.Word{}, err
	}
	log.Printf("locks %v, last chunk by %d, deadline %d", quote.Locked, quote.Last, quote.Deadline)
	return client.CreateDeal(ctx, terms)
}

func openBoth(ctx context.Context, escrow *starknet.Escrow, account *starknet.Account, first, second slastream.Terms) (*starknet.Receipt, error) {
	one, err := escrow.CreateDealCalls(ctx, first) // approve, create_deal
	if err != nil {
		return nil, err
	}
	two, err := escrow.CreateDealCalls(ctx, second)
	if err != nil {
		return nil, err
	}
	return account.Execute(ctx, append(one, two...)...)
}

// sign asks who has the key; keep stores the transaction.
func signElsewhere(ctx context.Context, node *starknet.Node, address slastream.Address, calls []starknet.Call, sign func(hash attestation.Word) (r, s *felt.Felt, err error), keep func(slastream.SignedTx) error) (*starknet.Receipt, error) {
	account := starknet.NewAccount(node, starknet.Sepolia, address, nil)
	nonce, err := account.Nonce(ctx)
	if err != nil {
		return nil, err
	}
	unsigned, err := account.Build(ctx, calls, nonce)
	if err != nil {
		return nil, err
	}
	r, s, err := sign(unsigned.Hash)
	if err != nil {
		return nil, err
	}
	tx, err := unsigned.Signed(r, s)
	if err != nil {
		return nil, err
	}
	if err := keep(tx); err != nil {
		return nil, err // stored before it is sent, or not sent
	}
	if err := account.Send(ctx, tx); err != nil {
		return nil, err // an *UnsettledError: send tx again
	}
	return account.Wait(ctx, tx.Hash) // see Status.Revert of the receipt
}

func payAll(ctx context.Context, escrow *starknet.Escrow, items []attestation.Signed) (again []attestation.Signed) {
	for i, r := range escrow.ReleaseAll(ctx, items) {
		switch {
		case r.Err == nil || errors.Is(r.Err, slastream.ErrChunkReleased):
			// paid, by r.TxHash or before
		case starknet.Classify(r.Err) == starknet.ClassPermanent:
			log.Printf("%+v: %v", items[i].Attestation, r.Err)
		default:
			again = append(again, items[i]) // not sent, or an *UnsettledError: what is paid is not paid again
		}
	}
	return again
}

// apply adds the event, or removes it if Retracted, and stores Cursor: in one transaction of a database.
func keepUp(ctx context.Context, escrow *starknet.Escrow, cursor starknet.Cursor, seen []starknet.HistoryEvent[slastream.Event], apply func(starknet.Update[slastream.Event]) error) error {
	for update, err := range escrow.Follow(ctx, cursor, seen...) {
		if err != nil {
			return err
		}
		if err := apply(update); err != nil {
			return err
		}
	}
	return nil
}

func many(node *starknet.Node, address slastream.Address, account *starknet.Account, keep func(context.Context, slastream.SignedTx) error, pending []slastream.SignedTx) *starknet.Escrow {
	sender := starknet.NewSender(account, starknet.SenderOptions{OnSigned: keep, Pending: pending, BumpAfter: time.Minute})
	return starknet.NewEscrow(node, address, starknet.WithSender(sender))
}

func proven(ctx context.Context, account *starknet.Account, escrow *starknet.Escrow, tx, deal attestation.Word) (slastream.Deal, error) {
	receipt, err := account.WaitFor(ctx, tx, slastream.TxSettled)
	if err != nil {
		return slastream.Deal{}, err
	}
	return escrow.At(starknet.BlockHash(receipt.Status.BlockHash)).Deal(ctx, deal)
}

func TestClientGetsItsMoneyBack(t *testing.T) {
	for _, version := range []string{"/rpc/v0_9", "/rpc/v0_10"} {
		node := simulated.New(simulated.Options{Seed: 1})
		good, err := rpc.DialOptions(t.Context(), "http://in.process"+version, rpc.WithHTTPClient(node.Client()))
		require.NoError(t, err)
		server := httptest.NewServer(node.Faulty(simulated.Faults{Seed: 7, TooManyRequests: 0.1, Lost: 0.1, Truncate: 0.1}))
		defer server.Close()
		bad, err := rpc.DialContext(t.Context(), server.URL+version)
		require.NoError(t, err)
		me := node.Accounts()[1]
		key, err := starknet.NewLocalKey(me.PrivateKey)
		require.NoError(t, err)
		account := starknet.NewAccount(bad, starknet.Sepolia, me.Address, key, starknet.WithPoll(time.Millisecond))
		sender := starknet.NewSender(account, starknet.SenderOptions{})
		escrow := starknet.NewEscrow(good, node.Escrow())
		open, err := escrow.CreateDealCalls(t.Context(), slastream.Terms{
			Provider: node.Accounts()[2].Address, Chunks: 3, ChunkAmount: slastream.AmountFromUint64(100), Duration: 3600,
		})
		require.NoError(t, err)
		_, err = sender.Execute(t.Context(), open...)
		require.NoError(t, err)
		slash := escrow.SlashCall(attestation.WordFromUint64(1))
		_, err = sender.Execute(t.Context(), slash)
		require.ErrorIs(t, err, slastream.ErrDeadline)
		node.IncreaseTime(3600)
		late := node.Snapshot()
		receipt, err := sender.Execute(t.Context(), slash)
		require.NoError(t, err)
		_, err = node.Abort(receipt.Status.BlockNumber) // a reorganisation
		require.NoError(t, err)
		deal, err := escrow.Deal(t.Context(), attestation.WordFromUint64(1))
		require.NoError(t, err)
		require.True(t, deal.Active, "the slash is gone")
		require.NoError(t, node.Restore(late)) // the next branch begins here
	}
}
