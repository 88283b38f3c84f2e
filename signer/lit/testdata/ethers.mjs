// The three functions of ethers v5 that actions use, in plain JavaScript, so that
// the test needs no package. Slow and not constant in time: for tests only.

const MASK = (1n << 64n) - 1n;
const ROUNDS = [0x1n, 0x8082n, 0x800000000000808an, 0x8000000080008000n, 0x808bn, 0x80000001n, 0x8000000080008081n, 0x8000000000008009n,
  0x8an, 0x88n, 0x80008009n, 0x8000000an, 0x8000808bn, 0x800000000000008bn, 0x8000000000008089n, 0x8000000000008003n,
  0x8000000000008002n, 0x8000000000000080n, 0x800an, 0x800000008000000an, 0x8000000080008081n, 0x8000000000008080n, 0x80000001n, 0x8000000080008008n];
const ROTATIONS = [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14];
const rotate = (v, n) => ((v << BigInt(n)) | (v >> BigInt(64 - n))) & MASK;

function permute(a) {
  for (const round of ROUNDS) {
    const c = [0, 1, 2, 3, 4].map((x) => a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]);
    for (let i = 0; i < 25; i++) a[i] ^= c[(i + 4) % 5] ^ rotate(c[(i + 1) % 5], 1);
    const b = [];
    for (let x = 0; x < 5; x++) {
      for (let y = 0; y < 5; y++) b[y + 5 * ((2 * x + 3 * y) % 5)] = rotate(a[x + 5 * y], ROTATIONS[x + 5 * y]);
    }
    for (let i = 0; i < 25; i++) a[i] = b[i] ^ (~b[i - (i % 5) + ((i + 1) % 5)] & MASK & b[i - (i % 5) + ((i + 2) % 5)]);
    a[0] ^= round;
  }
}

function keccak256(hex) {
  const rate = 136;
  const data = Buffer.from(hex.slice(2), "hex");
  const padded = Buffer.alloc((Math.floor(data.length / rate) + 1) * rate);
  data.copy(padded);
  padded[data.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  const state = new Array(25).fill(0n);
  for (let at = 0; at < padded.length; at += rate) {
    for (let i = 0; i < rate / 8; i++) state[i] ^= padded.readBigUInt64LE(at + 8 * i);
    permute(state);
  }
  const out = Buffer.alloc(32);
  for (let i = 0; i < 4; i++) out.writeBigUInt64LE(state[i], 8 * i);
  return "0x" + out.toString("hex");
}

const P = (1n << 256n) - (1n << 32n) - 977n;
const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const G = [0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n, 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n];
const mod = (v, m) => ((v % m) + m) % m;

function power(b, e, m) {
  let r = 1n;
  for (b = mod(b, m); e > 0n; e >>= 1n, b = (b * b) % m) if (e & 1n) r = (r * b) % m;
  return r;
}

const inverse = (v, m) => power(v, m - 2n, m);

function add(a, b) {
  if (a === null) return b;
  if (b === null) return a;
  if (a[0] === b[0] && mod(a[1] + b[1], P) === 0n) return null;
  const s = a[0] === b[0] ? 3n * a[0] * a[0] * inverse(2n * a[1], P) : (b[1] - a[1]) * inverse(b[0] - a[0], P);
  const x = mod(s * s - a[0] - b[0], P);
  return [x, mod(s * (a[0] - x) - a[1], P)];
}

function times(p, k) {
  let r = null;
  for (; k > 0n; k >>= 1n, p = add(p, p)) if (k & 1n) r = add(r, p);
  return r;
}

const word = (v) => v.toString(16).padStart(64, "0");

class SigningKey {
  #secret;
  constructor(hex) {
    this.#secret = BigInt(hex);
    this.publicKey = "0x04" + times(G, this.#secret).map(word).join("");
  }
  signDigest(digest) {
    const z = BigInt(digest);
    const k = mod(BigInt(keccak256("0x" + word(this.#secret) + word(z))), N);
    const point = times(G, k);
    const r = mod(point[0], N);
    let s = mod(inverse(k, N) * (z + r * this.#secret), N);
    let recoveryParam = Number(point[1] & 1n);
    if (s > N / 2n) [s, recoveryParam] = [N - s, 1 - recoveryParam];
    return { r: "0x" + word(r), s: "0x" + word(s), recoveryParam, v: 27 + recoveryParam };
  }
}

function recoverPublicKey(digest, { r, s, recoveryParam }) {
  const [x, z] = [BigInt(r), BigInt(digest)];
  const square = mod(x * x * x + 7n, P);
  let y = power(square, (P + 1n) / 4n, P);
  if (mod(y * y, P) !== square || x === 0n || BigInt(s) === 0n) throw new Error("invalid signature");
  if (Number(y & 1n) !== recoveryParam) y = P - y;
  const i = inverse(x, N);
  const q = add(times([x, y], mod(BigInt(s) * i, N)), times(G, mod(-z * i, N)));
  return "0x04" + q.map(word).join("");
}

export const utils = { keccak256, SigningKey, recoverPublicKey };
