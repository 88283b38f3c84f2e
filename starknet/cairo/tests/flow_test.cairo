// What both classes do alike.
use starknet::testing::{pop_log_raw, set_block_timestamp, set_contract_address};
use super::mock_erc20::IMockERC20DispatcherTrait;
use super::signed;
use super::world::{
    IEscrowDispatcherTrait, START, client, deal_world, owner, provider, release, stranger, world
};

#[test]
fn a_deal_is_paid_chunk_by_chunk() {
    let (token, escrow) = deal_world();
    let at = escrow.contract_address;
    assert(token.balance_of(at) == 350, 'locked');
    assert(token.balance_of(client()) == 1000000 - 350, 'client');
    // Any order, any caller.
    release(escrow, 1, 2);
    assert(escrow.is_chunk_released(1, 2), 'flag of 2');
    assert(!escrow.is_chunk_released(1, 0), 'flag of 0');
    let deal = escrow.get_deal(1);
    assert(deal.client == client() && deal.sp == provider(), 'parties');
    assert(deal.total_amount == 300 && deal.chunk_amount == 100, 'amounts');
    assert(deal.num_chunks == 3 && deal.chunks_released == 1, 'chunks');
    assert(deal.collateral == 50 && deal.sla_deadline == START + 3600, 'terms');
    assert(deal.is_active && !deal.is_slashed, 'state');
    release(escrow, 1, 0);
    assert(token.balance_of(provider()) == 200, 'two chunks');
    release(escrow, 1, 1);
    assert(token.balance_of(provider()) == 350, 'all and the collateral');
    assert(token.balance_of(at) == 0, 'nothing left');
    let deal = escrow.get_deal(1);
    assert(!deal.is_active && !deal.is_slashed && deal.chunks_released == 3, 'completed');

    assert(next_is(at, selector!("DealCreated"), array![
        client().into(), provider().into(), 300, 0, 3, (START + 3600).into()
    ]), 'created');
    assert(next_is(at, selector!("ChunkReleased"), array![2, 100, 0, provider().into()]), 'event 2');
    assert(next_is(at, selector!("ChunkReleased"), array![0, 100, 0, provider().into()]), 'event 0');
    assert(next_is(at, selector!("ChunkReleased"), array![1, 100, 0, provider().into()]), 'event 1');
    assert(next_is(at, selector!("DealCompleted"), array![provider().into(), 300, 0]), 'completed');
    assert(pop_log_raw(at).is_none(), 'one event too many');
}

// next_is reports whether the next event of an escrow, of deal 1, is that one.
// It leaves out what the constructor emits.
fn next_is(
    at: starknet::ContractAddress, selector: felt252, data: Array<felt252>
) -> bool {
    let (mut keys, mut got) = pop_log_raw(at).unwrap();
    if *keys[0] == selector!("OwnershipTransferred") {
        let (k, g) = pop_log_raw(at).unwrap();
        keys = k;
        got = g;
    }
    keys == array![selector, 1, 0].span() && got == data.span()
}

#[test]
fn views_answer() {
    let (token, escrow) = world();
    assert(escrow.get_pkp_public_key() == signed::key(), 'key');
    assert(escrow.get_deal_counter() == 0, 'counter');
    assert(escrow.get_owner() == owner(), 'owner');
    assert(escrow.get_token() == token.contract_address, 'token');
    assert(!escrow.is_paused(), 'paused');
    let none = escrow.get_deal(7);
    assert(none.num_chunks == 0 && !none.is_active, 'no deal');
}

#[test]
fn slash_at_the_deadline() {
    let (token, escrow) = deal_world();
    release(escrow, 1, 1);
    set_block_timestamp(START + 3600);
    escrow.slash(1);
    assert(token.balance_of(client()) == 1000000 - 100, 'refund');
    let deal = escrow.get_deal(1);
    assert(!deal.is_active && deal.is_slashed && deal.chunks_released == 1, 'slashed');
}

#[test]
#[should_panic(expected: ('SLA deadline not reached', 'ENTRYPOINT_FAILED'))]
fn slash_a_second_early() {
    let (_, escrow) = deal_world();
    set_block_timestamp(START + 3599);
    escrow.slash(1);
}

#[test]
#[should_panic(expected: ('Deal not active', 'ENTRYPOINT_FAILED'))]
fn slash_twice() {
    let (_, escrow) = deal_world();
    set_block_timestamp(START + 3600);
    escrow.slash(1);
    escrow.slash(1);
}

#[test]
#[should_panic(expected: ('Deal not active', 'ENTRYPOINT_FAILED'))]
fn release_after_slash() {
    let (_, escrow) = deal_world();
    set_block_timestamp(START + 3600);
    escrow.slash(1);
    release(escrow, 1, 0);
}

#[test]
fn release_after_the_deadline() {
    let (_, escrow) = deal_world();
    set_block_timestamp(START + 999999);
    release(escrow, 1, 0);
    assert(escrow.is_chunk_released(1, 0), 'released');
}

#[test]
#[should_panic(expected: ('Chunk already released', 'ENTRYPOINT_FAILED'))]
fn release_twice() {
    let (_, escrow) = deal_world();
    release(escrow, 1, 0);
    release(escrow, 1, 0);
}

#[test]
#[should_panic(expected: ('chunk_index out of bounds', 'ENTRYPOINT_FAILED'))]
fn release_behind_the_last_chunk() {
    let (_, escrow) = deal_world();
    release(escrow, 1, 3);
}

#[test]
#[should_panic(expected: ('Deal not active', 'ENTRYPOINT_FAILED'))]
fn release_of_no_deal() {
    let (_, escrow) = deal_world();
    release(escrow, 2, 0);
}

#[test]
#[should_panic(expected: ('PKP key X mismatch', 'ENTRYPOINT_FAILED'))]
fn release_with_the_signature_of_another_chunk() {
    let (_, escrow) = deal_world();
    let (r, s, v) = signed::chunk(1, 1);
    escrow.release_chunk(1, 0, 42, 0xbeef, 1000, r, s, v);
}

#[test]
#[should_panic(expected: ('PKP key X mismatch', 'ENTRYPOINT_FAILED'))]
fn release_with_the_other_parity() {
    let (_, escrow) = deal_world();
    let (r, s, v) = signed::chunk(1, 0);
    escrow.release_chunk(1, 0, 42, 0xbeef, 1000, r, s, 1 - v);
}

#[test]
#[should_panic(expected: ('Signature recovery failed', 'ENTRYPOINT_FAILED'))]
fn release_with_r_0() {
    let (_, escrow) = deal_world();
    escrow.release_chunk(1, 0, 42, 0xbeef, 1000, 0, 1, 0);
}
