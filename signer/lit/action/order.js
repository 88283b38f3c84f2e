// nothingPayable makes sure that no proof in (base, block) earned a chunk. proven
// is the last proven epoch as of base. It walks back from proof to proof by the
// contract's own state, so that it costs little however long the time between.
async function nothingPayable(set, base, proven, last) {
  while (last > base) {
    const period = await number(GET_NEXT_CHALLENGE_EPOCH, set, last - 1n);
    if (period === 0n || period > last) {
      // No proof was possible: the contract also writes the epoch when a set is
      // created and when its first period begins.
      last = await number(GET_LAST_PROVEN_EPOCH, set, last - 1n);
      continue;
    }
    if (proven >= period) {
      return; // of the period that was already proven at base
    }
    let first;
    for (let from = period; first === undefined && from <= last; from += MAX_RANGE + 1n) {
      const to = from + MAX_RANGE < last ? from + MAX_RANGE : last;
      first = (await proofsBetween(set, from, to))[0];
    }
    if (first === undefined) {
      // It writes the epoch, too, when a set gets empty.
      if ((await number(GET_NEXT_CHALLENGE_EPOCH, set, last)) !== 0n) {
        refuse("rpc", "the proof at epoch " + last + " has no log");
      }
      last = await number(GET_LAST_PROVEN_EPOCH, set, last - 1n);
      continue;
    }
    const verdict = await rootOf(set, first);
    if (verdict.root !== undefined) {
      refuse("order", "the proof at epoch " + first.block + " earned this chunk");
    }
    last = await number(GET_LAST_PROVEN_EPOCH, set, BigInt(first.block) - 1n);
  }
}
