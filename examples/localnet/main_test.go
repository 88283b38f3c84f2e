package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/gorilla/websocket"
	fevmsim "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/starknet"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs localnet on free ports and returns its line. stop ends it as a
// signal does and checks that it took no error and no long time.
func start(t *testing.T, args ...string) (c config, line []byte, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-starknet", "127.0.0.1:0", "-fevm", "127.0.0.1:0"}, args...), w, io.Discard)
		w.CloseWithError(io.EOF)
		done <- err
	}()
	line, readErr := bufio.NewReader(r).ReadBytes('\n')
	if readErr != nil {
		cancel()
		require.FailNow(t, "no line", "%v", <-done)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&c))
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		http.DefaultClient.CloseIdleConnections()
		cancel()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(10 * time.Second):
			require.FailNow(t, "localnet does not stop")
		}
	}
	t.Cleanup(stop)
	return c, line, stop
}

// call makes one JSON-RPC call over HTTP.
func call[T any](t *testing.T, url, method string, params ...any) (result T) {
	t.Helper()
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	require.NoError(t, err)
	response, err := http.Post(url, "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	defer response.Body.Close()
	var answer struct {
		Result *T
		Error  json.RawMessage
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	require.Empty(t, string(answer.Error))
	require.NotNil(t, answer.Result)
	return *answer.Result
}

// starknetBlock is what the tests need of a block header.
type starknetBlock struct {
	Number    uint64 `json:"block_number"`
	Timestamp uint64 `json:"timestamp"`
}

func TestBothChainsAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "localnet.json")
	c, line, _ := start(t, "-config", path)

	file, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(line), string(file))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "a temporary file is left")

	url := c.Starknet.RPC
	require.Equal(t, "0x534e5f5345504f4c4941", c.Starknet.ChainID)
	require.Equal(t, c.Starknet.ChainID, call[string](t, url, "starknet_chainId"))
	require.Equal(t, "0.9.0", call[string](t, url, "starknet_specVersion"))
	require.Equal(t, "0.10.2", call[string](t, url+"/v0_10", "starknet_specVersion"))
	require.Equal(t, c.Starknet.Accounts[0].Address, c.Starknet.Owner)

	before := call[starknetBlock](t, url, "starknet_getBlockWithTxHashes", "latest")
	call[json.RawMessage](t, url, "devnet_increaseTime", 3600)
	after := call[starknetBlock](t, url, "starknet_getBlockWithTxHashes", "latest")
	require.GreaterOrEqual(t, after.Timestamp, before.Timestamp+3600)

	require.Equal(t, "0x4cb2f", call[string](t, c.FEVM.RPC, "eth_chainId"))
	require.EqualValues(t, 314159, c.FEVM.ChainID)
	proof := call[map[string]any](t, c.FEVM.RPC, "sim_prove", 1)
	require.Contains(t, proof, "txHash")
	require.Contains(t, proof, "blockNumber")
	for _, contract := range []string{c.FEVM.PDPVerifier, c.FEVM.MockVerifier} {
		require.NotEqual(t, "0x", call[string](t, c.FEVM.RPC, "eth_getCode", contract, "latest"))
	}
}

func TestClocksAgree(t *testing.T) {
	c, _, _ := start(t)
	ours := call[starknetBlock](t, c.Starknet.RPC, "starknet_getBlockWithTxHashes", "latest").Timestamp
	head := call[struct {
		Timestamp string `json:"timestamp"`
	}](t, c.FEVM.RPC, "eth_getBlockByNumber", "latest", false).Timestamp
	fevm := common.HexToHash(head).Big().Uint64()
	require.InDelta(t, ours, fevm, 2*fevmsim.EpochSeconds)
	require.InDelta(t, time.Now().Unix(), fevm, 2*fevmsim.EpochSeconds)
}

func TestKeysFollowTheSeed(t *testing.T) {
	a, _, _ := start(t, "-seed", "7")
	b, _, _ := start(t, "-seed", "7", "-rules", "legacy")
	other, _, _ := start(t, "-seed", "8")
	require.Equal(t, a.Attester, b.Attester)
	require.Equal(t, a.Starknet.Accounts, b.Starknet.Accounts)
	require.Equal(t, a.FEVM.Accounts, b.FEVM.Accounts)
	require.NotEqual(t, a.Attester, other.Attester)
	require.NotEqual(t, a.Starknet.Accounts, other.Starknet.Accounts)
	require.NotEqual(t, a.FEVM.Accounts, other.FEVM.Accounts)

	// go-ethereum's view of the keys.
	secret, err := crypto.ToECDSA(a.Attester.PrivateKey[:])
	require.NoError(t, err)
	require.Equal(t, "0x"+common.Bytes2Hex(crypto.FromECDSAPub(&secret.PublicKey)), a.Attester.PublicKey)
	for _, account := range a.FEVM.Accounts {
		secret, err := crypto.ToECDSA(account.PrivateKey[:])
		require.NoError(t, err)
		require.Equal(t, crypto.PubkeyToAddress(secret.PublicKey).Hex(), account.Address)
	}
}

func TestEscrowIsAsTheLineSays(t *testing.T) {
	c, _, _ := start(t)
	client, err := rpc.DialContext(t.Context(), c.Starknet.RPC)
	require.NoError(t, err)
	defer client.Close()
	escrow := starknet.NewEscrow(client, c.Starknet.Escrow)
	key, err := escrow.PublicKey(t.Context())
	require.NoError(t, err)
	require.Equal(t, c.Attester.PublicKey, key.String())
	owner, err := escrow.Owner(t.Context())
	require.NoError(t, err)
	require.Equal(t, c.Starknet.Owner, owner)
	token, err := escrow.Token(t.Context())
	require.NoError(t, err)
	require.Equal(t, c.Starknet.Token, token)
	balance, err := starknet.NewERC20(client, token).BalanceOf(t.Context(), owner)
	require.NoError(t, err)
	require.False(t, balance.IsZero())
}

func TestRulesChooseTheEscrow(t *testing.T) {
	class := func(args ...string) string {
		c, _, _ := start(t, args...)
		return call[string](t, c.Starknet.RPC, "starknet_getClassHashAt", "latest", c.Starknet.Escrow)
	}
	require.Equal(t, class(), class("-rules", "lows"))
	require.NotEqual(t, class(), class("-rules", "legacy"))
}

func TestBlockTimeMinesBothChains(t *testing.T) {
	c, _, _ := start(t, "-block-time", "10ms")
	ours := call[uint64](t, c.Starknet.RPC, "starknet_blockNumber")
	fevm := call[string](t, c.FEVM.RPC, "eth_blockNumber")
	require.Eventually(t, func() bool {
		return call[uint64](t, c.Starknet.RPC, "starknet_blockNumber") > ours &&
			call[string](t, c.FEVM.RPC, "eth_blockNumber") != fevm
	}, 5*time.Second, 20*time.Millisecond)
}

func TestFinality(t *testing.T) {
	c, _, _ := start(t, "-finality", "4")
	call[json.RawMessage](t, c.FEVM.RPC, "evm_mine", 10)
	number := func(tag string) uint64 {
		block := call[struct {
			Number string `json:"number"`
		}](t, c.FEVM.RPC, "eth_getBlockByNumber", tag, false)
		return common.HexToHash(block.Number).Big().Uint64()
	}
	require.Equal(t, number("latest")-4, number("finalized"))
	require.Equal(t, number("latest")-2, number("safe"))
}

func TestStopClosesWebSockets(t *testing.T) {
	c, _, stop := start(t)
	conn, _, err := websocket.DefaultDialer.Dial(c.Starknet.WS, nil)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.WriteJSON(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "starknet_chainId", "params": []any{}}))
	var answer struct{ Result string }
	require.NoError(t, conn.ReadJSON(&answer))
	require.Equal(t, c.Starknet.ChainID, answer.Result)
	stop()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, _, err = conn.ReadMessage()
	require.Error(t, err)
	require.False(t, os.IsTimeout(err), "the connection is still open: %v", err)
}

// Clients open connections to spare, on which nothing comes, and leave others
// idle or in the middle of a request.
func TestStopDoesNotWaitForClients(t *testing.T) {
	c, _, stop := start(t)
	for _, url := range []string{c.Starknet.RPC, c.FEVM.RPC} {
		host := strings.Split(url, "/")[2]
		for _, sent := range []string{"", "POST /rpc HTTP/1.1\r\nHost: localnet\r\nContent-Length: 0\r\n\r\n"} {
			conn, err := net.Dial("tcp", host)
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, sent)
			require.NoError(t, err)
			if sent != "" {
				_, err = http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
			}
		}
	}
	began := time.Now()
	stop()
	require.Less(t, time.Since(began), grace)
}

// Both servers give what hangs the grace, at the same time.
func TestStopEndsWhatHangs(t *testing.T) {
	c, _, stop := start(t)
	for _, url := range []string{c.Starknet.RPC, c.FEVM.RPC} {
		conn, err := net.Dial("tcp", strings.Split(url, "/")[2])
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "POST /rpc HTTP/1.1\r\nHost: localnet\r\nContent-Length: 9\r\n\r\n{")
		require.NoError(t, err)
	}
	time.Sleep(50 * time.Millisecond) // the requests begin
	began := time.Now()
	stop()
	require.Less(t, time.Since(began), 2*grace)
}

func TestHelpIsNoError(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(t.Context(), []string{"-h"}, &out, io.Discard))
	for _, name := range []string{"-starknet", "-fevm", "-rules", "-seed", "-config", "-block-time", "-finality"} {
		require.Contains(t, out.String(), name)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"unknown flag":        {[]string{"-sneed", "1"}, "localnet: flag provided but not defined: -sneed; -h lists the flags"},
		"seed is no number":   {[]string{"-seed", "x"}, "-h lists the flags"},
		"unknown rules":       {[]string{"-rules", "high"}, `localnet: -rules "high": want lows or legacy`},
		"negative block time": {[]string{"-block-time", "-1s"}, "localnet: -block-time -1s: want 0 or more"},
		"argument":            {[]string{"5050"}, `localnet: argument "5050": there are only flags; -h lists them`},
		"no address":          {[]string{"-starknet", "nowhere"}, "port 0 for a free one"},
		"port is taken":       {[]string{"-starknet", "127.0.0.1:0", "-fevm", taken.Addr().String()}, "localnet: -fevm: listen tcp"},
		"no such folder": {[]string{"-starknet", "127.0.0.1:0", "-fevm", "127.0.0.1:0", "-config", filepath.Join(t.TempDir(), "no", "x.json")},
			"localnet: -config: "},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			require.ErrorContains(t, run(t.Context(), test.args, &out, io.Discard), test.want)
			require.Empty(t, out.String())
		})
	}
}
