// Package boltstore keeps what a relay must not forget in one file: the
// [relay.Store] for a relay that runs alone, which is most of them. The file is
// a bbolt database (go.etcd.io/bbolt); nothing has to be installed or served.
//
//	store, err := boltstore.Open("relay.db")
//	if err != nil { … } // says what is wrong with the file, and what to do
//	defer store.Close()
//	r := &relay.Relay{Store: store, …}
//
// # What it promises
//
// Each change is one transaction that is on the disk before the method returns:
// after a crash of the process or of the machine all of it is there, or nothing.
// One process has the file at a time, as long as it lives; a second one gets
// [ErrInUse]. A lease therefore ends with the process, and only its token is kept:
// the next lease of the name has a higher one.
//
// When the disk is full or has become read-only, a change returns an error with
// the reason and nothing is stored; reading goes on, and changes succeed again
// once there is room. Only when the disk fails at the last moment, so that nobody
// can tell, every method returns that error until the file is opened again.
//
// # A damaged file
//
// [Open] reads the whole file before it changes anything: each page, and each row
// with its checksum. A file that was cut off, that has a flipped bit, or that
// another program made is refused with [ErrCorrupt] and left as it was. Copy it
// back from a backup, or move it away and start with a new one: the relay finds
// out from the chains what was paid. Rows that are damaged later, while the store
// is open, are ErrCorrupt when they are read, never a panic.
//
// A backup is a copy of the file while no process has it open.
//
// # Versions
//
// The file has the version of its layout. An older one is brought to the present
// in one transaction, after the file was copied beside itself (relay.db.v1-backup);
// one of a newer program is [ErrNewer].
//
// # Size
//
// A row has no more bytes than its numbers need, so that a million deals are
// about 160 MB, opened in half a second. They are not held in memory: the file is mapped, and the operating
// system keeps of it what it has room for.
package boltstore
