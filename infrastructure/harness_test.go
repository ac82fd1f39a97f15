package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// template is a synthesised CloudFormation template.
type template struct {
	raw        []byte
	stack      stackProperties
	Metadata   map[string]any
	Parameters map[string]map[string]any
	Resources  map[string]resource
	Outputs    map[string]map[string]any
}

// stackProperties are what the CDK passes to CloudFormation beside the template.
type stackProperties struct {
	StackName             string
	TerminationProtection bool
	Tags                  map[string]string
}

type manifest struct {
	Artifacts map[string]struct{ Properties stackProperties }
}

func readManifest(dir string) (m manifest, err error) {
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	return m, err
}

const suffix = ".template.json"

type resource struct {
	Type                string
	Properties          map[string]any
	Metadata            map[string]any
	DependsOn           any
	DeletionPolicy      string
	UpdateReplacePolicy string
	UpdatePolicy        map[string]any
}

// ofType lists the resources of a type by their logical ids.
func (t *template) ofType(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// A build in the pipeline has its own context there, which the tests must not read.
func init() { os.Unsetenv(contextVariable) }

// standard are the stacks without any context, synthesised once, since that takes seconds.
var standard = sync.OnceValues(func() (map[string]*template, error) { return synthesise(nil) })

// custom are the stacks under a context that changes what it can change of the application.
var custom = sync.OnceValues(func() (map[string]*template, error) {
	return synthesise(map[string]any{
		"jwtIssuer": "https://id.example.com/", "jwtAudience": "trips,desk", "corsOrigins": "https://example.com",
		"throttleRate": 7.5, "throttleBurst": 9.0, "traces": "otlp", "logLevel": "debug", "logRetentionDays": 90.0, "ignoreAlarms": true,
		"lanes": 15.0, "buildSize": "MEDIUM", "prefix": "travel",
	})
})

func customised(t *testing.T) map[string]*template {
	t.Helper()
	all, err := custom()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func stacks(t *testing.T) map[string]*template {
	t.Helper()
	all, err := standard()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// stacksWith are the stacks under another context.
func stacksWith(t *testing.T, context map[string]any) map[string]*template {
	t.Helper()
	all, err := synthesise(context)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// synthesise takes an archive whose bytes never change, so that the templates follow from this module alone.
func synthesise(context map[string]any) (map[string]*template, error) {
	dir, err := os.MkdirTemp("", "tripsaga-synth-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	code := filepath.Join(dir, "function.zip")
	if err := os.WriteFile(code, []byte("PK\x05\x06"+string(make([]byte, 18))), 0o600); err != nil {
		return nil, err
	}
	out := filepath.Join(dir, "cdk.out")
	full := map[string]any{"code": code}
	for k, v := range context {
		full[k] = v
	}
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: &out, Context: &full, AnalyticsReporting: jsii.Bool(false)})
	config, err := readConfig(app)
	if err != nil {
		return nil, err
	}
	addStacks(app, config)
	app.Synth(nil)
	return readTemplates(out)
}

func readTemplates(dir string) (map[string]*template, error) {
	all := map[string]*template{}
	paths, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return nil, err
	}
	manifest, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), suffix)
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		t := &template{raw: raw, stack: manifest.Artifacts[name].Properties}
		if err := json.Unmarshal(raw, t); err != nil {
			return nil, err
		}
		all[name] = t
	}
	return all, nil
}
