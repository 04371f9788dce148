//! Models, inference profiles and one token; and what the policy simulator says.

use serde_json::json;

use crate::port::bedrock::ModelLife;
use crate::port::iam::{Decision, NewRole, RolePolicy, RolePolicyDocument, Simulation};
use crate::{Cloud, ErrorKind};

use super::{Fixture, refused};

const MODEL: &str = "amazon.nova-lite-v1:0";
const PROFILE: &str = "us.amazon.nova-lite-v1:0";

/// A model of Amazon is there, active and accessible, and answers through its profile; another is not there.
pub async fn models(cloud: &Cloud, _fixture: &Fixture) {
    let bedrock = &cloud.bedrock;
    let all = bedrock.list_foundation_models(()).await.expect("models can be listed");
    let listed = all.iter().find(|model| model.id == MODEL).expect("the Region has Nova Lite");
    let model = bedrock.get_foundation_model(MODEL.to_owned()).await.expect("a model can be read");
    let model = model.expect("Nova Lite exists");
    assert_eq!((&model.id, &model.arn, &model.life), (&listed.id, &listed.arn, &ModelLife::Active));
    assert!(model.arn.ends_with(MODEL) && model.on_demand, "{model:?}");

    let open = bedrock.get_model_availability(MODEL.to_owned()).await.expect("availability can be read");
    let open = open.expect("Nova Lite exists");
    assert!(open.authorized && open.entitled && open.in_region, "{open:?}");

    let profiles = bedrock.list_inference_profiles(()).await.expect("profiles can be listed");
    let listed = profiles.iter().find(|profile| profile.id == PROFILE).expect("Nova Lite has a profile");
    let profile = bedrock.get_inference_profile(PROFILE.to_owned()).await.expect("a profile can be read");
    let profile = profile.expect("the profile exists");
    assert_eq!(&profile, listed);
    assert!(profile.active && profile.model_arns.iter().any(|arn| arn.ends_with(MODEL)), "{profile:?}");

    let nobody = || "nobody.model-v1:0".to_owned();
    assert_eq!(bedrock.get_foundation_model(nobody()).await.expect("model"), None);
    assert_eq!(bedrock.get_model_availability(nobody()).await.expect("availability"), None);
    assert_eq!(bedrock.get_inference_profile(nobody()).await.expect("profile"), None);
}

/// A model answers to its id and through its profile.
pub async fn one_token(cloud: &Cloud, _fixture: &Fixture) {
    for model in [MODEL, PROFILE] {
        let spent = cloud.bedrock_runtime.converse_once(model.to_owned()).await.expect("the model answers");
        assert!(spent.output_tokens > 0, "{spent:?}");
    }
}

/// The simulator says what a role's policies allow, one verdict for each action and resource.
pub async fn simulations(cloud: &Cloud, fixture: &Fixture) {
    let iam = &cloud.iam;
    let name = fixture.name("simulated");
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    ]});
    let new = NewRole {
        name: name.clone(),
        path: "/".to_owned(),
        description: "contract test".to_owned(),
        trust,
        tags: fixture.tags("simulated"),
    };
    let arn = iam.create_role(new).await.expect("a role is made");
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["ec2:RunInstances", "iam:CreateRole"], "Resource": "*"}
    ]});
    let policy = || RolePolicy { role: name.clone(), policy: "inline".to_owned() };
    let RolePolicy { role, policy: named } = policy();
    iam.put_role_policy(RolePolicyDocument { role, policy: named, document }).await.expect("a policy is put");

    let actions = ["ec2:RunInstances", "iam:CreateRole"].map(str::to_owned).to_vec();
    let question = Simulation { principal_arn: arn, actions: actions.clone(), resources: Vec::new() };
    let mut verdicts = iam.simulate_principal_policy(question).await.expect("policies can be simulated");
    verdicts.sort_by(|a, b| a.action.cmp(&b.action));
    let said: Vec<_> = verdicts.iter().map(|one| (one.action.as_str(), one.decision)).collect();
    assert_eq!(said, actions.iter().map(|one| (one.as_str(), Decision::Allowed)).collect::<Vec<_>>());

    iam.delete_role_policy(policy()).await.expect("the policy is deleted");
    iam.delete_role(name).await.expect("the role is deleted");
}

/// A model that does not exist is a request that Bedrock does not accept. Emulators answer to any name.
pub async fn unknown_models_do_not_answer(cloud: &Cloud, _fixture: &Fixture) {
    let answer = cloud.bedrock_runtime.converse_once("nobody.model-v1:0".to_owned()).await;
    refused(answer, ErrorKind::Invalid, "Converse");
}
