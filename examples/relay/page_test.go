package main

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/slastream/relay"
)

var (
	ticked   = regexp.MustCompile("`([^`]+)`")
	labelled = regexp.MustCompile("`([^`]+)`(?: \\(([^)]*)\\))?")
)

// pageTable returns the cells of the table under a heading of docs/relay/daemon.md.
func pageTable(t *testing.T, heading string) (rows [][]string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/relay/daemon.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(page), "\n"+heading+"\n")
	require.True(t, ok, heading)
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "#") {
			break
		}
		if !strings.HasPrefix(line, "|") {
			continue
		}
		var row []string
		for _, cell := range strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ") {
			row = append(row, strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	require.Greater(t, len(rows), 2, heading)
	return rows[2:]
}

// pageKeys are the keys of the table of the file, each with its default. A name
// that begins with a point stands beside the one before it.
func pageKeys(t *testing.T) map[string]string {
	t.Helper()
	defaults := map[string]string{}
	for _, row := range pageTable(t, "## The file") {
		require.Len(t, row, 3, row)
		before := ""
		for _, found := range ticked.FindAllStringSubmatch(row[0], -1) {
			key := found[1]
			if strings.HasPrefix(key, ".") {
				key = before[:strings.LastIndexByte(before, '.')] + key
			}
			require.NotContains(t, defaults, key, "it is there twice")
			before, defaults[key] = key, row[1]
		}
	}
	return defaults
}

// TestPageHasEachKey: the table of docs/relay/daemon.md has the keys that the file may
// have, and no others. An object has no row of its own, a list does.
func TestPageHasEachKey(t *testing.T) {
	var want []string
	known := knownKeys(reflect.TypeFor[config](), "", nil)
	lists := listKeys(reflect.TypeFor[config](), "", nil)
	for _, key := range known {
		object := slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(k, key+".") })
		if key != "" && (!object || slices.Contains(lists, key)) {
			want = append(want, key)
		}
	}
	slices.Sort(want)
	require.Equal(t, want, slices.Sorted(maps.Keys(pageKeys(t))))
	require.Contains(t, want, "relay.limits.hour.all")
	require.Contains(t, want, "relay.bindings")
	require.NotContains(t, want, "relay.limits")
}

// listKeys lists the paths of lists of objects.
func listKeys(t reflect.Type, path string, list []string) []string {
	if t.Kind() != reflect.Struct {
		return list
	}
	for i := range t.NumField() {
		f := t.Field(i)
		full := strings.TrimPrefix(path+"."+f.Tag.Get("json"), ".")
		if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			list = append(list, full)
		} else {
			list = listKeys(f.Type, full, list)
		}
	}
	return list
}

// TestPageHasTheDefaults compares the defaults with what setDefaults makes of an
// empty file, and with those of the engine.
func TestPageHasTheDefaults(t *testing.T) {
	var c config
	c.FEVM.ChainID = 314
	c.setDefaults()
	want := map[string]string{
		"relay.lease": plainDuration(relay.DefaultLease), "relay.bump_after": plainDuration(relay.DefaultBumpAfter),
		"relay.settle_after": plainDuration(relay.DefaultSettleAfter), "relay.in_flight": fmt.Sprint(relay.DefaultInFlight),
		"relay.workers": fmt.Sprint(relay.DefaultWorkers), "relay.min_challenges": fmt.Sprint(policy.DefaultMinChallenges),
	}
	setValues(reflect.ValueOf(c), "", want)
	delete(want, "fevm.chain_id")
	require.Equal(t, "15s", want["relay.poll"])
	require.Equal(t, "relay.db", want["relay.store"])
	have := pageKeys(t)
	for key, value := range want {
		first, _, _ := strings.Cut(have[key], ",")
		require.Equal(t, "`"+value+"`", first, key)
	}
	for key, value := range have {
		if text, ok := strings.CutPrefix(value, "`"); ok && want[key] == "" {
			require.Equal(t, "0`", text, "%s has a default that the code does not have", key)
		}
	}
	require.Contains(t, have["relay.period"], "Calibration `"+fmt.Sprint(periods[314159])+"`")
}

// setValues adds the values that are set.
func setValues(v reflect.Value, path string, into map[string]string) {
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				setValues(v.Field(i), strings.TrimPrefix(path+"."+f.Tag.Get("json"), "."), into)
			}
		}
	case v.IsZero():
	case v.Type() == reflect.TypeFor[duration]():
		into[path] = plainDuration(time.Duration(v.Int()))
	case v.Kind() == reflect.String:
		into[path] = v.String()
	case v.CanInt():
		into[path] = strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		into[path] = strconv.FormatUint(v.Uint(), 10)
	}
}

// plainDuration is a duration as the file has it: 5m, not 5m0s.
func plainDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// TestPageHasEachMetric: the table of docs/relay/daemon.md has the metrics and labels of
// the golden list, and no others.
func TestPageHasEachMetric(t *testing.T) {
	list, err := os.ReadFile(golden)
	require.NoError(t, err)
	want, have := map[string][]string{}, map[string][]string{}
	for line := range strings.Lines(string(list)) {
		words := strings.Fields(line)
		name := strings.TrimPrefix(words[1], namespace+"_")
		if words[0] == "#" {
			if words[1] == "TYPE" {
				name = strings.TrimPrefix(words[2], namespace+"_")
				want[name] = slices.Clip(want[name])
			}
			continue
		}
		for _, suffix := range []string{"_bucket", "_count", "_sum"} { // of the histogram
			name = strings.TrimSuffix(name, suffix)
		}
		for _, label := range words[2:] {
			if label != "le" {
				want[name] = append(want[name], label)
			}
		}
	}
	for _, row := range pageTable(t, "## Metrics") {
		for _, found := range labelled.FindAllStringSubmatch(row[0], -1) {
			require.NotContains(t, have, found[1], "it is there twice")
			have[found[1]] = nil
			if found[2] != "" {
				have[found[1]] = strings.Split(found[2], ", ")
			}
		}
	}
	require.Greater(t, len(want), 20)
	for name, of := range want {
		require.Contains(t, have, name)
		require.ElementsMatch(t, of, have[name], name)
	}
	require.Len(t, have, len(want))
}
