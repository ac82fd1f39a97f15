package diagram_test

import (
	"fmt"

	"tripsaga/asl"
	"tripsaga/asl/diagram"
)

func ExampleLayout_Text() {
	machine, err := asl.Parse([]byte(`{"StartAt": "Charge", "States": {
		"Charge": {"Type": "Task", "Resource": "charge", "Next": "Ship"},
		"Ship":   {"Type": "Task", "Resource": "ship", "End": true, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Refund"}]},
		"Refund": {"Type": "Task", "Resource": "refund", "End": true}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	drawing := diagram.Drawing{
		Marks: map[string]diagram.Mark{
			"Charge": {Status: diagram.Done},
			"Ship":   {Status: diagram.Caught, Attempts: 3},
			"Refund": {Status: diagram.Waiting, Attempts: 2, Note: "retry in 3 s"},
		},
		Taken: map[[2]string]bool{{"", "Charge"}: true, {"Charge", "Ship"}: true, {"Ship", "Refund"}: true},
	}
	fmt.Print(diagram.Lay(machine).Text(drawing, 80, false))
	// Output:
	// ●
	// ✓ Charge  done
	// ┃
	// ↩ Ship  caught ×3 ○ ━━▶ ◷ Refund  waiting ×2 · retry in 3 s ○
}
