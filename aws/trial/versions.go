package trial

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"tripsaga/aws/functions"
)

// Versions are the new versions' ARNs, by the function's name.
type Versions map[string]string

var versionARN = regexp.MustCompile(`^arn:[a-z0-9-]+:lambda:[a-z0-9-]+:[0-9]+:function:[A-Za-z0-9_-]+:[0-9]+$`)

// ParseVersions reads a JSON object. It must have every function that is rolled out, and no other. The error tells all
// problems.
func ParseVersions(text string) (Versions, error) {
	var v Versions
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("it is no JSON object of names and ARNs: %w", err)
	}
	var problems []error
	deployed := RolledOut()
	for _, name := range deployed {
		if v[name] == "" {
			problems = append(problems, fmt.Errorf("%s has no version", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		switch {
		case !slices.Contains(deployed, name):
			problems = append(problems, fmt.Errorf("%.80q is no function that is rolled out", name))
		case v[name] != "" && !versionARN.MatchString(v[name]):
			problems = append(problems, fmt.Errorf("%s: %.200q is no ARN of a function's version, such as "+
				"arn:aws:lambda:eu-west-1:123456789012:function:%s:7", name, v[name], name))
		}
	}
	return v, errors.Join(problems...)
}

// RolledOut lists the functions whose traffic moves step by step to a new version: all but the one that tries them.
func RolledOut() (names []string) {
	for _, f := range functions.All() {
		if f.Name != functions.PreTraffic {
			names = append(names, f.Name)
		}
	}
	return names
}

// live is the ARN of the versions in use: of the function's alias.
func (v Versions) live(function string) string {
	arn := v[function]
	return arn[:strings.LastIndex(arn, ":")+1] + "live"
}
