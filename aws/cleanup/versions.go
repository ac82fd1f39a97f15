package cleanup

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/smithy-go"
)

// add begins the report of a resource that has the versions with these ARNs, and judges what the two kinds of resources have
// in common.
func (r *run) add(c *contents, kind, name string, arns []string) *Resource {
	resource := &Resource{Stack: c.stack, Kind: kind, Name: name}
	for _, arn := range arns {
		number, err := strconv.Atoi(last(arn))
		if err != nil {
			continue // $LATEST
		}
		v := &Version{Number: number, Action: Delete}
		if c.versions[arn] {
			v.keep("template")
		}
		resource.Versions = append(resource.Versions, v)
	}
	slices.SortFunc(resource.Versions, func(a, b *Version) int { return cmp.Compare(b.Number, a.Number) })
	for _, v := range resource.Versions[:min(r.Latest, len(resource.Versions))] {
		v.keep(fmt.Sprintf("latest %d", r.Latest))
	}
	r.report.Resources = append(r.report.Resources, resource)
	return resource
}

// last is the last part of an ARN: a name or a qualifier.
func last(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

func (v *Version) keep(why string) {
	v.Action = Keep
	v.Why = append(v.Why, why)
}

// keep keeps a version by its number in words.
func (r *Resource) keep(number, why string) {
	for _, v := range r.Versions {
		if strconv.Itoa(v.Number) == number {
			v.keep(why)
		}
	}
}

// delete deletes what nothing keeps, the oldest first. A version that is in use by now is refused by its service, and kept.
func (r *run) delete(resource *Resource, remove func(number string) error) error {
	if !r.Delete {
		return nil
	}
	for _, v := range slices.Backward(resource.Versions) {
		if v.Action != Delete {
			continue
		}
		r.report.Tried = true
		switch err := remove(strconv.Itoa(v.Number)); {
		case err == nil:
			v.Action = Deleted
		case isCode(err, "ResourceNotFoundException", "ResourceNotFound", "StateMachineDoesNotExist"):
			v.Action = Gone
		case isCode(err, "ResourceConflictException", "ConflictException", "ValidationException"):
			v.keep("refused: " + message(err))
		default:
			return fmt.Errorf("version %d: %w", v.Number, err)
		}
	}
	return nil
}

func message(err error) string {
	var api smithy.APIError
	errors.As(err, &api)
	return api.ErrorMessage()
}
