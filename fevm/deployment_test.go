package fevm_test

import (
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
)

func TestDeployments(t *testing.T) {
	for _, chain := range []uint64{314, 314159} {
		seen := map[attestation.EthereumAddress]bool{}
		current := map[fevm.Contract]int{}
		for d := range fevm.Deployments(chain) {
			require.Equal(t, chain, d.ChainID)
			require.False(t, seen[d.Address], "%s twice", d.Address)
			seen[d.Address] = true
			if d.Current {
				current[d.Contract]++
			}
			// go-ethereum computes the checksum on its own.
			require.Equal(t, common.Address(d.Address).Hex(), d.Address.String())
			got, ok := fevm.DeploymentAt(chain, d.Address)
			require.True(t, ok)
			require.Equal(t, d, got)
		}
		for c, n := range current {
			require.Equal(t, 1, n, c)
			d, err := fevm.CurrentDeployment(chain, c)
			require.NoError(t, err)
			require.True(t, d.Current)
		}
		require.Len(t, current, 7)
	}
	require.Empty(t, slices.Collect(fevm.Deployments(1)))
	_, err := fevm.CurrentDeployment(314, "PDPVerifer")
	require.EqualError(t, err, "fevm: no PDPVerifer is known on chain 314")
}

// TestAddressOfTwoRoles is the trap that the book is keyed by chain for: the
// warm storage service of Mainnet has the address of a library on Calibration.
func TestAddressOfTwoRoles(t *testing.T) {
	service, err := fevm.CurrentDeployment(314, fevm.ContractWarmStorage)
	require.NoError(t, err)
	_, ok := fevm.DeploymentAt(314159, service.Address)
	require.False(t, ok)
}
