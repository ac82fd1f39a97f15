// Package trial tries one function's new version before it takes traffic: with calls of its own, on a synthetic trip and
// an offer that is for nobody else, next to the other functions as they are in use. That is the mix of versions that a
// roll-out makes: what one version writes the others read, and a step that was begun by one is repeated by another. The
// hook that deployments call before they move traffic runs it.
//
// What a trial takes it gives back, whatever happens in between: in the saga's own order and through the versions in
// use, so that where even that fails the trip is in a state which its saga can end. The trip is dated at the end of the
// trial's time. Until then the reconciler leaves it alone; afterwards it finds a trip that is still pending, and starts
// the saga that ends it.
package trial

import "strings"

// The executions that the deliveries of a trial name begin so: there is no saga.
const (
	onTrial = "pre-traffic:"        // by the new version, called by its number
	inUse   = "pre-traffic-in-use:" // by a version in use, called by the alias
)

// Synthetic tells whether a delivery of this execution is one by the version on trial. Such deliveries are logged and not
// counted: the alarms that watch a roll-out see the calls of the alias only, and must not subtract business errors that
// are none of its errors. Deliveries by the versions in use are among these calls, and are counted as any.
func Synthetic(execution string) bool { return strings.HasPrefix(execution, onTrial) }
