package fevm_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm"
)

const (
	root508 = "496dae0cc9e265efe5a006e80626a5dc5c409e5d3155c13984caf6c8d5cfd605"
	root512 = "de6815dcb348843215a94de532954b60be550a4bec6e74555665e9a5ec4e0f3c"
	root127 = "3731bb99ac689f66eef5973e4a94da188f4ddcae580724fc6f3fd60dfd488333"
)

func TestPieceCIDsOfTheContractsOwnTests(t *testing.T) {
	for _, tt := range []struct {
		bytes, text, root string
		padding           uint64
		height            uint8
		leaves, raw       uint64
	}{
		{"01559120220004" + root508, "bafkzcibcaaces3nobte6ezpp4wqan2age2s5yxcatzotcvobhgcmv5wi2xh5mbi", root508, 0, 4, 16, 508},
		{"01559120220002" + root127, "", root127, 0, 2, 4, 127},
		{"0155912023f80305" + root512, "bafkzcibd7abqlxticxolgseegik2stpfgkkuwyf6kufex3doorkvmzpjuxwe4dz4", root512, 504, 5, 17, 512},
	} {
		cid, err := fevm.ParsePieceCID(unhex(t, tt.bytes))
		require.NoError(t, err)
		require.Equal(t, unhex(t, tt.root), rootOf(cid))
		require.Equal(t, tt.padding, cid.Padding())
		require.Equal(t, tt.height, cid.Height())
		require.Equal(t, tt.leaves, cid.LeafCount())
		require.Equal(t, tt.raw, cid.RawSize())
		if tt.text != "" {
			require.Equal(t, tt.text, cid.String())
		}
		made, err := fevm.NewPieceCID(cid.Root(), tt.height, tt.padding)
		require.NoError(t, err)
		require.Equal(t, cid, made)
		require.Equal(t, unhex(t, tt.bytes), made.Bytes())
	}
}

func TestZeroPieceCID(t *testing.T) {
	var zero fevm.PieceCID
	cid, err := fevm.ParsePieceCID(zero.Bytes())
	require.NoError(t, err)
	require.Equal(t, zero, cid)
	require.Equal(t, uint64(1), zero.LeafCount())
	require.Equal(t, uint64(0), zero.RawSize())
}

func TestParsePieceCIDRefusesWhatTheContractRefuses(t *testing.T) {
	const p = "01559120"
	ff := func(n int) string { return string(bytes.Repeat([]byte("ff"), n)) }
	for _, tt := range []struct{ name, cid, reason string }{
		{"empty", "", "CidTooShort"},
		{"three bytes", "015591", "CidTooShort"},
		{"CIDv0", "1220" + root127, "InvalidCommPv2Prefix"},
		{"another codec", "01709120220002" + root127, "InvalidCommPv2Prefix"},
		{"prefix alone", p, "UnterminatedUvarint"},
		{"multihash length cut off", p + "a2", "UnterminatedUvarint"},
		{"multihash length not minimal", p + "a2000002" + root127, "NonMinimalUvarint"},
		{"multihash length too small", p + "210002" + root127, "InvalidCommPv2MultihashLength"},
		{"multihash length of another digest", p + "230002" + root127, "InvalidCommPv2MultihashLength"},
		{"multihash length of 2^252-1", p + ff(35) + "7f", "InvalidCommPv2MultihashLength"},
		{"multihash length above 2^256", p + ff(36) + "10", "UvarintOverflow"},
		{"multihash length of 37 groups and more", p + ff(40), "UvarintOverflow"},
		{"padding not minimal", p + "23800002" + root127, "NonMinimalUvarint"},
		{"padding cut off", p + "22" + ff(34), "UnterminatedUvarint"},
		{"no height", p + "22f803" + root512, "InvalidCommPv2DigestLength"},
		{"one byte between height and root", p + "2300050a" + root127, "InvalidCommPv2DigestLength"},
		{"padding of a whole tree", p + "227f02" + root127, "Padding is too large"},
		{"padding of 2^64", p + "2b" + "80808080808080808002" + "32" + root127, "Padding is too large"},
		{"height 51", p + "220033" + root127, "Piece size must be less than 2^50"},
		{"height 255", p + "2200ff" + root127, "Piece size must be less than 2^50"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := fevm.RawCID(unhex(t, tt.cid)).Parse()
			var refused *fevm.PieceCIDError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, tt.reason, refused.Reason)
			require.ErrorIs(t, err, fevm.ErrMalformed)
			require.ErrorContains(t, err, tt.reason)
		})
	}
}

func TestNewPieceCIDRefusesSizes(t *testing.T) {
	for _, tt := range []struct {
		height  uint8
		padding uint64
		reason  string
	}{
		{2, 127, "Padding is too large"},
		{0, 32, "Padding is too large"},
		{50, 1 << 63, "Padding is too large"},
		{50, 127 << 57, "Padding is too large"}, // 128/127 of it is 2^64
		{51, 0, "Piece size must be less than 2^50"},
	} {
		_, err := fevm.NewPieceCID([32]byte{}, tt.height, tt.padding)
		var refused *fevm.PieceCIDError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, tt.reason, refused.Reason)
	}
	cid, err := fevm.NewPieceCID([32]byte{}, 50, 127<<48-1)
	require.NoError(t, err)
	require.Equal(t, uint64(1), cid.LeafCount())
	require.Equal(t, uint64(1), cid.RawSize())
}

// FuzzParsePieceCID checks that what is accepted is canonical: its bytes come
// back, from the CID and from its parts.
func FuzzParsePieceCID(f *testing.F) {
	for _, s := range []string{"01559120220004" + root508, "0155912023f80305" + root512, "015591202300050a" + root127, "01559120a2000002" + root127} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		cid, err := fevm.ParsePieceCID(b)
		if err != nil {
			require.ErrorIs(t, err, fevm.ErrMalformed)
			return
		}
		require.Equal(t, b, cid.Bytes())
		made, err := fevm.NewPieceCID(cid.Root(), cid.Height(), cid.Padding())
		require.NoError(t, err)
		require.Equal(t, cid, made)
		require.Positive(t, cid.LeafCount())
		require.LessOrEqual(t, cid.LeafCount(), uint64(1)<<cid.Height())
	})
}
