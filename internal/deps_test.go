// Package internal_test holds the rules of ARCHITECTURE.md about who imports
// whom. They are checked against what the go command lists, test files left
// out, so a rule that is broken through a third package is broken too.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module     = "github.com/slastream/slastream-go"
	geth       = "github.com/ethereum/go-ethereum"
	nethermind = "github.com/NethermindEth" // starknet.go and juno
)

// listed is what `go list -json` says about one package.
type listed struct {
	ImportPath string
	Standard   bool
	Module     *struct{ Path string }
	Imports    []string
	Deps       []string // transitive, unlike Imports
}

// edges are imports that must not exist, directly or through others. A path
// stands for the package and everything below it, without the importer itself
// and the packages of this module that allow names, each with its internal
// packages.
var edges = []struct {
	protects string
	from     string
	never    []string
	allow    []string
}{
	{
		protects: "attestation can be imported alone",
		from:     "attestation",
		never:    []string{module},
	},
	{
		protects: "attestation opens no connection",
		from:     "attestation",
		never:    []string{"net/http"},
	},
	{
		protects: "attestation needs no client of either chain",
		from:     "attestation",
		never:    []string{geth, nethermind},
	},
	{
		protects: "a signer signs statements, not deals",
		from:     "signer",
		never:    []string{module},
		allow:    []string{"attestation"},
	},
	{
		protects: "a signer needs no client of either chain",
		from:     "signer",
		never:    []string{geth, nethermind},
	},
	{
		protects: "a remote signer links no client of either chain",
		from:     "signer/remote",
		never:    []string{module, geth, nethermind},
		allow:    []string{"attestation", "signer"},
	},
	{
		protects: "the Lit signer links no client of either chain",
		from:     "signer/lit",
		never:    []string{module, geth, nethermind},
		allow:    []string{"attestation", "signer"},
	},
	{
		protects: "the domain depends on neither chain",
		from:     "slastream",
		never:    []string{module, geth, nethermind},
		allow:    []string{"attestation", "internal/levenshtein"},
	},
	{
		protects: "the domain opens no connection",
		from:     "slastream",
		never:    []string{"net/http"},
	},
	{
		protects: "the model of the escrow depends on neither chain",
		from:     "slastream/escrow",
		never:    []string{module, geth, nethermind},
		allow:    []string{"attestation", "slastream", "internal/levenshtein"},
	},
	{
		protects: "the model of the escrow opens no connection",
		from:     "slastream/escrow",
		never:    []string{"net/http"},
	},
	{
		protects: "the relay engine works with any proof source",
		from:     "slastream/relay",
		never:    []string{module + "/fevm", geth},
	},
	{
		protects: "the relay engine works with any escrow",
		from:     "slastream/relay",
		never:    []string{module + "/starknet", module + "/slastream/escrow", nethermind},
	},
	{
		protects: "the relay engine shares the domain and nothing else",
		from:     "slastream/relay",
		never:    []string{module},
		allow:    []string{"attestation", "slastream", "signer", "internal/levenshtein"},
	},
	{
		protects: "PDP events are read without knowing what they pay",
		from:     "fevm",
		never:    []string{module},
		allow:    []string{"attestation"},
	},
	{
		protects: "PDP events are read without the generic ABI decoder or a client",
		from:     "fevm",
		never:    []string{geth + "/accounts/abi", geth + "/ethclient", geth + "/rpc", "net/http"},
	},
	{
		protects: "access to FEVM knows nothing of payment or Starknet",
		from:     "fevm/chain",
		never:    []string{module},
		allow:    []string{"attestation", "fevm", "internal/jsonrpc"},
	},
	{
		protects: "access to FEVM does not go through a client that trusts Ethereum's rules",
		from:     "fevm/chain",
		never:    []string{geth + "/ethclient"},
	},
	{
		protects: "the payable rule is independent of node, relay and Starknet",
		from:     "fevm/policy",
		never:    []string{module},
		allow:    []string{"attestation", "fevm", "slastream", "internal/levenshtein"},
	},
	{
		protects: "the simulated FEVM node does not use the client under test",
		from:     "fevm/simulated",
		never:    []string{module, geth + "/ethclient"},
		allow:    []string{"attestation", "fevm", "internal/jsonrpc", "internal/wsrpc"},
	},
	{
		protects: "the Starknet bindings know nothing of Filecoin, signers and relay",
		from:     "starknet",
		never:    []string{module, geth},
		allow:    []string{"attestation", "slastream", "internal/levenshtein"},
	},
	{
		protects: "the Starknet bindings work over any caller, not one RPC generation",
		from:     "starknet",
		never:    []string{nethermind + "/starknet.go", "net/http"},
	},
	{
		protects: "the simulated Starknet node knows nothing of Filecoin, signers and relay",
		from:     "starknet/simulated",
		never:    []string{module, nethermind + "/starknet.go/rpc"},
		allow:    []string{"attestation", "slastream", "slastream/escrow", "starknet", "starknet/cairo", "internal/jsonrpc", "internal/wsrpc", "internal/levenshtein"},
	},
	{
		protects: "a history is verified without either chain",
		from:     "slastream/audit",
		never:    []string{module, geth, nethermind},
		allow:    []string{"attestation", "slastream", "slastream/escrow", "internal/durable", "internal/levenshtein"},
	},
	{
		protects: "a watchtower works with any escrow, and beside any relay",
		from:     "slastream/watch",
		never:    []string{module, geth, nethermind},
		allow:    []string{"attestation", "slastream", "internal/durable", "internal/levenshtein"},
	},
	{
		protects: "the shared JSON-RPC code knows nothing of the SDK",
		from:     "internal/jsonrpc",
		never:    []string{module},
	},
	{
		protects: "access to FEVM links no WebSockets",
		from:     "fevm/chain",
		never:    []string{"github.com/gorilla/websocket"},
	},
	{
		protects: "the shared WebSocket server knows nothing of the SDK",
		from:     "internal/wsrpc",
		never:    []string{module},
		allow:    []string{"internal/jsonrpc"},
	},
	{
		protects: "the distance of words knows nothing of the SDK",
		from:     "internal/levenshtein",
		never:    []string{module},
	},
}

func TestForbiddenImports(t *testing.T) {
	packages := list(t)
	for _, e := range edges {
		t.Run(e.protects, func(t *testing.T) {
			from := module + "/" + e.from
			if _, ok := packages[from]; !ok {
				t.Fatalf("package %s is not there", from)
			}
			route := reach(packages, from, func(path string) bool {
				owner, _, _ := strings.Cut(strings.TrimPrefix(path, module+"/"), "/internal/")
				return below(path, e.never) && owner != e.from && !slices.Contains(e.allow, owner)
			})
			require.Empty(t, route, "so that %s, it must not link this", e.protects)
		})
	}
}

// A program that links testing or testify carries their weight and flags. What
// builds the classes of starknet/cairo is for maintainers alone, and takes class
// hashes from starknet.go, which links both.
func TestOnlyTestsImportTestCode(t *testing.T) {
	testCode := []string{
		"testing", "github.com/stretchr/testify", "go.uber.org/goleak", "pgregory.net/rapid",
	}
	packages := list(t)
	for from, p := range packages {
		builder := strings.HasPrefix(from, module+"/starknet/cairo/internal/")
		if !own(p) || builder || strings.HasSuffix(from, "test") {
			continue
		}
		t.Run(from, func(t *testing.T) {
			require.Empty(t, reach(packages, from, func(path string) bool {
				return below(path, testCode)
			}))
		})
	}
}

// Whoever only checks signatures should not download half of the ecosystem.
func TestAttestationStaysSmall(t *testing.T) {
	const limit = 15
	packages := list(t)
	p, ok := packages[module+"/attestation"]
	require.True(t, ok, "package attestation is not there")
	var outside []string
	for _, dep := range p.Deps {
		if !packages[dep].Standard {
			outside = append(outside, dep)
		}
	}
	require.LessOrEqual(t, len(outside), limit, "outside the standard library: %v", outside)
}

// The root package is documentation: it must not pull in what it describes.
func TestRootPackageIsDocumentationOnly(t *testing.T) {
	p, ok := list(t)[module]
	require.True(t, ok, "package sdk is not there")
	require.Empty(t, p.Imports)
}

// list asks without cgo, so that a package that requires it is an error.
func TestNothingRequiresCgo(t *testing.T) {
	for path, p := range list(t) {
		require.NotContains(t, p.Imports, "C", path)
	}
}

// list returns the packages of the root module and all that they import, by
// import path, as they are built with CGO_ENABLED=0.
func list(t *testing.T) map[string]listed {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("go is not in PATH: who imports whom is not checked")
	}
	// The go command reuses the result of a test as long as the files that the
	// test itself looked at are the same, and it does not see what `go list`
	// reads. So look at every directory.
	require.NoError(t, filepath.WalkDir("..", func(string, fs.DirEntry, error) error { return nil }))
	packages, err := listOnce()
	require.NoError(t, err)
	return packages
}

var listOnce = sync.OnceValues(func() (map[string]listed, error) {
	cmd := exec.Command("go", "list", "-mod=readonly", "-deps",
		"-json=ImportPath,Standard,Module,Imports,Deps", "./...")
	cmd.Dir = ".." // the root of the module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New("go list: " + err.Error() + "\n" + stderr.String())
	}
	packages := make(map[string]listed)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := dec.Decode(&p)
		if err == io.EOF {
			return packages, nil
		}
		if err != nil {
			return nil, err
		}
		packages[p.ImportPath] = p
	}
})

// own reports whether a package belongs to this module.
func own(p listed) bool { return p.Module != nil && p.Module.Path == module }

// below reports whether path is one of the roots or lies under one.
func below(path string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return path == root || strings.HasPrefix(path, root+"/")
	})
}

// reach returns the shortest chain of imports from a package to one that
// matches, nil if there is none.
func reach(packages map[string]listed, from string, match func(path string) bool) []string {
	seen := map[string]bool{from: true}
	for routes := [][]string{{from}}; len(routes) > 0; routes = routes[1:] {
		route := routes[0]
		for _, path := range packages[route[len(route)-1]].Imports {
			if seen[path] {
				continue
			}
			seen[path] = true
			next := append(slices.Clone(route), path)
			if match(path) {
				return next
			}
			routes = append(routes, next)
		}
	}
	return nil
}
