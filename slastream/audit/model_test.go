package audit_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/audit"
)

// A course is a deal of a random history.
type course struct {
	slastream.Deal
	set    uint64
	next   uint64        // period from which on the next chunk is earned
	earned []audit.Chunk // not paid yet
	count  uint64        // chunks that were earned
}

// Random histories of the escrow, paid in any order and by anybody, with lines that
// are written late: what Verify makes of the log is what the model of the contract
// came to.
func TestVerifyAgreesWithTheModel(t *testing.T) {
	var slashed, completed, late, foreign int
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		class := slastream.Class(seed % 2)
		w := newWorld(t, class)
		w.now = 1_700_000_000
		var courses []*course
		var unwritten []audit.Entry
		sets, period := uint64(10), uint64(5000)
		write := func(e audit.Entry) {
			if random.IntN(3) == 0 {
				unwritten = append(unwritten, e)
				return
			}
			w.write(e)
		}
		flush := func(n int) {
			for ; n > 0 && len(unwritten) > 0; n-- {
				i := random.IntN(len(unwritten))
				w.write(unwritten[i])
				unwritten = append(unwritten[:i], unwritten[i+1:]...)
			}
		}
		for range 60 {
			w.now += random.Uint64N(600)
			period += 240
			switch random.IntN(8) {
			case 0:
				sets++
				set := sets
				for _, c := range courses { // a set is free again once its deal is over
					if state, err := w.escrow.As(client).Deal(t.Context(), c.ID); err == nil && !state.Active && random.IntN(2) == 0 {
						set, c.set = c.set, 0
						break
					}
				}
				if set == 0 {
					set = sets
				}
				courses = append(courses, &course{Deal: w.deal(1 + random.Uint64N(7)), set: set, next: period + 10})
			case 1:
				flush(1)
			case 2: // slash what can be slashed
				for _, c := range courses {
					state, err := w.escrow.As(client).Deal(t.Context(), c.ID)
					require.NoError(t, err)
					if !state.Active || w.now < c.Deadline || random.IntN(2) == 0 {
						continue
					}
					refund, err := state.Refund()
					require.NoError(t, err)
					require.NoError(t, w.escrow.As(relay).Slash(t.Context(), c.ID))
					w.block++
					slashed++
					write(audit.Entry{Time: w.now, Slash: &audit.Slash{Deal: c.ID, TxHash: hash("slash", w.block), Block: w.block, Sender: relay, At: w.now, Amount: refund}})
				}
			case 3, 4: // each live deal earns a chunk, or its data set was not proven
				for _, c := range courses {
					if c.set != 0 && c.count < c.Chunks && period >= c.next && random.IntN(4) > 0 {
						c.earned = append(c.earned, chunk(c.Deal, c.count, c.set, period))
						c.count++
						c.next = period + 1
					}
				}
			default: // pay some of what was earned, in any order
				var chunks []audit.Chunk
				for _, c := range courses {
					state, err := w.escrow.As(client).Deal(t.Context(), c.ID)
					require.NoError(t, err)
					if !state.Active {
						continue
					}
					for len(c.earned) > 0 && random.IntN(3) > 0 {
						i := random.IntN(len(c.earned))
						chunks = append(chunks, c.earned[i])
						c.earned = append(c.earned[:i], c.earned[i+1:]...)
					}
				}
				if len(chunks) == 0 {
					continue
				}
				batched := class == slastream.ClassExtended && random.IntN(2) == 0
				e := w.entry(batched, chunks...)
				e.Time = w.now
				w.pay(batched, chunks)
				if random.IntN(4) == 0 {
					*e.Release = audit.Release{Chunks: chunks}
					foreign++
					if batched { // whoever sees a batch of others may leave out its signature
						for i := range chunks {
							chunks[i].Signed.Signature = attestation.Signature{}
						}
					}
				}
				write(e)
			}
		}
		late += len(unwritten)
		flush(len(unwritten))

		report := w.verify(w.out.Bytes())
		for _, f := range report.Findings {
			require.Equal(t, audit.ReasonMissing, f.Reason, "seed %d: %v", seed, &f)
		}
		paid, escrowed := slastream.Amount{}, w.escrow.Balance(slastream.Address(w.header.Domain.Escrow))
		require.Len(t, report.Deals, len(courses))
		left := slastream.Amount{}
		for i, d := range report.Deals {
			state, err := w.escrow.As(client).Deal(t.Context(), courses[i].ID)
			require.NoError(t, err)
			require.Equal(t, state, d.Deal, "seed %d", seed)
			if state.Completed() {
				completed++
			}
			if state.Active {
				refund, err := state.Refund()
				require.NoError(t, err)
				left = add(t, left, refund)
			}
			paid = add(t, paid, add(t, d.Paid, d.Collateral))
		}
		require.Equal(t, w.escrow.Balance(provider), paid, "seed %d", seed)
		require.Equal(t, escrowed, left, "seed %d", seed)
	}
	require.NotZero(t, slashed)
	require.NotZero(t, completed)
	require.NotZero(t, late)
	require.NotZero(t, foreign)
	t.Logf("%d slashed, %d completed, %d lines late, %d paid by others", slashed, completed, late, foreign)
}

func add(t *testing.T, a, b slastream.Amount) slastream.Amount {
	t.Helper()
	s, err := a.Add(b)
	require.NoError(t, err)
	return s
}
