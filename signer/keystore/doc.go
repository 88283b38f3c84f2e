// Package keystore opens an attestation key that is stored under a password: a
// file in the Web3 Secret Storage format, version 3, as geth, ethers, web3.py and
// most wallets write it.
//
//	key, err := keystore.Open("/etc/slastream/attester.json", password)
//	s, err := signer.New(key, signer.WithPublicKey(pinned))
//
// The result is a [signer.Local]: from then on the key is in this process's
// memory, and prints as "[redacted]". A new file is made with `geth account new`
// or `cast wallet new`. The escrow wants the public point, not the address:
// key.PublicKey() prints it.
//
// Decryption is go-ethereum's (accounts/keystore). It trusts its input, so this
// package reads the file first and refuses what would panic there or take more
// than 512 MiB of memory: the file says how much work opening it is. A file of
// geth's defaults takes about a second and 256 MiB, once.
//
// Nothing here reaches the network, and no error quotes the password or the key.
//
// Source of the format: ethereum.org, Web3 Secret Storage Definition.
package keystore
