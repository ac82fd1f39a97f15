package embedded

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"tripsaga/table"
)

// The first byte of a key names its keyspace.
const (
	spaceMeta   = 0x00 // settings of the store itself
	spaceItem   = 0x01 // component(PK) SK -> item
	spaceIndex  = 0x02 // component(index PK) component(index SK) component(PK) SK -> nothing
	spaceStream = 0x03 // sequence number, 8 bytes big endian -> change
)

// A component ends with 0x00 0x01, and a 0x00 within it is written 0x00 0xff: so no component is a prefix of another,
// and the order of the encodings is the order of the bytes. The last part of a key needs neither.
const (
	escape     = 0x00
	escapedNul = 0xff
	terminator = 0x01
)

func appendEscaped(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append(dst, s[i])
		if s[i] == escape {
			dst = append(dst, escapedNul)
		}
	}
	return dst
}

func appendComponent(dst []byte, s string) []byte {
	return append(appendEscaped(dst, s), escape, terminator)
}

// cutComponent splits the first component off, still escaped.
func cutComponent(b []byte) (component, rest []byte, ok bool) {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], escape)
		if i < 0 || at+i+1 >= len(b) {
			return nil, nil, false
		}
		at += i + 2
		switch b[at-1] {
		case terminator:
			return b[:at-2], b[at:], true
		case escapedNul:
		default:
			return nil, nil, false
		}
	}
}

func unescape(component []byte) string {
	if bytes.IndexByte(component, escape) < 0 {
		return string(component)
	}
	return string(bytes.ReplaceAll(component, []byte{escape, escapedNul}, []byte{escape}))
}

func appendItemKey(dst []byte, k table.Key) []byte {
	dst = appendComponent(append(dst, spaceItem), k.PK)
	return append(dst, k.SK...)
}

// itemKeySize is the length of what appendItemKey appends.
func itemKeySize(k table.Key) int {
	return 1 + len(k.PK) + strings.Count(k.PK, "\x00") + 2 + len(k.SK)
}

func appendIndexKey(dst []byte, index, k table.Key) []byte {
	dst = appendComponent(append(dst, spaceIndex), index.PK)
	dst = appendComponent(dst, index.SK)
	dst = appendComponent(dst, k.PK)
	return append(dst, k.SK...)
}

func appendStreamKey(dst []byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, spaceStream), seq)
}

func parseItemKey(key []byte) (table.Key, error) {
	if len(key) == 0 || key[0] != spaceItem {
		return table.Key{}, fmt.Errorf("table/embedded: %q is no item's key", key)
	}
	pk, sk, ok := cutComponent(key[1:])
	if !ok {
		return table.Key{}, fmt.Errorf("table/embedded: the item key %q is malformed", key)
	}
	return table.Key{PK: unescape(pk), SK: string(sk)}, nil
}

// parseIndexRest finds the item's key in an index entry's key without the partition.
func parseIndexRest(rest []byte) (table.Key, error) {
	if _, after, ok := cutComponent(rest); ok {
		if pk, sk, ok := cutComponent(after); ok {
			return table.Key{PK: unescape(pk), SK: string(sk)}, nil
		}
	}
	return table.Key{}, fmt.Errorf("table/embedded: the index entry %q is malformed", rest)
}

func errDangling(k table.Key) error {
	return fmt.Errorf("table/embedded: the index names %s, which does not exist", k)
}

func parseStreamKey(key []byte) (uint64, error) {
	if len(key) != 9 || key[0] != spaceStream {
		return 0, fmt.Errorf("table/embedded: the stream key %q is malformed", key)
	}
	return binary.BigEndian.Uint64(key[1:]), nil
}

// successor is the first key after all keys that begin with prefix. A keyspace's byte is never 0xff, so there is one.
func successor(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	end[len(end)-1]++
	return end
}
