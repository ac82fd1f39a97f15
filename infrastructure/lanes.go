package main

import (
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// addLanes makes the aliases take turns: each waits for the one as many places before it as there are lanes. Together, the
// trials of all aliases would need more concurrent calls than the 10 of a new account, and CloudFormation and CodeDeploy
// more than the 15 calls a second that Lambda's control plane takes.
func (a *Application) addLanes() {
	var lanes []awscdk.CfnResource
	for i, f := range a.deployed() {
		alias := f.Live.Node().DefaultChild().(awscdk.CfnResource)
		if i < a.Stage.Lanes {
			lanes = append(lanes, alias)
			continue
		}
		alias.AddDependency(lanes[i%a.Stage.Lanes])
		lanes[i%a.Stage.Lanes] = alias
	}
}

// shiftMinutes is how long a deployment configuration, by the CDK's name, takes to shift an alias: the minutes in the name,
// of a linear one nine times.
func shiftMinutes(deployment string) int {
	last := deployment[strings.LastIndex(deployment, "_")+1:]
	minutes, _ := strconv.Atoi(strings.TrimRight(last, "MINUTES")) // 0 of ALL_AT_ONCE
	if strings.HasPrefix(deployment, "LINEAR") {
		minutes *= 9
	}
	return minutes
}

// deployMinutes is how long the deployment of a stage may take: the turns of its longest lane, each with five minutes for the
// trial, and as long again for the way back; and an hour for all else.
func (c *Config) deployMinutes(aliases int) int {
	turns := (aliases + c.Lanes - 1) / c.Lanes
	return 2*turns*(shiftMinutes(c.Deployment)+5) + 60
}
