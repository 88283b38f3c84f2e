// Uses the Filecoin side of localnet with ethers 6, as a program of somebody else
// would:
//
//	node flow.mjs localnet.json
//
// localnet.json is the line that localnet prints. The last line of the output is
// one JSON object, whose numbers are decimal strings.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Contract, JsonRpcProvider, Wallet, ZeroAddress, isError, parseEther, toQuantity } from "ethers";

const net = JSON.parse(readFileSync(process.argv[2])).fevm;
const verifierABI = [
  "function VERSION() view returns (string)",
  "function FIL_CLEANUP_DEPOSIT() view returns (uint256)",
  "function getNextDataSetId() view returns (uint64)",
  "function dataSetLive(uint256 setId) view returns (bool)",
  "function getDataSetLeafCount(uint256 setId) view returns (uint256)",
  "function getDataSetStorageProvider(uint256 setId) view returns (address, address)",
  "function getDataSetLastProvenEpoch(uint256 setId) view returns (uint256)",
  "function getPieceCid(uint256 setId, uint256 pieceId) view returns (tuple(bytes data))",
  "function getActivePieces(uint256 setId, uint256 offset, uint256 limit) view returns (tuple(bytes data)[] pieces, uint256[] ids, bool hasMore)",
  "function createDataSet(address listener, bytes extraData) payable returns (uint256)",
  "event DataSetCreated(uint256 indexed setId, address indexed storageProvider)",
  "event PossessionProven(uint256 indexed setId, tuple(uint256 pieceId, uint256 offset)[] challenges)",
  "error DataSetNotLive()",
  "error CleanupDepositRequired()",
];

const provider = new JsonRpcProvider(net.rpc, undefined, { cacheTimeout: -1 });
provider.pollingInterval = 20; // milliseconds
const wallet = new Wallet(net.accounts[0].private_key, provider);
const peer = net.accounts[1].address;
assert.equal(wallet.address, net.accounts[0].address);
const verifier = new Contract(net.pdp_verifier, verifierABI, wallet);

// The error that a promise ends with, which must have that code of ethers.
async function refused(promise, code) {
  const e = await promise.then(() => assert.fail("it is not refused"), (e) => e);
  assert(isError(e, code), `want ${code}: ${e}`);
  return e;
}

const { chainId } = await provider.getNetwork();
assert.equal(chainId, 314159n);
assert.notEqual(await provider.getCode(verifier.target), "0x");
assert.equal(await provider.getCode(peer), "0x");

// Blocks: their tags, their parents, and an epoch that has none.
await provider.send("evm_mine", [12]);
const [latest, safe, finalized] = await Promise.all(["latest", "safe", "finalized"].map((tag) => provider.getBlock(tag)));
assert(finalized.number < safe.number && safe.number < latest.number);
assert.equal((await provider.getBlock(latest.number - 1)).hash, latest.parentHash);
assert.equal((await provider.getBlock(latest.hash)).number, latest.number);
const nullRound = Number(await provider.send("sim_nullRound", []));
assert.equal(nullRound, latest.number + 1);
await provider.send("evm_mine", [1]);
const noBlock = await refused(provider.getBlock(nullRound), "UNKNOWN_ERROR");
assert.equal(noBlock.error.code, 12);
const afterNull = await provider.getBlock(nullRound + 1);
assert.equal(afterNull.parentHash, latest.hash);
assert.equal(afterNull.timestamp, latest.timestamp + 60);
const future = await refused(provider.getBlock(nullRound + 1000), "UNKNOWN_ERROR");
assert.equal(await provider.getBlock("0x" + "11".repeat(32)), null);

// A storage provider proves; the event and the views say so.
const proven = await verifier.getNextDataSetId();
const proved = await provider.send("sim_prove", [toQuantity(proven)]);
const [event] = await verifier.queryFilter(verifier.filters.PossessionProven(proven), Number(proved.blockNumber), "latest");
assert.equal(event.transactionHash, proved.txHash);
assert.equal(event.blockNumber, Number(proved.blockNumber));
assert(event.args.challenges.length > 0);
assert.deepEqual(await verifier.queryFilter(verifier.filters.PossessionProven(proven + 1n), latest.number), []);
const proof = await (await event.getTransaction()).wait();
assert.equal(proof.status, 1);
assert(proof.logs.some((l) => l.index === event.index && l.topics[0] === event.topics[0]));
const far = await refused(provider.getLogs({ fromBlock: 0, toBlock: "latest" }), "UNKNOWN_ERROR");
const view = {
  version: await verifier.VERSION(),
  live: await verifier.dataSetLive(proven),
  leafCount: await verifier.getDataSetLeafCount(proven),
  lastProven: await verifier.getDataSetLastProvenEpoch(proven),
  cid: (await verifier.getPieceCid(proven, 0)).data,
};
const before = await verifier.dataSetLive(proven, { blockTag: latest.number });
assert.deepEqual([view.live, before], [true, false]);

// Reverts of calls: a custom error and a text.
const custom = await refused(verifier.getDataSetLeafCount(999), "CALL_EXCEPTION");
assert.equal(custom.revert.name, "DataSetNotLive");
const text = await refused(verifier.getActivePieces(proven, 0, 0), "CALL_EXCEPTION");
assert.equal(text.reason, "Limit must be greater than 0");

// A transfer, whose gas and fees the library asks for.
const balance = (address) => provider.getBalance(address);
const [mine, theirs] = [await balance(wallet.address), await balance(peer)];
const transfer = await (await wallet.sendTransaction({ to: peer, value: parseEther("1.5") })).wait();
assert.equal(transfer.status, 1);
assert.equal(await balance(peer), theirs + parseEther("1.5"));
assert.equal(await balance(wallet.address), mine - parseEther("1.5") - transfer.fee);
assert.equal(await provider.getTransactionCount(wallet.address, transfer.blockNumber - 1), (await transfer.getTransaction()).nonce);

// A call of the verifier: without the deposit the estimate reverts, and if it is
// sent all the same the transaction does.
const noDeposit = await refused(verifier.createDataSet(ZeroAddress, "0x"), "CALL_EXCEPTION");
assert.equal(verifier.interface.parseError(noDeposit.data).name, "CleanupDepositRequired");
const sent = await verifier.createDataSet(ZeroAddress, "0x", { gasLimit: 10_000_000 });
const reverted = await refused(sent.wait(), "CALL_EXCEPTION");
assert.equal(reverted.receipt.status, 0);
const deposit = await verifier.FIL_CLEANUP_DEPOSIT();
const set = await verifier.getNextDataSetId();
const create = await (await verifier.createDataSet(ZeroAddress, "0x", { value: deposit })).wait();
const created = create.logs.map((l) => verifier.interface.parseLog(l)).find((l) => l?.name === "DataSetCreated");
assert.deepEqual([...created.args], [set, wallet.address]);
assert.deepEqual([...(await verifier.getDataSetStorageProvider(set))], [wallet.address, ZeroAddress]);

// Raw transactions, and what is wrong with them.
const nonce = await wallet.getNonce("pending");
const raw = await wallet.signTransaction(await wallet.populateTransaction({ to: peer, value: 1n, nonce }));
const first = await (await provider.broadcastTransaction(raw)).wait();
const old = await refused(provider.broadcastTransaction(raw), "NONCE_EXPIRED");
const gap = await refused(wallet.sendTransaction({ to: peer, nonce: nonce + 5 }), "UNKNOWN_ERROR");
const poor = new Wallet("0x" + "42".repeat(32), provider);
const funds = await refused(poor.sendTransaction({ to: peer, gasLimit: 100_000 }), "INSUFFICIENT_FUNDS");
const unpaid = await refused(poor.sendTransaction({ to: peer, value: 1n }), "INSUFFICIENT_FUNDS");
const legacy = await (await wallet.sendTransaction({ to: peer, type: 0, value: 2n })).wait();
assert.equal((await legacy.getTransaction()).type, 0);

// The tipsets of both go: the nonce is back, and the same raw transaction is
// accepted again.
const head = await provider.getBlock("latest");
const reorg = await provider.send("sim_reorg", [toQuantity(head.number - first.blockNumber + 1)]);
assert.deepEqual(reorg.dropped, [first.hash, legacy.hash]);
assert.equal((await provider.getBlock("latest")).number, head.number);
assert.notEqual((await provider.getBlock(head.number)).hash, head.hash);
assert.equal(await provider.getTransactionReceipt(first.hash), null);
assert.equal(await provider.getTransaction(legacy.hash), null);
assert.equal(await wallet.getNonce(), nonce);
const again = await (await provider.broadcastTransaction(raw)).wait();
assert.equal(again.hash, first.hash);
assert.equal(again.blockNumber, head.number + 1);

// A listener, which asks for logs block by block because the node has no
// filters, hears of the next proof.
let heard;
await verifier.on("PossessionProven", (setId) => (heard = setId));
for (const began = Date.now(); heard === undefined; await new Promise((resolve) => setTimeout(resolve, 100))) {
  assert(Date.now() - began < 20_000, "the listener hears nothing");
  await provider.send("sim_prove", [toQuantity(proven)]);
}
await verifier.removeAllListeners();
assert.equal(heard, proven);

const result = {
  chainId,
  nullRound,
  proof: { set: event.args.setId, hash: event.transactionHash, number: event.blockNumber, challenges: event.args.challenges.length },
  view,
  dataSet: { id: set, hash: create.hash, provider: wallet.address },
  again: { hash: again.hash, number: again.blockNumber },
  nonce: await wallet.getNonce(),
  reverts: { custom: custom.data, text: text.data },
  errors: [noBlock, future, far, old, gap, funds, unpaid].map((e) => (({ code, message }) => ({ code, message }))(e.error ?? e.info.error)),
};
console.log(JSON.stringify(result, (_, v) => (["bigint", "number"].includes(typeof v) ? String(v) : v)));
provider.destroy();
