package lambda

import (
	"maps"
	"slices"

	"tripsaga/aws/functions"
	"tripsaga/trip/app"
	"tripsaga/trip/handlers"
)

// dispatch is the table of the functions: what makes each of them, by the name that _HANDLER gives.
func dispatch() map[string]func(*system) handler {
	table := map[string]func(*system) handler{
		functions.API:               newAPI,
		functions.ExecutionListener: newListener,
		functions.Reconciler:        newReconciler,
		functions.OutboxRelay:       newRelay,
		functions.PreTraffic:        newPreTraffic,
	}
	for name := range handlers.New(&app.Service{}) {
		table[name] = func(s *system) handler { return newTask(s, name) }
	}
	return table
}

func known() []string { return slices.Sorted(maps.Keys(dispatch())) }
