package main

import (
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
)

// setting is a key of the context.
type setting struct {
	key      string
	standard string // the value when it is not given; "" leaves the field as it is
	allowed  string
	set      func(c *Config, value string) error
}

// The keys that a build in the pipeline is not handed on.
const (
	codeKey         = "code"
	ignoreAlarmsKey = "ignoreAlarms"
	skipTrialKey    = "skipTrial"
)

func settings() []setting {
	return []setting{
		{codeKey, "bin/lambda/function.zip", "the path of the functions' archive, which `make lambda` makes", setCode},
		{"deployment", "LINEAR_10PERCENT_EVERY_1MINUTE", strings.Join(deployments, ", "), setDeployment},
		{ignoreAlarmsKey, "false", "true, false", boolean(func(c *Config) *bool { return &c.IgnoreAlarms })},
		{skipTrialKey, "false", "true, false", boolean(func(c *Config) *bool { return &c.SkipTrial })},
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
		{"logRetentionDays", "30", "what CloudWatch Logs takes: " + strings.Trim(fmt.Sprint(retentions), "[]"), setRetention},
		{"alarmEmail", "", "an e-mail address", setEmail},
		{"repository", "", "owner/name", matching(repository, func(c *Config) *string { return &c.Repository })},
		{"branch", "main", "the name of a branch", matching(branch, func(c *Config) *string { return &c.Branch })},
		{"connectionArn", "", "the ARN of a connection, such as arn:aws:codeconnections:eu-west-1:123456789012:connection/…",
			matching(connection, func(c *Config) *string { return &c.ConnectionARN })},
		{"githubTokenSecret", "", "the name of a secret in Secrets Manager",
			matching(secret, func(c *Config) *string { return &c.GitHubTokenSecret })},
	}
}

// deployments are CodeDeploy's own configurations for Lambda, as the CDK names them.
var deployments = []string{
	"LINEAR_10PERCENT_EVERY_1MINUTE", "LINEAR_10PERCENT_EVERY_2MINUTES", "LINEAR_10PERCENT_EVERY_3MINUTES",
	"LINEAR_10PERCENT_EVERY_10MINUTES", "CANARY_10PERCENT_5MINUTES", "CANARY_10PERCENT_10MINUTES",
	"CANARY_10PERCENT_15MINUTES", "CANARY_10PERCENT_30MINUTES", "ALL_AT_ONCE",
}

// retentions are the days that CloudWatch Logs can keep a log for.
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

var (
	repository = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)
	branch     = regexp.MustCompile(`^[A-Za-z0-9_.-][A-Za-z0-9_./-]*$`)
	connection = regexp.MustCompile(`^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[A-Za-z0-9-]+$`)
	secret     = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+$`)
)

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
	if err != nil {
		return fmt.Errorf("%s=%v: %w; allowed: %s", s.key, value, err, s.allowed)
	}
	return nil
}

// inWords makes one form of two: -c gives texts only, cdk.json numbers, truths and lists, too.
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

func setDeployment(c *Config, v string) error {
	c.Deployment = v
	if !slices.Contains(deployments, v) {
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
	if _, err := strconv.Atoi(v); err != nil {
		return errNotAllowed
	}
	return number(func(c *Config) *float64 { return &c.ThrottleBurst })(c, v)
}

func setRetention(c *Config, v string) (err error) {
	if c.LogRetentionDays, err = strconv.Atoi(v); err != nil || !slices.Contains(retentions, c.LogRetentionDays) {
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

func number(field func(*Config) *float64) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil || !(n >= 1 && n <= 10_000) {
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

func checkOrigin(v string) error {
	err := checkURL(v, "https", "http")
	if u, _ := url.Parse(v); err == nil && u.Path != "" {
		return errors.New("an origin has no path")
	}
	return err
}

func checkURL(v string, schemes ...string) error {
	u, err := url.Parse(v)
	if err != nil || !slices.Contains(schemes, u.Scheme) || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errNotAllowed
	}
	return nil
}

// sorted goes through a map in the order of its keys, so that messages and templates do not change from run to run.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}
