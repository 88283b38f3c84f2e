// Package filejournal keeps the journal of a signer.Guard in one file, so that a
// signer stays honest over restarts, kills and power failures.
//
//	j, err := filejournal.Open("attester.journal") // filejournal.Create the first time
//	defer j.Close()
//	s = signer.Guard(s, j)
//
// Creating is a call of its own: a path that is wrong or not mounted must not
// become an empty journal that has forgotten everything.
//
// The file only grows: 512 bytes for a claim, 512 more for its signature, so
// about a gigabyte for a million chunks. A [Journal] holds an index of 40 to 80
// bytes a chunk in memory and reads records from the file. Put returns after
// fsync; that is nearly all that a guard costs (see the benchmarks).
//
// The file is locked while it is open: a second process that opens it, or the
// same one, gets [ErrLocked]. The lock is advisory on Unix and does not reach
// other machines through a network file system; keep the file on a local disk.
//
// What a crash in the middle of Put leaves behind, a last record that is short
// or all zeroes, is cut off by Open: its Put never returned. Anything else that
// does not fit is a [*CorruptError], and nothing is signed until someone has
// looked. After an error of the file a journal answers [ErrFailed] to
// everything: what the disk holds is not known until it is opened again.
//
// What this package cannot see is a file cut short at the end of a record, or an
// old copy put back. Never restore a journal from a backup of the file alone:
// mark what the escrow has released since then first.
//
// # Format
//
// Records of 512 bytes, big-endian. The first is the header: the magic
// "SLAStream journal\n" with two zero bytes, the format version as 4 bytes,
// zeroes, and in its last 4 bytes the CRC-32C of those before. Each other starts
// with the CRC-32C of its remaining 508 bytes; record.go has the fields. A
// record fits a disk sector, so the disk writes it whole or not at all.
package filejournal
