package template

import (
	"slices"
)

// groupOf is the deployment group that moves the alias, if there is one.
func (t *Template) groupOf(alias *resource) (*Group, error) {
	policy := at{t, "Resources." + alias.id + ".UpdatePolicy", alias.UpdatePolicy}.get("CodeDeployLambdaAliasUpdate")
	if policy.value == nil {
		return nil, nil
	}
	in := policy.get("DeploymentGroupName")
	name, err := in.text()
	if err != nil {
		return nil, err
	}
	for _, r := range t.of("AWS::CodeDeploy::DeploymentGroup") {
		own, err := t.name(r)
		if err != nil {
			return nil, err
		}
		if own == name {
			return t.group(r, name)
		}
	}
	return nil, in.fail("there is no deployment group %q", name)
}

// groupProperties are those that matter to the roll-out, and those that do not: triggers tell people of it.
var groupProperties = []string{
	"DeploymentConfigName", "AlarmConfiguration", "AutoRollbackConfiguration", "DeploymentStyle",
	"ApplicationName", "DeploymentGroupName", "ServiceRoleArn", "TriggerConfigurations", "Tags",
}

func (t *Template) group(r *resource, name string) (*Group, error) {
	if r.Condition != "" {
		return nil, at{t: t, path: "Resources." + r.id + ".Condition"}.fail("conditions are not supported")
	}
	in := t.properties(r)
	if err := in.only(groupProperties...); err != nil {
		return nil, err
	}
	if err := style(in.get("DeploymentStyle")); err != nil {
		return nil, err
	}
	g := &Group{Name: name}
	var err error
	if g.Config, g.Shift, err = t.shift(in.get("DeploymentConfigName")); err != nil {
		return nil, err
	}
	if g.Alarms, err = alarmNames(in.get("AlarmConfiguration")); err != nil {
		return nil, err
	}
	g.TakeBack, err = takesBack(in.get("AutoRollbackConfiguration"))
	return g, err
}

// style wants the one by which an alias is moved.
func style(in at) error {
	if err := in.only("DeploymentType", "DeploymentOption"); err != nil {
		return err
	}
	if err := in.get("DeploymentType").want("BLUE_GREEN"); err != nil {
		return err
	}
	return in.get("DeploymentOption").want("WITH_TRAFFIC_CONTROL")
}

// alarmNames are none when the configuration is not enabled, which it is not by itself. Whether a deployment goes on when
// alarms cannot be looked at, IgnorePollAlarmFailure, does not matter: here they always can.
func alarmNames(in at) (names []string, err error) {
	if in.value == nil {
		return nil, nil
	}
	if err := in.only("Enabled", "Alarms", "IgnorePollAlarmFailure"); err != nil {
		return nil, err
	}
	enabled, err := in.get("Enabled").truth()
	if err != nil || !enabled {
		return nil, err
	}
	alarms, err := in.get("Alarms").list()
	if err != nil {
		return nil, err
	}
	for _, a := range alarms {
		if err := a.only("Name"); err != nil {
			return nil, err
		}
		name, err := a.get("Name").text()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// takesBack needs the configuration enabled and the event among its events.
func takesBack(in at) (bool, error) {
	if in.value == nil {
		return false, nil
	}
	if err := in.only("Enabled", "Events"); err != nil {
		return false, err
	}
	enabled, err := in.get("Enabled").truth()
	if err != nil || !enabled {
		return false, err
	}
	events, err := in.get("Events").texts()
	return slices.Contains(events, "DEPLOYMENT_STOP_ON_ALARM"), err
}
