// A token, an escrow and the people around it.
use starknet::syscalls::deploy_syscall;
use starknet::testing::{set_block_timestamp, set_chain_id, set_contract_address};
use starknet::{ContractAddress, SyscallResultTrait, contract_address_const};
use super::escrow::Deal;
use super::mock_erc20::{IMockERC20Dispatcher, IMockERC20DispatcherTrait, MockERC20};
use super::setup::deploy;
use super::signed;

// What both classes have.
#[starknet::interface]
trait IEscrow<TContractState> {
    fn create_deal(
        ref self: TContractState,
        sp: ContractAddress,
        num_chunks: u64,
        chunk_amount: u256,
        collateral: u256,
        sla_duration_secs: u64
    ) -> u256;
    fn release_chunk(
        ref self: TContractState,
        deal_id: u256,
        chunk_index: u64,
        proof_set_id: u256,
        root_cid: u256,
        timestamp: u64,
        sig_r: u256,
        sig_s: u256,
        sig_v: u32
    );
    fn slash(ref self: TContractState, deal_id: u256);
    fn pause(ref self: TContractState);
    fn unpause(ref self: TContractState);
    fn get_deal(self: @TContractState, deal_id: u256) -> Deal;
    fn get_pkp_public_key(self: @TContractState) -> (u256, u256);
    fn get_deal_counter(self: @TContractState) -> u256;
    fn is_chunk_released(self: @TContractState, deal_id: u256, chunk_index: u64) -> bool;
    fn is_paused(self: @TContractState) -> bool;
    fn get_owner(self: @TContractState) -> ContractAddress;
    fn get_token(self: @TContractState) -> ContractAddress;
}

const START: u64 = 1800000000;

fn owner() -> ContractAddress {
    contract_address_const::<'owner'>()
}

fn client() -> ContractAddress {
    contract_address_const::<'client'>()
}

fn provider() -> ContractAddress {
    contract_address_const::<'provider'>()
}

fn other_provider() -> ContractAddress {
    contract_address_const::<'other provider'>()
}

fn stranger() -> ContractAddress {
    contract_address_const::<'stranger'>()
}

// world returns a token and an escrow with no deal. The client has 1,000,000
// and lets the escrow take all of it.
fn world() -> (IMockERC20Dispatcher, IEscrowDispatcher) {
    set_block_timestamp(START);
    set_chain_id('SN_SEPOLIA');
    let (address, _) = deploy_syscall(
        MockERC20::TEST_CLASS_HASH.try_into().unwrap(), 0, array![].span(), false
    )
        .unwrap_syscall();
    let token = IMockERC20Dispatcher { contract_address: address };
    let (x, y) = signed::key();
    let escrow = IEscrowDispatcher { contract_address: deploy(x, y, address, owner()) };
    token.mint(client(), 1000000);
    set_contract_address(client());
    token.approve(escrow.contract_address, 1000000);
    (token, escrow)
}

// deal_world is world with deal 1, open for an hour: 3 chunks of 100, collateral 50.
fn deal_world() -> (IMockERC20Dispatcher, IEscrowDispatcher) {
    let (token, escrow) = world();
    assert(escrow.create_deal(provider(), 3, 100, 50, 3600) == 1, 'deal id');
    set_contract_address(stranger());
    (token, escrow)
}

// release pays a chunk with the right signature.
fn release(escrow: IEscrowDispatcher, deal_id: u256, chunk_index: u64) {
    let (r, s, v) = signed::chunk(deal_id, chunk_index);
    escrow.release_chunk(deal_id, chunk_index, 42, 0xbeef, 1000, r, s, v);
}
