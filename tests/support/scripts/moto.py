"""Serves an emulated account until standard input ends.

Each line of standard input is an order to fill the account, `{"groups": n, "roles": n}`; each is answered with a line.
"""

import json
import os
import sys
import threading

ACCOUNT, REGION = "123456789012", "us-east-1"


def seed(order):
    from moto.ec2.models import ec2_backends
    from moto.iam.models import iam_backends

    ec2, iam = ec2_backends[ACCOUNT][REGION], iam_backends[ACCOUNT]["aws"]
    vpc = next(vpc for vpc in ec2.vpcs.values() if vpc.is_default)
    for number in range(order["groups"]):
        ec2.create_security_group(f"foreign-{number:05}", "somebody else's", vpc_id=vpc.id, tags={"Owner": "foreign"})
    for number in range(order["roles"]):
        iam.create_role(
            role_name=f"foreign-{number:05}",
            assume_role_policy_document='{"Version":"2012-10-17","Statement":[]}',
            path="/foreign/",
            permissions_boundary=None,
            description="somebody else's",
            tags=[],
            max_session_duration="3600",
        )
    return order


def obey():
    for line in sys.stdin:
        try:
            answer = seed(json.loads(line))
        except Exception as error:
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)
    # Whoever started us is gone.
    os._exit(0)


def keep_termination_protection():
    # moto 5.2.5 takes DisableApiTermination with ModifyInstanceAttribute but drops it from RunInstances.
    from moto.ec2.responses.instances import InstanceResponse

    plain = InstanceResponse.run_instances

    def run_instances(self):
        answer = plain(self)
        for instance in answer.result.instances:
            instance.disable_api_termination = bool(self._get_param("DisableApiTermination"))
        return answer

    InstanceResponse.run_instances = run_instances


threading.Thread(target=obey, daemon=True).start()
keep_termination_protection()

from moto.server import main

main(sys.argv[1:])
