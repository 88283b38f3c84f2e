package audit

// A File is what a log does its work on.
type File = file

// Load opens a log on a file that a test made.
func Load(f File, size int64, h Header) (*Log, error) { return load(f, size, h) }

// MaxLine bounds a line.
const MaxLine = maxLine
