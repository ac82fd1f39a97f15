// Package verify explores what can go wrong with a booking: it plays every schedule of faults up to a depth against the
// real saga (package world), has each judged by an independent model (package model), and tells of every violation the
// shortest schedule that shows it. The command tripsaga verify calls it.
//
// The exploration is a search. The points of a run without faults, at each of which several faults can happen, give the
// schedules of one fault; the points that come after the fault in the run of such a schedule give those of two. A fault
// that changes what follows, as nearly all do, so meets every point of what follows, retries and compensations included.
package verify
