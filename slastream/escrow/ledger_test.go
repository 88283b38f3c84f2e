package escrow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// TestLedgerAsSTRK holds what starknet-devnet 0.6.1 answered for its STRK
// class: starknet_call for the rows whose caller is 0, a simulated transaction
// of a predeployed account for the others. The order of the checks shows in
// the rows that break two of them.
func TestLedgerAsSTRK(t *testing.T) {
	zero, a, b := slastream.Address{}, addr(1), addr(2)
	type calls func(*escrow.Ledger) error
	approve := func(owner, spender slastream.Address, much slastream.Amount) calls {
		return func(l *escrow.Ledger) error { return l.Approve(owner, spender, much) }
	}
	transfer := func(from, to slastream.Address, much slastream.Amount) calls {
		return func(l *escrow.Ledger) error { return l.Transfer(from, to, much) }
	}
	transferFrom := func(caller, from, to slastream.Address, much slastream.Amount) calls {
		return func(l *escrow.Ledger) error { return l.TransferFrom(caller, from, to, much) }
	}
	for _, row := range []struct {
		name   string
		calls  []calls
		revert string
		events []any
	}{
		{"transfer from 0 of 0", []calls{transfer(zero, b, amount(0))}, "ERC20: transfer from 0", nil},
		{"transfer from 0 to 0", []calls{transfer(zero, zero, amount(0))}, "ERC20: transfer from 0", nil},
		{"approve from 0", []calls{approve(zero, b, amount(1))}, "ERC20: approve from 0", nil},
		{"approve from 0 to 0", []calls{approve(zero, zero, amount(1))}, "ERC20: approve from 0", nil},
		{"caller 0 takes 0", []calls{transferFrom(zero, b, a, amount(0))}, "ERC20: approve to 0", nil},
		{"caller 0 takes 0 from 0", []calls{transferFrom(zero, zero, a, amount(0))}, "ERC20: approve from 0", nil},
		{"approve to 0", []calls{approve(a, zero, amount(1))}, "ERC20: approve to 0", nil},
		{"transfer to 0", []calls{transfer(a, zero, amount(1))}, "ERC20: transfer to 0", nil},
		{"transfer to 0, balance too small", []calls{transfer(a, zero, maxAmount)}, "ERC20: transfer to 0", nil},
		{"balance too small", []calls{transfer(a, b, maxAmount)}, "u256_sub Overflow", nil},
		{"transfer of 0", []calls{transfer(a, b, amount(0))}, "", []any{escrow.Transfer{From: a, To: b}}},
		{"transfer to oneself", []calls{transfer(a, a, amount(5))}, "", []any{
			escrow.Transfer{From: a, To: a, Amount: amount(5)},
		}},
		{"limited", []calls{approve(a, a, amount(7)), transferFrom(a, a, b, amount(5))}, "", []any{
			escrow.Approval{Owner: a, Spender: a, Amount: amount(7)},
			escrow.Approval{Owner: a, Spender: a, Amount: amount(2)},
			escrow.Transfer{From: a, To: b, Amount: amount(5)},
		}},
		{"allowance too small", []calls{approve(a, a, amount(7)), transferFrom(a, a, b, amount(8))}, "u256_sub Overflow", nil},
		{"allowance too small, to 0", []calls{approve(a, a, amount(7)), transferFrom(a, a, zero, amount(8))}, "u256_sub Overflow", nil},
		{"transfer_from to 0", []calls{approve(a, a, amount(7)), transferFrom(a, a, zero, amount(5))}, "ERC20: transfer to 0", nil},
		{"take 0 from 0", []calls{transferFrom(a, zero, b, amount(0))}, "ERC20: approve from 0", nil},
		{"take 0 without allowance", []calls{transferFrom(a, b, b, amount(0))}, "", []any{
			escrow.Approval{Owner: b, Spender: a},
			escrow.Transfer{From: b, To: b},
		}},
		{"unlimited", []calls{
			approve(a, a, maxAmount), transferFrom(a, a, b, amount(5)), transferFrom(a, a, b, amount(5)),
		}, "", []any{
			escrow.Approval{Owner: a, Spender: a, Amount: maxAmount},
			escrow.Transfer{From: a, To: b, Amount: amount(5)},
			escrow.Transfer{From: a, To: b, Amount: amount(5)},
		}},
		{"unlimited, balance too small", []calls{approve(a, a, maxAmount), transferFrom(a, a, b, maxAmount)}, "u256_sub Overflow", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			var log []any
			l := escrow.NewLedger(func(e escrow.TokenEvent) { log = append(log, e) })
			require.NoError(t, l.Mint(a, amount(100)))
			for i, call := range row.calls {
				mark := l.Snapshot()
				log = log[:len(log):len(log)]
				before := len(log)
				err := call(l)
				if row.revert == "" || i < len(row.calls)-1 {
					require.NoError(t, err)
					continue
				}
				requireReason(t, row.revert, err)
				require.Len(t, log, before, "a refused call emitted")
				require.Equal(t, mark, l.Snapshot(), "a refused call wrote")
				return
			}
			require.Equal(t, row.events, log[1:])
		})
	}
}

func TestLedgerMint(t *testing.T) {
	var log []any
	l := escrow.NewLedger(func(e escrow.TokenEvent) { log = append(log, e) })
	requireReason(t, "ERC20: mint to 0", l.Mint(slastream.Address{}, amount(1)))
	require.NoError(t, l.Mint(client, amount(1)))
	require.Equal(t, slastream.ErrAddOverflow, l.Mint(provider, maxAmount), "supply of 2^256")
	require.Equal(t, []any{escrow.Transfer{To: client, Amount: amount(1)}}, log)
	require.Equal(t, amount(1), l.Supply())
	require.True(t, l.Balance(provider).IsZero())
}

func TestLedgerWithoutListener(t *testing.T) {
	l := escrow.NewLedger(nil)
	require.NoError(t, l.Mint(client, amount(3)))
	require.NoError(t, l.Approve(client, provider, amount(2)))
	require.NoError(t, l.TransferFrom(provider, client, stranger, amount(2)))
	require.Equal(t, amount(2), l.Balance(stranger))
	require.True(t, l.Allowance(client, provider).IsZero())
}
