// What follows runs in the real corelib. recover and digest are the two steps
// of release_chunk that decide on a signature; the tests below them are
// written by cairo_test.go, one assertion a row.
use core::integer::u128_byte_reverse;
use core::keccak::keccak_u256s_be_inputs;
use core::starknet::secp256_trait::{Signature, recover_public_key, Secp256PointTrait};
use core::starknet::secp256k1::Secp256k1Point;
use core::starknet::SyscallResultTrait;

// recover returns the coordinates of the key, or None.
fn recover(z: u256, r: u256, s: u256, v: u32) -> Option<(u256, u256)> {
    let signature = Signature { r, s, y_parity: v == 1 };
    let point = recover_public_key::<Secp256k1Point>(z, signature)?;
    Option::Some(point.get_coordinates().unwrap_syscall())
}

// digest hashes the five words of an attestation, big-endian.
fn digest(deal: u256, chunk: u64, pset: u256, root: u256, ts: u64) -> u256 {
    let hash = keccak_u256s_be_inputs(array![deal, chunk.into(), pset, root, ts.into()].span());
    u256 { low: u128_byte_reverse(hash.high), high: u128_byte_reverse(hash.low) }
}

fn key(z: u256, r: u256, s: u256, v: u32, x: u256, y: u256) {
    assert(recover(z, r, s, v) == Option::Some((x, y)), 'another key');
}

fn none(z: u256, r: u256, s: u256, v: u32) {
    assert(recover(z, r, s, v).is_none(), 'a key, not none');
}
