// Command generate writes the JSON files of package vectors. Run it in their
// directory: `go generate ./attestation/vectors`. It removes files that no
// scenario makes any more.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/slastream/slastream-go/attestation/vectors/internal/scenarios"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	files, err := scenarios.Files(os.DirFS(filepath.Join(dir, "..", "testdata")))
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if _, ok := files[filepath.Base(path)]; !ok {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
