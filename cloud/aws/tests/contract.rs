//! The contract of the ports against an emulated account over real HTTP.

mod common;

use cloud::contract;

macro_rules! areas {
    ($($area:ident),+ $(,)?) => {
        $(
            #[test]
            fn $area() {
                common::on_moto(stringify!($area), async |cloud| {
                    contract::$area(&cloud, &common::fixture(stringify!($area))).await;
                });
            }
        )+
    };
}

areas!(
    identity,
    parameters,
    own_parameters,
    buckets,
    networks,
    paths,
    security_groups,
    roles,
    instance_profiles,
    instances,
    addresses,
    dry_runs,
    user_pools,
    app_clients,
    domains,
    certificates,
    tagging,
    credential_providers,
    gateways,
    memories,
    runtimes,
    not_found_answers,
);

/// Zones are made by nobody here; more of them than one page holds.
const ZONES: &str = "
import boto3, json
route53 = boto3.client('route53')
def make(name, **more):
    return route53.create_hosted_zone(Name=name, CallerReference=name + str(more), **more)
for number in range(101):
    make('zone-%d.example.org' % number)
make('example.com')
make('contract.example.com')
vpc = boto3.client('ec2').describe_vpcs()['Vpcs'][0]['VpcId']
make('contract.example.com', VPC={'VPCRegion': 'us-east-1', 'VPCId': vpc}, HostedZoneConfig={'PrivateZone': True})
print(json.dumps(True))
";

#[test]
fn text_records() {
    common::on(
        "text_records",
        || {
            let moto = test_support::Moto::start();
            moto.python(ZONES, &[]);
            (moto.environment(), moto)
        },
        async |cloud| {
            assert_eq!(cloud.route53.list_hosted_zones(()).await.unwrap().len(), 104, "all pages");
            contract::text_records(&cloud, &common::fixture("text-records")).await;
        },
    );
}

/// What moto lacks, on an emulator that has it: changing and deleting resource servers.
#[test]
fn resource_servers_on_ministack() {
    common::on_ministack("resource_servers_on_ministack", async |cloud| {
        contract::app_clients(&cloud, &common::whole_fixture("resource-servers")).await;
    });
}

/// What moto lacks (5.2.5 answers with a web page): the policy simulator.
#[test]
fn simulations_on_ministack() {
    common::on_ministack("simulations_on_ministack", async |cloud| {
        contract::simulations(&cloud, &common::whole_fixture("simulations")).await;
    });
}

/// What moto lacks: foundation models, their availability and inference profiles.
#[test]
fn models_on_ministack() {
    common::on_ministack("models_on_ministack", async |cloud| {
        contract::models(&cloud, &common::whole_fixture("models")).await;
    });
}

/// What moto lacks: Converse. `unknown_models_do_not_answer` is left out: ministack (1.5.33) answers for any model.
#[test]
fn one_token_on_ministack() {
    common::on_ministack("one_token_on_ministack", async |cloud| {
        contract::one_token(&cloud, &common::whole_fixture("one-token")).await;
    });
}
