package storetest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
)

// most is 2^256 − 1 in its other forms.
func most() slastream.Amount { return slastream.AmountFromWord(top()) }

// felt is the greatest address: 2^251 − 1.
func felt() slastream.Address {
	a := slastream.Address(top())
	a[0] = 0x07
	return a
}

// greatest is a chunk of which nothing can be greater.
func greatest() relay.Chunk {
	return relay.Chunk{
		Deal:  top(),
		Index: maxUint,
		Proof: slastream.Proof{
			Evidence: attestation.Evidence{
				ChainID: maxUint, Verifier: attestation.EthereumAddress(bytes.Repeat([]byte{0xff}, 20)), SetID: top(), Period: maxUint,
				TxHash: top(), BlockHash: top(), BlockNumber: maxUint, LogIndex: maxUint,
			},
			RootCID: top(), Timestamp: maxUint,
		},
		Amount:   most(),
		Provider: felt(),
		State:    relay.Refused,
		Signed: attestation.Signed{
			Attestation: attestation.Attestation{DealID: top(), ChunkIndex: maxUint, ProofSetID: top(), RootCID: top(), Timestamp: maxUint},
			Signature:   attestation.Signature{R: top(), S: top(), V: 1<<32 - 1},
		},
		Batched:  true,
		Tx:       relay.TxID{Sender: felt(), Nonce: maxUint},
		TxHash:   top(),
		Retry:    relay.Retry{Attempts: 1<<32 - 1, At: maxUint, Class: relay.ClassRefused, Reason: unusual()},
		Counted:  true,
		Observed: maxUint,
		Updated:  maxUint,
	}
}

func trackExtremes(t *testing.T, s *fixture) {
	greatest := relay.Track{
		Binding:  relay.Binding{Deal: top(), Set: top(), StartEpoch: maxUint},
		Provider: felt(), Amount: most(), Chunks: maxUint, Deadline: maxUint, Earned: maxUint, Next: maxUint,
		Behind: true, Over: true, Halted: unusual(),
	}
	list := []relay.Track{{}, greatest}
	// Each field alone, so that none is taken for another.
	for i, change := range []func(*relay.Track){
		func(t *relay.Track) { t.Set = fill(0x80) },
		func(t *relay.Track) { t.StartEpoch = 1 << 63 },
		func(t *relay.Track) { t.Provider = felt() },
		func(t *relay.Track) { t.Amount = most() },
		func(t *relay.Track) { t.Chunks = 1 << 63 },
		func(t *relay.Track) { t.Deadline = maxUint },
		func(t *relay.Track) { t.Earned = maxUint },
		func(t *relay.Track) { t.Next = maxUint },
		func(t *relay.Track) { t.Behind = true },
		func(t *relay.Track) { t.Over = true },
		func(t *relay.Track) { t.Halted = "\x00" },
		func(t *relay.Track) { t.Halted = "\xff\xfe" },
	} {
		tr := relay.Track{Binding: relay.Binding{Deal: word(uint64(i) + 1), Set: word(uint64(i) + 1)}}
		change(&tr)
		list = append(list, tr)
	}
	for _, want := range list {
		bind(t, s, want)
		want.Version = 1
		got := all(t, s.Tracks(t.Context(), relay.TrackQuery{Deal: &want.Deal}))
		require.Equal(t, []relay.Track{want}, got)
		// And all of them by Commit, but for the name.
		for _, next := range list {
			next.Binding, next.Over = want.Binding, want.Over
			next.Version = want.Version
			commit(t, s, relay.Change{Tracks: []relay.Track{next}})
			next.Version++
			require.Equal(t, []relay.Track{next}, all(t, s.Tracks(t.Context(), relay.TrackQuery{Deal: &want.Deal})))
			want = next
		}
	}
}

func chunkExtremes(t *testing.T, s *fixture) {
	list := []relay.Chunk{{}, greatest()}
	for i, change := range []func(*relay.Chunk){
		func(c *relay.Chunk) { c.Proof.ChainID = maxUint },
		func(c *relay.Chunk) { c.Proof.Verifier[0] = 0xff },
		func(c *relay.Chunk) { c.Proof.SetID = top() },
		func(c *relay.Chunk) { c.Proof.TxHash = top() },
		func(c *relay.Chunk) { c.Proof.BlockHash = top() },
		func(c *relay.Chunk) { c.Proof.BlockNumber = maxUint },
		func(c *relay.Chunk) { c.Proof.LogIndex = maxUint },
		func(c *relay.Chunk) { c.Proof.RootCID = top() },
		func(c *relay.Chunk) { c.Proof.Timestamp = maxUint },
		func(c *relay.Chunk) { c.Amount = most() },
		func(c *relay.Chunk) { c.Provider = felt() },
		func(c *relay.Chunk) { c.State = relay.Settled },
		func(c *relay.Chunk) { c.Signed.Attestation.DealID = top() },
		func(c *relay.Chunk) { c.Signed.Attestation.ChunkIndex = maxUint },
		func(c *relay.Chunk) { c.Signed.Attestation.ProofSetID = top() },
		func(c *relay.Chunk) { c.Signed.Attestation.RootCID = top() },
		func(c *relay.Chunk) { c.Signed.Attestation.Timestamp = maxUint },
		func(c *relay.Chunk) { c.Signed.Signature.R = top() },
		func(c *relay.Chunk) { c.Signed.Signature.S = top() },
		func(c *relay.Chunk) { c.Signed.Signature.V = 28 },
		func(c *relay.Chunk) { // as it is stored mostly
			a := &c.Signed.Attestation
			a.DealID, a.ChunkIndex, a.ProofSetID, a.RootCID, a.Timestamp = c.Deal, c.Index, c.Proof.SetID, c.Proof.RootCID, c.Proof.Timestamp
			c.Signed.Signature = attestation.Signature{R: fill(1), S: fill(2), V: 1}
		},
		func(c *relay.Chunk) { c.Batched = true },
		func(c *relay.Chunk) { c.Tx.Sender = felt() },
		func(c *relay.Chunk) { c.Tx.Nonce = maxUint },
		func(c *relay.Chunk) { c.TxHash = top() },
		func(c *relay.Chunk) { c.Retry.Attempts = 1<<32 - 1 },
		func(c *relay.Chunk) { c.Retry.At = maxUint },
		func(c *relay.Chunk) { c.Retry.Class = relay.ClassOver },
		func(c *relay.Chunk) { c.Retry.Reason = "\x00\xff" },
		func(c *relay.Chunk) { c.Counted = true },
		func(c *relay.Chunk) { c.Observed = maxUint },
		func(c *relay.Chunk) { c.Updated = maxUint },
	} {
		c := relay.Chunk{Deal: word(uint64(i) + 1)}
		c.Proof.Period = uint64(i) + 1
		change(&c)
		list = append(list, c)
	}
	observe(t, s, list...)
	for _, want := range list {
		want.Version = 1
		require.Equal(t, want, get(t, s, want.ID()))
	}
	// And all of them by Commit, but for the name and the proving period.
	for i, want := range list {
		want.Version = 1
		for j := range 3 {
			next := list[(i+j+1)%len(list)]
			proof := next.Proof
			proof.ChainID, proof.Verifier, proof.SetID, proof.Period = want.Proof.ChainID, want.Proof.Verifier, want.Proof.SetID, want.Proof.Period
			next.Proof, next.Deal, next.Index, next.Version = proof, want.Deal, want.Index, want.Version
			if want.State == relay.Refused {
				next.State = want.State // which it stays
			}
			commit(t, s, relay.Change{Chunks: []relay.Chunk{next}})
			next.Version++
			require.Equal(t, next, get(t, s, want.ID()))
			want = next
		}
	}
}

func transactionExtremes(t *testing.T, s *fixture) {
	id := relay.TxID{Sender: felt(), Nonce: maxUint}
	body := bytes.Repeat([]byte{0x00, 0xff, '"', '\n'}, 50_000) // 200 KB
	var long []relay.ChunkID
	for i := range uint64(2000) {
		long = append(long, relay.ChunkID{Deal: fill(byte(i)), Index: maxUint - i})
	}
	greatest := relay.Transaction{TxID: id, Chunks: long, State: relay.Accepted, Due: maxUint, Stored: maxUint}
	for n := range byte(4) {
		tx := signed(id, n)
		tx.Body = append(body[:len(body):len(body)], n)
		greatest.Signed = append(greatest.Signed, tx)
	}
	smallest := relay.Transaction{Signed: []slastream.SignedTx{{}}}
	foreign := transaction(1, 1)
	foreign.Signed[0].Sender, foreign.Signed[0].Nonce = felt(), maxUint
	foreign.Signed[0].Body = []byte{}
	foreign.Chunks = []relay.ChunkID{}
	sent := transaction(1, 2, relay.ChunkID{})
	sent.State = relay.Sent
	for _, want := range []relay.Transaction{greatest, smallest, foreign, sent} {
		commit(t, s, relay.Change{Lease: lease(t, s), Put: []relay.Transaction{want}})
		found := all(t, s.Transactions(t.Context(), want.Sender, maxUint))
		require.Equal(t, same(want), same(found[len(found)-1]))
	}
	// A batch of long ones is one change.
	var put []relay.Transaction
	for nonce := range uint64(20) {
		tx := transaction(2, nonce)
		tx.Signed[0].Body = append(body[:len(body):len(body)], byte(nonce))
		put = append(put, tx)
	}
	commit(t, s, relay.Change{Lease: lease(t, s), Put: put})
	found := all(t, s.Transactions(t.Context(), address(2), 0))
	require.Len(t, found, len(put))
	for i := range put {
		require.Equal(t, same(put[i]), same(found[i]))
	}
}
