package filejournal

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
)

// exportFormat and exportVersion head the JSON form.
const (
	exportFormat  = "slastream-signer-journal"
	exportVersion = 1
)

// importStep is how many records Import stores with one fsync.
const importStep = 512

// Export writes the newest record of each slot as one JSON object:
//
//	{"format": "slastream-signer-journal", "version": 1, "records": [signer.Record, …]}
//
// To move a signer, close the journal of the old one for good first: a record
// that it makes after the export is missing from it.
func (j *Journal) Export(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, `{"format":%q,"version":%d,"records":[`, exportFormat, exportVersion)
	separator := "\n"
	for rec, err := range j.All() {
		if err != nil {
			return err
		}
		b, err := json.Marshal(rec)
		if err != nil {
			return fmt.Errorf("filejournal: export: %w", err)
		}
		out.WriteString(separator)
		out.Write(b)
		separator = ",\n"
	}
	out.WriteString("\n]}\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("filejournal: export: %w", err)
	}
	return nil
}

// Import adds the records of an [Journal.Export] to those that are there. A
// record that stands against one that is there is a [*signer.EquivocationError].
// Signatures are verified; those over a batch, which one record cannot prove,
// are left out, and such a chunk becomes a claim, which the guard signs again.
//
// An error in the middle leaves the records before it in the journal; that is
// harmless, and the same import can be made again. A guard that is in use sees
// records appear: import before it starts.
func (j *Journal) Import(ctx context.Context, r io.Reader) error {
	in := json.NewDecoder(bufio.NewReader(r))
	if err := importHeader(in); err != nil {
		return fmt.Errorf("filejournal: import: %w", err)
	}
	var step []signer.Record
	flush := func() error {
		err := j.merge(ctx, step)
		step = step[:0]
		return err
	}
	for n := 0; in.More(); n++ {
		var rec signer.Record
		if err := in.Decode(&rec); err != nil {
			return fmt.Errorf("filejournal: import: record %d: %w", n, err)
		}
		if err := verify(&rec); err != nil {
			return fmt.Errorf("filejournal: import: record %d: %w", n, err)
		}
		if step = append(step, rec); len(step) == importStep {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	for _, want := range []json.Delim{']', '}'} {
		if got, err := in.Token(); err != nil || got != want {
			return fmt.Errorf("filejournal: import: got %v, want %v: cut short?", got, want)
		}
	}
	return flush()
}

// importHeader reads up to the first record.
func importHeader(in *json.Decoder) error {
	for _, want := range []json.Token{json.Delim('{'), "format", exportFormat, "version", float64(exportVersion), "records", json.Delim('[')} {
		got, err := in.Token()
		if err != nil {
			return err
		}
		if v, ok := got.(float64); ok && want == float64(exportVersion) && v > exportVersion {
			return fmt.Errorf("%w: version %v", ErrVersion, v)
		}
		if got != want {
			return fmt.Errorf("got %.40q, want %q", fmt.Sprint(got), fmt.Sprint(want))
		}
	}
	return nil
}

// verify checks a record by itself, and makes a claim of one whose signature it
// cannot check.
func verify(rec *signer.Record) error {
	req := rec.Request
	if req.Evidence.SetID != req.Attestation.ProofSetID {
		return signer.ErrEvidence
	}
	if _, err := attestation.ParsePublicKey(append(rec.Key.X[:], rec.Key.Y[:]...)); err != nil {
		return err
	}
	if rec.Signed && rec.Batch == (attestation.Word{}) {
		signed := attestation.Signed{Attestation: req.Attestation, Signature: rec.Signature}
		if rec.Signature.V > 1 {
			return errors.New("v is not 0 or 1")
		}
		return signed.Verify(attestation.RulesLowS, rec.Key)
	}
	rec.Signed, rec.Signature, rec.Batch = false, attestation.Signature{}, attestation.Word{}
	return nil
}

// merge stores those of the records that say more than what is there.
func (j *Journal) merge(ctx context.Context, recs []signer.Record) error {
	fresh := signer.NewMemoryJournal() // what this step adds
	var more []signer.Record
	for _, rec := range recs {
		news := true
		for _, known := range []signer.Journal{j, fresh} {
			says, err := adds(ctx, known, rec)
			if err != nil {
				return err
			}
			news = news && says
		}
		if news {
			more = append(more, rec)
			if err := fresh.Put(ctx, rec); err != nil {
				return err
			}
		}
	}
	return j.Put(ctx, more...)
}

// adds reports whether a record says more than a journal does.
func adds(ctx context.Context, known signer.Journal, rec signer.Record) (bool, error) {
	slot := rec.Slot()
	prev, ok, err := known.BySlot(ctx, slot)
	if err != nil {
		return false, err
	}
	if ok {
		if !prev.Request.SameStatement(rec.Request) {
			return false, &signer.EquivocationError{Prev: prev.Request, New: rec.Request}
		}
		return rec.Signed && !prev.Signed, nil
	}
	other, used, err := known.ByProof(ctx, slot.Key, slot.Domain, rec.Request.Evidence.Key())
	if err != nil || !used || other == slot {
		return err == nil, err
	}
	prev, _, err = known.BySlot(ctx, other)
	if err != nil {
		return false, err
	}
	return false, &signer.EquivocationError{Prev: prev.Request, New: rec.Request}
}
