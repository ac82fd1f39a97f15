package world

import (
	"context"
	"strings"

	"tripsaga/table"
	"tripsaga/verify/model"
)

// books are the two stores: the program's, and that of the bank, which is a party of its own. What the bank has written
// durably makes nothing durable of what the program has.
type books struct {
	*ledger // the program's
	bank    *ledger
}

const pkBank = "BANK#"

func (b *books) of(key table.Key) *ledger {
	if strings.HasPrefix(key.PK, pkBank) {
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

// crash takes back the newest writes of the program that nobody has waited for, and all such of the bank.
func (b *books) crash(cut int) error {
	if n := len(b.bank.writes) - b.bank.durable; n > 0 {
		if err := b.bank.undo(n); err != nil {
			return err
		}
	}
	return b.ledger.undo(cut)
}

// clear puts both stores back as they were before the run.
func (b *books) clear() error {
	if err := b.bank.undo(len(b.bank.writes)); err != nil {
		return err
	}
	return b.ledger.undo(len(b.ledger.writes))
}

func (b *books) all() model.Items {
	all := b.ledger.all()
	for key, item := range b.bank.items {
		all[key] = item
	}
	return all
}

func (b *books) state() uint64        { return b.ledger.state() + b.bank.state() }
func (b *books) bytesWritten() uint64 { return b.ledger.bytesWritten() + 31*b.bank.bytesWritten() }
func (b *books) changed() []table.Item {
	return append(b.ledger.changed(), b.bank.changed()...)
}
