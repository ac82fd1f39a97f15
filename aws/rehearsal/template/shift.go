package template

import (
	"time"
)

// Shift is how traffic moves to the new version: Percent of it at once and the same again after every Interval, or, of
// a canary, all the rest after the first.
type Shift struct {
	Percent  int
	Interval time.Duration
	Canary   bool
}

// At is the percentage of the traffic that the new version has after a while.
func (s Shift) At(since time.Duration) int {
	if s.Interval <= 0 {
		return 100
	}
	steps := int(since / s.Interval)
	if s.Canary && steps > 0 {
		return 100
	}
	return min(s.Percent*(steps+1), 100)
}

// Length is how long it takes until the new version has all traffic.
func (s Shift) Length() time.Duration {
	if s.Canary {
		return s.Interval
	}
	if s.Interval <= 0 {
		return 0
	}
	return time.Duration((100+s.Percent-1)/s.Percent-1) * s.Interval
}

// predefined are CodeDeploy's own configurations for Lambda.
// https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
var predefined = map[string]Shift{
	"CodeDeployDefault.LambdaAllAtOnce":                     {Percent: 100},
	"CodeDeployDefault.LambdaCanary10Percent5Minutes":       {Percent: 10, Interval: 5 * time.Minute, Canary: true},
	"CodeDeployDefault.LambdaCanary10Percent10Minutes":      {Percent: 10, Interval: 10 * time.Minute, Canary: true},
	"CodeDeployDefault.LambdaCanary10Percent15Minutes":      {Percent: 10, Interval: 15 * time.Minute, Canary: true},
	"CodeDeployDefault.LambdaCanary10Percent30Minutes":      {Percent: 10, Interval: 30 * time.Minute, Canary: true},
	"CodeDeployDefault.LambdaLinear10PercentEvery1Minute":   {Percent: 10, Interval: time.Minute},
	"CodeDeployDefault.LambdaLinear10PercentEvery2Minutes":  {Percent: 10, Interval: 2 * time.Minute},
	"CodeDeployDefault.LambdaLinear10PercentEvery3Minutes":  {Percent: 10, Interval: 3 * time.Minute},
	"CodeDeployDefault.LambdaLinear10PercentEvery10Minutes": {Percent: 10, Interval: 10 * time.Minute},
}

func (t *Template) shift(in at) (name string, s Shift, err error) {
	if name, err = in.text(); err != nil {
		return "", s, err
	}
	for _, r := range t.of("AWS::CodeDeploy::DeploymentConfig") {
		own, err := t.name(r)
		if err != nil {
			return "", s, err
		}
		if own == name {
			s, err = custom(t.properties(r).get("TrafficRoutingConfig"))
			return name, s, err
		}
	}
	s, ok := predefined[name]
	if !ok {
		return "", s, in.fail("the deployment configuration %q is neither known nor in the template", name)
	}
	return name, s, nil
}

func custom(in at) (s Shift, err error) {
	kind, err := in.get("Type").text()
	if err != nil {
		return s, err
	}
	switch kind {
	case "AllAtOnce":
		return Shift{Percent: 100}, nil
	case "TimeBasedLinear":
		return timeBased(in.get("TimeBasedLinear"), "Linear", false)
	case "TimeBasedCanary":
		return timeBased(in.get("TimeBasedCanary"), "Canary", true)
	}
	return s, in.get("Type").fail("%q is not supported", kind)
}

// CodeDeploy's bounds: the share that moves in one step, and the time from the first to the last.
// https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
const (
	maxPercent = 99
	maxLength  = 48 * time.Hour
)

func timeBased(in at, prefix string, canary bool) (s Shift, err error) {
	percentage, interval := in.get(prefix+"Percentage"), in.get(prefix+"Interval")
	s.Canary = canary
	if s.Percent, err = percentage.integer(); err != nil {
		return s, err
	}
	if s.Percent > maxPercent {
		return s, percentage.fail("it is %d, want at most %d", s.Percent, maxPercent)
	}
	minutes, err := interval.integer()
	if err != nil {
		return s, err
	}
	s.Interval = time.Duration(minutes) * time.Minute
	if s.Interval > maxLength || s.Length() > maxLength {
		return s, interval.fail("with %d minutes traffic shifts for longer than %s", minutes, maxLength)
	}
	return s, nil
}
