//! The real parts come up, do what their names say, and go away.

use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{Fault, KillingProxy, Ministack, Moto, ProxyPlan, RecordedCall};

const ONE_OF_EACH: &str = r#"
import boto3, json, sys
ec2, iam, idp, acm = (boto3.client(n) for n in ('ec2', 'iam', 'cognito-idp', 'acm'))
vpc = ec2.describe_vpcs()['Vpcs'][0]['VpcId']
subnet = ec2.describe_subnets()['Subnets'][0]['SubnetId']
group = ec2.create_security_group(GroupName='g', Description='d', VpcId=vpc)['GroupId']
trust = json.dumps({'Version': '2012-10-17', 'Statement': []})
iam.create_role(RoleName='r', AssumeRolePolicyDocument=trust, Path='/p/')
policy = trust.replace('[]', '[{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]')
iam.put_role_policy(RoleName='r', PolicyName='i', PolicyDocument=policy)
iam.create_instance_profile(InstanceProfileName='r', Path='/p/')
iam.add_role_to_instance_profile(InstanceProfileName='r', RoleName='r')
tags = lambda kind: [{'ResourceType': kind, 'Tags': [{'Key': 'Name', 'Value': 'n'},
                      {'Key': 'sre-agent-deploy:key', 'Value': sys.argv[1]}]}]
image = ec2.describe_images()['Images'][0]['ImageId']
ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType='t3.micro', SubnetId=subnet,
                  SecurityGroupIds=[group], TagSpecifications=tags('instance'), UserData='see ' + group)
ec2.allocate_address(Domain='vpc', TagSpecifications=tags('elastic-ip'))
pool = idp.create_user_pool(PoolName='u')['UserPool']['Id']
idp.create_user_pool_client(UserPoolId=pool, ClientName='c', GenerateSecret=True)
acm.request_certificate(DomainName='a.example.com')
print('{}')
"#;

fn made(calls: &[RecordedCall]) -> Vec<&str> {
    calls.iter().filter(|call| call.mutating).map(|call| call.operation.as_str()).collect()
}

#[test]
fn two_histories_that_end_alike_compare_equal() {
    let moto = Moto::start();
    let empty = moto.inventory();
    moto.python(ONE_OF_EACH, &["first"]);
    let first = moto.inventory();
    moto.reset();
    assert_eq!(moto.inventory(), empty);
    moto.python(ONE_OF_EACH, &["second"]);
    assert_eq!(moto.inventory(), first);

    assert_eq!(first["instances"][0]["user_data"], "see group:g");
    assert_eq!(first["instances"][0]["groups"], json!(["group:g"]));
    assert_eq!(first["user_pools"][0]["clients"][0]["has_secret"], true);
    for kind in ["addresses", "certificates", "instance_profiles", "roles"] {
        assert_eq!(first[kind].as_array().map(Vec::len), Some(1), "{kind}");
    }
    moto.python("import boto3\nboto3.client('cognito-idp').create_user_pool(PoolName='u')\nprint('{}')", &[]);
    assert_eq!(moto.inventory()["user_pools"].as_array().map(Vec::len), Some(2), "a second copy is seen");
}

#[test]
fn the_account_can_be_filled_and_given_a_way_out() {
    let moto = Moto::start();
    let made = moto.public_subnet();
    assert!(made["subnets"][0].as_str().unwrap().starts_with("subnet-"), "{made}");
    assert_eq!(moto.public_subnet(), made, "twice is as good as once");
    let started = Instant::now();
    moto.seed_foreign(3000, 3000);
    assert!(started.elapsed() < Duration::from_secs(30));
    let inventory = moto.inventory();
    // One group is the default VPC's own.
    assert_eq!(inventory["security_groups"].as_array().map(Vec::len), Some(3001));
    assert_eq!(inventory["roles"].as_array().map(Vec::len), Some(3000));
}

#[test]
fn a_server_ends_with_its_value() {
    let moto = Moto::start();
    let host = moto.endpoint().trim_start_matches("http://").to_owned();
    assert!(TcpStream::connect(&host).is_ok());
    drop(moto);
    assert!(TcpStream::connect(&host).is_err());
}

#[test]
fn ministack_comes_up() {
    let ministack = Ministack::start();
    ministack.reset();
    assert!(ministack.endpoint().starts_with("http://127.0.0.1:"));
}

fn group(moto: &Moto, proxy: &KillingProxy, name: &str) -> Value {
    let script = "
import boto3, json, sys
from botocore.config import Config
ec2 = boto3.client('ec2', config=Config(retries={'total_max_attempts': 1}))
vpc = ec2.describe_vpcs()['Vpcs'][0]['VpcId']
try:
    ec2.create_security_group(GroupName=sys.argv[1], Description='d', VpcId=vpc)
    print(json.dumps('made'))
except Exception as error:
    print(json.dumps((getattr(error, 'response', None) or {}).get('Error', {}).get('Code', 'lost')))
";
    moto.python_at(&proxy.endpoint(), script, &[name])
}

fn groups(moto: &Moto) -> usize {
    moto.inventory().get("security_groups").and_then(Value::as_array).map_or(0, Vec::len)
}

#[test]
fn the_proxy_stops_before_after_and_instead() {
    let moto = Moto::start();
    let proxy = KillingProxy::start(&moto.endpoint());
    assert_eq!(group(&moto, &proxy, "a"), "made");
    assert_eq!(made(&proxy.calls()), ["CreateSecurityGroup"]);
    assert_eq!(proxy.calls()[0].operation, "DescribeVpcs");
    assert_eq!(groups(&moto), 2);

    let (tell, told) = mpsc::channel();
    proxy.plan(ProxyPlan::before(1, move |call| tell.send(call.operation.clone()).unwrap()));
    assert_eq!(group(&moto, &proxy, "b"), "lost");
    assert_eq!(told.recv().unwrap(), "CreateSecurityGroup");
    assert_eq!(groups(&moto), 2, "it never arrived");
    assert_eq!(group(&moto, &proxy, "b"), "made", "only the first change was chosen");

    proxy.plan(ProxyPlan::after(1, |_| ()));
    assert_eq!(group(&moto, &proxy, "c"), "lost");
    assert_eq!(groups(&moto), 4, "it was carried out");

    for (fault, code) in [
        (Fault::Throttled, "RequestLimitExceeded"),
        (Fault::Denied, "UnauthorizedOperation"),
        (Fault::Expired, "RequestExpired"),
    ] {
        proxy.plan(ProxyPlan::fault(1, fault));
        assert_eq!(group(&moto, &proxy, "d"), code);
    }
    assert_eq!(groups(&moto), 4);

    proxy.plan(ProxyPlan::forward().with_latency(Duration::from_millis(300)));
    let started = Instant::now();
    assert_eq!(group(&moto, &proxy, "d"), "made");
    assert!(started.elapsed() >= Duration::from_millis(600), "both calls waited");
}
