package filejournal

// Size is the length of a record.
const Size = size

// A File is what a journal does its work on.
type File = file

// Load opens a journal on a file that a test made.
func Load(f File, length int64) (*Journal, error) { return load(f, length) }

// Header is what an empty journal holds.
func Header() []byte { return header() }
