package audit_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream/audit"
)

// A line with the right sum is refused unless it is the one encoding of its entry.
func TestOneEncoding(t *testing.T) {
	w := written(t)
	all := bytes.SplitAfter(w.out.Bytes(), []byte("\n"))
	for _, test := range []struct {
		name     string
		line     int
		old, new string
		says     string
		reason   audit.Reason // ReasonLine, if empty
	}{
		{"a space", 4, `"time":`, `"time": `, "want a decimal number", ""},
		{"a leading zero", 4, `"block":101`, `"block":0101`, "want a decimal number", ""},
		{"a number of 2^64", 4, `"block":101`, `"block":18446744073709551616`, "below 2^64", ""},
		{"a negative number", 4, `"block":101`, `"block":-101`, "want a decimal number", ""},
		{"an exponent", 4, `"block":101`, `"block":1e2`, `want ,"sender":`, ""},
		{"no time", 4, `"time":1800000000`, `"time":0`, "want the time", ""},
		{"digits in upper case", 4, `"tx":"0x5a`, `"tx":"0x5A`, "in lower case", ""},
		{"too few digits", 4, `"sender":"0x00`, `"sender":"0x`, "64 hexadecimal digits", ""},
		{"a wrong checksum", 4, `"0x85E23B`, `"0x85e23B`, "EIP-55", ""},
		{"no checksum", 4, `"0x85E23B` + strings.Repeat("0", 32) + `C7"`, `"0x85e23b` + strings.Repeat("0", 32) + `c7"`, "EIP-55", ""},
		{"an amount with a zero", 4, `"amount":"100"`, `"amount":"0100"`, "a decimal amount", ""},
		{"an amount with a point", 4, `"amount":"100"`, `"amount":"100.0"`, "a decimal amount", ""},
		{"an amount that is no string", 4, `"amount":"100"`, `"amount":100`, "in quotes", ""},
		{"an amount of 2^256", 4, `"amount":"100"`, `"amount":"115792089237316195423570985008687907853269984665640564039457584007913129639936"`, "below 2^256", ""},
		{"v of 2^32", 4, `"v":`, `"v":4294967299`, "below 2^32", ""},
		{"an unknown member", 4, `"block":`, `"note":1,"block":`, `want ,"block":`, ""},
		{"another order", 4, `"amount":"100"}`, `"amount":"100","amount":"100"}`, "want }", ""},
		{"an unknown kind", 2, `"deal":`, `"loan":`, "want one of header, deal, release and slash", ""},
		{"more after the entry", 2, `"deadline":1800003600}}`, `"deadline":1800003600}}}`, "the end of the entry", ""},
		{"a sender that is no felt", 4, `"sender":"0x00`, `"sender":"0x08`, "below 2^251", ""},
		{"replaces nothing", 4, `,"chunks"`, `,"replaces":"0x` + strings.Repeat("0", 64) + `","chunks"`, "want it left out", ""},
		{"no chunks", 7, `"chunks":[`, `"chunks":[],"x":[`, `want {"deal":`, ""},
		{"unknown rules", 1, `"lows"`, `"high"`, "want lows or legacy", ""},
		{"rules of another class", 1, `"lows"`, `"legacy"`, "has the rules lows", ""},
		{"an unknown class", 1, `"extended"`, `"extensive"`, "want compatible or extended", ""},
		{"another format", 1, `"slastream-audit"`, `"slastream-log"`, "want", ""},

		{"another chunk than the attestation", 4, `"chunk":0`, `"chunk":1`, "chunk 1 of deal 1, with an attestation of chunk 0 of deal 1", audit.ReasonAttestation},
		{"another deal than the attestation", 4, `"chunks":[{"deal":"0x` + strings.Repeat("0", 63) + `1`, `"chunks":[{"deal":"0x` + strings.Repeat("0", 63) + `2`, "chunk 0 of deal 2, with an attestation of chunk 0 of deal 1", audit.ReasonAttestation},
		{"a chunk index of more than 64 bits", 4, `"attestation":"0x` + strings.Repeat("0", 63) + "1" + "0", `"attestation":"0x` + strings.Repeat("0", 63) + "1" + "1", "contradicts itself", audit.ReasonAttestation},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := bytes.TrimSuffix(all[test.line-1], []byte("\n"))
			require.Contains(t, string(body), test.old)
			entry := bytes.Replace(entryOf(body), []byte(test.old), []byte(test.new), 1)
			log := fmt.Appendf(bytes.Join(all[:test.line-1], nil), "{\"sum\":\"%v\",\"entry\":%s}\n", attestation.Word(sha256.Sum256(entry)), entry)
			reason := audit.ReasonLine
			if test.reason != "" {
				reason = test.reason
			}
			for e, err := range audit.Read(bytes.NewReader(log)) {
				if err == nil {
					require.Less(t, e.Line, uint64(test.line))
					continue
				}
				require.Equal(t, reason, err.(*audit.Finding).Reason)
				require.ErrorContains(t, err, test.says)
			}
			report, err := audit.Verify(t.Context(), bytes.NewReader(log), audit.Options{})
			if test.line == 1 {
				require.ErrorContains(t, err, test.says)
				return
			}
			require.NoError(t, err)
			requireFinding(t, report, uint64(test.line), reason, test.says)
		})
	}
}

// What is too far ahead has no place in an array: memory is for what there is.
func TestAppendFarAhead(t *testing.T) {
	w := written(t)
	path, log := logged(t, w)
	deal := *w.entries[1].Deal
	deal.ID, deal.Chunks = id(50), 1<<60
	var entries []audit.Entry
	entries = append(entries, audit.Entry{Deal: &deal})
	for _, index := range []uint64{1 << 59, 0, 3, 1<<59 + 1, 40, 1, 2, 17, 30} {
		entries = append(entries, w.entry(false, chunk(deal, index, 14, index*2)))
	}
	require.NoError(t, log.Append(entries...))
	lines := log.Head().Lines
	require.NoError(t, log.Close())
	log, err := audit.Open(path, w.header)
	require.NoError(t, err)
	defer log.Close()
	require.NoError(t, log.Append(entries...))
	require.Equal(t, lines, log.Head().Lines)
	require.EqualValues(t, 9, w.verify(contents(t, path)).Deals[3].Chunks)
}
