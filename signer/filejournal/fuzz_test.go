package filejournal_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/signer/filejournal"
)

// Any bytes behind a header are refused or read, never half of it: what is read
// is a prefix of the input, and reading it again gives the same.
func FuzzLoad(f *testing.F) {
	d := &disk{now: filejournal.Header(), budget: -1}
	j, err := filejournal.Load(d, filejournal.Size)
	require.NoError(f, err)
	sign(f, guard(f, j), 2)
	f.Add(bytes.Clone(d.now[filejournal.Size:]))
	f.Add(d.now[filejournal.Size : 3*filejournal.Size-7])
	f.Add(make([]byte, 700))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, tail []byte) {
		in := append(filejournal.Header(), tail...)
		d := &disk{now: bytes.Clone(in), budget: -1}
		j, err := filejournal.Load(d, int64(len(in)))
		if err != nil {
			require.ErrorAs(t, err, new(*filejournal.CorruptError))
			require.Equal(t, in, d.now)
			return
		}
		require.True(t, bytes.HasPrefix(in, d.now))
		want := records(t, j)
		again, err := filejournal.Load(d, int64(len(d.now)))
		require.NoError(t, err)
		require.Equal(t, want, records(t, again))
	})
}

// An import never panics, and what it accepts it exports again as it is.
func FuzzImport(f *testing.F) {
	load := func(t require.TestingT) *filejournal.Journal {
		j, err := filejournal.Load(&disk{now: filejournal.Header(), budget: -1}, filejournal.Size)
		require.NoError(t, err)
		return j
	}
	j := load(f)
	sign(f, guard(f, j), 2)
	var out bytes.Buffer
	require.NoError(f, j.Export(&out))
	f.Add(out.Bytes())
	f.Add([]byte(`{"format":"slastream-signer-journal","version":1,"records":[{}]}`))
	f.Add([]byte(`{"format":"slastream-signer-journal","version":1,"records":[]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		j := load(t)
		if j.Import(t.Context(), bytes.NewReader(in)) != nil {
			return
		}
		var first, second bytes.Buffer
		require.NoError(t, j.Export(&first))
		k := load(t)
		require.NoError(t, k.Import(t.Context(), bytes.NewReader(first.Bytes())))
		require.NoError(t, k.Export(&second))
		require.Equal(t, first.String(), second.String())
	})
}
