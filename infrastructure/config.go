package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/mail"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"

	"tripsaga/aws/functions"
)

// Config are the values of the CDK context: of cdk.json and of -c key=value. settings lists the keys.
type Config struct {
	Code   string // code: path of the functions' archive
	Prefix string // prefix: what the names of all resources begin with; another one is another installation

	PullRequest int // pullRequest: the number of one; then its stage is the only stack

	Staging    Place // staging: where it is deployed, and the stages of pull requests
	Production Place // production
	Pipeline   Place // pipeline

	StagingTable    string // stagingTable: ARN of the stream of a table to adopt; "" makes a table
	ProductionTable string // productionTable

	Deployment   string // deployment: how CodeDeploy shifts the traffic, a name such as LINEAR_10PERCENT_EVERY_1MINUTE
	Lanes        int    // lanes: how many aliases are deployed concurrently
	IgnoreAlarms bool   // ignoreAlarms: deploy although alarms are raised, to deliver a fix
	SkipTrial    bool   // skipTrial: deploy without the hook, if the version in use cannot book and fails every trial

	Payments        string // payments, production only: bank or stripe
	StripeSecretARN string // stripeSecretArn: the key of Stripe in Secrets Manager
	StripeLive      bool   // stripeLive: accept a key of live mode, which moves real money

	JWTIssuer     string   // jwtIssuer, production only; without it callers sign with IAM
	JWTAudience   []string // jwtAudience
	CORSOrigins   []string // corsOrigins; an empty list disables CORS
	ThrottleRate  float64  // throttleRate: requests per second
	ThrottleBurst float64  // throttleBurst: concurrent requests

	Traces           string // traces: how they go to X-Ray, through Lambda's daemon or by otlp
	LogLevel         string // logLevel: the least level that the functions log
	LogRetentionDays int    // logRetentionDays
	AlarmEmail       string // alarmEmail: subscribed to the topic of the alarms

	Repository        string // repository: owner/name; "" makes it a parameter of the pipeline's stack
	Branch            string // branch
	ConnectionARN     string // connectionArn of CodeConnections; "" creates a connection, which must be approved once
	GitHubTokenSecret string // githubTokenSecret: name of a secret in Secrets Manager, instead of a connection
	GitHub            string // github: owner/name; its workflows deliver in the pipeline's place
	BuildSize         string // buildSize: of the machine that builds, by the CDK's name without BUILD_GENERAL1_

	given    map[string]any
	standing []string // the keys in cdk.json
}

// Stage is one installation of the application.
type Stage struct {
	Config
	Name string // staging, production, or that of a pull request
}

// Given returns the values of the command line. A build in the pipeline has no command line and reads them from
// contextVariable. Left out are the archive, since every build makes its own; the switches that deliver a single fix; and
// the keys of cdk.json, which the build reads itself: a copy would keep a value that has been removed there.
func (c Config) Given() map[string]any {
	given := maps.Clone(c.given)
	for _, key := range append([]string{codeKey, ignoreAlarmsKey, skipTrialKey}, c.standing...) {
		delete(given, key)
	}
	return given
}

// contextVariable is an environment variable with a JSON object of default values for the context's keys.
const contextVariable = "TRIPSAGA_CONTEXT"

// configError lists every problem of the context, each with the key, its value and what is allowed.
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

// standingKeys are the keys of the context in the repository's cdk.json; none if the file does not exist, as in tests.
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
	c.shorten()
	return c, nil
}

// ours matches this app's keys; those of the CDK contain other characters.
var ours = regexp.MustCompile(`^[A-Za-z]+$`)

// inherit is this app's part of the context; missing keys are taken from the object in contextVariable.
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

// conflicts are the combinations of values that are not allowed.
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
	for key, value := range sorted(map[string]string{"repository": c.Repository, "connectionArn": c.ConnectionARN, "githubTokenSecret": c.GitHubTokenSecret}) {
		if c.GitHub != "" && value != "" {
			all = append(all, fmt.Errorf("%s=%s: is the pipeline's, which github=%s replaces; give one of them", key, value, c.GitHub))
		}
	}
	return slices.Concat(all, c.placeConflicts(), c.tableConflicts(), c.paymentConflicts())
}

func (c *Config) paymentConflicts() (all []error) {
	if c.Payments == functions.Stripe {
		if c.StripeSecretARN == "" {
			all = append(all, fmt.Errorf("payments=%s: needs stripeSecretArn, the ARN of the secret with the key", c.Payments))
		}
		return all
	}
	if c.StripeSecretARN != "" {
		all = append(all, fmt.Errorf("stripeSecretArn=%s: needs payments=%s", c.StripeSecretARN, functions.Stripe))
	}
	if c.StripeLive {
		all = append(all, fmt.Errorf("stripeLive=true: needs payments=%s", functions.Stripe))
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

const stripeSecretKey = "stripeSecretArn"

// setting is a key of the context.
type setting struct {
	key      string
	standard string // the default; "" leaves the field as it is
	allowed  string
	set      func(c *Config, value string) error
}

// The keys that are not passed on to a build in the pipeline.
const (
	codeKey         = "code"
	ignoreAlarmsKey = "ignoreAlarms"
	skipTrialKey    = "skipTrial"
)

func settings() []setting {
	return []setting{
		{codeKey, "bin/lambda/function.zip", "the path of the functions' archive, which `make lambda` makes", setCode},
		{"prefix", "tripsaga", "2 to 20 lower-case letters, digits and hyphens, beginning with a letter",
			matching(prefix, func(c *Config) *string { return &c.Prefix })},
		{"pullRequest", "", "a whole number from 1 to 9999999", func(c *Config, v string) error { return integer(&c.PullRequest, v, 1, 9_999_999) }},
		{"staging", "", allowedPlace, place(func(c *Config) *Place { return &c.Staging })},
		{"production", "", allowedPlace, place(func(c *Config) *Place { return &c.Production })},
		{"pipeline", "", allowedPlace, place(func(c *Config) *Place { return &c.Pipeline })},
		{"stagingTable", "", allowedTable, matching(streamARN, func(c *Config) *string { return &c.StagingTable })},
		{"productionTable", "", allowedTable, matching(streamARN, func(c *Config) *string { return &c.ProductionTable })},
		{"deployment", "LINEAR_10PERCENT_EVERY_1MINUTE", strings.Join(deployments, ", "),
			oneOf(deployments, func(c *Config) *string { return &c.Deployment })},
		{"lanes", "4", "a whole number from 2 to 15", func(c *Config, v string) error { return integer(&c.Lanes, v, 2, 15) }},
		{ignoreAlarmsKey, "false", "true, false", boolean(func(c *Config) *bool { return &c.IgnoreAlarms })},
		{skipTrialKey, "false", "true, false", boolean(func(c *Config) *bool { return &c.SkipTrial })},
		{"payments", functions.Bank, functions.Bank + ", " + functions.Stripe, setPayments},
		{stripeSecretKey, "", "the ARN of a secret, such as arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-AbCdEf",
			matching(secretARN, func(c *Config) *string { return &c.StripeSecretARN })},
		{"stripeLive", "false", "true, false", boolean(func(c *Config) *bool { return &c.StripeLive })},
		{"jwtIssuer", "", "an https URL", func(c *Config, v string) error {
			c.JWTIssuer = v
			return checkURL(v, "https")
		}},
		{"jwtAudience", "", "names, separated by commas", several(func(c *Config) *[]string { return &c.JWTAudience }, checkName)},
		{"corsOrigins", "", "origins such as https://example.com, separated by commas; not *, since callers send credentials",
			several(func(c *Config) *[]string { return &c.CORSOrigins }, checkOrigin)},
		{"throttleRate", "100", "a number from 1 to 10000, of requests a second",
			number(func(c *Config) *float64 { return &c.ThrottleRate })},
		{"throttleBurst", "200", "a whole number from 1 to 10000, of requests at once", setBurst},
		{"traces", "daemon", strings.Join(waysOfTraces, ", "), oneOf(waysOfTraces, func(c *Config) *string { return &c.Traces })},
		{"logLevel", "info", strings.Join(logLevels, ", "), oneOf(logLevels, func(c *Config) *string { return &c.LogLevel })},
		{"logRetentionDays", "30", "what CloudWatch Logs takes: " + strings.Trim(fmt.Sprint(retentions), "[]"), setRetention},
		{"alarmEmail", "", "an e-mail address", setEmail},
		{"repository", "", "owner/name", matching(repository, func(c *Config) *string { return &c.Repository })},
		{"branch", "main", "the name of a branch", matching(branch, func(c *Config) *string { return &c.Branch })},
		{"connectionArn", "", "the ARN of a connection, such as arn:aws:codeconnections:eu-west-1:123456789012:connection/…",
			matching(connection, func(c *Config) *string { return &c.ConnectionARN })},
		{"githubTokenSecret", "", "the name of a secret in Secrets Manager",
			matching(secret, func(c *Config) *string { return &c.GitHubTokenSecret })},
		{"github", "", "owner/name, or owner@id/name@id where GitHub's tokens have the ids",
			matching(gitHub, func(c *Config) *string { return &c.GitHub })},
		{"buildSize", "LARGE", strings.Join(buildSizes, ", "), oneOf(buildSizes, func(c *Config) *string { return &c.BuildSize })},
	}
}

// deployments are CodeDeploy's predefined configurations for Lambda, by the CDK's names.
var deployments = []string{
	"LINEAR_10PERCENT_EVERY_1MINUTE", "LINEAR_10PERCENT_EVERY_2MINUTES", "LINEAR_10PERCENT_EVERY_3MINUTES",
	"LINEAR_10PERCENT_EVERY_10MINUTES", "CANARY_10PERCENT_5MINUTES", "CANARY_10PERCENT_10MINUTES",
	"CANARY_10PERCENT_15MINUTES", "CANARY_10PERCENT_30MINUTES", "ALL_AT_ONCE",
}

// buildSizes are CodeBuild's, of which an account has separate quotas.
var buildSizes = []string{"SMALL", "MEDIUM", "LARGE", "X2_LARGE"}

const otlp = "otlp"

var waysOfTraces = []string{"daemon", otlp}

// logLevels are what functions.LogLevel allows.
var logLevels = []string{"debug", "info", "warn", "error"}

// retentions are the numbers of days that CloudWatch Logs allows.
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

var (
	prefix     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,18}[a-z0-9]$`) // a role's name has at most 64 characters
	repository = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)
	gitHub     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9_.-]+|@[0-9]+/[A-Za-z0-9_.-]+@[0-9]+)$`)
	branch     = regexp.MustCompile(`^[A-Za-z0-9_.-][A-Za-z0-9_./-]*$`)
	connection = regexp.MustCompile(`^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[A-Za-z0-9-]+$`)
	secret     = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+$`)
)

// secretARN has no pattern in place of a part: the right to read the secret is granted on this ARN.
var secretARN = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$`)

var errNotAllowed = errors.New("the value is not allowed")

func (s *setting) read(c *Config, value any) error {
	if value == nil {
		value = s.standard
	}
	v, err := inWords(value)
	if v == "" && err == nil {
		return nil
	}
	if err == nil {
		err = s.set(c, v)
	}
	if err != nil && s.key == stripeSecretKey { // somebody may give the secret itself
		return fmt.Errorf("%s: %w; allowed: %s", s.key, err, s.allowed)
	}
	if err != nil {
		return fmt.Errorf("%s=%v: %w; allowed: %s", s.key, value, err, s.allowed)
	}
	return nil
}

// inWords converts a value to text: -c gives only texts, cdk.json also numbers, booleans and lists.
func inWords(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case []any:
		return joined(v)
	}
	return "", errNotAllowed
}

func joined(values []any) (string, error) {
	var all []string
	for _, value := range values {
		v, ok := value.(string)
		if !ok || strings.Contains(v, ",") {
			return "", errNotAllowed
		}
		all = append(all, v)
	}
	return strings.Join(all, ","), nil
}

func setCode(c *Config, v string) error {
	c.Code = v
	info, err := os.Stat(v)
	if err == nil && info.IsDir() {
		return errors.New("is a folder")
	}
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("there is no such file: run make lambda")
	}
	return err
}

func oneOf(allowed []string, field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*field(c) = v
		if !slices.Contains(allowed, v) {
			return errNotAllowed
		}
		return nil
	}
}

func integer(field *int, v string, least, most int) error {
	n, err := strconv.Atoi(v)
	if err != nil || strconv.Itoa(n) != v || n < least || n > most {
		return errNotAllowed
	}
	*field = n
	return nil
}

func setPayments(c *Config, v string) error {
	c.Payments = v
	if v != functions.Bank && v != functions.Stripe {
		return errNotAllowed
	}
	return nil
}

func boolean(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, v string) error {
		*field(c) = v == "true"
		if v != "true" && v != "false" {
			return errNotAllowed
		}
		return nil
	}
}

func setBurst(c *Config, v string) error {
	var n int
	err := integer(&n, v, 1, 10_000)
	c.ThrottleBurst = float64(n)
	return err
}

func setRetention(c *Config, v string) (err error) {
	if err = integer(&c.LogRetentionDays, v, 1, retentions[len(retentions)-1]); err != nil || !slices.Contains(retentions, c.LogRetentionDays) {
		return errNotAllowed
	}
	return nil
}

func setEmail(c *Config, v string) error {
	c.AlarmEmail = v
	if a, err := mail.ParseAddress(v); err != nil || a.Address != v {
		return errNotAllowed
	}
	return nil
}

var decimal = regexp.MustCompile(`^[1-9][0-9]*(\.[0-9]+)?$`)

func number(field func(*Config) *float64) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil || !decimal.MatchString(v) || !(n >= 1 && n <= 10_000) {
			return errNotAllowed
		}
		*field(c) = n
		return nil
	}
}

func matching(pattern *regexp.Regexp, field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*field(c) = v
		if !pattern.MatchString(v) {
			return errNotAllowed
		}
		return nil
	}
}

func several(field func(*Config) *[]string, check func(string) error) func(*Config, string) error {
	return func(c *Config, v string) error {
		for value := range strings.SplitSeq(v, ",") {
			value = strings.TrimSpace(value)
			if err := check(value); err != nil {
				return fmt.Errorf("%q: %w", value, err)
			}
			if slices.Contains(*field(c), value) {
				return fmt.Errorf("%q: it is given twice", value)
			}
			*field(c) = append(*field(c), value)
		}
		return nil
	}
}

func checkName(v string) error {
	if v == "" {
		return errNotAllowed
	}
	return nil
}

// hostOfOrigin is a host as browsers write it: in lower case, in ASCII, and never with a wildcard.
var hostOfOrigin = regexp.MustCompile(`^([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:[1-9][0-9]*)?$`)

// checkOrigin accepts what a browser sends as an origin: the gateway compares the texts.
func checkOrigin(v string) error {
	if err := checkURL(v, "https", "http"); err != nil {
		return err
	}
	u, _ := url.Parse(v)
	switch {
	case u.Path != "" || strings.HasSuffix(v, "?") || strings.HasSuffix(v, "#"):
		return errors.New("an origin has no path")
	case !hostOfOrigin.MatchString(u.Host) || !strings.HasPrefix(v, u.Scheme):
		return errors.New("browsers write an origin in lower case and ASCII, and wildcards are not allowed")
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return errors.New("browsers leave out the scheme's own port")
	}
	return nil
}

func checkURL(v string, schemes ...string) error {
	u, err := url.Parse(v)
	if err != nil || !slices.Contains(schemes, u.Scheme) || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errNotAllowed
	}
	if _, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && err != nil {
		return errors.New("a port is at most 65535")
	}
	return nil
}

// sorted iterates over a map in the order of its keys, so that messages and templates are the same in every run.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}
