package simulated

import (
	"encoding/json"

	"github.com/slastream/slastream-go/internal/jsonrpc"
)

// The errors of the Starknet JSON-RPC specification that this node answers,
// with the texts of RPC 0.9.0.
var (
	errContract   = &jsonrpc.Error{Code: 20, Message: "Contract not found"}
	errEntryPoint = &jsonrpc.Error{Code: 21, Message: "Requested entrypoint does not exist in the contract"}
	errBlock      = &jsonrpc.Error{Code: 24, Message: "Block not found"}
	errIndex      = &jsonrpc.Error{Code: 27, Message: "Invalid transaction index in a block"}
	errClass      = &jsonrpc.Error{Code: 28, Message: "Class hash not found"}
	errHash       = &jsonrpc.Error{Code: 29, Message: "Transaction hash not found"}
	errPageSize   = &jsonrpc.Error{Code: 31, Message: "Requested page size is too big"}
	errToken      = &jsonrpc.Error{Code: 33, Message: "The supplied continuation token is invalid or unknown"}
	errKeys       = &jsonrpc.Error{Code: 34, Message: "Too many keys provided in a filter"}
	errCall       = &jsonrpc.Error{Code: 40, Message: "Contract error"}
	errExecution  = &jsonrpc.Error{Code: 41, Message: "Transaction execution error"}
	errNonce      = &jsonrpc.Error{Code: 52, Message: "Invalid transaction nonce"}
	errBounds     = &jsonrpc.Error{Code: 53, Message: "The transaction's resources don't cover validation or the minimal transaction fee"}
	errBalance    = &jsonrpc.Error{Code: 54, Message: "Account balance is smaller than the transaction's maximal fee (calculated as the sum of each resource's limit x max price)"}
	errValidation = &jsonrpc.Error{Code: 55, Message: "Account validation failed"}
	errDuplicate  = &jsonrpc.Error{Code: 59, Message: "A transaction with the same hash already exists in the mempool"}
	errQuery      = &jsonrpc.Error{Code: -1, Message: "only-query transactions are not supported"}
	errMethod     = &jsonrpc.Error{Code: jsonrpc.CodeNoMethod, Message: "Method not found"}
)

// withData returns e with data, which must encode.
func withData(e *jsonrpc.Error, data any) *jsonrpc.Error {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err) // felts, numbers and strings of this package
	}
	return &jsonrpc.Error{Code: e.Code, Message: e.Message, Data: raw}
}
