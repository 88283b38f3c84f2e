// Package audit keeps a history of everything that an escrow paid for proofs, in
// which no line can be changed unnoticed, and checks it without any chain.
//
//	log, err := audit.Open("deals.audit", header) // audit.Create the first time
//	defer log.Close()
//	err = log.Append(
//		audit.Entry{Deal: &deal},       // the escrow's answer; once is enough, and again is no error
//		audit.Entry{Release: &release}, // a transaction that was accepted
//	)
//
// A relay appends a release after its transaction was accepted and before its store
// says so: after a crash between the two it appends it again, and the log, which has
// it, adds nothing. So no payment is missing. A [Writer] writes the same lines to
// any other storage, and [Read] reads them.
//
// A third party, who trusts neither the relay nor the file, gives [Verify] the
// escrow, its attestation key, and a [Head] that was noted elsewhere:
//
//	report, err := audit.Verify(ctx, file, audit.Options{Header: &header, Head: noted})
//	for _, f := range report.Findings {
//		fmt.Println(&f) // audit: line 7: twice: deal 3: chunk 5: …
//	}
//
// [WriteCSV] makes a table of the payments.
//
// # What Verify checks
//
//   - Chain: each line has the sum of the one before, and its own.
//   - Attestations: their 160 bytes are those of the chunk, and have the data set,
//     root and time of the proof beside them. The time is genesis + 30·epoch. A guard
//     that signed for a block which was then replaced answers with that block's time
//     again (package signer); that is a finding too, for someone to look at.
//   - Signatures: the escrow would accept each under the key of the header; that of
//     a batch is over all its chunks in the domain of the header.
//   - Periods: see below.
//   - Money: each deal is opened, paid and slashed by the rules of the contract, and
//     each amount, refund and end must come out as the lines say. Lines need not be in
//     the order of the chain: a release that comes after the slash of its deal fits
//     if the refund left it paid.
//
// What a log cannot prove: that a transaction is on Starknet or a proof on Filecoin
// (the hashes and blocks say where to look), that it is complete up to now, and,
// without a Head from elsewhere, that it was not made anew as a whole. Whoever has
// the attestation key can make a log of payments that never were. Without the key
// nobody can make up a release; but chunks that somebody else paid
// (DealReport.Foreign), terms and slashes are the writer's word.
//
// # Periods and chunks
//
// The n-th payable proving period since the start of a deal earns its chunk n, and
// a period pays once. The log does not have the start, nor the periods that paid
// nothing, so the rule that is checked is what remains of it:
//
//   - A deal has one data set.
//   - Of two chunks of a deal, the later one has the later period, with at least as
//     many epochs between the periods as chunks between the chunks: each of those had
//     a period of its own. Periods without a payable proof leave no gap in the chunks.
//   - The periods that a data set paid to one deal do not overlap those that it paid
//     to another: it backs one deal at a time.
//
// So a period that pays twice is always found: within a deal it would be out of
// order, and in another deal it would lie among the periods of the first. Which of
// the two a period is that lies among others and is out of order, ReasonTwice or
// ReasonOrder, cannot be told without all of them in memory; ReasonTwice is said
// then.
//
// Chunks may be paid in any order, and by anybody. Where the log has a chunk and not
// the one before, that one was paid by somebody else, is still on its way, or was
// left out. The log of a relay that saw it paid by somebody else says so (a
// [Release] without a transaction), and then nothing is missing. Else it is a
// finding, ReasonMissing, that a live deal can lose with the next line. Of a deal
// that was slashed the refund says how many chunks were paid: if the log has as many,
// the gap is a chunk that nobody was paid for, and no finding.
//
// # Format
//
// JSON Lines: one object to a line, each line ended by a newline, at most 1 MiB. There
// is one encoding of an entry: members in this order and no others, no spaces;
// numbers decimal without leading zeros; hashes, u256 and Starknet addresses as
// strings of 0x and 64 hexadecimal digits in lower case; Filecoin addresses with
// the checksum of EIP-55; amounts as strings of decimal base units.
//
//	{"sum":S,"entry":{"n":N,"prev":P,"time":T,KIND}}
//
// S is the SHA-256 of the bytes of entry as they stand, N the number of the line from
// 1, P the S of the line before or 64 zeros, T Unix seconds. KIND is one of
//
//	"header":{"format":"slastream-audit","version":1,"chainId":…,"escrow":…,"key":{"x":…,"y":…},
//	  "rules":"lows" or "legacy","class":"compatible" or "extended"}
//	"deal":{"id":…,"client":…,"provider":…,"chunks":…,"chunkAmount":…,"collateral":…,"deadline":…}
//	"release":{"tx":…,"block":…,"sender":…,"replaces":…,"signature":{"r":…,"s":…,"v":…},"chunks":[
//	  {"deal":…,"chunk":…,"proof":{"chainId":…,"verifier":…,"setId":…,"period":…,"txHash":…,"blockHash":…,
//	    "blockNumber":…,"logIndex":…,"rootCid":…,"timestamp":…},"attestation":160 bytes as 0x and 320 digits,
//	    "signature":{…},"amount":…},…]}
//	"slash":{"tx":…,"block":…,"sender":…,"deal":…,"at":…,"amount":…}
//
// replaces is left out if it is 0. The signature beside chunks is that of a batch;
// its chunks have none, and it is left out if there is no batch. The first line is a
// header and no other is. In every version of the format the first line has these
// members up to version; this package reads version 1, and answers [ErrVersion] for
// others.
package audit
