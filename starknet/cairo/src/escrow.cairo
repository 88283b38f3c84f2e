// What both escrow classes share: the deal, the events and the token.
use starknet::ContractAddress;

// A deal is kept as one run of 13 felts, in this order. get_deal answers the
// same felts.
#[derive(Copy, Drop, Serde, starknet::Store)]
struct Deal {
    client: ContractAddress,
    sp: ContractAddress,
    total_amount: u256,
    chunk_amount: u256,
    num_chunks: u64,
    chunks_released: u64,
    collateral: u256,
    sla_deadline: u64, // Unix seconds
    is_active: bool,
    is_slashed: bool,
}

// One chunk of a batch of the extended class: an attestation.
#[derive(Copy, Drop, Serde)]
struct BatchItem {
    deal_id: u256,
    chunk_index: u64,
    proof_set_id: u256,
    root_cid: u256,
    timestamp: u64,
}

// The part of ERC-20 that an escrow calls.
#[starknet::interface]
trait IERC20<TContractState> {
    fn transfer(ref self: TContractState, recipient: ContractAddress, amount: u256) -> bool;
    fn transfer_from(
        ref self: TContractState, sender: ContractAddress, recipient: ContractAddress, amount: u256
    ) -> bool;
}

#[derive(Drop, starknet::Event)]
struct DealCreated {
    #[key]
    deal_id: u256,
    client: ContractAddress,
    sp: ContractAddress,
    total_amount: u256,
    num_chunks: u64,
    sla_deadline: u64,
}

#[derive(Drop, starknet::Event)]
struct ChunkReleased {
    #[key]
    deal_id: u256,
    chunk_index: u64,
    amount: u256,
    sp: ContractAddress,
}

#[derive(Drop, starknet::Event)]
struct DealSlashed {
    #[key]
    deal_id: u256,
    sp: ContractAddress,
    slash_amount: u256,
    client: ContractAddress,
}

#[derive(Drop, starknet::Event)]
struct DealCompleted {
    #[key]
    deal_id: u256,
    sp: ContractAddress,
    total_paid: u256,
}

#[derive(Drop, starknet::Event)]
struct Paused {
    by: ContractAddress,
}

#[derive(Drop, starknet::Event)]
struct Unpaused {
    by: ContractAddress,
}
