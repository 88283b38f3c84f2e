package escrow_test

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// lifecycleRow is one row of lifecycle.json: something that was done on a real
// node, or read from it, in order.
type lifecycleRow struct {
	Profile string `json:"profile"`
	Kind    string `json:"kind"`
	Step    string `json:"step"`

	// kind tx
	Caller string `json:"caller"`
	Calls  []struct {
		To         string `json:"to"`
		Entrypoint string `json:"entrypoint"`
		Calldata   []felt `json:"calldata"`
	} `json:"calls"`
	Status       string    `json:"execution_status"`
	RevertReason string    `json:"revert_reason"`
	Events       []emitted `json:"events"`
	Retdata      [][]felt  `json:"retdata"`
	Timestamp    uint64    `json:"block_timestamp"`
	Block        uint64    `json:"block_number"`

	// kind devnet_setTime
	Response struct {
		Timestamp uint64 `json:"block_timestamp"`
	} `json:"response"`

	// kinds deal, chunk_released, vars, balances
	Escrow   string                          `json:"escrow"`
	ID       attestation.Word                `json:"id"`
	GetDeal  []felt                          `json:"get_deal"`
	Storage  map[string]struct{ Value felt } `json:"storage"`
	Counter  []felt                          `json:"get_deal_counter"`
	Key      []felt                          `json:"get_pkp_public_key"`
	Token    string                          `json:"token"`
	Balances map[string][]felt               `json:"balances"`

	raw json.RawMessage
}

func (r *lifecycleRow) UnmarshalJSON(b []byte) error {
	type plain lifecycleRow
	r.raw = append(json.RawMessage(nil), b...)
	return json.Unmarshal(b, (*plain)(r))
}

// world is the part of the node that the rows are about: four escrows of one
// class, two tokens and the forwarder that owns one escrow.
type world struct {
	names   map[string]slastream.Address
	escrows map[slastream.Address]*escrow.Contract
	tokens  map[slastream.Address]token
	log     []emitted
	block   uint64 // newest block that a row shows
	time    uint64 // its timestamp
}

// worldHost is the world as one escrow sees it. It is no Undoer: the world
// undoes a failed transaction as a whole, as a node does.
type worldHost struct {
	*world
	escrow, token slastream.Address
}

func (h worldHost) Transfer(from, to slastream.Address, amount slastream.Amount) error {
	return h.tokens[h.token].Transfer(from, to, amount)
}

func (h worldHost) TransferFrom(caller, from, to slastream.Address, amount slastream.Amount) error {
	return h.tokens[h.token].TransferFrom(caller, from, to, amount)
}

func (h worldHost) Emit(e slastream.Event) { h.log = append(h.log, emit(h.escrow, e)) }

// newWorld returns a node without escrows: STRK and two accounts that hold
// some of it. The provider has the 10^24 of a predeployed account, because the
// rows read its balance.
func newWorld(t *testing.T, legend lifecycleRow) *world {
	t.Helper()
	w := &world{escrows: map[slastream.Address]*escrow.Contract{}, tokens: map[slastream.Address]token{}}
	w.enter(t, legend)
	address := w.names["strk_token"]
	strk := escrow.NewLedger(func(e escrow.TokenEvent) { w.log = append(w.log, emit(address, e)) })
	require.NoError(t, strk.Mint(w.names["client"], amount(1e18)))
	require.NoError(t, strk.Mint(w.names["sp"], parseAmount(t, "1000000", 18)))
	w.tokens[address], w.log = strk, nil
	return w
}

// deploy adds the mock token and the four escrows of one profile.
func (w *world) deploy(t *testing.T, legend lifecycleRow) {
	t.Helper()
	w.enter(t, legend)
	var key struct {
		PublicKey attestation.PublicKey `json:"public_key"`
	}
	require.NoError(t, json.Unmarshal(legend.raw, &key))
	rules := map[string]attestation.Rules{"legacy": attestation.RulesLegacy, "lows": attestation.RulesLowS}[legend.Profile]
	for name, made := range map[string]struct{ owner, token string }{
		"escrow_mock":       {"forwarder_owner", "mock_token"},
		"escrow_strk":       {"udc", "strk_token"},
		"escrow_udc":        {"udc", "mock_token"},
		"escrow_udc_cairo0": {"udc_cairo0", "mock_token"},
	} {
		address, token := w.names[name], w.names[made.token]
		w.escrows[address] = escrow.New(escrow.Params{
			Owner: w.names[made.owner], Key: key.PublicKey, Token: token, Rules: rules, Address: address,
		}, worldHost{w, address, token})
	}
	w.tokens[w.names["mock_token"]] = newMockToken(w.names["client"], parseAmount(t, "1", 36))
}

// enter makes the names of a profile known.
func (w *world) enter(t *testing.T, legend lifecycleRow) {
	t.Helper()
	w.names = map[string]slastream.Address{}
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(legend.raw, &fields))
	for name, raw := range fields {
		var a slastream.Address
		if json.Unmarshal(raw, &a) == nil {
			w.names[name] = a
		}
	}
}

func parseAmount(t testing.TB, s string, decimals uint8) slastream.Amount {
	t.Helper()
	a, err := slastream.ParseAmount(s, decimals)
	require.NoError(t, err)
	return a
}

func (w *world) address(name string) slastream.Address {
	if a, ok := w.names[name]; ok {
		return a
	}
	return slastream.Address(mustWord(name))
}

// call runs one call of a transaction. ok is false if it leaves what the model
// covers: another contract, another entry point, or arguments the ABI refuses.
func (w *world) call(call escrow.Call, to slastream.Address, entrypoint string, felts []felt) (ret []felt, ok bool, err error) {
	if inner, found := strings.CutPrefix(entrypoint, "fwd("); found && to == w.names["forwarder_owner"] {
		target, inner := slastream.Address(felts[0]), strings.TrimSuffix(inner, ")")
		ret, ok, err = w.call(escrow.Call{From: to, At: call.At}, target, inner, felts[3:])
		return append([]felt{word(uint64(len(ret)))}, ret...), ok, err
	}
	if token, found := w.tokens[to]; found && entrypoint == "approve" {
		in := &calldata{felts: felts}
		spender, amount := in.address(), in.amount()
		return []felt{word(1)}, in.end(), token.Approve(call.From, spender, amount)
	}
	if c, found := w.escrows[to]; found {
		return invoke(c, call, entrypoint, felts)
	}
	return nil, false, nil
}

// transact runs a transaction as a whole or not at all.
func (w *world) transact(row lifecycleRow) (ret [][]felt, ok bool, err error) {
	marks := map[interface{ Revert(int) bool }]int{}
	for _, c := range w.escrows {
		marks[c] = c.Snapshot()
	}
	for _, token := range w.tokens {
		marks[token] = token.Snapshot()
	}
	logged := len(w.log)
	for _, c := range row.Calls {
		var felts []felt
		felts, ok, err = w.call(escrow.Call{From: w.names[row.Caller], At: w.time}, w.address(c.To), c.Entrypoint, c.Calldata)
		if !ok || err != nil {
			for s, mark := range marks {
				s.Revert(mark)
			}
			w.log = w.log[:logged]
			return nil, ok, err
		}
		ret = append(ret, felts)
	}
	return ret, true, nil
}

var panicText = regexp.MustCompile(`\('([^']*)'\)\.\n$`)

// TestLifecycle replays what was done on a real node under both corelibs and
// compares status, revert text, return data, events and, where the rows read
// them, deals, storage and balances.
func TestLifecycle(t *testing.T) {
	rows := readVectors[lifecycleRow](t, "lifecycle.json")
	var w *world // one node saw both profiles
	for _, profile := range []string{"legacy", "lows"} {
		t.Run(profile, func(t *testing.T) {
			used := map[string]int{}
			var outside []string
			history := map[felt][]emitted{}
			for _, row := range rows {
				if row.Profile != profile {
					continue
				}
				switch row.Kind {
				case "legend":
					if w == nil {
						w = newWorld(t, row)
					}
					w.deploy(t, row)
				case "devnet_setTime": // makes a block
					w.block, w.time = w.block+1, row.Response.Timestamp
					continue
				case "tx":
					if !replay(t, w, row) {
						outside = append(outside, row.Step)
						continue
					}
					for _, e := range w.log {
						history[e.From] = append(history[e.From], e)
					}
					w.log = nil
				case "deal", "chunk_released", "vars":
					checkStorage(t, w, row)
				case "balances":
					for name, limbs := range row.Balances {
						have := w.tokens[w.address(row.Token)].Balance(w.address(name))
						require.Equal(t, limbs, u256(have.Word()), "%s: balance of %s", row.Step, name)
					}
				case "getEvents":
					require.Equal(t, row.Events, history[felt(w.names[row.Escrow])], "whole history of %s", row.Escrow)
				default:
					continue // how the node was driven
				}
				used[row.Kind]++
			}
			require.Equal(t, map[string]int{
				"legend": 1, "tx": 77, "deal": 10, "chunk_released": 6, "vars": 8, "balances": 9, "getEvents": 2,
			}, used)
			require.Equal(t, []string{
				"release with v=2^32", "release with one extra felt", "release with 12 felts", "release with r.lo=2^128",
				"unknown selector", "call to an undeployed contract", "create: token 0", "create: token = account contract",
			}, outside)
		})
	}
}

// replay runs one transaction and compares it with the node's. It reports
// false if the model does not cover it.
func replay(t *testing.T, w *world, row lifecycleRow) bool {
	t.Helper()
	// A contract on devnet sees the timestamp of the block before its own. Where
	// no row shows that block, its time was raised long before the deadline or
	// long after it, and the own one does as well.
	if row.Block != w.block+1 {
		w.time = row.Timestamp
	}
	ret, ok, err := w.transact(row)
	w.block, w.time = row.Block, row.Timestamp
	if !ok {
		return false
	}
	// Every receipt ends with the fee transfer.
	require.Equal(t, row.Events[:len(row.Events)-1], append([]emitted{}, w.log...), row.Step)
	if row.Status == "REVERTED" {
		requireReason(t, panicText.FindStringSubmatch(row.RevertReason)[1], err, row.Step)
		return true
	}
	require.NoError(t, err, row.Step)
	require.Equal(t, row.Retdata, ret, row.Step)
	return true
}

func checkStorage(t *testing.T, w *world, row lifecycleRow) {
	t.Helper()
	c := w.escrows[w.address(row.Escrow)]
	require.NotNil(t, c, row.Step)
	switch row.Kind {
	case "deal":
		have := dealFelts(c.Deal(row.ID))
		require.Equal(t, row.GetDeal, have, row.Step)
		for i, member := range []string{
			"client", "sp", "total.lo", "total.hi", "chunk.lo", "chunk.hi", "num_chunks",
			"released", "collateral.lo", "collateral.hi", "deadline", "active", "slashed",
		} {
			require.Equal(t, row.Storage[member].Value, have[i], "%s: %s", row.Step, member)
		}
	case "chunk_released":
		for index, slot := range row.Storage {
			i, err := strconv.ParseUint(index, 10, 64)
			require.NoError(t, err)
			require.Equal(t, slot.Value, flag(c.ChunkReleased(row.ID, i)), "%s: chunk %d", row.Step, i)
		}
	case "vars":
		p, count := c.Params(), u256(c.DealCount())
		x, y := u256(p.Key.X), u256(p.Key.Y)
		have := map[string]felt{
			"paused": flag(c.Paused()), "owner": felt(p.Owner), "strk_token": felt(p.Token),
			"deal_counter.lo": count[0], "deal_counter.hi": count[1],
			"pkp_x.lo": x[0], "pkp_x.hi": x[1], "pkp_y.lo": y[0], "pkp_y.hi": y[1],
		}
		require.Len(t, row.Storage, len(have))
		for name, slot := range row.Storage {
			require.Equal(t, slot.Value, have[name], "%s: %s", row.Step, name)
		}
		require.Equal(t, row.Counter, count, row.Step)
		require.Equal(t, row.Key, append(x, y...), row.Step)
	}
}
