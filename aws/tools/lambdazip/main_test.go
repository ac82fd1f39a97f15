package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTheSameProgramMakesTheSameArchive(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("\x7fELF"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(program, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "function.zip")
	if err := pack(program, archive); err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	const want = "fa2ef001095979e882d7523aa4f554349feac66534fbc386f228c4a3a4d5523b"
	if got := fmt.Sprintf("%x", sha256.Sum256(packed)); got != want {
		t.Errorf("the archive's hash is %s, want %s", got, want)
	}
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil || len(z.File) != 1 {
		t.Fatalf("files %v, %v", z, err)
	}
	f, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	if err != nil || string(got) != "\x7fELF" || z.File[0].Name != "bootstrap" || z.File[0].Mode() != 0o755 {
		t.Errorf("%s %v holds %q, %v", z.File[0].Name, z.File[0].Mode(), got, err)
	}
}
