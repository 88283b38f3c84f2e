// dealOf reads the deal from the escrow, and refuses one that pays no more.
async function dealOf(escrow, a) {
  const id = BigInt(a.dealId);
  const deal = (await starknet("get_deal", async (url) => {
    const felts = await ask(url, "starknet_call", {
      request: { contract_address: tag(BigInt(escrow)), entry_point_selector: GET_DEAL, calldata: [tag(id % U128), tag(id / U128)] },
      block_id: CONFIG.starknet.block,
    });
    if (!Array.isArray(felts) || felts.length !== 13) {
      throw new Error("get_deal: no deal");
    }
    return felts.map((f) => tag(BigInt(bytesOrFelt(f))));
  })).map((f) => BigInt(f));
  const [client, chunks, deadline, active, slashed] = [deal[0], deal[6], deal[10], deal[11], deal[12]];
  if (client === 0n) {
    refuse("deal", "there is no deal " + id);
  }
  if (active !== 1n || slashed !== 0n) {
    refuse("deal", "deal " + id + " is not active");
  }
  if (a.chunkIndex >= chunks) {
    refuse("deal", "deal " + id + " has " + chunks + " chunks");
  }
  if (a.timestamp > deadline) {
    refuse("deal", "the proof is later than the deadline of deal " + id);
  }
  return tag(client);
}

function bytesOrFelt(f) {
  if (typeof f !== "string" || !/^0x[0-9a-fA-F]{1,64}$/.test(f)) {
    throw new Error("no felt");
  }
  return f;
}

// checkBinding makes sure that the deal's client, whose money it is, said which
// data set earns it and from which epoch on: the account of the client takes the
// signature.
async function checkBinding(escrow, client, a, binding) {
  const start = uint64(binding.startEpoch, "binding.startEpoch");
  if (start === 0n || !Array.isArray(binding.signature) || binding.signature.length > 64) {
    refuse("input", "binding is malformed");
  }
  const signature = binding.signature.map((f) => matching(f, /^0x(0|[1-9a-f][0-9a-f]{0,62})$/, "binding.signature"));
  const full = keccak(CONFIG.bindingTag.slice(2) + CONFIG.starknet.chainId.slice(2) + escrow.slice(2) +
    hex32(BigInt(CONFIG.fevm.chainId)) + hex32(BigInt(CONFIG.fevm.verifier)) + a.dealId.slice(2) + a.proofSetId.slice(2) + hex32(start));
  const message = BigInt(full) % (1n << 250n);
  const valid = await starknet("is_valid_signature", async (url) => {
    const answer = await call(url, "starknet_call", {
      request: { contract_address: client, entry_point_selector: IS_VALID_SIGNATURE, calldata: [tag(message), tag(BigInt(signature.length)), ...signature] },
      block_id: CONFIG.starknet.block,
    });
    if (answer.error) {
      if (answer.error.code === 40) {
        return false; // the account reverts
      }
      throw new Error("starknet_call: " + String(answer.error.message).slice(0, 120));
    }
    return Array.isArray(answer.result) && answer.result.length === 1 && BigInt(bytesOrFelt(answer.result[0])) === VALID;
  });
  if (!valid) {
    refuse("binding", "the client of the deal did not sign this data set and start");
  }
  return start;
}
