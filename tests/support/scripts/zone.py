"""Makes a public hosted zone with a text record in it: zone, name, text."""

import json
import sys

import boto3

zone, name, text = sys.argv[1:]
route53 = boto3.client("route53")
identifier = route53.create_hosted_zone(Name=zone, CallerReference=zone)["HostedZone"]["Id"]
record = {"Name": name, "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": '"%s"' % text}]}
changes = [{"Action": "CREATE", "ResourceRecordSet": record}]
route53.change_resource_record_sets(HostedZoneId=identifier, ChangeBatch={"Changes": changes})
print(json.dumps(identifier.rsplit("/", 1)[-1]))
