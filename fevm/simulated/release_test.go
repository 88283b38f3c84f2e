package simulated_test

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/simulated"
)

// verifierOf packs calls of the verifier and sends them as a provider.
type verifierOf struct {
	node *simulated.Node
	sp   *simulated.Provider
}

func (v verifierOf) send(t *testing.T, value int64, method string, args ...any) (simulated.Receipt, error) {
	t.Helper()
	input, err := contractABI(t).Pack(method, args...)
	require.NoError(t, err)
	return v.sp.Send(t.Context(), v.node.Verifier(), big.NewInt(value), input)
}

func (v verifierOf) events(t *testing.T, r simulated.Receipt) (out []fevm.Event) {
	t.Helper()
	for i := range r.Logs {
		e, err := fevm.ParseLog(&r.Logs[i])
		require.NoError(t, err)
		out = append(out, e)
	}
	return out
}

// TestReleases goes through a life of a data set in each release.
func TestReleases(t *testing.T) {
	old, custom := simulated.Release221, simulated.Release340
	for _, release := range []simulated.Release{old, custom, simulated.Release350} {
		t.Run(release.String(), func(t *testing.T) {
			n := simulated.New(simulated.WithRelease(release))
			v := verifierOf{n, n.Provider(n.Accounts()[1])}
			// The reasons are those of the releases, the last one for the rest.
			is := func(err error, reasons ...string) {
				t.Helper()
				var reverted *simulated.RevertError
				require.ErrorAs(t, err, &reverted)
				at := map[simulated.Release]int{old: 0, custom: 1, simulated.Release350: 2}[release]
				require.Equal(t, reasons[min(at, len(reasons)-1)], reverted.Reason)
			}
			one := big.NewInt(1)
			_, err := v.send(t, 1, "createDataSet", common.Address{}, []byte{})
			is(err, "sybil fee not met", "CleanupDepositRequired()")
			_, err = v.sp.AddPieces(t.Context(), 1, []byte{1})
			is(err, "Data set not live", "DataSetNotLive()")
			set, err := v.sp.CreateDataSet(t.Context(), common.Address{})
			require.NoError(t, err)
			held, err := dial(t, n).BalanceAt(t.Context(), n.Verifier(), nil)
			require.NoError(t, err)
			require.Equal(t, release == old, held.Sign() == 0, "2.x burns what later releases keep")
			cid := bytes.Repeat([]byte{7}, 32)
			r, err := v.send(t, 0, "addPieces", one, common.Address{}, []struct{ Data []byte }{{append([]byte{1, 0x55, 0x91, 0x20, 34, 0, 0}, cid...)}}, []byte{})
			require.NoError(t, err)
			added := v.events(t, r)[0].(fevm.PiecesAdded)
			require.Len(t, added.PieceIDs, 1)
			require.Equal(t, release == simulated.Release350, r.Logs[0].Topics[0] == common.Hash(keccak("PiecesAddedV2(uint256,uint256,(bytes32,bytes32)[])")))

			_, err = v.sp.NextProvingPeriod(t.Context(), set, n.Head()+2)
			is(err, "challenge epoch must be at least challengeFinality epochs in the future", "InsufficientChallengeDelay(1,10)")
			_, err = v.sp.NextProvingPeriod(t.Context(), set, n.Head()+50_000)
			if release == old {
				require.NoError(t, err, "no upper bound")
			} else {
				is(err, "", "ExcessiveChallengeDelay(49999,43200)")
			}
			_, err = v.send(t, 0, "cleanupPieces", one, one)
			is(err, "", "DataSetNotInCleanupMode()")
			_, err = v.sp.AddPieces(t.Context(), set, []byte("hold"))
			require.NoError(t, err)
			_, err = v.send(t, 0, "schedulePieceDeletions", one, []*big.Int{new(big.Int)}, []byte{})
			require.NoError(t, err)
			_, err = v.sp.NextProvingPeriod(t.Context(), set, n.Head()+20)
			if release == simulated.Release350 {
				is(err, "PendingPieceDeletions(1)")
				_, err = v.send(t, 0, "processPieceDeletions", one, one)
				require.NoError(t, err)
				_, err = v.sp.NextProvingPeriod(t.Context(), set, n.Head()+20)
			} else {
				_, missing := v.send(t, 0, "processPieceDeletions", one, one)
				is(missing, "")
			}
			require.NoError(t, err)
			_, err = n.Mine(20)
			require.NoError(t, err)
			proved, err := v.sp.Prove(t.Context(), set)
			require.NoError(t, err, "what is left of the set")
			require.Len(t, v.events(t, proved), 2)
			stranger := verifierOf{n, n.Provider(n.Accounts()[2])}
			_, err = stranger.send(t, 0, "deleteDataSet", one, []byte{})
			is(err, "Only the storage provider can delete data sets", "OnlyStorageProviderCanDelete()", "OnlyStorageProvider()")
			_, err = v.send(t, 0, "deleteDataSet", one, make([]byte, 2049))
			if release == old {
				is(err, "Extra data too large")
				_, err = v.send(t, 0, "deleteDataSet", one, []byte{})
			}
			require.NoError(t, err)
		})
	}
}

// piece of one leaf: its root is the leaf, and its proof an empty path.
func leafCID(height byte, between []byte, root [32]byte) []byte {
	digest := append(append([]byte{0, height}, between...), root[:]...)
	return append([]byte{1, 0x55, 0x91, 0x20, byte(len(digest))}, digest...)
}

// TestUpgrade adds pieces whose CIDs are not canonical in release 3.4.0, and
// proves them there and after the upgrade, though 3.5.0 adds no more of them.
func TestUpgrade(t *testing.T) {
	n := simulated.New(simulated.WithRelease(simulated.Release340))
	v := verifierOf{n, n.Provider(n.Accounts()[1])}
	set, err := v.sp.CreateDataSet(t.Context(), common.Address{})
	require.NoError(t, err)
	root := [32]byte{1, 2, 3}
	// The digest is one byte too long: the height is 5, but proofs see 0.
	odd := []struct{ Data []byte }{{leafCID(5, []byte{0}, root)}}
	add := func(set uint64) (simulated.Receipt, error) {
		return v.send(t, 0, "addPieces", new(big.Int).SetUint64(set), common.Address{}, odd, []byte{})
	}
	r, err := add(set)
	require.NoError(t, err)
	require.Equal(t, fevm.RawCID(odd[0].Data), v.events(t, r)[0].(fevm.PiecesAdded).PieceCIDs[0])
	prove := func() {
		t.Helper()
		_, err := v.sp.NextProvingPeriod(t.Context(), set, n.Head()+11)
		require.NoError(t, err)
		_, err = n.Mine(10)
		require.NoError(t, err)
		proof := fevm.ProvePossession{SetID: attestation.WordFromUint64(set), Proofs: []fevm.MerkleProof{{Leaf: root}, {Leaf: root}, {Leaf: root}}}
		r, err := v.sp.Submit(t.Context(), proof)
		require.NoError(t, err)
		proven := v.events(t, r)[1].(fevm.PossessionProven)
		require.Len(t, proven.Challenges, 3)
		past := 0
		for _, c := range proven.Challenges {
			if offset, _ := c.Offset.Uint64(); offset > 0 {
				past++
			}
		}
		require.Positive(t, past, "offsets beyond the tree of one leaf")
	}
	prove()

	r, err = n.Upgrade(t.Context(), simulated.Release350)
	require.NoError(t, err)
	events := v.events(t, r)
	require.IsType(t, fevm.Upgraded{}, events[0])
	upgraded := events[1].(fevm.ContractUpgraded)
	require.Equal(t, "3.5.0", upgraded.Version)
	require.Equal(t, events[0].(fevm.Upgraded).Implementation, upgraded.Implementation)
	prove()
	_, err = add(set)
	require.ErrorIs(t, err, &simulated.RevertError{Reason: "InvalidCommPv2DigestLength()"})
	fresh, err := v.sp.CreateDataSet(t.Context(), common.Address{})
	require.NoError(t, err)
	find := func(set uint64) (string, error) {
		input, err := contractABI(t).Pack("findPieceIdsByCid", new(big.Int).SetUint64(set), odd[0], new(big.Int), big.NewInt(5))
		require.NoError(t, err)
		ret, err := dial(t, n).CallContract(t.Context(), ethereum.CallMsg{To: new(n.Verifier()), Data: input}, nil)
		return hex.EncodeToString(ret), err
	}
	found, err := find(set)
	require.NoError(t, err, "a set from before is searched by bytes")
	require.Len(t, found, 3*64)
	_, err = find(fresh)
	require.ErrorContains(t, err, "execution reverted", "a set of 3.5.0 by what the CID says")
	cids, err := v.sp.AddPieces(t.Context(), set, []byte("canonical"))
	require.NoError(t, err)
	require.Len(t, cids, 1)
	r, err = v.send(t, 0, "schedulePieceDeletions", big.NewInt(1), []*big.Int{new(big.Int)}, []byte{})
	require.NoError(t, err)
	require.IsType(t, fevm.PiecesScheduledForRemoval{}, v.events(t, r)[0])
	_, err = v.send(t, 0, "processPieceDeletions", big.NewInt(1), big.NewInt(1))
	require.NoError(t, err)
	p, err := n.Play(t.Context(), v.sp, set, simulated.Behaviour{})
	require.NoError(t, err)
	require.Len(t, p.Proofs, 1, "without the odd piece as any other")

	// A reorganisation takes the upgrade back.
	_, err = n.Reorg(n.Head() - 3_300_000)
	require.NoError(t, err)
	_, err = v.send(t, 0, "processPieceDeletions", big.NewInt(1), big.NewInt(1))
	require.ErrorIs(t, err, &simulated.RevertError{})
}

func TestUpgradeFrom2(t *testing.T) {
	for _, mining := range [][]simulated.Option{nil, {simulated.WithManualMining()}, {simulated.WithDeferredExecution()}} {
		n := simulated.New(append(mining, simulated.WithRelease(simulated.Release221))...)
		_, err := n.Prove(t.Context(), 1)
		require.NoError(t, err)
		for _, to := range []simulated.Release{simulated.Release340, simulated.Release350} {
			_, err = n.Upgrade(t.Context(), to)
			require.NoError(t, err)
			_, err = n.Prove(t.Context(), 1)
			require.NoError(t, err, "the set of 2.2.1")
			_, err = n.Prove(t.Context(), 2)
			require.NoError(t, err)
		}
		_, err = n.Upgrade(t.Context(), simulated.Release350)
		require.ErrorIs(t, err, &simulated.RevertError{Reason: "InvalidInitialization()"})
	}
	n := simulated.New()
	_, err := n.Upgrade(t.Context(), 9)
	require.EqualError(t, err, "simulated: upgrade to Release(9): no such release")
	v := verifierOf{n, n.Provider(n.Accounts()[1])}
	for method, args := range map[string][]any{
		"announcePlannedUpgrade": {struct {
			NextImplementation common.Address
			AfterEpoch         *big.Int
		}{common.Address{1}, big.NewInt(1 << 40)}},
		"upgradeToAndCall": {common.Address{1}, []byte{}},
		"migrate":          nil,
	} {
		_, err := v.send(t, 0, method, args...)
		require.ErrorContains(t, err, "OwnableUnauthorizedAccount", method)
	}
	owner := verifierOf{n, n.Provider(n.Accounts()[0])}
	_, err = owner.send(t, 0, "upgradeToAndCall", common.Address{}, []byte{})
	require.ErrorIs(t, err, &simulated.RevertError{}, "not an implementation")
	_, err = owner.send(t, 0, "announcePlannedUpgrade", struct {
		NextImplementation common.Address
		AfterEpoch         *big.Int
	}{common.Address{1}, big.NewInt(1)})
	require.ErrorContains(t, err, "InvalidImplementation")
}

// TestRemovalOrder removes scheduled pieces when a period opens, which 2.2.1
// does from the end of the queue, twice the same if it was told so.
func TestRemovalOrder(t *testing.T) {
	for release, want := range map[simulated.Release][]int64{simulated.Release221: {1, 1, 0}, simulated.Release340: {0, 1}} {
		n := simulated.New(simulated.WithRelease(release))
		v := verifierOf{n, n.Provider(n.Accounts()[1])}
		set, err := v.sp.CreateDataSet(t.Context(), common.Address{})
		require.NoError(t, err)
		_, err = v.sp.AddPieces(t.Context(), set, []byte{1}, []byte{2}, []byte{3})
		require.NoError(t, err)
		schedule := func(ids ...*big.Int) error {
			r, err := v.send(t, 0, "schedulePieceDeletions", big.NewInt(1), ids, []byte{})
			require.Empty(t, r.Logs, "an event of 3.5.0")
			return err
		}
		require.NoError(t, schedule(new(big.Int), big.NewInt(1)))
		if again := schedule(big.NewInt(1)); release == simulated.Release340 {
			require.ErrorContains(t, again, "Piece ID already scheduled for removal")
		} else {
			require.NoError(t, again)
		}
		r, err := v.sp.NextProvingPeriod(t.Context(), set, n.Head()+20)
		require.NoError(t, err)
		var got []int64
		for _, id := range v.events(t, r)[0].(fevm.PiecesRemoved).PieceIDs {
			got = append(got, id.Big().Int64())
		}
		require.Equal(t, want, got, release)
	}
}

// TestAbandoned tears down sets of others when their time is over.
func TestAbandoned(t *testing.T) {
	const window = 86_400
	one := big.NewInt(1)
	newSet := func(release simulated.Release) (*simulated.Node, verifierOf, verifierOf) {
		n := simulated.New(simulated.WithRelease(release))
		v := verifierOf{n, n.Provider(n.Accounts()[1])}
		_, err := v.sp.CreateDataSet(t.Context(), common.Address{})
		require.NoError(t, err)
		_, err = v.sp.AddPieces(t.Context(), 1, []byte{1})
		require.NoError(t, err)
		return n, v, verifierOf{n, n.Provider(n.Accounts()[2])}
	}
	t.Run("a set of 2.2.1 that was never proven counts from the upgrade", func(t *testing.T) {
		n, _, stranger := newSet(simulated.Release221)
		_, err := n.Mine(window)
		require.NoError(t, err)
		_, err = n.Upgrade(t.Context(), simulated.Release340)
		require.NoError(t, err)
		_, err = stranger.send(t, 0, "deleteDataSet", one, []byte{})
		require.ErrorIs(t, err, &simulated.RevertError{Reason: "OnlyStorageProviderCanDelete()"})
		_, err = n.Mine(window)
		require.NoError(t, err)
		_, err = stranger.send(t, 0, "deleteDataSet", one, []byte{})
		require.NoError(t, err)
	})
	t.Run("a set of 2.2.1 that was deleted there", func(t *testing.T) {
		n, v, stranger := newSet(simulated.Release221)
		_, err := v.send(t, 0, "deleteDataSet", one, []byte{})
		require.NoError(t, err)
		_, err = n.Upgrade(t.Context(), simulated.Release350)
		require.NoError(t, err, "2.2.1 wants no announcement")
		_, err = stranger.send(t, 0, "cleanupPieces", one, one)
		require.NoError(t, err, "anyone may")
		_, err = stranger.send(t, 0, "cleanupPieces", one, one)
		require.ErrorIs(t, err, &simulated.RevertError{Reason: "DataSetNotInCleanupMode()"})
	})
	t.Run("3.4.0 counts from the deletion", func(t *testing.T) {
		n, v, stranger := newSet(simulated.Release340)
		_, err := n.Mine(window - 10)
		require.NoError(t, err)
		_, err = v.send(t, 0, "deleteDataSet", one, []byte{})
		require.NoError(t, err)
		_, err = n.Mine(20)
		require.NoError(t, err)
		_, err = stranger.send(t, 0, "cleanupPieces", one, one)
		require.ErrorIs(t, err, &simulated.RevertError{Reason: "OnlyStorageProviderCanCleanupPieces()"})
		_, err = n.Mine(window)
		require.NoError(t, err)
		_, err = stranger.send(t, 0, "cleanupPieces", one, one)
		require.NoError(t, err)
	})
}

// TestLenientCIDs adds what release 3.4.0 takes and refuses.
func TestLenientCIDs(t *testing.T) {
	root := [32]byte{9}
	long := bytes.Repeat([]byte{0x80}, 40)
	canonical := leafCID(2, nil, root)
	for name, tt := range map[string]struct {
		cid    []byte
		reason string
	}{
		"canonical":                    {canonical, ""},
		"a byte after the height":      {leafCID(5, []byte{5}, root), ""},
		"padding not minimal":          {append([]byte{1, 0x55, 0x91, 0x20, 35, 0x80, 0, 2}, root[:]...), ""},
		"padding of 40 bytes of zeros": {append(append(append([]byte{1, 0x55, 0x91, 0x20, 74}, long...), 0, 2), root[:]...), ""},
		"prefix":                       {append([]byte{1, 0x55, 0x91, 0x21}, canonical[4:]...), "Cid must be CommPv2"},
		"three bytes":                  {canonical[:3], panicText(0x32)},
		"cut off":                      {canonical[:20], "CommPv2 multihash length does not match data length"},
		"only the prefix":              {canonical[:4], panicText(0x32)},
		"short digest":                 {append([]byte{1, 0x55, 0x91, 0x20, 33, 0}, root[:]...), "CommPv2 multihash length must be at least 34"},
		"too much padding":             {append([]byte{1, 0x55, 0x91, 0x20, 34, 127, 2}, root[:]...), "IndexedError(0,Padding is too large)"},
		"too high":                     {leafCID(51, nil, root), "IndexedError(0,Piece size must be less than 2^50)"},
		"height 251":                   {leafCID(251, nil, root), panicText(0x11)},
	} {
		t.Run(name, func(t *testing.T) {
			n := simulated.New(simulated.WithRelease(simulated.Release340))
			v := verifierOf{n, n.Provider(n.Accounts()[1])}
			_, err := v.sp.CreateDataSet(t.Context(), common.Address{})
			require.NoError(t, err)
			_, err = v.send(t, 0, "addPieces", big.NewInt(1), common.Address{}, []struct{ Data []byte }{{tt.cid}}, []byte{})
			if tt.reason == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, &simulated.RevertError{Reason: tt.reason}, hex.EncodeToString(tt.cid))
		})
	}
}

// panicText is what package abi makes of Panic(code).
func panicText(code int) string {
	return map[int]string{0x11: "arithmetic underflow or overflow", 0x32: "out-of-bounds access of an array or bytesN"}[code]
}

// FuzzLenientCID reads CIDs as releases before 3.5.0 do: without a panic, and
// all that 3.5.0 takes in the same way.
func FuzzLenientCID(f *testing.F) {
	f.Add(leafCID(2, nil, [32]byte{1}))
	f.Add(leafCID(5, []byte{5}, [32]byte{1}))
	f.Add(append(append([]byte{1, 0x55, 0x91, 0x20, 74}, bytes.Repeat([]byte{0x80}, 40)...), make([]byte, 34)...))
	f.Fuzz(func(t *testing.T, cid []byte) {
		leaves, root, height, ok := simulated.LenientLeaves(cid)
		canonical, err := fevm.ParsePieceCID(cid)
		if err != nil {
			return
		}
		require.True(t, ok)
		require.Equal(t, canonical.LeafCount(), leaves)
		require.Equal(t, canonical.Root(), root)
		require.Equal(t, canonical.Height(), height)
	})
}

// FuzzReleases sends calldata to every method in every release, in the state at
// the end of the recorded run: without a panic, and a revert changes nothing.
func FuzzReleases(f *testing.F) {
	contract := simulated.VerifierABI()
	var run recorded
	load(f, "proofs-v3.5.0.json", &run)
	m := replayed(f, &run)
	caller := run.Meta.Accounts["sp1"]
	states := map[simulated.Release]any{}
	for r := simulated.Release350; r <= simulated.Release221; r++ {
		m.SetRelease(r)
		states[r] = m.State()
		for name := range contract.Methods {
			f.Add(uint8(r), name, make([]byte, 320))
		}
	}
	for _, tx := range run.Transactions {
		if method, err := contract.MethodById(tx.Input); err == nil && tx.To == run.Meta.Verifier {
			f.Add(uint8(len(tx.Input)), method.Name, []byte(tx.Input[4:]))
		}
	}
	f.Fuzz(func(t *testing.T, release uint8, name string, args []byte) {
		state := states[simulated.Release(release%3)]
		for _, value := range []*big.Int{new(big.Int), cleanupDeposit} {
			m.SetState(state)
			_, logs, failed := m.Run(1000, 0, caller, run.Meta.Verifier, value, append(append([]byte{}, contract.Methods[name].ID...), args...))
			if failed != nil {
				require.Empty(t, logs)
				require.Equal(t, state, m.State())
			}
		}
	})
}
