// Batches that are signed, but not this one, not now or not here; and what a
// token can do to a batch.
use starknet::testing::{set_block_timestamp, set_chain_id};
use super::batch_world::{deals, release_batch, two};
use super::extended::IExtendedDispatcherTrait;
use super::mock_erc20::{IMockERC20DispatcherTrait, mode};
use super::signed::item;
use super::signed;
use super::world::START;

#[test]
#[should_panic(expected: ('Chunk already released', 'ENTRYPOINT_FAILED'))]
fn a_batch_twice() {
    let (_, escrow) = deals();
    release_batch(escrow, two());
    release_batch(escrow, two());
}

#[test]
#[should_panic(expected: ('PKP key X mismatch', 'ENTRYPOINT_FAILED'))]
fn the_signature_of_another_batch() {
    let (_, escrow) = deals();
    let (_, r, s, v) = signed::batch(escrow.contract_address, array![item(1, 0), item(1, 1), item(1, 2)]);
    let (items, _, _, _) = signed::batch(escrow.contract_address, two());
    escrow.release_batch(items, r, s, v);
}

#[test]
#[should_panic(expected: ('PKP key X mismatch', 'ENTRYPOINT_FAILED'))]
fn a_batch_of_another_chain() {
    let (_, escrow) = deals();
    set_chain_id('SN_MAIN');
    release_batch(escrow, two());
}

#[test]
#[should_panic(expected: ('PKP key X mismatch', 'ENTRYPOINT_FAILED'))]
fn a_batch_of_one_with_the_signature_of_the_single_chunk() {
    let (_, escrow) = deals();
    let (r, s, v) = signed::chunk(1, 0);
    escrow.release_batch(array![item(1, 0)], r, s, v);
}

#[test]
#[should_panic(expected: ('PKP key X mismatch', 'ENTRYPOINT_FAILED'))]
fn a_single_chunk_with_the_signature_of_the_batch_of_one() {
    let (_, escrow) = deals();
    let (_, r, s, v) = signed::batch(escrow.contract_address, array![item(1, 0)]);
    escrow.release_chunk(1, 0, 42, 0xbeef, 1000, r, s, v);
}

#[test]
#[should_panic(expected: ('Token transfer failed', 'ENTRYPOINT_FAILED'))]
fn the_token_says_false() {
    let (token, escrow) = deals();
    token.set_mode(mode::FALSE);
    release_batch(escrow, two());
}

#[test]
#[should_panic(
    expected: (
        'Chunk already released', 'ENTRYPOINT_FAILED', 'ENTRYPOINT_FAILED', 'ENTRYPOINT_FAILED'
    )
)]
fn the_token_releases_the_last_chunk_again() {
    let (token, escrow) = deals();
    let (r, s, v) = signed::chunk(2, 1);
    let mut calldata = array![];
    (2_u256, 1_u64, 42_u256, 0xbeef_u256, 1000_u64, r, s, v).serialize(ref calldata);
    token.set_call(escrow.contract_address, selector!("release_chunk"), calldata);
    token.set_mode(mode::REENTER);
    release_batch(escrow, array![item(1, 0), item(2, 1), item(1, 1), item(3, 0), item(3, 1), item(1, 2)]);
}

// While the token moves what a batch pays, the deal is complete already.

#[test]
#[should_panic(
    expected: (
        'Deal not active', 'ENTRYPOINT_FAILED', 'ENTRYPOINT_FAILED', 'ENTRYPOINT_FAILED'
    )
)]
fn the_token_slashes_inside() {
    let (token, escrow) = deals();
    set_block_timestamp(START + 3600);
    let mut calldata = array![];
    1_u256.serialize(ref calldata);
    token.set_call(escrow.contract_address, selector!("slash"), calldata);
    token.set_mode(mode::REENTER);
    release_batch(escrow, array![item(1, 0), item(1, 1), item(1, 2)]);
}
