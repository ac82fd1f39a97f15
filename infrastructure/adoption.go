package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/dynamo/schema"
)

// streamARN names a table, its place and its stream. A restored table has no stream, and so cannot be given by mistake
// before it has one.
var streamARN = regexp.MustCompile(`^arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255}/stream/[0-9T:.-]+$`)

const allowedTable = "the ARN of the stream of an existing table, such as " +
	"arn:aws:dynamodb:eu-west-1:123456789012:table/NAME/stream/2026-11-28T12:00:00.000"

// tableARN is the ARN of the table of a stream.
func tableARN(stream string) string {
	arn, _, _ := strings.Cut(stream, "/stream/")
	return arn
}

// tableConflicts: a stage calls no table of another account or region, and no two stages one table.
func (c *Config) tableConflicts() (all []error) {
	for key, at := range sorted(map[string]struct {
		stream string
		place  Place
	}{"stagingTable": {c.StagingTable, c.Staging}, "productionTable": {c.ProductionTable, c.Production}}) {
		want := fmt.Sprintf(":%s:%s:", at.place.Region, at.place.Account)
		if at.place != (Place{}) && streamARN.MatchString(at.stream) && !strings.Contains(at.stream, want) {
			all = append(all, fmt.Errorf("%s=%s: the stage is in %s/%s; allowed: a table there", key, at.stream, at.place.Account, at.place.Region))
		}
	}
	if c.StagingTable != "" && tableARN(c.StagingTable) == tableARN(c.ProductionTable) {
		all = append(all, fmt.Errorf("productionTable=%s: is staging's table, too; allowed: a table for each stage", c.ProductionTable))
	}
	return all
}

// adopted is the stream of the table that the stage adopts; "" if its stack makes one.
func (s Stage) adopted() string {
	return map[string]string{staging: s.StagingTable, production: s.ProductionTable}[s.Name]
}

// adoptTable uses a table that exists. The stack changes nothing of it: its definition belongs to its owner.
func (a *Application) adoptTable(stream string) {
	a.Table = awsdynamodb.Table_FromTableAttributes(a.Stack, jsii.String("Table"), &awsdynamodb.TableAttributes{
		TableArn: jsii.String(tableARN(stream)), TableStreamArn: &stream,
	})
	a.output(schema.AdoptedStream, &stream)
}

// doctored is the table as the examination of the account takes it.
func (s Stage) doctored() string { return cmp.Or(s.adopted(), schema.NewTable) }

// mayDescribeTables are the rights to examine the tables that stacks adopt.
func (p *pipelineOf) mayDescribeTables(ids []string) (all []awsiam.PolicyStatement) {
	for stack, stream := range sorted(map[string]string{stagingStack: p.config.StagingTable, productionStack: p.config.ProductionTable}) {
		if stream != "" && slices.Contains(ids, stack) {
			all = append(all, allow("dynamodb", "DescribeTable DescribeTimeToLive DescribeContinuousBackups", jsii.String(tableARN(stream)), nil))
		}
	}
	return all
}

// generation is part of the names of an adopted table's state machines: "" without one. Step Functions starts an execution's
// name once in 90 days, and so remembers sagas that a restored table has forgotten. On new state machines the reconciler
// starts all that are open in the table.
func (s Stage) generation() string {
	if s.adopted() == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(tableARN(s.adopted())))
	return "-" + hex.EncodeToString(sum[:4])
}
