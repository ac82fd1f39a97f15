package table

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strconv"
)

// A cursor is the place that a backend goes on from, after a checksum over that and the query. It is no secret and no
// capability: it only finds its way back to the query that it belongs to.

// ErrCursor is the [ErrInvalid] of a cursor that its query did not give.
var ErrCursor = fmt.Errorf("%w: query: the cursor is not one of this query", ErrInvalid)

// MakeCursor is for backends: the cursor of a page of q after which place is to go on.
func MakeCursor(q Query, place []byte) string {
	raw := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(place)), checksum(q, place))
	return base64.RawURLEncoding.EncodeToString(append(raw, place...))
}

// ParseCursor is for backends: the place in q.Cursor. Errors: [ErrCursor].
func ParseCursor(q Query) (place []byte, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor)
	if err != nil || len(raw) < 8 {
		return nil, ErrCursor
	}
	place = raw[8:]
	if binary.BigEndian.Uint64(raw) != checksum(q, place) {
		return nil, ErrCursor
	}
	return place, nil
}

func checksum(q Query, place []byte) uint64 {
	h := fnv.New64a()
	for _, field := range []string{q.PK, q.Prefix, q.From, q.To, strconv.FormatBool(q.Index), strconv.FormatBool(q.Descending)} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(field), field)
	}
	_, _ = h.Write(place)
	return h.Sum64()
}
