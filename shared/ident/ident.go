// Package ident makes ids. An id that can be derived is derived, not random: the same trip always has the same reservation
// ids, event ids and provider keys, so that a repeated step finds what its first attempt left.
package ident

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"tripsaga/shared/fault"
)

// New returns a random UUIDv7: ids sort by the millisecond they were made in (RFC 9562, section 5.7).
func New(now time.Time, random io.Reader) (string, error) {
	var id uuid.UUID
	if _, err := io.ReadFull(random, id[6:]); err != nil {
		return "", fmt.Errorf("ident: drawing an id: %w", err)
	}
	ms := uint64(now.UnixMilli())
	binary.BigEndian.PutUint32(id[:4], uint32(ms>>16))
	binary.BigEndian.PutUint16(id[4:6], uint16(ms))
	return stamp(id, 7), nil
}

// Derive makes a UUIDv8 (RFC 9562, section 5.8) of the SHA-256 of its parts. kind keeps ids of different use apart.
func Derive(kind string, parts ...string) string {
	sum := digest(kind, parts)
	return stamp(uuid.UUID(sum[:16]), 8)
}

// DeriveNear is like Derive of id and the parts, but its first 48 bits are those of id. If id comes from New, or from DeriveNear of
// such an id, they are its time, so that ids of what belongs to one trip are neighbours in a sorted store, in the order of time.
// 74 bits of the hash remain. If id is no UUID, all bits are of the hash.
func DeriveNear(kind, id string, parts ...string) string {
	sum := digest(kind, append([]string{id}, parts...))
	if near, err := uuid.Parse(id); err == nil {
		copy(sum[:], near[:6])
	}
	return stamp(uuid.UUID(sum[:16]), 8)
}

// Fingerprint returns a short hash of an input, 32 hexadecimal digits. Different inputs have different fingerprints.
func Fingerprint(parts ...string) string {
	sum := digest("fingerprint", parts)
	var text [32]byte
	hex.Encode(text[:], sum[:16])
	return string(text[:])
}

// Parse accepts a UUID in its canonical form only: 36 characters, lower case. The error is Invalid and has no field.
func Parse(s string) (string, error) {
	if len(s) != 36 || uuid.Validate(s) != nil || strings.ToLower(s) != s {
		return "", fault.Invalidf("", "%.40q is no id, such as 0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a", s)
	}
	return s, nil
}

// digest hashes the parts with their lengths, so that ("ab", "c") and ("a", "bc") differ.
func digest(kind string, parts []string) [sha256.Size]byte {
	buf := make([]byte, 0, 256)
	buf = append(buf, kind...)
	for _, p := range parts {
		buf = binary.AppendUvarint(append(buf, 0), uint64(len(p)))
		buf = append(buf, p...)
	}
	return sha256.Sum256(buf)
}

func stamp(id uuid.UUID, version byte) string {
	id[6] = id[6]&0x0f | version<<4
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
