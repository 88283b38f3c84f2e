package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/relay"
)

func empty(t *testing.T, s *fixture) {
	c := read(t, s)
	require.Zero(t, c.Cursor)
	require.Empty(t, c.Tracks)
	require.Empty(t, c.Chunks)
	require.Empty(t, c.Due)
	require.Empty(t, c.Transactions)
	require.Equal(t, map[string]string{"": "0", "a": "0", "b": "0"}, c.Spent)
	require.Equal(t, relay.Stats{}, c.Stats)
}

func bindKeeps(t *testing.T, s *fixture) {
	want := track(7, 70)
	want.Version = 41 // the store counts for itself
	bind(t, s, want)
	want.Version = 1
	require.Equal(t, want, getTrack(t, s, 7))
}

func bindRefuses(t *testing.T, s *fixture) {
	halted := track(3, 30)
	halted.Halted = "stopped"
	bind(t, s, track(1, 10), track(2, 20), halted)
	over := getTrack(t, s, 2)
	over.Over = true
	commit(t, s, relay.Change{Tracks: []relay.Track{over}})
	before := read(t, s)

	for name, refused := range map[string]relay.Track{
		"the same deal":                            track(1, 10),
		"the deal, with another data set":          track(1, 11),
		"a deal that is over":                      track(2, 20),
		"a deal that is over, another set":         track(2, 21),
		"the data set of another deal":             track(4, 10),
		"the data set of a deal that is halted":    track(5, 30),
		"the deal of one, the data set of another": track(1, 30),
	} {
		require.ErrorIs(t, s.Bind(t.Context(), refused), relay.ErrBound, name)
		require.Equal(t, before, read(t, s), name)
	}
}

func setFreed(t *testing.T, s *fixture) {
	set := word(10)
	bySet := func() []string {
		return deals(all(t, s.Tracks(t.Context(), relay.TrackQuery{Set: &set})))
	}
	bind(t, s, track(1, 10))
	require.Equal(t, []string{"1"}, bySet())

	over := getTrack(t, s, 1)
	over.Over = true
	commit(t, s, relay.Change{Tracks: []relay.Track{over}})
	require.Empty(t, bySet())

	bind(t, s, track(2, 10))
	require.Equal(t, []string{"2"}, bySet())
	require.ErrorIs(t, s.Bind(t.Context(), track(3, 10)), relay.ErrBound)

	// What is over can still change, and does not disturb the new one.
	over = getTrack(t, s, 1)
	over.Earned = 5
	commit(t, s, relay.Change{Tracks: []relay.Track{over}})
	require.Equal(t, []string{"2"}, bySet())
	require.ErrorIs(t, s.Bind(t.Context(), track(3, 10)), relay.ErrBound)

	over = getTrack(t, s, 2)
	over.Over = true
	require.NoError(t, s.Observe(t.Context(), relay.Observation{Next: 5, Tracks: []relay.Track{over}}))
	require.Empty(t, bySet())
	bind(t, s, track(3, 10))
	require.Equal(t, []string{"3"}, bySet())
}

// spread are deals in order whose bytes are of all lengths.
func spread() []attestation.Word {
	list := []attestation.Word{word(0), word(1), word(255), word(256), word(65535), word(65536), word(maxUint)}
	for _, i := range []int{23, 16, 8, 1, 0} {
		var w attestation.Word
		w[i] = 1
		list = append(list, w)
	}
	return append(list, top())
}

func tracksOrdered(t *testing.T, s *fixture) {
	want := spread()
	for i := range want {
		deal := want[(i*5)%len(want)] // each once, not in order
		tr := track(0, uint64(i))
		tr.Deal = deal
		bind(t, s, tr)
	}
	var got []attestation.Word
	for _, tr := range all(t, s.Tracks(t.Context(), relay.TrackQuery{})) {
		got = append(got, tr.Deal)
	}
	require.Equal(t, want, got)
	for i, deal := range want {
		if deal.IsZero() {
			continue
		}
		got = nil
		for _, tr := range all(t, s.Tracks(t.Context(), relay.TrackQuery{After: deal})) {
			got = append(got, tr.Deal)
		}
		require.Equal(t, append([]attestation.Word(nil), want[i+1:]...), got, "after %v", deal)
	}
}

func tracksChosen(t *testing.T, s *fixture) {
	var list []relay.Track
	for deal := uint64(1); deal <= 8; deal++ {
		tr := track(deal, 10*deal)
		tr.Behind = deal%2 == 0
		list = append(list, tr)
	}
	bind(t, s, list...)
	over, halted, caught, late := getTrack(t, s, 2), getTrack(t, s, 4), getTrack(t, s, 8), getTrack(t, s, 1)
	over.Over, halted.Halted, caught.Behind, late.Behind = true, "stopped", false, true
	commit(t, s, relay.Change{Tracks: []relay.Track{over, halted, caught, late}})

	choose := func(q relay.TrackQuery) []string { return deals(all(t, s.Tracks(t.Context(), q))) }
	one, set, freed, absent := word(3), word(30), word(20), word(99)
	require.Equal(t, []string{"3"}, choose(relay.TrackQuery{Deal: &one}))
	require.Equal(t, []string{"3"}, choose(relay.TrackQuery{Set: &set}))
	require.Equal(t, []string{"3"}, choose(relay.TrackQuery{Deal: &one, Set: &set}))
	require.Empty(t, choose(relay.TrackQuery{Deal: &absent}))
	require.Empty(t, choose(relay.TrackQuery{Set: &absent}))
	require.Empty(t, choose(relay.TrackQuery{Set: &freed}))
	require.Equal(t, []string{"1", "6"}, choose(relay.TrackQuery{Behind: true}))
	require.Equal(t, []string{"6"}, choose(relay.TrackQuery{Behind: true, After: word(1)}))
	require.Equal(t, []string{"1"}, choose(relay.TrackQuery{Behind: true, Limit: 1}))
	require.Empty(t, choose(relay.TrackQuery{Behind: true, Deal: &one}))
	require.Empty(t, choose(relay.TrackQuery{Behind: true, Set: &set}))
	require.Empty(t, choose(relay.TrackQuery{Deal: &one, After: word(3)}))
	require.Equal(t, []string{"3"}, choose(relay.TrackQuery{Deal: &one, After: word(2)}))

	halted = getTrack(t, s, 4)
	halted.Halted = ""
	commit(t, s, relay.Change{Tracks: []relay.Track{halted}})
	require.Equal(t, []string{"1", "4", "6"}, choose(relay.TrackQuery{Behind: true}))
}

func tracksPaged(t *testing.T, s *fixture) {
	count := uint64(600)
	if _, ok := s.Store.(*forgetful); ok {
		count = 30
	}
	var want []string
	for deal := uint64(1); deal <= count; deal++ {
		tr := track(deal, deal)
		tr.Behind = true
		bind(t, s, tr)
		want = append(want, word(deal).Big().String())
	}
	require.Equal(t, want, deals(all(t, s.Tracks(t.Context(), relay.TrackQuery{}))))
	require.Equal(t, want, deals(all(t, s.Tracks(t.Context(), relay.TrackQuery{Behind: true}))))
	for _, behind := range []bool{false, true} {
		var got []string
		for after := (attestation.Word{}); ; {
			page := all(t, s.Tracks(t.Context(), relay.TrackQuery{After: after, Limit: 7, Behind: behind}))
			if len(page) == 0 {
				break
			}
			require.LessOrEqual(t, len(page), 7)
			got = append(got, deals(page)...)
			after = page[len(page)-1].Deal
		}
		require.Equal(t, want, got)
	}
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, count, stats.Tracks)
}
