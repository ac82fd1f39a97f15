package template

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestShifts(t *testing.T) {
	type object = map[string]any
	linear := func(percent, minutes int) object {
		return object{"Type": "TimeBasedLinear", "TimeBasedLinear": object{"LinearPercentage": percent, "LinearInterval": minutes}}
	}
	for _, x := range []struct {
		name    string
		custom  object
		want    string // the weight after 0, 1, 2, ... minutes
		minutes int    // until all traffic is shifted
	}{
		{"CodeDeployDefault.LambdaLinear10PercentEvery1Minute", nil, "10 20 30 40 50 60 70 80 90 100 100", 9},
		{"CodeDeployDefault.LambdaLinear10PercentEvery2Minutes", nil, "10 10 20 20 30 30 40 40 50 50 60", 18},
		{"CodeDeployDefault.LambdaLinear10PercentEvery3Minutes", nil, "10 10 10 20 20 20 30 30 30 40 40", 27},
		{"CodeDeployDefault.LambdaLinear10PercentEvery10Minutes", nil, "10 10 10 10 10 10 10 10 10 10 20", 90},
		{"CodeDeployDefault.LambdaCanary10Percent10Minutes", nil, "10 10 10 10 10 10 10 10 10 10 100", 10},
		{"CodeDeployDefault.LambdaCanary10Percent15Minutes", nil, "10 10 10 10 10 10 10 10 10 10 10", 15},
		{"CodeDeployDefault.LambdaCanary10Percent30Minutes", nil, "10 10 10 10 10 10 10 10 10 10 10", 30},
		{"CodeDeployDefault.LambdaCanary10Percent5Minutes", nil, "10 10 10 10 10 100 100 100 100 100 100", 5},
		{"CodeDeployDefault.LambdaAllAtOnce", nil, "100 100 100 100 100 100 100 100 100 100 100", 0},
		{"Own", linear(30, 2), "30 30 60 60 90 90 100 100 100 100 100", 6},
		{"Own", object{"Type": "TimeBasedCanary", "TimeBasedCanary": object{"CanaryPercentage": 5, "CanaryInterval": 3}},
			"5 5 5 100 100 100 100 100 100 100 100", 3},
		{"Own", object{"Type": "AllAtOnce"}, "100 100 100 100 100 100 100 100 100 100 100", 0},
	} {
		whole := read(t, fixture)
		set(t, whole, "Resources.ApiGroup.Properties.DeploymentConfigName", x.name)
		if x.custom != nil {
			set(t, whole, "Resources.Own", object{"Type": "AWS::CodeDeploy::DeploymentConfig",
				"Properties": object{"ComputePlatform": "Lambda", "TrafficRoutingConfig": x.custom}})
			set(t, whole, "Resources.ApiGroup.Properties.DeploymentConfigName", object{"Ref": "Own"})
		}
		r, err := release(t, whole)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		s := r.Functions[0].Group.Shift
		for minute := range 11 {
			got += fmt.Sprintf("%d ", s.At(time.Duration(minute)*time.Minute))
		}
		if got != x.want+" " || s.Length() != time.Duration(x.minutes)*time.Minute {
			t.Errorf("%s %v: %s in %s, want %s in %d minutes", x.name, x.custom, got, s.Length(), x.want, x.minutes)
		}
	}
	canary := func(percent, minutes int) object {
		return object{"Type": "TimeBasedCanary", "TimeBasedCanary": object{"CanaryPercentage": percent, "CanaryInterval": minutes}}
	}
	for _, wrong := range []object{
		{}, {"Type": "Random"}, linear(0, 1), linear(-10, 1), linear(100, 1), linear(101, 1), linear(10, 0), linear(10, -1),
		linear(1, 30), linear(10, 1e9), canary(0, 5), canary(100, 5), canary(10, 0), canary(10, 48*60+1), canary(10, 1<<33),
	} {
		whole := read(t, fixture)
		set(t, whole, "Resources.Own", object{"Type": "AWS::CodeDeploy::DeploymentConfig", "Properties": object{"TrafficRoutingConfig": wrong}})
		set(t, whole, "Resources.ApiGroup.Properties.DeploymentConfigName", object{"Ref": "Own"})
		if _, err := release(t, whole); err == nil || !strings.Contains(err.Error(), "Resources.Own.Properties.TrafficRoutingConfig") {
			t.Errorf("%v: %v, want an error that says where", wrong, err)
		}
	}
	for _, name := range []string{
		"LambdaLinear10PercentEvery5Minutes", "LambdaCanary10Percent7Minutes", "LambdaLinear10Percent1Minute",
		"LambdaLinear0PercentEvery1Minute", "AllAtOnce",
	} {
		whole := read(t, fixture)
		set(t, whole, "Resources.ApiGroup.Properties.DeploymentConfigName", "CodeDeployDefault."+name)
		if _, err := release(t, whole); err == nil || !strings.Contains(err.Error(), `"CodeDeployDefault.`+name+`"`) {
			t.Errorf("%s: %v, want an error that names it", name, err)
		}
	}
}
