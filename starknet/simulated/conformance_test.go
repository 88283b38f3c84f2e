package simulated_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestConformance runs one script on this node and on real ones,
// starknet-devnet 0.6.1 (RPC 0.9.0) and 0.10.1 (RPC 0.10.2), with both classes
// of the escrow, and wants the same answers: all of them, whole. What may
// differ is in exceptions, each with its reason.
func TestConformance(t *testing.T) {
	used, versions := make(map[int]bool), make(map[string]bool)
	for _, program := range devnets(t) {
		t.Run(filepath.Base(program), func(t *testing.T) {
			theirs := devnetSide(t, program, "--state-archive-capacity", "full")
			path := "/rpc/v0_9"
			if strings.HasPrefix(theirs.version, "0.10") {
				path = "/rpc/v0_10"
			}
			ours := simulatedSide(t, path)
			require.Equal(t, theirs.version, ours.version)

			signed := make(map[string]map[string]any)
			for _, s := range []*side{ours, theirs} {
				s.signed = signed
				s.prepare(s.predeployed(9), s == theirs)
				s.script()
			}
			left := except(theirs.version, compareLogs(ours, theirs), used)
			versions[theirs.version] = true
			for _, d := range left {
				t.Errorf("%v", d)
			}
			t.Logf("%d steps, %d differences", len(ours.log), len(left))
		})
	}
	for i, e := range exceptions {
		if versions["0.9.0"] && versions["0.10.2"] && !used[i] {
			t.Errorf("no difference needs the exception of %s at %s: %s", e.step, e.path, e.reason)
		}
	}
}
