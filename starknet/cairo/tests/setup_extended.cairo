// Deploys the extended class: its owner is an argument.
use starknet::syscalls::deploy_syscall;
use starknet::{ContractAddress, SyscallResultTrait};
use super::extended::Extended;

fn deploy(x: u256, y: u256, token: ContractAddress, owner: ContractAddress) -> ContractAddress {
    let mut args = array![];
    (x, y, token, owner).serialize(ref args);
    let (address, _) = deploy_syscall(
        Extended::TEST_CLASS_HASH.try_into().unwrap(), 0, args.span(), false
    )
        .unwrap_syscall();
    address
}
