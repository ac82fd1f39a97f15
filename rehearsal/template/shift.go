package template

import (
	"regexp"
	"strconv"
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

// predefined are CodeDeploy's own configurations for Lambda, such as CodeDeployDefault.LambdaLinear10PercentEvery1Minute.
// https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
var predefined = regexp.MustCompile(`^CodeDeployDefault\.Lambda(?:(AllAtOnce)|(Linear|Canary)(\d+)Percent(?:Every)?(\d+)Minutes?)$`)

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
	m := predefined.FindStringSubmatch(name)
	if m == nil {
		return "", s, in.fail("the deployment configuration %q is neither known nor in the template", name)
	}
	if m[1] != "" {
		return name, Shift{Percent: 100}, nil
	}
	return name, Shift{Percent: atoi(m[3]), Interval: time.Duration(atoi(m[4])) * time.Minute, Canary: m[2] == "Canary"}, nil
}

func atoi(digits string) int {
	n, _ := strconv.Atoi(digits) // the pattern has let only digits through
	return n
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
		return timeBased(in.get("TimeBasedLinear"), "Linear")
	case "TimeBasedCanary":
		s, err = timeBased(in.get("TimeBasedCanary"), "Canary")
		s.Canary = true
		return s, err
	}
	return s, in.get("Type").fail("%q is not supported", kind)
}

func timeBased(in at, prefix string) (s Shift, err error) {
	if s.Percent, err = in.get(prefix + "Percentage").integer(); err != nil {
		return s, err
	}
	if s.Percent > 100 {
		return s, in.get(prefix+"Percentage").fail("it is %d, want at most 100", s.Percent)
	}
	minutes, err := in.get(prefix + "Interval").integer()
	s.Interval = time.Duration(minutes) * time.Minute
	return s, err
}
