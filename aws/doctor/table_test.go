package doctor

import (
	"strings"
	"testing"

	"tripsaga/aws/dynamo/schema"
)

const theStream = "arn:aws:dynamodb:eu-west-1:123456789012:table/restored/stream/2026-11-28T12:00:00.000"

const equippedTable = `{"Table":{"TableName":"restored","TableStatus":"ACTIVE","DeletionProtectionEnabled":true,"LatestStreamArn":"` + theStream + `",
	"KeySchema":[{"AttributeName":"PK","KeyType":"HASH"},{"AttributeName":"SK","KeyType":"RANGE"}],
	"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"},
	"GlobalSecondaryIndexes":[{"IndexName":"GSI1","IndexStatus":"ACTIVE","Projection":{"ProjectionType":"ALL"},
		"KeySchema":[{"AttributeName":"GSI1PK","KeyType":"HASH"},{"AttributeName":"GSI1SK","KeyType":"RANGE"}]}]}}`

// adopter is an account in which staging has adopted an equipped table.
func adopter() *account {
	a := healthy()
	a.answers["DescribeStacks tripsaga-staging"] = stack("tripsaga-staging", "UPDATE_COMPLETE", "TableName", "restored", schema.AdoptedStream, theStream)
	a.answers["DescribeTable"] = ok(equippedTable)
	a.answers["DescribeTimeToLive"] = ok(`{"TimeToLiveDescription":{"TimeToLiveStatus":"ENABLED","AttributeName":"Expires"}}`)
	a.answers["DescribeContinuousBackups"] = ok(`{"ContinuousBackupsDescription":{"ContinuousBackupsStatus":"ENABLED","PointInTimeRecoveryDescription":{"PointInTimeRecoveryStatus":"ENABLED"}}}`)
	return a
}

// Each thing that an adopted table lacks is a finding; without one the table is equipped.
func TestAdoptedTables(t *testing.T) {
	const staging = "tripsaga-staging"
	lacks := func(old, now string) map[string]answer {
		return map[string]answer{"DescribeTable": ok(strings.Replace(equippedTable, old, now, 1))}
	}
	elsewhere := strings.Replace(theStream, "eu-west-1", "us-east-1", 1)
	for name, c := range map[string]struct {
		answers       map[string]answer
		stack, table  string
		level         Level
		message, mend string
	}{
		"equipped":                 {nil, staging, theStream, OK, "restored is equipped for tripsaga-staging", ""},
		"what is deployed":         {nil, staging, "", OK, "restored is equipped", ""},
		"a new one for a new one":  {nil, "tripsaga-production", schema.NewTable, OK, "no stack adopts a table", ""},
		"a new one for an adopted": {nil, staging, schema.NewTable, Error, "has adopted " + theStream + "; this deployment would make a new, empty table", "into cdk.json"},
		"none":                     {map[string]answer{"DescribeTable": denied("ResourceNotFoundException")}, staging, theStream, Error, "restored does not exist", "list-tables"},
		"being restored":           {lacks(`"TableStatus":"ACTIVE"`, `"TableStatus":"CREATING"`), staging, theStream, Error, "restored is CREATING", "wait table-exists"},
		"no stream":                {lacks(`"StreamEnabled":true`, `"StreamEnabled":false`), staging, theStream, Error, "has no stream", "StreamViewType=NEW_IMAGE"},
		"keys only":                {lacks("NEW_IMAGE", "KEYS_ONLY"), staging, theStream, Error, "has KEYS_ONLY; the events need NEW_IMAGE", "StreamViewType=NEW_IMAGE"},
		"an old stream":            {nil, staging, theStream + "1", Error, "is not the present stream", "give " + theStream},
		"another key":              {lacks(`"SK"`, `"Sort"`), staging, theStream, Error, "the key of the table restored is not PK and SK", ""},
		"no index":                 {lacks(`"GSI1"`, `"Other"`), staging, theStream, Error, "no active index GSI1", ""},
		"an index in the making":   {lacks(`"IndexStatus":"ACTIVE"`, `"IndexStatus":"CREATING"`), staging, theStream, Error, "no active index GSI1", ""},
		"an index of keys":         {lacks(`"ALL"`, `"KEYS_ONLY"`), staging, theStream, Error, "no active index GSI1", ""},
		"no protection":            {lacks(`Enabled":true,"Latest`, `Enabled":false,"Latest`), staging, theStream, Warning, "deleted by mistake", "--deletion-protection-enabled"},
		"no time to live": {map[string]answer{"DescribeTimeToLive": ok(`{"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}}`)}, staging, theStream,
			Warning, "nothing expires", "AttributeName=Expires"},
		"no recovery": {map[string]answer{"DescribeContinuousBackups": ok(`{"ContinuousBackupsDescription":{"PointInTimeRecoveryDescription":{"PointInTimeRecoveryStatus":"DISABLED"}}}`)},
			staging, theStream, Warning, "cannot be restored", "PointInTimeRecoveryEnabled=true"},
		"another region":                 {nil, staging, elsewhere, Error, "is not in 123456789012 in eu-west-1", ""},
		"another region, as its stack":   {nil, "tripsaga-production", elsewhere, Unknown, "is not in 123456789012 in eu-west-1", ""},
		"may not be read":                {map[string]answer{"DescribeTimeToLive": denied("AccessDeniedException")}, staging, theStream, Unknown, "AccessDeniedException", "dynamodb:DescribeTable, DescribeTimeToLive"},
		"a stack that is not readable":   {map[string]answer{"DescribeStacks tripsaga-staging": fault("AccessDenied", "no")}, staging, schema.NewTable, Unknown, "AccessDenied", "cloudformation:DescribeStacks"},
		"adopted by a stack that is new": {nil, "tripsaga-production", theStream, OK, "restored is equipped for tripsaga-production", ""},
	} {
		a := adopter()
		for key, value := range c.answers {
			a.answers[key] = value
		}
		o := options()
		o.Stacks, o.Table = []string{c.stack}, c.table
		var found []Finding
		for _, f := range examine(t, a, o).Findings {
			if f.Check == "table" {
				found = append(found, f)
			}
		}
		if len(found) != 1 || found[0].Level != c.level || !strings.Contains(found[0].Message, c.message) || !strings.Contains(found[0].Mend, c.mend) {
			t.Errorf("%s: %+v, want one of %s with %q and %q", name, found, c.level, c.message, c.mend)
		}
	}
}
