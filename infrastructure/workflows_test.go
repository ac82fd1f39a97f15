package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

type workflow struct {
	On          map[string]any
	Permissions map[string]string
	Concurrency map[string]any
	Jobs        map[string]job

	text string
}

type job struct {
	If, Uses, Environment string
	Needs                 string
	Permissions           map[string]string
	Concurrency           map[string]any
	Env, With             map[string]string
	Steps                 []workflowStep
}

type workflowStep struct {
	If, Run, Uses string
	With          map[string]string
}

func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	paths, err := filepath.Glob("../.github/workflows/*")
	if err != nil || len(paths) != 5 {
		t.Fatalf("there are %d workflows, want 5: %v", len(paths), err)
	}
	all := map[string]workflow{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w := workflow{text: string(text)}
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[filepath.Base(path)] = w
	}
	return all
}

// commands are the lines that the steps of a job run, those of conditional steps apart.
func (j job) commands() (always, sometimes []string) {
	for _, s := range j.Steps {
		for line := range strings.Lines(s.Run) {
			if line = strings.TrimSpace(line); s.If == "" {
				always = append(always, line)
			} else {
				sometimes = append(sometimes, line)
			}
		}
	}
	return always, sometimes
}

// The build is the pipeline's: the same targets of the Makefile, runtimes, artifacts and demands.
func TestTheWorkflowBuildsAsThePipeline(t *testing.T) {
	spec, build := readBuildspec(t), workflows(t)["build.yml"].Jobs["build"]
	always, sometimes := build.commands()
	if want := slices.Concat(spec.Phases["pre_build"].Commands, spec.Phases["build"].Commands); !slices.Equal(always, want) {
		t.Errorf("it runs %q, the pipeline %q", always, want)
	}
	if !slices.Equal(sometimes, []string{"make synth"}) {
		t.Errorf("for a pull request it runs %q", sometimes)
	}
	for _, variable := range []string{"TRIPSAGA_REQUIRE_DYNAMODB", "TRIPSAGA_REQUIRE_STRIPE_MOCK", "GOFLAGS"} {
		if got, want := build.Env[variable], spec.Env.Variables[variable]; got != want || got == "" {
			t.Errorf("%s is %q, the pipeline's %q", variable, got, want)
		}
	}
	runtimes := spec.Phases["install"].RuntimeVersions
	for _, s := range build.Steps {
		given := s.With
		for input, want := range map[string]string{
			"node-version": runtimes["nodejs"], "python-version": runtimes["python"], "java-version": strings.TrimPrefix(runtimes["java"], "corretto"),
			"path": strings.Join(spec.Artifacts.Files, "\n"),
		} {
			if got, ok := given[input]; ok && strings.TrimSpace(got) != want {
				t.Errorf("%s has %s %q, the pipeline %q", s.Uses, input, got, want)
			}
		}
		if strings.HasPrefix(s.Uses, "actions/upload-artifact@") && given["include-hidden-files"] != "true" {
			t.Error(".npmrc is left out of the artifact")
		}
	}
}

var ofStage = regexp.MustCompile(`--stack tripsaga-(staging|production)`)

// A deployment and its checks are the pipeline's commands, in their order. The pipeline's own are how it gets its values
// from one action to the next, and its role for checks.
func TestTheWorkflowDeploysAsThePipeline(t *testing.T) {
	always, sometimes := workflows(t)["deploy.yml"].Jobs["deploy"].commands()
	runs := append(always, sometimes...)
	var want []string
	for _, project := range []string{"Deploy", "Check", "CleanUp"} {
		for line := range strings.Lines(specOf(t, stacks(t)[pipelineStack].named(t, project)).all()) {
			line = ofStage.ReplaceAllString(strings.TrimSpace(line), `--stack "$$STACK_NAME"`)
			if line, _, ok := strings.Cut(line, " --prefix "); ok { // the flags are in the template
				want = append(want, line+" $DOCTOR_FLAGS")
			} else if !strings.HasPrefix(line, "export ") && !strings.HasPrefix(line, "printf ") && !slices.Contains(want, line) {
				want = append(want, line)
			}
		}
	}
	if len(want) < 10 {
		t.Fatalf("the pipeline runs %q only", want)
	}
	at := 0
	for _, line := range want {
		i := slices.Index(runs[at:], line)
		if i < 0 {
			t.Fatalf("after %q the pipeline runs\n%s\nand the workflow runs\n%s", runs[:at], line, strings.Join(runs[at:], "\n"))
		}
		at += i + 1
	}
}

var pinned = regexp.MustCompile(`(?m)^\s*(?:- )?uses: (\./\.github/workflows/[a-z]+\.yml|[a-z-]+/[a-z-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+)$`)

// Nothing that a stranger writes reaches a shell or a credential, and no action changes by itself.
func TestWorkflowsTrustNobody(t *testing.T) {
	for name, w := range workflows(t) {
		if got, want := len(pinned.FindAllString(w.text, -1)), strings.Count(w.text, "uses:"); got != want || got == 0 {
			t.Errorf("%s: %d of %d actions are pinned by a commit, with their version", name, got, want)
		}
		if w.Permissions == nil || len(w.Permissions) != 0 {
			t.Errorf("%s: a job without permissions of its own has %v", name, w.Permissions)
		}
		for _, event := range []string{"pull_request_target", "workflow_run", "issue_comment"} {
			if _, ok := w.On[event]; ok {
				t.Errorf("%s runs for %s, with the rights of the repository and the files of a stranger", name, event)
			}
		}
		for id, j := range w.Jobs {
			for _, s := range j.Steps {
				if strings.Contains(s.Run, "${{") {
					t.Errorf("%s, %s: an expression is put into a shell's text: %s", name, id, s.Run)
				}
				if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != "false" {
					t.Errorf("%s, %s: the repository's token is left to the build", name, id)
				}
			}
			// What publishes the site does nothing else: it runs no command, and has no file of the repository.
			publishes := slices.ContainsFunc(j.Steps, func(s workflowStep) bool { return strings.HasPrefix(s.Uses, "actions/deploy-pages@") })
			if publishes && (len(j.Steps) != 1 || j.Environment != "github-pages" || j.Permissions["contents"] != "") {
				t.Errorf("%s, %s publishes the site in %q with %v, and has %d steps", name, id, j.Environment, j.Permissions, len(j.Steps))
			}
			if may := j.Permissions["pages"] == "write"; may != publishes {
				t.Errorf("%s, %s may publish the site: %v, and does: %v", name, id, may, publishes)
			}
			for scope, level := range j.Permissions {
				if scope+" "+level != "contents read" && scope+" "+level != "id-token write" && scope+" "+level != "pages write" {
					t.Errorf("%s, %s may %s %s", name, id, level, scope)
				}
			}
			credentials := slices.ContainsFunc(j.Steps, func(s workflowStep) bool { return strings.HasPrefix(s.Uses, "aws-actions/") })
			deploys := credentials || j.Uses == "./.github/workflows/deploy.yml"
			if may := j.Permissions["id-token"] == "write"; may != (deploys || publishes) {
				t.Errorf("%s, %s may have a token: %v, and needs one: %v", name, id, may, deploys || publishes)
			}
			if credentials && j.Environment == "" {
				t.Errorf("%s, %s has no environment, and so no role and no rules", name, id)
			}
		}
	}
}

const sameRepository = "github.event.pull_request.head.repo.full_name == github.repository"

// In a copy of the repository without its variables nothing runs, and of a fork's pull request nothing ever.
func TestWorkflowsRunOnlyWhereTheyAreMeant(t *testing.T) {
	for name, w := range workflows(t) {
		if _, called := w.On["workflow_call"]; called {
			if len(w.On) != 1 {
				t.Errorf("%s runs by itself", name)
			}
			continue
		}
		for id, j := range w.Jobs {
			for needs := j.Needs; needs != "" && j.If == ""; needs = w.Jobs[needs].Needs {
				j.If = w.Jobs[needs].If // a job is skipped with what it needs
			}
			site := name == "pages.yml" && j.If == "vars.TRIPSAGA_PAGES == 'publish'"
			if !site && (!strings.HasPrefix(j.If, "vars.TRIPSAGA_") || !strings.Contains(j.If, "_ROLE != ''")) {
				t.Errorf("%s, %s runs if %q", name, id, j.If)
			}
			if _, ok := w.On["pull_request"]; ok && !strings.Contains(j.If, sameRepository) {
				t.Errorf("%s, %s runs for forks: %q", name, id, j.If)
			}
			if environment := j.With["environment"]; environment != "" {
				want := map[string]string{"staging": stagingStack, "production": productionStack, pullRequestEnvironment: pullRequestStack}[environment]
				role := "${{ vars.TRIPSAGA_" + strings.ToUpper(strings.ReplaceAll(environment, "-", "_")) + "_ROLE }}"
				if j.With["stack"] != want || j.With["role"] != role {
					t.Errorf("%s, %s deploys %s by %s in %s", name, id, j.With["stack"], j.With["role"], environment)
				}
			}
		}
	}
}

// Deployments to one place take turns, none is cut short, and credentials last as long as a job may.
func TestWorkflowsCutNoDeploymentShort(t *testing.T) {
	all := workflows(t)
	deploy := all["deploy.yml"].Jobs["deploy"]
	for where, c := range map[string]map[string]any{"deploy.yml": deploy.Concurrency, "pull-request.yml": all["pull-request.yml"].Concurrency} {
		group, _ := c["group"].(string)
		if c["cancel-in-progress"] != false || !strings.Contains(group, "github.event.number") {
			t.Errorf("%s: %v", where, c)
		}
	}
	if group := deploy.Concurrency["group"].(string); !strings.Contains(group, "inputs.environment") || group == all["pull-request.yml"].Concurrency["group"] {
		t.Errorf("the group of deployments is %s", group)
	}
	seconds := ""
	for _, s := range deploy.Steps {
		if s.With["role-duration-seconds"] != "" {
			seconds = s.With["role-duration-seconds"]
		}
	}
	if one, _ := delivery(t); one[gitHubStagingStack].named(t, "Staging").at("MaxSessionDuration") != 21600.0 || seconds != "21600" {
		t.Errorf("credentials are for %s s", seconds)
	}
}
