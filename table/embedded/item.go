package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
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

// A component ends with 0x00 0x01, and a 0x00 within it is written as 0x00 0xff. So no component is a prefix of another, and
// the encodings sort like the bytes that they encode. The last part of a key needs neither.
const (
	escape     = 0x00
	escapedNul = 0xff
	terminator = 0x01
)

var endOfItems = []byte{spaceItem + 1}

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

// cutComponent splits off the first component, still escaped.
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

// itemKeySize returns the number of bytes that appendItemKey appends.
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

// endOfKind returns the first key after those of the same kind as key, for which a file of keys ends: items whose partition
// keys agree up to their first '#' (TRIP#), entries of the index whose partition keys agree up to their third
// (TRIPS#CONFIRMED#<day>#), a keyspace without partitions. It must not distinguish more: each flush writes a
// separate file for each kind.
func endOfKind(key []byte) []byte {
	end, parts := 1, 0
	switch key[0] {
	case spaceItem:
		parts = 1
	case spaceIndex:
		parts = 3
	}
	for ; parts > 0 && end < len(key) && key[end] != escape; end++ {
		if key[end] == '#' {
			parts--
		}
	}
	return successor(key[:end])
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

// successor returns the first key after all keys that begin with prefix. A keyspace's byte is never 0xff, so such a key exists.
func successor(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	end[len(end)-1]++
	return end
}

// A stored item is
//
//	format byte, Version, Expires (zigzag varints), Index.PK, Index.SK (length and bytes),
//	the number of Ints, each: name (length and bytes), value (8 bytes big endian), then Data to the end.
//
// Index.PK, Index.SK and Data are packed, see [appendPacked], or not, as the format byte says. Versions of this program before
// there was packing wrote plain items. Ints have a fixed width and are not packed, so that Add changes one in place. Data is
// never read.
const (
	plainItem  = 1
	packedItem = 2
)

var errTruncated = errors.New("truncated")

// itemSize returns an upper bound of the number of bytes that appendItem appends.
func itemSize(it *table.Item) int {
	size := 1 + 5*binary.MaxVarintLen64 + len(it.Index.PK) + len(it.Index.SK) + len(it.Data)
	for name := range it.Ints {
		size += binary.MaxVarintLen32 + len(name) + 8
	}
	return size
}

func appendItem(dst []byte, it *table.Item) []byte {
	own := ownID(it.PK)
	var buf, plain [192]byte
	index, ok1 := appendPacked(buf[:0], append(plain[:0], it.Index.PK...), own)
	pk := len(index)
	index, ok2 := appendPacked(index, append(plain[:0], it.Index.SK...), own)
	start := len(dst)
	dst = appendHead(dst, packedItem, it, index[:pk], index[pk:])
	dst, ok3 := appendPacked(dst, it.Data, own)
	if ok1 && ok2 && ok3 {
		return dst
	}
	dst = appendHead(dst[:start], plainItem, it, []byte(it.Index.PK), []byte(it.Index.SK))
	return append(dst, it.Data...)
}

func appendHead(dst []byte, format byte, it *table.Item, indexPK, indexSK []byte) []byte {
	dst = append(dst, format)
	dst = binary.AppendVarint(dst, it.Version)
	dst = binary.AppendVarint(dst, it.Expires)
	dst = append(binary.AppendUvarint(dst, uint64(len(indexPK))), indexPK...)
	dst = append(binary.AppendUvarint(dst, uint64(len(indexSK))), indexSK...)
	return appendInts(dst, it.Ints)
}

// appendInts writes the attributes sorted by name, so that equal items are equal bytes.
func appendInts(dst []byte, ints map[string]int64) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(ints)))
	if len(ints) == 0 {
		return dst
	}
	for _, name := range slices.Sorted(maps.Keys(ints)) {
		dst = appendString(dst, name)
		dst = binary.BigEndian.AppendUint64(dst, uint64(ints[name]))
	}
	return dst
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// header is the part before Data. Its slices point into the stored bytes.
type header struct {
	packed           bool // the index and the data
	version, expires int64
	indexPK, indexSK []byte
	nInts            int
	ints             []byte // the encoded attributes
	data             []byte
}

// index returns the index key of the item, whose partition key is pk. If that is the same as like, it returns like, which costs
// no allocation.
func (h *header) index(pk string, like table.Key) (index table.Key, err error) {
	if len(h.indexPK) == 0 {
		return index, nil
	}
	var buf [256]byte
	text, end := append(buf[:0], h.indexPK...), len(h.indexPK)
	if h.packed {
		own := ownID(pk)
		if text, err = appendUnpacked(buf[:0], h.indexPK, own); err != nil {
			return index, err
		}
		end = len(text)
		text, err = appendUnpacked(text, h.indexSK, own)
	} else {
		text = append(text, h.indexSK...)
	}
	if string(text[:end]) == like.PK && string(text[end:]) == like.SK {
		return like, err
	}
	both := string(text)
	return table.Key{PK: both[:end], SK: both[end:]}, err
}

// unpack returns a copy of the item's data, nil if it has none.
func (h *header) unpack(pk string) ([]byte, error) {
	switch {
	case len(h.data) == 0:
		return nil, nil
	case !h.packed:
		return bytes.Clone(h.data), nil
	}
	room := len(h.data) + min(3*len(h.data), 2<<10) // a small item unpacks to up to four times its length
	return appendUnpacked(make([]byte, 0, room), h.data, ownID(pk))
}

func parseHeader(val []byte) (h header, err error) {
	if len(val) == 0 || val[0] != plainItem && val[0] != packedItem {
		return h, fmt.Errorf("table/embedded: an item of unknown format: % x", val[:min(len(val), 8)])
	}
	h.packed = val[0] == packedItem
	r := reader{buf: val[1:]}
	h.version, h.expires = r.varint(), r.varint()
	h.indexPK, h.indexSK = r.bytes(), r.bytes()
	n := r.uvarint()
	h.ints = r.buf
	for ; n > 0 && r.err == nil; n-- {
		r.bytes()
		r.fixed()
		h.nInts++
	}
	h.ints = h.ints[:len(h.ints)-len(r.buf)]
	h.data = r.buf
	if r.err != nil {
		return h, malformed(r.err)
	}
	return h, nil
}

func malformed(err error) error {
	return fmt.Errorf("table/embedded: a stored item is malformed: %w", err)
}

// decodeItem returns the item in val, which it does not keep.
func decodeItem(key table.Key, val []byte) (table.Item, error) {
	h, err := parseHeader(val)
	if err != nil {
		return table.Item{}, err
	}
	it := table.Item{Key: key, Version: h.version, Expires: h.expires}
	if it.Index, err = h.index(key.PK, table.Key{}); err == nil {
		it.Data, err = h.unpack(key.PK)
	}
	if err != nil {
		return table.Item{}, malformed(err)
	}
	if h.nInts > 0 {
		it.Ints = make(map[string]int64, h.nInts)
	}
	for r := (reader{buf: h.ints}); len(r.buf) > 0; {
		name := string(r.bytes())
		it.Ints[name] = r.fixed()
	}
	return it, nil
}

// intAt finds the attribute's 8 bytes within h.ints.
func (h *header) intAt(attr string) (at int, ok bool) {
	for r := (reader{buf: h.ints}); len(r.buf) > 0; r.fixed() {
		if string(r.bytes()) == attr {
			return len(h.ints) - len(r.buf), true
		}
	}
	return 0, false
}

// reader reads fields from the front of buf. After the first error it returns zero values.
type reader struct {
	buf []byte
	err error
}

func (r *reader) fail() {
	r.buf, r.err = nil, errTruncated
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.buf)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.buf)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.buf)) {
		r.fail()
		return nil
	}
	b := r.buf[:n:n]
	r.buf = r.buf[n:]
	return b
}

func (r *reader) fixed() int64 {
	if len(r.buf) < 8 {
		r.fail()
		return 0
	}
	v := int64(binary.BigEndian.Uint64(r.buf))
	r.buf = r.buf[8:]
	return v
}
