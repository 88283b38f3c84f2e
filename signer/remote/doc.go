// Package remote puts a network between the relay and the key: a client and a
// handler for one HTTP protocol, and a client for web3signer.
//
// On the host with the key, behind a guard and its policies:
//
//	h := remote.NewHandler(guarded, remote.RequireToken(token))
//	err := http.ListenAndServeTLS("10.0.0.5:9443", cert, key, h)
//
// On the relay:
//
//	client, err := remote.New("https://10.0.0.5:9443", pinned, remote.WithToken(token))
//	s, err := signer.NewAction(client)
//
// The whole request travels, evidence included, and never a digest: the handler's
// signer encodes, hashes and judges for itself. The answer is checked against the
// pinned key, so a host between the two can refuse, but not forge.
//
// # Who may ask
//
// A handler with neither [RequireToken] nor [RequireCertificate] answers this
// machine alone: the peer and the name it asked for must be loopback addresses. A
// token is taken over TLS, or from this machine, and no other way. Likewise the
// clients speak http:// to loopback addresses only. They use no proxy, follow no
// redirect and look nothing up but the host of their URL.
//
// # Protocol
//
// JSON, bodies of at most 1 MiB, Authorization: Bearer where a token is needed.
// Members are named as the Go types print them; a request with a member missing,
// unknown or in other case is refused, because a signer must understand all that
// it signs.
//
//	POST /v1/attestations:sign   signer.Request       -> attestation.Signed
//	POST /v1/batches:sign        signer.BatchRequest  -> signer.SignedBatch
//	GET  /v1/key                 pings the backend    -> {"publicKey": {"x", "y"}}
//
// Anything but 200 has a body {"error": {"code", "message"}}:
//
//	400 malformed       401 unauthorized    403 refused, by a policy   404, 413, 415 malformed
//	409 equivocation    422 evidence        500 failed                 501 unsupported
//	502 bad_signature   503 unavailable     504 unknown
//
// Equivocation has members prev and new beside the code, two requests. Only 503
// unavailable and 504 unknown can pass; the client gives the errors of package
// signer for them, and for those of the others that it has. Repeating a request is
// safe: a guard answers it with the signature it has.
//
// # Web3signer
//
// [NewWeb3Signer] speaks the eth1 dialect of Consensys web3signer, which hashes
// what it is sent with Keccak-256 and no prefix. So it gets the 160 bytes of the
// attestation; it knows nothing of guards, so put one in front of it.
package remote
