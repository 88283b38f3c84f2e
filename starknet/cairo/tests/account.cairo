// An account for gas measurements: it executes whatever it is given.
use starknet::account::Call;

#[starknet::interface]
trait IOpenAccount<TContractState> {
    fn __validate__(self: @TContractState, calls: Array<Call>) -> felt252;
    fn __execute__(ref self: TContractState, calls: Array<Call>) -> Array<Span<felt252>>;
}

#[starknet::contract]
mod OpenAccount {
    use starknet::account::Call;
    use starknet::syscalls::call_contract_syscall;
    use starknet::{SyscallResultTrait, VALIDATED};

    #[storage]
    struct Storage {}

    #[abi(embed_v0)]
    impl OpenAccountImpl of super::IOpenAccount<ContractState> {
        fn __validate__(self: @ContractState, calls: Array<Call>) -> felt252 {
            VALIDATED
        }

        fn __execute__(ref self: ContractState, mut calls: Array<Call>) -> Array<Span<felt252>> {
            let mut out = array![];
            while let Option::Some(call) = calls
                .pop_front() {
                    out
                        .append(
                            call_contract_syscall(call.to, call.selector, call.calldata)
                                .unwrap_syscall()
                        );
                };
            out
        }
    }
}
