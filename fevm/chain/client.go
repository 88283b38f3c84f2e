package chain

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/slastream/slastream-go/attestation"
)

// A Caller sends one JSON-RPC request and decodes its result. *rpc.Client of
// go-ethereum is one. Its errors for what the node refused have the method
// ErrorCode() int, and ErrorData() any if there is data.
type Caller interface {
	CallContext(ctx context.Context, result any, method string, params ...any) error
}

// A Tag names the block that [Client.Head] starts from.
type Tag string

const (
	// Finalized cannot change any more: an F3 certificate, or what the node's
	// finality calculator says, or 900 epochs below the head.
	Finalized Tag = "finalized"
	// Safe is unlikely to change: at most 200 epochs below the head.
	Safe Tag = "safe"
	// Latest is the newest executed tipset. It changes routinely.
	Latest Tag = "latest"
)

// MaxRange is how far apart the ends of one eth_getLogs range may be: the
// default of Lotus and Forest, one day of epochs.
const MaxRange = 2880

// Config configures a [Client].
type Config struct {
	ChainID  uint64 // EIP-155 chain id the node must have: 314 Mainnet, 314159 Calibration
	Head     Tag    // what counts as final; "" means Finalized
	Name     string // of the node in errors and in [Nodes.Health]; "" means its place in the list
	Depth    uint64 // epochs that Head stays below the tag's block, for example 900 below Latest
	MaxRange uint64 // epochs between the ends of one log query; 0 means MaxRange
}

// A Client reads one node. It is safe for concurrent use.
type Client struct {
	caller Caller
	config Config

	mu      sync.Mutex
	checked bool   // the node has the right chain id
	head    uint64 // highest answer of Head
	seen    uint64 // highest epoch that the node is known to have
}

var (
	// ErrNullRound marks the question for a block of an epoch that has none.
	ErrNullRound = errors.New("chain: null round")
	// ErrBadAnswer marks an answer that contradicts the question, or itself.
	ErrBadAnswer = errors.New("chain: bad answer")
	// ErrBehind marks the question for an epoch that the node does not have yet.
	ErrBehind = errors.New("chain: the node is behind")
	// ErrNoHistory marks the question for an epoch that the node has no more:
	// public nodes keep 2,000 epochs. Ask an archive node.
	ErrNoHistory = errors.New("chain: the node keeps no history that old")
	// ErrNotFound marks a transaction that the node does not know.
	ErrNotFound = errors.New("chain: transaction not found")
)

// A ChainIDError says that the node serves another chain.
type ChainIDError struct {
	Want, Got uint64
}

// Error names both chains.
func (e *ChainIDError) Error() string {
	return fmt.Sprintf("chain: the node serves chain %d, want %d", e.Got, e.Want)
}

// New returns a client. It sends nothing yet. It fails if the config names no
// chain or an unknown tag.
func New(caller Caller, c Config) (*Client, error) {
	if c.ChainID == 0 {
		return nil, errors.New("chain: config: ChainID is 0")
	}
	switch c.Head {
	case "":
		c.Head = Finalized
	case Finalized, Safe, Latest:
	default:
		return nil, fmt.Errorf("chain: config: Head is %q, want finalized, safe or latest", c.Head)
	}
	if c.MaxRange == 0 {
		c.MaxRange = MaxRange
	}
	return &Client{caller: caller, config: c}, nil
}

// ChainID asks the node for its chain id. It fails with *[ChainIDError] if that
// is not the configured one.
func (c *Client) ChainID(ctx context.Context) (uint64, error) {
	var id hexutil.Uint64
	if err := c.caller.CallContext(ctx, &id, "eth_chainId"); err != nil {
		return 0, fmt.Errorf("chain: eth_chainId: %w", err)
	}
	if uint64(id) != c.config.ChainID {
		return 0, &ChainIDError{Want: c.config.ChainID, Got: uint64(id)}
	}
	c.mu.Lock()
	c.checked = true
	c.mu.Unlock()
	return uint64(id), nil
}

// call sends a request to a node of the right chain.
func (c *Client) call(ctx context.Context, result any, method string, params ...any) error {
	c.mu.Lock()
	checked := c.checked
	c.mu.Unlock()
	if !checked {
		if _, err := c.ChainID(ctx); err != nil {
			return err
		}
	}
	return named(c.caller.CallContext(ctx, result, method, params...))
}

// Epochs below the newest tipset that stand for a tag where a node does not know
// it: Filecoin's own finality, and what Lotus calls safe.
const (
	finalizedDepth = 900
	safeDepth      = 200
)

// Head returns the newest epoch that counts as final: the number of the block
// that the configured tag names, less the configured depth. Where the node does
// not know the tag, it is 900 epochs below the newest (200 for [Safe]). It never
// goes backwards: if the node's answer is lower than an earlier one, the earlier
// one stands.
func (c *Client) Head(ctx context.Context) (uint64, error) {
	b, err := c.block(ctx, string(c.config.Head))
	depth := c.config.Depth
	if _, refused := errors.AsType[codedError](err); refused && c.config.Head != Latest && failureOf(err) == failureOther {
		if depth = max(depth, finalizedDepth); c.config.Head == Safe {
			depth = max(c.config.Depth, safeDepth)
		}
		b, err = c.block(ctx, string(Latest))
	}
	if err != nil {
		return 0, fmt.Errorf("chain: head: %w", err)
	}
	n := b.Number - min(b.Number, depth)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.head = max(c.head, n)
	return c.head, nil
}

// reach makes sure that the node has an epoch: Forest answers a question for
// logs above its head with none.
func (c *Client) reach(ctx context.Context, epoch uint64) error {
	c.mu.Lock()
	seen := c.seen
	c.mu.Unlock()
	if epoch <= seen {
		return nil
	}
	var n hexutil.Uint64
	if err := c.call(ctx, &n, "eth_blockNumber"); err != nil {
		return err
	}
	c.saw(uint64(n))
	if uint64(n) < epoch {
		return fmt.Errorf("%w: it is at epoch %d", ErrBehind, uint64(n))
	}
	return nil
}

func (c *Client) saw(epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = max(c.seen, epoch)
}

// A Block is what is kept of a tipset.
type Block struct {
	Number     uint64           // epoch
	Hash       attestation.Word // digest of the tipset key
	ParentHash attestation.Word // hash of the tipset before, null rounds skipped
	Timestamp  uint64           // Unix seconds
}

// Block returns the tipset of an epoch. It fails with [ErrNullRound] if the epoch
// has none, and with [ErrBadAnswer] if the node answers another one.
func (c *Client) Block(ctx context.Context, epoch uint64) (Block, error) {
	b, err := c.block(ctx, hexutil.EncodeUint64(epoch))
	if err != nil {
		return Block{}, fmt.Errorf("chain: block %d: %w", epoch, err)
	}
	if b.Number != epoch {
		return Block{}, fmt.Errorf("%w: asked for block %d, got %d", ErrBadAnswer, epoch, b.Number)
	}
	return b, nil
}

func (c *Client) block(ctx context.Context, which string) (Block, error) {
	var answer *struct {
		Number     *hexutil.Uint64 `json:"number"`
		Hash       *common.Hash    `json:"hash"`
		ParentHash common.Hash     `json:"parentHash"`
		Timestamp  hexutil.Uint64  `json:"timestamp"`
	}
	if err := c.call(ctx, &answer, "eth_getBlockByNumber", which, false); err != nil {
		return Block{}, err
	}
	if answer == nil || answer.Number == nil || answer.Hash == nil {
		return Block{}, fmt.Errorf("%w: no block, or one without number and hash", ErrBadAnswer)
	}
	c.saw(uint64(*answer.Number))
	return Block{
		Number:     uint64(*answer.Number),
		Hash:       attestation.Word(*answer.Hash),
		ParentHash: attestation.Word(answer.ParentHash),
		Timestamp:  uint64(answer.Timestamp),
	}, nil
}

// Call runs a view of a contract in the state after an epoch and returns what
// it returned. At a null round that is the state of the tipset before. It fails
// with *[RevertError] if the contract reverted.
func (c *Client) Call(ctx context.Context, to attestation.EthereumAddress, data []byte, epoch uint64) ([]byte, error) {
	// "data" is the older name of "input": every node knows it.
	message := map[string]any{"to": common.Address(to), "data": hexutil.Bytes(data)}
	var ret hexutil.Bytes
	if err := c.call(ctx, &ret, "eth_call", message, hexutil.EncodeUint64(epoch)); err != nil {
		if revert, ok := asRevert(err); ok {
			return nil, revert
		}
		return nil, fmt.Errorf("chain: eth_call to %s at epoch %d: %w", to, epoch, err)
	}
	return ret, nil
}

// TransactionInput returns the calldata of a transaction, for example for
// fevm.ParseProvePossession. It fails with [ErrNotFound] if the node does not know
// the transaction, and with [ErrBadAnswer] if it answers another one: nodes are
// known to answer the one that replaced it.
func (c *Client) TransactionInput(ctx context.Context, tx attestation.Word) ([]byte, error) {
	var answer *struct {
		Hash  *common.Hash   `json:"hash"`
		Input *hexutil.Bytes `json:"input"`
	}
	if err := c.call(ctx, &answer, "eth_getTransactionByHash", common.Hash(tx)); err != nil {
		return nil, fmt.Errorf("chain: transaction %s: %w", tx, err)
	}
	switch {
	case answer == nil:
		return nil, fmt.Errorf("%w: %s", ErrNotFound, tx)
	case answer.Hash == nil || answer.Input == nil || *answer.Hash != common.Hash(tx):
		return nil, fmt.Errorf("%w: asked for transaction %s, got another one", ErrBadAnswer, tx)
	}
	return *answer.Input, nil
}
