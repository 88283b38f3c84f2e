package policy_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/slastream"
)

const (
	chainID = 1337
	genesis = 1_600_000_000
)

// proxy is the verifier of the recorded logs.
var proxy = attestation.EthereumAddress(common.HexToAddress("0xD589c9a823caf0912b8d370D7959b2E956Ea28d6"))

func config(minChallenges int) policy.Config {
	return policy.Config{ChainID: chainID, Verifier: proxy, GenesisTime: genesis, MinChallenges: minChallenges}
}

// recorded returns logs of the real contract, those of other addresses included.
func recorded(t testing.TB, name string) []types.Log {
	t.Helper()
	b, err := os.ReadFile("../testdata/" + name)
	require.NoError(t, err)
	var lines []struct {
		Address     common.Address
		Topics      []common.Hash
		Data        string
		BlockNumber uint64
		BlockHash   common.Hash
		TxHash      common.Hash
		LogIndex    uint
	}
	require.NoError(t, json.Unmarshal(b, &lines))
	logs := make([]types.Log, len(lines))
	for i, l := range lines {
		data, err := hex.DecodeString(strings.TrimPrefix(l.Data, "0x"))
		require.NoError(t, err)
		logs[i] = types.Log{Address: l.Address, Topics: l.Topics, Data: data, BlockNumber: l.BlockNumber, BlockHash: l.BlockHash, TxHash: l.TxHash, Index: l.LogIndex}
	}
	return logs
}

// observe feeds logs to a new tracker.
func observe(t testing.TB, c policy.Config, logs []types.Log) []policy.Verdict {
	t.Helper()
	tracker, err := policy.NewTracker(c)
	require.NoError(t, err)
	var verdicts []policy.Verdict
	for i := range logs {
		v, ok, err := tracker.Observe(&logs[i])
		require.NoError(t, err)
		if ok {
			verdicts = append(verdicts, v)
		}
	}
	return verdicts
}

func number(v uint64) attestation.Word { return attestation.WordFromUint64(v) }

func hexWord(t testing.TB, s string) attestation.Word {
	t.Helper()
	w, err := attestation.ParseWord(s)
	require.NoError(t, err)
	return w
}

// recordedProof is one proof of the recorded runs, read by hand from their
// *.meta.json, and the root of the piece of its first challenge from the
// arguments of addPieces.
type recordedProof struct {
	set, period, block, index uint64
	challenges                int
	tx, blockHash, root       string
}

var recordedProofs = map[string][]recordedProof{
	"v3.4.0.json": {
		{1, 161, 162, 1, 1,
			"0x14084fe3466ed576de4c665e539f40521ad536dd34328a85984f637e51a4228d", "0x63af2e056295964438fb87c05de838100da83ed6cf5d5d99cd51beac2deeee7f",
			"0x8d736eac6fab4186690015f0aca1acc23eff6f60455cc294a7db40bf67c12233"},
		{1, 166, 167, 1, 5,
			"0x3a82048885995060ccb9d44f65bc596e823611e7fd3e12dd3fc72777445f4fd4", "0xb9d7b44882a1d0c435ac4cd8e1759bd8ca22d4febd89b39413d6c86d5818ec45",
			"0x15773165377454a13c427260d08e3761a7c8d2ddef62c94860c9ddacd314a135"},
		{2, 171, 172, 4, 2,
			"0x827155560344cd22cc18fa630d1eb6bbd71007ddc998be4f4e68c409d6f44d63", "0xa02a20da20aed0166e2ba57bff5138df9ac3c6529a3e32991b70e731ff2be133",
			"0x0667582834cf15abc13362f8eb7f62834c22d3dc9e5e470ae42ab3ded8350517"},
		{1, 181, 182, 1, 3,
			"0x3c2b24735e3408220925f177989e2fb4764341707ca6810f62dc9f11f6b3db21", "0x6be2b611dfa3fb1c7d725fac292c883ef05aafb654dff5b42e58f56171d6f512",
			"0x8d736eac6fab4186690015f0aca1acc23eff6f60455cc294a7db40bf67c12233"},
		{6, 204, 205, 1, 5,
			"0x3cab83e5f578e15dbed66b36305665374b629f9270a169d9029545c705153441", "0x03405a96f2bfa68ab6e74d51c939638dd3a5041f41b69852c9bf2162c398c4d6",
			"0x4bd4712084416c77eec00cab23416eda8c8dbf681c8ccd0b96c0be980a40d818"},
	},
	"v3.5.0.json": {
		{1, 161, 162, 1, 1,
			"0x14084fe3466ed576de4c665e539f40521ad536dd34328a85984f637e51a4228d", "0x0713951b307ab6c444ed1fd36448facc4759af51647c073afec1093483fe6168",
			"0x8d736eac6fab4186690015f0aca1acc23eff6f60455cc294a7db40bf67c12233"},
		{1, 166, 167, 1, 5,
			"0x3a82048885995060ccb9d44f65bc596e823611e7fd3e12dd3fc72777445f4fd4", "0xac0de3d50fee034f447d927655f63b2aee98e87618bf08e12aad3b3169c9241d",
			"0x15773165377454a13c427260d08e3761a7c8d2ddef62c94860c9ddacd314a135"},
		{2, 171, 172, 4, 2,
			"0x827155560344cd22cc18fa630d1eb6bbd71007ddc998be4f4e68c409d6f44d63", "0xd60423f8edc65692ac4ff7fff488a545f6db687e88905e8d3157f46e43c0a241",
			"0x0667582834cf15abc13362f8eb7f62834c22d3dc9e5e470ae42ab3ded8350517"},
		{1, 184, 185, 1, 3,
			"0x2241a41c7c1c0b8bdab4891bdb10f4c9fbfd401f5e581aa80dc022172419fa6d", "0x2de1c6e1368746338bfebecf9cbbad4e7a66d6c38a04951ac2fef88ec2c4d3e8",
			"0x8d736eac6fab4186690015f0aca1acc23eff6f60455cc294a7db40bf67c12233"},
		{6, 212, 213, 1, 5,
			"0x480180bbb56366518b28793f33017dcce4d96ae48625fa8d56beb8160fe263ae", "0x2c75c3cbfbcbaab43a43fac961bf3b97679374f9752022c175d7d08d8af04a85",
			"0x4bd4712084416c77eec00cab23416eda8c8dbf681c8ccd0b96c0be980a40d818"},
	},
}

func (r recordedProof) proof(t testing.TB) slastream.Proof {
	return slastream.Proof{
		Evidence: attestation.Evidence{
			ChainID: chainID, Verifier: proxy, SetID: number(r.set), Period: r.period,
			TxHash: hexWord(t, r.tx), BlockHash: hexWord(t, r.blockHash), BlockNumber: r.block, LogIndex: r.index,
		},
		RootCID:   hexWord(t, r.root),
		Timestamp: genesis + 30*r.block,
	}
}

func TestRecordedPeriodsEarnTheirProofs(t *testing.T) {
	for name, want := range recordedProofs {
		for _, minimum := range []int{1, 3, 5} {
			verdicts := observe(t, config(minimum), recorded(t, name))
			require.Len(t, verdicts, len(want))
			for i, r := range want {
				v := verdicts[i]
				if r.challenges < minimum {
					require.NotNil(t, v.Refusal, "%s %d", name, r.block)
					require.Equal(t, policy.ReasonFewChallenges, v.Refusal.Reason)
					require.Equal(t, v.Proof.Evidence, v.Refusal.Evidence)
					continue
				}
				require.Nil(t, v.Refusal, "%s %d", name, r.block)
				require.Equal(t, r.proof(t), v.Proof)
			}
		}
	}
}

func TestTheMockEarnsNothingUnlessAskedFor(t *testing.T) {
	logs := recorded(t, "mock.json")
	mock := policy.Config{ChainID: chainID, Verifier: attestation.EthereumAddress(logs[0].Address), GenesisTime: genesis}
	payable := func(c policy.Config) (n int) {
		for _, v := range observe(t, c, logs) {
			if v.Refusal == nil {
				n++
				require.NotEqual(t, attestation.Word{}, v.Proof.RootCID)
			}
		}
		return n
	}
	for _, v := range observe(t, mock, logs) {
		require.Equal(t, policy.ReasonMock, v.Refusal.Reason)
	}
	require.Zero(t, payable(mock))
	mock.Mock = true
	require.Equal(t, 3, payable(mock), "four events, one without roots")
	mock.ChainID = 314
	require.Zero(t, payable(mock), "never on Mainnet")
}

func TestConfigRefuses(t *testing.T) {
	good := config(1)
	for name, change := range map[string]func(*policy.Config){
		"no chain id":             func(c *policy.Config) { c.ChainID = 0 },
		"no verifier":             func(c *policy.Config) { c.Verifier = attestation.EthereumAddress{} },
		"no genesis time":         func(c *policy.Config) { c.GenesisTime = 0 },
		"less than no challenges": func(c *policy.Config) { c.MinChallenges = -1 },
	} {
		c := good
		change(&c)
		_, err := policy.NewTracker(c)
		require.Error(t, err, name)
		_, err = policy.NewSource(nil, c)
		require.Error(t, err, name)
	}
	for chain, genesisTime := range map[uint64]uint64{314: 1598306400, 314159: 1667326380} {
		c := policy.Config{ChainID: chain, Verifier: proxy, MinChallenges: 1}
		require.Equal(t, genesisTime+30*162, observe(t, c, recorded(t, "v3.5.0.json"))[0].Proof.Timestamp)
	}
}
