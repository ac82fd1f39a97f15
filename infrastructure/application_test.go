package main

import (
	"testing"

	"tripsaga/aws/dynamo/schema"
)

// keySchema is how CloudFormation writes a key.
func keySchema(k schema.Key) []map[string]string {
	return []map[string]string{
		{"AttributeName": k.Partition, "KeyType": "HASH"}, {"AttributeName": k.Sort, "KeyType": "RANGE"},
	}
}

func TestTableIsTheSchemas(t *testing.T) {
	want := schema.Table()
	attributes := []map[string]string{
		{"AttributeName": want.Key.Partition, "AttributeType": "S"}, {"AttributeName": want.Key.Sort, "AttributeType": "S"},
	}
	var indexes []map[string]any
	for _, i := range want.Indexes {
		indexes = append(indexes, map[string]any{
			"IndexName": i.Name, "KeySchema": keySchema(i.Key), "Projection": map[string]string{"ProjectionType": "ALL"},
		})
		attributes = append(attributes, map[string]string{"AttributeName": i.Key.Partition, "AttributeType": "S"},
			map[string]string{"AttributeName": i.Key.Sort, "AttributeType": "S"})
	}
	eachStage(t, func(t *testing.T, _ string, s *template) {
		s.named(t, "Table").has(t, map[string]any{
			"KeySchema": keySchema(want.Key), "AttributeDefinitions": attributes, "GlobalSecondaryIndexes": indexes,
			"StreamSpecification":     map[string]any{"StreamViewType": want.Stream},
			"TimeToLiveSpecification": map[string]any{"AttributeName": want.TTL, "Enabled": true},
		})
	})
}

func TestTableOutlivesMistakes(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		table := s.named(t, "Table")
		table.has(t, map[string]any{
			"BillingMode": "PAY_PER_REQUEST", "DeletionProtectionEnabled": true, "SSESpecification.SSEEnabled": true,
			"PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled": true,
			"TableName": nil, // generated: a change that replaces the table would otherwise find the name taken
		})
		if !table.retained() {
			t.Errorf("it is deleted with its stack: %q, %q", table.DeletionPolicy, table.UpdateReplacePolicy)
		}
	})
}
