// The escrow for a new deployment: the reference's interface with guards, an
// owner who can be changed, and one signature for many chunks.
use starknet::ContractAddress;
use super::escrow::{BatchItem, Deal};

#[starknet::interface]
trait IExtended<TContractState> {
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
    fn release_batch(
        ref self: TContractState, items: Array<BatchItem>, sig_r: u256, sig_s: u256, sig_v: u32
    );
    fn slash(ref self: TContractState, deal_id: u256);
    fn pause(ref self: TContractState);
    fn unpause(ref self: TContractState);
    fn transfer_ownership(ref self: TContractState, new_owner: ContractAddress);
    fn accept_ownership(ref self: TContractState);
    fn get_deal(self: @TContractState, deal_id: u256) -> Deal;
    fn get_pkp_public_key(self: @TContractState) -> (u256, u256);
    fn get_deal_counter(self: @TContractState) -> u256;
    fn is_chunk_released(self: @TContractState, deal_id: u256, chunk_index: u64) -> bool;
    fn is_paused(self: @TContractState) -> bool;
    fn get_owner(self: @TContractState) -> ContractAddress;
    fn get_pending_owner(self: @TContractState) -> ContractAddress;
    fn get_token(self: @TContractState) -> ContractAddress;
    fn get_version(self: @TContractState) -> felt252;
}

#[starknet::contract]
mod Extended {
    use core::pedersen::pedersen;
    use starknet::storage::{
        Map, StoragePathEntry, StoragePointerReadAccess, StoragePointerWriteAccess
    };
    use starknet::storage_access::{storage_address_from_base, storage_base_address_from_felt252};
    use starknet::syscalls::{storage_read_syscall, storage_write_syscall};
    use starknet::{
        ContractAddress, SyscallResultTrait, contract_address_const, get_block_timestamp,
        get_caller_address, get_contract_address, get_tx_info
    };
    use super::super::escrow::{
        BatchItem, ChunkReleased, Deal, DealCompleted, DealCreated, DealSlashed, IERC20Dispatcher,
        IERC20DispatcherTrait, Paused, Unpaused
    };
    use super::super::signature::{
        append_attestation, append_reversed, append_u256, assert_signed, assert_strict, keccak,
        on_curve, reverse_both, split_words
    };

    // MAX_BATCH keeps the calldata of a batch, 8 felts an item, below 4,000
    // felts, and the events of one that completes a deal with each item below
    // 1,000: the limits of Starknet for a transaction.
    const MAX_BATCH: u32 = 480;

    // BATCH_TAG is keccak256("SLAStream batch attestation v1").
    const BATCH_TAG: u256 = 0x23598871f195ad7c1d42ac7cb7739d24d7b13476e81094ff0cfa750970fcdbbd;

    // The variables of the reference, and one more.
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
        pending_owner: ContractAddress,
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
        OwnershipTransferStarted: OwnershipTransferStarted,
        OwnershipTransferred: OwnershipTransferred,
    }

    #[derive(Drop, starknet::Event)]
    struct OwnershipTransferStarted {
        #[key]
        previous_owner: ContractAddress,
        #[key]
        new_owner: ContractAddress,
    }

    #[derive(Drop, starknet::Event)]
    struct OwnershipTransferred {
        #[key]
        previous_owner: ContractAddress,
        #[key]
        new_owner: ContractAddress,
    }

    #[constructor]
    fn constructor(
        ref self: ContractState,
        pkp_pub_key_x: u256,
        pkp_pub_key_y: u256,
        strk_token: ContractAddress,
        owner: ContractAddress
    ) {
        assert(on_curve(pkp_pub_key_x, pkp_pub_key_y), 'PKP key not on curve');
        assert(strk_token != contract_address_const::<0>(), 'Token is zero');
        assert(owner != contract_address_const::<0>(), 'Owner is zero');
        self.pkp_pub_key_x.write(pkp_pub_key_x);
        self.pkp_pub_key_y.write(pkp_pub_key_y);
        self.strk_token.write(strk_token);
        self.owner.write(owner);
        self.emit(OwnershipTransferred { previous_owner: contract_address_const::<0>(), new_owner: owner });
    }

    #[abi(embed_v0)]
    impl ExtendedImpl of super::IExtended<ContractState> {
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
            assert(sp != contract_address_const::<0>(), 'Provider is zero');
            let total_amount = chunk_amount * num_chunks.into();
            let locked = total_amount + collateral;
            let client = get_caller_address();
            let token = IERC20Dispatcher { contract_address: self.strk_token.read() };
            let paid = token.transfer_from(client, get_contract_address(), locked);
            assert(paid, 'Token transfer failed');

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
            let num_chunks = self.open_chunks(deal_id);
            claim(flags_of(deal_id), chunk_index, num_chunks);
            let mut words = array![];
            append_attestation(
                ref words, deal_id, chunk_index, proof_set_id, root_cid, timestamp
            );
            self.assert_signed(keccak(ref words), sig_r, sig_s, sig_v);

            let slot = self.deals.entry(deal_id);
            let deal = slot.read();
            let chunks_released = deal.chunks_released + 1;
            let completed = chunks_released == deal.num_chunks;
            slot.chunks_released.write(chunks_released);
            if completed {
                slot.is_active.write(false);
            }
            let sp = deal.sp;
            self.pay(sp, deal.chunk_amount);
            self.emit(ChunkReleased { deal_id, chunk_index, amount: deal.chunk_amount, sp });
            if completed {
                self.pay(sp, deal.collateral);
                self.emit(DealCompleted { deal_id, sp, total_paid: deal.total_amount });
            }
        }

        fn release_batch(
            ref self: ContractState, items: Array<BatchItem>, sig_r: u256, sig_s: u256, sig_v: u32
        ) {
            assert(!self.paused.read(), 'Contract is paused');
            assert(items.len() > 0, 'Batch is empty');
            assert(items.len() <= MAX_BATCH, 'Batch too large');
            let items = items.span();

            // Every item is checked against the deals as they were before the
            // batch, and against the chunks of the items before it.
            let mut words = array![];
            append_u256(ref words, BATCH_TAG);
            append_u256(ref words, get_tx_info().unbox().chain_id.into());
            let this: felt252 = get_contract_address().into();
            append_u256(ref words, this.into());
            append_u256(ref words, items.len().into());
            let mut rest = items;
            while let Option::Some(first) = rest
                .pop_front() {
                    self.claim_run(*first, ref rest, ref words);
                };
            self.assert_signed(keccak(ref words), sig_r, sig_s, sig_v);

            // All state is written before the token is called.
            let mut payouts: Array<(ContractAddress, u256)> = array![];
            let mut payee: ContractAddress = contract_address_const::<0>();
            let mut sum = 0_u256;
            let mut rest = items;
            while let Option::Some(first) = rest
                .pop_front() {
                    let (sp, amount) = self.release_run(*first, ref rest);
                    if sp != payee && sum > 0 {
                        payouts.append((payee, sum));
                        sum = 0;
                    }
                    payee = sp;
                    sum += amount;
                };
            payouts.append((payee, sum));
            while let Option::Some((sp, amount)) = payouts
                .pop_front() {
                    self.pay(sp, amount);
                };
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
            self.pay(deal.client, slash_amount);
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

        // The zero address takes an offer back.
        fn transfer_ownership(ref self: ContractState, new_owner: ContractAddress) {
            let previous_owner = self.assert_owner();
            self.pending_owner.write(new_owner);
            self.emit(OwnershipTransferStarted { previous_owner, new_owner });
        }

        fn accept_ownership(ref self: ContractState) {
            let new_owner = get_caller_address();
            assert(new_owner == self.pending_owner.read(), 'Not pending owner');
            assert(new_owner != contract_address_const::<0>(), 'Not pending owner');
            let previous_owner = self.owner.read();
            self.pending_owner.write(contract_address_const::<0>());
            self.owner.write(new_owner);
            self.emit(OwnershipTransferred { previous_owner, new_owner });
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

        fn get_pending_owner(self: @ContractState) -> ContractAddress {
            self.pending_owner.read()
        }

        fn get_token(self: @ContractState) -> ContractAddress {
            self.strk_token.read()
        }

        fn get_version(self: @ContractState) -> felt252 {
            'SLAStream extended 1'
        }
    }

    #[generate_trait]
    impl Private of PrivateTrait {
        // open_chunks returns the number of chunks of a deal that can be paid.
        fn open_chunks(self: @ContractState, deal_id: u256) -> u64 {
            let slot = self.deals.entry(deal_id);
            assert(slot.is_active.read(), 'Deal not active');
            assert(!slot.is_slashed.read(), 'Deal already slashed');
            let num_chunks = slot.num_chunks.read();
            assert(slot.chunks_released.read() < num_chunks, 'All chunks already released');
            num_chunks
        }

        // claim_run checks, claims and hashes a chunk and those after it that are
        // of the same deal.
        fn claim_run(
            ref self: ContractState,
            first: BatchItem,
            ref rest: Span<BatchItem>,
            ref words: Array<u64>
        ) {
            let deal_id = first.deal_id;
            let num_chunks = self.open_chunks(deal_id);
            let flags = flags_of(deal_id);
            let (deal_0, deal_1) = split_words(deal_id.high);
            let (deal_2, deal_3) = split_words(deal_id.low);
            let mut item = first;
            loop {
                claim(flags, item.chunk_index, num_chunks);
                let (chunk, time) = reverse_both(item.chunk_index, item.timestamp);
                words.append(deal_0);
                words.append(deal_1);
                words.append(deal_2);
                words.append(deal_3);
                append_reversed(ref words, chunk);
                append_u256(ref words, item.proof_set_id);
                append_u256(ref words, item.root_cid);
                append_reversed(ref words, time);
                match next_of(deal_id, ref rest) {
                    Option::Some(next) => { item = next; },
                    Option::None => { break; },
                }
            };
        }

        fn assert_signed(self: @ContractState, digest: u256, r: u256, s: u256, v: u32) {
            assert_strict(r, s);
            assert_signed(digest, r, s, v, self.pkp_pub_key_x.read(), self.pkp_pub_key_y.read());
        }

        // release_run books a chunk and those after it that are of the same
        // deal. It returns what they pay to whom.
        fn release_run(
            ref self: ContractState, first: BatchItem, ref rest: Span<BatchItem>
        ) -> (ContractAddress, u256) {
            let deal_id = first.deal_id;
            let slot = self.deals.entry(deal_id);
            let sp = slot.sp.read();
            let amount = slot.chunk_amount.read();
            let mut chunks_released = slot.chunks_released.read();
            let mut paid = 0_u256;
            let mut chunk_index = first.chunk_index;
            loop {
                self.emit(ChunkReleased { deal_id, chunk_index, amount, sp });
                chunks_released += 1;
                paid += amount;
                match next_of(deal_id, ref rest) {
                    Option::Some(next) => { chunk_index = next.chunk_index; },
                    Option::None => { break; },
                }
            };
            slot.chunks_released.write(chunks_released);
            if chunks_released == slot.num_chunks.read() {
                slot.is_active.write(false);
                paid += slot.collateral.read();
                self.emit(DealCompleted { deal_id, sp, total_paid: slot.total_amount.read() });
            }
            (sp, paid)
        }

        fn pay(self: @ContractState, to: ContractAddress, amount: u256) {
            let token = IERC20Dispatcher { contract_address: self.strk_token.read() };
            assert(token.transfer(to, amount), 'Token transfer failed');
        }

        // assert_owner returns the caller, who is the owner.
        fn assert_owner(self: @ContractState) -> ContractAddress {
            let caller = get_caller_address();
            assert(caller == self.owner.read(), 'Not owner');
            caller
        }
    }

    // next_of takes the next item if it is of that deal.
    fn next_of(deal_id: u256, ref rest: Span<BatchItem>) -> Option<BatchItem> {
        let mut ahead = rest;
        let next = *ahead.pop_front()?;
        if next.deal_id != deal_id {
            return Option::None;
        }
        rest = ahead;
        Option::Some(next)
    }

    // flags_of returns the part of a storage address that the flags of a deal
    // share: chunk_released is hashed with deal_id first and chunk_index last,
    // so that each flag of a batch costs one hash and not three.
    fn flags_of(deal_id: u256) -> felt252 {
        pedersen(
            pedersen(selector!("chunk_released"), deal_id.low.into()), deal_id.high.into()
        )
    }

    // claim marks a chunk as released, once.
    fn claim(flags: felt252, chunk_index: u64, num_chunks: u64) {
        assert(chunk_index < num_chunks, 'chunk_index out of bounds');
        let address = storage_address_from_base(
            storage_base_address_from_felt252(pedersen(flags, chunk_index.into()))
        );
        let released = storage_read_syscall(0, address).unwrap_syscall();
        assert(released == 0, 'Chunk already released');
        storage_write_syscall(0, address, 1).unwrap_syscall();
    }
}
