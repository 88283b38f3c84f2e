package remote_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/sha3"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/remote"
	"github.com/slastream/slastream-go/signer/signertest"
)

// web3signer is Consensys web3signer in eth1 mode, as its OpenAPI document has it:
// it hashes the data with Keccak-256 and no prefix, and answers in text.
func web3signer(keys ...*secp256k1.PrivateKey) http.Handler {
	id := func(key *secp256k1.PrivateKey) string {
		return "0x" + hex.EncodeToString(key.PubKey().SerializeUncompressed()[1:])
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/eth1/publicKeys", func(w http.ResponseWriter, _ *http.Request) {
		ids := []string{}
		for _, key := range keys {
			ids = append(ids, id(key))
		}
		_ = json.NewEncoder(w).Encode(ids)
	})
	mux.HandleFunc("POST /api/v1/eth1/sign/{identifier}", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Data *string }
		b, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(b, &in) != nil || in.Data == nil || !strings.HasPrefix(*in.Data, "0x") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		data, err := hex.DecodeString((*in.Data)[2:])
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, key := range keys {
			if !strings.EqualFold(id(key), r.PathValue("identifier")) {
				continue
			}
			h := sha3.NewLegacyKeccak256()
			h.Write(data)
			compact := ecdsa.SignCompact(key, h.Sum(nil), false)
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprintf(w, "0x%x%x", compact[1:], compact[:1])
			return
		}
		w.WriteHeader(http.StatusNotFound)
	})
	return mux
}

func web3key(t testing.TB, url string) *remote.Web3Signer {
	t.Helper()
	key, err := remote.NewWeb3Signer(url, local(t).PublicKey(), remote.WithToken(token))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, key.Close()) })
	return key
}

func secretKey(t testing.TB) *secp256k1.PrivateKey {
	t.Helper()
	b, err := hex.DecodeString(secret)
	require.NoError(t, err)
	return secp256k1.PrivKeyFromBytes(b)
}

func TestWeb3SignerConformance(t *testing.T) {
	url := serve(t, web3signer(secp256k1.PrivKeyFromBytes([]byte{1}), secretKey(t)))
	signertest.Run(t, func(t *testing.T) signer.Signer {
		s, err := signer.NewMessage(web3key(t, url))
		require.NoError(t, err)
		return s
	}, signertest.Deterministic(), signertest.Batches(), signertest.Secrets(secret, token))
}

// TestWeb3SignerGetsThePreimage: what it hashes to is the digest that the escrow
// checks. Were the digest sent, it would be hashed once more.
func TestWeb3SignerGetsThePreimage(t *testing.T) {
	var got struct{ Data string }
	fake := web3signer(secretKey(t))
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(b, &got) != nil {
			t.Error("no JSON")
		}
		r.Body = io.NopCloser(strings.NewReader(string(b)))
		fake.ServeHTTP(w, r)
	}))
	a := request(4).Attestation
	preimage := a.Bytes()
	raw, err := web3key(t, url).SignMessage(t.Context(), preimage[:])
	require.NoError(t, err)
	require.Equal(t, "0x"+hex.EncodeToString(preimage[:]), got.Data)
	require.Len(t, got.Data, 2+2*attestation.Size)
	_, err = attestation.ParseSignatureBy(raw, a.Digest(), local(t).PublicKey())
	require.NoError(t, err)
}

func TestWeb3SignerErrors(t *testing.T) {
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
	}
	zeros := strings.Repeat("00", 65)
	for _, c := range []struct {
		name      string
		h         http.Handler
		is        error
		status    int
		retryable bool
	}{
		{"a key that it does not have", web3signer(), nil, 404, false},
		{"a bad request", status(400), nil, 400, false},
		{"a host that it does not allow", status(403), nil, 403, false},
		{"trouble inside", status(500), signer.ErrUnknownOutcome, 500, true},
		{"a rate limit", status(429), signer.ErrUnavailable, 429, true},
		{"nothing", text(""), signer.ErrBadSignature, 0, false},
		{"no 0x", text(zeros), signer.ErrBadSignature, 0, false},
		{"64 bytes", text("0x" + zeros[2:]), signer.ErrBadSignature, 0, false},
		{"no hexadecimal", text("0x" + strings.Repeat("zz", 65)), signer.ErrBadSignature, 0, false},
		{"a BLS signature", text("0x" + strings.Repeat("ab", 96)), signer.ErrBadSignature, 0, false},
		{"zeros", text("0x" + zeros), signer.ErrBadSignature, 0, false},
		{"another key's", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			other := secp256k1.PrivKeyFromBytes([]byte{1})
			r.URL.Path = fmt.Sprintf("/api/v1/eth1/sign/0x%x", other.PubKey().SerializeUncompressed()[1:])
			web3signer(other).ServeHTTP(w, r)
		}), signer.ErrBadSignature, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := signer.NewMessage(web3key(t, serve(t, c.h)))
			require.NoError(t, err)
			_, err = s.Attest(t.Context(), request(1))
			require.Error(t, err)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			if got, ok := errors.AsType[*remote.Error](err); ok || c.status != 0 {
				require.Equal(t, c.status, got.Status)
			}
			require.Equal(t, c.retryable, signer.Retryable(err), err)
			require.NotContains(t, err.Error(), token)
		})
	}
}

func TestWeb3SignerPing(t *testing.T) {
	require.NoError(t, web3key(t, serve(t, web3signer(secretKey(t)))).Ping(t.Context()))
	require.ErrorContains(t, web3key(t, serve(t, web3signer())).Ping(t.Context()), "0 keys")
	require.Error(t, web3key(t, serve(t, status(500))).Ping(t.Context()))
}

func ExampleNewWeb3Signer() {
	secret := secp256k1.PrivKeyFromBytes([]byte{7})
	server := httptest.NewServer(web3signer(secret)) // stands in for web3signer --http-listen-port=9000 eth1 …
	defer server.Close()

	public, err := attestation.ParsePublicKey(secret.PubKey().SerializeCompressed())
	if err != nil {
		panic(err)
	}
	key, err := remote.NewWeb3Signer(server.URL, public)
	if err != nil {
		panic(err)
	}
	defer key.Close()
	s, err := signer.NewMessage(key)
	if err != nil {
		panic(err)
	}
	s = signer.Guard(s, signer.NewMemoryJournal()) // web3signer has none for eth1
	signed, err := s.Attest(context.Background(), signer.Request{
		Attestation: attestation.Attestation{DealID: attestation.WordFromUint64(1), Timestamp: 1_700_000_000},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(signed.Verify(attestation.RulesLowS, public))
	// Output: <nil>
}
