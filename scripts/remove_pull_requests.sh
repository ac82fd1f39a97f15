#!/usr/bin/env bash
# Deletes the stage of a pull request, or all that have not been deployed for some days, with everything that they stored.
# A stack without the tag and the name of a pull request's stage is never deleted.
set -euo pipefail

usage="usage: remove_pull_requests.sh PREFIX NUMBER, or PREFIX --unused DAYS; such as tripsaga 123"
prefix=${1:?$usage} what=${2:?$usage}
refuse() { echo "$1: allowed is $2" >&2 && exit 2; }
[[ $prefix =~ ^[a-z][a-z0-9-]{0,18}[a-z0-9]$ ]] || refuse "PREFIX $prefix" "the context's prefix, such as tripsaga"
if [ "$what" = --unused ]; then
	days=${3:?$usage}
	[[ $days =~ ^[1-9][0-9]{0,2}$ ]] || refuse "--unused $days" "a whole number of days from 1 to 999"
	before=$(date -u -d "$days days ago" +%Y-%m-%dT%H:%M:%S 2>/dev/null || date -u -v"-${days}d" +%Y-%m-%dT%H:%M:%S)
	one="" pattern="^$prefix-pr-[1-9][0-9]{0,6}$"
else
	[[ $what =~ ^[1-9][0-9]{0,6}$ ]] || refuse "NUMBER $what" "a whole number from 1 to 9999999"
	before=9 one=$prefix-pr-$what pattern="^$prefix-pr-$what$"
fi

query="Stacks[?Tags[?Key=='tripsaga:pull-request']].[StackName, not_null(LastUpdatedTime, CreationTime)]"
found=$(aws cloudformation describe-stacks ${one:+--stack-name "$one"} --query "$query" --output text 2>&1) || {
	[[ -n $one && $found == *"Stack with id $one does not exist"* ]] || { echo "$found" >&2 && exit 1; }
	found=
}
gone="" # names without spaces: bash 3.2 of macOS takes an empty array for an unset variable
while read -r name time; do
	[[ $name =~ $pattern && $time < $before ]] || continue
	aws cloudformation delete-stack --stack-name "$name"
	gone+=" $name"
done <<<"$found"
failed=0
for name in $gone; do
	if aws cloudformation wait stack-delete-complete --stack-name "$name"; then echo "$name: deleted"; else echo "$name: not deleted" >&2 && failed=1; fi
done
[ -n "$gone" ] || echo "$prefix: there is nothing to delete"
exit $failed
