//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package filejournal

import (
	"errors"
	"fmt"
	"os"
)

// lock fails: without a lock two processes could sign from one journal.
func lock(*os.File) error {
	return fmt.Errorf("filejournal: no file locks on this system: %w", errors.ErrUnsupported)
}
