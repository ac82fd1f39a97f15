// Package dynamo is the table on DynamoDB.
//
// # Reading
//
// Get and Query read consistently; a Query on the index cannot, and lags behind. A Query of one page asks for one item
// more than the page has, because DynamoDB gives a place to go on from even where nothing follows.
//
// # Writing
//
// Several operations are one TransactWriteItems. It carries a token, which makes DynamoDB apply it once however often
// it arrives, so it is sent again after a lost reply. A single operation is a PutItem, UpdateItem or DeleteItem, which
// costs half as much and has no token: it is not sent again after a lost reply, because the first may have been applied,
// and the second would then find its own condition broken, or add twice, or, without a condition, take back what others
// wrote in between. The caller is told that the outcome is unknown. What was refused before it was looked at (a throttle,
// a collision of transactions, a connection that could not be made) is sent again in both cases.
//
// After a lost reply a conflict of the repeated transaction settles nothing: the first may still be on its way, and apply
// when its conditions have come to hold. The caller is told that the outcome is unknown then, too. A success is one for
// both, by their token.
//
// # Conflicts
//
// DynamoDB gives one reason for each operation of a cancelled transaction. The first that is one decides: a failed
// condition is a [*table.Conflict], a collision with another transaction is tried again. A failed condition counts
// although a later operation collided, for it was evaluated on committed data; behind a collision it does not, for then
// nobody knows whether it is the first that failed.
package dynamo
