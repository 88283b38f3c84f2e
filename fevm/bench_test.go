package fevm_test

import (
	"testing"

	"github.com/slastream/slastream-go/fevm"
)

// BenchmarkParseLog decodes the largest recorded log of each event, and lets
// go-ethereum's accounts/abi unpack the data of the same log.
func BenchmarkParseLog(b *testing.B) {
	for name, signature := range map[string]string{
		"PossessionProven": "PossessionProven(uint256,(uint256,uint256)[])",
		"PiecesAddedV2":    "PiecesAddedV2(uint256,uint256,(bytes32,bytes32)[])",
	} {
		var largest recordedLog
		for _, r := range recordedLogs(b, "v3.5.0.json") {
			if r.Signature == signature && len(r.Data) > len(largest.Data) {
				largest = r
			}
		}
		l := largest.log(b)
		b.Run(name+"/slastream", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := fevm.ParseLog(l); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/go-ethereum", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := gethArguments[signature].Unpack(l.Data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
