package world

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"tripsaga/table"
	"tripsaga/verify/judge"
)

// ledger wraps the table and keeps a copy of its items, for three purposes: to judge every write, to know what a crash can
// lose, and to restore the table after a run.
//
// The commit order is the order of writes, and durable is a position in it: the number of writes that are known to be on disk
// because a caller has waited. A call without [table.Deferred] waits for itself and so for everything before it, since the
// store has one log. A read waits as well: what it returns was durable when it returned. So a crash loses the newest writes
// from some position between durable and the end, never one from the middle, and one number in a schedule (crash-2) says how
// many. A write whose reply a fault loses does not advance the position: its caller has not waited, whatever the store did.
//
// A crash needs no second store: the ledger reverts the newest writes, latest first, by their before-images.
type ledger struct {
	inner   table.Table
	subject *Subject
	atOnce  bool        // every write is durable when it returns
	base    judge.Items // before the run; shared, never changed
	items   judge.Items // now, where it differs from base or did
	gone    map[table.Key]bool
	writes  []write
	durable int  // how many of the writes have been waited for
	unheard bool // the reply of the next write is lost, so that no caller waits for it
	reading bool // a read by the world itself, which waits for nothing
	commit  func(ops []table.Op, before, after func(table.Key) (table.Item, bool))
}

var _ table.Table = (*ledger)(nil)

// write is one applied transaction, with the items as they were before.
type write struct {
	ops    []table.Op
	before []before
}

type before struct {
	key  table.Key
	item table.Item
	ok   bool
}

func (l *ledger) get(key table.Key) (table.Item, bool) {
	if item, ok := l.items[key]; ok {
		return item, true
	}
	if l.gone[key] {
		return table.Item{}, false
	}
	item, ok := l.base[key]
	return item, ok
}

func (l *ledger) set(key table.Key, item table.Item, ok bool) {
	if !ok {
		delete(l.items, key)
		l.gone[key] = true
		return
	}
	delete(l.gone, key)
	l.items[key] = item
}

// Get waits for everything before it, unless it is deferred.
func (l *ledger) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	item, ok, err := l.inner.Get(ctx, key)
	l.wait(ctx, err)
	return item, ok, err
}

// Query waits as Get does.
func (l *ledger) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := l.inner.Query(ctx, q)
	l.wait(ctx, err)
	return page, err
}

// Sync waits for everything.
func (l *ledger) Sync(ctx context.Context) error {
	err := table.Sync(ctx, l.inner)
	if err == nil {
		l.durable = len(l.writes)
	}
	return err
}

func (l *ledger) wait(ctx context.Context, err error) {
	if err == nil && !l.reading && (l.atOnce || !table.IsDeferred(ctx)) {
		l.durable = len(l.writes)
	}
}

// lasting returns the item as the worst crash at this moment would leave it: without the writes that no caller has waited for.
// If there are several such writes of the item, the before-image of the oldest one counts.
func (l *ledger) lasting(key table.Key) (table.Item, bool) {
	for i := l.durable; i < len(l.writes); i++ {
		for _, b := range l.writes[i].before {
			if b.key == key {
				return b.item, b.ok
			}
		}
	}
	return l.get(key)
}

// Transact records the transaction if the table accepts it. The judge sees every committed transaction, in commit order.
func (l *ledger) Transact(ctx context.Context, ops ...table.Op) error {
	if err := l.inner.Transact(ctx, ops...); err != nil {
		l.unheard = false
		return err
	}
	w := write{ops: ops, before: make([]before, len(ops))}
	for i := range ops {
		item, ok := l.get(ops[i].Key)
		w.before[i] = before{ops[i].Key, item, ok}
		l.apply(&ops[i], item, ok)
	}
	l.writes = append(l.writes, w)
	if l.atOnce || !l.unheard {
		l.wait(ctx, nil)
	}
	l.unheard = false
	l.commit(ops, w.was, l.get)
	return nil
}

func (w *write) was(key table.Key) (table.Item, bool) {
	for i := range w.before {
		if w.before[i].key == key {
			return w.before[i].item, w.before[i].ok
		}
	}
	return table.Item{}, false
}

func (l *ledger) apply(op *table.Op, item table.Item, ok bool) {
	switch op.Kind {
	case table.OpPut:
		l.set(op.Key, op.Item, true)
	case table.OpDelete:
		l.set(op.Key, table.Item{}, false)
	case table.OpAdd:
		item.Ints = maps.Clone(item.Ints)
		item.Ints[op.Attr] += op.Delta
		l.set(op.Key, item, ok)
	}
}

// undo reverts the newest n writes: those that a crash loses, or all of them after a run.
func (l *ledger) undo(n int) error {
	cut := l.writes[len(l.writes)-n:]
	l.writes = l.writes[:len(l.writes)-n] // its capacity is kept
	l.durable = min(l.durable, len(l.writes))
	if n == 0 {
		return nil
	}
	touched := make(map[table.Key]bool, 2*n)
	for i := len(cut) - 1; i >= 0; i-- {
		for _, b := range cut[i].before {
			l.set(b.key, b.item, b.ok)
			touched[b.key] = true
		}
	}
	return l.restore(touched)
}

// restore makes the table agree with the ledger about the keys. The writes of a run are at most some kilobytes, and restore
// does not wait until they are durable.
func (l *ledger) restore(keys map[table.Key]bool) error {
	ops := make([]table.Op, 0, min(len(keys), table.MaxOps))
	flush := func() error {
		if len(ops) == 0 {
			return nil
		}
		err := l.inner.Transact(table.Deferred(context.Background()), ops...)
		ops = ops[:0]
		return err
	}
	for key := range keys {
		if item, ok := l.get(key); ok {
			ops = append(ops, table.Put(item, table.None))
		} else {
			ops = append(ops, table.Delete(key, table.None))
		}
		if len(ops) == table.MaxOps {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// each yields everything in the table.
func (l *ledger) each(yield func(table.Key, table.Item) bool) {
	for key, item := range l.base {
		if _, changed := l.items[key]; !changed && !l.gone[key] && !yield(key, item) {
			return
		}
	}
	for key, item := range l.items {
		if !yield(key, item) {
			return
		}
	}
}

// changed returns the items that the run has changed, sorted by key, without the journal's.
func (l *ledger) changed() []table.Item {
	var all []table.Item
	for key, item := range l.items {
		if old, ok := l.base[key]; !strings.HasPrefix(key.SK, skJournal) && !(ok && sameItem(old, item)) {
			all = append(all, item)
		}
	}
	slices.SortFunc(all, func(a, b table.Item) int {
		return cmp.Or(strings.Compare(a.PK, b.PK), strings.Compare(a.SK, b.SK))
	})
	return all
}

// books are two stores: the program's, and that of all external systems, such as a bank. The commit orders are independent: a
// durable external write makes none of the program's writes durable.
type books struct {
	*ledger // the program's
	bank    *ledger
	outside string // prefix of the other store's partitions; "" if there is no other store
}

func (b *books) of(key table.Key) *ledger {
	if b.outside != "" && strings.HasPrefix(key.PK, b.outside) {
		return b.bank
	}
	return b.ledger
}

var _ table.Table = (*books)(nil)

// Get reads the store to which the key belongs.
func (b *books) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	return b.of(key).Get(ctx, key)
}

// Query reads the store to which the partition belongs.
func (b *books) Query(ctx context.Context, q table.Query) (table.Page, error) {
	return b.of(table.Key{PK: q.PK}).Query(ctx, q)
}

// Transact writes to one of the stores.
func (b *books) Transact(ctx context.Context, ops ...table.Op) error {
	if len(ops) == 0 {
		return b.ledger.Transact(ctx)
	}
	return b.of(ops[0].Key).Transact(ctx, ops...)
}

func (b *books) get(key table.Key) (table.Item, bool)     { return b.of(key).get(key) }
func (b *books) lasting(key table.Key) (table.Item, bool) { return b.of(key).lasting(key) }

// crash reverts the newest cut writes of the program, and all external writes that no caller has waited for.
func (b *books) crash(cut int) error {
	if n := len(b.bank.writes) - b.bank.durable; n > 0 {
		if err := b.bank.undo(n); err != nil {
			return err
		}
	}
	return b.ledger.undo(cut)
}

// clear restores both stores as they were before the run.
func (b *books) clear() error {
	if t, ok := b.inner.(rewinder); ok {
		t.Rewind()
	} else if err := errors.Join(b.bank.undo(len(b.bank.writes)), b.ledger.undo(len(b.ledger.writes))); err != nil {
		return err
	}
	b.bank.forget()
	b.ledger.forget()
	return nil
}

// forget resets the ledger to its initial state.
func (l *ledger) forget() {
	clear(l.items)
	clear(l.gone)
	l.writes = l.writes[:0] // its room is kept
	l.durable, l.unheard, l.reading = 0, false, false
}

func (b *books) each(yield func(table.Key, table.Item) bool) {
	more := true
	b.ledger.each(func(key table.Key, item table.Item) bool {
		more = yield(key, item)
		return more
	})
	for key, item := range b.bank.items {
		if more = more && yield(key, item); !more {
			return
		}
	}
}

func (b *books) state() uint64        { return b.ledger.state() + b.bank.state() }
func (b *books) bytesWritten() uint64 { return b.ledger.bytesWritten() + 31*b.bank.bytesWritten() }
func (b *books) changed() []table.Item {
	return append(b.ledger.changed(), b.bank.changed()...)
}

var digestSeed = maphash.MakeSeed()

// state returns a hash of what the tasks and the external systems have written, without times. The engines' executions are left
// out: the operations that follow show what an engine will do.
func (l *ledger) state() uint64 {
	var sum uint64
	for key, item := range l.items {
		if strings.HasPrefix(key.PK, pkExecution) || l.subject.Aside != nil && l.subject.Aside(key) {
			continue
		}
		if old, ok := l.base[key]; !ok || !sameItem(old, item) {
			sum += itemHash(key, &item, l.subject.Age)
		}
	}
	for key := range l.gone {
		sum += maphash.String(digestSeed, key.PK+"\x00gone\x00"+key.SK)
	}
	return sum
}

func itemHash(key table.Key, item *table.Item, age string) uint64 {
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
	writeTimeless(&h, item.Data, age)
	return h.Sum64()
}

// writeTimeless hashes JSON without the times in it, and without what follows age, see Subject.Age.
func writeTimeless(h *maphash.Hash, data []byte, age string) {
	if age != "" {
		if before, rest, ok := bytes.Cut(data, []byte(age)); ok {
			writeTimeless(h, before, "")
			_, data, _ = bytes.Cut(rest, []byte(","))
		}
	}
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

// bytesWritten returns a hash of every byte of every write, in order.
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
