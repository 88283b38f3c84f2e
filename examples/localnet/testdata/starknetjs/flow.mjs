// Drives a deal with starknet.js, as a program of somebody else would:
//
//	node flow.mjs localnet.json http://127.0.0.1:5050/rpc
//
// localnet.json is the line that localnet prints. The second account is the
// client of the deal and the third the provider; anybody releases. The last line
// of the output is one JSON object, whose numbers are decimal strings.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { SigningKey, concat, keccak256, toBeHex } from "ethers";
import { WebSocket } from "ws";

globalThis.WebSocket ??= WebSocket; // Node 20 has none, and starknet.js looks once
const { Account, CallData, Contract, RpcError, RpcProvider, WebSocketChannel, cairo, config, hash, num, shortString } = await import("starknet");

const net = JSON.parse(readFileSync(process.argv[2]));
const nodeUrl = process.argv[3];
const escrowABI = JSON.parse(readFileSync(new URL("escrow.json", import.meta.url)));
const u256 = "core::integer::u256";
const addressType = "core::starknet::contract_address::ContractAddress";
const tokenABI = [
  { type: "struct", name: u256, members: [{ name: "low", type: "core::integer::u128" }, { name: "high", type: "core::integer::u128" }] },
  { type: "function", name: "balance_of", inputs: [{ name: "account", type: addressType }], outputs: [{ type: u256 }], state_mutability: "view" },
];

config.set("logLevel", "ERROR"); // the chain is too new for its estimate of tips
const provider = await RpcProvider.create({ nodeUrl, retries: 50, transactionRetryIntervalFallback: 50 });
const specVersion = await provider.getSpecVersion();
assert.equal(await provider.getChainId(), net.starknet.chain_id);

const [, client, sp, relay, deployer] = net.starknet.accounts.map(
  (a) => new Account({ provider, address: a.address, signer: a.private_key }),
);
const escrow = new Contract({ abi: escrowABI, address: net.starknet.escrow, providerOrAccount: provider });
const token = new Contract({ abi: tokenABI, address: net.starknet.token, providerOrAccount: provider });
const holders = [client.address, sp.address, relay.address, net.starknet.escrow];
const balances = () => Promise.all(holders.map((a) => token.balance_of(a)));
const nonce = async (account) => BigInt(await account.getNonce());
const before = await balances();
const firstNonce = await nonce(client);

// The error that a promise ends with.
const refused = (promise) => promise.then(() => assert.fail("it is not refused"), (e) => e);

// What a subscription tells while all this happens.
const socket = new WebSocketChannel({ nodeUrl: nodeUrl.replace("http", "ws").replace("/rpc", "/ws") });
await socket.waitForConnection();
const told = [];
const subscription = await socket.subscribeEvents({ fromAddress: escrow.address });
subscription.on((e) => told.push(e));

// Fees of what each account sent, so that the balances add up at the end.
const fees = new Map(holders.map((a) => [a, 0n]));
async function landed(account, { transaction_hash }) {
  const receipt = await provider.waitForTransaction(transaction_hash);
  const fee = BigInt(receipt.value.actual_fee.amount);
  assert.equal(receipt.value.actual_fee.unit, "FRI");
  assert(fee > 0n);
  fees.set(account.address, fees.get(account.address) + fee);
  return receipt;
}

// The events that the escrow emitted, without the paths of the Cairo modules.
function parsed(receipt) {
  return escrow.parseEvents(receipt).map((e) => {
    const [name] = Object.keys(e).filter((k) => k.startsWith("escrow::"));
    return { name: name.slice("escrow::".length), ...e[name] };
  });
}

// approve and create_deal in one transaction, whose fee the library estimates.
const terms = { sp: sp.address, num_chunks: 3, chunk_amount: cairo.uint256(100), collateral: cairo.uint256(50), sla_duration_secs: 3600 };
const create = [
  { contractAddress: token.address, entrypoint: "approve", calldata: CallData.compile([escrow.address, cairo.uint256(300 + 50)]) },
  escrow.populate("create_deal", terms),
];
const estimate = await client.estimateInvokeFee(create);
const created = await landed(client, await client.execute(create));
assert(created.isSuccess());
const events = parsed(created);
assert.deepEqual(events.map((e) => e.name), ["DealCreated"]);
const dealId = events[0].deal_id;

// The attester signs keccak256 of five 32-byte words; the contract takes
// the parity of the y coordinate as v.
function attestation(chunk) {
  const words = [dealId, BigInt(chunk), 1n, 0xabcn, BigInt(Math.floor(Date.now() / 1000))];
  const signature = new SigningKey(net.attester.private_key).sign(keccak256(concat(words.map((w) => toBeHex(w, 32)))));
  const [deal_id, chunk_index, proof_set_id, root_cid, timestamp] = words;
  return escrow.populate("release_chunk", {
    deal_id, chunk_index, proof_set_id, root_cid, timestamp,
    sig_r: signature.r, sig_s: signature.s, sig_v: signature.yParity,
  });
}
const release = attestation(1);
const released = await landed(relay, await relay.execute(release));
assert(released.isSuccess());
events.push(...parsed(released));

// The same again: the estimate refuses it, and if it is sent with bounds of
// its own it lands and is reverted.
const refusal = await refused(relay.estimateInvokeFee(release));
assert(refusal instanceof RpcError && refusal.isType("TRANSACTION_EXECUTION_ERROR"), String(refusal));
const reason = shortString.encodeShortString("Chunk already released");
assert(JSON.stringify(refusal.baseError.data).includes(reason));
const again = await landed(relay, await relay.execute(release, { resourceBounds: estimate.resourceBounds, tip: 0n }));
assert(again.isReverted());
assert(again.value.revert_reason.includes(reason), again.value.revert_reason);
assert(again.value.events.every((e) => BigInt(e.from_address) !== BigInt(escrow.address)));

// A view that fails: code 40, with the frames that lead to the felts.
const call = (entrypoint, calldata) => provider.callContract({ contractAddress: escrow.address, entrypoint, calldata });
const failed = await refused(call("get_deal", ["0x1"]));
assert(failed instanceof RpcError && failed.isType("CONTRACT_ERROR"), String(failed));
assert.equal(failed.code, 40);
const absent = await refused(call("no_such_thing"));
const unknown = await refused(provider.getTransactionReceipt("0x1"));
assert(unknown.isType("TXN_HASH_NOT_FOUND"), String(unknown));

// Too early, and then at the deadline.
const slash = escrow.populate("slash", { deal_id: dealId });
await assert.rejects(relay.execute(slash), (e) => e.isType("TRANSACTION_EXECUTION_ERROR"));
await provider.fetch("devnet_increaseTime", { time: 3600 });
const slashed = await landed(relay, await relay.execute(slash));
assert(slashed.isSuccess());
events.push(...parsed(slashed));

const after = await balances();
assert.equal(await nonce(client), firstNonce + 1n);
const change = holders.map((a, i) => after[i] - before[i] + fees.get(a));
assert.equal(change.reduce((sum, c) => sum + c), 0n);
assert.deepEqual(change, [-350n + 200n + 50n, 100n, 0n, 0n]);

// Pages of one event each.
const filter = { address: escrow.address, from_block: { block_number: 0 }, to_block: "latest", keys: [[], [num.toHex(dealId)]], chunk_size: 1 };
const history = [];
let continuation_token;
do {
  const page = await provider.getEvents({ ...filter, continuation_token });
  history.push(...page.events);
  continuation_token = page.continuation_token;
} while (continuation_token);
const selectors = Object.fromEntries(["DealCreated", "ChunkReleased", "DealSlashed"].map((n) => [hash.getSelectorFromName(n), n]));
assert.deepEqual(history.map((e) => selectors[num.cleanHex(e.keys[0])]), events.map((e) => e.name));

const place = (e) => [e.block_number, e.transaction_hash, e.keys, e.data];
while (told.length < history.length) await new Promise((resolve) => setTimeout(resolve, 20));
assert.deepEqual(told.map(place), history.map(place));
assert(await subscription.unsubscribe());
socket.disconnect();
await socket.waitForDisconnection();

// Another escrow of the same class, through the deployer contract of
// OpenZeppelin.
const deployed = await deployer.deployContract({
  classHash: await provider.getClassHashAt(escrow.address),
  constructorCalldata: CallData.compile([cairo.uint256(1), cairo.uint256(2), token.address]),
});
const another = new Contract({ abi: escrowABI, address: deployed.contract_address, providerOrAccount: provider });
assert.equal(await another.get_deal_counter(), 0n);

const deal = await escrow.get_deal(dealId);
const block = await provider.getBlock("latest");
const tx = await provider.getTransactionByHash(created.value.transaction_hash);
assert.equal(BigInt(tx.sender_address), BigInt(client.address));

const result = {
  specVersion,
  dealId,
  deal,
  events,
  change,
  after,
  nonces: await Promise.all([client, sp, relay].map(nonce)),
  counter: BigInt((await provider.getStorageAt(escrow.address, hash.getSelectorFromName("deal_counter"))).value),
  block: { number: BigInt(block.block_number), hash: block.block_hash },
  deployed: BigInt(deployed.contract_address),
  hashes: [created, released, again, slashed].map((r) => r.value.transaction_hash),
  reverts: [again.value.revert_reason, JSON.stringify(failed.baseError.data)],
  codes: [refusal, failed, absent, unknown].map((e) => e.code),
};
console.log(JSON.stringify(result, (_, v) => (["bigint", "number"].includes(typeof v) ? String(v) : v)));
