package watch_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/watch"
)

func TestFileStore(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "watch.json")
	w.config.Store = watch.FileStore{Path: path}
	w.create(1, hour)
	w.create(1, day)
	w.now.Add(hour)
	w.mail.refuse = func(watch.Alert) error { return errDown }
	require.Equal(t, 3, w.step(w.tower()).Failed)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	// A crash while the next document was written leaves this.
	require.NoError(t, os.WriteFile(path+".new", []byte(`{"format":"slastr`), 0o600))
	report := w.step(w.tower())
	require.Equal(t, 1, report.Open)
	require.Equal(t, 3, report.Queue)
	require.Equal(t, 2, report.Read, "the open one, and the one that has just ended")
}

func TestFileStoreFails(t *testing.T) {
	ctx := t.Context()
	missing := watch.FileStore{Path: filepath.Join(t.TempDir(), "not", "there.json")}
	document, err := missing.Load(ctx)
	require.NoError(t, err)
	require.Nil(t, document)
	err = missing.Save(ctx, []byte("x"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "watch: saving ")

	dir := watch.FileStore{Path: t.TempDir()}
	_, err = dir.Load(ctx)
	require.ErrorContains(t, err, "watch: ")
	require.Error(t, dir.Save(ctx, []byte("x")), "a directory stands there")
}

// saved returns the document of a tower that has something of everything, after
// so many deals were over their deadline.
func saved(t testing.TB, over int) []byte {
	w := newWorld(t)
	store := &watch.MemoryStore{}
	w.config.Store, w.config.Attempts = store, 1
	for range over {
		w.create(1, hour)
	}
	w.create(1, day)
	w.mail.refuse = func(a watch.Alert) error {
		if a.DealID == word(1) {
			return errDown
		}
		return nil
	}
	tower := w.tower()
	w.now.Add(hour)
	_, err := tower.Step(t.Context())
	require.NoError(t, err)
	w.config.Attempts = 2
	document, err := store.Load(t.Context())
	require.NoError(t, err)
	return document
}

// sealed is a document with that state and the hash that fits.
func sealed(state string) string {
	return fmt.Sprintf(`{"format":"slastream watch 2","sha256":"%x","state":%s}`, sha256.Sum256([]byte(state)), state)
}

// What no tower wrote is refused by every method, with what to do, and left as it
// is.
func TestCorruptState(t *testing.T) {
	good := saved(t, 70)
	head := `{"domain":` + domainJSON(t) + `,`
	for name, document := range map[string][]byte{
		"empty":                     {},
		"zeros":                     make([]byte, 4096),
		"null":                      []byte("null"),
		"not JSON":                  []byte("PNG"),
		"cut in half":               good[:len(good)/2],
		"without its last byte":     good[:len(good)-1],
		"something after the end":   append(bytes.Clone(good), '{'),
		"one digit changed":         bytes.Replace(good, []byte(`"deals":71`), []byte(`"deals":72`), 1),
		"of a newer release":        bytes.Replace(good, []byte("slastream watch 2"), []byte("slastream watch 3"), 1),
		"an unknown name":           []byte(sealed(head + `"deals":0,"history":0,"new":1}`)),
		"open, but not watched":     []byte(sealed(head + `"deals":5,"history":0,"watched":"1-4","open":"5"}`)),
		"ended, and open":           []byte(sealed(head + `"deals":5,"history":0,"watched":"1-5","open":"5","ended":{"5":{"at":1}}}`)),
		"ended, but not watched":    []byte(sealed(head + `"deals":5,"history":0,"ended":{"5":{"at":1}}}`)),
		"watched, but not read":     []byte(sealed(head + `"deals":5,"history":0,"watched":"6"}`)),
		"more deals than possible":  []byte(sealed(head + `"deals":18446744073709551615,"history":0}`)),
		"a range without an end":    []byte(sealed(head + `"deals":5,"history":0,"watched":"1-18446744073709551615"}`)),
		"an event of no known type": []byte(sealed(head + `"deals":5,"history":0,"feeds":{"accepted":{"cursor":{"block":1},"seen":[{"type":"x","event":{}}]}}}`)),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			path := filepath.Join(t.TempDir(), "watch.json")
			require.NoError(t, os.WriteFile(path, document, 0o600))
			w.config.Store = watch.FileStore{Path: path}
			w.create(1, hour)
			w.now.Add(hour)
			tower := w.tower()
			_, err := tower.Step(t.Context())
			require.ErrorIs(t, err, watch.ErrCorrupt)
			require.ErrorContains(t, err, "restore it from a backup")
			require.Less(t, len(err.Error()), 500)
			require.ErrorIs(t, tower.Run(t.Context()), watch.ErrCorrupt)
			_, err = tower.Dead(t.Context())
			require.ErrorIs(t, err, watch.ErrCorrupt)
			_, err = tower.Requeue(t.Context())
			require.ErrorIs(t, err, watch.ErrCorrupt)
			require.True(t, w.deal(1).Active)
			left, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, document, left)
		})
	}
}

func domainJSON(t testing.TB) string {
	b, err := json.Marshal(domain)
	require.NoError(t, err)
	return string(b)
}

func TestStoreOfAnotherEscrow(t *testing.T) {
	for name, other := range map[string]attestation.Domain{
		"another chain":  {ChainID: word(1), Escrow: domain.Escrow},
		"another escrow": {ChainID: domain.ChainID, Escrow: word(1)},
	} {
		w := newWorld(t)
		require.NoError(t, w.config.Store.Save(t.Context(), saved(t, 1)))
		w.config.Domain = other
		_, err := w.tower().Step(t.Context())
		require.ErrorContains(t, err, "use a store of its own for each escrow", name)
	}
}

// Whatever a store holds: a tower starts or refuses, and what it starts from it
// can write and read again.
func FuzzState(f *testing.F) {
	f.Add(string(stateOf(f, saved(f, 1))))
	f.Add(`{"domain":` + domainJSON(f) + `,"deals":5,"history":0,"watched":"1-4","open":"2","sent":{"2":5},"queue":[{}],"dead":[{"attempts":-1}],"feeds":{"x":{}}}`)
	f.Add(`{"domain":` + domainJSON(f) + `,"deals":5,"history":1,"watched":"1-5","open":"2","sent":{"2":18446744073709551615},"refused":{"2":18446744073709551615},"ended":{"1":{"at":18446744073709551615,"kind":"slashed","final":true},"3":{"at":0}},"settled":"2,9"}`)
	f.Fuzz(func(t *testing.T, state string) {
		w := newWorld(t)
		require.NoError(t, w.config.Store.Save(t.Context(), []byte(sealed(state))))
		w.create(1, hour)
		w.now.Add(hour)
		if _, err := w.tower().Step(t.Context()); err == nil {
			_, err = w.tower().Step(t.Context())
			require.NoError(t, err)
		}
	})
}

func stateOf(t testing.TB, document []byte) json.RawMessage {
	var e struct{ State json.RawMessage }
	require.NoError(t, json.Unmarshal(document, &e))
	return e.State
}

func TestConfigIsChecked(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*watch.Config)
		says   string
	}{
		"no domain":                    {func(c *watch.Config) { c.Domain = attestation.Domain{} }, "Domain has no escrow"},
		"no address":                   {func(c *watch.Config) { c.Domain.Escrow = attestation.Word{0: 255} }, "Domain"},
		"no escrow":                    {func(c *watch.Config) { c.Escrow = nil }, "Escrow"},
		"no clock":                     {func(c *watch.Config) { c.Clock = nil }, "Clock"},
		"no slasher":                   {func(c *watch.Config) { c.Slasher = nil }, "an observer needs none"},
		"negative poll":                {func(c *watch.Config) { c.Poll = -1 }, "Config.Poll is less than 0"},
		"negative attempts":            {func(c *watch.Config) { c.Attempts = -1 }, "Config.Attempts is less than 0"},
		"peers without oneself":        {func(c *watch.Config) { c.Peers = []string{"a", "b"} }, "Name"},
		"stagger without peers":        {func(c *watch.Config) { c.Stagger = 1 }, "name all towers"},
		"peers without stagger":        {func(c *watch.Config) { c.Peers, c.Name = []string{"a", "b"}, "a" }, "Stagger"},
		"a peer twice":                 {func(c *watch.Config) { c.Peers, c.Name = []string{"a", "a"}, "a" }, "twice"},
		"a peer without a name":        {func(c *watch.Config) { c.Peers, c.Name = []string{"", "a"}, "a" }, "empty"},
		"a name that is much too long": {func(c *watch.Config) { c.Peers, c.Name = []string{"a"}, strings.Repeat("x", 1000) }, "not one of Peers"},
	} {
		w := newWorld(t)
		row.change(&w.config)
		_, err := watch.New(w.config)
		require.ErrorContains(t, err, row.says, name)
		require.True(t, strings.HasPrefix(err.Error(), "watch: "), name)
		require.Less(t, len(err.Error()), 200)
	}
}

// Alerts that a tower of this release tells are those that it told before: the
// document of a release without the sets of this one opens, and what it says holds.
func TestOldState(t *testing.T) {
	old := fixture(t, "state-1.json")
	require.Contains(t, string(old), `{"format":"slastream watch 1"`)
	w := newWorld(t)
	require.NoError(t, w.config.Store.Save(t.Context(), old))
	w.release(w.create(1, hour), 0)
	w.create(1, hour)
	w.create(2, hour)
	w.create(2, day)
	w.release(w.create(1, day), 0)
	w.now.Store(start + hour)
	require.NoError(t, w.memory.As(client).Slash(t.Context(), word(2)))

	w.now.Add(30)
	tower := w.tower()
	report := w.step(tower)
	require.Equal(t, 2, report.Open)
	require.Equal(t, 2, report.Read, "the open ones")
	require.Empty(t, report.Slashed, "the one of 3 may be on its way")
	require.Empty(t, w.mail.told(), "all of it was told")
	letters, err := tower.Dead(t.Context())
	require.NoError(t, err)
	require.Len(t, letters, 4)
	n, err := tower.Requeue(t.Context())
	require.NoError(t, err)
	require.Equal(t, 4, n)
	w.now.Add(90)
	require.Equal(t, words(3), w.step(w.tower()).Slashed, "two minutes after it was sent")
	document, err := w.config.Store.Load(t.Context())
	require.NoError(t, err)
	require.Contains(t, string(document), `{"format":"slastream watch 2"`)
	require.Equal(t, []string{"deadline final 2", "released pending 4", "slashed final 2", "slashed final 3", "slashed pending 2"}, sorted(w.mail.told()))
}
