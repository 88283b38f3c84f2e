package simulated_test

import (
	"bytes"
	"math/big"
	"net/http/httptest"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/simulated"
)

// proving is a data set with two pieces in a proving period whose challenge
// epoch is reached.
type proving struct {
	node *simulated.Node
	sp   *simulated.Provider
	set  uint64
	cids []fevm.PieceCID
}

func newProving(t *testing.T) proving {
	t.Helper()
	n := simulated.New()
	p := proving{node: n, sp: n.Provider(n.Accounts()[1])}
	var err error
	p.set, err = p.sp.CreateDataSet(t.Context(), common.Address{})
	require.NoError(t, err)
	p.cids, err = p.sp.AddPieces(t.Context(), p.set, bytes.Repeat([]byte("slastream"), 300), []byte{1})
	require.NoError(t, err)
	p.open(t)
	return p
}

func (p *proving) open(t *testing.T) {
	t.Helper()
	_, err := p.sp.NextProvingPeriod(t.Context(), p.set, p.node.Head()+11)
	require.NoError(t, err)
	_, err = p.node.Mine(10)
	require.NoError(t, err)
}

func TestProvePeriod(t *testing.T) {
	p := newProving(t)
	require.Equal(t, uint64(2700), p.cids[0].RawSize())
	require.Equal(t, uint64(1), p.cids[1].RawSize())
	r, err := p.sp.Prove(t.Context(), p.set)
	require.NoError(t, err)
	require.Len(t, r.Logs, 2)

	// The transaction, verified without the contract.
	tx, _, err := dial(t, p.node).TransactionByHash(t.Context(), r.TxHash)
	require.NoError(t, err)
	sent, err := fevm.ParseProvePossession(tx.Data())
	require.NoError(t, err)
	proof, err := p.sp.Proof(t.Context(), p.set, 5)
	require.NoError(t, err)
	require.Equal(t, proof, sent, "the same challenges all period long")

	again, err := p.sp.Submit(t.Context(), proof)
	require.NoError(t, err, "the verifier does not mind a second proof in a period")
	require.Equal(t, r.Logs[1].Data, again.Logs[1].Data)

	p.open(t)
	_, err = p.sp.Submit(t.Context(), proof)
	require.ErrorIs(t, err, &simulated.RevertError{Reason: "proof did not verify"}, "a proof of the period before")
	_, err = p.sp.Prove(t.Context(), p.set)
	require.NoError(t, err)

	p.open(t)
	p.open(t) // the period before is skipped
	_, err = p.sp.Prove(t.Context(), p.set)
	require.NoError(t, err)
}

func TestProofRefused(t *testing.T) {
	p := newProving(t)
	honest, err := p.sp.Proof(t.Context(), p.set, 5)
	require.NoError(t, err)
	stranger := p.node.Provider(p.node.Accounts()[2])
	// change works on a copy of the honest proof.
	change := func(f func(*fevm.ProvePossession)) fevm.ProvePossession {
		c, err := fevm.ParseProvePossession(honest.Calldata())
		require.NoError(t, err)
		f(&c)
		return c
	}
	for name, tt := range map[string]struct {
		sp     *simulated.Provider
		proof  fevm.ProvePossession
		reason string
	}{
		"leaf changed":    {p.sp, change(func(c *fevm.ProvePossession) { c.Proofs[2].Leaf[0] ^= 1 }), "proof did not verify"},
		"sibling changed": {p.sp, change(func(c *fevm.ProvePossession) { c.Proofs[0].Path[1][5] ^= 1 }), "proof did not verify"},
		"swapped":         {p.sp, change(func(c *fevm.ProvePossession) { c.Proofs[0] = c.Proofs[1] }), "proof did not verify"},
		"path cut": {p.sp, change(func(c *fevm.ProvePossession) { c.Proofs[4].Path = c.Proofs[4].Path[1:] }),
			"proof length does not match tree height"},
		"no proofs":    {p.sp, change(func(c *fevm.ProvePossession) { c.Proofs = nil }), "empty proof"},
		"other sender": {stranger, honest, "Only the storage provider can prove possession"},
		"other set":    {p.sp, change(func(c *fevm.ProvePossession) { c.SetID[31]++ }), "Only the storage provider can prove possession"},
		"set above 2^64": {p.sp, change(func(c *fevm.ProvePossession) { c.SetID[0]++ }),
			"Only the storage provider can prove possession"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tt.sp.Submit(t.Context(), tt.proof)
			var reverted *simulated.RevertError
			require.ErrorAs(t, err, &reverted)
			require.Equal(t, tt.reason, reverted.Reason)
			r, err := dial(t, p.node).TransactionReceipt(t.Context(), common.Hash(reverted.TxHash))
			require.NoError(t, err, "it is on the chain")
			require.Zero(t, r.Status)
			require.Empty(t, r.Logs)
		})
	}
	_, err = p.sp.Send(t.Context(), p.node.Verifier(), nil, honest.Calldata())
	require.ErrorIs(t, err, &simulated.RevertError{Reason: "Incorrect fee amount"}, "checked after the proofs")

	t.Run("data lost", func(t *testing.T) {
		require.ErrorContains(t, p.sp.Corrupt(p.cids[0], 1000), "holds 86 of its leaves")
		require.ErrorContains(t, stranger.Corrupt(p.cids[0], 0), "holds 0 of its leaves")
		require.NoError(t, p.sp.Corrupt(p.cids[0], 7))
		_, err := p.sp.Prove(t.Context(), p.set)
		require.ErrorIs(t, err, &simulated.RevertError{Reason: "proof did not verify"})
	})
	t.Run("premature", func(t *testing.T) {
		_, err := p.sp.NextProvingPeriod(t.Context(), p.set, p.node.Head()+100)
		require.NoError(t, err)
		_, err = p.sp.Submit(t.Context(), honest)
		require.ErrorIs(t, err, &simulated.RevertError{Reason: "premature proof"})
		_, err = p.sp.Prove(t.Context(), p.set)
		require.ErrorContains(t, err, "is not reached")
	})
	t.Run("period too soon", func(t *testing.T) {
		_, err := p.sp.NextProvingPeriod(t.Context(), p.set, p.node.Head()+10)
		require.ErrorIs(t, err, &simulated.RevertError{Reason: "InsufficientChallengeDelay(9,10)"})
	})
	t.Run("empty piece", func(t *testing.T) {
		_, err := p.sp.AddPieces(t.Context(), p.set, nil)
		require.ErrorContains(t, err, "0 bytes")
	})
}

func TestFee(t *testing.T) {
	p := newProving(t)
	// 8 MiB: the fee is floor(230000e9 · bytes / 2^40), the bytes Fr32-expanded.
	_, err := p.sp.AddPieces(t.Context(), p.set, make([]byte, 127<<16))
	require.NoError(t, err)
	p.open(t)
	proof, err := p.sp.Proof(t.Context(), p.set, 1)
	require.NoError(t, err)
	_, err = p.sp.Send(t.Context(), p.node.Verifier(), nil, proof.Calldata())
	require.ErrorIs(t, err, &simulated.RevertError{Reason: "Incorrect fee amount"})
	c := dial(t, p.node)
	// Too much comes back; the rest is gas at 101 attoFIL.
	before, err := c.BalanceAt(t.Context(), p.sp.Address(), nil)
	require.NoError(t, err)
	r, err := p.sp.Send(t.Context(), p.node.Verifier(), big.NewInt(1e18), proof.Calldata())
	require.NoError(t, err)
	after, err := c.BalanceAt(t.Context(), p.sp.Address(), nil)
	require.NoError(t, err)
	receipt, err := c.TransactionReceipt(t.Context(), r.TxHash)
	require.NoError(t, err)
	fee, err := fevm.ParseLog(&r.Logs[0])
	require.NoError(t, err)
	paid := fee.(fevm.ProofFeePaid).Fee.Big()
	require.Equal(t, int64(230000e9*(8<<20+86*32+32)>>40), paid.Int64())
	spent := new(big.Int).Sub(before, after)
	gas := new(big.Int).Mul(receipt.EffectiveGasPrice, new(big.Int).SetUint64(receipt.GasUsed))
	require.EqualValues(t, 101, receipt.EffectiveGasPrice.Int64())
	require.Equal(t, paid.String(), spent.Sub(spent, gas).String())
}

func TestProviderOverHTTP(t *testing.T) {
	n := simulated.New()
	server := httptest.NewServer(n)
	defer server.Close()
	sp := simulated.NewProvider(server.URL, nil, n.Verifier(), n.Accounts()[3].PrivateKey())
	set, err := sp.CreateDataSet(t.Context(), common.Address{})
	require.NoError(t, err)
	require.EqualValues(t, 1, set)
	_, err = sp.AddPieces(t.Context(), 77, []byte("x"))
	require.ErrorIs(t, err, &simulated.RevertError{Reason: "DataSetNotLive()"})
}

// TestListener calls a listener that refuses, and one that is not there.
func TestListener(t *testing.T) {
	n := simulated.New()
	at := common.HexToAddress("0x5e41")
	sp := n.Provider(n.Accounts()[1])
	_, err := sp.CreateDataSet(t.Context(), at)
	require.ErrorIs(t, err, &simulated.RevertError{}, "no contract there")
	n.AddListener(at, strict)
	set, err := sp.CreateDataSet(t.Context(), at)
	require.NoError(t, err)
	require.EqualValues(t, 1, set, "what reverted took no id")
	_, err = sp.AddPieces(t.Context(), set, make([]byte, 500))
	require.NoError(t, err)
	p := proving{node: n, sp: sp, set: set}
	p.open(t)
	_, err = sp.Prove(t.Context(), set)
	require.NoError(t, err)
	_, err = sp.Prove(t.Context(), set)
	var reverted *simulated.RevertError
	require.ErrorAs(t, err, &reverted, "one proof a period")
	require.Equal(t, "0x425335c3", hexutil.Encode(reverted.Data[:4]))
	r, err := dial(t, n).TransactionReceipt(t.Context(), common.Hash(reverted.TxHash))
	require.NoError(t, err)
	require.Empty(t, r.Logs, "ProofFeePaid came before the refusal")
	// The listener's storage is part of the state: a snapshot has it.
	id := n.Snapshot()
	p.open(t)
	_, err = sp.Prove(t.Context(), set)
	require.NoError(t, err)
	require.True(t, n.Revert(id))
	_, err = sp.Prove(t.Context(), set)
	require.ErrorAs(t, err, &reverted)
}

// TestDeposit follows the cleanup deposit of a data set: 0.1 FIL that whoever
// tears the set down gets.
func TestDeposit(t *testing.T) {
	n := simulated.New()
	c := dial(t, n)
	contract := contractABI(t)
	sp, stranger := n.Provider(n.Accounts()[1]), n.Provider(n.Accounts()[2])
	send := func(p *simulated.Provider, value int64, method string, args ...any) error {
		input, err := contract.Pack(method, args...)
		require.NoError(t, err)
		_, err = p.Send(t.Context(), n.Verifier(), big.NewInt(value), input)
		return err
	}
	held := func() int64 {
		b, err := c.BalanceAt(t.Context(), n.Verifier(), nil)
		require.NoError(t, err)
		return b.Int64()
	}
	one := big.NewInt(1)
	require.ErrorIs(t, send(sp, 1e17-1, "createDataSet", common.Address{}, []byte{}), &simulated.RevertError{Reason: "CleanupDepositRequired()"})
	require.NoError(t, send(sp, 15e16, "createDataSet", common.Address{}, []byte{}))
	require.EqualValues(t, 1e17, held(), "what is too much comes back")
	_, err := sp.AddPieces(t.Context(), 1, []byte{1}, []byte{2}, []byte{3})
	require.NoError(t, err)
	only := &simulated.RevertError{Reason: "OnlyStorageProvider()"}
	require.ErrorIs(t, send(stranger, 0, "deleteDataSet", one, []byte{}), only)
	_, err = n.Mine(86_400)
	require.NoError(t, err)
	require.NoError(t, send(stranger, 0, "deleteDataSet", one, []byte{}), "abandoned")
	require.ErrorIs(t, send(sp, 0, "deleteDataSet", one, []byte{}), &simulated.RevertError{Reason: "DataSetAlreadyInCleanup()"})
	_, err = sp.NextProvingPeriod(t.Context(), 1, n.Head()+20)
	require.ErrorIs(t, err, &simulated.RevertError{Reason: "NoPiecesToProve()"})
	require.NoError(t, send(stranger, 0, "cleanupPieces", one, big.NewInt(2)))
	require.EqualValues(t, 1e17, held())
	require.NoError(t, send(stranger, 0, "cleanupPieces", one, big.NewInt(2)))
	require.Zero(t, held())
	require.ErrorIs(t, send(stranger, 0, "cleanupPieces", one, big.NewInt(2)), &simulated.RevertError{Reason: "DataSetNotInCleanupMode()"})
	require.ErrorIs(t, send(sp, 0, "deleteDataSet", one, []byte{}), &simulated.RevertError{Reason: "DataSetNotLive()"})
	require.ErrorIs(t, send(sp, 1, "deleteDataSet", one, []byte{}), &simulated.RevertError{}, "not payable")
}
