// Input: only the forms that are expected, everything as strings, because a JSON
// number above 2^53 would change on the way.

function matching(value, pattern, name) {
  if (typeof value !== "string" || !pattern.test(value)) {
    refuse("input", name + " is malformed");
  }
  return value;
}

function word(value, name) {
  return matching(value, /^0x[0-9a-f]{64}$/, name);
}

function uint64(value, name) {
  const n = BigInt(matching(value, /^(0|[1-9][0-9]{0,19})$/, name));
  if (n >= U64) {
    refuse("input", name + " is malformed");
  }
  return n;
}

function hex32(n) {
  return n.toString(16).padStart(64, "0");
}

function keccak(hex) {
  return ethers.utils.keccak256("0x" + hex);
}

function digestOf(a) {
  return keccak(a.dealId.slice(2) + hex32(a.chunkIndex) + a.proofSetId.slice(2) + a.rootCid.slice(2) + hex32(a.timestamp));
}
