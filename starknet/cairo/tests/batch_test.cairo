// What release_batch pays and says.
use starknet::ContractAddress;
use starknet::testing::pop_log_raw;
use super::batch_world::{deals, release_batch, two};
use super::extended::IExtendedDispatcherTrait;
use super::mock_erc20::IMockERC20DispatcherTrait;
use super::signed::item;
use super::world::{IEscrowDispatcher, other_provider, provider, release};

// next_is takes the next event, which must be that one.
fn next_is(at: ContractAddress, selector: felt252, deal_id: felt252, data: Array<felt252>) {
    let (keys, got) = pop_log_raw(at).unwrap();
    assert(keys == array![selector, deal_id, 0].span() && got == data.span(), 'another event');
}

#[test]
fn a_batch_pays_several_deals() {
    let (token, escrow) = deals();
    release_batch(escrow, array![item(1, 0), item(2, 1), item(1, 1), item(3, 0), item(3, 1), item(1, 2)]);
    assert(token.balance_of(provider()) == 3 * 100 + 50 + 10, 'provider');
    assert(token.balance_of(other_provider()) == 2 * 7 + 3, 'other provider');
    let deal = escrow.get_deal(1);
    assert(!deal.is_active && deal.chunks_released == 3, 'deal 1');
    let deal = escrow.get_deal(2);
    assert(deal.is_active && deal.chunks_released == 1, 'deal 2');
    assert(!escrow.get_deal(3).is_active, 'deal 3');
    assert(escrow.is_chunk_released(1, 0) && escrow.is_chunk_released(2, 1), 'flags');
    assert(!escrow.is_chunk_released(2, 0), 'flag of the other chunk');
}

// As if released one by one.
#[test]
fn a_batch_emits_the_events_of_its_chunks() {
    let (_, escrow) = deals();
    release_batch(
        escrow, array![item(1, 0), item(2, 1), item(1, 1), item(3, 0), item(3, 1), item(1, 2)]
    );
    let at = escrow.contract_address;
    let chunk = selector!("ChunkReleased");
    let completed = selector!("DealCompleted");
    let p: felt252 = provider().into();
    let o: felt252 = other_provider().into();
    next_is(at, chunk, 1, array![0, 100, 0, p]);
    next_is(at, chunk, 2, array![1, 10, 0, p]);
    next_is(at, chunk, 1, array![1, 100, 0, p]);
    next_is(at, chunk, 3, array![0, 7, 0, o]);
    next_is(at, chunk, 3, array![1, 7, 0, o]);
    next_is(at, completed, 3, array![o, 14, 0]);
    next_is(at, chunk, 1, array![2, 100, 0, p]);
    next_is(at, completed, 1, array![p, 300, 0]);
    assert(pop_log_raw(at).is_none(), 'one event too many');
}

#[test]
fn a_batch_completes_a_deal() {
    let (token, escrow) = deals();
    release_batch(escrow, array![item(1, 0), item(1, 1), item(1, 2)]);
    assert(token.balance_of(provider()) == 350, 'paid');
    assert(!escrow.get_deal(1).is_active, 'completed');
}

#[test]
fn a_batch_ends_what_single_releases_began() {
    let (token, escrow) = deals();
    release(IEscrowDispatcher { contract_address: escrow.contract_address }, 1, 1);
    release_batch(escrow, two());
    assert(token.balance_of(provider()) == 350, 'paid');
}

#[test]
fn a_batch_can_be_one_chunk() {
    let (token, escrow) = deals();
    release_batch(escrow, array![item(1, 0)]);
    assert(token.balance_of(provider()) == 100, 'paid');
}
