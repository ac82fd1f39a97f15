package main

import (
	"slices"
	"testing"
)

// calls of Lambda that the trial of one alias keeps busy: the hook, and the function that it tries.
const callsOfATrial = 2

// before lists the aliases that are deployed before one, because it waits for them, directly or not.
func (s *template) before(id string) (all []string) {
	for _, dependency := range list(s.Resources[id].DependsOn) {
		if next := dependency.(string); s.Resources[next].Type == "AWS::Lambda::Alias" {
			all = append(append(all, next), s.before(next)...)
		}
	}
	return all
}

// atOnce is the greatest number of aliases of which none waits for another one: those whose place in their lane is the same.
func (s *template) atOnce() (most int) {
	places := map[int]int{}
	for id := range s.ofType("AWS::Lambda::Alias") {
		place := len(s.before(id))
		places[place]++
		most = max(most, places[place])
	}
	return most
}

func TestTrialsFitIntoANewAccount(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s *template) {
		if n := s.atOnce(); n != 4 || n*callsOfATrial > 10 {
			t.Errorf("%d aliases are deployed at once, with %d concurrent calls; want 4, and at most 10 calls", n, n*callsOfATrial)
		}
		for id := range s.ofType("AWS::Lambda::Alias") {
			if before := s.before(id); len(before) > 3 || len(before) != len(slices.Compact(slices.Sorted(slices.Values(before)))) {
				t.Errorf("%s waits for %d aliases, want a lane of at most 4", name(id), len(before))
			}
		}
	})
	for stack, want := range map[string]int{stagingStack: 15, productionStack: 15} {
		if n := customised(t)[stack].atOnce(); n != want {
			t.Errorf("with lanes=15, %d aliases of %s are deployed at once, want %d", n, stack, want)
		}
	}
}

func TestTheTimeOfADeployment(t *testing.T) {
	for deployment, want := range map[string]int{
		"LINEAR_10PERCENT_EVERY_1MINUTE": 2*4*(9+5) + 60, "LINEAR_10PERCENT_EVERY_10MINUTES": 2*4*(90+5) + 60,
		"CANARY_10PERCENT_30MINUTES": 2*4*(30+5) + 60, "ALL_AT_ONCE": 2*4*5 + 60,
	} {
		c := Config{Deployment: deployment, Lanes: 4}
		if got := c.deployMinutes(15); got != want {
			t.Errorf("%s takes up to %d minutes, want %d", deployment, got, want)
		}
	}
	const limit = 36 * 60 // of CodeBuild
	for _, deployment := range deployments {
		c := Config{Deployment: deployment, Lanes: 1}
		if got := c.deployMinutes(8); got > limit {
			t.Errorf("%s takes up to %d minutes, and CodeBuild stops at %d", deployment, got, limit)
		}
	}
}
