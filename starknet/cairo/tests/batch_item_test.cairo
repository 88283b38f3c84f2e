// What release_batch refuses before it recovers a key.
use starknet::testing::{set_block_timestamp, set_contract_address};
use super::batch_world::{deals, release_batch, two};
use super::escrow::BatchItem;
use super::extended::IExtendedDispatcherTrait;
use super::signed::item;
use super::signed;
use super::world::{START, owner};

const ORDER: u256 = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

fn many(n: u32) -> Array<BatchItem> {
    let mut items = array![];
    let mut i = 0;
    while i < n {
        items.append(item(9, 0));
        i += 1;
    };
    items
}

#[test]
#[should_panic(expected: ('Chunk already released', 'ENTRYPOINT_FAILED'))]
fn a_chunk_twice_in_a_run() {
    let (_, escrow) = deals();
    release_batch(escrow, array![item(1, 0), item(1, 1), item(1, 0)]);
}

#[test]
#[should_panic(expected: ('Chunk already released', 'ENTRYPOINT_FAILED'))]
fn a_chunk_twice_apart() {
    let (_, escrow) = deals();
    release_batch(escrow, array![item(1, 0), item(2, 0), item(1, 0)]);
}

#[test]
#[should_panic(expected: ('Chunk already released', 'ENTRYPOINT_FAILED'))]
fn a_chunk_again_after_its_deal_is_complete() {
    let (_, escrow) = deals();
    release_batch(escrow, array![item(1, 0), item(1, 1), item(1, 2), item(2, 0), item(1, 2)]);
}

#[test]
#[should_panic(expected: ('chunk_index out of bounds', 'ENTRYPOINT_FAILED'))]
fn a_chunk_behind_the_last() {
    let (_, escrow) = deals();
    release_batch(escrow, array![item(1, 0), item(1, 3)]);
}

#[test]
#[should_panic(expected: ('Deal not active', 'ENTRYPOINT_FAILED'))]
fn a_deal_that_is_not() {
    let (_, escrow) = deals();
    release_batch(escrow, array![item(1, 0), item(9, 0)]);
}

#[test]
#[should_panic(expected: ('Deal not active', 'ENTRYPOINT_FAILED'))]
fn deal_0() {
    let (_, escrow) = deals();
    release_batch(escrow, array![item(0, 0)]);
}

#[test]
#[should_panic(expected: ('Deal not active', 'ENTRYPOINT_FAILED'))]
fn a_batch_after_slash() {
    let (_, escrow) = deals();
    set_block_timestamp(START + 3600);
    escrow.slash(1);
    release_batch(escrow, two());
}

#[test]
#[should_panic(expected: ('Contract is paused', 'ENTRYPOINT_FAILED'))]
fn an_empty_batch_while_paused() {
    let (_, escrow) = deals();
    set_contract_address(owner());
    escrow.pause();
    escrow.release_batch(array![], 0, 0, 0);
}

#[test]
#[should_panic(expected: ('Batch is empty', 'ENTRYPOINT_FAILED'))]
fn an_empty_batch() {
    let (_, escrow) = deals();
    escrow.release_batch(array![], 0, 0, 0);
}

#[test]
#[should_panic(expected: ('Batch too large', 'ENTRYPOINT_FAILED'))]
fn more_than_480() {
    let (_, escrow) = deals();
    escrow.release_batch(many(481), 0, 0, 0);
}

#[test]
#[should_panic(expected: ('Deal not active', 'ENTRYPOINT_FAILED'))]
fn the_size_480_passes_the_first_check() {
    let (_, escrow) = deals();
    escrow.release_batch(many(480), 0, 0, 0);
}

// The state speaks before the signature.

#[test]
#[should_panic(expected: ('chunk_index out of bounds', 'ENTRYPOINT_FAILED'))]
fn a_bad_item_with_a_bad_signature() {
    let (_, escrow) = deals();
    let (items, _, _, _) = signed::batch(escrow.contract_address, array![item(1, 0), item(1, 3)]);
    escrow.release_batch(items, 0, 0, 0);
}

#[test]
#[should_panic(expected: ('Signature recovery failed', 'ENTRYPOINT_FAILED'))]
fn high_s() {
    let (_, escrow) = deals();
    let (items, r, s, v) = signed::batch(escrow.contract_address, two());
    escrow.release_batch(items, r, ORDER - s, 1 - v);
}
