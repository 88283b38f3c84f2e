// What release_batch pays. TestBatchRefusals and TestBatchOfDeals have the other
// cases, on a node: with more tests than this in one source the test runner stops.
use super::batch_world::{deals, release_batch};
use super::extended::IExtendedDispatcherTrait;
use super::mock_erc20::IMockERC20DispatcherTrait;
use super::signed::item;
use super::world::{other_provider, provider};

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
