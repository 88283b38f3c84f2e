package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/slastream/slastream-go/internal/levenshtein"
)

// decode reads one JSON object into a struct as an operator means it: a key that
// is not known, or that is there twice, is an error, and so is anything behind
// the object. Errors name the key with its path and quote the value, unless it is
// a secret.
func decode(b []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	d := document{decoder: dec, known: knownKeys(reflect.TypeOf(into).Elem(), "", nil)}
	if err := d.value("", reflect.ValueOf(into).Elem()); err != nil {
		return d.place(b, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the object: want one object")
	}
	return nil
}

// A document is a JSON document that is being read.
type document struct {
	decoder *json.Decoder
	known   []string // paths of all keys
}

// place says where the syntax is wrong.
func (d *document) place(b []byte, err error) error {
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		at := b[:min(int(max(s.Offset, 0)), len(b))]
		return fmt.Errorf("no JSON in line %d: %w", bytes.Count(at, []byte{'\n'})+1, err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("no JSON: it ends too early")
	}
	return err
}

// A wanter is a leaf that says what it wants.
type wanter interface{ want() string }

// A secretive is a leaf whose value must not be quoted.
type secretive interface{ secret() }

func (d *document) value(path string, v reflect.Value) error {
	at := v.Addr().Interface()
	_, own := at.(json.Unmarshaler)
	_, text := at.(encoding.TextUnmarshaler)
	switch {
	case own || text:
	case v.Kind() == reflect.Struct:
		return d.object(path, v)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		return d.array(path, v)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.value(path, v.Elem())
	}
	var raw json.RawMessage
	if err := d.decoder.Decode(&raw); err != nil {
		return err
	}
	if _, ok := at.(secretive); ok {
		if json.Unmarshal(raw, at) != nil || string(raw) == "null" {
			return fmt.Errorf("%s: want %s", path, wants(v))
		}
		return nil
	}
	if err := json.Unmarshal(raw, at); err != nil || string(raw) == "null" || v.Kind() == reflect.Int && v.Int() < 0 {
		return fmt.Errorf("%s is %s: want %s", path, quoted(raw), wants(v))
	}
	return nil
}

func (d *document) object(path string, v reflect.Value) error {
	if err := d.open('{', path, "an object"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.decoder.More() {
		token, err := d.decoder.Token()
		if err != nil {
			return err
		}
		key := token.(string) // within an object the decoder accepts no other key
		full := strings.TrimPrefix(path+"."+key, ".")
		field, ok := fieldOf(v, key)
		switch {
		case !ok:
			return d.unknown(path, key)
		case seen[key]:
			return fmt.Errorf("%s is there twice: keep one", full)
		}
		seen[key] = true
		if err := d.value(full, field); err != nil {
			return err
		}
	}
	_, err := d.decoder.Token()
	return err
}

func (d *document) array(path string, v reflect.Value) error {
	if err := d.open('[', path, "a list"); err != nil {
		return err
	}
	for i := 0; d.decoder.More(); i++ {
		next := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(fmt.Sprintf("%s[%d]", path, i), next); err != nil {
			return err
		}
		v.Set(reflect.Append(v, next))
	}
	_, err := d.decoder.Token()
	return err
}

// open reads the beginning of an object or a list.
func (d *document) open(delim json.Delim, path, want string) error {
	token, err := d.decoder.Token()
	if err != nil {
		return err
	}
	if token != delim {
		if token == nil {
			token = "null"
		}
		if path == "" {
			path = "the file"
		}
		return fmt.Errorf("%s is %s: want %s", path, quoted(fmt.Append(nil, token)), want)
	}
	return nil
}

func (d *document) unknown(path, key string) error {
	full := strings.TrimPrefix(path+"."+shortened(key), ".")
	// The index of a list is no part of a key.
	plain := strings.TrimPrefix(withoutIndex(path)+"."+shortened(key), ".")
	best, distance := "", 0
	for _, k := range d.known {
		dist := 2 * levenshtein.Distance(last(plain), last(k))
		if parent(plain) != parent(k) {
			dist += 3
		}
		if best == "" || dist < distance {
			best, distance = k, dist
		}
	}
	return fmt.Errorf("unknown key %s: did you mean %s?", full, best)
}

// wants says what a leaf of that type is.
func wants(v reflect.Value) string {
	if w, ok := v.Addr().Interface().(wanter); ok {
		return w.want()
	}
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Uint64:
		return "a whole number that is not negative"
	case reflect.String:
		return "a text in quotes"
	}
	return "0x and hexadecimal digits in quotes"
}

// fieldOf returns the field of a struct that a key names.
func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("json") == key {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// knownKeys lists the paths of all keys of a struct and what is in it.
func knownKeys(t reflect.Type, path string, list []string) []string {
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		return knownKeys(t.Elem(), path, list)
	}
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return list
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		full := strings.TrimPrefix(path+"."+f.Tag.Get("json"), ".")
		list = knownKeys(f.Type, full, append(list, full))
	}
	return list
}

func parent(path string) string { return path[:max(strings.LastIndexByte(path, '.'), 0)] }
func last(path string) string   { return path[strings.LastIndexByte(path, '.')+1:] }

func withoutIndex(path string) string {
	for {
		from, to := strings.IndexByte(path, '['), strings.IndexByte(path, ']')
		if from < 0 || to < from {
			return path
		}
		path = path[:from] + path[to+1:]
	}
}

// maxQuoted bounds what an error quotes.
const maxQuoted = 60

func quoted(raw []byte) string { return shortened(string(bytes.TrimSpace(raw))) }

// shortened makes a text fit to be quoted.
func shortened(s string) string { return cut(s, maxQuoted) }

// cut makes a text of one line and at most so many bytes. It cuts no letter in
// two.
func cut(s string, most int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > most {
		end := most
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
