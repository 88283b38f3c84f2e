package starknet_test

import (
	"encoding/json"
	"testing"

	"github.com/NethermindEth/juno/core/felt"
	"github.com/NethermindEth/starknet.go/contracts"
	"github.com/NethermindEth/starknet.go/utils"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/internal/jsonrpc"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet"
)

const (
	newUDC    = "0x2ceed65a4bd731034c01113685c831b01c15d7d432f71afb1cf1634b53a2125"
	cairo1UDC = "0x4a64cd09a853868621d94cae9952b106f2c36a3f81260f85de6696c6b050221"
	cairo0UDC = "0x41a78e741e5af2fec34b695679bc6891742439f7afb8484ecd7766661ad02bf"
)

// The recorded deployment of an escrow by a deployer contract on
// starknet-devnet 0.6.1.
var (
	deployedData = []string{
		"0xd1afb0c8ff200dff31c83172e32ca3e7fee32030792fa5d865173128b1f3cd", "0x260a8311b4f1092db620b923e8d7d20e76dedcc615fb4b6fdf28315b81de201", "0x0",
		"0x8b58a51d1d279cbd87ec2e89892835b896b9d256ddd7bfaa6f79891950d1ce", "0x5", "0x87181b4fdfc625bd1a753fa7397fed75", "0x8318535b54105d4a7aae60c08fc45f96",
		"0xfac23e630c5d11f59f61fef57b0d2aa5", "0x3547f11ca8696646f2f3acb08e31016a", "0x68d4714a39df424462de3b32eac108b121bd5d19f03ede8d19dedf103c76faf", "0x68",
	}
	deployedKey = "0x26b160f10156dea0639bec90696772c640b9706a47f5b8c52ea1abe5858b34d"
)

func TestContractDeployed(t *testing.T) {
	key, data := feltsOf(t, []string{deployedKey}), feltsOf(t, deployedData)
	e, err := starknet.ParseContractDeployed(key, data)
	require.NoError(t, err)
	require.Equal(t, addressOf(t, deployedData[0]), e.Address)
	require.Equal(t, addressOf(t, deployedData[1]), e.Deployer)
	require.False(t, e.Unique)
	require.Equal(t, wordOf(t, deployedData[3]), e.Class)
	require.Equal(t, deployedData[5:10], hexes(e.Calldata))
	require.Equal(t, attestation.WordFromUint64(0x68), e.Salt)

	// The address is that of the deployment, and starknet.go's.
	d := starknet.Deployment{Class: e.Class, Salt: e.Salt, Calldata: e.Calldata}
	got, err := d.Address()
	require.NoError(t, err)
	require.Equal(t, e.Address, got)
	class, err := starknet.FeltFromWord(e.Class)
	require.NoError(t, err)
	require.Equal(t, contracts.PrecomputeAddress(&felt.Zero, feltOf(t, "0x68"), class, e.Calldata).String(), deployedData[0])

	for name, test := range map[string]struct {
		keys, data []*felt.Felt
		want       error
	}{
		"no keys":             {nil, data, starknet.ErrUnknownEvent},
		"another selector":    {data[:1], data, starknet.ErrUnknownEvent},
		"a key too many":      {append(key[:1:1], key[0]), data, starknet.ErrMalformed},
		"no data":             {key, nil, starknet.ErrMalformed},
		"too short":           {key, data[:10], starknet.ErrMalformed},
		"too long":            {key, append(data[:11:11], key[0]), starknet.ErrMalformed},
		"nil felt":            {key, append(append(data[:6:6], nil), data[7:]...), starknet.ErrMalformed},
		"array of 2^32":       {key, append(append(data[:4:4], feltOf(t, "0x100000000")), data[5:]...), starknet.ErrMalformed},
		"array longer":        {key, append(append(data[:4:4], feltOf(t, "0xffffffff")), data[5:]...), starknet.ErrMalformed},
		"unique is no bool":   {key, append(append(data[:2:2], feltOf(t, "0x2")), data[3:]...), starknet.ErrMalformed},
		"address is too high": {key, append([]*felt.Felt{feltOf(t, "0x800000000000000000000000000000000000000000000000000000000000000")}, data[1:]...), starknet.ErrMalformed},
	} {
		_, err := starknet.ParseContractDeployed(test.keys, test.data)
		require.ErrorIs(t, err, test.want, name)
	}
}

// TestDeployAddress compares unique addresses with starknet.go's, for the two
// deployer contracts that it knows. (The newest is compared on starknet-devnet.)
func TestDeployAddress(t *testing.T) {
	account := addressOf(t, deployedData[1])
	d := starknet.Deployment{Class: wordOf(t, deployedData[3]), Salt: attestation.WordFromUint64(7), Unique: true, Calldata: feltsOf(t, deployedData[5:10])}
	for address, version := range map[string]utils.UDCVersion{cairo1UDC: utils.UDCCairoV2, cairo0UDC: utils.UDCCairoV0} {
		got, err := starknet.NewUDC(newScript(t).client(), addressOf(t, address)).DeployAddress(d, account)
		require.NoError(t, err)
		want := utils.PrecomputeAddressForUDC(feltOf(t, deployedData[3]), feltOf(t, "0x7"), d.Calldata, version, feltOf(t, deployedData[1]))
		require.Equal(t, addressOf(t, want.String()), got)
	}
	_, err := d.Address()
	require.ErrorContains(t, err, "unique")
	_, err = starknet.NewUDC(newScript(t).client(), tokenAddress).DeployAddress(d, account)
	require.ErrorIs(t, err, starknet.ErrNoDeployer)
	var out *starknet.RangeError
	_, err = starknet.NewUDC(newScript(t).client(), addressOf(t, newUDC)).DeployAddress(d, slastream.Address{0: 8})
	require.ErrorAs(t, err, &out)
	for _, bad := range []starknet.Deployment{{Class: attestation.Word{0xff}}, {Salt: attestation.Word{0xff}}, {Calldata: []*felt.Felt{nil}}} {
		_, err := bad.Address()
		require.Error(t, err)
		_, err = starknet.NewUDC(newScript(t).client(), addressOf(t, newUDC)).DeployCall(bad)
		require.Error(t, err)
	}
}

// TestDeployCall: the entry point of the deployer contract of Cairo 1 has
// another name.
func TestDeployCall(t *testing.T) {
	d := starknet.Deployment{Class: attestation.WordFromUint64(1), Salt: attestation.WordFromUint64(2), Unique: true, Calldata: feltsOf(t, []string{"0x3", "0x4"})}
	for address, name := range map[string]string{newUDC: "deployContract", cairo0UDC: "deployContract", cairo1UDC: "deploy_contract", "0x1": "deployContract"} {
		call, err := starknet.NewUDC(newScript(t).client(), addressOf(t, address)).DeployCall(d)
		require.NoError(t, err)
		require.Equal(t, starknet.Selector(name), call.Selector)
		require.Equal(t, []string{"0x1", "0x2", "0x1", "0x2", "0x3", "0x4"}, hexes(call.Calldata))
	}
}

func TestFindUDC(t *testing.T) {
	for has, want := range map[string]string{newUDC: newUDC, cairo1UDC: cairo1UDC, cairo0UDC: cairo0UDC, "": ""} {
		node := newScript(t)
		node.on("starknet_getClassHashAt", func(params []json.RawMessage) (any, error) {
			if string(params[1]) == `"`+has+`"` {
				return "0x1", nil
			}
			return nil, &jsonrpc.Error{Code: 20, Message: "Contract not found"}
		})
		udc, err := starknet.FindUDC(t.Context(), node.client())
		if want == "" {
			require.ErrorIs(t, err, starknet.ErrNoDeployer)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, addressOf(t, want), udc.Address())
	}
	node := newScript(t)
	node.fail("starknet_getClassHashAt", -32603, "Internal error", "")
	_, err := starknet.FindUDC(t.Context(), node.client())
	require.ErrorContains(t, err, "Internal error")
	require.NotErrorIs(t, err, starknet.ErrNoDeployer)
}

// TestDeployBelievesTheEvent: only the deployer contract's own, and only for the
// address that was computed.
func TestDeployBelievesTheEvent(t *testing.T) {
	event := func(from string, change func(data []string)) map[string]any {
		data := append([]string{}, deployedData...)
		change(data)
		return map[string]any{"from_address": from, "keys": []string{deployedKey}, "data": data}
	}
	same := func([]string) {}
	d := starknet.Deployment{Class: wordOf(t, deployedData[3]), Salt: attestation.WordFromUint64(0x68), Calldata: feltsOf(t, deployedData[5:10])}
	for name, test := range map[string]struct {
		events []map[string]any
		good   bool
	}{
		"as recorded":                  {[]map[string]any{event(newUDC, same)}, true},
		"after that of another":        {[]map[string]any{event("0x1", func(d []string) { d[0] = "0x5" }), event(newUDC, same)}, true},
		"no event":                     {nil, false},
		"only another's":               {[]map[string]any{event("0x1", same)}, false},
		"another address":              {[]map[string]any{event(newUDC, func(d []string) { d[0] = "0x5" })}, false},
		"another class":                {[]map[string]any{event(newUDC, func(d []string) { d[3] = "0x5" })}, false},
		"an event that is no such one": {[]map[string]any{event(newUDC, func(d []string) { d[4] = "0x6" })}, false},
	} {
		node, _ := writable(t, test.events...)
		got, err := starknet.NewUDC(node.client(), addressOf(t, newUDC), starknet.WithAccount(newAccount(t, node))).Deploy(t.Context(), d)
		if test.good {
			require.NoError(t, err, name)
			require.Equal(t, addressOf(t, deployedData[0]), got)
		} else {
			require.ErrorIs(t, err, starknet.ErrBadAnswer, name)
		}
	}
	_, err := starknet.NewUDC(newScript(t).client(), addressOf(t, newUDC)).Deploy(t.Context(), d)
	require.ErrorIs(t, err, starknet.ErrNoAccount)
}
