// Package kms makes a key of package signer out of a cloud key service. It knows
// no provider: a provider is one function that signs 32 bytes, and the public key
// in the form that the provider gives.
//
//	public, err := kms.ParsePublicKey(der)        // SPKI, DER or PEM, once at start
//	key, err := kms.New(public, func(ctx context.Context, d attestation.Digest) ([]byte, error) {
//		…                                         // one call of the provider's SDK
//	})
//	s, err := signer.New(key, signer.WithPublicKey(pinned))
//
// What to ask a provider for:
//
//	AWS KMS          ECC_SECG_P256K1, ECDSA_SHA_256, MessageType DIGEST: DER. Package awskms,
//	                 a module of its own, has it ready.
//	Google Cloud     EC_SIGN_SECP256K1_SHA256 (level HSM), the digest as Digest.sha256: DER.
//	                 Public key in PEM. Check the CRC32C fields.
//	Azure Key Vault  curve P-256K, ES256K: r‖s, 64 bytes.
//	Fireblocks raw   MPC_ECDSA_SECP256K1: r‖s.
//
// All of them take a digest as it is; that its name says SHA-256 does not matter.
// None returns the parity, and s is high for half of the digests; [Key.SignDigest]
// returns one form for all. The Transit engine of Vault has no secp256k1.
//
// The sign function says what an error means: wrap signer.ErrUnavailable where
// nothing was signed and a later try can succeed (throttling, no connection), and
// signer.ErrUnknownOutcome where no answer came. Any other error is final.
package kms
