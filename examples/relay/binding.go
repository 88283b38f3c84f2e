package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/slastream/relay"
)

// addBinding answers POST /v1/bindings.
func (d *daemon) addBinding(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		fail(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("want at most %d bytes", bodyLimit))
		return
	}
	var in bindingConfig
	if err := decode(b, &in); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if in.Deal == nil || in.Deal.IsZero() || in.Set == nil || in.Set.IsZero() {
		fail(w, http.StatusBadRequest, `want {"deal": …, "set": …}, ids from 1`)
		return
	}
	if d.ledger != nil {
		fail(w, http.StatusConflict, `relay.signer "lit" needs the signature of the deal's client: write the binding into relay.bindings, with start_epoch and signature, and start again`)
		return
	}
	binding := relay.Binding{Deal: *in.Deal, Set: *in.Set, StartEpoch: in.StartEpoch}
	if err := d.checkDeal(r.Context(), binding); err != nil {
		fail(w, http.StatusConflict, oneLine(err))
		return
	}
	if err := d.relay.Bind(r.Context(), binding); err != nil {
		_, mismatch := errors.AsType[*relay.MismatchError](err)
		_, set := errors.AsType[*policy.SetError](err)
		status := http.StatusServiceUnavailable // a node or the store
		if mismatch || set {
			status = http.StatusConflict
		}
		fail(w, status, oneLine(err))
		return
	}
	d.pending.forget(*in.Deal)
	d.log.Info("bound by request", "deal", in.Deal.Big(), "set", in.Set.Big())
	for t, err := range d.store.Tracks(r.Context(), relay.TrackQuery{Deal: in.Deal}) {
		if err == nil {
			reply(w, http.StatusCreated, d.view(r.Context(), t))
			return
		}
	}
	reply(w, http.StatusCreated, json.RawMessage(`{}`))
}

// removeBinding answers DELETE /v1/bindings/{deal}.
func (d *daemon) removeBinding(w http.ResponseWriter, r *http.Request) {
	d.change(w, r, r.PathValue("deal"), "unbound", d.relay.Unbind)
}

// resumeDeal answers POST /v1/deals/{id}/resume.
func (d *daemon) resumeDeal(w http.ResponseWriter, r *http.Request) {
	d.change(w, r, r.PathValue("id"), "resumed", d.relay.Resume)
}

func (d *daemon) change(w http.ResponseWriter, r *http.Request, text, done string, change func(context.Context, attestation.Word) error) {
	id, err := number("deal", text)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if n, err := d.count(r.Context(), relay.TrackQuery{Deal: &id}); err == nil && n == 0 {
		fail(w, http.StatusNotFound, "deal "+id.Big().String()+" is not bound")
		return
	}
	if err := change(r.Context(), id); err != nil {
		fail(w, http.StatusServiceUnavailable, oneLine(err))
		return
	}
	d.log.Info(done+" by request", "deal", id.Big())
	reply(w, http.StatusOK, map[string]string{"deal": short(id), "done": done})
}
