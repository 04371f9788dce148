//! Laws of runtimes: names, tokens, versions, what the role may fetch, what fails late.

use std::collections::BTreeMap;

use cloud::ErrorKind;
use cloud::port::agentcore::{NewRuntime, Runtime, RuntimeChange, RuntimeSettings};
use cloud::practice::Practice;
use model::Secret;
use model::tags::Tags;

use crate::parts::{allow, refused, role, role_arn, settling, token};

const IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sre-agent:v1";
const SERVICE: &str = "bedrock-agentcore.amazonaws.com";
const REPOSITORY: &str = "arn:aws:ecr:us-east-1:123456789012:repository/sre-agent";

fn new(name: &str) -> NewRuntime {
    NewRuntime {
        name: name.to_owned(),
        client_token: token(&name.replace('_', "-")),
        settings: RuntimeSettings {
            role_arn: role_arn(),
            artifact: IMAGE.to_owned(),
            environment: BTreeMap::from([("TOKEN".to_owned(), Secret::new("s3cret".to_owned()))]),
            description: String::new(),
        },
        tags: Tags::new(),
    }
}

async fn read(practice: &Practice, id: &str) -> Runtime {
    practice.cloud().agentcore.get_runtime(id.to_owned()).await.unwrap().unwrap()
}

async fn furnished() -> Practice {
    let practice = settling(1);
    role(&practice.cloud(), SERVICE).await;
    allow(&practice.cloud(), "ecr:BatchGetImage", REPOSITORY).await;
    practice
}

#[tokio::test]
async fn a_runtime_has_a_plain_name_once_and_a_version_for_each_change() {
    let practice = furnished().await;
    let agentcore = practice.cloud().agentcore;
    let id = agentcore.create_runtime(new("sre_agent")).await.unwrap();
    assert_eq!(id.split_once('-').map(|(name, end)| (name, end.len())), Some(("sre_agent", 10)));
    assert_eq!(agentcore.create_runtime(new("sre_agent")).await.unwrap(), id);
    let twin = NewRuntime { client_token: token("other"), ..new("sre_agent") };
    refused(agentcore.create_runtime(twin).await, "ConflictException", ErrorKind::AlreadyExists);
    for wrong in [new("sre-agent"), new("1"), new("_a"), new(&"a".repeat(49))] {
        refused(agentcore.create_runtime(wrong).await, "ValidationException", ErrorKind::Invalid);
    }
    let change = RuntimeChange { id: id.clone(), settings: new("sre_agent").settings };
    refused(agentcore.update_runtime(change.clone()).await, "ConflictException", ErrorKind::NotPropagated);
    assert_eq!(read(&practice, &id).await.condition.status, "CREATING");
    assert!(read(&practice, &id).await.condition.is_ready());
    agentcore.update_runtime(change).await.unwrap();
    let changing = read(&practice, &id).await;
    assert_eq!((changing.condition.status.as_str(), changing.version.as_str()), ("UPDATING", "2"));
    agentcore.delete_runtime(id.clone()).await.unwrap();
    assert_eq!(read(&practice, &id).await.condition.status, "DELETING");
    let twin = NewRuntime { client_token: token("other"), ..new("sre_agent") };
    refused(agentcore.create_runtime(twin.clone()).await, "ConflictException", ErrorKind::AlreadyExists);
    assert_eq!(agentcore.get_runtime(id).await.unwrap(), None);
    agentcore.create_runtime(twin).await.unwrap();
}

#[tokio::test]
async fn what_fails_says_whether_it_was_made_or_changed_and_why() {
    let practice = furnished().await;
    let agentcore = practice.cloud().agentcore;
    practice.seed(|seed| seed.fail_runtime("exec format error")).unwrap();
    let id = agentcore.create_runtime(new("one")).await.unwrap();
    read(&practice, &id).await;
    let failed = read(&practice, &id).await.condition;
    assert_eq!(
        (failed.status.as_str(), &failed.reasons[..]),
        ("CREATE_FAILED", &["exec format error".to_owned()][..])
    );
    assert!(failed.has_failed());
    let change = |id: &str| RuntimeChange { id: id.to_owned(), settings: new("one").settings };
    refused(agentcore.update_runtime(change(&id)).await, "ConflictException", ErrorKind::NotPropagated);

    let id = agentcore.create_runtime(new("two")).await.unwrap();
    for _ in 0..2 {
        read(&practice, &id).await;
    }
    practice.seed(|seed| seed.fail_runtime("no such image")).unwrap();
    agentcore.update_runtime(change(&id)).await.unwrap();
    read(&practice, &id).await;
    assert_eq!(read(&practice, &id).await.condition.status, "UPDATE_FAILED");
    agentcore.update_runtime(change(&id)).await.unwrap();
    let told = practice.inventory().iter().map(ToString::to_string).collect::<String>();
    assert!(told.contains("exec format error") && !told.contains("s3cret"), "{told}");
}

#[tokio::test]
async fn the_role_has_to_be_allowed_the_one_image_or_the_one_file() {
    let practice = settling(0);
    role(&practice.cloud(), SERVICE).await;
    let agentcore = practice.cloud().agentcore;
    let said = refused(agentcore.create_runtime(new("one")).await, "ValidationException", ErrorKind::Invalid);
    assert!(said.contains("execution role") && said.contains("ecr:BatchGetImage"), "{said}");
    allow(&practice.cloud(), "s3:GetObject", "arn:aws:s3:::my-code/agent.zip").await;
    let mut zip = new("one");
    zip.settings.artifact = "s3://my-code/other.zip".to_owned();
    refused(agentcore.create_runtime(zip.clone()).await, "ValidationException", ErrorKind::Invalid);
    zip.settings.artifact = "s3://my-code/agent.zip".to_owned();
    agentcore.create_runtime(zip).await.unwrap();
}
