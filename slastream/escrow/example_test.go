package escrow_test

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/escrow"
)

// A client opens a deal of three chunks, one proof is paid, and after the
// deadline anybody returns the rest to the client.
func Example() {
	ctx := context.Background()
	key, err := crypto.HexToECDSA("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
	if err != nil {
		fmt.Println(err)
		return
	}
	var (
		client   = slastream.Address{31: 1}
		provider = slastream.Address{31: 2}
		relay    = slastream.Address{31: 3}
		now      = uint64(1_800_000_000)
	)
	m := escrow.NewMemory(escrow.Params{
		Address: slastream.Address{31: 100},
		Key: attestation.PublicKey{
			X: attestation.Word(key.X.FillBytes(make([]byte, 32))),
			Y: attestation.Word(key.Y.FillBytes(make([]byte, 32))),
		},
	}, func() uint64 { return now })
	if err := m.Mint(client, slastream.AmountFromUint64(1000)); err != nil {
		fmt.Println(err)
		return
	}

	id, err := m.As(client).CreateDeal(ctx, slastream.Terms{
		Provider:    provider,
		Chunks:      3,
		ChunkAmount: slastream.AmountFromUint64(100),
		Collateral:  slastream.AmountFromUint64(50),
		Duration:    3600,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("client holds", m.Balance(client), "while the deal runs")

	signed := attestation.Signed{Attestation: attestation.Attestation{DealID: id, ChunkIndex: 0, Timestamp: now}}
	digest := signed.Attestation.Digest()
	sig, err := crypto.Sign(digest[:], key)
	if err != nil {
		fmt.Println(err)
		return
	}
	signed.Signature = attestation.Signature{
		R: attestation.Word(sig[:32]), S: attestation.Word(sig[32:64]), V: uint32(sig[64]),
	}
	fmt.Println("release:", m.As(relay).Release(ctx, signed))
	fmt.Println("again:", m.As(relay).Release(ctx, signed))

	fmt.Println("slash:", m.As(relay).Slash(ctx, id))
	now += 3600
	fmt.Println("at the deadline:", m.As(relay).Slash(ctx, id))

	fmt.Println("provider", m.Balance(provider), "client", m.Balance(client))
	for _, e := range m.Events() {
		fmt.Printf("%T\n", e)
	}
	// Output:
	// client holds 650 while the deal runs
	// release: <nil>
	// again: slastream: reverted: "Chunk already released"
	// slash: slastream: reverted: "SLA deadline not reached"
	// at the deadline: <nil>
	// provider 100 client 900
	// slastream.DealCreated
	// slastream.ChunkReleased
	// slastream.DealSlashed
}
