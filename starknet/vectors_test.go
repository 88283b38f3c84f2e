package starknet_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

// What starknet.js makes of the same values.
func TestStarknetJS(t *testing.T) {
	var v struct {
		Selectors    map[string]string `json:"selectors"`
		ReleaseChunk []struct {
			In       map[string]string `json:"in"`
			Calldata []string          `json:"calldata"`
		} `json:"release_chunk"`
		CreateDeal []struct {
			In       map[string]string `json:"in"`
			Calldata []string          `json:"calldata"`
		} `json:"create_deal"`
		GetDeal []struct {
			Result []string       `json:"result"`
			Parsed map[string]any `json:"parsed"`
		} `json:"get_deal"`
	}
	load(t, "starknetjs.json", &v)
	require.Len(t, v.Selectors, 21)
	for name, want := range v.Selectors {
		require.Equal(t, want, starknet.Selector(name).String(), name)
	}
	require.Len(t, v.ReleaseChunk, 10)
	for _, c := range v.ReleaseChunk {
		signed := attestation.Signed{
			Attestation: attestation.Attestation{
				DealID: wordOf(t, c.In["deal_id"]), ChunkIndex: uint64Of(t, c.In["chunk_index"]), ProofSetID: wordOf(t, c.In["proof_set_id"]),
				RootCID: wordOf(t, c.In["root_cid"]), Timestamp: uint64Of(t, c.In["timestamp"]),
			},
			Signature: attestation.Signature{R: wordOf(t, c.In["sig_r"]), S: wordOf(t, c.In["sig_s"]), V: uint32(uint64Of(t, c.In["sig_v"]))},
		}
		require.Equal(t, c.Calldata, hexes(starknet.EncodeReleaseChunk(signed)))
		back, err := starknet.DecodeReleaseChunk(feltsOf(t, c.Calldata))
		require.NoError(t, err)
		require.Equal(t, signed, back)
	}
	require.Len(t, v.CreateDeal, 10)
	for _, c := range v.CreateDeal {
		terms := slastream.Terms{
			Provider: addressOf(t, c.In["sp"]), Chunks: uint64Of(t, c.In["num_chunks"]), ChunkAmount: amountOf(t, c.In["chunk_amount"]),
			Collateral: amountOf(t, c.In["collateral"]), Duration: uint64Of(t, c.In["sla_duration_secs"]),
		}
		require.Equal(t, c.Calldata, hexes(starknet.EncodeCreateDeal(terms)))
		back, err := starknet.DecodeCreateDeal(feltsOf(t, c.Calldata))
		require.NoError(t, err)
		require.Equal(t, terms, back)
	}
	require.Len(t, v.GetDeal, 6)
	id := attestation.WordFromUint64(7)
	for _, c := range v.GetDeal {
		hex := func(k string) string { return c.Parsed[k].(string) }
		want := slastream.Deal{
			ID: id, Client: addressOf(t, hex("client")), Provider: addressOf(t, hex("sp")), Total: amountOf(t, hex("total_amount")),
			ChunkAmount: amountOf(t, hex("chunk_amount")), Chunks: uint64Of(t, hex("num_chunks")), Released: uint64Of(t, hex("chunks_released")),
			Collateral: amountOf(t, hex("collateral")), Deadline: uint64Of(t, hex("sla_deadline")),
			Active: c.Parsed["is_active"].(bool), Slashed: c.Parsed["is_slashed"].(bool),
		}
		got, err := starknet.DecodeDeal(id, feltsOf(t, c.Result))
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, c.Result, hexes(starknet.EncodeDeal(got)))
	}
}

// What the entry points of the real contract say to bad calldata.
func TestCalldata(t *testing.T) {
	var rows []struct {
		Name     string
		Fn       string
		Calldata []string
		Outcome  string
		Result   []string
		Texts    []string
	}
	load(t, "calldata_legacy.json", &rows)
	refused := 0
	for _, row := range rows {
		t.Run(row.Fn+": "+row.Name, func(t *testing.T) {
			in := feltsOf(t, row.Calldata)
			var err error
			switch row.Fn {
			case "release_chunk":
				_, err = starknet.DecodeReleaseChunk(in)
			case "create_deal":
				_, err = starknet.DecodeCreateDeal(in)
			case "get_deal":
				d, err := starknet.DecodeDeal(attestation.WordFromUint64(1), feltsOf(t, row.Result))
				require.NoError(t, err)
				require.Equal(t, row.Result, hexes(starknet.EncodeDeal(d)))
				return
			}
			if len(row.Texts) > 0 && (strings.HasPrefix(row.Texts[0], "Failed to des") || strings.HasPrefix(row.Texts[0], "Input too long")) {
				refused++
				require.Equal(t, &slastream.RevertError{Reason: row.Texts[0]}, err)
				return
			}
			require.NoError(t, err) // the contract got as far as its own checks
		})
	}
	require.Greater(t, refused, 30)
}

// What real transactions of the real contract left behind.
func TestLifecycle(t *testing.T) {
	type slot struct{ Key, Value string }
	type event struct {
		From string   `json:"from_address"`
		Keys []string `json:"keys"`
		Data []string `json:"data"`
	}
	var rows []struct {
		Kind, Step, ID, Status string
		GetDeal                []string        `json:"get_deal"`
		Storage                map[string]slot `json:"storage"`
		Reason                 string          `json:"revert_reason"`
		Events                 []event         `json:"events"`
		StrkToken              string          `json:"strk_token"`
		MockToken              string          `json:"mock_token"`
		EscrowMock             string          `json:"escrow_mock"`
		EscrowStrk             string          `json:"escrow_strk"`
	}
	load(t, "lifecycle.json", &rows)
	count := make(map[string]int)
	escrows, tokens := make(map[string]bool), make(map[string]bool)
	for _, row := range rows {
		count[row.Kind]++
		switch row.Kind {
		case "legend":
			escrows[row.EscrowMock], escrows[row.EscrowStrk] = true, true
			tokens[row.MockToken], tokens[row.StrkToken] = true, true
		case "deal":
			id := wordOf(t, row.ID)
			base := starknet.DealStorageKey(id)
			require.Equal(t, row.Storage["client"].Key, base.String())
			d, err := starknet.DecodeDeal(id, feltsOf(t, row.GetDeal))
			require.NoError(t, err)
			require.Equal(t, d.Exists(), d.ID == id)
			require.Equal(t, row.GetDeal, hexes(starknet.EncodeDeal(d)))
			// The slots hold the felts of get_deal in the same order.
			at := base.Clone()
			byKey := make(map[string]string)
			for _, s := range row.Storage {
				byKey[s.Key] = s.Value
			}
			for _, want := range row.GetDeal {
				require.Equal(t, want, byKey[at.String()])
				at.Add(at, feltOf(t, "0x1"))
			}
		case "chunk_released":
			for chunk, s := range row.Storage {
				require.Equal(t, s.Key, starknet.ChunkReleasedStorageKey(wordOf(t, row.ID), uint64Of(t, chunk)).String())
			}
		case "vars":
			require.Len(t, row.Storage, 9)
			for name, s := range row.Storage {
				name, half, _ := strings.Cut(name, ".")
				// The recording shortens the names of the two.
				key := starknet.StorageKey(strings.Replace(name, "pkp_", "pkp_pub_key_", 1))
				if half == "hi" {
					key.Add(key, feltOf(t, "0x1"))
				}
				require.Equal(t, s.Key, key.String())
			}
		case "tx":
			for _, e := range row.Events {
				keys, data := feltsOf(t, e.Keys), feltsOf(t, e.Data)
				switch {
				case tokens[e.From]:
					_, err := starknet.ParseTokenEvent(keys, data)
					require.NoError(t, err)
					_, err = starknet.ParseEvent(keys, data)
					require.ErrorIs(t, err, starknet.ErrUnknownEvent)
					count["token event"]++
				case escrows[e.From]:
					got, err := starknet.ParseEvent(keys, data)
					require.NoError(t, err)
					k, d := starknet.EncodeEvent(got)
					require.Equal(t, e.Keys, hexes(k))
					require.Equal(t, e.Data, hexes(d))
					count[strings.TrimPrefix(e.Keys[0], "0x")[:4]]++
				}
			}
			if row.Reason != "" {
				count["reverted"]++
				require.Equal(t, reasonByHand(row.Reason), receiptReason(t, row.Reason), row.Step)
			}
		}
	}
	require.Equal(t, 2, count["legend"])
	require.Equal(t, 102, count["reverted"])
	require.Greater(t, count["token event"], 150)
	for _, name := range []string{"DealCreated", "ChunkReleased", "DealSlashed", "DealCompleted", "Paused", "Unpaused"} {
		require.Positive(t, count[starknet.Selector(name).String()[2:6]], name)
	}
}

// reasonByHand is what stands in quotes at the end of the text, or its last
// line: another way than the package's, which decodes the felt before it.
func reasonByHand(text string) string {
	text = strings.TrimSpace(text)
	if _, quoted, ok := strings.Cut(text, " ('"); ok {
		return strings.TrimSuffix(quoted, "').")
	}
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// receiptReason is the reason that the package reads out of a receipt.
func receiptReason(t *testing.T, text string) string {
	t.Helper()
	node := newScript(t)
	node.answer("starknet_getTransactionReceipt", map[string]any{
		"transaction_hash": "0x1", "finality_status": "ACCEPTED_ON_L2", "execution_status": "REVERTED", "revert_reason": text,
		"block_hash": "0x2", "block_number": 3, "events": []any{}, "actual_fee": map[string]string{"amount": "0x0", "unit": "FRI"},
	})
	hash := attestation.WordFromUint64(1)
	s, err := starknet.NewEscrow(node.client(), slastream.Address{}).Status(t.Context(), hash)
	require.NoError(t, err)
	require.Equal(t, hash, s.Revert.TxHash)
	return s.Revert.Reason
}

// What the node answers to requests that fail, verbatim.
func TestRPCErrors(t *testing.T) {
	const nonce, validation, other, ok = "\x00nonce", "\x00validation", "\x00other", "\x00ok"
	// Every row of starknet_call, starknet_estimateFee and
	// starknet_addInvokeTransaction; text is the reason of a revert.
	want := map[string]string{
		"call: X mismatch":                            "PKP key X mismatch",
		"call: Y mismatch":                            "PKP key Y mismatch",
		"call: recovery failed (r=0)":                 "Signature recovery failed",
		"call: r=n Legacy":                            "Option::unwrap failed.",
		"call: r=n LowS":                              "Signature recovery failed",
		"call: r=p Legacy":                            "Invalid argument",
		"call: Deal not active":                       "Deal not active",
		"call: out of bounds":                         "chunk_index out of bounds",
		"call: Input too long":                        "Input too long for arguments",
		"call: short calldata":                        "Failed to deserialize param #8",
		"call: empty calldata":                        "Failed to deserialize param #1",
		"call: pause not owner":                       "Not owner",
		"call: create_deal, token reverts (2 frames)": "insufficient allowance",
		"call: create_deal via forwarder (3 frames)":  "insufficient allowance",
		"call: release via forwarder (2 frames)":      "PKP key X mismatch",
		"call: token not deployed":                    "Requested contract address 0x0000000000000000000000000000000000000000000000000000000000000000 is not deployed.",
		"call: token without transfer_from":           other,
		"call: STRK token, caller 0":                  "u256_sub Overflow",
		"call: forwarder to unknown selector":         other,
		"call: forwarder to undeployed contract":      "Requested contract address 0x0000000000000000000000000000000000000000000000000000000000001234 is not deployed.",
		"call: contract not found":                    other,
		"call: entry point not found":                 other,
		"call: block not found":                       other,
		"call: block hash not found":                  other,
		"call: old block before deployment":           other,
		"call: bad tag":                               other,
		"call: felt = P-1":                            "Failed to deserialize param #1",
		"call: felt without 0x":                       other,
		"call: ok get_deal l1_accepted":               other,
		"call missing params":                         other,
		"estimateFee: ok release":                     ok,
		"estimateFee: X mismatch":                     "PKP key X mismatch",
		"estimateFee: X mismatch SKIP_VALIDATE":       "PKP key X mismatch",
		"estimateFee: multicall, second fails":        "PKP key X mismatch",
		"estimateFee: two txs, second fails":          "Chunk already released",
		"estimateFee: nonce too high":                 nonce,
		"estimateFee: nonce too low":                  nonce,
		"estimateFee: nonce too low SKIP_VALIDATE":    nonce,
		"estimateFee: bad signature":                  validation,
		"estimateFee: bad signature SKIP_VALIDATE":    ok,
		"estimateFee: undeployed sender":              nonce,
		"estimateFee: sender is not an account":       nonce,
		"estimateFee: create, token reverts":          "insufficient allowance",
		"estimateFee: unknown selector":               "ENTRYPOINT_NOT_FOUND",
		"estimateFee: contract not deployed":          "Requested contract address 0x0000000000000000000000000000000000000000000000000000000000001234 is not deployed.",
		"estimateFee: latest block id":                ok,
		"estimateFee: version 3 with query bit":       validation,
		"estimateFee: account: empty calldata":        validation,
		"estimateFee: account: truncated calldata":    validation,
		"addInvoke: nonce too low":                    nonce,
		"addInvoke: nonce too high":                   nonce,
		"addInvoke: bad signature":                    validation,
		"addInvoke: l2 max_amount 1000":               other,
		"addInvoke: l2 price 1":                       other,
		"addInvoke: zero bounds":                      other,
		"addInvoke: bounds exceed balance":            other,
		"addInvoke: undeployed sender":                nonce,
		"addInvoke: sender is not an account":         other,
		"addInvoke: query version":                    other,
		"addInvoke: version 0x1":                      other,
		"addInvoke: missing nonce":                    other,
		"addInvoke: empty signature":                  validation,
		"addInvoke: same tx again":                    nonce,
	}
	var rows []struct {
		Name, Method string
		Response     struct {
			Result json.RawMessage
			Error  *jsonrpc.Error
		}
	}
	load(t, "rpc_errors.json", &rows)
	for _, row := range rows {
		node := newScript(t)
		node.on(row.Method, func([]json.RawMessage) (any, error) {
			if row.Response.Error != nil {
				return nil, row.Response.Error
			}
			return row.Response.Result, nil
		})
		var err error
		switch row.Method {
		case "starknet_call":
			_, err = starknet.NewEscrow(node.client(), slastream.Address{}).Deal(t.Context(), attestation.Word{})
		case "starknet_estimateFee":
			node.answer("starknet_getNonce", "0x0")
			_, err = newAccount(t, node).Sign(t.Context(), nil, 0)
		case "starknet_addInvokeTransaction":
			if row.Response.Error == nil {
				continue
			}
			node.fail("starknet_getTransactionReceipt", 29, "Transaction hash not found", "")
			node.fail("starknet_getTransactionStatus", 29, "Transaction hash not found", "")
			err = newAccount(t, node).Send(t.Context(), slastream.SignedTx{Body: []byte("{}")})
		default:
			continue
		}
		t.Run(row.Name, func(t *testing.T) {
			w, found := want[row.Name]
			require.True(t, found, "no expectation: %v", err)
			delete(want, row.Name)
			var revert *slastream.RevertError
			if !strings.HasPrefix(w, "\x00") {
				require.ErrorAs(t, err, &revert)
				require.Equal(t, &slastream.RevertError{Reason: w}, revert)
				return
			}
			require.NotErrorAs(t, err, &revert)
			require.Equal(t, w == ok, err == nil, "%v", err)
			require.Equal(t, w == nonce, errorIs(err, starknet.ErrNonce), "%v", err)
			require.Equal(t, w == validation, errorIs(err, starknet.ErrValidation), "%v", err)
			if w != ok {
				var rpc *jsonrpc.Error
				require.ErrorAs(t, err, &rpc, "the node's error is a cause")
				require.Equal(t, row.Response.Error.Code, rpc.Code)
			}
		})
	}
	require.Empty(t, want, "rows that are not there")
}

func TestRecordedReceipts(t *testing.T) {
	var rows []struct {
		Name, Method string
		Response     struct{ Result json.RawMessage }
	}
	load(t, "rpc_errors.json", &rows)
	seen := 0
	for _, row := range rows {
		if row.Method != "starknet_getTransactionReceipt" || row.Response.Result == nil {
			continue
		}
		seen++
		node := newScript(t)
		node.answer(row.Method, row.Response.Result)
		var r struct {
			Hash   string `json:"transaction_hash"`
			Status string `json:"execution_status"`
			Number uint64 `json:"block_number"`
			Block  string `json:"block_hash"`
		}
		require.NoError(t, json.Unmarshal(row.Response.Result, &r))
		s, err := newAccount(t, node).Status(t.Context(), wordOf(t, r.Hash))
		require.NoError(t, err)
		require.Equal(t, slastream.TxAccepted, s.State)
		require.Equal(t, r.Number, s.BlockNumber)
		require.Equal(t, wordOf(t, r.Block), s.BlockHash)
		require.Equal(t, r.Status == "REVERTED", s.Revert != nil)
		if row.Name == "receipt of that tx" {
			require.Equal(t, "Insufficient max L2Gas: max amount: 10000000, actual used: 24628480.", s.Revert.Reason)
		}
		_, err = newAccount(t, node).Status(context.Background(), attestation.WordFromUint64(1))
		require.ErrorIs(t, err, starknet.ErrBadAnswer, "the receipt of another transaction")
	}
	require.Equal(t, 3, seen)
}
