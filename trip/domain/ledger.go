package domain

import "tripsaga/shared/money"

// Entry is one entry of the bank's ledger: money moves from account to account, so that an entry's debits equal its
// credits.
type Entry struct {
	ID       string         `json:"id"`
	Kind     EntryKind      `json:"kind"`
	Currency money.Currency `json:"currency"`
	Postings []Posting      `json:"postings"`
}

// EntryKind tells what moved.
type EntryKind string

// The kinds of entry.
const (
	Charge EntryKind = "CHARGE"
	Refund EntryKind = "REFUND"
)

// Posting is one side of an entry, in minor units; either Debit or Credit is 0.
type Posting struct {
	Account string `json:"account"`
	Debit   int64  `json:"debit,omitempty"`
	Credit  int64  `json:"credit,omitempty"`
}

// Totals are an entry's sums.
func (e Entry) Totals() (debit, credit int64) {
	for _, p := range e.Postings {
		debit += p.Debit
		credit += p.Credit
	}
	return debit, credit
}
