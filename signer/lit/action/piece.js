// A reader of ABI words, and of the bytes of a piece CID.

function wordAt(hex, at) {
  const w = hex.slice(2 + at * 2, 2 + at * 2 + 64);
  return w.length === 64 ? BigInt("0x" + w) : null;
}

function challengesOf(data) {
  const n = wordAt(data, 32);
  if (wordAt(data, 0) !== 32n || n === null || n > 1024n || data.length !== 2 + 2 * (64 + 64 * Number(n))) {
    refuse("chain", "PossessionProven has another form");
  }
  const list = [];
  for (let i = 0; i < Number(n); i++) {
    list.push({ piece: wordAt(data, 64 + 64 * i), offset: wordAt(data, 96 + 64 * i) });
  }
  return list;
}

// pieceOf reads a PieceCIDv2 (FRC-0069) in its one canonical form; null if it is
// in another.
function pieceOf(returned) {
  if (returned === null || wordAt(returned, 0) !== 32n || wordAt(returned, 32) !== 32n) {
    return null;
  }
  const length = wordAt(returned, 64);
  if (length === null || length < 39n || length > 64n) {
    return null;
  }
  const cid = returned.slice(2 + 192, 2 + 192 + 2 * Number(length));
  if (cid.length !== 2 * Number(length) || cid.slice(0, 8) !== "01559120") {
    return null;
  }
  let at = 8;
  const byte = () => {
    const b = parseInt(cid.slice(at, at + 2), 16);
    at += 2;
    return b;
  };
  const uvarint = () => {
    let v = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const b = byte();
      v |= BigInt(b & 0x7f) << shift;
      if (b < 0x80) {
        return b === 0 && shift > 0n ? null : v;
      }
    }
    return null;
  };
  const digestLength = uvarint();
  if (digestLength === null || digestLength !== BigInt(cid.length - at) / 2n) {
    return null;
  }
  const padding = uvarint();
  const height = byte();
  if (padding === null || height > 50 || cid.length - at !== 64) {
    return null;
  }
  const padded = (128n * padding) / 127n;
  if (padded >= 1n << BigInt(height + 5)) {
    return null;
  }
  return { root: "0x" + cid.slice(at), leaves: (1n << BigInt(height)) - (padded >> 5n) };
}

// rootOf returns the root of the piece of a proof's first challenge if the proof
// is one to pay for, else why it is not. The pieces are those of the epoch before:
// a challenged piece is older, and may leave in the very epoch of the proof.
async function rootOf(set, proof) {
  const challenges = challengesOf(proof.data);
  if (challenges.length < CONFIG.minChallenges) {
    return { why: challenges.length + " challenges, want " + CONFIG.minChallenges };
  }
  const pieces = new Map();
  for (const c of challenges) {
    if (!pieces.has(c.piece) && pieces.size < MAX_PIECES) {
      pieces.set(c.piece, view(GET_PIECE_CID, set.slice(2) + hex32(c.piece), BigInt(proof.block) - 1n));
    }
  }
  for (const [id, answer] of pieces) {
    pieces.set(id, pieceOf(await answer));
  }
  for (const c of challenges) {
    if (!pieces.has(c.piece)) {
      continue;
    }
    const piece = pieces.get(c.piece);
    if (piece === null) {
      return { why: "piece " + c.piece + " has no canonical CID" };
    }
    if (c.offset >= piece.leaves) {
      return { why: "a challenge outside piece " + c.piece };
    }
  }
  return { root: pieces.get(challenges[0].piece).root };
}
