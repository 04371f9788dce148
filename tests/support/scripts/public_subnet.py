"""Gives the default VPC an internet gateway and a default route, and makes its subnets hand out public addresses."""

import json

import boto3

ec2 = boto3.client("ec2")
vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
attached = ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])["InternetGateways"]
if not attached:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    main = ec2.describe_route_tables(Filters=of_vpc + [{"Name": "association.main", "Values": ["true"]}])
    table = main["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
subnets = sorted(ec2.describe_subnets(Filters=of_vpc)["Subnets"], key=lambda subnet: subnet["AvailabilityZone"])
for subnet in subnets:
    ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": True})
print(json.dumps({"vpc": vpc, "subnets": [subnet["SubnetId"] for subnet in subnets]}))
