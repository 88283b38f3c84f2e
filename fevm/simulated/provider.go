package simulated

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"net/http"
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm"
	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// A Provider is a storage provider: it holds the bytes of pieces and proves
// that it does, with ordinary signed transactions over JSON-RPC. It is safe for
// concurrent use and sends one transaction at a time, each after the one before
// has been mined.
//
// Honest providers call [Provider.Prove] once in each proving period. The parts
// make the others: [Provider.Submit] the same proof twice, one of an earlier
// period, or one whose leaves were changed; [Provider.NextProvingPeriod] without
// a proof skips a period; [Provider.Corrupt] loses data.
//
// A transaction that a contract refuses is mined all the same, and the error is
// a *[RevertError].
type Provider struct {
	rpc      caller
	key      *ecdsa.PrivateKey
	address  common.Address
	verifier common.Address
	sent     func() error // called after each transaction is sent; nil for none

	sending sync.Mutex
	chainID uint64 // asked once; under sending

	mu     sync.Mutex
	pieces map[fevm.PieceCID]*fevm.MerkleTree
	leaves map[fevm.PieceCID][][32]byte
	proofs map[uint64]fevm.ProvePossession // last of each set, for replays
}

// NewProvider returns a provider that acts as the account of key on the
// verifier behind the endpoint. hc nil means http.DefaultClient; for a node in
// this process take [Node.Provider].
func NewProvider(url string, hc *http.Client, verifier common.Address, key *ecdsa.PrivateKey) *Provider {
	return &Provider{
		rpc: jsonrpc.NewClient(url, hc), key: key, address: crypto.PubkeyToAddress(key.PublicKey), verifier: verifier,
		pieces: map[fevm.PieceCID]*fevm.MerkleTree{}, leaves: map[fevm.PieceCID][][32]byte{}, proofs: map[uint64]fevm.ProvePossession{},
	}
}

// Provider returns a provider that acts as an account of the node. It asks the
// node without HTTP. When execution is deferred and mining is not manual, it
// mines a tipset after each of its transactions, for the receipt.
func (n *Node) Provider(a Account) *Provider {
	p := NewProvider("", nil, n.verifier, a.key)
	p.rpc = direct{n}
	if n.deferred && !n.manual {
		p.sent = func() error {
			_, err := n.Mine(1)
			return err
		}
	}
	return p
}

// A caller asks a node: [jsonrpc.Client], or direct.
type caller interface {
	CallContext(ctx context.Context, result any, method string, params ...any) error
}

// direct asks a node of this process. The parameters and results are JSON as on
// a connection.
type direct struct{ node *Node }

// send hands over a transaction whose sender is known, which saves the node to
// recover it.
func (d direct) send(tx *types.Transaction, from common.Address) error {
	err := errors.Join(checkSigned(tx), checkGas(tx))
	if err == nil {
		_, err = d.node.submit(pooled{tx, from})
	}
	if err != nil {
		return fmt.Errorf("simulated: %w", d.node.rpcError(err))
	}
	return nil
}

func (d direct) CallContext(ctx context.Context, result any, method string, params ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	if len(params) == 0 {
		raw = nil
	}
	out, err := d.node.answer(ctx, method, raw)
	if err != nil || result == nil {
		return err
	}
	if raw, err = json.Marshal(out); err != nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

// minesItself makes the provider mine what it sends.
func (p *Provider) minesItself(n *Node) {
	tipsets := uint64(0)
	if n.manual {
		tipsets++
	}
	if n.deferred {
		tipsets++
	}
	p.sending.Lock()
	defer p.sending.Unlock()
	if tipsets > 0 {
		p.sent = func() error {
			_, err := n.Mine(tipsets)
			return err
		}
	}
}

// Address returns the account of the provider.
func (p *Provider) Address() common.Address { return p.address }

// CreateDataSet creates a data set with a listener, the zero address for none,
// and returns its id. It pays the cleanup deposit of 0.1 FIL.
func (p *Provider) CreateDataSet(ctx context.Context, listener common.Address) (set uint64, err error) {
	r, err := p.call(ctx, cleanupDeposit.ToBig(), "createDataSet", listener, []byte{})
	if err != nil {
		return 0, err
	}
	for i := range r.Logs {
		if r.Logs[i].Address != p.verifier {
			continue
		}
		event, err := fevm.ParseLog(&r.Logs[i])
		if err != nil {
			return 0, err
		}
		if created, ok := event.(fevm.DataSetCreated); ok {
			set, _ := created.SetID.Uint64()
			return set, nil
		}
	}
	return 0, fmt.Errorf("simulated: transaction %v has no DataSetCreated", r.TxHash)
}

// AddPieces stores raw data as pieces, one for each argument, and adds them to a
// data set. They are challenged from the next proving period on. An argument has
// at least one byte.
func (p *Provider) AddPieces(ctx context.Context, set uint64, raw ...[]byte) ([]fevm.PieceCID, error) {
	added := make([]fevm.PieceCID, len(raw))
	tuples := make([]cidTuple, len(raw))
	for i, data := range raw {
		cid, err := p.hold(data)
		if err != nil {
			return nil, err
		}
		added[i], tuples[i] = cid, cidTuple{cid.Bytes()}
	}
	_, err := p.call(ctx, nil, "addPieces", number(set), common.Address{}, tuples, []byte{})
	return added, err
}

// hold keeps data as a piece: padded with zeros to 127·2^n bytes, Fr32-expanded
// to leaves, and under a Merkle tree.
func (p *Provider) hold(data []byte) (fevm.PieceCID, error) {
	if len(data) == 0 {
		return fevm.PieceCID{}, errors.New("simulated: piece of 0 bytes: want 1 or more")
	}
	units := (len(data) + 126) / 127
	log := bits.Len(uint(units - 1))
	leaves := fevm.PieceLeaves(data)
	tree, err := fevm.NewMerkleTree(uint8(log+2), leaves)
	if err != nil {
		return fevm.PieceCID{}, err
	}
	cid, err := fevm.NewPieceCID(tree.Root(), tree.Height(), uint64(127<<log-len(data)))
	if err != nil {
		return fevm.PieceCID{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pieces[cid], p.leaves[cid] = tree, leaves
	return cid, nil
}

// Corrupt flips a bit of one leaf of a piece that the provider holds: proofs
// made from then on do not verify when the piece is challenged. It fails if the
// provider has no such piece or the leaf holds no data.
func (p *Provider) Corrupt(cid fevm.PieceCID, leaf uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	leaves := slices.Clone(p.leaves[cid])
	if leaf >= uint64(len(leaves)) {
		return fmt.Errorf("simulated: leaf %d of piece %v: the provider holds %d of its leaves", leaf, cid, len(leaves))
	}
	leaves[leaf][0] ^= 1
	tree, err := fevm.NewMerkleTree(cid.Height(), leaves)
	if err != nil {
		return err
	}
	p.pieces[cid], p.leaves[cid] = tree, leaves
	return nil
}

// NextProvingPeriod opens a proving period whose proofs count from the epoch
// challengeEpoch on. It must be 10 to 43,200 epochs after that of the
// transaction.
func (p *Provider) NextProvingPeriod(ctx context.Context, set, challengeEpoch uint64) (Receipt, error) {
	return p.call(ctx, nil, "nextProvingPeriod", number(set), number(challengeEpoch), []byte{})
}

// Prove proves possession with five challenges: [Provider.Proof] and
// [Provider.Submit]. The head must have reached the challenge epoch.
func (p *Provider) Prove(ctx context.Context, set uint64) (Receipt, error) {
	proof, err := p.Proof(ctx, set, challengesPerProof)
	if err != nil {
		return Receipt{}, err
	}
	return p.Submit(ctx, proof)
}

// challengesPerProof is what the warm storage service asks for.
const challengesPerProof = 5

// Submit sends provePossession with the proofs as they are, and the fee.
func (p *Provider) Submit(ctx context.Context, proof fevm.ProvePossession) (Receipt, error) {
	set := proof.SetID.Big()
	fee, err := p.readNumber(ctx, "latest", "calculateProofFee", set)
	if _, refused := errors.AsType[*RevertError](err); err != nil && !refused {
		return Receipt{}, err // a set without a fee is for the contract to refuse
	}
	return p.Send(ctx, p.verifier, fee, proof.Calldata())
}

// Proof makes proofs for the first n challenges of the current proving period.
// It fails before the period's challenge epoch, and if the provider does not
// hold a challenged piece.
func (p *Provider) Proof(ctx context.Context, set uint64, n int) (fevm.ProvePossession, error) {
	at, err := p.head(ctx)
	if err != nil {
		return fevm.ProvePossession{}, err
	}
	state, epoch, err := p.dataSet(ctx, at, set)
	if err != nil {
		return fevm.ProvePossession{}, err
	}
	if now, _ := attestation.ParseWord(at); epoch.IsZero() || epoch.Cmp(now) > 0 {
		return fevm.ProvePossession{}, fmt.Errorf("simulated: data set %d: challenge epoch %v is not reached at epoch %v", set, epoch.Big(), now.Big())
	}
	random, err := p.readNumber(ctx, at, "getRandomness", epoch.Big())
	if err != nil {
		return fevm.ProvePossession{}, err
	}
	seed, err := attestation.WordFromBig(random)
	if err != nil {
		return fevm.ProvePossession{}, err
	}
	challenges, err := state.Challenges(seed, n)
	if err != nil {
		return fevm.ProvePossession{}, err
	}
	proof := fevm.ProvePossession{SetID: state.ID}
	for _, c := range challenges {
		one, err := p.proveLeaf(state, c)
		if err != nil {
			return fevm.ProvePossession{}, err
		}
		proof.Proofs = append(proof.Proofs, one)
	}
	return proof, nil
}

func (p *Provider) proveLeaf(set fevm.DataSet, c fevm.Challenge) (fevm.MerkleProof, error) {
	id, _ := c.PieceID.Uint64() // made from the set's own ids
	offset, _ := c.Offset.Uint64()
	at := slices.IndexFunc(set.Pieces, func(x fevm.Piece) bool { return x.ID == id })
	cid, err := set.Pieces[at].CID.Parse()
	if err != nil {
		return fevm.MerkleProof{}, err
	}
	p.mu.Lock()
	tree := p.pieces[cid]
	p.mu.Unlock()
	if tree == nil {
		return fevm.MerkleProof{}, fmt.Errorf("simulated: the provider does not hold piece %v", cid)
	}
	return tree.Prove(offset)
}
