package lit_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/policy"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/lit"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
	snsim "github.com/slastream/slastream-go/starknet/simulated"
)

const firstEpoch = 3_300_000

// A tamper changes what one node answers to a method, in place; answer holds
// "result" or "error".
type tamper func(method string, params []json.RawMessage, answer map[string]any)

// A world is both chains behind three nodes each, a deal that is bound to a data
// set, and the hardened action with its runtime.
type world struct {
	t        testing.TB
	fevm     *fevmsim.Node
	starknet *snsim.Node
	provider *fevmsim.Provider
	client   snsim.Account // of the deals
	config   lit.Config
	action   *lit.Action
	domain   attestation.Domain
	runtime  *runtime
	deal     attestation.Word
	set      attestation.Word
	binding  lit.Binding

	mu      sync.Mutex
	tampers map[string]tamper
	seen    []string // "host method", in order
}

// actionKey is how the fake Lit derives the key of a CID.
func actionKey(cid string) *ecdsa.PrivateKey {
	sum := sha256.Sum256([]byte("lit_action_" + cid))
	key, err := crypto.ToECDSA(sum[:])
	if err != nil {
		panic(err)
	}
	return key
}

func publicKey(cid string) attestation.PublicKey {
	key, err := attestation.ParsePublicKey(crypto.FromECDSAPub(&actionKey(cid).PublicKey))
	if err != nil {
		panic(err)
	}
	return key
}

func newWorld(t testing.TB, changes ...func(*lit.Config)) *world {
	t.Helper()
	w := &world{t: t, tampers: make(map[string]tamper)}
	w.fevm = fevmsim.New(fevmsim.WithStart(firstEpoch))
	w.provider = w.fevm.Provider(w.fevm.Accounts()[1])
	clock := func() uint64 { return fevmsim.Genesis + 30*firstEpoch }
	w.config = lit.Config{
		Escrow:      escrowOf(t, snsim.New(snsim.Options{Clock: clock})),
		StarknetRPC: []string{"https://sn1.test/rpc", "https://sn2.test/rpc", "https://sn3.test/rpc"},
		ChainID:     fevmsim.ChainID,
		Verifier:    attestation.EthereumAddress(w.fevm.Verifier()),
		FEVMRPC:     []string{"https://fevm1.test/", "https://fevm2.test/", "https://fevm3.test/"},
	}
	for _, change := range changes {
		change(&w.config)
	}
	var err error
	w.action, err = lit.NewAction(w.config)
	require.NoError(t, err)
	w.starknet = snsim.New(snsim.Options{Clock: clock, Key: publicKey(w.action.CID())})
	w.domain = w.starknet.Domain()
	require.Equal(t, w.domain, w.action.Domain(publicKey(w.action.CID())), "the address follows from the key")
	w.client = w.starknet.Accounts()[1]
	w.runtime = &runtime{fetch: w.fetch, key: actionKey}
	w.deal = w.openDeal(300)

	set, err := w.provider.CreateDataSet(t.Context(), common.Address{})
	require.NoError(t, err)
	w.set = attestation.WordFromUint64(set)
	_, err = w.provider.AddPieces(t.Context(), set, []byte("some data that somebody pays for"), bytes.Repeat([]byte("more "), 500))
	require.NoError(t, err)
	w.binding = w.bind(w.client, w.deal, w.set, firstEpoch+1)
	return w
}

// escrowOf reads how a simulated node deployed its escrow.
func escrowOf(t testing.TB, node *snsim.Node) lit.Escrow {
	t.Helper()
	caller := jsonrpc.NewClient("http://starknet.test/rpc", node.Client())
	var class string
	require.NoError(t, caller.CallContext(t.Context(), &class, "starknet_getClassHashAt", "latest", node.Escrow()))
	hash, err := attestation.ParseWord(class)
	require.NoError(t, err)
	return lit.Escrow{
		ChainID: node.Domain().ChainID, ClassHash: hash, Deployer: node.Accounts()[0].Address.Word(),
		Args: []attestation.Word{node.Token().Word()},
	}
}

// escrow is the escrow as an account uses it.
func (w *world) escrow(a snsim.Account) *starknet.Escrow {
	w.t.Helper()
	caller := jsonrpc.NewClient("http://starknet.test/rpc", w.starknet.Client())
	key, err := starknet.NewLocalKey(a.PrivateKey)
	require.NoError(w.t, err)
	account := starknet.NewAccount(caller, starknet.Sepolia, a.Address, key, starknet.WithPoll(time.Millisecond))
	return starknet.NewEscrow(caller, w.starknet.Escrow(), starknet.WithAccount(account))
}

func (w *world) openDeal(chunks uint64) attestation.Word {
	w.t.Helper()
	id, err := w.escrow(w.client).CreateDeal(w.t.Context(), slastream.Terms{
		Provider: w.starknet.Accounts()[2].Address, Chunks: chunks, ChunkAmount: slastream.AmountFromUint64(100), Duration: 1 << 30,
	})
	require.NoError(w.t, err)
	return id
}

// bind makes the binding that an account signs.
func (w *world) bind(by snsim.Account, deal, set attestation.Word, start uint64) lit.Binding {
	w.t.Helper()
	b := lit.Binding{DealID: deal, SetID: set, StartEpoch: start}
	key, err := starknet.NewLocalKey(by.PrivateKey)
	require.NoError(w.t, err)
	hash, err := starknet.FeltFromWord(w.action.BindingHash(publicKey(w.action.CID()), b))
	require.NoError(w.t, err)
	r, s, err := key.SignHash(w.t.Context(), hash)
	require.NoError(w.t, err)
	b.Signature = []attestation.Word{starknet.WordFromFelt(r), starknet.WordFromFelt(s)}
	return b
}

// fetch is the network of the action.
func (w *world) fetch(raw string, body []byte) (int, []byte, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return 0, nil, err
	}
	var node http.Handler
	switch {
	case strings.HasPrefix(u.Host, "fevm"):
		node = w.fevm
	case strings.HasPrefix(u.Host, "sn"):
		node = w.starknet
	default:
		return 0, nil, errors.New("no such host: " + u.Host)
	}
	var req struct {
		Method string
		Params json.RawMessage
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return 0, nil, err
	}
	var list []json.RawMessage
	if json.Unmarshal(req.Params, &list) != nil {
		list = []json.RawMessage{req.Params}
	}
	rec := httptest.NewRecorder()
	httpReq := httptest.NewRequest(http.MethodPost, u.Path, bytes.NewReader(body))
	httpReq.Header.Set("Content-Type", "application/json")
	node.ServeHTTP(rec, httpReq)
	answer := make(map[string]any)
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
		return 0, nil, err
	}
	w.mu.Lock()
	w.seen = append(w.seen, u.Host+" "+req.Method)
	change := w.tampers[u.Host]
	w.mu.Unlock()
	if change != nil {
		change(req.Method, list, answer)
		if answer["down"] != nil {
			return 0, nil, errors.New("connection refused")
		}
	}
	out, err := json.Marshal(answer)
	return http.StatusOK, out, err
}

// tamper makes nodes lie; no hosts means all of that chain.
func (w *world) tamper(change tamper, hosts ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, host := range hosts {
		w.tampers[host+".test"] = change
	}
}

var (
	fevmNodes     = []string{"fevm1", "fevm2", "fevm3"}
	starknetNodes = []string{"sn1", "sn2", "sn3"}
)

// down is a node that cannot be reached.
func down(_ string, _ []json.RawMessage, answer map[string]any) { answer["down"] = true }

// proveNext opens a proving period and proves it.
func (w *world) proveNext() fevmsim.Receipt {
	w.t.Helper()
	w.openPeriod()
	receipt, err := w.provider.Prove(w.t.Context(), w.setID())
	require.NoError(w.t, err)
	return receipt
}

func (w *world) openPeriod() {
	w.t.Helper()
	at := w.fevm.Head() + 20
	_, err := w.provider.NextProvingPeriod(w.t.Context(), w.setID(), at)
	require.NoError(w.t, err)
	w.mine(at - w.fevm.Head())
}

// proveWith proves the open period with n challenges.
func (w *world) proveWith(n int) fevmsim.Receipt {
	w.t.Helper()
	proof, err := w.provider.Proof(w.t.Context(), w.setID(), n)
	require.NoError(w.t, err)
	receipt, err := w.provider.Submit(w.t.Context(), proof)
	require.NoError(w.t, err)
	return receipt
}

func (w *world) mine(n uint64) {
	w.t.Helper()
	_, err := w.fevm.Mine(n)
	require.NoError(w.t, err)
}

func (w *world) setID() uint64 {
	id, _ := w.set.Uint64()
	return id
}

// requests are the requests that a relay makes of the chain: those of package
// policy, one for each payable proof of the data set.
func (w *world) requests() []signer.Request {
	w.t.Helper()
	w.mine(15)
	client, err := chain.New(jsonrpc.NewClient("http://fevm.test/", w.fevm.Client()), chain.Config{ChainID: fevmsim.ChainID})
	require.NoError(w.t, err)
	source, err := policy.NewSource(client, policy.Config{ChainID: fevmsim.ChainID, Verifier: w.config.Verifier, FromBlock: firstEpoch, MinChallenges: w.config.MinChallenges})
	require.NoError(w.t, err)
	head, err := source.Head(w.t.Context())
	require.NoError(w.t, err)
	var list []signer.Request
	for proof, err := range source.Proofs(w.t.Context(), w.set, w.binding.StartEpoch, head) {
		require.NoError(w.t, err)
		list = append(list, w.request(uint64(len(list)), proof))
	}
	return list
}

func (w *world) request(chunk uint64, proof slastream.Proof) signer.Request {
	return signer.Request{
		Attestation: attestation.Attestation{DealID: w.deal, ChunkIndex: chunk, ProofSetID: w.set, RootCID: proof.RootCID, Timestamp: proof.Timestamp},
		Domain:      w.domain,
		Evidence:    proof.Evidence,
	}
}

// sign is a signature that the action's key made before, as the history has it.
func (w *world) sign(a attestation.Attestation) attestation.Signed {
	w.t.Helper()
	return w.signBy(actionKey(w.action.CID()), a)
}

func (w *world) signBy(key *ecdsa.PrivateKey, a attestation.Attestation) attestation.Signed {
	w.t.Helper()
	return attestation.Signed{Attestation: a, Signature: signatureBy(w.t, key, a)}
}

func signatureBy(t testing.TB, key *ecdsa.PrivateKey, a attestation.Attestation) attestation.Signature {
	t.Helper()
	digest := a.Digest()
	raw, err := crypto.Sign(digest[:], key)
	require.NoError(t, err)
	sig, err := attestation.ParseSignature(raw)
	require.NoError(t, err)
	return sig
}

// transactionIn is the hash of the one transaction of an epoch.
func (w *world) transactionIn(epoch uint64) string {
	w.t.Helper()
	var block struct{ Transactions []string }
	caller := jsonrpc.NewClient("http://fevm.test/", w.fevm.Client())
	require.NoError(w.t, caller.CallContext(w.t.Context(), &block, "eth_getBlockByNumber", hexOf(epoch), false))
	require.Len(w.t, block.Transactions, 1)
	return block.Transactions[0]
}

// anyTransaction is one that succeeded, is final and proves nothing.
func (w *world) anyTransaction() string { return w.transactionIn(firstEpoch + 1) }

// Execute implements lit.Executor without a service in between.
func (w *world) Execute(_ context.Context, code string, params any) (json.RawMessage, error) {
	b, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	cid, err := lit.CID(code)
	if err != nil {
		return nil, err
	}
	response, err := w.runtime.run(cid, code, b)
	if err != nil {
		return nil, refused(err)
	}
	return response, nil
}

// refused makes the error that a client makes of an exception.
func refused(err error) error {
	text := err.Error()
	_, rest, ok := strings.Cut(text, "slastream[")
	if !ok {
		return &lit.ActionError{Message: text}
	}
	code, message, _ := strings.Cut(rest, "]: ")
	return &lit.ActionError{Code: code, Message: message}
}

// memory is a history of the world's binding and of signed chunks.
func (w *world) memory(signed ...attestation.Attestation) *lit.Memory {
	m := new(lit.Memory)
	m.Bind(w.binding)
	for _, a := range signed {
		m.Add(w.sign(a))
	}
	return m
}

// signer is the action as a signer, pinned to its key.
func (w *world) signer(history lit.History) signer.Signer {
	w.t.Helper()
	s, err := signer.NewAction(lit.NewKey(w, w.action, publicKey(w.action.CID()), history))
	require.NoError(w.t, err)
	return s
}

// params are the parameters that a relay would send for a request, to be changed
// by who calls the action without it.
func (w *world) params(req signer.Request, history lit.History) map[string]any {
	w.t.Helper()
	var got map[string]any
	capture := executor(func(_ string, params any) (json.RawMessage, error) {
		b, err := json.Marshal(params)
		require.NoError(w.t, err)
		require.NoError(w.t, json.Unmarshal(b, &got))
		return nil, errors.New("captured")
	})
	_, _, err := lit.NewKey(capture, w.action, publicKey(w.action.CID()), history).SignRequest(w.t.Context(), req)
	require.ErrorContains(w.t, err, "captured")
	return got
}

type executor func(code string, params any) (json.RawMessage, error)

func (f executor) Execute(_ context.Context, code string, params any) (json.RawMessage, error) {
	return f(code, params)
}

// refuses requires that the action throws with a code, and signs nothing.
func (w *world) refuses(code, message string, params map[string]any) {
	w.t.Helper()
	signed := 0
	w.runtime.signed = func([]byte) { signed++ }
	defer func() { w.runtime.signed = nil }()
	response, err := w.Execute(context.Background(), w.action.Code(), params)
	require.Nil(w.t, response)
	var refusal *lit.ActionError
	require.ErrorAs(w.t, err, &refusal, "%v", err)
	require.Equal(w.t, code, refusal.Code, refusal.Message)
	require.Contains(w.t, refusal.Message, message)
	require.Zero(w.t, signed, "nothing may be signed")
}

// set changes a parameter named by its path, such as "evidence.txHash".
func set(params map[string]any, path string, value any) map[string]any {
	out := clone(params)
	at := out
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		at = at[name].(map[string]any)
	}
	at[names[len(names)-1]] = value
	return out
}

func clone(params map[string]any) map[string]any {
	b, err := json.Marshal(params)
	if err != nil {
		panic(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		panic(err)
	}
	return out
}

func (w *world) requestsSent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.seen)
	w.seen = slices.Delete(w.seen, 0, n)
	return n
}

func hexOf(v uint64) string { return fmt.Sprintf("%#x", v) }

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
