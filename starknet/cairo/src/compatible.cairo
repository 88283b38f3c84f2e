// The escrow that behaves like the deployed reference in every observable way,
// with views for what could only be read from raw storage.
use starknet::ContractAddress;
use super::escrow::Deal;

#[starknet::interface]
trait ICompatible<TContractState> {
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
    // Not in the reference.
    fn is_chunk_released(self: @TContractState, deal_id: u256, chunk_index: u64) -> bool;
    fn is_paused(self: @TContractState) -> bool;
    fn get_owner(self: @TContractState) -> ContractAddress;
    fn get_token(self: @TContractState) -> ContractAddress;
    fn get_version(self: @TContractState) -> felt252;
}

#[starknet::contract]
mod Compatible {
    use starknet::storage::{
        Map, StoragePathEntry, StoragePointerReadAccess, StoragePointerWriteAccess
    };
    use starknet::{ContractAddress, get_block_timestamp, get_caller_address, get_contract_address};
    use super::super::escrow::{
        ChunkReleased, Deal, DealCompleted, DealCreated, DealSlashed, IERC20Dispatcher,
        IERC20DispatcherTrait, Paused, Unpaused
    };
    use super::super::signature::{append_attestation, assert_signed, keccak};

    // The names are the addresses: see README.md.
    #[storage]
    struct Storage {
        deals: Map<u256, Deal>,
        deal_counter: u256,
        chunk_released: Map<(u256, u64), bool>,
        pkp_pub_key_x: u256,
        pkp_pub_key_y: u256,
        strk_token: ContractAddress,
        owner: ContractAddress,
        paused: bool,
    }

    #[event]
    #[derive(Drop, starknet::Event)]
    enum Event {
        DealCreated: DealCreated,
        ChunkReleased: ChunkReleased,
        DealSlashed: DealSlashed,
        DealCompleted: DealCompleted,
        Paused: Paused,
        Unpaused: Unpaused,
    }

    // The owner is whoever deploys: deployed through a deployer contract, it is
    // that contract, and nobody can pause.
    #[constructor]
    fn constructor(
        ref self: ContractState,
        pkp_pub_key_x: u256,
        pkp_pub_key_y: u256,
        strk_token: ContractAddress
    ) {
        self.pkp_pub_key_x.write(pkp_pub_key_x);
        self.pkp_pub_key_y.write(pkp_pub_key_y);
        self.strk_token.write(strk_token);
        self.owner.write(get_caller_address());
    }

    #[abi(embed_v0)]
    impl CompatibleImpl of super::ICompatible<ContractState> {
        fn create_deal(
            ref self: ContractState,
            sp: ContractAddress,
            num_chunks: u64,
            chunk_amount: u256,
            collateral: u256,
            sla_duration_secs: u64
        ) -> u256 {
            assert(!self.paused.read(), 'Contract is paused');
            assert(num_chunks > 0, 'num_chunks must be > 0');
            assert(chunk_amount > 0, 'chunk_amount must be > 0');
            assert(sla_duration_secs > 0, 'sla_duration must be > 0');
            let total_amount = chunk_amount * num_chunks.into();
            let locked = total_amount + collateral;
            let client = get_caller_address();
            // What the token answers is not looked at, as in the reference.
            self.token().transfer_from(client, get_contract_address(), locked);

            let deal_id = self.deal_counter.read() + 1;
            let sla_deadline = get_block_timestamp() + sla_duration_secs;
            self.deal_counter.write(deal_id);
            self
                .deals
                .entry(deal_id)
                .write(
                    Deal {
                        client,
                        sp,
                        total_amount,
                        chunk_amount,
                        num_chunks,
                        chunks_released: 0,
                        collateral,
                        sla_deadline,
                        is_active: true,
                        is_slashed: false,
                    }
                );
            self.emit(DealCreated { deal_id, client, sp, total_amount, num_chunks, sla_deadline });
            deal_id
        }

        fn release_chunk(
            ref self: ContractState,
            deal_id: u256,
            chunk_index: u64,
            proof_set_id: u256,
            root_cid: u256,
            timestamp: u64,
            sig_r: u256,
            sig_s: u256,
            sig_v: u32
        ) {
            assert(!self.paused.read(), 'Contract is paused');
            let slot = self.deals.entry(deal_id);
            let deal = slot.read();
            assert(deal.is_active, 'Deal not active');
            assert(!deal.is_slashed, 'Deal already slashed');
            assert(deal.chunks_released < deal.num_chunks, 'All chunks already released');
            assert(chunk_index < deal.num_chunks, 'chunk_index out of bounds');
            let released = self.chunk_released.entry((deal_id, chunk_index));
            assert(!released.read(), 'Chunk already released');

            let mut words = array![];
            append_attestation(
                ref words, deal_id, chunk_index, proof_set_id, root_cid, timestamp
            );
            assert_signed(
                keccak(ref words),
                sig_r,
                sig_s,
                sig_v,
                self.pkp_pub_key_x.read(),
                self.pkp_pub_key_y.read()
            );

            released.write(true);
            let chunks_released = deal.chunks_released + 1;
            let completed = chunks_released == deal.num_chunks;
            slot.chunks_released.write(chunks_released);
            if completed {
                slot.is_active.write(false);
            }
            let sp = deal.sp;
            let token = self.token();
            token.transfer(sp, deal.chunk_amount);
            self.emit(ChunkReleased { deal_id, chunk_index, amount: deal.chunk_amount, sp });
            if completed {
                token.transfer(sp, deal.collateral);
                self.emit(DealCompleted { deal_id, sp, total_paid: deal.total_amount });
            }
        }

        fn slash(ref self: ContractState, deal_id: u256) {
            let slot = self.deals.entry(deal_id);
            let deal = slot.read();
            assert(deal.is_active, 'Deal not active');
            assert(!deal.is_slashed, 'Deal already slashed');
            assert(get_block_timestamp() >= deal.sla_deadline, 'SLA deadline not reached');
            slot.is_active.write(false);
            slot.is_slashed.write(true);
            let unpaid = deal.chunk_amount * (deal.num_chunks - deal.chunks_released).into();
            let slash_amount = deal.collateral + unpaid;
            self.token().transfer(deal.client, slash_amount);
            self.emit(DealSlashed { deal_id, sp: deal.sp, slash_amount, client: deal.client });
        }

        fn pause(ref self: ContractState) {
            let by = self.assert_owner();
            self.paused.write(true);
            self.emit(Paused { by });
        }

        fn unpause(ref self: ContractState) {
            let by = self.assert_owner();
            self.paused.write(false);
            self.emit(Unpaused { by });
        }

        fn get_deal(self: @ContractState, deal_id: u256) -> Deal {
            self.deals.entry(deal_id).read()
        }

        fn get_pkp_public_key(self: @ContractState) -> (u256, u256) {
            (self.pkp_pub_key_x.read(), self.pkp_pub_key_y.read())
        }

        fn get_deal_counter(self: @ContractState) -> u256 {
            self.deal_counter.read()
        }

        fn is_chunk_released(self: @ContractState, deal_id: u256, chunk_index: u64) -> bool {
            self.chunk_released.entry((deal_id, chunk_index)).read()
        }

        fn is_paused(self: @ContractState) -> bool {
            self.paused.read()
        }

        fn get_owner(self: @ContractState) -> ContractAddress {
            self.owner.read()
        }

        fn get_token(self: @ContractState) -> ContractAddress {
            self.strk_token.read()
        }

        fn get_version(self: @ContractState) -> felt252 {
            'SLAStream compatible 1'
        }
    }

    #[generate_trait]
    impl Private of PrivateTrait {
        fn token(self: @ContractState) -> IERC20Dispatcher {
            IERC20Dispatcher { contract_address: self.strk_token.read() }
        }

        // assert_owner returns the caller, who is the owner.
        fn assert_owner(self: @ContractState) -> ContractAddress {
            let caller = get_caller_address();
            assert(caller == self.owner.read(), 'Not owner');
            caller
        }
    }
}
