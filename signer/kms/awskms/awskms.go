package awskms

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/kms"
)

// API is what this package calls of the SDK's client.
type API interface {
	GetPublicKey(ctx context.Context, in *awskms.GetPublicKeyInput, options ...func(*awskms.Options)) (*awskms.GetPublicKeyOutput, error)
	Sign(ctx context.Context, in *awskms.SignInput, options ...func(*awskms.Options)) (*awskms.SignOutput, error)
}

var _ API = (*awskms.Client)(nil)

// ErrUnsuitable says that the key cannot sign attestations: it has another spec
// or usage.
var ErrUnsuitable = errors.New("awskms: the key cannot sign attestations")

// Key is a key in AWS KMS. It is safe for concurrent use.
type Key struct {
	*kms.Key
	api API
	arn string
}

var (
	_ signer.Key    = (*Key)(nil)
	_ signer.Pinger = (*Key)(nil)
)

// Open asks for the public key of keyID, which is an id, an ARN, "alias/…" or an
// alias ARN, and checks that the key is on secp256k1 and signs. It fails with
// [ErrUnsuitable] or kms.ErrPublicKey; an error of the service that can pass
// wraps signer.ErrUnavailable. The SDK's error is wrapped too.
func Open(ctx context.Context, api API, keyID string) (*Key, error) {
	out, err := api.GetPublicKey(ctx, &awskms.GetPublicKeyInput{KeyId: aws.String(keyID)})
	if err != nil {
		said := classify(err)
		if errors.Is(said, signer.ErrUnknownOutcome) {
			said = fmt.Errorf("%w: %w", signer.ErrUnavailable, err) // reading a key signs nothing
		}
		return nil, fmt.Errorf("awskms: public key of %.256q: %w", keyID, said)
	}
	switch {
	case out.KeySpec != types.KeySpecEccSecgP256k1:
		return nil, fmt.Errorf("%w: key spec %.64q, want %s", ErrUnsuitable, out.KeySpec, types.KeySpecEccSecgP256k1)
	case out.KeyUsage != types.KeyUsageTypeSignVerify:
		return nil, fmt.Errorf("%w: key usage %.64q, want %s", ErrUnsuitable, out.KeyUsage, types.KeyUsageTypeSignVerify)
	case !slices.Contains(out.SigningAlgorithms, types.SigningAlgorithmSpecEcdsaSha256):
		return nil, fmt.Errorf("%w: no %s", ErrUnsuitable, types.SigningAlgorithmSpecEcdsaSha256)
	case aws.ToString(out.KeyId) == "":
		return nil, fmt.Errorf("%w: the service does not name it", ErrUnsuitable)
	}
	public, err := kms.ParsePublicKey(out.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("awskms: %w", err)
	}
	k := &Key{api: api, arn: aws.ToString(out.KeyId)}
	k.Key, err = kms.New(public, k.sign)
	if err != nil {
		return nil, fmt.Errorf("awskms: %w", err)
	}
	return k, nil
}

// ARN names the key that signs, also where it was opened by an alias.
func (k *Key) ARN() string { return k.arn }

// Ping asks KMS whether it would sign now, without signing (DryRun): the key is
// enabled, and the caller may use it.
func (k *Key) Ping(ctx context.Context) error {
	in := k.input(attestation.Digest{})
	in.DryRun = aws.Bool(true)
	_, err := k.api.Sign(ctx, in)
	if _, ok := errors.AsType[*types.DryRunOperationException](err); ok {
		return nil
	}
	if err == nil {
		return errors.New("awskms: ping: the service ignored DryRun")
	}
	return fmt.Errorf("awskms: ping: %w", classify(err))
}

func (k *Key) sign(ctx context.Context, digest attestation.Digest) ([]byte, error) {
	out, err := k.api.Sign(ctx, k.input(digest))
	if err != nil {
		return nil, classify(err)
	}
	return out.Signature, nil
}

func (k *Key) input(digest attestation.Digest) *awskms.SignInput {
	return &awskms.SignInput{
		KeyId:            aws.String(k.arn),
		Message:          digest[:],
		MessageType:      types.MessageTypeDigest, // 32 bytes, not hashed again
		SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	}
}

// passing are the codes of refusals that can pass by themselves: throttling and
// trouble inside the service.
var passing = []string{
	"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "LimitExceededException",
	"KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException", "InternalFailure", "ServiceUnavailable",
}

// classify says of an error of the SDK whether it can pass. The SDK has tried
// again already, as its client is configured.
func classify(err error) error {
	if refusal, ok := errors.AsType[smithy.APIError](err); ok {
		response, _ := errors.AsType[*smithyhttp.ResponseError](err)
		if slices.Contains(passing, refusal.ErrorCode()) || response != nil && later(response.HTTPStatusCode()) {
			return fmt.Errorf("%w: %w", signer.ErrUnavailable, err)
		}
		return err
	}
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
		return err
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return fmt.Errorf("%w: %w", signer.ErrUnavailable, err)
	}
	_, sending := errors.AsType[*smithyhttp.RequestSendError](err)
	_, reading := errors.AsType[*smithy.DeserializationError](err)
	_, canceled := errors.AsType[*smithy.CanceledError](err)
	if sending || reading || canceled {
		return fmt.Errorf("%w: %w", signer.ErrUnknownOutcome, err)
	}
	return err
}

// later reports whether an HTTP status asks to come back later.
func later(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}
