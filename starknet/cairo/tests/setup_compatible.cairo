// Deploys the compatible class: its owner is whoever deploys.
use starknet::syscalls::deploy_syscall;
use starknet::testing::set_contract_address;
use starknet::{ContractAddress, SyscallResultTrait};
use super::compatible::Compatible;

fn deploy(x: u256, y: u256, token: ContractAddress, owner: ContractAddress) -> ContractAddress {
    set_contract_address(owner);
    let mut args = array![];
    (x, y, token).serialize(ref args);
    let (address, _) = deploy_syscall(
        Compatible::TEST_CLASS_HASH.try_into().unwrap(), 0, args.span(), false
    )
        .unwrap_syscall();
    address
}
