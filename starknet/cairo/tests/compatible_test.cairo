// Where the compatible class does what the extended one refuses.
use starknet::contract_address_const;
use super::mock_erc20::{IMockERC20DispatcherTrait, mode};
use super::setup::deploy;
use super::signed;
use super::world::{
    IEscrowDispatcher, IEscrowDispatcherTrait, client, deal_world, owner, provider, release, world
};

const ORDER: u256 = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

#[test]
fn high_s_is_accepted() {
    let (_, escrow) = deal_world();
    let (r, s, v) = signed::chunk(1, 0);
    escrow.release_chunk(1, 0, 42, 0xbeef, 1000, r, ORDER - s, 1 - v);
    assert(escrow.is_chunk_released(1, 0), 'released');
}

#[test]
fn only_v_1_is_odd() {
    let (_, escrow) = deal_world();
    let (r, s, v) = signed::chunk(1, 0);
    let even = if v == 1 { ORDER - s } else { s };
    escrow.release_chunk(1, 0, 42, 0xbeef, 1000, r, even, 28);
    assert(escrow.is_chunk_released(1, 0), 'released');
}

#[test]
#[should_panic(expected: ('Option::unwrap failed.', 'ENTRYPOINT_FAILED'))]
fn r_is_the_order() {
    let (_, escrow) = deal_world();
    escrow.release_chunk(1, 0, 42, 0xbeef, 1000, ORDER, 1, 0);
}

#[test]
#[should_panic(expected: ('PKP key Y mismatch', 'ENTRYPOINT_FAILED'))]
fn the_key_is_the_negative() {
    let (token, _) = world();
    let (x, y) = signed::key();
    let p = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;
    let escrow = IEscrowDispatcher { contract_address: deploy(x, p - y, token.contract_address, owner()) };
    token.mint(client(), 1000);
    starknet::testing::set_contract_address(client());
    token.approve(escrow.contract_address, 1000);
    escrow.create_deal(provider(), 3, 100, 50, 3600);
    release(escrow, 1, 0);
}

#[test]
fn any_key_and_token_can_be_deployed() {
    let zero = contract_address_const::<0>();
    let escrow = IEscrowDispatcher { contract_address: deploy(0, 0, zero, owner()) };
    assert(escrow.get_pkp_public_key() == (0, 0), 'key');
    assert(escrow.get_token() == zero, 'token');
}

#[test]
fn the_provider_can_be_zero() {
    let (_, escrow) = world();
    assert(escrow.create_deal(contract_address_const::<0>(), 1, 1, 0, 1) == 1, 'deal id');
}

#[test]
fn a_false_answer_is_taken_for_success() {
    let (token, escrow) = deal_world();
    token.set_mode(mode::FALSE);
    release(escrow, 1, 0);
    assert(escrow.is_chunk_released(1, 0), 'released');
    assert(token.balance_of(provider()) == 0, 'but not paid');
}

#[test]
#[should_panic(expected: ('mock failure', 'ENTRYPOINT_FAILED', 'ENTRYPOINT_FAILED'))]
fn a_panic_of_the_token_goes_through() {
    let (token, escrow) = deal_world();
    token.set_mode(mode::PANIC);
    release(escrow, 1, 0);
}
