package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

type buildspec struct {
	Version float64
	Env     struct {
		Shell     string
		Variables map[string]string
	}
	Phases map[string]struct {
		RuntimeVersions map[string]string `yaml:"runtime-versions"`
		Commands        []string
	}
	Artifacts struct{ Files []string }
	Cache     struct{ Paths []string }
}

// readBuildspec refuses what it does not know, so that a misspelt key is found here and not by CodeBuild.
func readBuildspec(t *testing.T) (b buildspec) {
	t.Helper()
	f, err := os.Open("../buildspec.yml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	decoder := yaml.NewDecoder(f)
	decoder.KnownFields(true)
	if err := decoder.Decode(&b); err != nil {
		t.Fatal(err)
	}
	return b
}

// targets are those of the Makefile.
func targets(t *testing.T) map[string]bool {
	text, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):`).FindAllStringSubmatch(string(text), -1) {
		all[m[1]] = true
	}
	return all
}

// A build runs the targets of the Makefile and nothing else, in an order in which each finds what it needs.
func TestBuildRunsTheMakefile(t *testing.T) {
	b, known := readBuildspec(t), targets(t)
	var ran []string
	for _, phase := range []string{"install", "pre_build", "build", "post_build"} {
		for _, command := range b.Phases[phase].Commands {
			list, ok := strings.CutPrefix(command, "make ")
			for target := range strings.FieldsSeq(list) {
				ok = ok && known[target]
				ran = append(ran, target)
			}
			if !ok {
				t.Errorf("%s: %q runs no targets of the Makefile", phase, command)
			}
		}
	}
	want := []string{"fmt", "lint", "dynamodb-local", "stripe-mock", "test", "lambda", "infra-test", "build", "synth", "infra-lint"}
	if !slices.Equal(ran, want) {
		t.Errorf("it runs %q, want %q", ran, want)
	}
	if b.Phases["post_build"].Commands != nil {
		t.Error("post_build runs though the build has failed")
	}
	if b.Version != 0.2 || b.Env.Variables["TRIPSAGA_REQUIRE_DYNAMODB"] != "1" || b.Env.Variables["TRIPSAGA_REQUIRE_STRIPE_MOCK"] != "1" {
		t.Errorf("the version is %v, the variables %v", b.Version, b.Env.Variables)
	}
	for _, runtime := range []string{"golang", "nodejs", "java", "python"} {
		if b.Phases["install"].RuntimeVersions[runtime] == "" {
			t.Errorf("there is no %s", runtime)
		}
	}
}

var fileInCommand = regexp.MustCompile(`(?:--app |bash |chmod \+x )([A-Za-z0-9_./-]+)`)

// What the later stages name is among the artifacts, and what is there is a file of the repository, or made by the build.
func TestArtifactsAreWhatLaterStagesNeed(t *testing.T) {
	files := readBuildspec(t).Artifacts.Files
	needed := []string{"package.json", "package-lock.json", ".npmrc", "cdk.out/manifest.json", "cdk.out/asset.0/x"} // of npm ci, and cdk deploy
	for _, project := range []string{"Deploy", "Check", "CleanUp"} {
		for _, m := range fileInCommand.FindAllStringSubmatch(specOf(t, stacks(t)[pipelineStack].named(t, project)).all(), -1) {
			if m[1] != "cdk.out" {
				needed = append(needed, m[1])
			}
		}
	}
	if len(needed) < 8 {
		t.Errorf("the later stages need %q only", needed)
	}
	for _, file := range needed {
		if !slices.ContainsFunc(files, func(pattern string) bool { return isArtifact(pattern, file) }) {
			t.Errorf("%s is not among the artifacts %q", file, files)
		}
	}
	for _, pattern := range files {
		made := strings.HasPrefix(pattern, "cdk.out/") || strings.HasPrefix(pattern, "bin/")
		if found, _ := filepath.Glob(filepath.Join("..", pattern)); len(found) == 0 && !made {
			t.Errorf("%s is no file", pattern)
		}
	}
}

// isArtifact matches as CodeBuild does: ** matches all folders below.
func isArtifact(pattern, file string) bool {
	if folder, ok := strings.CutSuffix(pattern, "**/*"); ok {
		return strings.HasPrefix(file, folder)
	}
	ok, _ := path.Match(pattern, file)
	return ok
}

// What is kept between builds lies where the tools have it.
func TestCaches(t *testing.T) {
	b := readBuildspec(t)
	for _, folder := range []string{b.Env.Variables["GOCACHE"], b.Env.Variables["GOMODCACHE"], "/root/.npm", "/root/.m2", "/root/.cache/pip"} {
		if folder == "" || !slices.Contains(b.Cache.Paths, folder+"/**/*") {
			t.Errorf("%q is not kept: %q", folder, b.Cache.Paths)
		}
	}
}
