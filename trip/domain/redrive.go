package domain

import "tripsaga/shared/fault"

// CheckRedrive refuses to resume the saga of a trip that has failed: all that was done is compensated already, and the
// saga could only record the failure again. Errors: NotRedrivable of kind Conflict.
func (t *Trip) CheckRedrive() error {
	if t.status != Failed {
		return nil
	}
	return fault.New(fault.Conflict, "NotRedrivable",
		"trip %s has FAILED (%s) and everything is compensated, nothing is left to resume; book a new trip", t.id, t.reason.Name)
}
