// Command lambdazip packs a bootstrap for AWS Lambda. The same bootstrap makes the same archive, byte for byte, so that a
// deployment sees a change only where there is one.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: lambdazip BOOTSTRAP ZIP")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "lambdazip:", err)
		os.Exit(1)
	}
}

func pack(bootstrap, archive string) error {
	program, err := os.ReadFile(bootstrap)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	if err := write(&packed, program); err != nil {
		return fmt.Errorf("%s: %w", archive, err)
	}
	return os.WriteFile(archive, packed.Bytes(), 0o644)
}

// write packs the program as the one file that the runtime provided.al2023 starts. The time is the earliest that the
// format knows.
func write(w io.Writer, program []byte) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(0o755)
	file, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := file.Write(program); err != nil {
		return err
	}
	return z.Close()
}
