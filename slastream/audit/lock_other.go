//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package audit

import (
	"errors"
	"fmt"
	"os"
)

// lock fails: without a lock two processes could write to one log.
func lock(*os.File) error {
	return fmt.Errorf("audit: no file locks on this system: %w", errors.ErrUnsupported)
}
