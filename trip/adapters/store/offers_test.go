package store

import (
	"fmt"
	"testing"

	"tripsaga/table"
	"tripsaga/table/memory"
)

// TestAnOfferIsNeverOld changes an offer that has been decoded, and reads more offers than are kept.
func TestAnOfferIsNeverOld(t *testing.T) {
	tbl := memory.New()
	var o offers
	key := table.Key{PK: "FLIGHT#JL5#2027-03-10", SK: skInventory}
	read := func(key table.Key, want int64) {
		t.Helper()
		offer, ok, err := o.get(t.Context(), tbl, key)
		if err != nil || ok != (want > 0) || offer.Price.Minor != want {
			t.Errorf("%s: %+v, %v, %v, want the price %d", key, offer, ok, err, want)
		}
	}
	write := func(key table.Key, price int64) {
		t.Helper()
		data := fmt.Appendf(nil, `{"price":{"minor":%d,"currency":"JPY"}}`, price)
		if err := tbl.Transact(t.Context(), table.Put(table.Item{Key: key, Data: data}, table.None)); err != nil {
			t.Fatal(err)
		}
	}
	read(key, 0)
	for _, price := range []int64{12000, 12000, 9000} {
		write(key, price)
		read(key, price)
		read(key, price)
	}
	for i := range int64(maxDecoded) {
		other := table.Key{PK: fmt.Sprint("FLIGHT#", i), SK: skInventory}
		write(other, i+1)
		read(other, i+1)
	}
	read(key, 9000)
	if len(o.decoded) > maxDecoded {
		t.Errorf("%d offers are kept", len(o.decoded))
	}
	if err := tbl.Transact(t.Context(), table.Delete(key, table.None)); err != nil {
		t.Fatal(err)
	}
	read(key, 0)
}
