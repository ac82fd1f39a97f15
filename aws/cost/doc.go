// Package cost estimates what bookings cost on AWS: what one of them uses, measured by tests, times list prices. The
// command line prints it.
//
// The data are files. prices.json has the prices of each region. usage/ has what is used, one file for each test that
// measures it and fails when it is stale: bookings.json is aws/tests/capacity's, logs.json aws/tests/production's, stack.json the
// infrastructure's.
package cost
