//! What a practice account's file promises: what was answered is on disk, whoever is killed, and nothing else is.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use cloud::port::cognito::{
    AppClientRef, AppClientSettings, NewAppClient, NewUserPool, PoolDomain, ResourceServer, UserPoolSettings,
};
use cloud::port::ec2::{
    AddressAssociation, AddressQuery, GroupQuery, InstanceQuery, NewInstance, NewSecurityGroup, Protocol,
    Rule, RuleChange, SubnetQuery, TerminationProtection, VpcQuery,
};
use cloud::port::iam::{NewInstanceProfile, NewRole, ProfileRole};
use cloud::practice::{Practice, PracticeError, PracticeOptions};
use cloud::{Cloud, ErrorKind};
use model::tags::{DEPLOYMENT, Tags};
use model::{AccountId, Region};
use proptest::prelude::*;
use serde_json::json;

fn tags(name: &str) -> Tags {
    [(DEPLOYMENT, "one"), ("Name", name)].into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

async fn group(cloud: &Cloud, name: &str) -> Result<String, cloud::CallError> {
    let vpc_id = cloud.ec2.describe_vpcs(VpcQuery::Default).await?.remove(0).id;
    let new =
        NewSecurityGroup { name: name.to_owned(), description: "test".to_owned(), vpc_id, tags: tags(name) };
    cloud.ec2.create_security_group(new).await
}

/// What another process would find if this one were killed now.
fn after_a_kill(path: &Path) -> Practice {
    let copy = path.with_extension("copy");
    std::fs::copy(path, &copy).unwrap();
    Practice::open(&copy, PracticeOptions::default()).unwrap()
}

#[tokio::test]
async fn a_write_is_on_disk_when_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    let practice = Practice::open(&path, PracticeOptions::default()).unwrap();
    let cloud = practice.cloud();
    for name in ["one", "two", "three"] {
        group(&cloud, name).await.unwrap();
        assert_eq!(after_a_kill(&path).inventory(), practice.inventory());
    }
    let id = cloud.ec2.allocate_address(tags("ip")).await.unwrap();
    assert_eq!(after_a_kill(&path).inventory(), practice.inventory());
    cloud.ec2.release_address(id).await.unwrap();
    assert_eq!(after_a_kill(&path).inventory(), practice.inventory());
}

#[tokio::test]
async fn lag_outlives_the_process_that_caused_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    let options = PracticeOptions { lag_reads: 3, ..PracticeOptions::default() };
    let practice = Practice::open(&path, options.clone()).unwrap();
    let id = group(&practice.cloud(), "web").await.unwrap();
    drop(practice);
    // The next process may have no lag of its own: this thing still has its own.
    let practice = Practice::open(&path, PracticeOptions::instant()).unwrap();
    let cloud = practice.cloud();
    for _ in 0..2 {
        assert_eq!(cloud.ec2.describe_security_groups(GroupQuery::Id(id.clone())).await.unwrap(), []);
    }
    drop((cloud, practice));
    let practice = Practice::open(&path, PracticeOptions::instant()).unwrap();
    let cloud = practice.cloud();
    assert_eq!(cloud.ec2.describe_security_groups(GroupQuery::Id(id.clone())).await.unwrap(), []);
    assert_eq!(cloud.ec2.describe_security_groups(GroupQuery::Id(id)).await.unwrap().len(), 1);
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    let first = Practice::open(&path, PracticeOptions::default()).unwrap();
    let cloud = first.cloud();
    drop(first);
    let error = Practice::open(&path, PracticeOptions::default()).unwrap_err();
    assert!(matches!(error, PracticeError::Locked { .. }), "a cloud holds its account: {error}");
    assert!(error.hint().contains("another file"));
    drop(cloud);
    Practice::open(&path, PracticeOptions::default()).unwrap();
}

#[tokio::test]
async fn others_come_in_while_the_door_is_open_and_each_sees_what_the_other_did() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    let open = || Practice::open(&path, PracticeOptions::instant());
    let first = open().unwrap();
    let (here, door) = (first.cloud(), first.door());
    group(&here, "before").await.unwrap();
    let opened = door.open();
    let second = open().unwrap();
    let there = second.cloud();
    group(&there, "by another").await.unwrap();
    // While somebody is in there, calls are to be made again.
    let error = group(&here, "meanwhile").await.unwrap_err();
    assert!(error.kind == ErrorKind::Throttled && error.message.contains("in use by another"), "{error}");
    drop((second, there));
    group(&here, "meanwhile").await.unwrap();
    let names = async |cloud: &Cloud| {
        let groups =
            cloud.ec2.describe_security_groups(GroupQuery::Deployment("one".to_owned())).await.unwrap();
        groups.into_iter().map(|group| group.name).collect::<Vec<_>>()
    };
    drop(opened);
    // The door is closed from the next call on.
    assert_eq!(names(&here).await.len(), 3);
    assert!(matches!(open().unwrap_err(), PracticeError::Locked { .. }));
    let all = first.inventory();
    drop((first, here));
    assert!(door.open().is_none(), "it keeps nothing alive");
    assert_eq!(open().unwrap().inventory(), all);
}

#[test]
fn a_file_that_is_not_an_account_is_an_error_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    let open = || Practice::open(&path, PracticeOptions::default());
    drop(open().unwrap());
    let good = std::fs::read_to_string(&path).unwrap();
    let cuts = [0, 1, good.len() / 2, good.len() - 1].map(|at| good[..at].to_owned());
    let others = [
        "[]".to_owned(),
        "{}".to_owned(),
        "\u{0}".to_owned(),
        r#"{"format": "other", "version": 1}"#.to_owned(),
        r#"{"format": "sre-agent-deploy/practice", "version": 1}"#.to_owned(),
        r#"{"format": "sre-agent-deploy/practice", "version": 1, "account": {}}"#.to_owned(),
    ];
    for text in cuts.into_iter().chain(others) {
        std::fs::write(&path, &text).unwrap();
        let error = open().unwrap_err();
        assert!(matches!(error, PracticeError::Broken { .. }), "{text}: {error}");
        assert!(error.hint().contains("remove"), "{}", error.hint());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "it is left as it is");
    }
    std::fs::write(&path, r#"{"format": "sre-agent-deploy/practice", "version": 99}"#).unwrap();
    assert!(matches!(open().unwrap_err(), PracticeError::Newer { found: 99, .. }));
    let nowhere = Practice::open(&folder.path().join("no/such/folder"), PracticeOptions::default());
    assert!(matches!(nowhere.unwrap_err(), PracticeError::Read { .. }));
}

#[test]
fn a_file_is_one_account_in_one_region() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    drop(Practice::open(&path, PracticeOptions::default()).unwrap());
    let region = Region::parse("eu-west-1").unwrap();
    let account = AccountId::parse("210987654321").unwrap();
    for options in [
        PracticeOptions { region, ..PracticeOptions::default() },
        PracticeOptions { account, ..PracticeOptions::default() },
    ] {
        let error = Practice::open(&path, options).unwrap_err();
        assert!(matches!(error, PracticeError::Other { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_process_killed_while_writing_leaves_nothing_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    let half = folder.path().join(".account.json.new");
    std::fs::write(&half, "{\"format\":").unwrap();
    let practice = Practice::open(&path, PracticeOptions::default()).unwrap();
    group(&practice.cloud(), "web").await.unwrap();
    assert!(!half.exists());
    assert_eq!(after_a_kill(&path).inventory().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_written_is_a_fault_and_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let practice = Practice::open(&inner.join("account.json"), PracticeOptions::default()).unwrap();
    std::fs::remove_dir_all(&inner).unwrap();
    let error = group(&practice.cloud(), "web").await.unwrap_err();
    assert!(error.may_have_happened(), "{error}");
}

#[tokio::test]
async fn a_write_stays_fast_in_a_large_account() {
    let folder = tempfile::tempdir().unwrap();
    let practice = Practice::open(&folder.path().join("account.json"), PracticeOptions::default()).unwrap();
    practice.seed(|account| account.security_groups(5000)).unwrap();
    let cloud = practice.cloud();
    let start = std::time::Instant::now();
    for number in 0..10 {
        group(&cloud, &format!("web-{number}")).await.unwrap();
    }
    let each = start.elapsed() / 10;
    assert!(each < std::time::Duration::from_secs(1), "{each:?} for one write");
}

/// One call of a random history; numbers choose names and things that exist.
#[derive(Debug, Clone)]
enum Step {
    Group(u8),
    Rules(u8, u16, bool),
    DeleteGroup(u8),
    Role(u8),
    Profile(u8),
    Join(u8, u8),
    Part(u8, u8),
    DeleteRole(u8),
    DeleteProfile(u8),
    Launch { token: u8, profile: u8, group: u8, volume_gb: u8, protected: bool },
    Unprotect(u8),
    Terminate(u8),
    Allocate,
    Associate(u8, u8),
    Release(u8),
    Pool(u8, bool),
    Server(u8),
    Client(u8),
    Domain(u8, u8),
    DeleteDomain(u8, u8),
    DeletePool(u8),
    Look,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let n = 0..4_u8;
    let step = prop_oneof![
        n.clone().prop_map(Step::Group),
        (n.clone(), 0..3_u16, any::<bool>()).prop_map(|(a, b, c)| Step::Rules(a, b, c)),
        n.clone().prop_map(Step::DeleteGroup),
        n.clone().prop_map(Step::Role),
        n.clone().prop_map(Step::Profile),
        (n.clone(), n.clone()).prop_map(|(a, b)| Step::Join(a, b)),
        (n.clone(), n.clone()).prop_map(|(a, b)| Step::Part(a, b)),
        n.clone().prop_map(Step::DeleteRole),
        n.clone().prop_map(Step::DeleteProfile),
        (n.clone(), n.clone(), n.clone(), 0..60_u8, any::<bool>()).prop_map(
            |(token, profile, group, volume_gb, protected)| Step::Launch {
                token,
                profile,
                group,
                volume_gb,
                protected
            }
        ),
        n.clone().prop_map(Step::Unprotect),
        n.clone().prop_map(Step::Terminate),
        Just(Step::Allocate),
        (n.clone(), n.clone()).prop_map(|(a, b)| Step::Associate(a, b)),
        n.clone().prop_map(Step::Release),
        (n.clone(), any::<bool>()).prop_map(|(a, b)| Step::Pool(a, b)),
        n.clone().prop_map(Step::Server),
        n.clone().prop_map(Step::Client),
        (n.clone(), n.clone()).prop_map(|(a, b)| Step::Domain(a, b)),
        (n.clone(), n.clone()).prop_map(|(a, b)| Step::DeleteDomain(a, b)),
        n.prop_map(Step::DeletePool),
        Just(Step::Look),
    ];
    proptest::collection::vec(step, 1..25)
}

/// What every history begins with, so that launches and clients have a chance.
fn furnished() -> Vec<Step> {
    let launch = Step::Launch { token: 0, profile: 0, group: 0, volume_gb: 50, protected: false };
    let mut steps = vec![Step::Group(0), Step::Role(0), Step::Profile(0), Step::Join(0, 0)];
    steps.extend([Step::Pool(0, false), Step::Server(0), Step::Client(0), Step::Allocate]);
    steps.extend([launch.clone(), launch]);
    steps
}

/// Ids that the history was told, by kind.
#[derive(Default)]
struct Told {
    groups: Vec<String>,
    instances: Vec<String>,
    addresses: Vec<String>,
    pools: Vec<String>,
    clients: Vec<AppClientRef>,
}

fn pick(ids: &[String], number: u8) -> String {
    let index = usize::from(number).checked_rem(ids.len());
    index.and_then(|index| ids.get(index)).cloned().unwrap_or_else(|| "nothing".to_owned())
}

fn rule(port: u16) -> Rule {
    Rule { protocol: Protocol::Tcp, from_port: port, to_port: port, cidr: "10.0.0.0/8".parse().unwrap() }
}

/// Does one step. Refusals are answers like any other; only panics would be wrong.
async fn walk(cloud: &Cloud, told: &mut Told, step: Step) {
    let name = |number: u8| format!("name-{number}");
    let (ec2, iam, cognito) = (&cloud.ec2, &cloud.iam, &cloud.cognito);
    match step {
        Step::Group(a) => told.groups.extend(group(cloud, &name(a)).await),
        Step::Rules(a, port, add) => {
            let change = RuleChange { group_id: pick(&told.groups, a), rules: [rule(port)].into() };
            let _ = if add { ec2.authorize_ingress(change).await } else { ec2.revoke_ingress(change).await };
        }
        Step::DeleteGroup(a) => {
            let _ = ec2.delete_security_group(pick(&told.groups, a)).await;
        }
        Step::Role(a) => {
            let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"});
            let new = NewRole {
                name: name(a),
                path: "/one/".to_owned(),
                description: String::new(),
                trust: json!({ "Statement": statement }),
                tags: tags(&name(a)),
            };
            let _ = iam.create_role(new).await;
        }
        Step::Profile(a) => {
            let new = NewInstanceProfile { name: name(a), path: "/one/".to_owned(), tags: tags(&name(a)) };
            let _ = iam.create_instance_profile(new).await;
        }
        Step::Join(a, b) => {
            let _ = iam.add_role_to_instance_profile(ProfileRole { profile: name(a), role: name(b) }).await;
        }
        Step::Part(a, b) => {
            let _ =
                iam.remove_role_from_instance_profile(ProfileRole { profile: name(a), role: name(b) }).await;
        }
        Step::DeleteRole(a) => {
            let _ = iam.delete_role(name(a)).await;
        }
        Step::DeleteProfile(a) => {
            let _ = iam.delete_instance_profile(name(a)).await;
        }
        Step::Launch { token, profile, group, volume_gb, protected } => {
            let image = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64".to_owned();
            let vpc = ec2.describe_vpcs(VpcQuery::Default).await.unwrap().remove(0).id;
            let new = NewInstance {
                image_id: cloud.ssm.get_parameter(image).await.unwrap().unwrap(),
                instance_type: "t3.large".to_owned(),
                subnet_id: ec2.describe_subnets(SubnetQuery::Vpc(vpc)).await.unwrap().remove(0).id,
                group_ids: vec![pick(&told.groups, group)],
                profile_name: name(profile),
                root_device_name: "/dev/xvda".to_owned(),
                volume_gb: u32::from(volume_gb),
                termination_protection: protected,
                client_token: name(token),
                user_data: Some(name(token)),
                tags: tags(&name(token)),
            };
            told.instances.extend(ec2.run_instance(new).await);
        }
        Step::Unprotect(a) => {
            let off = TerminationProtection { instance_id: pick(&told.instances, a), enabled: false };
            let _ = ec2.set_termination_protection(off).await;
        }
        Step::Terminate(a) => {
            let _ = ec2.terminate_instance(pick(&told.instances, a)).await;
        }
        Step::Allocate => told.addresses.extend(ec2.allocate_address(tags("ip")).await),
        Step::Associate(a, b) => {
            let (allocation_id, instance_id) = (pick(&told.addresses, a), pick(&told.instances, b));
            let _ = ec2.associate_address(AddressAssociation { allocation_id, instance_id }).await;
        }
        Step::Release(a) => {
            let _ = ec2.release_address(pick(&told.addresses, a)).await;
        }
        Step::Pool(a, deletion_protection) => {
            let settings = UserPoolSettings {
                deletion_protection,
                admin_create_user_only: true,
                password_minimum_length: 12,
                password_all_classes: true,
            };
            let new = NewUserPool { name: name(a), tags: tags(&name(a)), settings };
            told.pools.extend(cognito.create_user_pool(new).await);
        }
        Step::Server(a) => {
            let scopes = ["read".to_owned()].into();
            let new = ResourceServer { pool_id: pick(&told.pools, a), identifier: "api".to_owned(), scopes };
            let _ = cognito.create_resource_server(new).await;
        }
        Step::Client(a) => {
            let pool_id = pick(&told.pools, a);
            let settings = AppClientSettings {
                name: name(a),
                scopes: ["api/read".to_owned()].into(),
                access_token_minutes: 60,
            };
            let made = cognito.create_app_client(NewAppClient { pool_id: pool_id.clone(), settings }).await;
            told.clients.extend(made.map(|id| AppClientRef { pool_id, id }));
        }
        Step::Domain(a, b) => {
            let _ =
                cognito.create_domain(PoolDomain { pool_id: pick(&told.pools, a), prefix: name(b) }).await;
        }
        Step::DeleteDomain(a, b) => {
            let _ =
                cognito.delete_domain(PoolDomain { pool_id: pick(&told.pools, a), prefix: name(b) }).await;
        }
        Step::DeletePool(a) => {
            let _ = cognito.delete_user_pool(pick(&told.pools, a)).await;
        }
        Step::Look => {
            let one = || "one".to_owned();
            ec2.describe_security_groups(GroupQuery::Deployment(one())).await.unwrap();
            ec2.describe_instances(InstanceQuery::Deployment(one())).await.unwrap();
            ec2.describe_addresses(AddressQuery::Deployment(one())).await.unwrap();
            iam.list_roles("/one/".to_owned()).await.unwrap();
            cognito.list_user_pools(()).await.unwrap();
            for client in &told.clients {
                cognito.describe_app_client(client.clone()).await.unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_panics_and_every_history_survives_a_kill(steps in steps(), lag in 0..3_u32, settle in 0..3_u32) {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("account.json");
        let options = PracticeOptions { lag_reads: lag, settle_reads: settle, ..PracticeOptions::default() };
        let practice = Practice::open(&path, options.clone()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let cloud = practice.cloud();
            let mut told = Told::default();
            for step in furnished().into_iter().chain(steps) {
                walk(&cloud, &mut told, step).await;
            }
        });
        let before = practice.inventory();
        prop_assert_eq!(&after_a_kill(&path).inventory(), &before);
        drop(practice);
        prop_assert_eq!(&Practice::open(&path, options).unwrap().inventory(), &before);
    }
}
