package starknet

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/slastream"
)

// A VersionError says that a node speaks a version of the RPC that this package
// does not. Ask another endpoint of the node: most serve several versions, each
// at a path of its own.
type VersionError struct {
	Version string // what starknet_specVersion answered
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("starknet: the node speaks RPC %q, want 0.9 or 0.10: use its endpoint whose URL ends in /rpc/v0_9 or /rpc/v0_10", excerpt(e.Version))
}

// A specVersion is a version of the RPC, 0.minor.patch.
type specVersion struct{ minor, patch uint64 }

// parseVersion reads what starknet_specVersion answers, such as "0.9.0" or
// "0.10.4-rc.1".
func parseVersion(s string) (specVersion, error) {
	core, _, _ := strings.Cut(s, "-")
	parts := strings.Split(core, ".")
	if len(parts) < 2 || len(parts) > 3 || parts[0] != "0" {
		return specVersion{}, &VersionError{s}
	}
	var n [2]uint64
	for i, p := range parts[1:] {
		var err error
		if n[i], err = strconv.ParseUint(p, 10, 16); err != nil {
			return specVersion{}, &VersionError{s}
		}
	}
	if n[0] != 9 && n[0] != 10 {
		return specVersion{}, &VersionError{s}
	}
	return specVersion{n[0], n[1]}, nil
}

// A Node is a [Caller] that has made sure which version of the RPC its node
// speaks. It is safe for concurrent use.
//
// The node is asked once, before the first call, also if many come at the same
// time. A version other than 0.9 and 0.10 is a *[VersionError], for that call
// and, since no failure is kept, asked again for the next.
//
// [NewEscrow], [NewERC20], [NewUDC] and [NewAccount] make one of the caller that
// they are given. Give them all the same Node, and the question is asked once
// for all.
type Node struct {
	caller  Caller
	asking  chan struct{} // holds a token while the version is asked for
	version atomic.Pointer[specVersion]
	plain   atomic.Bool // starknet_getStorageAt refused its fourth parameter
}

var _ Caller = (*Node)(nil)

// NewNode returns the node behind a caller, which is the caller itself if it is
// a *Node. It makes no request.
func NewNode(caller Caller) *Node {
	if n, ok := caller.(*Node); ok && n != nil {
		return n
	}
	return &Node{caller: caller, asking: make(chan struct{}, 1)}
}

// CallContext makes a call; see [Caller].
func (n *Node) CallContext(ctx context.Context, result any, method string, params ...any) error {
	if _, err := n.spec(ctx); err != nil {
		return err
	}
	return n.caller.CallContext(ctx, result, method, params...)
}

// spec returns the version, and asks for it if it is not known.
func (n *Node) spec(ctx context.Context) (specVersion, error) {
	if v := n.version.Load(); v != nil {
		return *v, nil
	}
	select {
	case n.asking <- struct{}{}:
		defer func() { <-n.asking }()
	case <-ctx.Done():
		return specVersion{}, fmt.Errorf("starknet: ask for the version of the RPC: %w", ctx.Err())
	}
	if v := n.version.Load(); v != nil { // somebody else has asked meanwhile
		return *v, nil
	}
	var text string
	if err := call(ctx, n.caller, &text, "starknet_specVersion"); err != nil {
		return specVersion{}, err
	}
	v, err := parseVersion(text)
	if err != nil {
		return specVersion{}, err
	}
	n.version.Store(&v)
	return v, nil
}

// storageAt returns the felt at a raw key of a contract.
//
// RPC 0.10.1 added a fourth parameter, response_flags. It is optional, yet
// starknet-devnet 0.10.1 refuses three, and a node of 0.10.0 may refuse four:
// then it is asked with three from then on.
func (n *Node) storageAt(ctx context.Context, contract slastream.Address, key *felt.Felt, block Block) (*felt.Felt, error) {
	v, err := n.spec(ctx)
	if err != nil {
		return nil, err
	}
	var f wireFelt
	params := []any{wire(addressFelt(contract)), wire(key), block, []string{}}
	if v.minor >= 10 && !n.plain.Load() {
		err := call(ctx, n, &f, "starknet_getStorageAt", params...)
		if n, _ := code(err); n != codeInvalidParams {
			return f.felt(), err
		}
	}
	if err := call(ctx, n, &f, "starknet_getStorageAt", params[:3]...); err != nil {
		return nil, err
	}
	if v.minor >= 10 {
		n.plain.Store(true)
	}
	return f.felt(), nil
}
