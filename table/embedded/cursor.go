package embedded

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strconv"

	"tripsaga/table"
)

// A cursor is the key of the page's last item without the partition, after a checksum over that and the query. It is
// no secret and no capability: it only finds its way back to the query that it belongs to.

var errCursor = fmt.Errorf("%w: query: the cursor is not one of this query", table.ErrInvalid)

func makeCursor(q table.Query, rest []byte) string {
	raw := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(rest)), checksum(q, rest))
	return base64.RawURLEncoding.EncodeToString(append(raw, rest...))
}

func parseCursor(q table.Query) (rest []byte, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor)
	if err != nil || len(raw) < 8 {
		return nil, errCursor
	}
	rest = raw[8:]
	if binary.BigEndian.Uint64(raw) != checksum(q, rest) {
		return nil, errCursor
	}
	return rest, nil
}

func checksum(q table.Query, rest []byte) uint64 {
	h := fnv.New64a()
	for _, field := range []string{q.PK, q.Prefix, q.From, q.To, strconv.FormatBool(q.Index), strconv.FormatBool(q.Descending)} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(field), field)
	}
	_, _ = h.Write(rest)
	return h.Sum64()
}
