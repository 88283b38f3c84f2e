package pgstore

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// amount is a numeric(78) column. PostgreSQL's numeric has a decimal exponent.
type amount struct{ *slastream.Amount }

// NumericValue implements pgtype.NumericValuer.
func (a amount) NumericValue() (pgtype.Numeric, error) {
	return pgtype.Numeric{Int: a.Word().Big(), Valid: true}, nil
}

// ScanNumeric implements pgtype.NumericScanner.
func (a amount) ScanNumeric(v pgtype.Numeric) error {
	if !v.Valid || v.NaN || v.InfinityModifier != pgtype.Finite || v.Exp < 0 || v.Exp > 78 {
		return errors.New("an amount is no whole number")
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(v.Exp)), nil)
	w, err := attestation.WordFromBig(scale.Mul(scale, v.Int))
	if err != nil {
		return fmt.Errorf("an amount: %w", err)
	}
	*a.Amount = slastream.AmountFromWord(w)
	return nil
}

// fixed is a bytea column of one length.
type fixed []byte

// ScanBytes implements pgtype.BytesScanner.
func (f fixed) ScanBytes(b []byte) error {
	if len(b) != len(f) {
		return fmt.Errorf("a column has %d bytes, want %d", len(b), len(f))
	}
	copy(f, b)
	return nil
}

// BytesValue implements pgtype.BytesValuer.
func (f fixed) BytesValue() ([]byte, error) { return f, nil }

// text is a bytea column: the text of a revert, or a name, can have bytes that no
// text column takes.
type text struct{ *string }

// ScanBytes implements pgtype.BytesScanner.
func (t text) ScanBytes(b []byte) error {
	*t.string = string(b)
	return nil
}

// BytesValue implements pgtype.BytesValuer.
func (t text) BytesValue() ([]byte, error) { return []byte(*t.string), nil }
