package main

import (
	"fmt"
	"io"
	"os"

	"github.com/slastream/slastream-go/slastream"
)

// A narrator tells the flow in aligned lines; in colour only on a terminal.
type narrator struct {
	w      io.Writer
	colour bool
}

func newNarrator(w io.Writer) *narrator {
	n := &narrator{w: w}
	if f, ok := w.(*os.File); ok && os.Getenv("NO_COLOR") == "" {
		info, err := f.Stat()
		n.colour = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return n
}

const (
	plain  = ""
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
)

func (n *narrator) paint(colour, s string) string {
	if !n.colour || colour == plain {
		return s
	}
	return colour + s + "\x1b[0m"
}

func (n *narrator) title(s string) { fmt.Fprintf(n.w, "\n%s\n", n.paint(bold, s)) }

// say prints who did what; colour marks what pays and what does not.
func (n *narrator) say(colour, who, format string, args ...any) {
	fmt.Fprintf(n.w, "  %-10s %s\n", who, n.paint(colour, fmt.Sprintf(format, args...)))
}

// strk writes an amount in whole tokens.
func strk(a slastream.Amount) string { return a.Format(18) + " STRK" }
