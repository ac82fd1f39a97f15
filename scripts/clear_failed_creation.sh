#!/usr/bin/env bash
# Deletes a stack whose first creation has failed (ROLLBACK_COMPLETE). Nothing is in it, but its termination protection keeps
# the CDK from creating it again. A stack in any other status, and one that does not exist, is left alone.
set -euo pipefail

name=${1:?usage: clear_failed_creation.sh STACK, such as tripsaga-staging}
status=$(aws cloudformation describe-stacks --stack-name "$name" --query 'Stacks[0].StackStatus' --output text 2>&1) || {
	[[ $status == *"Stack with id $name does not exist"* ]] || { echo "$status" >&2 && exit 1; }
	status="does not exist"
}
if [ "$status" != ROLLBACK_COMPLETE ]; then
	echo "$name: $status, nothing to clear"
	exit 0
fi
aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name "$name"
aws cloudformation delete-stack --stack-name "$name"
aws cloudformation wait stack-delete-complete --stack-name "$name"
echo "$name: the rest of its failed creation is deleted"
