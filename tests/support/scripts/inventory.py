"""Prints everything in the account that a deployment touches, in a form that two histories can be compared by.

Generated ids become `kind:name`, keys of attempts become `KEY`, SHA-256 becomes `DIGEST`, lists are sorted. Two things
of one name stay two entries. Secrets are never printed, only whether there is one.
"""

import base64
import json
import re

import boto3
from botocore.exceptions import ClientError

ec2, iam, cognito, acm, s3, ssm = (boto3.client(name) for name in ("ec2", "iam", "cognito-idp", "acm", "s3", "ssm"))
agentcore, vault = boto3.client("bedrock-agentcore-control"), boto3.client("secretsmanager")
names = {}


def pages(client, operation, key, **arguments):
    if not client.can_paginate(operation):
        return getattr(client, operation)(**arguments)[key]
    return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page[key]]


def tags(listed):
    found = {tag["Key"]: tag.get("Value", "") for tag in listed or []} if not isinstance(listed, dict) else dict(listed)
    # Derived from the run's own lineage.
    if "sre-agent-deploy:key" in found:
        found["sre-agent-deploy:key"] = "KEY"
    return found


def rules(permissions):
    found = []
    for permission in permissions:
        sources = [r["CidrIp"] for r in permission.get("IpRanges", [])]
        sources += [r["CidrIpv6"] for r in permission.get("Ipv6Ranges", [])]
        sources += [r.get("GroupId", "?") for r in permission.get("UserIdGroupPairs", [])]
        sources += [r["PrefixListId"] for r in permission.get("PrefixListIds", [])]
        ports = f'{permission.get("FromPort", "all")}-{permission.get("ToPort", "all")}'
        found += [f'{permission["IpProtocol"]} {ports} {source}' for source in sources]
    return found


def name_of(listed, default):
    return tags(listed).get("Name", default)


for vpc in pages(ec2, "describe_vpcs", "Vpcs"):
    names[vpc["VpcId"]] = "vpc:default" if vpc["IsDefault"] else "vpc:" + name_of(vpc.get("Tags"), "unnamed")
for subnet in pages(ec2, "describe_subnets", "Subnets"):
    names[subnet["SubnetId"]] = "subnet:" + subnet["AvailabilityZone"]

groups = []
for group in pages(ec2, "describe_security_groups", "SecurityGroups"):
    names[group["GroupId"]] = "group:" + group["GroupName"]
    groups.append({
        "name": group["GroupName"], "description": group["Description"], "vpc": group.get("VpcId"),
        "tags": tags(group.get("Tags")), "ingress": rules(group["IpPermissions"]),
        "egress": rules(group["IpPermissionsEgress"]),
    })

instances, in_use = [], set()
for reservation in pages(ec2, "describe_instances", "Reservations"):
    for instance in reservation["Instances"]:
        if instance["State"]["Name"] == "terminated":
            continue
        identifier = instance["InstanceId"]
        names[identifier] = "instance:" + name_of(instance.get("Tags"), "unnamed")

        def attribute(name):
            return ec2.describe_instance_attribute(InstanceId=identifier, Attribute=name)

        devices = []
        for mapping in instance.get("BlockDeviceMappings", []):
            volume = ec2.describe_volumes(VolumeIds=[mapping["Ebs"]["VolumeId"]])["Volumes"][0]
            in_use.add(volume["VolumeId"])
            devices.append({
                "device": mapping["DeviceName"], "size": volume["Size"], "type": volume["VolumeType"],
                "encrypted": volume["Encrypted"], "delete_on_termination": mapping["Ebs"].get("DeleteOnTermination"),
                "tags": tags(volume.get("Tags")),
            })
        imds = instance.get("MetadataOptions", {})
        user_data = attribute("userData").get("UserData", {}).get("Value")
        instances.append({
            "state": instance["State"]["Name"], "type": instance["InstanceType"], "image": instance["ImageId"],
            "subnet": instance.get("SubnetId"), "profile": instance.get("IamInstanceProfile", {}).get("Arn"),
            "groups": [group["GroupId"] for group in instance["SecurityGroups"]], "tags": tags(instance.get("Tags")),
            "imds": {key: imds.get(key) for key in ("HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint")},
            "devices": devices, "protected": attribute("disableApiTermination")["DisableApiTermination"]["Value"],
            "user_data": base64.b64decode(user_data).decode("utf-8", "replace") if user_data else None,
        })

# Volumes that no living instance holds.
volumes = [
    {"size": volume["Size"], "tags": tags(volume.get("Tags"))}
    for volume in pages(ec2, "describe_volumes", "Volumes") if volume["VolumeId"] not in in_use
]

addresses = []
for address in pages(ec2, "describe_addresses", "Addresses"):
    names[address["PublicIp"]] = "ip:" + name_of(address.get("Tags"), "unnamed")
    names[address["AllocationId"]] = "address:" + name_of(address.get("Tags"), "unnamed")
    addresses.append({"tags": tags(address.get("Tags")), "instance": address.get("InstanceId") or None})

roles = []
for role in pages(iam, "list_roles", "Roles"):
    name = role["RoleName"]
    if role["Path"] == "/foreign/":
        # Thousands of them: their number and names say all.
        roles.append({"name": name, "path": role["Path"]})
        continue
    policies = pages(iam, "list_role_policies", "PolicyNames", RoleName=name)
    attached = pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    roles.append({
        "name": name, "path": role["Path"], "trust": role["AssumeRolePolicyDocument"],
        "tags": tags(iam.get_role(RoleName=name)["Role"].get("Tags")),
        "policies": {p: iam.get_role_policy(RoleName=name, PolicyName=p)["PolicyDocument"] for p in policies},
        "attached": [policy["PolicyArn"] for policy in attached],
    })

profiles = [
    {
        "name": profile["InstanceProfileName"], "path": profile["Path"],
        "roles": [role["RoleName"] for role in profile["Roles"]],
        "tags": tags(iam.get_instance_profile(InstanceProfileName=profile["InstanceProfileName"])
                     ["InstanceProfile"].get("Tags")),
    }
    for profile in pages(iam, "list_instance_profiles", "InstanceProfiles")
]

pools = []
for summary in pages(cognito, "list_user_pools", "UserPools", MaxResults=60):
    identifier = summary["Id"]
    pool = cognito.describe_user_pool(UserPoolId=identifier)["UserPool"]
    names[identifier] = "pool:" + pool["Name"]
    clients = []
    for listed in pages(cognito, "list_user_pool_clients", "UserPoolClients", UserPoolId=identifier, MaxResults=60):
        client = cognito.describe_user_pool_client(UserPoolId=identifier, ClientId=listed["ClientId"])["UserPoolClient"]
        names[client["ClientId"]] = "client:" + client["ClientName"]
        kept = ("ClientName", "AllowedOAuthFlows", "AllowedOAuthScopes", "AllowedOAuthFlowsUserPoolClient",
                "AccessTokenValidity", "TokenValidityUnits", "ExplicitAuthFlows")
        clients.append({**{key: client.get(key) for key in kept}, "has_secret": bool(client.get("ClientSecret"))})
    servers = pages(cognito, "list_resource_servers", "ResourceServers", UserPoolId=identifier, MaxResults=50)
    passwords = pool.get("Policies", {}).get("PasswordPolicy", {})
    pools.append({
        "name": pool["Name"], "tags": tags(pool.get("UserPoolTags", {})), "mfa": pool.get("MfaConfiguration"),
        "protection": pool.get("DeletionProtection"), "passwords": passwords, "domain": pool.get("Domain"),
        "admin_only": pool.get("AdminCreateUserConfig", {}).get("AllowAdminCreateUserOnly"), "clients": clients,
        "servers": [{"identifier": server["Identifier"], "scopes": [scope["ScopeName"] for scope in server["Scopes"]]}
                    for server in servers],
    })

certificates = []
for summary in pages(acm, "list_certificates", "CertificateSummaryList"):
    arn = summary["CertificateArn"]
    names[arn] = "certificate:" + summary["DomainName"]
    detail = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    certificates.append({
        "domain": summary["DomainName"], "export": detail.get("Options", {}).get("Export"),
        "tags": tags(acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]),
    })



def of_bucket(operation, key, bucket):
    try:
        return getattr(s3, operation)(Bucket=bucket)[key]
    except ClientError as error:
        # It has none.
        if not re.search("NotFound|NoSuch", error.response["Error"]["Code"]):
            raise
        return None


buckets = []
for bucket in s3.list_buckets()["Buckets"]:
    name = bucket["Name"]
    policy = of_bucket("get_bucket_policy", "Policy", name)
    encryption = of_bucket("get_bucket_encryption", "ServerSideEncryptionConfiguration", name)
    buckets.append({
        "name": name, "tags": tags(of_bucket("get_bucket_tagging", "TagSet", name)),
        "policy": json.loads(policy) if policy else None, "encryption": encryption and encryption["Rules"],
        "blocked": of_bucket("get_public_access_block", "PublicAccessBlockConfiguration", name),
        "objects": [item["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name)
                    for item in page.get("Contents", [])],
    })

parameters = []
for parameter in pages(ssm, "describe_parameters", "Parameters"):
    name = parameter["Name"]
    # Those under /aws are the same for everybody.
    if not name.startswith("/aws/"):
        listed = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
        parameters.append({
            "name": name, "type": parameter["Type"], "tags": tags(listed),
            "value": ssm.get_parameter(Name=name)["Parameter"]["Value"],
        })

def agentcore_tags(arn):
    return tags(agentcore.list_tags_for_resource(resourceArn=arn)["tags"])


gateways = []
for summary in pages(agentcore, "list_gateways", "items"):
    identifier = summary["gatewayId"]
    names[identifier] = "gateway:" + summary["name"]
    gateway = agentcore.get_gateway(gatewayIdentifier=identifier)
    kept = ("targetConfiguration", "credentialProviderConfigurations", "privateEndpoint", "description", "status")
    targets = []
    for target in pages(agentcore, "list_gateway_targets", "items", gatewayIdentifier=identifier):
        detail = agentcore.get_gateway_target(gatewayIdentifier=identifier, targetId=target["targetId"])
        targets.append({"name": target["name"], **{key: detail.get(key) for key in kept}})
    kept = ("name", "description", "status", "roleArn", "authorizerType", "authorizerConfiguration", "protocolType",
            "protocolConfiguration", "exceptionLevel", "gatewayUrl")
    gateways.append({
        **{key: gateway.get(key) for key in kept}, "targets": targets, "tags": agentcore_tags(gateway["gatewayArn"]),
    })

providers = [
    {"name": one["name"], "tags": agentcore_tags(one["credentialProviderArn"])}
    for one in pages(agentcore, "list_api_key_credential_providers", "credentialProviders")
]
memories = [
    {"name": one["name"], "days": one["eventExpiryDuration"], "tags": agentcore_tags(one["arn"])}
    for one in (agentcore.get_memory(memoryId=summary["id"])["memory"]
                for summary in pages(agentcore, "list_memories", "memories"))
]
runtimes = [
    {"name": one["agentRuntimeName"], "tags": agentcore_tags(one["agentRuntimeArn"])}
    for one in pages(agentcore, "list_agent_runtimes", "agentRuntimes")
]
# A JSON secret's fields, of which something is in each.
secrets = [
    {"name": one["Name"], "filled": [key for key, value in json.loads(
        vault.get_secret_value(SecretId=one["ARN"])["SecretString"]).items() if value]}
    for one in pages(vault, "list_secrets", "SecretList")
]

text = json.dumps({
    "gateways": gateways, "credential_providers": providers, "memories": memories, "runtimes": runtimes,
    "secrets": secrets, "security_groups": groups, "instances": instances, "orphan_volumes": volumes, "addresses": addresses,
    "roles": roles, "instance_profiles": profiles, "user_pools": pools, "certificates": certificates,
    "buckets": buckets, "parameters": parameters,
})
# Of the bundle, which names generated ids.
text = re.sub("[0-9a-f]{64}", "DIGEST", text)
for identifier in sorted(names, key=len, reverse=True):
    text = text.replace(identifier, names[identifier])


def ordered(value):
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return sorted((ordered(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


print(json.dumps(ordered(json.loads(text)), sort_keys=True))
