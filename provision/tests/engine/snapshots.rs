//! What an operator reads before saying yes, and the policy that an auditor reads: as data, whole.

use cloud::practice::PracticeOptions;
use provision::policy;

use crate::support::{Bench, config, usual};

#[tokio::test(start_paused = true)]
async fn the_plan_of_a_first_deployment() {
    let bench = Bench::with(PracticeOptions::instant());
    insta::assert_json_snapshot!(bench.prepare(&usual()).await.unwrap().plan);
}

#[tokio::test(start_paused = true)]
async fn the_plan_of_a_change_shows_what_differs() {
    let bench = Bench::with(PracticeOptions::instant());
    bench.deploy(&usual()).await.unwrap();
    let changed = config(
        "tls: {domain: api.example.com, source: acme}\nhost: {install: none}\n\
         network: {https_cidrs: [10.0.0.0/8], ssh_cidrs: [192.0.2.0/24]}\n\
         instance: {type: m6i.2xlarge}\ncognito: {mfa: required}\n",
    );
    let plan = bench.prepare(&changed).await.unwrap().plan;
    let pending: Vec<_> = plan
        .pending()
        .map(|step| serde_json::json!({"step": step.id, "change": step.change, "why": step.why}))
        .collect();
    insta::assert_json_snapshot!(pending);
}

#[test]
fn the_policy_for_models_profiles_and_arns() {
    let mapped = config(
        "tls: {domain: api.example.com, source: acme}\nhost: {install: none}\n\
         proxy:\n  models:\n    plain: amazon.nova-pro-v1:0\n    american: us.amazon.nova-lite-v1:0\n    \
         global: global.amazon.nova-2-lite-v1:0\n    \
         profile: arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0\n    \
         application: arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6\n    \
         model: arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-micro-v1:0\n",
    );
    let document = policy::instance_policy(&mapped, &mapped.aws.region, &Bench::account());
    insta::assert_json_snapshot!(document);
}
