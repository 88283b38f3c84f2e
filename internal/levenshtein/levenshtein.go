// Package levenshtein measures how far a misspelt name is from a known one, for
// errors that name the nearest.
package levenshtein

// MaxWord is how many bytes of a word count. It bounds the work on words from
// outside: at most MaxWord² steps, and no memory from the heap.
const MaxWord = 256

// Distance returns how many bytes must be put in, left out or replaced to make
// one word of the other, 0 to MaxWord. Of a longer word only the first MaxWord
// bytes count. Upper and lower case differ; of letters beyond ASCII each byte
// counts.
func Distance(a, b string) int {
	a, b = a[:min(len(a), MaxWord)], b[:min(len(b), MaxWord)]
	var row [MaxWord + 1]int // distances of what is read of a to the beginnings of b
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
