package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// Place is an account and a region; the zero Place is wherever the CDK's command line deploys to.
type Place struct{ Account, Region string }

var placePattern = regexp.MustCompile(`^[0-9]{12}/[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$`)

const allowedPlace = "ACCOUNT/REGION, such as 123456789012/eu-west-1"

func place(field func(*Config) *Place) func(*Config, string) error {
	return func(c *Config, v string) error {
		if !placePattern.MatchString(v) {
			return errNotAllowed
		}
		p := field(c)
		p.Account, p.Region, _ = strings.Cut(v, "/")
		return nil
	}
}

// env is nil for the zero Place.
func (p Place) env() *awscdk.Environment {
	if p == (Place{}) {
		return nil
	}
	return &awscdk.Environment{Account: &p.Account, Region: &p.Region}
}

// placeOf is where a stack is deployed to.
func (c *Config) placeOf(id string) Place {
	return map[string]Place{
		stagingStack: c.Staging, pullRequestStack: c.Staging, gitHubStagingStack: c.Staging,
		productionStack: c.Production, gitHubProductionStack: c.Production, pipelineStack: c.Pipeline,
	}[id]
}

// placeConflicts: a stage names the role by which the pipeline checks it, and the pipeline the roles by which it deploys; so
// each needs to know where the other is.
func (c *Config) placeConflicts() (all []error) {
	given := map[string]Place{"staging": c.Staging, "production": c.Production, "pipeline": c.Pipeline}
	want := "staging, production and pipeline"
	if c.GitHub != "" {
		delete(given, "pipeline")
		want = "staging and production"
	}
	missing := 0
	for _, p := range given {
		if p == (Place{}) {
			missing++
		}
	}
	for key, p := range sorted(given) {
		if p == (Place{}) && missing < len(given) {
			all = append(all, fmt.Errorf("%s: missing; give %s, or none of them; allowed: %s", key, want, allowedPlace))
		}
	}
	return all
}

// in is where a stack is, as values for ARNs and names.
func (c *Config) in(id string, s awscdk.Stack) (account, region *string) {
	if p := c.placeOf(id); p != (Place{}) {
		return &p.Account, &p.Region
	}
	return s.Account(), s.Region()
}
