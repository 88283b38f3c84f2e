// Hashing and checking attestations.
use core::integer::u128_byte_reverse;
use core::keccak::cairo_keccak;
use core::traits::DivRem;
use starknet::SyscallResultTrait;
use starknet::secp256_trait::{Secp256PointTrait, Secp256Trait, Signature, recover_public_key};
use starknet::secp256k1::Secp256k1Point;

// The words of a Keccak input are u64 in little-endian: the bytes of a
// big-endian number reversed, eight by eight.

const TWO_64: felt252 = 0x10000000000000000;

// split_words returns the words of 16 big-endian bytes.
fn split_words(value: u128) -> (u64, u64) {
    if value == 0 {
        return (0, 0);
    }
    let (second, first) = DivRem::div_rem(
        u128_byte_reverse(value), 0x10000000000000000_u128.try_into().unwrap()
    );
    (first.try_into().unwrap(), second.try_into().unwrap())
}

// reverse_both returns the words of two u64, with one reversal.
fn reverse_both(a: u64, b: u64) -> (u64, u64) {
    let a: felt252 = a.into();
    let b: felt252 = b.into();
    split_words((a * TWO_64 + b).try_into().unwrap())
}

// append_u256 appends 32 big-endian bytes.
fn append_u256(ref words: Array<u64>, value: u256) {
    let (first, second) = split_words(value.high);
    words.append(first);
    words.append(second);
    let (first, second) = split_words(value.low);
    words.append(first);
    words.append(second);
}

// append_reversed appends the word of a u64 as 32 big-endian bytes.
fn append_reversed(ref words: Array<u64>, word: u64) {
    words.append(0);
    words.append(0);
    words.append(0);
    words.append(word);
}

// append_attestation appends the 160 bytes of an attestation.
fn append_attestation(
    ref words: Array<u64>,
    deal_id: u256,
    chunk_index: u64,
    proof_set_id: u256,
    root_cid: u256,
    timestamp: u64
) {
    let (chunk, time) = reverse_both(chunk_index, timestamp);
    append_u256(ref words, deal_id);
    append_reversed(ref words, chunk);
    append_u256(ref words, proof_set_id);
    append_u256(ref words, root_cid);
    append_reversed(ref words, time);
}

// keccak hashes whole words, and returns the hash as a big-endian integer.
fn keccak(ref words: Array<u64>) -> u256 {
    let hash = cairo_keccak(ref words, 0, 0);
    u256 { low: u128_byte_reverse(hash.high), high: u128_byte_reverse(hash.low) }
}

// assert_signed panics unless recovery finds the key. Only v == 1 means an odd y.
fn assert_signed(digest: u256, r: u256, s: u256, v: u32, key_x: u256, key_y: u256) {
    let point = recover_public_key::<
        Secp256k1Point
    >(digest, Signature { r, s, y_parity: v == 1 });
    assert(point.is_some(), 'Signature recovery failed');
    let (x, y) = point.unwrap().get_coordinates().unwrap_syscall();
    assert(x == key_x, 'PKP key X mismatch');
    assert(y == key_y, 'PKP key Y mismatch');
}

const ORDER: u256 = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
const HALF_ORDER: u256 = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
const FIELD: u256 = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;

// assert_strict refuses what corelib 2.14.0 and later refuse before recovery:
// r outside [1, n) and s outside [1, n/2].
fn assert_strict(r: u256, s: u256) {
    let zero = u256 { low: 0, high: 0 };
    assert(
        r != zero && r < ORDER && s != zero && s <= HALF_ORDER, 'Signature recovery failed'
    );
}

// on_curve reports whether (x, y) is a finite point of secp256k1.
fn on_curve(x: u256, y: u256) -> bool {
    let zero = u256 { low: 0, high: 0 };
    if x >= FIELD || y >= FIELD || (x == zero && y == zero) {
        return false;
    }
    Secp256Trait::<Secp256k1Point>::secp256_ec_new_syscall(x, y).unwrap_syscall().is_some()
}
