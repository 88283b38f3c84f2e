// The escrow of SLAStream: see README.md.
mod compatible;
mod escrow;
mod extended;
mod mock_erc20;
mod signature;
