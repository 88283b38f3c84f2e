// A token for tests. Anyone mints. It can be told to misbehave: to answer
// false, to answer nothing to pay with, to panic, or to call back into its
// caller before it moves anything.
use starknet::ContractAddress;

// What transfer and transfer_from do.
mod mode {
    const HONEST: u8 = 0;
    const FALSE: u8 = 1; // answer false and move nothing
    const PANIC: u8 = 2; // panic with 'mock failure'
    const REENTER: u8 = 3; // make the stored call, once, then behave
}

#[starknet::interface]
trait IMockERC20<TContractState> {
    fn mint(ref self: TContractState, to: ContractAddress, amount: u256);
    fn approve(ref self: TContractState, spender: ContractAddress, amount: u256) -> bool;
    fn transfer(ref self: TContractState, recipient: ContractAddress, amount: u256) -> bool;
    fn transfer_from(
        ref self: TContractState, sender: ContractAddress, recipient: ContractAddress, amount: u256
    ) -> bool;
    fn balance_of(self: @TContractState, account: ContractAddress) -> u256;
    fn allowance(self: @TContractState, owner: ContractAddress, spender: ContractAddress) -> u256;
    fn set_mode(ref self: TContractState, mode: u8);
    fn set_call(
        ref self: TContractState, to: ContractAddress, selector: felt252, calldata: Array<felt252>
    );
}

#[starknet::contract]
mod MockERC20 {
    use starknet::storage::{
        Map, StoragePathEntry, StoragePointerReadAccess, StoragePointerWriteAccess
    };
    use starknet::syscalls::call_contract_syscall;
    use starknet::{ContractAddress, SyscallResultTrait, get_caller_address};
    use super::mode;

    #[storage]
    struct Storage {
        balances: Map<ContractAddress, u256>,
        allowances: Map<(ContractAddress, ContractAddress), u256>,
        mode: u8,
        call_to: ContractAddress,
        call_selector: felt252,
        call_len: u32,
        call_data: Map<u32, felt252>,
    }

    #[abi(embed_v0)]
    impl MockERC20Impl of super::IMockERC20<ContractState> {
        fn mint(ref self: ContractState, to: ContractAddress, amount: u256) {
            let balance = self.balances.entry(to);
            balance.write(balance.read() + amount);
        }

        fn approve(ref self: ContractState, spender: ContractAddress, amount: u256) -> bool {
            self.allowances.entry((get_caller_address(), spender)).write(amount);
            true
        }

        fn transfer(ref self: ContractState, recipient: ContractAddress, amount: u256) -> bool {
            if !self.behave() {
                return false;
            }
            self.move(get_caller_address(), recipient, amount);
            true
        }

        fn transfer_from(
            ref self: ContractState,
            sender: ContractAddress,
            recipient: ContractAddress,
            amount: u256
        ) -> bool {
            if !self.behave() {
                return false;
            }
            let allowance = self.allowances.entry((sender, get_caller_address()));
            let left = allowance.read();
            assert(left >= amount, 'insufficient allowance');
            allowance.write(left - amount);
            self.move(sender, recipient, amount);
            true
        }

        fn balance_of(self: @ContractState, account: ContractAddress) -> u256 {
            self.balances.entry(account).read()
        }

        fn allowance(
            self: @ContractState, owner: ContractAddress, spender: ContractAddress
        ) -> u256 {
            self.allowances.entry((owner, spender)).read()
        }

        fn set_mode(ref self: ContractState, mode: u8) {
            self.mode.write(mode);
        }

        fn set_call(
            ref self: ContractState, to: ContractAddress, selector: felt252, calldata: Array<felt252>
        ) {
            self.call_to.write(to);
            self.call_selector.write(selector);
            self.call_len.write(calldata.len());
            let mut i = 0;
            while i < calldata.len() {
                self.call_data.entry(i).write(*calldata.at(i));
                i += 1;
            }
        }
    }

    #[generate_trait]
    impl Private of PrivateTrait {
        // behave does what the mode says and reports whether to go on.
        fn behave(ref self: ContractState) -> bool {
            let mode = self.mode.read();
            assert(mode != mode::PANIC, 'mock failure');
            if mode == mode::REENTER {
                self.mode.write(mode::HONEST);
                let mut calldata = array![];
                let mut i = 0;
                while i < self.call_len.read() {
                    calldata.append(self.call_data.entry(i).read());
                    i += 1;
                };
                call_contract_syscall(
                    self.call_to.read(), self.call_selector.read(), calldata.span()
                )
                    .unwrap_syscall();
            }
            mode != mode::FALSE
        }

        fn move(ref self: ContractState, from: ContractAddress, to: ContractAddress, amount: u256) {
            let source = self.balances.entry(from);
            let balance = source.read();
            assert(balance >= amount, 'insufficient balance');
            source.write(balance - amount);
            let target = self.balances.entry(to);
            target.write(target.read() + amount);
        }
    }
}
