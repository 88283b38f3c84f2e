//go:build cgo

package pkcs11_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	miekg "github.com/miekg/pkcs11"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/signer/pkcs11"
)

const (
	userPIN = "918273645546"
	soPIN   = "564738291001"
)

// missing skips the test, or fails it where SLASTREAM_REQUIRE has softhsm.
func missing(t testing.TB, what string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("SLASTREAM_REQUIRE"), ","), "softhsm") {
		t.Fatal(what)
	}
	t.Skip(what)
}

// file returns the first of the paths that is there.
func file(paths ...string) string {
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// softhsm returns the path of SoftHSM 2: SLASTREAM_SOFTHSM, else where packages
// put it.
func softhsm(t testing.TB) string {
	t.Helper()
	if named := os.Getenv("SLASTREAM_SOFTHSM"); named != "" {
		path := file(named)
		if path == "" {
			missing(t, "SLASTREAM_SOFTHSM names no file: "+named)
		}
		return path
	}
	path := file("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so",
		"/usr/local/lib/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so")
	if path == "" {
		missing(t, "no SoftHSM 2 (apt-get install softhsm2, or SLASTREAM_SOFTHSM=path of libsofthsm2.so)")
	}
	return path
}

// token makes a directory with one empty token in it, which is all that SoftHSM
// sees until the test ends.
func token(t testing.TB) pkcs11.Config {
	t.Helper()
	module := softhsm(t)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tokens"), 0o700))
	conf := filepath.Join(dir, "softhsm2.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, "directories.tokendir = %s/tokens\nlog.level = ERROR\n", dir), 0o600))
	t.Setenv("SOFTHSM2_CONF", conf)
	addToken(t, module, "slastream")
	return pkcs11.Config{Module: module, Token: "slastream", PIN: userPIN, Label: "attester", ID: []byte{0xa7, 1}}
}

// raw calls do with the module itself, while no key is open.
func raw(t testing.TB, module string, do func(c *miekg.Ctx)) {
	t.Helper()
	c := miekg.New(module)
	require.NotNil(t, c)
	require.NoError(t, c.Initialize())
	do(c)
	require.NoError(t, c.Finalize())
	c.Destroy()
}

// addToken initializes the free slot that SoftHSM always has.
func addToken(t testing.TB, module, label string) {
	t.Helper()
	raw(t, module, func(c *miekg.Ctx) {
		slots, err := c.GetSlotList(true)
		require.NoError(t, err)
		slot := slots[len(slots)-1]
		require.NoError(t, c.InitToken(slot, soPIN, label))
		session, err := c.OpenSession(slot, miekg.CKF_SERIAL_SESSION|miekg.CKF_RW_SESSION)
		require.NoError(t, err)
		require.NoError(t, c.Login(session, miekg.CKU_SO, soPIN))
		require.NoError(t, c.InitPIN(session, userPIN))
		require.NoError(t, c.CloseSession(session))
	})
}

// pair says what to make in a token behind the package's back.
type pair struct {
	noPublic bool
	curve    []byte
	label    string
	id       []byte
}

// addKey generates a key pair with the module itself, as other tools do.
func addKey(t testing.TB, config pkcs11.Config, p pair) {
	t.Helper()
	k1 := []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a}
	raw(t, config.Module, func(c *miekg.Ctx) {
		slots, err := c.GetSlotList(true)
		require.NoError(t, err)
		session, err := c.OpenSession(slots[0], miekg.CKF_SERIAL_SESSION|miekg.CKF_RW_SESSION)
		require.NoError(t, err)
		require.NoError(t, c.Login(session, miekg.CKU_USER, userPIN))
		curve := p.curve
		if curve == nil {
			curve = k1
		}
		name := []*miekg.Attribute{
			miekg.NewAttribute(miekg.CKA_TOKEN, true),
			miekg.NewAttribute(miekg.CKA_LABEL, cmp.Or(p.label, config.Label)),
			miekg.NewAttribute(miekg.CKA_ID, slices.Concat(p.id, config.ID)),
		}
		public, _, err := c.GenerateKeyPair(session, []*miekg.Mechanism{miekg.NewMechanism(miekg.CKM_EC_KEY_PAIR_GEN, nil)},
			append([]*miekg.Attribute{miekg.NewAttribute(miekg.CKA_EC_PARAMS, curve)}, name...),
			append([]*miekg.Attribute{miekg.NewAttribute(miekg.CKA_SIGN, true), miekg.NewAttribute(miekg.CKA_PRIVATE, true)}, name...))
		require.NoError(t, err)
		if p.noPublic {
			require.NoError(t, c.DestroyObject(session, public))
		}
		require.NoError(t, c.CloseSession(session))
	})
}
