//! What the checks read, from an account that somebody else filled: all kinds of routes, rules and certificates.

mod common;

use std::collections::BTreeSet;

use cloud::port::path::{Destination, Peer, RouteTarget};
use common::on;
use serde_json::Value;
use test_support::Moto;

/// Makes a moto and fills it with a script; what the script prints is handed to the test in the environment.
fn filled(script: &'static str) -> impl FnOnce() -> (Vec<(String, String)>, Moto) {
    move || {
        let moto = Moto::start();
        let made = moto.python(script, &[]);
        let mut variables = moto.environment();
        variables.push(("MADE".to_owned(), made.to_string()));
        (variables, moto)
    }
}

#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test that made the account hands its ids to the one that reads it"
)]
fn made() -> Value {
    serde_json::from_str(&std::env::var("MADE").unwrap()).unwrap()
}

const NETWORK: &str = r"
import boto3, json
ec2 = boto3.client('ec2')
vpc = ec2.create_vpc(CidrBlock='10.20.0.0/16')['Vpc']['VpcId']
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock='10.20.1.0/24')['Subnet']['SubnetId']
igw = ec2.create_internet_gateway()['InternetGateway']['InternetGatewayId']
ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
address = ec2.allocate_address(Domain='vpc')['AllocationId']
nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)['NatGateway']['NatGatewayId']
table = ec2.create_route_table(VpcId=vpc)['RouteTable']['RouteTableId']
ec2.create_route(RouteTableId=table, DestinationCidrBlock='0.0.0.0/0', GatewayId=igw)
ec2.create_route(RouteTableId=table, DestinationCidrBlock='192.0.2.0/24', NatGatewayId=nat)
ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
acl = ec2.create_network_acl(VpcId=vpc)['NetworkAcl']['NetworkAclId']
ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=90, Protocol='6', RuleAction='deny', Egress=False,
    CidrBlock='203.0.113.0/24', PortRange={'From': 443, 'To': 443})
group = ec2.create_security_group(GroupName='g', Description='d', VpcId=vpc)['GroupId']
other = ec2.create_security_group(GroupName='o', Description='d', VpcId=vpc)['GroupId']
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{'IpProtocol': 'tcp', 'FromPort': 8011,
    'ToPort': 8014, 'UserIdGroupPairs': [{'GroupId': other}]}])
print(json.dumps(dict(vpc=vpc, subnet=subnet, igw=igw, nat=nat, table=table, acl=acl, group=group, other=other)))
";

#[test]
fn a_network_of_somebody_else_is_read_in_full() {
    on("a_network_of_somebody_else_is_read_in_full", filled(NETWORK), async |cloud| {
        let made = made();
        let id = |what: &str| made[what].as_str().unwrap().to_owned();
        let tables = cloud.ec2.describe_routes(id("vpc")).await.unwrap();
        let table = tables.iter().find(|table| table.id == id("table")).unwrap();
        assert_eq!(table.subnet_ids, [id("subnet")]);
        let through = |cidr: &str| {
            let route =
                table.routes.iter().find(|one| one.destination == Destination::Cidr(cidr.parse().unwrap()));
            route.map(|route| (route.target, route.target_id.clone())).unwrap()
        };
        assert_eq!(through("10.20.0.0/16"), (RouteTarget::Local, "local".to_owned()));
        assert_eq!(through("0.0.0.0/0"), (RouteTarget::InternetGateway, id("igw")));
        assert_eq!(through("192.0.2.0/24"), (RouteTarget::Nat, id("nat")));

        let acls = cloud.ec2.describe_network_acls(id("vpc")).await.unwrap();
        let acl = acls.iter().find(|acl| acl.id == id("acl")).unwrap();
        let entry = acl.entries.iter().find(|entry| entry.number == 90).unwrap();
        assert_eq!(
            (entry.egress, entry.allow, entry.protocol, entry.ports),
            (false, false, Some(6), Some((443, 443)))
        );
        assert_eq!(entry.cidr, "203.0.113.0/24".parse().unwrap());

        let rules = cloud.ec2.describe_security_group_rules(id("group")).await.unwrap();
        let inbound = rules.iter().find(|rule| !rule.egress).unwrap();
        assert_eq!((&inbound.peer, inbound.ports), (&Peer::Group(id("other")), Some((8011, 8014))));
    });
}

const CERTIFICATES: &str = r"
import boto3, json, datetime
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
acm = boto3.client('acm')
arns = []
for key in (rsa.generate_private_key(public_exponent=65537, key_size=2048), ec.generate_private_key(ec.SECP384R1())):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'api.example.com')])
    start = datetime.datetime(2026, 1, 1)
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(4660).not_valid_before(start).not_valid_after(datetime.datetime(2027, 1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName('api.example.com'), x509.DNSName('b.example.com')]), False)
        .sign(key, hashes.SHA256()))
    pem = cert.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    arns.append(acm.import_certificate(Certificate=pem, PrivateKey=secret)['CertificateArn'])
print(json.dumps(arns))
";

#[test]
fn imported_certificates_are_listed_whatever_their_keys_and_described_in_full() {
    let name = "imported_certificates_are_listed_whatever_their_keys_and_described_in_full";
    on(name, filled(CERTIFICATES), async |cloud| {
        let arns: BTreeSet<String> = serde_json::from_value(made()).unwrap();
        let listed: BTreeSet<String> =
            cloud.acm.list_all_certificates(()).await.unwrap().into_iter().collect();
        assert_eq!(listed, arns);
        for arn in arns {
            let detail = cloud.acm.describe_in_full(arn.clone()).await.unwrap().unwrap();
            assert_eq!((detail.kind.as_str(), detail.status.as_str()), ("IMPORTED", "ISSUED"));
            assert_eq!(detail.not_after, "2027-01-01T00:00:00Z".parse().ok());
            assert!(detail.names.contains(&"b.example.com".to_owned()), "{detail:?}");
            let issued = cloud.acm.get_certificate(arn).await.unwrap().unwrap();
            assert!(issued.certificate.contains("BEGIN CERTIFICATE"), "{issued:?}");
        }
    });
}
