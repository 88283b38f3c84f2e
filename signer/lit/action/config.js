// SLAStream proof attester, an action of the Lit network.
//
// It signs "this storage proof earned that chunk of that deal" with the key that
// belongs to exactly these bytes, and only after it has read the proof, the deal
// and the place of the proof among the deal's proofs from nodes that are written
// down here. Nothing a caller sends is believed: it is compared. Whoever may call
// the action, anybody, gets the one true attestation or an exception.
//
// Exceptions begin with "slastream[code]: ". Of the codes, "rpc" and "not-final"
// can go away by themselves, the others cannot.

const CONFIG = {{.}};

const POSSESSION_PROVEN = "0x1acf7df9f0c1b0208c23be6178950c0273f89b766805a2c0bd1e53d25c700e50";
const GET_NEXT_CHALLENGE_EPOCH = "0x6ba4608f"; // (uint256 set)
const GET_LAST_PROVEN_EPOCH = "0x04595c1a"; // (uint256 set)
const GET_PIECE_CID = "0x25bbbedf"; // (uint256 set, uint256 piece)
const GET_DEAL = "0xd22015c384ca57946ca92e633b3619cb7b35378a0ace5abb39978cd7d9be84"; // (u256 deal)
const IS_VALID_SIGNATURE = "0x28420862938116cb3bbdbedee07451ccc54d4e9412dbef71142ad1980a30941"; // (felt hash, felt[] signature)
const VALID = 0x56414c4944n; // "VALID"

const EPOCH_SECONDS = 30n;
const MAX_FETCHES = 50; // what one run of an action may send
const MAX_PIECES = 4; // pieces of a proof that are looked at
const MAX_RANGE = 2880n; // epochs between the ends of one eth_getLogs
const U64 = 1n << 64n;
const U128 = 1n << 128n;

function refuse(code, message) {
  throw new Error("slastream[" + code + "]: " + message);
}
