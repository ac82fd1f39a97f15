package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
)

const (
	callsOfATrial      = 2  // the hook, and the function that it tries
	callsBeside        = 2  // of the reconciler and of one customer
	fewCalls           = 50 // below it a few customers at once are throttled
	enoughCalls        = 1000
	concurrencyCode    = "L-B99A9384"
	codeStorageWarning = 0.9
)

// raise is the command that requests a higher quota.
func raise(service, code string, value float64) string {
	return fmt.Sprintf("aws service-quotas request-service-quota-increase --service-code %s --quota-code %s --desired-value %.0f", service, code, value)
}

// functions reads Lambda's limits, which are the account's own also where Service Quotas shows the defaults.
func (e *examination) functions(ctx context.Context) error {
	out, err := e.lambda.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil {
		return err
	}
	if out.AccountLimit == nil || out.AccountLimit.UnreservedConcurrentExecutions == nil || out.AccountUsage == nil {
		return fmt.Errorf("the answer has no limits")
	}
	free, needed := int(*out.AccountLimit.UnreservedConcurrentExecutions), callsOfATrial*e.Lanes+callsBeside
	switch mend := raise("lambda", concurrencyCode, enoughCalls); {
	case free < needed:
		e.add(Error, mend, "%d concurrent calls are left for these functions; a release needs %d, two for each of %d lanes and two beside", free, needed, e.Lanes)
	case free < fewCalls:
		e.add(Warning, mend, "%d concurrent calls are left for these functions: a release passes, but more bookings at once wait for their retries", free)
	default:
		e.add(OK, "", "%d concurrent calls are left for these functions", free)
	}
	used, all := float64(out.AccountUsage.TotalCodeSize), float64(out.AccountLimit.TotalCodeSize)
	if used > codeStorageWarning*all {
		e.add(Warning, "tripsaga aws clean-up --delete",
			"%.0f %% of the storage for code is used; versions are kept by every release", 100*used/all)
	}
	return nil
}

// of lists the quotas of a service that apply to the account.
func (e *examination) of(ctx context.Context, service string) (all []types.ServiceQuota, err error) {
	pages := servicequotas.NewListServiceQuotasPaginator(e.quotas, &servicequotas.ListServiceQuotasInput{ServiceCode: &service})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Quotas...)
	}
	return all, nil
}

// named finds a quota whose name contains the parts, whatever their case.
func named(all []types.ServiceQuota, parts ...string) (q types.ServiceQuota, ok bool) {
	i := slices.IndexFunc(all, func(q types.ServiceQuota) bool {
		return q.QuotaName != nil && q.QuotaCode != nil && q.Value != nil && !slices.ContainsFunc(parts, func(part string) bool {
			return !strings.Contains(strings.ToLower(*q.QuotaName), strings.ToLower(part))
		})
	})
	if i < 0 {
		return q, false
	}
	return all[i], true
}

// transitions of a booking without a failure: its four tasks, the start and the end.
const transitions = 6

// stepFunctions compares what Step Functions allows each second with what the API lets in.
func (e *examination) stepFunctions(ctx context.Context) error {
	all, err := e.of(ctx, "states")
	if err != nil {
		return err
	}
	for _, need := range []struct {
		what string
		rate float64
	}{{"StartExecution", e.Rate}, {"StateTransition", transitions * e.Rate}} {
		q, ok := named(all, need.what, "refill")
		switch {
		case !ok:
			e.add(Unknown, "aws service-quotas list-service-quotas --service-code states", "Service Quotas lists no refill rate of %s", need.what)
		case *q.Value < need.rate:
			e.add(Warning, raise("states", *q.QuotaCode, need.rate)+"   # or a lower throttleRate",
				"%s is %.0f; %.0f requests a second, all of them bookings, need %.0f", *q.QuotaName, *q.Value, e.Rate, need.rate)
		default:
			e.add(OK, "", "%s is %.0f", *q.QuotaName, *q.Value)
		}
	}
	return nil
}

// BuildSizes are the sizes of builds, and their names in Service Quotas.
func BuildSizes() map[string]string {
	return map[string]string{"SMALL": "Small", "MEDIUM": "Medium", "LARGE": "Large", "X2_LARGE": "2XLarge"}
}

// NoBuild is the build size of an installation without a pipeline: other machines build and deploy it.
const NoBuild = "NONE"

// codeBuild needs one build at a time of the pipeline's size, and one of the smallest, which deploys.
func (e *examination) codeBuild(ctx context.Context) error {
	if e.BuildSize == NoBuild {
		e.add(OK, "", "nothing is built here")
		return nil
	}
	all, err := e.of(ctx, "codebuild")
	if err != nil {
		return err
	}
	for _, size := range slices.Compact([]string{e.BuildSize, "SMALL"}) {
		q, ok := named(all, "Concurrently running builds for Linux/"+BuildSizes()[size]+" ")
		switch {
		case !ok:
			e.add(Unknown, "aws service-quotas list-service-quotas --service-code codebuild", "Service Quotas lists no builds for Linux/%s", BuildSizes()[size])
		case *q.Value < 1:
			mend := raise("codebuild", *q.QuotaCode, 1)
			if size != "SMALL" {
				mend += other(all, size)
			}
			e.add(Error, mend, "%s is %.0f: no build starts", *q.QuotaName, *q.Value)
		default:
			e.add(OK, "", "%s is %.0f", *q.QuotaName, *q.Value)
		}
	}
	return nil
}

// other names a size that the account can build with, the largest first.
func other(all []types.ServiceQuota, but string) string {
	for _, size := range []string{"LARGE", "MEDIUM", "SMALL"} {
		if q, ok := named(all, "Concurrently running builds for Linux/"+BuildSizes()[size]+" "); ok && size != but && *q.Value >= 1 {
			return "   # or: npx cdk deploy PipelineStack -c buildSize=" + size
		}
	}
	return ""
}
