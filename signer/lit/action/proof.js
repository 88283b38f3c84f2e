// proofsIn keeps, of logs, those that the verifier emitted for proofs of the set.
function proofsIn(logs, set) {
  if (!Array.isArray(logs)) {
    throw new Error("no logs");
  }
  const kept = [];
  for (const l of logs) {
    if (l.removed === true || !Array.isArray(l.topics) || l.topics.length !== 2) {
      continue;
    }
    if (bytes(l.address, "address") !== CONFIG.fevm.verifier || hash(l.topics[0], "topic") !== POSSESSION_PROVEN || hash(l.topics[1], "topic") !== set) {
      continue;
    }
    kept.push({
      block: quantity(l.blockNumber).toString(),
      index: quantity(l.logIndex),
      blockHash: hash(l.blockHash, "block hash"),
      txHash: hash(l.transactionHash, "transaction hash"),
      data: bytes(l.data, "data"),
    });
  }
  kept.sort((a, b) => {
    const d = BigInt(a.block) - BigInt(b.block) || a.index - b.index;
    return d < 0n ? -1 : d > 0n ? 1 : 0;
  });
  // Nodes number logs in different ways: only the order is the chain's.
  return kept.map(({ index, ...rest }) => rest);
}

const tag = (epoch) => "0x" + epoch.toString(16);

function proofsBetween(set, from, to) {
  return fevm("logs", async (url) => proofsIn(await ask(url, "eth_getLogs", [{
    address: CONFIG.fevm.verifier, topics: [POSSESSION_PROVEN, set], fromBlock: tag(from), toBlock: tag(to),
  }]), set));
}

// view calls the verifier on the state after an epoch. null means that it reverts.
function view(selector, args, epoch) {
  return fevm("call " + selector, async (url) => {
    const answer = await call(url, "eth_call", [{ to: CONFIG.fevm.verifier, data: selector + args }, tag(epoch)]);
    if (answer.error) {
      const message = String(answer.error.message);
      if (answer.error.code === 3 || /revert/i.test(message)) {
        return null;
      }
      throw new Error("eth_call: " + message.slice(0, 120));
    }
    return bytes(answer.result, "result");
  });
}

// number is a view that answers a uint256; a set that is not there has 0.
async function number(selector, set, epoch) {
  const r = await view(selector, set.slice(2), epoch);
  if (r === null) {
    return 0n;
  }
  if (r.length !== 66) {
    refuse("chain", "the verifier answers in another form");
  }
  return BigInt(r);
}
