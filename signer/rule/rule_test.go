package rule_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/rule"
)

func word(v uint64) attestation.Word { return attestation.WordFromUint64(v) }

func request(deal, chunk uint64) signer.Request {
	return signer.Request{
		Attestation: attestation.Attestation{DealID: word(deal), ChunkIndex: chunk, ProofSetID: word(7), Timestamp: uint64(time.Now().Unix())},
		Domain:      attestation.Domain{ChainID: word(5)},
		Evidence:    attestation.Evidence{SetID: word(7), Period: deal<<32 + chunk},
	}
}

func guard(t *testing.T, policies ...signer.Policy) signer.Signer {
	t.Helper()
	key, err := signer.NewLocal([32]byte{31: 9})
	require.NoError(t, err)
	s, err := signer.New(key)
	require.NoError(t, err)
	return signer.Guard(s, signer.NewMemoryJournal(), policies...)
}

func ask(t *testing.T, g signer.Signer, req signer.Request) error {
	t.Helper()
	verdicts, err := signer.Explain(t.Context(), g, req)
	require.NoError(t, err)
	_, err = g.Attest(t.Context(), req)
	for _, v := range verdicts {
		if v.Err != nil {
			require.Error(t, err, "Explain said no: %v", v.Err)
			return err
		}
	}
	require.NoError(t, err, "Explain said yes")
	return nil
}

func TestAllowLists(t *testing.T) {
	for name, tt := range map[string]struct {
		policy signer.Policy
		ok     bool
	}{
		"the deal":         {rule.Deals(word(1), word(2)), true},
		"another deal":     {rule.Deals(word(2)), false},
		"no deal":          {rule.Deals(), false},
		"the data set":     {rule.DataSets(word(7)), true},
		"another data set": {rule.DataSets(word(8)), false},
		"the escrow":       {rule.Domains(attestation.Domain{ChainID: word(5)}), true},
		"another escrow":   {rule.Domains(attestation.Domain{ChainID: word(5), Escrow: word(1)}), false},
	} {
		t.Run(name, func(t *testing.T) {
			err := ask(t, guard(t, tt.policy), request(1, 0))
			if tt.ok {
				require.NoError(t, err)
				return
			}
			var refused *signer.PolicyError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, tt.policy.Name, refused.Policy)
			require.False(t, signer.Retryable(err))
		})
	}
}

func TestUntil(t *testing.T) {
	req := request(1, 0)
	end := req.Attestation.Timestamp + 1
	until := rule.Until(func(context.Context, signer.Request) (uint64, error) {
		if end == 0 {
			return 0, errors.New("no such deal")
		}
		return end, nil
	})
	require.NoError(t, ask(t, guard(t, until), req))
	end--
	require.ErrorContains(t, ask(t, guard(t, until), req), "not before the deadline")
	end = 0
	require.ErrorContains(t, ask(t, guard(t, until), req), "no such deal")
}

func TestSkew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, rule.Skew(time.Minute, time.Hour))
		now := uint64(time.Now().Unix())
		for _, tt := range []struct {
			timestamp     uint64
			ok, retryable bool
		}{
			{now, true, false}, {now + 60, true, false}, {now + 61, false, true}, {now - 3600, true, false}, {now - 3601, false, false},
			{0, false, false}, {1<<64 - 1, false, true},
		} {
			req := request(1, tt.timestamp)
			req.Attestation.Timestamp = tt.timestamp
			err := ask(t, g, req)
			require.Equal(t, tt.ok, err == nil, "%d: %v", tt.timestamp, err)
			require.Equal(t, tt.retryable, signer.Retryable(err), tt.timestamp)
		}
	})
}

func TestStops(t *testing.T) {
	var s rule.Switch
	path := filepath.Join(t.TempDir(), "stop")
	g := guard(t, s.Policy(), rule.StopFile(path))
	require.NoError(t, ask(t, g, request(1, 0)))
	s.Set(false)
	err := ask(t, g, request(1, 1))
	require.True(t, signer.Retryable(err), err)
	s.Set(true)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.ErrorContains(t, ask(t, g, request(1, 1)), "exists")
	require.NoError(t, os.Remove(path))
	require.NoError(t, ask(t, g, request(1, 1)))
	require.Error(t, ask(t, guard(t, rule.StopFile(filepath.Join(path, "\x00"))), request(1, 0)), "what cannot be told stops")
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, rule.Rate(1, 2))
		require.NoError(t, ask(t, g, request(1, 0)))
		require.NoError(t, ask(t, g, request(1, 1)))
		err := ask(t, g, request(1, 2))
		require.True(t, signer.Retryable(err), err)
		require.NoError(t, ask(t, g, request(1, 1)), "the same chunk again is not counted")
		time.Sleep(time.Second)
		require.NoError(t, ask(t, g, request(1, 2)))
	})
}

func TestCap(t *testing.T) {
	ten := func(context.Context, signer.Request) (attestation.Word, error) { return word(10), nil }
	limits := rule.Limits{Hour: word(20), Day: word(40), Deal: word(30)}
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, rule.NewCap(limits, ten).Policy())
		require.NoError(t, ask(t, g, request(1, 0)))
		require.NoError(t, ask(t, g, request(1, 1)))
		err := ask(t, g, request(1, 2))
		require.ErrorContains(t, err, "30 in an hour, more than 20")
		require.True(t, signer.Retryable(err))
		require.NoError(t, ask(t, g, request(1, 1)), "the same chunk again is not counted")
		time.Sleep(time.Hour)
		require.NoError(t, ask(t, g, request(1, 2)))
		err = ask(t, g, request(1, 3))
		require.ErrorContains(t, err, "40 in all, more than 30")
		require.False(t, signer.Retryable(err))
		require.NoError(t, ask(t, g, request(2, 0)))
		time.Sleep(time.Hour)
		require.ErrorContains(t, ask(t, g, request(2, 1)), "50 in a day, more than 40")
		time.Sleep(22 * time.Hour)
		require.NoError(t, ask(t, g, request(2, 1)))
	})
	t.Run("the value is not known", func(t *testing.T) {
		unknown := rule.NewCap(limits, func(context.Context, signer.Request) (attestation.Word, error) {
			return attestation.Word{}, errors.New("no such deal")
		})
		require.ErrorContains(t, ask(t, guard(t, unknown.Policy()), request(1, 0)), "no such deal")
	})
	t.Run("a value of 2^256-1 twice", func(t *testing.T) {
		var most attestation.Word
		for i := range most {
			most[i] = 0xff
		}
		g := guard(t, rule.NewCap(rule.Limits{Day: most}, func(context.Context, signer.Request) (attestation.Word, error) { return most, nil }).Policy())
		require.NoError(t, ask(t, g, request(1, 0)))
		require.Error(t, ask(t, g, request(1, 1)), "the sum does not wrap")
	})
	t.Run("restored from a journal", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := rule.NewCap(limits, ten)
			for i, age := range []time.Duration{10 * time.Minute, 30 * time.Hour, 5 * time.Minute} {
				require.NoError(t, c.Restore(t.Context(), signer.Record{Request: request(1+uint64(i%2), uint64(i)), Began: time.Now().Add(-age)}))
			}
			require.ErrorContains(t, ask(t, guard(t, c.Policy()), request(3, 0)), "30 in an hour")
			time.Sleep(51 * time.Minute)
			require.NoError(t, ask(t, guard(t, c.Policy()), request(3, 0)))
		})
	})
}

func TestABatchIsCountedItemByItem(t *testing.T) {
	g := guard(t, rule.Rate(0.001, 2))
	var batch signer.BatchRequest
	for chunk := range uint64(3) {
		req := request(1, chunk)
		batch.Domain = req.Domain
		batch.Items = append(batch.Items, signer.BatchItem{Attestation: req.Attestation, Evidence: req.Evidence})
	}
	_, err := g.(signer.BatchSigner).AttestBatch(t.Context(), batch)
	require.ErrorAs(t, err, new(*signer.PolicyError))
}
