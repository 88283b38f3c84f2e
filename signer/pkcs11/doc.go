// Package pkcs11 signs with a key in a hardware security module, or in whatever
// else has a PKCS#11 library: SoftHSM, YubiHSM 2, Luna, CloudHSM, Nitrokey.
//
// A token needs a key pair on secp256k1. [Generate] makes one in the token, and
// the secret never leaves it; `pkcs11-tool --keypairgen --key-type EC:secp256k1`
// does the same. Then:
//
//	key, err := pkcs11.Open(ctx, pkcs11.Config{
//		Module: "/usr/lib/softhsm/libsofthsm2.so",
//		Token:  "slastream",
//		Label:  "attester",
//		PIN:    pkcs11.PIN(pin),
//	})
//	defer key.Close()
//	s, err := signer.New(key, signer.WithPublicKey(pinned))
//
// What a C library in the process asks for is settled here:
//
//   - A session is never in two goroutines at once: modules crash the process if
//     it is. A [Key] keeps a few sessions and hands each to one call at a time.
//   - A wrong PIN counts towards locking the token. It is tried once in the life
//     of the process, never again, and the last try is never taken.
//   - Two keys with one label are refused, not guessed between.
//   - A module is initialized once for all keys in the process, and let go with
//     the last [Key.Close].
//
// Modules answer r‖s with a high s for half of the digests, and never say the
// parity: package signer settles that. SoftHSM takes about half a millisecond.
//
// The package needs cgo. Without it everything compiles, and [Open] and
// [Generate] fail with [ErrCGORequired].
//
// Source: OASIS PKCS#11 2.40; the calls are github.com/miekg/pkcs11's.
package pkcs11
