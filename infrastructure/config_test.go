package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// archive is a file that passes for the functions' archive.
func archive(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "function.zip")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const secretOfStripe = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-AbCdEf"

func TestContextIsRead(t *testing.T) {
	code := archive(t)
	want := Config{
		Code: code, Deployment: "CANARY_10PERCENT_5MINUTES", IgnoreAlarms: true, SkipTrial: true, JWTIssuer: "https://id.example.com/",
		JWTAudience: []string{"trips", "desk"}, CORSOrigins: []string{"https://example.com", "http://localhost:8080"},
		ThrottleRate: 12.5, ThrottleBurst: 25, Traces: "otlp", LogLevel: "debug", LogRetentionDays: 90, AlarmEmail: "ops@example.com", Repository: "owner/name",
		Branch: "release/1", ConnectionARN: "arn:aws:codeconnections:eu-west-1:123456789012:connection/0a-1b",
		Payments: "stripe", StripeSecretARN: secretOfStripe, StripeLive: true, Lanes: 3, BuildSize: "MEDIUM", Prefix: "travel",
		Staging: Place{"111111111111", "eu-west-1"}, Production: Place{"222222222222", "us-gov-west-1"}, Pipeline: Place{"111111111111", "eu-west-1"},
		StagingTable:    "arn:aws:dynamodb:eu-west-1:111111111111:table/trips/stream/2026-11-28T12:00:00.000",
		ProductionTable: "arn:aws-us-gov:dynamodb:us-gov-west-1:222222222222:table/trips/stream/2026-11-28T12:00:00.000",
	}
	texts := map[string]any{
		"code": code, "deployment": want.Deployment, "ignoreAlarms": "true", "skipTrial": "true", "jwtIssuer": want.JWTIssuer,
		"jwtAudience": "trips, desk", "corsOrigins": "https://example.com,http://localhost:8080", "throttleRate": "12.5",
		"throttleBurst": "25", "traces": "otlp", "logLevel": "debug", "logRetentionDays": "90", "alarmEmail": want.AlarmEmail, "repository": want.Repository,
		"branch": want.Branch, "connectionArn": want.ConnectionARN,
		"payments": want.Payments, "stripeSecretArn": want.StripeSecretARN, "stripeLive": "true",
		"lanes": "3", "buildSize": "MEDIUM", "prefix": "travel",
		"staging": "111111111111/eu-west-1", "production": "222222222222/us-gov-west-1", "pipeline": "111111111111/eu-west-1", "stagingTable": want.StagingTable, "productionTable": want.ProductionTable,
	}
	native := maps.Clone(texts)
	maps.Copy(native, map[string]any{
		"ignoreAlarms": true, "skipTrial": true, "jwtAudience": []any{"trips", "desk"}, "throttleRate": 12.5, "throttleBurst": float64(25),
		"corsOrigins": []any{"https://example.com", "http://localhost:8080"}, "logRetentionDays": float64(90), "lanes": float64(3),
	})
	for form, context := range map[string]map[string]any{"texts": texts, "native": native} {
		got, err := configOf(context, "")
		got.given = nil
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", form, got, err, want)
		}
	}
}

func TestContextThatIsRefused(t *testing.T) {
	code := archive(t)
	for _, c := range []struct {
		context map[string]any
		want    []string
	}{
		{map[string]any{"code": "nowhere.zip"}, []string{"code=nowhere.zip: there is no such file: run make lambda"}},
		{map[string]any{"code": t.TempDir()}, []string{"is a folder"}},
		{map[string]any{"deployment": "LINEAR_50"}, []string{"deployment=LINEAR_50: ", "; allowed: LINEAR_10PERCENT_EVERY_1MINUTE, "}},
		{map[string]any{"staging": "1/eu-west-1"}, []string{"staging=1/eu-west-1: ", "; allowed: ACCOUNT/REGION, such as 123456789012/eu-west-1"}},
		{map[string]any{"staging": "123456789012"}, []string{"staging=123456789012: "}},
		{map[string]any{"production": "123456789012/eu-west-1"}, []string{"staging: missing; give staging, production and pipeline", "pipeline: missing"}},
		{map[string]any{"stagingTable": "trips"}, []string{"stagingTable=trips: ", "; allowed: the ARN of the stream of an existing table, such as arn:aws:dynamodb:"}},
		{map[string]any{"productionTable": "arn:aws:dynamodb:eu-west-1:123456789012:table/trips"}, []string{"productionTable=arn:aws:dynamodb:eu-west-1:123456789012:table/trips: the value is not allowed"}},
		{map[string]any{"stagingTable": stream("trips"), "productionTable": stream("trips")}, []string{"productionTable=" + stream("trips") + ": is staging's table, too"}},
		{map[string]any{"productionTable": stream("trips"), "staging": "123456789012/eu-west-1", "production": "123456789012/eu-west-3", "pipeline": "123456789012/eu-west-1"},
			[]string{"productionTable=" + stream("trips") + ": the stage is in 123456789012/eu-west-3; allowed: a table there"}},
		{map[string]any{"prefix": "Travel"}, []string{"prefix=Travel: ", "; allowed: 2 to 20 lower-case letters"}},
		{map[string]any{"prefix": "travel-"}, []string{"prefix=travel-: "}},
		{map[string]any{"prefix": strings.Repeat("x", 21)}, []string{"prefix=xxx"}},
		{map[string]any{"pullRequest": "0"}, []string{"pullRequest=0: the value is not allowed; allowed: a whole number from 1 to 9999999"}},
		{map[string]any{"pullRequest": -1.0}, []string{"pullRequest=-1: ", "; allowed: a whole number from 1 to 9999999"}},
		{map[string]any{"pullRequest": "abc"}, []string{"pullRequest=abc: ", "; allowed: a whole number from 1 to 9999999"}},
		{map[string]any{"pullRequest": 1e12}, []string{"pullRequest=1e+12: ", "; allowed: a whole number from 1 to 9999999"}},
		{map[string]any{"pullRequest": "production"}, []string{"pullRequest=production: "}},
		{map[string]any{"pullRequest": "+7"}, []string{"pullRequest=+7: "}},
		{map[string]any{"pullRequest": "007"}, []string{"pullRequest=007: "}},
		{map[string]any{"lanes": "04"}, []string{"lanes=04: "}},
		{map[string]any{"throttleBurst": "+9"}, []string{"throttleBurst=+9: "}},
		{map[string]any{"throttleRate": "0x1p3"}, []string{"throttleRate=0x1p3: "}},
		{map[string]any{"logRetentionDays": "030"}, []string{"logRetentionDays=030: "}},
		{map[string]any{"github": "-a/b"}, []string{"github=-a/b: "}},
		{map[string]any{"corsOrigins": "https://example.com:99999"}, []string{"a port is at most 65535"}},
		{map[string]any{"jwtIssuer": "https://example.com:99999", "jwtAudience": "a"}, []string{"a port is at most 65535"}},
		{map[string]any{"corsOrigins": "https://example.com, https://example.com"}, []string{`"https://example.com": it is given twice`}},
		{map[string]any{"jwtIssuer": "https://example.com", "jwtAudience": "a,a"}, []string{`"a": it is given twice`}},
		{map[string]any{"pullRequest": "1.5"}, []string{"pullRequest=1.5: "}},
		{map[string]any{"github": "example/tripsaga", "staging": "123456789012/eu-west-1"}, []string{"production: missing; give staging and production, or none of them"}},
		{map[string]any{"github": "tripsaga"}, []string{"github=tripsaga: ", "; allowed: owner/name, or owner@id/name@id"}},
		{map[string]any{"github": "example/*"}, []string{"github=example/*: "}},
		{map[string]any{"github": "example/tripsaga:ref:x"}, []string{"github=example/tripsaga:ref:x: "}},
		{map[string]any{"github": "example@1/tripsaga"}, []string{"github=example@1/tripsaga: "}},
		{map[string]any{"github": "example/tripsaga", "repository": "example/tripsaga"}, []string{"repository=example/tripsaga: is the pipeline's"}},
		{map[string]any{"github": "example/tripsaga", "githubTokenSecret": "token"}, []string{"githubTokenSecret=token: is the pipeline's"}},
		{map[string]any{"lanes": "1"}, []string{"lanes=1: ", "; allowed: a whole number from 2 to 15"}},
		{map[string]any{"lanes": 16.0}, []string{"lanes=16: "}},
		{map[string]any{"lanes": 2.5}, []string{"lanes=2.5: "}},
		{map[string]any{"buildSize": "large"}, []string{"buildSize=large: ", "; allowed: SMALL, MEDIUM, LARGE, X2_LARGE"}},
		{map[string]any{"ignoreAlarms": "yes"}, []string{"ignoreAlarms=yes: ", "; allowed: true, false"}},
		{map[string]any{"jwtIssuer": "http://id.example.com", "jwtAudience": "a"}, []string{"jwtIssuer=http://id.example.com: ", "; allowed: an https URL"}},
		{map[string]any{"jwtIssuer": "https://id.example.com"}, []string{"jwtIssuer=https://id.example.com: needs jwtAudience"}},
		{map[string]any{"jwtAudience": "a"}, []string{"jwtAudience=a: needs jwtIssuer"}},
		{map[string]any{"jwtIssuer": "https://id.example.com", "jwtAudience": "a,,b"}, []string{`jwtAudience=a,,b: "": `}},
		{map[string]any{"jwtAudience": []any{1.0}}, []string{"jwtAudience=[1]: "}},
		{map[string]any{"corsOrigins": "*"}, []string{`corsOrigins=*: "*": the value is not allowed`, "not *"}},
		{map[string]any{"corsOrigins": "https://example.com/app"}, []string{"an origin has no path"}},
		{map[string]any{"corsOrigins": "https://example.com/"}, []string{"an origin has no path"}},
		{map[string]any{"corsOrigins": "https://example.com?"}, []string{"an origin has no path"}},
		{map[string]any{"corsOrigins": "https://*"}, []string{"wildcards are not allowed"}},
		{map[string]any{"corsOrigins": "https://*.example.com"}, []string{"wildcards are not allowed"}},
		{map[string]any{"corsOrigins": "https://Example.com"}, []string{"in lower case"}},
		{map[string]any{"corsOrigins": "HTTPS://example.com"}, []string{"in lower case"}},
		{map[string]any{"corsOrigins": "https://bücher.example"}, []string{"ASCII"}},
		{map[string]any{"corsOrigins": "https://example.com:443"}, []string{"leave out the scheme's own port"}},
		{map[string]any{"corsOrigins": "null"}, []string{"corsOrigins=null: "}},
		{map[string]any{"corsOrigins": "https://example.com, *"}, []string{`corsOrigins=https://example.com, *: "*": `}},
		{map[string]any{"throttleRate": "0.5"}, []string{"throttleRate=0.5: ", "from 1 to 10000"}},
		{map[string]any{"throttleRate": "NaN"}, []string{"throttleRate=NaN: "}},
		{map[string]any{"throttleBurst": 10_001.0}, []string{"throttleBurst=10001: "}},
		{map[string]any{"throttleBurst": 1.5}, []string{"throttleBurst=1.5: ", "a whole number"}},
		{map[string]any{"traces": "collector"}, []string{"traces=collector: ", "; allowed: daemon, otlp"}},
		{map[string]any{"logLevel": "trace"}, []string{"logLevel=trace: ", "; allowed: debug, info, warn, error"}},
		{map[string]any{"logLevel": "DEBUG"}, []string{"logLevel=DEBUG: "}},
		{map[string]any{"logRetentionDays": 31.0}, []string{"logRetentionDays=31: ", "14 30 60"}},
		{map[string]any{"alarmEmail": "ops"}, []string{"alarmEmail=ops: ", "; allowed: an e-mail address"}},
		{map[string]any{"alarmEmail": "Ops <ops@example.com>"}, []string{"alarmEmail=Ops <ops@example.com>: "}},
		{map[string]any{"repository": "name"}, []string{"repository=name: ", "; allowed: owner/name"}},
		{map[string]any{"branch": "a b"}, []string{"branch=a b: "}},
		{map[string]any{"connectionArn": "arn:aws:s3:::bucket"}, []string{"connectionArn=arn:aws:s3:::bucket: "}},
		{map[string]any{"githubTokenSecret": "arn:aws:secretsmanager:x"}, []string{"githubTokenSecret=arn:aws:secretsmanager:x: "}},
		{map[string]any{"githubTokenSecret": "token", "connectionArn": "arn:aws:codeconnections:eu-west-1:123456789012:connection/0a"},
			[]string{"githubTokenSecret=token: takes the place of connectionArn=arn:aws:codeconnections:"}},
		{map[string]any{"payments": "paypal"}, []string{"payments=paypal: ", "; allowed: bank, stripe"}},
		{map[string]any{"payments": "stripe"}, []string{"payments=stripe: needs stripeSecretArn"}},
		{map[string]any{"payments": "bank", "stripeSecretArn": secretOfStripe}, []string{"stripeSecretArn=" + secretOfStripe + ": needs payments=stripe"}},
		{map[string]any{"stripeLive": true}, []string{"stripeLive=true: needs payments=stripe"}},
		{map[string]any{"payments": "stripe", "stripeSecretArn": secretOfStripe[:len(secretOfStripe)-3] + "*"}, []string{"stripeSecretArn: the value is not allowed"}},
		{map[string]any{"payments": "stripe", "stripeSecretArn": "sk_live_1"}, []string{"stripeSecretArn: the value is not allowed; allowed: the ARN of a secret"}},
		{map[string]any{"jwtIsuer": "https://id.example.com"}, []string{"jwtIsuer=https://id.example.com: there is no such key; allowed: code, prefix, pullRequest, staging, "}},
		{map[string]any{"branch": []any{map[string]any{}}, "alarmEmail": "ops", "throttleRate": true},
			[]string{"branch=", "alarmEmail=ops", "throttleRate=true"}},
	} {
		if _, given := c.context["code"]; !given {
			c.context["code"] = code
		}
		_, err := configOf(c.context, "")
		if err == nil {
			t.Errorf("%v: accepted", c.context)
			continue
		}
		if strings.Contains(err.Error(), "sk_live_1") {
			t.Errorf("%v: the message has the key: %v", c.context, err)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %v\nwant in it %q", c.context, err, want)
			}
		}
	}
}

func TestContextTakesTheRestFromTheVariable(t *testing.T) {
	code := archive(t)
	context := map[string]any{"code": code, "branch": "main", "alarmEmail": "", "aws:cdk:enable-path-metadata": true}
	got, err := configOf(context, `{"branch": "other", "alarmEmail": "ops@example.com", "jwtAudience": null, "throttleRate": 7}`)
	if err != nil {
		t.Fatal(err)
	}
	if got.Branch != "main" || got.AlarmEmail != "" || got.ThrottleRate != 7 || got.JWTAudience != nil {
		t.Errorf("got %+v", got)
	}
	if want := map[string]any{"branch": "main", "throttleRate": 7.0}; !reflect.DeepEqual(got.Given(), want) {
		t.Errorf("given is %v, want %v", got.Given(), want)
	}
	for inherited, want := range map[string]string{
		`{"jwtIsuer": "https://id.example.com"}`: "there is no such key", `{"a-b": 1}`: "there is no such key",
		`[]`: "a JSON object", `{`: "a JSON object", `{"throttleRate": 0}`: "throttleRate=0",
	} {
		if _, err := configOf(map[string]any{"code": code}, inherited); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want in it %q", inherited, err, want)
		}
	}
	if _, err := configOf(map[string]any{"code": code}, "null"); err != nil {
		t.Error(err)
	}
}

// What cdk.json says is read by every build: handed on as well, it would stay when it is taken out there.
func TestWhatIsHandedOn(t *testing.T) {
	code := archive(t)
	given := func(file string, context map[string]any) map[string]any {
		t.Helper()
		t.Chdir(t.TempDir())
		if err := os.WriteFile("cdk.json", []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		context["code"] = code
		c, err := readConfig(awscdk.NewApp(&awscdk.AppProps{Context: &context}))
		if err != nil {
			t.Fatal(err)
		}
		return c.Given()
	}
	t.Setenv(contextVariable, `{"alarmEmail": "ops@example.com", "branch": "release/1"}`)
	for _, tt := range []struct {
		file    string
		context map[string]any
		want    map[string]any
	}{
		{`{}`, map[string]any{"throttleRate": "7"}, map[string]any{"alarmEmail": "ops@example.com", "branch": "release/1", "throttleRate": "7"}},
		{`{"context": {"branch": "main", "skipTrial": true}}`, map[string]any{"branch": "main", "skipTrial": true, "ignoreAlarms": "true"},
			map[string]any{"alarmEmail": "ops@example.com"}},
		{`{"context": {"alarmEmail": ""}}`, map[string]any{"alarmEmail": ""}, map[string]any{"branch": "release/1"}},
	} {
		if got := given(tt.file, tt.context); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("of %s and %v is handed on %v, want %v", tt.file, tt.context, got, tt.want)
		}
	}
	if err := os.WriteFile("cdk.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readConfig(awscdk.NewApp(&awscdk.AppProps{Context: &map[string]any{"code": code}})); err == nil {
		t.Error("a broken cdk.json passes")
	}
}

// The CDK's own keys are ignored. They contain characters other than letters; an unknown key of letters only is a mistake.
func TestContextOfTheCDKIsNoMistake(t *testing.T) {
	app := awscdk.NewApp(&awscdk.AppProps{Context: &map[string]any{"code": archive(t), "cli-telemetry": false}})
	if _, err := readConfig(app); err != nil {
		t.Error(err)
	}
}

// Every field is one of the settings and every setting is documented with the field that it sets.
func TestSettingsAreTheFieldsOfConfig(t *testing.T) {
	source, err := os.ReadFile("config.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys() {
		if !strings.Contains(string(source), "// "+key) {
			t.Errorf("no field of Config is commented with %s", key)
		}
	}
	exported := slices.DeleteFunc(reflect.VisibleFields(reflect.TypeFor[Config]()), func(f reflect.StructField) bool { return !f.IsExported() })
	if len(exported) != len(keys()) {
		t.Errorf("Config has %d fields, settings %d keys", len(exported), len(keys()))
	}
}

const deployDoc = "../docs/deploy.md"

// TestContextIsDocumented holds the table of the context's keys to what is read, but for the last column.
func TestContextIsDocumented(t *testing.T) {
	text, err := os.ReadFile(deployDoc)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(text), "<!-- context -->\n")
	table, _, ends := strings.Cut(rest, "<!-- /context -->")
	if !begins || !ends {
		t.Fatalf("%s has no table of the context", deployDoc)
	}
	rows := strings.Split(strings.TrimSpace(table), "\n")[2:] // below the titles
	if len(rows) != len(settings()) {
		t.Errorf("%s has %d keys, and %d are read", deployDoc, len(rows), len(settings()))
	}
	for i, s := range settings() {
		standard := "none"
		if s.standard != "" {
			standard = "`" + s.standard + "`"
		}
		want := fmt.Sprintf("| `%s` | %s | %s | ", s.key, standard, s.allowed)
		if i >= len(rows) {
			t.Errorf("%s lacks %s…", deployDoc, want)
		} else if meaning, ok := strings.CutPrefix(rows[i], want); !ok || len(meaning) < len("x |") {
			t.Errorf("%s: the row\n%s\nshould begin with\n%s", deployDoc, rows[i], want)
		}
	}
}
