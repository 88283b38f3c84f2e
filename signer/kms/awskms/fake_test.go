package awskms_test

import (
	"context"
	encodingasn1 "encoding/asn1"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awssdkkms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"
)

const (
	arn       = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	accessKey = "AKIDEXAMPLE"
	secretKey = "wJalrXUtnFEMI0K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// fake is the part of KMS that signing needs, over HTTP in AWS JSON 1.1. Its
// signatures are the hard ones: r is always short (21 bytes) and s always high.
type fake struct {
	mu      sync.Mutex
	secret  *secp256k1.PrivateKey
	spec    string
	usage   string
	algs    []string
	der     []byte         // of the public key
	faults  []fault        // for the next calls, in order
	calls   map[string]int // by operation
	keyIDs  []string       // that Sign was asked for
	answer  func(der []byte) []byte
	delayed chan struct{} // if not nil, Sign waits for it to close
}

// fault is one refusal: an HTTP status and the code of an exception. A status of
// 0 breaks the connection, 200 answers with a body that is cut short.
type fault struct {
	status int
	code   string
}

// fail sets the faults of the next calls.
func (f *fake) fail(faults ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
}

// count is how often an operation was called.
func (f *fake) count(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[operation]
}

// half is 1/2 mod n. As a nonce it gives an r of 166 bits.
func half() *secp256k1.ModNScalar {
	return new(secp256k1.ModNScalar).SetInt(2).InverseNonConst()
}

func (f *fake) sign(digest []byte) []byte {
	nonce := half()
	var point secp256k1.JacobianPoint
	secp256k1.ScalarBaseMultNonConst(nonce, &point)
	point.ToAffine()
	var r, s, z secp256k1.ModNScalar
	x := point.X.Bytes()
	r.SetBytes(x)
	z.SetByteSlice(digest)
	s.Mul2(&r, &f.secret.Key).Add(&z).Mul(nonce.InverseNonConst())
	if !s.IsOverHalfOrder() {
		s.Negate()
	}
	rb, sb := r.Bytes(), s.Bytes()
	der, err := encodingasn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(rb[:]), new(big.Int).SetBytes(sb[:])})
	if err != nil {
		panic(err)
	}
	return der
}

// spki is the public key as KMS gives it.
func spki(curve encodingasn1.ObjectIdentifier, key *secp256k1.PublicKey) []byte {
	type identifier struct{ Algorithm, Curve encodingasn1.ObjectIdentifier }
	point := key.SerializeUncompressed()
	b, err := encodingasn1.Marshal(struct {
		Algorithm identifier
		Key       encodingasn1.BitString
	}{
		identifier{encodingasn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, curve},
		encodingasn1.BitString{Bytes: point, BitLength: 8 * len(point)},
	})
	if err != nil {
		panic(err)
	}
	return b
}

var k1 = encodingasn1.ObjectIdentifier{1, 3, 132, 0, 10}

func newFake() *fake {
	f := &fake{
		secret: secp256k1.PrivKeyFromBytes([]byte{0x31, 15: 0x77, 31: 5}), calls: make(map[string]int),
		spec: "ECC_SECG_P256K1", usage: "SIGN_VERIFY", algs: []string{"ECDSA_SHA_256"},
	}
	f.der = spki(k1, f.secret.PubKey())
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")
	auth := r.Header.Get("Authorization")
	if !ok || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" ||
		!strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential="+accessKey+"/") {
		refuse(w, fault{400, "IncompleteSignature"})
		return
	}
	f.calls[operation]++
	if len(f.faults) > 0 {
		next := f.faults[0]
		f.faults = f.faults[1:]
		refuse(w, next)
		return
	}
	var in struct {
		KeyID            string `json:"KeyId"`
		Message          []byte
		MessageType      string
		SigningAlgorithm string
		DryRun           bool
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&in); err != nil {
		refuse(w, fault{400, "SerializationException"})
		return
	}
	if in.KeyID != arn && in.KeyID != "alias/attester" {
		refuse(w, fault{400, "NotFoundException"})
		return
	}
	switch operation {
	case "GetPublicKey":
		reply(w, map[string]any{"KeyId": arn, "KeySpec": f.spec, "KeyUsage": f.usage, "PublicKey": f.der, "SigningAlgorithms": f.algs})
	case "Sign":
		f.keyIDs = append(f.keyIDs, in.KeyID)
		switch {
		case in.MessageType != "DIGEST" || len(in.Message) != 32 || in.SigningAlgorithm != "ECDSA_SHA_256":
			refuse(w, fault{400, "ValidationException"})
			return
		case in.DryRun:
			refuse(w, fault{400, "DryRunOperationException"})
			return
		case f.delayed != nil:
			<-f.delayed
		}
		der := f.sign(in.Message)
		if f.answer != nil {
			der = f.answer(der)
		}
		reply(w, map[string]any{"KeyId": arn, "Signature": der, "SigningAlgorithm": in.SigningAlgorithm})
	default:
		refuse(w, fault{400, "UnknownOperationException"})
	}
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}

func refuse(w http.ResponseWriter, f fault) {
	switch f.status {
	case 0:
		panic(http.ErrAbortHandler)
	case http.StatusOK:
		fmt.Fprint(w, `{"KeyId":"`)
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(f.status)
		fmt.Fprintf(w, `{"__type":%q,"message":"as the test wants it"}`, f.code)
	}
}

// client is the SDK's client for the fake, with no waiting between its tries.
func (f *fake) client(t testing.TB, tries int) *awssdkkms.Client {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return clientOf(server.URL, tries)
}

func clientOf(url string, tries int) *awssdkkms.Client {
	return awssdkkms.New(awssdkkms.Options{
		Region:       "eu-central-1",
		BaseEndpoint: aws.String(url),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}, nil
		}),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = tries
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	})
}

func TestTheFakeIsHard(t *testing.T) {
	f := newFake()
	for i := range 32 {
		var sig struct{ R, S *big.Int }
		_, err := encodingasn1.Unmarshal(f.sign([]byte{31: byte(i)}), &sig)
		require.NoError(t, err)
		require.Less(t, sig.R.BitLen(), 169)
		require.Greater(t, sig.S.BitLen(), 254)
	}
}
