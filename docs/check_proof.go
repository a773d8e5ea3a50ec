// Checks a checkpoint and the proof of one entry with the Go team's own packages.
package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "REFUSED:", err)
		os.Exit(1)
	}
}

func main() {
	vkey, err := os.ReadFile(os.Args[1])
	must(err)
	entry, err := os.ReadFile(os.Args[2])
	must(err)
	proof, err := os.ReadFile(os.Args[3])
	must(err)

	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	must(err)
	head, checkpoint, _ := strings.Cut(string(proof), "\n\n")
	opened, err := note.Open([]byte(checkpoint), note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)

	var index int64
	var path tlog.RecordProof
	for _, line := range strings.Split(head, "\n")[1:] {
		if strings.HasPrefix(line, "index ") {
			rest := strings.TrimPrefix(line, "index ")
			index, err = strconv.ParseInt(rest, 10, 64)
			must(err)
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(line)
		must(err)
		var h tlog.Hash
		copy(h[:], raw)
		path = append(path, h)
	}
	entry = bytes.TrimSuffix(entry, []byte("\n"))
	must(tlog.CheckRecord(path, size, root, index, tlog.RecordHash(entry)))
	fmt.Printf("accepted: entry %d of %d under %s\n", index+1, size, lines[0])
}
