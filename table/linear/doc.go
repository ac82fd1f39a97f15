// Package linear checks that a table is linearizable: that however many clients call it at once, and whatever becomes
// of the replies, there is one order of all calls in which each has its effect at one moment between its invocation and
// its response, and gives the answer that the contract of package table asks for. A backend's test is one call of
// [Check].
//
// # What is run
//
// A check is many short histories of a few clients on four keys in two partitions: Get, Query with bounds, in both
// directions and by pages, and Transact of up to four operations with every kind of operation and condition, durable
// and deferred. Queries of the index are left out, as they may lag.
//
// Calls meet faults. Some are refused as busy, which must leave no trace. Some are refused, or answered but the reply
// is lost, or happen after the caller was told of a fault, and some callers' contexts end in the middle: such a
// transaction may take effect at any later moment or never, so that its response is open until the history ends.
//
// # What is checked
//
// Every answer of every call, against a model of the port that knows nothing of the backends: what is read, which
// items a page has and whether another follows, and which operation of a transaction is the first that conflicts.
// Package porcupine looks for the order.
package linear
