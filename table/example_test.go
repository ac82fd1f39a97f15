package table_test

import (
	"context"
	"errors"
	"fmt"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// A transaction writes an order and takes a seat, both or neither. The floor of Add is 0, so the third order is refused,
// and the conflict says by which operation.
func Example() {
	t, err := embedded.Open("", embedded.Options{}) // in memory; a folder keeps it on disk
	if err != nil {
		panic(err)
	}
	defer t.Close()
	ctx := context.Background()

	stock := table.Key{PK: "SHOW#1", SK: "FREE"}
	err = t.Transact(ctx, table.Put(table.Item{Key: stock, Ints: map[string]int64{"seats": 2}}, table.Absent))
	fmt.Println(err)
	for n := range 3 {
		order := table.Item{Key: table.Key{PK: "ORDERS", SK: fmt.Sprint(n)}, Version: 1, Data: []byte(`{"seat":1}`)}
		err := t.Transact(ctx, table.Put(order, table.Absent), table.Add(stock, "seats", -1, 0))
		var conflict *table.Conflict
		if errors.As(err, &conflict) {
			fmt.Println("operation", conflict.Op, "on", conflict.Key)
		}
	}
	for order, err := range table.Items(ctx, t, table.Query{PK: "ORDERS"}) {
		fmt.Println(order.SK, string(order.Data), err)
	}
	// Output:
	// <nil>
	// operation 1 on SHOW#1 / FREE
	// 0 {"seat":1} <nil>
	// 1 {"seat":1} <nil>
}

// A version makes a change conditional: who read an older version must read again.
func ExampleVersion() {
	t, err := embedded.Open("", embedded.Options{})
	if err != nil {
		panic(err)
	}
	defer t.Close()
	ctx := context.Background()
	key := table.Key{PK: "ORDERS", SK: "7"}
	if err := t.Transact(ctx, table.Put(table.Item{Key: key, Version: 1, Data: []byte(`"open"`)}, table.Absent)); err != nil {
		panic(err)
	}
	read, _, _ := t.Get(ctx, key)
	for _, state := range []string{`"paid"`, `"cancelled"`} { // both read version 1
		next := table.Item{Key: key, Version: read.Version + 1, Data: []byte(state)}
		fmt.Println(state, t.Transact(ctx, table.Put(next, table.Version(read.Version))))
	}
	// Output:
	// "paid" <nil>
	// "cancelled" table: condition of operation 0 on ORDERS / 7 failed: the version is 2, not 1
}
