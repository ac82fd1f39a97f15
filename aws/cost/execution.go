package cost

import "fmt"

// Execution is what one execution costs.
type Execution struct {
	TransitionsUSD float64
	WriteUnits     float64 // of DynamoDB, as measured for a saga that ended so
	WritesUSD      float64
	Region         string
	AsOf           string // of the prices
}

// OfExecution estimates an execution with this number of state transitions, at the list prices of the standard scenario's
// region: a booking that succeeded or failed, or a cancellation.
func OfExecution(cancellation, succeeded bool, transitions int) (Execution, error) {
	list, err := readPrices(pricesFile)
	if err != nil {
		return Execution{}, err
	}
	usage, err := Measured()
	if err != nil {
		return Execution{}, err
	}
	e := Execution{Region: Standard().Region, AsOf: list.AsOf, WriteUnits: usage.Bookings.Failed.WriteUnits}
	switch {
	case cancellation:
		e.WriteUnits = usage.Bookings.Cancelled.WriteUnits
	case succeeded:
		e.WriteUnits = usage.Bookings.Confirmed.WriteUnits
	}
	prices := list.Regions[e.Region]
	transition, ok := prices["step_functions_transition"]
	write, ok2 := prices["dynamodb_write_unit"]
	if !ok || !ok2 {
		return Execution{}, fmt.Errorf("the prices of %s are not whole", e.Region)
	}
	e.TransitionsUSD, e.WritesUSD = transition.of(float64(transitions)), write.of(e.WriteUnits)
	return e, nil
}
