function same(got, want, name) {
  if (got !== want) {
    refuse("mismatch", name + " is " + want + ", asked for " + got);
  }
}

async function main(input) {
  if (input === null || typeof input !== "object" || input.v !== "1") {
    refuse("input", "want parameters of version 1");
  }
  fetches = 0;
  chains.clear();
  const first = uint64(input.first, "first");
  nets = { fevm: arrange(CONFIG.fevm, "eth_chainId", first), starknet: arrange(CONFIG.starknet, "starknet_chainId", first) };
  const { domain, evidence: e, attestation: asked } = input;
  for (const part of [domain, e, asked]) {
    if (part === null || typeof part !== "object") {
      refuse("input", "domain, evidence or attestation is missing");
    }
  }
  const a = {
    dealId: word(asked.dealId, "dealId"),
    chunkIndex: uint64(asked.chunkIndex, "chunkIndex"),
    proofSetId: word(asked.proofSetId, "proofSetId"),
    rootCid: word(asked.rootCid, "rootCid"),
    timestamp: uint64(asked.timestamp, "timestamp"),
  };
  same(word(domain.chainId, "domain.chainId"), CONFIG.starknet.chainId, "the Starknet chain");
  same(uint64(e.chainId, "evidence.chainId"), BigInt(CONFIG.fevm.chainId), "the Filecoin chain");
  same(matching(e.verifier, /^0x[0-9a-f]{40}$/, "evidence.verifier"), CONFIG.fevm.verifier, "the verifier");
  same(word(e.setId, "evidence.setId"), a.proofSetId, "the data set of the attestation");
  const txHash = word(e.txHash, "evidence.txHash");
  const genesis = BigInt(CONFIG.fevm.genesis);

  const privateKey = String(await Lit.Actions.getLitActionPrivateKey());
  const key = new ethers.utils.SigningKey(privateKey.startsWith("0x") ? privateKey : "0x" + privateKey);
  const escrow = "0x" + hex32(escrowOf(key.publicKey));
  same(word(domain.escrow, "domain.escrow"), escrow, "the escrow");

  // The chunk before, if there is one, was signed by this very key: its binding
  // and its place hold for this chunk too.
  let base;
  if (a.chunkIndex > 0n) {
    const p = input.previous;
    if (p === null || typeof p !== "object") {
      refuse("input", "previous is missing");
    }
    const before = { dealId: a.dealId, chunkIndex: a.chunkIndex - 1n, proofSetId: a.proofSetId, rootCid: word(p.rootCid, "previous.rootCid"), timestamp: uint64(p.timestamp, "previous.timestamp") };
    const signature = { r: word(p.r, "previous.r"), s: word(p.s, "previous.s"), recoveryParam: Number(matching(p.v, /^[01]$/, "previous.v")) };
    let signedBy = "";
    try {
      signedBy = ethers.utils.recoverPublicKey(digestOf(before), signature).toLowerCase();
    } catch (e) {
      // No signature at all: refused below as one of somebody else.
    }
    if (signedBy !== key.publicKey.toLowerCase()) {
      refuse("previous", "the chunk before was not signed by this action for this deal and data set");
    }
    base = (before.timestamp - genesis) / EPOCH_SECONDS;
  }

  // The proof: in a transaction that succeeded, in a final block of the chain, by
  // the verifier, for the set.
  const receipt = await fevm("receipt", async (url) => {
    const r = await ask(url, "eth_getTransactionReceipt", [txHash]);
    if (r === null) {
      return null;
    }
    if (hash(r.transactionHash, "transaction hash") !== txHash) {
      throw new Error("receipt of another transaction");
    }
    if (r.status === "0x1" && r.logs.length === 0) {
      throw new Error("no logs, or not yet"); // a node can fill them in later
    }
    return { status: r.status, block: quantity(r.blockNumber).toString(), blockHash: hash(r.blockHash, "block hash"), proofs: proofsIn(r.logs, a.proofSetId) };
  });
  if (receipt === null) {
    refuse("not-final", "transaction " + txHash + " is not on the chain");
  }
  if (receipt.status !== "0x1") {
    refuse("proof", "transaction " + txHash + " failed");
  }
  if (receipt.proofs.length === 0) {
    refuse("proof", "transaction " + txHash + " proves nothing for the data set");
  }
  const block = BigInt(receipt.block);
  const canonical = await fevm("block", async (url) => {
    const b = await ask(url, "eth_getBlockByNumber", [tag(block), false]);
    const f = await ask(url, "eth_getBlockByNumber", ["finalized", false]);
    if (b === null || f === null || quantity(b.number) !== block) {
      throw new Error("no block");
    }
    return { hash: hash(b.hash, "block hash"), time: quantity(b.timestamp).toString(), final: quantity(f.number) >= block + BigInt(CONFIG.fevm.confirmations) };
  });
  if (!canonical.final) {
    refuse("not-final", "epoch " + block + " is not final");
  }
  const timestamp = genesis + EPOCH_SECONDS * block;
  if (canonical.hash !== receipt.blockHash) {
    refuse("chain", "the receipt is of another block");
  }
  if (BigInt(canonical.time) !== timestamp) {
    refuse("chain", "the block's time is not that of its epoch");
  }
  const proof = (await proofsBetween(a.proofSetId, block, block))[0];
  if (proof === undefined) {
    refuse("rpc", "the receipt's log is not found");
  }
  if (proof.blockHash !== canonical.hash || proof.block !== receipt.block) {
    refuse("chain", "the log is not where its receipt is");
  }
  if (proof.txHash !== txHash || proof.data !== receipt.proofs[0].data) {
    refuse("proof", "another transaction of the epoch proved first");
  }

  // Its proving period, and that it is the first proof in it.
  const [period, last] = await Promise.all([number(GET_NEXT_CHALLENGE_EPOCH, a.proofSetId, block - 1n), number(GET_LAST_PROVEN_EPOCH, a.proofSetId, block - 1n)]);
  if (period === 0n || period > block) {
    refuse("proof", "no proving period was open");
  }
  if (last >= period) {
    refuse("proof", "proving period " + period + " was already proven");
  }
  const verdict = await rootOf(a.proofSetId, proof);
  if (verdict.root === undefined) {
    refuse("proof", verdict.why);
  }

  same(a.rootCid, verdict.root, "the root");
  same(a.timestamp, timestamp, "the time of the proof");
  same(uint64(e.period, "evidence.period"), period, "the proving period");
  same(uint64(e.blockNumber, "evidence.blockNumber"), block, "the epoch");
  same(word(e.blockHash, "evidence.blockHash"), canonical.hash, "the block");

  // The deal, its binding to the set, and the place of the proof among the deal's.
  const client = await dealOf(escrow, a);
  let proven = base;
  if (base === undefined) {
    if (input.binding === null || typeof input.binding !== "object") {
      refuse("input", "binding is missing");
    }
    base = (await checkBinding(escrow, client, a, input.binding)) - 1n;
    proven = await number(GET_LAST_PROVEN_EPOCH, a.proofSetId, base);
  }
  if (block <= base) {
    refuse("order", "the proof is not after epoch " + base);
  }
  await nothingPayable(a.proofSetId, base, proven, last);

  const digest = digestOf(a);
  const signature = key.signDigest(digest);
  if (ethers.utils.recoverPublicKey(digest, signature).toLowerCase() !== key.publicKey.toLowerCase()) {
    refuse("key", "the signature is not of the action's key");
  }
  return {
    ok: true,
    v: "1",
    attestation: { dealId: a.dealId, chunkIndex: a.chunkIndex.toString(), proofSetId: a.proofSetId, rootCid: a.rootCid, timestamp: a.timestamp.toString() },
    domain: { chainId: CONFIG.starknet.chainId, escrow: escrow },
    evidence: { chainId: CONFIG.fevm.chainId, verifier: CONFIG.fevm.verifier, setId: a.proofSetId, period: period.toString(), txHash: txHash, blockHash: canonical.hash, blockNumber: block.toString() },
    digest: digest,
    publicKey: key.publicKey,
    signature: { r: signature.r, s: signature.s, v: String(signature.recoveryParam) },
  };
}
