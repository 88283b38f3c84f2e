package cairo

import (
	"context"

	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet/cairo/internal/crate"
)

// DeployBuilt declares and deploys a class that is not in the package.
func DeployBuilt(ctx context.Context, sender Sender, c *crate.Class) (slastream.Address, error) {
	a := artifact{c.Hash.Bytes(), c.Compiled.Bytes(), c.CompiledV2.Bytes(), c.JSON}
	return deployArtifact(ctx, sender, a, [32]byte{}, nil)
}
