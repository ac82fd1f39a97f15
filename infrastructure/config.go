package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
)

// Config is what the context says: cdk.json, or -c key=value. settings reads it, row by row.
type Config struct {
	Code string // code: path of the functions' archive

	Deployment   string // deployment: how CodeDeploy shifts the traffic, a name such as LINEAR_10PERCENT_EVERY_1MINUTE
	IgnoreAlarms bool   // ignoreAlarms: roll out although alarms are raised, to bring a fix
	SkipTrial    bool   // skipTrial: roll out without the hook, when what is in use cannot book and fails every trial

	JWTIssuer     string   // jwtIssuer, of production; without it callers sign with IAM
	JWTAudience   []string // jwtAudience
	CORSOrigins   []string // corsOrigins; none switches CORS off
	ThrottleRate  float64  // throttleRate: requests a second
	ThrottleBurst float64  // throttleBurst: requests at once

	LogRetentionDays int    // logRetentionDays
	AlarmEmail       string // alarmEmail: subscribed to the topic of the alarms

	Repository        string // repository: owner/name; "" makes it a parameter of the pipeline's stack
	Branch            string // branch
	ConnectionARN     string // connectionArn of CodeConnections; "" makes a connection, to be approved once
	GitHubTokenSecret string // githubTokenSecret: name of a secret in Secrets Manager, in place of a connection

	given    map[string]any
	standing []string // keys that cdk.json gives
}

// Stage is one installation of the application.
type Stage struct {
	Config
	Name string // staging or production
}

// Given is what the command line said, in its own words: a build in the pipeline, which has none of the user's, takes it
// from contextVariable. What it must not go on saying is left out: the archive, since every build makes its own; the
// switches that bring one fix through; and what cdk.json says, which the build reads, and which else would stay when it
// is taken out there.
func (c Config) Given() map[string]any {
	given := maps.Clone(c.given)
	for _, key := range append([]string{codeKey, ignoreAlarmsKey, skipTrialKey}, c.standing...) {
		delete(given, key)
	}
	return given
}

// contextVariable holds, as a JSON object, the values of the keys that the context does not give.
const contextVariable = "TRIPSAGA_CONTEXT"

// configError is every problem of the context, each with the key, its value and what is allowed.
type configError struct{ problems []string }

func (e *configError) Error() string {
	return "the context is not valid:\n  " + strings.Join(e.problems, "\n  ")
}

func (e *configError) add(err error) {
	if err != nil {
		e.problems = append(e.problems, err.Error())
	}
}

// readConfig reads the context of the app. Errors: *configError; those of cdk.json.
func readConfig(app constructs.Construct) (Config, error) {
	context, _ := app.Node().GetAllContext(nil).(map[string]any)
	c, err := configOf(context, os.Getenv(contextVariable))
	if err != nil {
		return c, err
	}
	c.standing, err = standingKeys()
	return c, err
}

// standingKeys are those that the repository's cdk.json gives, which tests do without.
func standingKeys() ([]string, error) {
	data, err := os.ReadFile("cdk.json")
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("cdk.json: %w", err)
	}
	return slices.Sorted(maps.Keys(file.Context)), nil
}

func configOf(context map[string]any, inherited string) (Config, error) {
	var e configError
	given, err := inherit(context, inherited)
	e.add(err)
	c := Config{given: given}
	for key, value := range sorted(given) {
		if !isSetting(key) {
			e.add(fmt.Errorf("%s=%v: there is no such key; allowed: %s", key, value, strings.Join(keys(), ", ")))
		}
	}
	for _, s := range settings() {
		e.add(s.read(&c, given[s.key]))
	}
	for _, err := range c.conflicts() {
		e.add(err)
	}
	if e.problems != nil {
		return c, &e
	}
	return c, nil
}

// ours is the form of this app's keys; those of the CDK have other characters, too.
var ours = regexp.MustCompile(`^[A-Za-z]+$`)

// inherit is this app's part of the context, over the object that the build inherits.
func inherit(context map[string]any, inherited string) (map[string]any, error) {
	var outer map[string]any
	var err error
	if inherited != "" {
		if err = json.Unmarshal([]byte(inherited), &outer); err != nil {
			err = fmt.Errorf("%s=%.200s: %w; allowed: a JSON object of the context's keys", contextVariable, inherited, err)
		}
	}
	given := map[string]any{}
	maps.Copy(given, outer)
	for key, value := range context {
		if ours.MatchString(key) {
			given[key] = value
		}
	}
	maps.DeleteFunc(given, func(_ string, value any) bool { return value == nil || value == "" })
	return given, err
}

// conflicts are the values that do not go together.
func (c *Config) conflicts() (all []error) {
	if c.JWTIssuer != "" && c.JWTAudience == nil {
		all = append(all, fmt.Errorf("jwtIssuer=%s: needs jwtAudience, or tokens for other applications would be taken", c.JWTIssuer))
	}
	if c.JWTIssuer == "" && c.JWTAudience != nil {
		all = append(all, fmt.Errorf("jwtAudience=%s: needs jwtIssuer", strings.Join(c.JWTAudience, ",")))
	}
	if c.ConnectionARN != "" && c.GitHubTokenSecret != "" {
		all = append(all, fmt.Errorf("githubTokenSecret=%s: takes the place of connectionArn=%s; give one of them",
			c.GitHubTokenSecret, c.ConnectionARN))
	}
	return all
}

func isSetting(key string) bool { return slices.Contains(keys(), key) }

func keys() (all []string) {
	for _, s := range settings() {
		all = append(all, s.key)
	}
	return all
}
