// Package awskms signs attestations with a key in AWS KMS. It is a module of its
// own, so that the AWS SDK is not a dependency of those who sign otherwise.
//
// Make an asymmetric key with key spec ECC_SECG_P256K1 and usage SIGN_VERIFY,
// allow kms:GetPublicKey and kms:Sign on it, and:
//
//	cfg, err := config.LoadDefaultConfig(ctx)              // the AWS SDK's
//	key, err := awskms.Open(ctx, awssdkkms.NewFromConfig(cfg), "alias/attester")
//	s, err := signer.New(key, signer.WithPublicKey(pinned))
//
// [Open] makes one call, GetPublicKey; each signature is one more, Sign. An alias
// is followed once, at Open: all signatures are asked of the key's ARN, so that
// moving the alias does not move the signer. Where to connect, with what
// credentials and how often to try again within a call is the SDK client's
// configuration; nothing is looked up that the client does not do.
//
// KMS returns DER, with a high s for half of the digests and integers of any
// length, and no parity: the result is one form (package kms).
package awskms
