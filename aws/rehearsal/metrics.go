package rehearsal

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"tripsaga/aws/rehearsal/cloudwatch"
)

// lambda stores the metrics that Lambda makes of a call by an alias, under each of its sets of dimensions. Their time is
// the begin of the call. https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
func (p *play) lambda(d *delivery, failed bool) {
	errors := 0.0
	if failed {
		errors = 1
	}
	arrives := p.arrivals.ofCall(d.function.Name, p.clock.Now())
	for _, dimensions := range d.dimensions() {
		put := func(name string, value float64) {
			p.store.Put(cloudwatch.Metric{Namespace: lambdaNamespace, Name: name, Dimensions: dimensions}, d.at, arrives, value)
		}
		put("Invocations", 1)
		put("Errors", errors)
		put("Throttles", 0)
		put("Duration", float64(d.took.Microseconds())/1000)
	}
}

// gateway stores the metrics that the HTTP API makes of a booking. Assumption: they arrive as Lambda's do, no later.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
func (p *play) gateway(d *delivery, failed bool) {
	errors := 0.0
	if failed {
		errors = 1
	}
	api := map[string]string{"ApiId": p.opt.Release.API}
	arrives := p.arrivals.ofCall(gatewayNamespace, p.clock.Now())
	for name, value := range map[string]float64{
		"Count": 1, "4xx": 0, "5xx": errors, "Latency": float64(d.took.Microseconds()) / 1000,
	} {
		p.store.Put(cloudwatch.Metric{Namespace: gatewayNamespace, Name: name, Dimensions: api}, d.at, arrives, value)
	}
}

// dimensions lists the sets under which a call is counted.
func (d *delivery) dimensions() []map[string]string {
	name, resource := d.function.Name, d.function.Resource()
	return []map[string]string{
		{},
		{"FunctionName": name},
		{"FunctionName": name, "Resource": resource},
		{"FunctionName": name, "Resource": resource, "ExecutedVersion": d.function.versions[d.version].name},
	}
}

// logLines is a function's log. It reads the metrics in it, as CloudWatch reads the embedded metric format:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
// Their time is the virtual one, since the time in the line is that of the wall clock.
type logLines struct {
	play     *play
	function string
}

// Write implements io.Writer. Each call is one line.
func (l logLines) Write(line []byte) (int, error) {
	if err := l.read(line); err != nil && l.play.failed == nil {
		l.play.failed = fmt.Errorf("the log of %s: %w: %s", l.function, err, line)
	}
	return len(line), nil
}

// directives is the member _aws of a line.
type directives struct {
	CloudWatchMetrics []struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []struct{ Name string }
	}
}

func (l logLines) read(line []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(line, &members); err != nil {
		return err
	}
	var aws directives
	if err := json.Unmarshal(members["_aws"], &aws); err != nil {
		return err
	}
	now := l.play.clock.Now()
	arrives := l.play.arrivals.ofLine(l.function, now)
	for _, d := range aws.CloudWatchMetrics {
		for _, set := range d.Dimensions {
			dimensions, err := pick(members, set)
			if err != nil {
				return err
			}
			for _, m := range d.Metrics {
				var value float64
				if err := json.Unmarshal(members[m.Name], &value); err != nil {
					return fmt.Errorf("the metric %s: %w", m.Name, err)
				}
				l.play.store.Put(cloudwatch.Metric{Namespace: d.Namespace, Name: m.Name, Dimensions: dimensions}, now, arrives, value)
			}
		}
	}
	return nil
}

func pick(members map[string]json.RawMessage, names []string) (map[string]string, error) {
	picked := make(map[string]string, len(names))
	for _, name := range names {
		var value string
		if err := json.Unmarshal(members[name], &value); err != nil {
			return nil, fmt.Errorf("the dimension %s: %w", name, err)
		}
		picked[name] = value
	}
	return picked, nil
}

// arrivals draws when metrics arrive: one delay for each batch.
type arrivals struct {
	delays      Delays
	lambda, log lateness
}

// lateness remembers the delays that were drawn.
type lateness struct {
	random *rand.Rand
	drawn  map[batch]time.Duration
}

type batch struct {
	function string
	begins   time.Time
}

func newArrivals(d Delays, r random) arrivals {
	return arrivals{
		delays: d,
		lambda: lateness{r.lambdaDelays, map[batch]time.Duration{}},
		log:    lateness{r.logDelays, map[batch]time.Duration{}},
	}
}

// ofCall returns when Lambda's figures of a call arrive that has ended.
func (a *arrivals) ofCall(function string, ended time.Time) time.Time {
	minute := ended.Truncate(time.Minute)
	return minute.Add(time.Minute).Add(a.lambda.of(batch{function, minute}, a.delays.Lambda))
}

// together is how long the lines of a log have the same delay.
const together = 10 * time.Second

// ofLine returns when the metrics of a line arrive.
func (a *arrivals) ofLine(function string, written time.Time) time.Time {
	return written.Add(a.log.of(batch{function, written.Truncate(together)}, a.delays.Log))
}

func (l *lateness) of(b batch, between Between) time.Duration {
	d, ok := l.drawn[b]
	if !ok {
		d = between.From + time.Duration(l.random.Int64N(int64(between.To-between.From)+1))
		l.drawn[b] = d
	}
	return d
}
