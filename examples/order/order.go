package main

import (
	"tripsaga/shared/fault"
	"tripsaga/table"
)

// Order is a customer's order, the input of the saga.
type Order struct {
	ID      string `json:"id"`
	Item    string `json:"item"`
	Pieces  int64  `json:"pieces"`
	Cents   int64  `json:"cents"`
	Card    string `json:"card"`
	Country string `json:"country"`
}

// The refusals of business rules, with the names that the state machine catches.
var (
	errOutOfStock   = fault.New(fault.Refused, "OutOfStock", "there are not enough pieces")
	errNoCourier    = fault.New(fault.Refused, "NoCourier", "the courier does not deliver there")
	errCardDeclined = fault.New(fault.Refused, "CardDeclined", "the bank declined the card")
)

// The sort keys of an order's records, one for each step.
const (
	recStock    = "STOCK"
	recCourier  = "COURIER"
	recPayment  = "PAYMENT"
	recDispatch = "DISPATCH"
	recToken    = "TOKEN#"
)

func orderKey(id, record string) table.Key { return table.Key{PK: "ORDER#" + id, SK: record} }

// An item on the shelf is a counter, so that many orders can take from it concurrently.
const pieces = "pieces"

func shelf(item string) table.Key { return table.Key{PK: "SHELF#" + item, SK: "SHELF"} }

func parcel(id string) table.Key { return table.Key{PK: "PARCELS", SK: id} }

// stocked returns the operation that puts n pieces on the shelf.
func stocked(item string, n int64) table.Op {
	return table.Put(table.Item{Key: shelf(item), Ints: map[string]int64{pieces: n}}, table.None)
}
