package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	table "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tripsaga/aws/dynamo/schema"
)

// adopted examines the tables that stacks adopt, or have adopted. A stack that has one must not get a new, empty one.
func (e *examination) adopted(ctx context.Context) error {
	before := len(e.report.Findings)
	for _, name := range e.Stacks {
		s, err := e.stack(ctx, name)
		if err != nil {
			return err
		}
		deployed := ""
		if s != nil {
			if i := slices.IndexFunc(s.Outputs, func(o types.Output) bool { return aws.ToString(o.OutputKey) == schema.AdoptedStream }); i >= 0 {
				deployed = aws.ToString(s.Outputs[i].OutputValue)
			}
		}
		stream := e.Table
		if stream == "" {
			stream = deployed
		}
		switch {
		case stream == schema.NewTable && deployed != "":
			e.add(Error, "put stagingTable or productionTable with that value into cdk.json; to give the table up, deploy by hand",
				"%s has adopted %s; this deployment would make a new, empty table", name, deployed)
		case stream != schema.NewTable && stream != "":
			if err := e.table(ctx, name, s != nil, stream); err != nil {
				return err
			}
		}
	}
	if len(e.report.Findings) == before {
		e.add(OK, "", "no stack adopts a table")
	}
	return nil
}

// table examines the table of a stream. A pipeline in another account than its stages' can see neither stack nor table.
func (e *examination) table(ctx context.Context, stack string, here bool, stream string) error {
	parts := strings.Split(stream, ":") // arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/…
	names := strings.Split(stream, "/")
	if len(parts) < 6 || len(names) < 4 {
		return fmt.Errorf("%q is not the ARN of a stream", stream)
	}
	name := names[1]
	if parts[3] != e.cfg.Region || parts[4] != e.account {
		level := Unknown
		if here {
			level = Error
		}
		e.add(level, "", "%s is not in %s in %s", stream, e.account, e.cfg.Region)
		return nil
	}
	out, err := e.tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if isCode(err, "ResourceNotFoundException") {
		e.add(Error, "aws dynamodb list-tables", "the table %s does not exist: %s cannot adopt it", name, stack)
		return nil
	}
	if err != nil {
		return err
	}
	expiry, err := e.tables.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		return err
	}
	backups, err := e.tables.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &name})
	if err != nil {
		return err
	}
	before := len(e.report.Findings)
	e.shape(name, stream, out.Table)
	e.settings(name, out.Table, expiry.TimeToLiveDescription, backups.ContinuousBackupsDescription)
	if len(e.report.Findings) == before {
		e.add(OK, "", "the table %s is equipped for %s", name, stack)
	}
	return nil
}

// shape reports what fails a deployment, or what the functions cannot work with.
func (e *examination) shape(name, stream string, t *table.TableDescription) {
	want := schema.Table()
	if t.TableStatus != table.TableStatusActive {
		e.add(Error, "aws dynamodb wait table-exists --table-name "+name, "the table %s is %s", name, t.TableStatus)
	}
	enabled := t.StreamSpecification != nil && aws.ToBool(t.StreamSpecification.StreamEnabled)
	switch {
	case !enabled:
		e.add(Error, "aws dynamodb update-table --table-name "+name+" --stream-specification StreamEnabled=true,StreamViewType="+want.Stream,
			"the table %s has no stream", name)
	case string(t.StreamSpecification.StreamViewType) != want.Stream:
		e.add(Error, "disable the stream, enable it with StreamViewType="+want.Stream+", and give its new ARN",
			"the stream of the table %s has %s; the events need %s", name, t.StreamSpecification.StreamViewType, want.Stream)
	case aws.ToString(t.LatestStreamArn) != stream:
		e.add(Error, "give "+aws.ToString(t.LatestStreamArn), "%s is not the present stream of the table %s", stream, name)
	}
	if !hasKey(t.KeySchema, want.Key) {
		e.add(Error, "", "the key of the table %s is not %s and %s", name, want.Key.Partition, want.Key.Sort)
	}
	for _, index := range want.Indexes {
		if !slices.ContainsFunc(t.GlobalSecondaryIndexes, func(g table.GlobalSecondaryIndexDescription) bool {
			return aws.ToString(g.IndexName) == index.Name && hasKey(g.KeySchema, index.Key) && g.IndexStatus == table.IndexStatusActive &&
				g.Projection != nil && g.Projection.ProjectionType == table.ProjectionTypeAll
		}) {
			e.add(Error, "", "the table %s has no active index %s of %s and %s with all attributes", name, index.Name, index.Key.Partition, index.Key.Sort)
		}
	}
}

func hasKey(elements []table.KeySchemaElement, want schema.Key) bool {
	return slices.EqualFunc(elements, []string{want.Partition, want.Sort}, func(e table.KeySchemaElement, name string) bool {
		return aws.ToString(e.AttributeName) == name
	})
}

// settings reports what a table works without, and should not.
func (e *examination) settings(name string, t *table.TableDescription, expiry *table.TimeToLiveDescription, backups *table.ContinuousBackupsDescription) {
	const update = "aws dynamodb update-"
	if !aws.ToBool(t.DeletionProtectionEnabled) {
		e.add(Warning, update+"table --table-name "+name+" --deletion-protection-enabled", "the table %s may be deleted by mistake", name)
	}
	want := schema.Table().TTL
	if expiry == nil || aws.ToString(expiry.AttributeName) != want ||
		expiry.TimeToLiveStatus != table.TimeToLiveStatusEnabled && expiry.TimeToLiveStatus != table.TimeToLiveStatusEnabling {
		e.add(Warning, update+"time-to-live --table-name "+name+" --time-to-live-specification Enabled=true,AttributeName="+want,
			"nothing expires in the table %s", name)
	}
	if backups == nil || backups.PointInTimeRecoveryDescription == nil ||
		backups.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus != table.PointInTimeRecoveryStatusEnabled {
		e.add(Warning, update+"continuous-backups --table-name "+name+" --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
			"the table %s cannot be restored to a point in time", name)
	}
}
