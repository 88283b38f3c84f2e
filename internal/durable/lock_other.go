//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package durable

import (
	"errors"
	"fmt"
	"os"
)

// TryLock fails: without a lock two processes could write to one file.
func TryLock(*os.File) (bool, error) {
	return false, fmt.Errorf("no file locks on this system: %w", errors.ErrUnsupported)
}
