// Package rehearsal plays a roll-out in virtual time: the saga's real definition and handlers run over the local engine,
// two versions of them behind weighted aliases, while CodeDeploy's shift and CloudWatch's alarms go by what the
// CloudFormation template says. The command tripsaga rehearse calls it.
//
// What is real, what is modelled, and with which numbers, stands in docs/rehearsal.md.
package rehearsal
