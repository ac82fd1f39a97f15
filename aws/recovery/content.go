package recovery

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// content is what a dead letter's body can have. EventBridge sends the event itself, and its reasons as attributes of the
// message. Lambda sends a record of the call, with the event in it:
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
// A pipe sends where the records are in the stream, in the form of Lambda's event source mappings.
type content struct {
	DetailType string `json:"detail-type"`
	Detail     struct {
		Name   string `json:"name"`
		Status string `json:"status"`
	} `json:"detail"`

	Request json.RawMessage `json:"requestPayload"`
	Context struct {
		Condition string `json:"condition"`
	} `json:"requestContext"`
	Response struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	} `json:"responsePayload"`

	Pipe struct {
		Condition string `json:"condition"`
	} `json:"context"`
	Batch *streamBatch `json:"DDBStreamBatchInfo"`
}

// streamBatch is a place in a stream.
type streamBatch struct {
	Stream string `json:"streamArn"`
	Shard  string `json:"shardId"`
	Start  string `json:"startSequenceNumber"`
	End    string `json:"endSequenceNumber"`
}

// read interprets the body. A body of another form has neither payload nor batch, and is not sent.
func (l *Letter) read(attributes map[string]types.MessageAttributeValue) {
	var c content
	if err := json.Unmarshal([]byte(l.Body), &c); err != nil {
		l.About = "not JSON"
		return
	}
	reason := func(parts ...string) {
		l.Reason = strings.Join(strings.FieldsFunc(strings.Join(parts, "\x00"), func(r rune) bool { return r == 0 }), ": ")
	}
	switch {
	case c.Batch != nil:
		l.batch = c.Batch
		l.About = fmt.Sprintf("stream records %s to %s of %s", c.Batch.Start, c.Batch.End, c.Batch.Shard)
		reason(c.Pipe.Condition, c.Context.Condition)
		return
	case c.Request != nil:
		l.payload = c.Request
		reason(c.Context.Condition, c.Response.Type, c.Response.Message)
		c = content{}
		if json.Unmarshal(l.payload, &c) != nil {
			return
		}
	case c.DetailType != "":
		l.payload = []byte(l.Body)
		reason(aws.ToString(attributes["ERROR_CODE"].StringValue), aws.ToString(attributes["ERROR_MESSAGE"].StringValue))
	}
	l.About = strings.TrimSpace(c.DetailType)
	if c.Detail.Name != "" {
		l.About = "trip " + c.Detail.Name + " " + c.Detail.Status
	}
}
