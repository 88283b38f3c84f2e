#!/usr/bin/env bash
# Kills the relay again and again with SIGKILL while storage providers prove, and
# then looks that every proven period was paid once: by the escrow's deals, the
# providers' balances, the nonce of the relay's account and the relay's own list.
# Both chains run on this machine, and both are reorganized meanwhile.
#
#	examples/relay/kill9.sh [KILLS]       # 20 unless said otherwise
#	SLASTREAM_SEED=7 examples/relay/kill9.sh 100
#
# The seed fixes when the relay is killed and what the chains do; what the relay
# has done by then depends on the machine. It needs bash 5, curl and go.
set -euo pipefail

kills=${1:-20}
if ! [[ $kills =~ ^[1-9][0-9]{0,4}$ ]] || (($# > 1)); then
	printf 'usage: %s [KILLS], a number from 1 to 99999\n' "$0" >&2
	exit 2
fi
seed=${SLASTREAM_SEED:-$RANDOM}
if ! [[ $seed =~ ^(0|[1-9][0-9]{0,8})$ ]]; then
	printf 'SLASTREAM_SEED is %s: want a number below 1000000000\n' "$seed" >&2
	exit 2
fi
RANDOM=$seed

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
umask 077
dir=$(mktemp -d)
localnet='' relay='' # process ids
keep=false

cleanup() {
	local pid
	for pid in "$relay" "$localnet"; do
		if [[ -n $pid ]]; then
			kill -9 "$pid" 2>/dev/null || true
			wait "$pid" 2>/dev/null || true
		fi
	done
	if [[ $keep == true ]]; then
		printf 'logs, configuration and store are in %s\n' "$dir" >&2
	else
		rm -rf "$dir"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
	printf 'kill9.sh: %s\n' "$*" >&2
	keep=true
	exit 1
}

# random LOW HIGH sets REPLY. It must not run in a subshell, which would draw the
# same numbers again.
random() { REPLY=$(($1 + (RANDOM * 32768 + RANDOM) % ($2 - $1 + 1))); }

# nap MILLISECONDS
nap() {
	local seconds
	printf -v seconds '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
	sleep "$seconds"
}

# rpc URL METHOD [PARAMS] sets REPLY to the answer of a node.
rpc() {
	REPLY=$(curl -sS --fail --max-time 30 -H 'Content-Type: application/json' \
		-d '{"jsonrpc":"2.0","id":1,"method":"'"$2"'","params":'"${3:-[]}"'}' "$1") || fail "$2: no answer"
	if [[ $REPLY == *'"error":'* ]]; then
		fail "$2: $REPLY"
	fi
}

# field NAME TEXT sets REPLY to the value of a member of a JSON object on one line:
# a string without escapes, a number or a boolean.
field() {
	[[ $2 =~ \"$1\":\"?([^\",}]*) ]] || fail "no \"$1\" in $2"
	REPLY=${BASH_REMATCH[1]}
}

# What is proven on Filecoin: the data set of each proof that was not
# reorganized away, by its transaction.
declare -A proofs=()
did='' # what the chains did during one life of the relay

prove() {
	rpc "$fevm" sim_prove "[$1]"
	field txHash "$REPLY"
	proofs[$REPLY]=$1
	did+=" prove:$1"
}

# reorg DEPTH replaces tipsets that are not final yet: "finalized" is 10 behind the
# head, and null rounds, which come alone, make five tipsets eight epochs at most.
reorg() {
	local hash
	rpc "$fevm" sim_reorg "[$1]"
	for hash in "${!proofs[@]}"; do
		if [[ $REPLY == *"$hash"* ]]; then
			unset 'proofs[$hash]'
			did+=" drop:1"
		fi
	done
	did+=" reorg:$1"
}

mine() { rpc "$fevm" evm_mine "[$1]"; }

# abort takes the newest Starknet block away, with a release in it perhaps.
abort() {
	rpc "$starknet" starknet_blockNumber
	field result "$REPLY"
	if ((REPLY > opened)); then
		rpc "$starknet" devnet_abortBlocks "[{\"block_number\":$REPLY}]"
		did+=" abort:1"
	fi
}

# act lets one thing happen.
act() {
	random 1 12
	case $REPLY in
	1)
		rpc "$fevm" sim_nullRound
		mine 2
		did+=" null:1"
		;;
	2)
		random 1 5
		reorg "$REPLY"
		;;
	3) abort ;;
	4)
		rpc "$starknet" devnet_createBlock
		did+=" block:1"
		;;
	*)
		random 1 2
		prove "$REPLY"
		;;
	esac
	random 1 4
	mine "$REPLY"
}

# proven SET sets REPLY to the number of its proven periods.
proven() {
	local set n=0
	for set in "${proofs[@]}"; do
		if ((set == $1)); then
			n=$((n + 1))
		fi
	done
	REPLY=$n
}

# count sets earned and paid, the chunks of both deals, for each deal and in sum.
count() {
	local i line
	earned=(0 0 0) paid=(0 0 0)
	for i in 1 2; do
		proven "$i"
		earned[i]=$((REPLY < chunks[i] ? REPLY : chunks[i]))
		line=$("$dir/escrowctl" deal -config "$dir/localnet.json" -deal "${deal[i]}" -json) || fail "escrowctl deal: $line"
		field released "$line"
		paid[i]=$REPLY
		earned[0]=$((earned[0] + earned[i]))
		paid[0]=$((paid[0] + paid[i]))
	done
}

start_relay() {
	(cd "$dir" && exec ./relay -config relay.json 2>>relay.log) &
	relay=$!
}

# kill_relay is kill -9. A relay that ended before by itself is a failure.
kill_relay() {
	local status=0
	kill -9 "$relay" 2>/dev/null || true
	{ wait "$relay" || status=$?; } 2>/dev/null
	relay=''
	if ((status != 137)); then
		tail -n 20 "$dir/relay.log" >&2
		fail "the relay ended by itself, with status $status"
	fi
}

# balance ADDRESS sets REPLY to what an account holds, in base units below 2^63.
balance() {
	local balance_of=0x2e4263afad30923c891518314c3c95dbe830a16874e8abc5777a9a20b54c76e
	rpc "$starknet" starknet_call '[{"contract_address":"'"$token"'","entry_point_selector":"'"$balance_of"'","calldata":["'"$1"'"]},"latest"]'
	[[ $REPLY =~ \"result\":\[\"0x0*([0-9a-f]{1,15})\",\"0x0\"\] ]] || fail "balance of $1: $REPLY"
	REPLY=$((16#${BASH_REMATCH[1]}))
}

nonce() {
	rpc "$starknet" starknet_getNonce "[\"latest\",\"$account\"]"
	field result "$REPLY"
	REPLY=$((REPLY))
}

# listed DEAL sets REPLY to how many chunks of it the relay calls paid.
listed() {
	local after='' page n=0
	while
		page=$(curl -sS --fail --max-time 30 "http://$http/v1/chunks?deal=$1&limit=1000$after") || fail "GET /v1/chunks: no answer"
		n=$((n + $(grep -oE '"state":"(accepted|settled)"' <<<"$page" | wc -l)))
		[[ $page =~ \"next\":\"([^\"]*)\" ]]
	do
		after="&after=${BASH_REMATCH[1]}"
	done
	REPLY=$n
}

printf 'kill9.sh: SLASTREAM_SEED=%d, building\n' "$seed"
(cd "$root" && go build -o "$dir/" ./examples/localnet ./examples/relay ./examples/escrowctl)
SECONDS=0 # the campaign's

"$dir/localnet" -starknet 127.0.0.1:0 -fevm 127.0.0.1:0 -config "$dir/localnet.json" >/dev/null 2>"$dir/localnet.log" &
localnet=$!
for ((i = 0; i < 100; i++)); do
	if [[ -s $dir/localnet.json ]]; then
		break
	fi
	kill -0 "$localnet" 2>/dev/null || break
	nap 100
done
[[ -s $dir/localnet.json ]] || fail "localnet does not start: $(<"$dir/localnet.log")"

config=$(<"$dir/localnet.json")
[[ $config =~ \"starknet\":\{\"rpc\":\"([^\"]*)\" ]] || fail "no starknet.rpc in $dir/localnet.json"
starknet=${BASH_REMATCH[1]}
[[ $config =~ \"fevm\":\{\"rpc\":\"([^\"]*)\" ]] || fail "no fevm.rpc in $dir/localnet.json"
fevm=${BASH_REMATCH[1]}
[[ $config =~ \"accounts\":\[\{\"address\":\"([^\"]*)\" ]] || fail "no starknet.accounts in $dir/localnet.json"
account=${BASH_REMATCH[1]} # the relay's
field token "$config"
token=$REPLY

# Two deals: one is not completed, the other most likely is. The amounts are small,
# so that all sums fit into the numbers of a shell.
chunks=(0 $((kills * 6 + 20)) $((kills / 3 + 2)))
provider=(0 0xa11ce 0xb0b)
deal=(0 0 0)
amount=1000000000000000 # 0.001 tokens
collateral=5000000000000000
rpc "$fevm" eth_blockNumber
field result "$REPLY"
from=$((REPLY))
for i in 1 2; do
	line=$("$dir/escrowctl" create-deal -config "$dir/localnet.json" -provider "${provider[i]}" -chunks "${chunks[i]}" \
		-chunk-amount 0.001 -collateral 0.005 -duration 8760h -json) || fail 'escrowctl create-deal'
	field deal "$line"
	deal[i]=$REPLY
done
rpc "$starknet" starknet_blockNumber
field result "$REPLY"
opened=$REPLY
nonce
before=$REPLY

bindings='{"deal":"'"${deal[1]}"'","set":"0x1"},{"deal":"'"${deal[2]}"'","set":"0x2"}'
# One chunk in a transaction, so that a wasted one shows.
printf '%s,"relay":{"store":"relay.db","signer":"local","account":0,"bindings":[%s],"poll":"100ms","from_block":%d,"multicall":1,"http":"127.0.0.1:0"}}\n' \
	"${config%\}}" "$bindings" "$from" >"$dir/relay.json"

for ((kill = 1; kill <= kills; kill++)); do
	did=''
	random 1 4
	if ((REPLY == 1)); then # while no relay runs
		act
	fi
	start_relay
	began=${EPOCHREALTIME/[.,]/} # microseconds
	random 50 1500
	rest=$REPLY
	random 0 4
	for ((acts = REPLY; acts > 0; acts--)); do
		random 0 "$rest"
		nap "$REPLY"
		rest=$((rest - REPLY))
		act
	done
	nap "$rest"
	kill_relay
	life=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
	count
	printf 'kill %*d of %d after %4d ms: %3d earned, %3d paid  %s\n' "${#kills}" "$kill" "$kills" "$life" "${earned[0]}" "${paid[0]}" "${did# }"
done

prove 1 # so that there is something to pay for, however few kills
prove 2
mine 11 # now all proofs are final
start_relay
deadline=$((SECONDS + 60))
while count && ((paid[0] < earned[0] && SECONDS < deadline)); do
	nap 200
done
nap 1000 # for what would be too much
count

differs=''
differ() {
	differs+=x
	printf 'DIFFERS: %s\n' "$*" >&2
}

http=$(sed -n 's/.* http=\([^ ]*\).*/\1/p' "$dir/relay.log" | tail -n 1)
for i in 1 2; do
	if ((paid[i] != earned[i])); then
		differ "deal ${deal[i]}: ${earned[i]} chunks earned, ${paid[i]} paid"
	fi
	balance "${provider[i]}"
	want=$((paid[i] * amount))
	if ((paid[i] == chunks[i])); then
		want=$((want + collateral)) # of a completed deal
	fi
	if ((REPLY != want)); then
		differ "provider ${provider[i]} holds $REPLY, want $want base units for ${paid[i]} chunks"
	fi
	if [[ -z $http ]]; then
		differ 'the last relay serves no HTTP'
		continue
	fi
	for ((tries = 50; tries > 0; tries--)); do # it looks with each turn
		listed "${deal[i]}"
		if ((REPLY == paid[i])); then
			break
		fi
		nap 200
	done
	if ((REPLY != paid[i])); then
		differ "deal ${deal[i]}: the escrow has paid ${paid[i]} chunks, /v1/chunks of the relay says $REPLY"
	fi
done
nonce
wasted=$((REPLY - before - paid[0]))
allowed=$((kills / 100 > 1 ? kills / 100 : 1))
if ((wasted < 0 || wasted > allowed)); then
	differ "$((REPLY - before)) transactions for ${paid[0]} chunks: $wasted wasted, want 0 to $allowed"
fi

kill -TERM "$relay"
status=0
wait "$relay" || status=$?
relay=''
if ((status != 0)); then
	differ "the relay ended with status $status after SIGTERM, want 0"
fi
if grep -qE '^(panic:|fatal error:)' "$dir/relay.log"; then
	differ 'the relay panicked: see relay.log'
fi

printf '%d kills, %d chunks earned, %d paid, %d wasted, %d s\n' "$kills" "${earned[0]}" "${paid[0]}" "$wasted" "$SECONDS"
if [[ -n $differs ]]; then
	fail "failed: again with SLASTREAM_SEED=$seed"
fi
