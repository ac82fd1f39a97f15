package cleanup

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// function cleans up a function. What runs on an old version at this moment ends: it was called through an alias, which has
// left that version several releases ago.
func (r *run) function(ctx context.Context, c *contents, name string) error {
	var arns []string
	pages := lambda.NewListVersionsByFunctionPaginator(r.lambda, &lambda.ListVersionsByFunctionInput{FunctionName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, v := range page.Versions {
			if v.FunctionArn != nil {
				arns = append(arns, *v.FunctionArn)
			}
		}
	}
	resource := r.add(c, "function", name, arns)
	aliases := lambda.NewListAliasesPaginator(r.lambda, &lambda.ListAliasesInput{FunctionName: &name})
	for aliases.HasMorePages() {
		page, err := aliases.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, a := range page.Aliases {
			resource.keep(*a.FunctionVersion, "alias "+*a.Name)
			if a.RoutingConfig != nil {
				for number := range a.RoutingConfig.AdditionalVersionWeights {
					resource.keep(number, "alias "+*a.Name)
				}
			}
		}
	}
	// Without a qualifier the call would delete the function.
	return r.delete(resource, func(number string) error {
		_, err := r.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &name, Qualifier: &number})
		return err
	})
}
