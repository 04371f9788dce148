//! Generators of valid configurations, for property tests here and in other crates (feature `arbitrary`).

use std::collections::BTreeMap;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::{collection, option, prelude::*, sample, string::string_regex};

use super::{
    AcmeChallenge, Aws, Cognito, Config, Deployment, Environment, Gateway, Host, HostInstall, Instance, Mfa,
    Mode, Network, OperatingSystem, Proxy, RuntimeArtifact, Tls, TlsSource,
};
use crate::{
    AccountId, DeploymentId, Region,
    host::ExternalAccount,
    ids::{AmiId, DomainPrefix, InstanceId, InstanceType, SubnetId, UserPoolId, VpcId},
};

/// Any valid configuration: what can be resolved and read back. Risky ones are among them.
pub fn config() -> impl Strategy<Value = Config> {
    let places = (deployment(), mode(), region(), option::of(account_id()), option::of(word()));
    let parts = (network(), instance(), host_and_tls(), proxy(), option::of(gateway()));
    (places, parts).prop_flat_map(|((deployment, mode, region, account_id, profile), parts)| {
        let (network, instance, (host, tls), proxy, gateway) = parts;
        cognito(&region).prop_map(move |cognito| Config {
            deployment: deployment.clone(),
            mode,
            aws: Aws { region: region.clone(), account_id: account_id.clone(), profile: profile.clone() },
            network: network.clone(),
            instance: instance.clone(),
            cognito,
            tls: tls.clone(),
            host,
            proxy: proxy.clone(),
            // Its backends are reached by the name.
            gateway: gateway.clone().filter(|_| tls.domain.is_some()),
        })
    })
}

/// Texts that match a pattern.
pub(crate) fn text(pattern: &str) -> BoxedStrategy<String> {
    match string_regex(pattern) {
        Ok(strategy) => strategy.boxed(),
        // The patterns are literals of this crate, each used in a test.
        Err(_) => Just(String::new()).boxed(),
    }
}

fn parsed<T: std::fmt::Debug>(pattern: &str, parse: fn(&str) -> Option<T>) -> impl Strategy<Value = T> {
    text(pattern).prop_filter_map("breaks the grammar", move |text| parse(&text))
}

fn word() -> impl Strategy<Value = String> {
    text("[a-z][a-z0-9-]{0,20}[a-z0-9]")
}

/// Any deployment id.
pub fn deployment_id() -> impl Strategy<Value = DeploymentId> {
    parsed("[a-z][a-z0-9-]{1,30}[a-z0-9]", |text| DeploymentId::parse(text).ok())
}

fn deployment() -> impl Strategy<Value = Deployment> {
    let environment = sample::select(vec![Environment::Dev, Environment::Staging, Environment::Prod]);
    (deployment_id(), environment).prop_map(|(id, environment)| Deployment { id, environment })
}

fn mode() -> impl Strategy<Value = Mode> {
    sample::select(vec![Mode::Production, Mode::Staging, Mode::Rehearsal])
}

/// Any Region of any partition.
pub fn region() -> impl Strategy<Value = Region> {
    let names = ["us-east-1", "eu-central-1", "ap-southeast-5", "us-gov-west-1", "cn-north-1", "ca-west-1"];
    sample::select(names.to_vec()).prop_filter_map("no Region", |name| Region::parse(name).ok())
}

/// Any account id, leading zeros included.
pub fn account_id() -> impl Strategy<Value = AccountId> {
    parsed("[0-9]{12}", |text| AccountId::parse(text).ok())
}

fn cidr() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<u32>(), 0..=32_u8).prop_filter_map("too long", |(bits, length)| {
        Ipv4Net::new(bits.into(), length).ok().map(|block| IpNet::V4(block.trunc()))
    });
    let v6 = (any::<u128>(), 0..=128_u8).prop_filter_map("too long", |(bits, length)| {
        Ipv6Net::new(bits.into(), length).ok().map(|block| IpNet::V6(block.trunc()))
    });
    prop_oneof![v4, v6]
}

fn cidrs(least: usize) -> impl Strategy<Value = Vec<IpNet>> {
    collection::btree_set(cidr(), least..4).prop_map(|blocks| blocks.into_iter().collect())
}

fn network() -> impl Strategy<Value = Network> {
    let vpc = parsed("vpc-[0-9a-f]{17}", |text| VpcId::parse(text).ok());
    let subnet = parsed("subnet-[0-9a-f]{8}", |text| SubnetId::parse(text).ok());
    let ports =
        collection::btree_set((1..=u16::MAX).prop_filter("reserved", |port| !matches!(port, 22 | 443)), 0..5);
    (option::of(vpc), option::of(subnet), cidrs(1), cidrs(0), ports).prop_map(
        |(vpc_id, subnet_id, https_cidrs, ssh_cidrs, ports)| Network {
            vpc_id,
            subnet_id,
            https_cidrs,
            ssh_cidrs,
            backend_ports: ports.into_iter().collect(),
        },
    )
}

fn instance() -> impl Strategy<Value = Instance> {
    let instance_type =
        parsed("(t3|m7i|c6a|r6g|x9)[.](large|xlarge|4xlarge|metal)", |text| InstanceType::parse(text).ok());
    let os = sample::select(vec![OperatingSystem::AmazonLinux2023, OperatingSystem::Ubuntu2204]);
    let ami = parsed("ami-[0-9a-f]{17}", |text| AmiId::parse(text).ok());
    let adopted = parsed("i-[0-9a-f]{17}", |text| InstanceId::parse(text).ok());
    (instance_type, os, option::of(ami), 8..=16384_u32, option::of(adopted)).prop_map(
        |(instance_type, os, ami_id, volume_gb, adopt_instance_id)| Instance {
            instance_type,
            os,
            ami_id,
            volume_gb,
            adopt_instance_id,
        },
    )
}

fn cognito(region: &Region) -> impl Strategy<Value = Cognito> + use<> {
    let prefix = parsed("[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?", |text| DomainPrefix::parse(text).ok());
    let region = region.clone();
    let pool = text("[0-9A-Za-z]{9}")
        .prop_filter_map("no pool", move |rest| UserPoolId::parse(&format!("{region}_{rest}")).ok());
    let scopes = collection::btree_set(text("[!#-.0-\\[\\]-~]{1,20}"), 1..5);
    let mfa = sample::select(vec![Mfa::Off, Mfa::Optional, Mfa::Required]);
    (prefix, text("[!#-\\[\\]-~]{1,40}"), scopes, 5..=1440_u32, mfa, option::of(pool)).prop_map(
        |(domain_prefix, resource_server, scopes, access_token_minutes, mfa, adopt_user_pool_id)| Cognito {
            domain_prefix,
            resource_server,
            scopes: scopes.into_iter().collect(),
            access_token_minutes,
            mfa,
            adopt_user_pool_id,
        },
    )
}

fn domain() -> impl Strategy<Value = String> {
    text("([a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?[.]){1,3}[a-z]{2,6}")
}

fn tls_source() -> impl Strategy<Value = TlsSource> {
    let directory = prop_oneof![
        Just("letsencrypt".to_owned()),
        Just("letsencrypt-staging".to_owned()),
        text("https://[a-z0-9]{1,12}[.]corp(:14000)?/dir"),
    ];
    let email = option::of(text("[a-z.+]{1,10}@[a-z]{1,10}[.]io"));
    let challenge =
        sample::select(vec![AcmeChallenge::TlsAlpn01, AcmeChallenge::Http01, AcmeChallenge::Dns01]);
    let path = || text("/[a-zA-Z0-9 ._/-]{1,40}");
    let external_account =
        option::of((word(), path()).prop_map(|(key_id, hmac_path)| ExternalAccount { key_id, hmac_path }));
    prop_oneof![
        (directory, email, challenge, option::of(word()), external_account, option::of(path())).prop_map(
            |(directory, email, challenge, profile, external_account, ca_path)| TlsSource::Acme {
                directory,
                email,
                challenge,
                profile,
                external_account,
                ca_path,
            }
        ),
        Just(TlsSource::AcmExportable),
        (path(), path()).prop_map(|(cert_path, key_path)| TlsSource::Files { cert_path, key_path }),
    ]
}

/// Together, since a certificate authority needs a name unless nothing is installed.
fn host_and_tls() -> impl Strategy<Value = (Host, Tls)> {
    let install = sample::select(vec![HostInstall::UserData, HostInstall::Here, HostInstall::None]);
    (install, option::of(domain()), domain(), tls_source()).prop_map(|(install, domain, name, source)| {
        let optional = install == HostInstall::None || matches!(source, TlsSource::Files { .. });
        let domain = if optional { domain } else { Some(name) };
        (Host { install }, Tls { domain, source })
    })
}

fn model() -> impl Strategy<Value = String> {
    prop_oneof![
        text("((us|eu|global|us-gov)[.])?amazon[.]nova-(micro|lite|pro|2-lite)-v1:0"),
        text("arn:aws:bedrock:us-east-1::foundation-model/amazon[.]nova-pro-v1:0"),
        text("arn:aws:bedrock:us-east-1:[0-9]{12}:inference-profile/us[.]amazon[.]nova-pro-v1:0"),
        text("arn:aws:bedrock:us-east-1:[0-9]{12}:application-inference-profile/[a-z0-9]{12}"),
    ]
}

fn proxy() -> impl Strategy<Value = Proxy> {
    let name = text("[A-Za-z0-9][A-Za-z0-9._:/@-]{0,20}")
        .prop_filter("looks like a secret", |name| !super::secret_names::is_secret(name));
    let models = collection::btree_map(name, model(), 1..5);
    (models, 1..=1_000_000_u32, 1..=1_000_000_000_000_u64).prop_map(
        |(models, requests_per_minute, tokens_per_hour): (BTreeMap<String, String>, u32, u64)| Proxy {
            models,
            requests_per_minute,
            tokens_per_hour,
        },
    )
}

fn gateway() -> impl Strategy<Value = Gateway> {
    (
        text("([0-9A-Za-z]-?){1,48}"),
        option::of(text("[A-Za-z0-9_+=,.@-]{1,64}")),
        option::of(text("https://[a-z]{1,12}[.]amazonaws[.]com")),
        option::of(text("bucket-[a-z0-9-]{0,30}[b-d]")),
        text("[A-Za-z0-9]{1,8}(/[A-Za-z0-9_.-]{1,8}){0,3}"),
        option::of(text(
            "arn:aws:bedrock-agentcore:us-east-1:[0-9]{12}:token-vault/default/apikeycredentialprovider/[a-z0-9-]{1,12}",
        )),
        option::of(text("[a-z]{1,12}[.]example[.]com")),
        option::of(3_u32..=3650),
        option::of(runtime()),
    )
        .prop_map(|parts| {
            let (name, role_name, endpoint_url, s3_bucket, s3_path_prefix, provider_arn, routing_domain, memory_days, runtime) =
                parts;
            Gateway {
                name,
                role_name,
                endpoint_url,
                s3_bucket,
                s3_path_prefix,
                provider_arn,
                routing_domain,
                memory_days,
                runtime,
            }
        })
}

fn runtime() -> impl Strategy<Value = RuntimeArtifact> {
    let image = text("[0-9]{12}[.]dkr[.]ecr[.]us-east-1[.]amazonaws[.]com/[a-z0-9]{2,12}:[a-z0-9]{1,8}");
    let code = (text("bucket-[a-z0-9-]{0,30}[b-d]"), text("[a-z0-9/]{1,20}[.]zip"));
    prop_oneof![
        image.prop_map(RuntimeArtifact::Image),
        code.prop_map(|(bucket, key)| RuntimeArtifact::Code { bucket, key }),
    ]
}
