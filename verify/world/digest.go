package world

import (
	"bytes"
	"hash/maphash"
	"strings"

	"tripsaga/table"
)

var digestSeed = maphash.MakeSeed()

// state is a hash of what the domain and the bank have written, whatever the time at which they did. The engine's own
// items are left out: what it will do shows in the operations that follow.
func (l *ledger) state() uint64 {
	var sum uint64
	for key, item := range l.items {
		if strings.HasPrefix(key.PK, pkExecution) {
			continue
		}
		if old, ok := l.base[key]; !ok || !sameItem(old, item) {
			sum += itemHash(key, &item)
		}
	}
	for key := range l.gone {
		sum += maphash.String(digestSeed, key.PK+"\x00gone\x00"+key.SK)
	}
	return sum
}

func itemHash(key table.Key, item *table.Item) uint64 {
	var h maphash.Hash
	h.SetSeed(digestSeed)
	h.WriteString(key.PK)
	h.WriteByte(0)
	h.WriteString(key.SK)
	maphash.WriteComparable(&h, item.Version)
	for name, n := range item.Ints { // one at most
		h.WriteString(name)
		maphash.WriteComparable(&h, n)
	}
	writeTimeless(&h, item.Data)
	return h.Sum64()
}

// writeTimeless writes JSON without the times in it.
func writeTimeless(h *maphash.Hash, data []byte) {
	for {
		i := bytes.Index(data, []byte(`"20`))
		if i < 0 {
			h.Write(data)
			return
		}
		h.Write(data[:i+1])
		data = data[i+1:]
		if end := bytes.IndexByte(data, '"'); end > 10 && data[10] == 'T' {
			data = data[end:]
		}
	}
}

// bytesWritten is a hash of every byte of every write, in order.
func (l *ledger) bytesWritten() uint64 {
	var h maphash.Hash
	h.SetSeed(digestSeed)
	for i := range l.writes {
		for j := range l.writes[i].ops {
			op := &l.writes[i].ops[j]
			h.WriteString(op.Key.PK)
			h.WriteByte(0)
			h.WriteString(op.Key.SK)
			maphash.WriteComparable(&h, op.Kind)
			maphash.WriteComparable(&h, op.Cond)
			maphash.WriteComparable(&h, op.Delta)
			maphash.WriteComparable(&h, op.Item.Version)
			h.Write(op.Item.Data)
		}
	}
	return h.Sum64()
}
