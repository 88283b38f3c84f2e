package simulated

// A version is a generation of the JSON-RPC specification.
type version uint8

const (
	v09 version = iota
	v010
)

func (v version) String() string { return [...]string{"0.9.0", "0.10.2"}[v] }

// A header is BLOCK_HEADER, or PRE_CONFIRMED_BLOCK_HEADER without the fields
// that only a sealed block has.
type header struct {
	Status       string   `json:"status,omitempty"`
	Hash         *hexFelt `json:"block_hash,omitempty"`
	Parent       *hexFelt `json:"parent_hash,omitempty"`
	Number       uint64   `json:"block_number"`
	Sequencer    hexFelt  `json:"sequencer_address"`
	Root         *hexFelt `json:"new_root,omitempty"`
	Timestamp    uint64   `json:"timestamp"`
	Version      string   `json:"starknet_version"`
	L1GasPrice   price    `json:"l1_gas_price"`
	L2GasPrice   price    `json:"l2_gas_price"`
	DataGasPrice price    `json:"l1_data_gas_price"`
	DataMode     string   `json:"l1_da_mode"`
	*commitments
}

// commitments are in the header since RPC 0.10. The counts are true, the
// commitments stand-ins.
type commitments struct {
	StateDiff       hexFelt `json:"state_diff_commitment"`
	StateDiffLength int     `json:"state_diff_length"`
	Transactions    hexFelt `json:"transaction_commitment"`
	Events          hexFelt `json:"event_commitment"`
	Count           int     `json:"transaction_count"`
	EventCount      int     `json:"event_count"`
	Receipts        hexFelt `json:"receipt_commitment"`
}

type price struct {
	FRI hexFelt `json:"price_in_fri"`
	Wei hexFelt `json:"price_in_wei"`
}

// header describes a block. The state root is 0, as on starknet-devnet: there
// is no state tree.
func (n *Node) header(v view, ver version) header {
	p := price{number(gasPrice), number(gasPrice)}
	h := header{
		Number:     v.number,
		Sequencer:  word(sequencer),
		Timestamp:  v.timestamp,
		Version:    [...]string{"0.14.0", "0.14.4"}[ver],
		L1GasPrice: p, L2GasPrice: p, DataGasPrice: p,
		DataMode: "BLOB",
	}
	if v.open {
		return h
	}
	h.Status, h.Hash, h.Parent, h.Root = statusL2, &v.hash, &v.parent, new(hexFelt)
	if v.l1 {
		h.Status = statusL1
	}
	if ver >= v010 {
		h.commitments = &commitments{
			StateDiff:       v.digest("state_diff_commitment"),
			StateDiffLength: n.changed(v.block),
			Transactions:    v.digest("transaction_commitment"),
			Events:          v.digest("event_commitment"),
			Count:           len(v.txs),
			EventCount:      v.events,
			Receipts:        v.digest("receipt_commitment"),
		}
	}
	return h
}

// A wireReceipt is TXN_RECEIPT, with the block if it does not stand in one.
type wireReceipt struct {
	Type        string    `json:"type"`
	Hash        hexFelt   `json:"transaction_hash"`
	Contract    *hexFelt  `json:"contract_address,omitempty"` // DEPLOY_ACCOUNT
	Fee         wireFee   `json:"actual_fee"`
	Messages    []int     `json:"messages_sent"` // none: nothing here sends to L1
	Events      []event   `json:"events"`
	Execution   string    `json:"execution_status"`
	Revert      string    `json:"revert_reason,omitempty"`
	Finality    string    `json:"finality_status"`
	BlockHash   *hexFelt  `json:"block_hash,omitempty"`
	BlockNumber *uint64   `json:"block_number,omitempty"`
	Resources   resources `json:"execution_resources"`
}

type wireFee struct {
	Unit   string  `json:"unit"`
	Amount hexFelt `json:"amount"`
}

type resources struct {
	L1Gas     uint64 `json:"l1_gas"`
	L1DataGas uint64 `json:"l1_data_gas"`
	L2Gas     uint64 `json:"l2_gas"`
}

// wireReceipt is the receipt of a transaction with that finality.
func (t *transaction) wireReceipt(status string, inBlock bool) wireReceipt {
	r := t.receipt
	out := wireReceipt{
		Type:      t.kind,
		Hash:      t.hash,
		Fee:       wireFee{"FRI", word(r.fee.Word())},
		Messages:  []int{},
		Events:    r.events,
		Execution: "SUCCEEDED",
		Revert:    r.reverted,
		Finality:  status,
		Resources: resources{L1DataGas: r.gas.data, L2Gas: r.gas.l2},
	}
	if r.reverted != "" {
		out.Execution = "REVERTED"
	}
	if t.kind == typeDeployAccount {
		address := word(t.sender)
		out.Contract = &address
	}
	if !inBlock {
		out.BlockNumber = &t.block.number
		if status != statusPreConfirmed {
			out.BlockHash = &t.block.hash
		}
	}
	return out
}
