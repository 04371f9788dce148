//! For any valid configuration.

use cloud::practice::{Practice, PracticeOptions};
use model::Config;
use model::agent::MEMORY;
use model::config::Mode;
use model::config::arbitrary;
use model::ids::InstanceType;
use proptest::prelude::*;
use serde_json::Value;

use crate::support::Bench;

/// Any configuration that an empty practice account can serve: what it names must exist there.
fn servable() -> impl Strategy<Value = Config> {
    arbitrary::config().prop_map(|mut config| {
        config.aws.account_id = None;
        config.network.vpc_id = None;
        config.network.subnet_id = None;
        config.instance.ami_id = None;
        config.instance.adopt_instance_id = None;
        config.cognito.adopt_user_pool_id = None;
        if let Some(gateway) = &mut config.gateway {
            (gateway.s3_bucket, gateway.role_name, gateway.provider_arn) = (None, None, None);
        }
        config.instance.instance_type = InstanceType::parse("t3.xlarge").unwrap();
        config
    })
}

fn bench(config: &Config) -> Bench {
    let options = PracticeOptions { region: config.aws.region.clone(), ..PracticeOptions::instant() };
    let mut bench = Bench::with(PracticeOptions::instant());
    bench.practice = Practice::in_memory(options);
    bench
}

fn blocking<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(run)
}

fn of_type<'a>(inventory: &'a [Value], wanted: &str) -> &'a Value {
    inventory
        .iter()
        .find(|one| one["type"] == wanted)
        .unwrap_or_else(|| panic!("no {wanted} in {inventory:#?}"))
}

/// Every rule of the group is one that the configuration asks for, and every one it asks for is there.
fn assert_group_is_exact(config: &Config, group: &Value) {
    let rules: Vec<&str> =
        group["ingress"].as_array().unwrap().iter().map(|rule| rule.as_str().unwrap()).collect();
    for rule in &rules {
        let words: Vec<&str> = rule.split(' ').collect();
        let (port, cidr): (u16, ipnet::IpNet) = (words[1].parse().unwrap(), words[2].parse().unwrap());
        let inside: ipnet::IpNet = "172.31.0.0/16".parse().unwrap();
        let asked = match port {
            443 => config.network.https_cidrs.contains(&cidr),
            22 => config.network.ssh_cidrs.contains(&cidr),
            80 => true,
            port => config.network.backend_ports.contains(&port) && cidr == inside,
        };
        assert!(asked, "{rule} was not asked for");
    }
    for cidr in &config.network.https_cidrs {
        assert!(
            rules.contains(&format!("tcp 443 {cidr}").as_str()),
            "443 from {cidr} is missing in {rules:?}"
        );
    }
    for port in &config.network.backend_ports {
        assert!(
            rules.contains(&format!("tcp {port} 172.31.0.0/16").as_str()),
            "{port} is missing in {rules:?}"
        );
    }
    assert!(
        !group["egress"].as_array().unwrap().iter().any(|rule| rule.as_str().unwrap().starts_with("all "))
    );
}

/// No statement gives an action that takes a resource on every resource.
fn assert_least_privilege(config: &Config, policy: &Value) {
    // The inventory names a certificate by its domain, since its ARN is drawn.
    let certificate = config.tls.domain.as_ref().map(|domain| format!("certificate of {domain}"));
    for statement in policy["Statement"].as_array().unwrap() {
        let actions: Vec<&str> =
            statement["Action"].as_array().unwrap().iter().map(|action| action.as_str().unwrap()).collect();
        let without_resource = |action: &&str| {
            // Zones and memories are listed before there is one to name.
            action.starts_with("ssmmessages:")
                || action.starts_with("ec2messages:")
                // By AWS's service authorization reference these take none either.
                || action.starts_with("xray:")
                || (*action == "cloudwatch:PutMetricData"
                    && statement["Condition"]["StringEquals"]["cloudwatch:namespace"] == "bedrock-agentcore")
                || matches!(
                    *action,
                    "route53:ListHostedZones" | "bedrock-agentcore:ListMemories" | "ecr:GetAuthorizationToken"
                )
        };
        if statement["Resource"] == "*" {
            assert!(actions.iter().all(without_resource), "{statement}");
        } else {
            for resource in statement["Resource"].as_array().unwrap() {
                let resource = resource.as_str().unwrap();
                let is_certificate = certificate.as_deref() == Some(resource);
                assert!(resource.starts_with("arn:") || is_certificate, "{resource}");
                // The classic mistake: a profile id in place of a model id matches nothing.
                if let Some((_, model)) = resource.split_once("foundation-model/") {
                    assert!(
                        !["us.", "eu.", "apac.", "global."]
                            .iter()
                            .any(|geography| model.starts_with(geography)),
                        "{resource}"
                    );
                }
            }
        }
        assert!(actions.iter().all(|action| !action.contains('*')), "{statement}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Feature: aws-ec2-production-deployment, Property 1: Deployment Validation.
    ///
    /// For any valid configuration the deployment ends with everything as wanted, a second plan changes nothing, and
    /// a cleanup gives the account back as it was.
    #[test]
    fn any_valid_configuration_is_deployed_kept_and_taken_away(config in servable()) {
        blocking(async {
            let bench = bench(&config);
            let before = bench.practice.inventory();
            bench.deploy(&config).await.unwrap();
            assert!(bench.state().unwrap().is_finished());
            let again = bench.prepare(&config).await.unwrap();
            assert_eq!(again.plan.pending().count(), 0, "{:#?}", again.plan);
            let removal = bench.cleanup(&config, true).await.unwrap();
            assert!(removal.left.is_empty(), "{removal:#?}");
            assert_eq!(bench.practice.inventory(), before);
        });
    }

    /// Feature: aws-ec2-production-deployment, Property 3: AWS Resource Configuration.
    ///
    /// What is made has exactly the wanted specification: no rule, permission or protection more or less.
    #[test]
    fn what_is_made_is_exactly_what_was_asked_for(config in servable()) {
        blocking(async {
            let bench = bench(&config);
            bench.deploy(&config).await.unwrap();
            let inventory = bench.practice.inventory();
            assert_group_is_exact(&config, of_type(&inventory, "security-group"));
            let policies = |role: &Value| role["policies"].as_object().unwrap().values().cloned().collect::<Vec<_>>();
            let roles = inventory.iter().filter(|one| one["type"] == "role");
            let policies: Vec<Value> = roles.flat_map(policies).collect();
            let has_runtime = config.gateway.as_ref().is_some_and(|gateway| gateway.runtime.is_some());
            assert_eq!(policies.len(), 1 + usize::from(config.gateway.is_some()) + usize::from(has_runtime));
            for policy in &policies {
                assert_least_privilege(&config, policy);
            }
            if let Some(gateway) = &config.gateway {
                let made = of_type(&inventory, "gateway");
                assert_eq!(made["name"], gateway.name.as_str());
                assert_eq!(made["targets"].as_array().unwrap().len(), 4);
                assert_eq!(made["scopes"].as_array().unwrap().len(), config.cognito.scopes.len());
                assert_eq!(made["clients"].as_array().unwrap().len(), 1);
                if let Some(days) = gateway.memory_days {
                    let memory = of_type(&inventory, "memory");
                    assert_eq!((&memory["event_expiry_days"], &memory["name"]), (&days.into(), &MEMORY.into()));
                    assert_eq!(memory["strategies"].as_array().unwrap().len(), 3);
                }
            }
            let instance = of_type(&inventory, "instance");
            assert_eq!(instance["imds_tokens_required"], true);
            assert_eq!(instance["imds_hop_limit"], 1);
            assert_eq!(instance["volume"]["encrypted"], true);
            assert_eq!(instance["protected"], config.mode == Mode::Production);
            let pool = of_type(&inventory, "user-pool");
            assert_eq!(pool["deletion_protection"], config.mode == Mode::Production);
            assert_eq!(pool["admin_create_user_only"], true);
            assert_eq!(pool["clients"][0]["access_token_minutes"], config.cognito.access_token_minutes);
        });
    }

    /// Feature: aws-ec2-production-deployment, Property 6: Configuration Management.
    ///
    /// From any deployed configuration to any other: afterwards everything is as the other wants it, and the journal
    /// gives that other configuration back.
    #[test]
    fn any_configuration_can_follow_any_other(first in servable(), second in servable()) {
        let mut second = second;
        second.deployment.id = first.deployment.id.clone();
        second.aws.region = first.aws.region.clone();
        blocking(async {
            let bench = bench(&first);
            bench.deploy(&first).await.unwrap();
            bench.deploy(&second).await.unwrap();
            let state = bench.state().unwrap();
            assert!(state.is_finished());
            assert_eq!(Config::from_resolved(&state.config.unwrap()).unwrap(), second);
            assert_eq!(bench.prepare(&second).await.unwrap().plan.pending().count(), 0);
        });
    }
}
