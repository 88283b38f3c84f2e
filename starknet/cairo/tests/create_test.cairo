// What both classes do alike: the owner's powers and new deals.
use starknet::testing::{set_block_timestamp, set_contract_address};
use super::world::{IEscrowDispatcherTrait, START, deal_world, owner, provider, release, stranger, world};

#[test]
#[should_panic(expected: ('Contract is paused', 'ENTRYPOINT_FAILED'))]
fn release_while_paused() {
    let (_, escrow) = deal_world();
    set_contract_address(owner());
    escrow.pause();
    release(escrow, 1, 0);
}

#[test]
#[should_panic(expected: ('Contract is paused', 'ENTRYPOINT_FAILED'))]
fn create_while_paused_says_only_that() {
    let (_, escrow) = deal_world();
    set_contract_address(owner());
    escrow.pause();
    escrow.create_deal(provider(), 0, 0, 0, 0);
}

#[test]
fn pause_does_not_stop_slash() {
    let (_, escrow) = deal_world();
    set_contract_address(owner());
    escrow.pause();
    escrow.pause();
    assert(escrow.is_paused(), 'paused');
    set_block_timestamp(START + 3600);
    escrow.slash(1);
    escrow.unpause();
    assert(!escrow.is_paused(), 'unpaused');
}

#[test]
#[should_panic(expected: ('Not owner', 'ENTRYPOINT_FAILED'))]
fn a_stranger_pauses() {
    let (_, escrow) = deal_world();
    set_contract_address(stranger());
    escrow.pause();
}

#[test]
#[should_panic(expected: ('num_chunks must be > 0', 'ENTRYPOINT_FAILED'))]
fn create_without_chunks() {
    let (_, escrow) = world();
    escrow.create_deal(provider(), 0, 0, 0, 0);
}

#[test]
#[should_panic(expected: ('chunk_amount must be > 0', 'ENTRYPOINT_FAILED'))]
fn create_without_amount() {
    let (_, escrow) = world();
    escrow.create_deal(provider(), 1, 0, 0, 0);
}

#[test]
#[should_panic(expected: ('sla_duration must be > 0', 'ENTRYPOINT_FAILED'))]
fn create_without_duration() {
    let (_, escrow) = world();
    escrow.create_deal(provider(), 1, 1, 0, 0);
}

#[test]
#[should_panic(expected: ('u256_mul Overflow', 'ENTRYPOINT_FAILED'))]
fn create_with_too_large_a_total() {
    let (_, escrow) = world();
    escrow.create_deal(provider(), 2, u256 { low: 0, high: 0x80000000000000000000000000000000 }, 0, 1);
}

#[test]
#[should_panic(expected: ('u256_add Overflow', 'ENTRYPOINT_FAILED'))]
fn create_with_too_large_a_collateral() {
    let (_, escrow) = world();
    let most = u256 {
        low: 0xffffffffffffffffffffffffffffffff, high: 0xffffffffffffffffffffffffffffffff
    };
    escrow.create_deal(provider(), 1, most, 1, 1);
}

#[test]
#[should_panic(expected: ('u64_add Overflow', 'ENTRYPOINT_FAILED'))]
fn create_until_the_end_of_time() {
    let (_, escrow) = world();
    escrow.create_deal(provider(), 1, 1, 0, 0xffffffffffffffff);
}

#[test]
#[should_panic(
    expected: ('insufficient allowance', 'ENTRYPOINT_FAILED', 'ENTRYPOINT_FAILED')
)]
fn the_token_speaks_before_the_deadline() {
    let (_, escrow) = world();
    escrow.create_deal(provider(), 1, 2000000, 0, 0xffffffffffffffff);
}
