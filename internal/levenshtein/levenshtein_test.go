package levenshtein_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/internal/levenshtein"
)

func TestDistance(t *testing.T) {
	long := strings.Repeat("x", levenshtein.MaxWord)
	for name, tt := range map[string]struct {
		a, b string
		want int
	}{
		"nothing":                        {"", "", 0},
		"the same":                       {"owner", "owner", 0},
		"one is empty":                   {"", "owner", 5},
		"a letter too many":              {"ownner", "owner", 1},
		"a letter missing":               {"onwer"[:4], "onwer", 1},
		"another letter":                 {"owmer", "owner", 1},
		"two letters swapped":            {"onwer", "owner", 2},
		"another case":                   {"chainID", "chainId", 1},
		"nothing in common":              {"abc", "xyz", 3},
		"kitten and sitting":             {"kitten", "sitting", 3},
		"intention and execution":        {"intention", "execution", 5},
		"a letter of two bytes":          {"ü", "", 2},
		"not UTF-8":                      {"\xff\xfe", "\xff", 1},
		"the longest":                    {long, "", levenshtein.MaxWord},
		"longer by what does not count":  {long + "y", long, 0},
		"a megabyte":                     {strings.Repeat("y", 1<<20), strings.Repeat("x", 1<<20), levenshtein.MaxWord},
		"a letter missing at the border": {long[1:] + "y", long, 1},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.want, levenshtein.Distance(tt.a, tt.b))
			require.Equal(t, tt.want, levenshtein.Distance(tt.b, tt.a), "the other way round")
		})
	}
}

func TestDistanceAllocatesNothing(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	require.Zero(t, testing.AllocsPerRun(10, func() { levenshtein.Distance(long, "owner") }))
}

// matrix is the definition, with the whole table.
func matrix(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0:
				d[i][j] = j
			case j == 0:
				d[i][j] = i
			case a[i-1] == b[j-1]:
				d[i][j] = d[i-1][j-1]
			default:
				d[i][j] = 1 + min(d[i-1][j-1], d[i-1][j], d[i][j-1])
			}
		}
	}
	return d[len(a)][len(b)]
}

func FuzzDistance(f *testing.F) {
	f.Add("", "")
	f.Add("class_hash", "classHash")
	f.Add("onwer", "owner")
	f.Add("\xff\x00ü", "signer.socket")
	f.Add(strings.Repeat("ab", 200), strings.Repeat("ba", 130))
	f.Fuzz(func(t *testing.T, a, b string) {
		const most = levenshtein.MaxWord
		require.Equal(t, matrix(a[:min(len(a), most)], b[:min(len(b), most)]), levenshtein.Distance(a, b))
	})
}
