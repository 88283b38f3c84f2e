// Where the extended class refuses what the compatible one does.
use starknet::testing::{set_block_timestamp, set_contract_address};
use starknet::{ContractAddress, contract_address_const};
use super::extended::{IExtendedDispatcher, IExtendedDispatcherTrait};
use super::mock_erc20::{IMockERC20DispatcherTrait, mode};
use super::setup::deploy;
use super::signed;
use super::world::{
    IEscrowDispatcher, IEscrowDispatcherTrait, START, client, deal_world, owner, provider, release,
    stranger, world
};

const ORDER: u256 = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

#[test]
#[should_panic(expected: ('Signature recovery failed', 'ENTRYPOINT_FAILED'))]
fn high_s() {
    let (_, escrow) = deal_world();
    let (r, s, v) = signed::chunk(1, 0);
    escrow.release_chunk(1, 0, 42, 0xbeef, 1000, r, ORDER - s, 1 - v);
}

#[test]
#[should_panic(expected: ('Signature recovery failed', 'ENTRYPOINT_FAILED'))]
fn s_0() {
    let (_, escrow) = deal_world();
    let (r, _, v) = signed::chunk(1, 0);
    escrow.release_chunk(1, 0, 42, 0xbeef, 1000, r, 0, v);
}

#[test]
#[should_panic(expected: ('Signature recovery failed', 'ENTRYPOINT_FAILED'))]
fn r_is_the_order() {
    let (_, escrow) = deal_world();
    escrow.release_chunk(1, 0, 42, 0xbeef, 1000, ORDER, 1, 0);
}


#[test]
#[should_panic(expected: ('PKP key not on curve', 'CONSTRUCTOR_FAILED'))]
fn deploy_with_a_key_off_the_curve() {
    deploy(5, 5, stranger(), owner());
}

#[test]
#[should_panic(expected: ('PKP key not on curve', 'CONSTRUCTOR_FAILED'))]
fn deploy_with_key_0() {
    deploy(0, 0, stranger(), owner());
}

#[test]
#[should_panic(expected: ('PKP key not on curve', 'CONSTRUCTOR_FAILED'))]
fn deploy_with_a_coordinate_beyond_the_field() {
    let (x, _) = signed::key();
    deploy(x, 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f, stranger(), owner());
}

#[test]
#[should_panic(expected: ('Token is zero', 'CONSTRUCTOR_FAILED'))]
fn deploy_without_token() {
    let (x, y) = signed::key();
    deploy(x, y, contract_address_const::<0>(), owner());
}

#[test]
#[should_panic(expected: ('Owner is zero', 'CONSTRUCTOR_FAILED'))]
fn deploy_without_owner() {
    let (x, y) = signed::key();
    deploy(x, y, stranger(), contract_address_const::<0>());
}

#[test]
#[should_panic(expected: ('Provider is zero', 'ENTRYPOINT_FAILED'))]
fn create_without_provider() {
    let (_, escrow) = world();
    escrow.create_deal(contract_address_const::<0>(), 1, 1, 0, 1);
}

#[test]
#[should_panic(expected: ('Token transfer failed', 'ENTRYPOINT_FAILED'))]
fn create_and_the_token_says_false() {
    let (token, escrow) = world();
    token.set_mode(mode::FALSE);
    escrow.create_deal(provider(), 1, 1, 0, 1);
}

#[test]
#[should_panic(expected: ('Token transfer failed', 'ENTRYPOINT_FAILED'))]
fn release_and_the_token_says_false() {
    let (token, escrow) = deal_world();
    token.set_mode(mode::FALSE);
    release(escrow, 1, 0);
}

#[test]
#[should_panic(expected: ('Token transfer failed', 'ENTRYPOINT_FAILED'))]
fn slash_and_the_token_says_false() {
    let (token, escrow) = deal_world();
    token.set_mode(mode::FALSE);
    set_block_timestamp(START + 3600);
    escrow.slash(1);
}

#[test]
#[should_panic(
    expected: (
        'Chunk already released', 'ENTRYPOINT_FAILED', 'ENTRYPOINT_FAILED', 'ENTRYPOINT_FAILED'
    )
)]
fn the_token_releases_the_same_chunk_again() {
    let (token, escrow) = deal_world();
    let (r, s, v) = signed::chunk(1, 0);
    let mut calldata = array![];
    (1_u256, 0_u64, 42_u256, 0xbeef_u256, 1000_u64, r, s, v).serialize(ref calldata);
    token.set_call(escrow.contract_address, selector!("release_chunk"), calldata);
    token.set_mode(mode::REENTER);
    release(escrow, 1, 0);
}

#[test]
fn the_token_releases_another_chunk_inside() {
    let (token, escrow) = deal_world();
    let (r, s, v) = signed::chunk(1, 1);
    let mut calldata = array![];
    (1_u256, 1_u64, 42_u256, 0xbeef_u256, 1000_u64, r, s, v).serialize(ref calldata);
    token.set_call(escrow.contract_address, selector!("release_chunk"), calldata);
    token.set_mode(mode::REENTER);
    release(escrow, 1, 0);
    assert(escrow.get_deal(1).chunks_released == 2, 'both');
    assert(token.balance_of(provider()) == 200, 'paid');
}

#[test]
fn the_owner_hands_over_in_two_steps() {
    let (_, escrow) = world();
    let own = IExtendedDispatcher { contract_address: escrow.contract_address };
    set_contract_address(owner());
    own.transfer_ownership(stranger());
    assert(own.get_owner() == owner(), 'not yet');
    assert(own.get_pending_owner() == stranger(), 'offered');
    own.pause();
    set_contract_address(stranger());
    own.accept_ownership();
    assert(own.get_owner() == stranger(), 'accepted');
    assert(own.get_pending_owner() == contract_address_const::<0>(), 'offer is used');
    own.unpause();
}

#[test]
#[should_panic(expected: ('Not pending owner', 'ENTRYPOINT_FAILED'))]
fn an_offer_is_taken_back() {
    let (_, escrow) = world();
    let own = IExtendedDispatcher { contract_address: escrow.contract_address };
    set_contract_address(owner());
    own.transfer_ownership(stranger());
    own.transfer_ownership(contract_address_const::<0>());
    set_contract_address(stranger());
    own.accept_ownership();
}

#[test]
#[should_panic(expected: ('Not pending owner', 'ENTRYPOINT_FAILED'))]
fn somebody_else_accepts() {
    let (_, escrow) = world();
    let own = IExtendedDispatcher { contract_address: escrow.contract_address };
    set_contract_address(owner());
    own.transfer_ownership(stranger());
    set_contract_address(client());
    own.accept_ownership();
}

#[test]
#[should_panic(expected: ('Not owner', 'ENTRYPOINT_FAILED'))]
fn a_stranger_offers() {
    let (_, escrow) = world();
    let own = IExtendedDispatcher { contract_address: escrow.contract_address };
    set_contract_address(stranger());
    own.transfer_ownership(stranger());
}

#[test]
#[should_panic(expected: ('Not owner', 'ENTRYPOINT_FAILED'))]
fn the_old_owner_pauses() {
    let (_, escrow) = world();
    let own = IExtendedDispatcher { contract_address: escrow.contract_address };
    set_contract_address(owner());
    own.transfer_ownership(stranger());
    set_contract_address(stranger());
    own.accept_ownership();
    set_contract_address(owner());
    own.pause();
}
