package boltstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

func transactionKey(id relay.TxID) []byte {
	return appendUint(appendWord(nil, id.Sender.Word()), id.Nonce)
}

// flyingKey is the entry in the index of transactions that are not accepted, nil
// for none.
func flyingKey(t relay.Transaction) []byte {
	if len(t.Signed) == 0 || t.State >= relay.Accepted {
		return nil
	}
	return transactionKey(t.TxID)
}

// acceptedKey is the entry in the index of those that are, nil for none.
func acceptedKey(t relay.Transaction) []byte {
	if len(t.Signed) == 0 || t.State < relay.Accepted {
		return nil
	}
	return appendUint(appendUint(appendWord(nil, t.Sender.Word()), t.Due), t.Nonce)
}

func (t *tx) transaction(id relay.TxID) (relay.Transaction, bool, error) {
	key := transactionKey(id)
	row, err := t.get(tableTransactions, key)
	if row == nil || err != nil {
		return relay.Transaction{}, false, err
	}
	found, err := parseTransaction(key, row)
	return found, err == nil, err
}

// changeTransactions drops transactions, and stores others.
func (t *tx) changeTransactions(put []relay.Transaction, drop []relay.TxID) error {
	for _, transaction := range put {
		old, ok, err := t.transaction(transaction.TxID)
		switch {
		case err != nil:
			return err
		case ok && len(transaction.Signed) > 0 && old.Signed[0].Hash != transaction.Signed[0].Hash:
			return fmt.Errorf("%w: nonce %d of %v is in use", relay.ErrConflict, transaction.Nonce, transaction.Sender)
		}
	}
	for _, id := range drop {
		old, ok, err := t.transaction(id)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		err = errors.Join(
			t.delete(tableTransactions, transactionKey(id)),
			t.move(tableFlying, flyingKey(old), nil),
			t.move(tableAccepted, acceptedKey(old), nil),
		)
		if err != nil {
			return err
		}
	}
	for _, transaction := range put {
		old, _, err := t.transaction(transaction.TxID)
		if err != nil {
			return err
		}
		row, err := appendTransaction(nil, transaction)
		if err != nil {
			return err
		}
		err = errors.Join(
			t.put(tableTransactions, transactionKey(transaction.TxID), row),
			t.move(tableFlying, flyingKey(old), flyingKey(transaction)),
			t.move(tableAccepted, acceptedKey(old), acceptedKey(transaction)),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// Transactions implements [relay.Store].
func (s *Store) Transactions(ctx context.Context, sender slastream.Address, due uint64) iter.Seq2[relay.Transaction, error] {
	wanted := func(t relay.Transaction) bool { return t.State < relay.Accepted || t.Due <= due }
	return func(yield func(relay.Transaction, error) bool) {
		nonces, err := s.nonces(ctx, sender, due)
		for err == nil && len(nonces) > 0 {
			var page []relay.Transaction
			err = s.view(ctx, func(t *tx) error {
				for size := 0; len(nonces) > 0 && size < pageBytes && len(page) < pageRows; nonces = nonces[1:] {
					found, ok, err := t.transaction(relay.TxID{Sender: sender, Nonce: nonces[0]})
					if err != nil {
						return err
					}
					if ok && wanted(found) { // else the loop body has just changed it
						page = append(page, found)
						for _, signed := range found.Signed {
							size += len(signed.Body)
						}
					}
				}
				return nil
			})
			for _, found := range page {
				if !yield(found, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(relay.Transaction{}, err)
		}
	}
}

// nonces returns those of the sender's transactions that are to be looked at, in
// order.
func (s *Store) nonces(ctx context.Context, sender slastream.Address, due uint64) ([]uint64, error) {
	var nonces []uint64
	prefix := appendWord(nil, sender.Word())
	last := func(_ *tx, key, _ []byte) (uint64, bool, error) {
		r := reader{b: key[len(prefix):]}
		nonce := r.uint()
		return nonce, true, r.end()
	}
	behindDue := func(_ *tx, key, _ []byte) (uint64, bool, error) {
		r := reader{b: key[len(prefix):]}
		at, nonce := r.uint(), r.uint()
		if r.end() == nil && at > due {
			return 0, false, errStop
		}
		return nonce, true, r.end()
	}
	for _, find := range []scan[uint64]{
		{table: tableFlying, prefix: prefix, from: prefix, pick: last},
		{table: tableAccepted, prefix: prefix, from: prefix, pick: behindDue},
	} {
		for nonce, err := range rows(ctx, s, find) {
			if err != nil {
				return nil, err
			}
			nonces = append(nonces, nonce)
		}
	}
	slices.Sort(nonces)
	return slices.Compact(nonces), nil
}
