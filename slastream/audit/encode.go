package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/slastream"
)

// The format of the lines; doc.go describes it.
const (
	formatName    = "slastream-audit"
	formatVersion = 1
)

// maxLine bounds a line, its newline included: more than 480 chunks need.
const maxLine = 1 << 20

// A Head is the state of a log: how many lines it has, and the sum of the last.
// The zero value is that of an empty log. It is comparable.
type Head struct {
	Lines uint64           `json:"lines"`
	Sum   attestation.Word `json:"sum"`
}

// appendLine appends the line of an entry that follows head, with its newline.
func appendLine(b []byte, head Head, e *Entry) ([]byte, Head, error) {
	if err := e.check(); err != nil {
		return b, head, fmt.Errorf("audit: %w", err)
	}
	if (e.Header != nil) != (head.Lines == 0) {
		return b, head, fmt.Errorf("audit: line %d: want the header as the first line, and there alone", head.Lines+1)
	}
	start := len(b)
	var none attestation.Word
	b = append(b, `{"sum":`...)
	at := len(b)
	b = appendWord(b, none)
	b = append(b, `,"entry":`...)
	entry := len(b)
	b = appendEntry(b, head, e)
	sum := attestation.Word(sha256.Sum256(b[entry:]))
	appendWord(b[:at], sum)
	b = append(b, "}\n"...)
	if len(b)-start > maxLine {
		return b[:start], head, fmt.Errorf("audit: line of %d bytes: want at most %d", len(b)-start, maxLine)
	}
	return b, Head{Lines: head.Lines + 1, Sum: sum}, nil
}

func appendEntry(b []byte, head Head, e *Entry) []byte {
	b = appendMember(b, '{', "n")
	b = strconv.AppendUint(b, head.Lines+1, 10)
	b = appendMember(b, ',', "prev")
	b = appendWord(b, head.Sum)
	b = appendMember(b, ',', "time")
	b = strconv.AppendUint(b, e.Time, 10)
	switch {
	case e.Header != nil:
		b = appendHeader(appendMember(b, ',', "header"), e.Header)
	case e.Deal != nil:
		b = appendDeal(appendMember(b, ',', "deal"), e.Deal)
	case e.Release != nil:
		b = appendRelease(appendMember(b, ',', "release"), e.Release)
	case e.Slash != nil:
		b = appendSlash(appendMember(b, ',', "slash"), e.Slash)
	}
	return append(b, '}')
}

func appendHeader(b []byte, h *Header) []byte {
	b = append(b, `{"format":"`+formatName+`","version":`...)
	b = strconv.AppendUint(b, formatVersion, 10)
	b = appendWord(appendMember(b, ',', "chainId"), h.Domain.ChainID)
	b = appendWord(appendMember(b, ',', "escrow"), h.Domain.Escrow)
	b = append(b, `,"key":{"x":`...)
	b = appendWord(b, h.Key.X)
	b = appendWord(appendMember(b, ',', "y"), h.Key.Y)
	b = append(b, `},"rules":"`...)
	b = append(b, h.Rules.String()...)
	b = append(b, `","class":"`...)
	b = append(b, h.Class.String()...)
	return append(b, `"}`...)
}

func appendDeal(b []byte, d *slastream.Deal) []byte {
	b = appendWord(appendMember(b, '{', "id"), d.ID)
	b = appendWord(appendMember(b, ',', "client"), d.Client.Word())
	b = appendWord(appendMember(b, ',', "provider"), d.Provider.Word())
	b = strconv.AppendUint(appendMember(b, ',', "chunks"), d.Chunks, 10)
	b = appendAmount(appendMember(b, ',', "chunkAmount"), d.ChunkAmount)
	b = appendAmount(appendMember(b, ',', "collateral"), d.Collateral)
	b = strconv.AppendUint(appendMember(b, ',', "deadline"), d.Deadline, 10)
	return append(b, '}')
}

func appendRelease(b []byte, r *Release) []byte {
	b = appendTx(b, r.TxHash, r.Block, r.Sender)
	if !r.Replaces.IsZero() {
		b = appendWord(appendMember(b, ',', "replaces"), r.Replaces)
	}
	if r.Batched {
		b = appendSignature(appendMember(b, ',', "signature"), r.Chunks[0].Signed.Signature)
	}
	b = appendMember(b, ',', "chunks")
	for i := range r.Chunks {
		b = append(b, "[,"[min(i, 1)])
		b = appendChunk(b, &r.Chunks[i], r.Batched)
	}
	return append(b, `]}`...)
}

func appendChunk(b []byte, c *Chunk, batched bool) []byte {
	a, p := c.Signed.Attestation, &c.Proof
	b = appendWord(appendMember(b, '{', "deal"), a.DealID)
	b = strconv.AppendUint(appendMember(b, ',', "chunk"), a.ChunkIndex, 10)
	b = append(b, `,"proof":`...)
	b = strconv.AppendUint(appendMember(b, '{', "chainId"), p.ChainID, 10)
	b = append(b, `,"verifier":"`...)
	b = append(b, p.Verifier.String()...)
	b = append(b, '"')
	b = appendWord(appendMember(b, ',', "setId"), p.SetID)
	b = strconv.AppendUint(appendMember(b, ',', "period"), p.Period, 10)
	b = appendWord(appendMember(b, ',', "txHash"), p.TxHash)
	b = appendWord(appendMember(b, ',', "blockHash"), p.BlockHash)
	b = strconv.AppendUint(appendMember(b, ',', "blockNumber"), p.BlockNumber, 10)
	b = strconv.AppendUint(appendMember(b, ',', "logIndex"), p.LogIndex, 10)
	b = appendWord(appendMember(b, ',', "rootCid"), p.RootCID)
	b = strconv.AppendUint(appendMember(b, ',', "timestamp"), p.Timestamp, 10)
	b = append(b, `},"attestation":"0x`...)
	encoded := a.Bytes()
	b = hex.AppendEncode(b, encoded[:])
	b = append(b, '"')
	if !batched && c.Signed.Signature != (attestation.Signature{}) {
		b = appendSignature(appendMember(b, ',', "signature"), c.Signed.Signature)
	}
	b = appendAmount(appendMember(b, ',', "amount"), c.Amount)
	return append(b, '}')
}

func appendSlash(b []byte, s *Slash) []byte {
	b = appendTx(b, s.TxHash, s.Block, s.Sender)
	b = appendWord(appendMember(b, ',', "deal"), s.Deal)
	b = strconv.AppendUint(appendMember(b, ',', "at"), s.At, 10)
	b = appendAmount(appendMember(b, ',', "amount"), s.Amount)
	return append(b, '}')
}

func appendTx(b []byte, hash attestation.Word, block uint64, sender slastream.Address) []byte {
	b = appendWord(appendMember(b, '{', "tx"), hash)
	b = strconv.AppendUint(appendMember(b, ',', "block"), block, 10)
	return appendWord(appendMember(b, ',', "sender"), sender.Word())
}

func appendMember(b []byte, before byte, name string) []byte {
	b = append(b, before, '"')
	b = append(b, name...)
	return append(b, `":`...)
}

func appendWord(b []byte, w attestation.Word) []byte {
	b = append(b, `"0x`...)
	b = hex.AppendEncode(b, w[:])
	return append(b, '"')
}

func appendAmount(b []byte, a slastream.Amount) []byte {
	b = append(b, '"')
	b = append(b, a.String()...)
	return append(b, '"')
}

func appendSignature(b []byte, s attestation.Signature) []byte {
	b = appendWord(appendMember(b, '{', "r"), s.R)
	b = appendWord(appendMember(b, ',', "s"), s.S)
	b = strconv.AppendUint(appendMember(b, ',', "v"), uint64(s.V), 10)
	return append(b, '}')
}
