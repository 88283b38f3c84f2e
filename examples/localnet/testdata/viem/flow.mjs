// Uses the Filecoin side of localnet with viem, and viem's own description of
// Calibration:
//
//	node flow.mjs localnet.json
//
// The last line of the output is one JSON object, whose numbers are decimal
// strings.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  BaseError, ContractFunctionRevertedError, InsufficientFundsError, NonceTooLowError, RpcRequestError,
  createWalletClient, http, parseAbi, parseEther, publicActions, zeroAddress,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { filecoinCalibration } from "viem/chains";

const net = JSON.parse(readFileSync(process.argv[2])).fevm;
const abi = parseAbi([
  "struct Cid { bytes data; }",
  "struct Challenge { uint256 pieceId; uint256 offset; }",
  "function FIL_CLEANUP_DEPOSIT() view returns (uint256)",
  "function getNextDataSetId() view returns (uint64)",
  "function getDataSetLeafCount(uint256 setId) view returns (uint256)",
  "function getActivePieces(uint256 setId, uint256 offset, uint256 limit) view returns (Cid[] pieces, uint256[] ids, bool hasMore)",
  "function createDataSet(address listener, bytes extraData) payable returns (uint256)",
  "event PossessionProven(uint256 indexed setId, Challenge[] challenges)",
  "error DataSetNotLive()",
  "error CleanupDepositRequired()",
]);
const account = privateKeyToAccount(net.accounts[2].private_key);
const client = createWalletClient({
  account, chain: filecoinCalibration, transport: http(net.rpc, { retryCount: 0 }), pollingInterval: 20, cacheTime: 0,
}).extend(publicActions);
const verifier = { address: net.pdp_verifier, abi };

// The error of the given class that a promise ends with.
async function refused(promise, type) {
  const e = await promise.then(() => assert.fail("it is not refused"), (e) => e);
  const cause = e instanceof BaseError && e.walk((e) => e instanceof type);
  assert(cause, `want ${type.name}: ${e}`);
  return cause;
}

assert.equal(await client.getChainId(), filecoinCalibration.id);
await client.request({ method: "evm_mine", params: [12] });
const [latest, safe, finalized] = await Promise.all(["latest", "safe", "finalized"].map((blockTag) => client.getBlock({ blockTag })));
assert(finalized.number < safe.number && safe.number < latest.number);
const nullRound = BigInt(await client.request({ method: "sim_nullRound" }));
const noBlock = await refused(client.getBlock({ blockNumber: nullRound }), RpcRequestError);
assert.equal(noBlock.code, 12);

const proved = await client.request({ method: "sim_prove", params: [5] });
const [event] = await client.getContractEvents({
  ...verifier, eventName: "PossessionProven", args: { setId: 5n }, fromBlock: BigInt(proved.blockNumber), toBlock: "latest", strict: true,
});
assert.equal(event.transactionHash, proved.txHash);
const pieces = await client.readContract({ ...verifier, functionName: "getActivePieces", args: [5n, 0n, 10n] });
assert.equal(pieces[0].length, 1);

const custom = await refused(client.readContract({ ...verifier, functionName: "getDataSetLeafCount", args: [999n] }), ContractFunctionRevertedError);
assert.equal(custom.data.errorName, "DataSetNotLive");
const text = await refused(client.readContract({ ...verifier, functionName: "getActivePieces", args: [5n, 0n, 0n] }), ContractFunctionRevertedError);
assert.equal(text.reason, "Limit must be greater than 0");
const create = { ...verifier, functionName: "createDataSet", args: [zeroAddress, "0x"] };
const noDeposit = await refused(client.simulateContract({ ...create, account }), ContractFunctionRevertedError);
assert.equal(noDeposit.data.errorName, "CleanupDepositRequired");
const value = await client.readContract({ ...verifier, functionName: "FIL_CLEANUP_DEPOSIT" });
const { request, result: id } = await client.simulateContract({ ...create, account, value });
const created = await client.waitForTransactionReceipt({ hash: await client.writeContract(request) });
assert.equal(created.status, "success");
assert.equal(await client.readContract({ ...verifier, functionName: "getNextDataSetId" }), id + 1n);
const reverted = await client.waitForTransactionReceipt({ hash: await client.writeContract({ ...create, gas: 10_000_000n }) });
assert.equal(reverted.status, "reverted");

const nonce = await client.getTransactionCount({ address: account.address });
const to = net.accounts[3].address;
const transaction = await client.prepareTransactionRequest({ to, value: parseEther("0.5") });
const serializedTransaction = await client.signTransaction(transaction);
const hash = await client.sendRawTransaction({ serializedTransaction });
const sent = await client.waitForTransactionReceipt({ hash });
assert.equal(sent.status, "success");
await refused(client.sendTransaction({ to, nonce }), NonceTooLowError);
const poor = privateKeyToAccount("0x" + "42".repeat(32));
await refused(client.sendTransaction({ account: poor, to, gas: 100_000n }), InsufficientFundsError);
await client.request({ method: "sim_reorg", params: [1] });
assert.equal(await client.getTransactionCount({ address: account.address }), nonce);
assert.equal(await client.sendRawTransaction({ serializedTransaction }), hash);
const again = await client.waitForTransactionReceipt({ hash });
assert.equal(again.blockNumber, sent.blockNumber + 1n);

const out = {
  nullRound,
  proof: { set: event.args.setId, hash: event.transactionHash, number: event.blockNumber, challenges: event.args.challenges.length },
  dataSet: { id, hash: created.transactionHash, provider: account.address },
  again: { hash, number: again.blockNumber },
  nonce: await client.getTransactionCount({ address: account.address }),
};
console.log(JSON.stringify(out, (_, v) => (["bigint", "number"].includes(typeof v) ? String(v) : v)));
