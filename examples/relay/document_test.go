package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// TestShortened cuts texts of every alignment, and never within a letter.
func TestShortened(t *testing.T) {
	for lead := range 8 {
		text := strings.Repeat("x", lead) + strings.Repeat("ü€😀", 20)
		got := shortened(text)
		require.True(t, utf8.ValidString(got))
		cut, ok := strings.CutSuffix(got, "…")
		require.True(t, ok)
		require.True(t, strings.HasPrefix(text, cut), got)
		require.Greater(t, len(cut), maxQuoted-utf8.UTFMax)
		require.LessOrEqual(t, len(cut), maxQuoted)
	}
	require.Equal(t, "?", shortened("\xff"))
	require.Equal(t, "?", shortened(strings.Repeat("\x80", 99)), "no letter begins")
	require.Equal(t, strings.Repeat("ü", maxQuoted/2), shortened(strings.Repeat("ü", maxQuoted/2)))
}
