package load

import (
	"fmt"
	"strings"
)

// The bookings are spread over this many flights and hotels, which never sell out.
const places = 100

// declines tells whether the card of the i-th booking is declined, so that bookings end both ways.
func declines(i int) bool { return i%20 == 0 }

func inventory() string {
	var rows strings.Builder
	for i := range places {
		fmt.Fprintf(&rows, "flight,LD%d,Load Air,HND,CTS,09:00,10:35,2999-03-01,2999-03-01,12000,JPY,100000\n", 100+i)
		fmt.Fprintf(&rows, "hotel,LOAD-%d,Load Inn,Sapporo,2999-03-01,2999-03-02,8000,JPY,100000\n", i)
	}
	return rows.String()
}

func booking(i int) string {
	place, card := i%places, "tok_ok"
	if declines(i) {
		card = "tok_declined"
	}
	return fmt.Sprintf(`{"traveler":{"name":"Ada Lovelace","email":"ada@example.com"},`+
		`"flight":{"number":"LD%d","date":"2999-03-01","seats":1},`+
		`"hotel":{"id":"LOAD-%d","check_in":"2999-03-01","check_out":"2999-03-03","rooms":1},`+
		`"payment":{"card_token":"%s"},"currency":"JPY"}`, 100+place, place, card)
}
