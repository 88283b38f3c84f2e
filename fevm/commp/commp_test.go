package commp_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/fevm/commp"
)

func random(n int) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = rng.Read(b)
	return b
}

// TestSum compares with the tree of package fevm, which shares no code with the
// library, at every size around each boundary.
func TestSum(t *testing.T) {
	sizes := []int{1, 2, 31, 32, 63, 64, 65, 66, 126, 127, 128, 253, 254, 255, 507, 508, 509, 512, 1016, 1017, 4064, 4065, 65024, 1 << 20}
	for _, n := range sizes {
		raw := random(n)
		cid, err := commp.Sum(bytes.NewReader(raw))
		require.NoError(t, err)
		require.Equal(t, uint64(n), cid.RawSize(), n)
		tree, err := fevm.NewMerkleTree(cid.Height(), fevm.PieceLeaves(raw))
		require.NoError(t, err)
		require.Equal(t, tree.Root(), cid.Root(), n)
		again, err := fevm.ParsePieceCID(cid.Bytes())
		require.NoError(t, err)
		require.Equal(t, cid, again)
	}
}

// TestPublished has the CIDs of pdp test/Cids.t.sol, whose data is known for the
// piece of 127 zero bytes.
func TestPublished(t *testing.T) {
	cid, err := commp.Sum(bytes.NewReader(make([]byte, 127)))
	require.NoError(t, err)
	require.Equal(t, uint8(2), cid.Height())
	require.Zero(t, cid.Padding())
	require.Equal(t, "3731bb99ac689f66eef5973e4a94da188f4ddcae580724fc6f3fd60dfd488333", fmt.Sprintf("%x", cid.Root()))
}

func TestSumRefuses(t *testing.T) {
	_, err := commp.Sum(strings.NewReader(""))
	require.ErrorIs(t, err, commp.ErrEmpty)
	broken := errors.New("disk")
	_, err = commp.Sum(iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
}

func ExampleSum() {
	cid, err := commp.Sum(strings.NewReader(strings.Repeat("possession", 100)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cid)
	fmt.Println(cid.RawSize(), "bytes,", cid.LeafCount(), "leaves, height", cid.Height())
	// Output:
	// bafkzcibccac34l76k5g4gcjvep7q227hxq4izp6aqylnfwzpvq6xy5njs7cuakq
	// 1000 bytes, 32 leaves, height 5
}

func BenchmarkSum(b *testing.B) {
	raw := random(16 << 20)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := commp.Sum(bytes.NewReader(raw)); err != nil {
			b.Fatal(err)
		}
	}
}
