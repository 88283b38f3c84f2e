// The escrow's address depends on its constructor's arguments, the key of this
// action is among them, and the key depends on this text. So the text cannot hold
// the address: it holds what the address is computed from, and there is still
// exactly one.

const FIELD = (1n << 251n) + 17n * (1n << 192n) + 1n;
const ADDRESS_BOUND = (1n << 251n) - 256n;

// The constant points of the Pedersen hash of Starknet, affine.
const SHIFT = [2089986280348253421170679821480865132823066470938446095505822317253594081284n, 1713931329540660377023406109199410414810705867260802078187082345529207694986n];
const POINTS = [
  [996781205833008774514500082376783249102396023663454813447423147977397232763n, 1668503676786377725805489344771023921079126552019160156920634619255970485781n],
  [2251563274489750535117886426533222435294046428347329203627021249169616184184n, 1798716007562728905295480679789526322175868328062420237419143593021674992973n],
  [2138414695194151160943305727036575959195309218611738193261179310511854807447n, 113410276730064486255102093846540133784865286929052426931474106396135072156n],
  [2379962749567351885752724891227938183011949129833673362440656643086021394946n, 776496453633298175483985398648758586525933812536653089401905292063708816422n],
];

function mod(v) {
  const r = v % FIELD;
  return r < 0n ? r + FIELD : r;
}

// double and add are those of Jacobian coordinates on y² = x³ + x + b. Points of
// the hash are never equal or opposite to each other, short of a broken curve.
function double([x, y, z]) {
  const yy = mod(y * y), zz = mod(z * z);
  const s = mod(4n * x * yy);
  const m = mod(3n * x * x + zz * zz);
  const nx = mod(m * m - 2n * s);
  return [nx, mod(m * (s - nx) - 8n * yy * yy), mod(2n * y * z)];
}

function add([x1, y1, z1], [x2, y2, z2]) {
  const zz1 = mod(z1 * z1), zz2 = mod(z2 * z2);
  const u1 = mod(x1 * zz2), h = mod(x2 * zz1 - u1);
  const s1 = mod(y1 * z2 * zz2), r = mod(y2 * z1 * zz1 - s1);
  if (h === 0n) {
    refuse("chain", "the address of the escrow cannot be computed");
  }
  const hh = mod(h * h), hhh = mod(h * hh), v = mod(u1 * hh);
  const x = mod(r * r - hhh - 2n * v);
  return [x, mod(r * (v - x) - s1 * hhh), mod(h * z1 * z2)];
}

function inverse(v) {
  let [a, b, x, y] = [v, FIELD, 1n, 0n];
  while (b !== 0n) {
    const q = a / b;
    [a, b, x, y] = [b, a - q * b, y, x - q * y];
  }
  return mod(x);
}

// doublings[i][n] is 2ⁿ times POINTS[i].
const doublings = POINTS.map((p) => [[p[0], p[1], 1n]]);

function pedersen(a, b) {
  let sum = [SHIFT[0], SHIFT[1], 1n];
  const low = (1n << 248n) - 1n;
  [a & low, a >> 248n, b & low, b >> 248n].forEach((scalar, i) => {
    for (let n = 0; scalar > 0n; n++, scalar >>= 1n) {
      if (n === doublings[i].length) {
        doublings[i].push(double(doublings[i][n - 1]));
      }
      if (scalar & 1n) {
        sum = add(sum, doublings[i][n]);
      }
    }
  });
  const z = inverse(sum[2]);
  return mod(sum[0] * z * z);
}

// escrowOf is the address at which the escrow of a key is: CONFIG holds the hash
// of what comes before the constructor's arguments, and those after the key.
function escrowOf(publicKey) {
  const x = BigInt("0x" + publicKey.slice(4, 68)), y = BigInt("0x" + publicKey.slice(68, 132));
  const args = [x % U128, x / U128, y % U128, y / U128, ...CONFIG.starknet.args.map((a) => BigInt(a))];
  let h = 0n;
  for (const arg of args) {
    h = pedersen(h, arg);
  }
  h = pedersen(h, BigInt(args.length));
  return pedersen(pedersen(BigInt(CONFIG.starknet.prefix), h), 5n) % ADDRESS_BOUND;
}
