// Deals and batches for the tests of release_batch.
use starknet::testing::set_contract_address;
use super::escrow::BatchItem;
use super::extended::{IExtendedDispatcher, IExtendedDispatcherTrait};
use super::mock_erc20::IMockERC20Dispatcher;
use super::signed;
use super::world::{IEscrowDispatcherTrait, other_provider, provider, stranger, world};

// deals opens deals 1 and 2 with 3 chunks of 100 and 2 chunks of 10, both of
// provider, and deal 3 with 2 chunks of 7 of another.
fn deals() -> (IMockERC20Dispatcher, IExtendedDispatcher) {
    let (token, escrow) = world();
    escrow.create_deal(provider(), 3, 100, 50, 3600);
    escrow.create_deal(provider(), 2, 10, 5, 3600);
    escrow.create_deal(other_provider(), 2, 7, 3, 3600);
    set_contract_address(stranger());
    (token, IExtendedDispatcher { contract_address: escrow.contract_address })
}

// release_batch pays items with the right signature.
fn release_batch(escrow: IExtendedDispatcher, items: Array<BatchItem>) {
    let (items, r, s, v) = signed::batch(escrow.contract_address, items);
    escrow.release_batch(items, r, s, v);
}
