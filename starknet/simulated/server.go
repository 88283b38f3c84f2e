package simulated

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

var _ http.Handler = (*Node)(nil)

// ServeHTTP answers JSON-RPC: RPC 0.9.0 at /, /rpc and /rpc/v0_9, RPC 0.10.2
// at /rpc/v0_10. The same with WebSocket at /ws, /ws/v0_9 and /ws/v0_10, and
// there the subscriptions too. A request has at most 16 MiB and a batch 1,000
// calls; there are at most 1,024 WebSockets, with 1,024 subscriptions each. A
// WebSocket ends with its connection or with [Node.Close]: http.Server.Shutdown
// does not close it.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, socket, ok := endpoint(r.URL.Path)
	switch {
	case !ok:
		http.NotFound(w, r)
	case socket:
		n.serveSocket(w, r, v)
	default:
		n.handlers[v].ServeHTTP(w, r)
	}
}

// endpoint is what a path stands for.
func endpoint(path string) (v version, socket, ok bool) {
	switch path {
	case "", "/", "/rpc", "/rpc/v0_9":
		return v09, false, true
	case "/rpc/v0_10":
		return v010, false, true
	case "/ws", "/ws/v0_9":
		return v09, true, true
	case "/ws/v0_10":
		return v010, true, true
	}
	return 0, false, false
}

// A method is one JSON-RPC method: the names of its parameters, those that
// may be absent last, and what it does.
type method struct {
	required []string
	optional []string
	since10  []string // optional too, since RPC 0.10
	run      func(*Node, version, args) (any, error)
	onSocket func(*Node, version, *socket, args) (any, error) // instead of run
}

// args are the parameters of one call, in the order of the method's names.
type args []json.RawMessage

// arg decodes a parameter; an absent one is the zero value.
func arg[T any](a args, i int) (T, error) {
	var v T
	if a[i] == nil {
		return v, nil
	}
	err := json.Unmarshal(a[i], &v)
	if _, ok := errors.AsType[*jsonrpc.Error](err); ok || err == nil {
		return v, err
	}
	return v, invalid("%v", err)
}

// args takes the parameters from an array or an object.
func (m *method) args(v version, params json.RawMessage) (args, error) {
	names := slices.Concat(m.required, m.optional)
	if v >= v010 {
		names = append(names, m.since10...)
	}
	list, err := jsonrpc.Params(params, names...)
	if err != nil {
		return nil, err
	}
	for i, name := range m.required {
		if list[i] == nil {
			return nil, invalid("missing field `%s`", name)
		}
	}
	for len(list) < len(m.required)+len(m.optional)+len(m.since10) {
		list = append(list, nil)
	}
	return list, nil
}

func (n *Node) handler(v version) jsonrpc.Handler {
	return func(_ context.Context, name string, params json.RawMessage) (any, error) {
		m, ok := methods[name]
		if !ok {
			return nil, errMethod
		}
		list, err := m.args(v, params)
		if err != nil {
			return nil, err
		}
		return m.run(n, v, list)
	}
}

// methods is filled by hand: what is not here is not there.
var methods = map[string]method{
	"starknet_specVersion":        {run: func(_ *Node, v version, _ args) (any, error) { return v.String(), nil }},
	"starknet_chainId":            {run: func(*Node, version, args) (any, error) { return chainID, nil }},
	"starknet_syncing":            {run: func(*Node, version, args) (any, error) { return false, nil }},
	"starknet_blockNumber":        {run: (*Node).blockNumber},
	"starknet_blockHashAndNumber": {run: (*Node).blockHashAndNumber},

	"starknet_getBlockWithTxHashes":            {required: []string{"block_id"}, run: (*Node).getBlockWithTxHashes},
	"starknet_getBlockWithTxs":                 {required: []string{"block_id"}, since10: []string{"response_flags"}, run: (*Node).getBlockWithTxs},
	"starknet_getBlockWithReceipts":            {required: []string{"block_id"}, since10: []string{"response_flags"}, run: (*Node).getBlockWithReceipts},
	"starknet_getBlockTransactionCount":        {required: []string{"block_id"}, run: (*Node).getBlockTransactionCount},
	"starknet_getTransactionByHash":            {required: []string{"transaction_hash"}, since10: []string{"response_flags"}, run: (*Node).getTransactionByHash},
	"starknet_getTransactionByBlockIdAndIndex": {required: []string{"block_id", "index"}, since10: []string{"response_flags"}, run: (*Node).getTransactionByIndex},
	"starknet_getTransactionReceipt":           {required: []string{"transaction_hash"}, run: (*Node).getTransactionReceipt},
	"starknet_getTransactionStatus":            {required: []string{"transaction_hash"}, run: (*Node).getTransactionStatus},
	"starknet_getStateUpdate":                  {required: []string{"block_id"}, since10: []string{"contract_addresses"}, run: (*Node).getStateUpdate},
	"starknet_getMessagesStatus":               {required: []string{"transaction_hash"}, run: (*Node).getMessagesStatus},
	"starknet_getEvents":                       {required: []string{"filter"}, run: (*Node).getEvents},

	"starknet_getNonce":        {required: []string{"block_id", "contract_address"}, run: (*Node).getNonce},
	"starknet_getStorageAt":    {required: []string{"contract_address", "key", "block_id"}, optional: []string{"response_flags"}, run: (*Node).getStorageAt},
	"starknet_getClass":        {required: []string{"block_id", "class_hash"}, run: (*Node).getClass},
	"starknet_getClassAt":      {required: []string{"block_id", "contract_address"}, run: (*Node).getClassAt},
	"starknet_getClassHashAt":  {required: []string{"block_id", "contract_address"}, run: (*Node).getClassHashAt},
	"starknet_getStorageProof": {required: []string{"block_id"}, optional: []string{"class_hashes", "contract_addresses", "contracts_storage_keys"}, run: (*Node).getStorageProof},
	"starknet_getCompiledCasm": {required: []string{"class_hash"}, run: (*Node).getCompiledCasm},
	"starknet_call":            {required: []string{"request", "block_id"}, run: (*Node).call},

	"starknet_estimateFee":                 {required: []string{"request", "simulation_flags", "block_id"}, run: (*Node).estimateFee},
	"starknet_simulateTransactions":        {required: []string{"block_id", "transactions", "simulation_flags"}, run: (*Node).simulateTransactions},
	"starknet_estimateMessageFee":          {required: []string{"message", "block_id"}, run: (*Node).estimateMessageFee},
	"starknet_traceTransaction":            {required: []string{"transaction_hash"}, run: (*Node).traceTransaction},
	"starknet_traceBlockTransactions":      {required: []string{"block_id"}, since10: []string{"trace_flags"}, run: (*Node).traceBlock},
	"starknet_addInvokeTransaction":        {required: []string{"invoke_transaction"}, run: (*Node).addInvokeTransaction},
	"starknet_addDeclareTransaction":       {required: []string{"declare_transaction"}, run: (*Node).addDeclareTransaction},
	"starknet_addDeployAccountTransaction": {required: []string{"deploy_account_transaction"}, run: (*Node).addDeployAccountTransaction},

	"devnet_setTime":                {required: []string{"time"}, optional: []string{"generate_block"}, run: (*Node).devnetSetTime},
	"devnet_increaseTime":           {required: []string{"time"}, run: (*Node).devnetIncreaseTime},
	"devnet_acceptOnL1":             {required: []string{"starting_block_id"}, run: (*Node).devnetAcceptOnL1},
	"devnet_createBlock":            {run: (*Node).devnetCreateBlock},
	"devnet_abortBlocks":            {required: []string{"starting_block_id"}, run: (*Node).devnetAbortBlocks},
	"devnet_mint":                   {required: []string{"address", "amount"}, optional: []string{"unit"}, run: (*Node).devnetMint},
	"devnet_getPredeployedAccounts": {optional: []string{"with_balance"}, run: (*Node).devnetAccounts},
}
