// Package cloudwatch is the part of Amazon CloudWatch that decides over a roll-out: series of samples that arrive late,
// statistics over periods, metric math and alarms. Package rehearsal fills it and asks it, in virtual time.
//
// Its rules are those of the user guide, https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ : the pages
// using-metric-math.html (math), alarm-evaluation.html and alarms-and-missing-data.html (alarms). Where the guide leaves
// something open, the comment at the place says "assumed".
package cloudwatch
