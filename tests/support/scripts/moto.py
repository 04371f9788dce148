"""Serves an emulated account until standard input ends.

Each line of standard input is an order, and each is answered with a line. `{"groups": n, "roles": n}` fills the account;
`{"host": address, "port": n, "certificate": file, "key": file}` serves it at another address as well, with TLS where there
is a certificate; `{"instance": id}` is what its metadata service then says to be.
`agentcore.py` comes before this.
"""

import copy
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


def serve(order):
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    pair = (order["certificate"], order["key"]) if order.get("certificate") else None
    server = make_server(order["host"], order["port"], DomainDispatcherApplication(create_backend_app), threaded=True,
                         request_handler=MotoRequestHandler, ssl_context=pair)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"port": server.port}


def be(order):
    from moto.instance_metadata.responses import INSTANCE_METADATA

    INSTANCE_METADATA["instance-id"] = order["instance"]
    return order


def obey():
    for line in sys.stdin:
        try:
            order = json.loads(line)
            what = serve if "host" in order else be if "instance" in order else seed
            answer = what(order)
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


def heed_transport():
    # moto 5.2.5 takes each statement of a bucket's policy as if it had no condition, so "Deny what is not TLS" denies
    # everything. The one condition that our policy has is judged here by how the request came, or came to a front.
    from flask import has_request_context, request
    from moto.s3.models import FakeBucket

    plain = FakeBucket.get_permission

    def holds(statement):
        is_secure = has_request_context() and (request.is_secure or request.headers.get("X-Forwarded-Proto") == "https")
        known = {"Bool": {"aws:SecureTransport": "true" if is_secure else "false"}}
        condition = statement.get("Condition")
        return condition is None or condition == known

    def get_permission(self, action, resource):
        whole = self.policy
        if whole is None:
            return plain(self, action, resource)
        document = json.loads(whole.decode())
        statements = [statement for statement in document["Statement"] if holds(statement)]
        judged = copy.copy(self)
        judged.policy = json.dumps({**document, "Statement": statements}).encode()
        return plain(judged, action, resource)

    FakeBucket.get_permission = get_permission


def forget_tags_of_deleted_buckets():
    # moto 5.2.5 has a new bucket of the same name begin with them.
    from moto.s3.models import S3Backend

    plain = S3Backend.delete_bucket

    def delete_bucket(self, bucket_name):
        bucket = plain(self, bucket_name)
        if bucket:
            self.tagger.delete_all_tags_for_resource(bucket.arn)
        return bucket

    S3Backend.delete_bucket = delete_bucket


def keep_to_imdsv2():
    # moto 5.2.5 answers without a token, says nothing of a token's end, and fails at metadata that it does not know.
    from moto.instance_metadata.responses import InstanceMetadataResponse

    plain, ttl = InstanceMetadataResponse.metadata_response, "X-aws-ec2-metadata-token-ttl-seconds"

    def metadata_response(request, full_url, headers):
        if full_url.endswith("/latest/api/token"):
            status, _, token = plain(request, full_url, headers)
            return (status, {ttl: request.headers[ttl]}, token) if request.method == "PUT" else (405, {}, "")
        if "X-aws-ec2-metadata-token" not in request.headers:
            return 401, {}, ""
        try:
            return plain(request, full_url, headers)
        except NotImplementedError:
            return 404, {}, ""

    InstanceMetadataResponse.metadata_response = staticmethod(metadata_response)


threading.Thread(target=obey, daemon=True).start()
keep_termination_protection()
heed_transport()
forget_tags_of_deleted_buckets()
keep_to_imdsv2()
teach_agentcore()

from moto.server import main

main(sys.argv[1:])
