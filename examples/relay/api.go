package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/relay"
)

// Pages have so many rows unless asked otherwise, and at most so many.
const (
	pageSize    = 100
	maxPageSize = 1000
	// scanLimit is how many chunks one page looks at for those of a state.
	scanLimit = 100_000
)

// listDeals answers GET /v1/deals.
func (d *daemon) listDeals(w http.ResponseWriter, r *http.Request) {
	limit, after, err := page(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	q := relay.TrackQuery{Limit: limit + 1}
	if after != "" {
		if q.After, err = number("after", after); err != nil {
			fail(w, http.StatusBadRequest, err.Error())
			return
		}
	}
	var tracks []relay.Track
	for t, err := range d.store.Tracks(r.Context(), q) {
		if err != nil {
			fail(w, http.StatusInternalServerError, oneLine(err))
			return
		}
		tracks = append(tracks, t)
	}
	answer := struct {
		Deals []dealView `json:"deals"`
		Next  string     `json:"next,omitempty"` // after of the next page
	}{Deals: make([]dealView, min(len(tracks), limit))}
	if len(tracks) > limit {
		answer.Next = short(tracks[limit-1].Deal)
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range answer.Deals {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			answer.Deals[i] = d.view(r.Context(), tracks[i])
		})
	}
	wg.Wait()
	reply(w, http.StatusOK, answer)
}

// showDeal answers GET /v1/deals/{id}.
func (d *daemon) showDeal(w http.ResponseWriter, r *http.Request) {
	id, err := number("id", r.PathValue("id"))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	for t, err := range d.store.Tracks(r.Context(), relay.TrackQuery{Deal: &id}) {
		if err != nil {
			fail(w, http.StatusInternalServerError, oneLine(err))
			return
		}
		reply(w, http.StatusOK, d.view(r.Context(), t))
		return
	}
	fail(w, http.StatusNotFound, "deal "+id.Big().String()+" is not bound")
}

// listChunks answers GET /v1/chunks.
func (d *daemon) listChunks(w http.ResponseWriter, r *http.Request) {
	limit, after, err := page(r)
	q := relay.ChunkQuery{}
	var want *relay.State
	if err == nil && r.FormValue("deal") != "" {
		var id attestation.Word
		id, err = number("deal", r.FormValue("deal"))
		q.Deal = &id
	}
	if err == nil && r.FormValue("state") != "" {
		want, q.Open, err = stateOf(r.FormValue("state"))
	}
	if err == nil && after != "" {
		q.After, err = chunkID(after)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	answer := struct {
		Chunks []chunkView `json:"chunks"`
		Next   string      `json:"next,omitempty"` // after of the next page
	}{Chunks: []chunkView{}}
	seen := 0
	var last relay.ChunkID
	for c, err := range d.store.Chunks(r.Context(), q) {
		if err != nil {
			fail(w, http.StatusInternalServerError, oneLine(err))
			return
		}
		if len(answer.Chunks) == limit || seen == scanLimit {
			answer.Next = short(last.Deal) + "/" + strconv.FormatUint(last.Index, 10)
			break
		}
		seen, last = seen+1, c.ID()
		if want == nil || c.State == *want {
			answer.Chunks = append(answer.Chunks, viewChunk(c))
		}
	}
	reply(w, http.StatusOK, answer)
}

func stateOf(text string) (state *relay.State, open bool, err error) {
	if text == "open" {
		return nil, true, nil
	}
	var names []string
	for s := relay.Observed; s <= relay.Refused; s++ {
		if s.String() == text {
			return &s, s.Open(), nil
		}
		names = append(names, s.String())
	}
	return nil, false, fmt.Errorf("state is %.40q: want open, %s", text, strings.Join(names, ", "))
}

func chunkID(text string) (*relay.ChunkID, error) {
	deal, index, ok := strings.Cut(text, "/")
	id, err := number("after", deal)
	n, parseErr := strconv.ParseUint(index, 10, 64)
	if !ok || err != nil || parseErr != nil {
		return nil, fmt.Errorf("after is %.80q: want the value of next of the page before", text)
	}
	return &relay.ChunkID{Deal: id, Index: n}, nil
}

// page reads what all lists have.
func page(r *http.Request) (limit int, after string, err error) {
	limit = pageSize
	if text := r.FormValue("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxPageSize {
			return 0, "", fmt.Errorf("limit is %.40q: want 1 to %d", text, maxPageSize)
		}
	}
	return limit, r.FormValue("after"), nil
}

func number(name, text string) (attestation.Word, error) {
	w, err := attestation.ParseWord(text)
	if err != nil {
		return w, fmt.Errorf("%s is %.80q: want a number, decimal or 0x and hexadecimal digits", name, text)
	}
	return w, nil
}
