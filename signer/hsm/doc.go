// Package hsm makes a key of package signer out of a standard library
// [crypto.Signer], the interface that Go drivers of hardware modules, smart
// cards and agents offer:
//
//	key, err := hsm.New(device)                   // any crypto.Signer
//	s, err := signer.New(key, signer.WithPublicKey(pinned))
//
// The device must sign the 32 bytes as they are: they are a Keccak-256 digest,
// and the standard library has no name for that hash. [Key.SignDigest] passes
// crypto.SHA256 as options, which to every driver means "32 bytes, already
// hashed". A device that hashes again makes signatures that package signer
// refuses, never wrong payments.
//
// The device answers in DER or r‖s, with a high s for half of the digests;
// package signer settles both. For a PKCS#11 module use package signer/pkcs11,
// which needs no other driver.
package hsm
