//! What each kind of failure on the way becomes, over real HTTP.

mod common;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use cloud::port::ec2::{NewSecurityGroup, VpcQuery};
use cloud::{Cloud, ErrorKind};
use cloud_aws::{ConnectError, ConnectOptions, connect, default_region};
use common::{block_on, on, on_moto};
use model::Region;
use model::tags::Tags;
use test_support::{Fault, KillingProxy, Moto, ProxyPlan, environment, rerun};

fn with(mut variables: Vec<(String, String)>, more: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.retain(|(key, _)| more.iter().all(|(other, _)| key != other));
    variables.extend(more.iter().filter(|(_, v)| !v.is_empty()).map(|&(k, v)| (k.to_owned(), v.to_owned())));
    variables
}

/// An account behind a proxy with that plan.
fn spoiled(plan: ProxyPlan) -> (Vec<(String, String)>, (Moto, KillingProxy)) {
    let moto = Moto::start();
    let proxy = KillingProxy::start(&moto.endpoint());
    proxy.plan(plan);
    (environment(&proxy.endpoint()), (moto, proxy))
}

fn group() -> NewSecurityGroup {
    NewSecurityGroup {
        name: "spoiled".to_owned(),
        description: "test".to_owned(),
        vpc_id: "vpc-0123456789abcdef0".to_owned(),
        tags: Tags::new(),
    }
}

#[test]
fn a_denied_call_names_its_action() {
    let parts = || {
        let moto = Moto::start();
        // A user that may do nothing.
        let keys = moto.python(
            "import boto3,json\niam=boto3.client('iam')\niam.create_user(UserName='nobody')\n\
             print(json.dumps(iam.create_access_key(UserName='nobody')['AccessKey'], default=str))",
            &[],
        );
        moto.enforce_iam_after(0);
        let key = |name: &str| keys[name].as_str().unwrap().to_owned();
        let variables = with(
            moto.environment(),
            &[
                ("AWS_ACCESS_KEY_ID", key("AccessKeyId").as_str()),
                ("AWS_SECRET_ACCESS_KEY", key("SecretAccessKey").as_str()),
            ],
        );
        (variables, moto)
    };
    on("a_denied_call_names_its_action", parts, async |cloud: Cloud| {
        let error = cloud.ec2.describe_vpcs(VpcQuery::Default).await.unwrap_err();
        // AWS says `UnauthorizedOperation`, moto `AccessDenied`.
        assert_eq!((error.kind, error.action().as_str()), (ErrorKind::Denied, "ec2:DescribeVpcs"), "{error}");
        let error = cloud.iam.get_role("anybody".to_owned()).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Denied, Some("AccessDenied")));
        assert!(error.message.contains("iam:GetRole"), "{error}");
    });
}

#[test]
fn unknown_keys_are_invalid_credentials() {
    let parts = || {
        let moto = Moto::start();
        moto.enforce_iam_after(0);
        (moto.environment(), moto)
    };
    on("unknown_keys_are_invalid_credentials", parts, async |cloud: Cloud| {
        let error = cloud.sts.get_caller_identity(()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::CredentialsInvalid, "{error}");
        assert_eq!(error.code.as_deref(), Some("InvalidClientTokenId"));
    });
}

#[test]
fn no_credentials_anywhere_are_missing_credentials() {
    let parts = || {
        let nothing = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
        (with(environment("http://127.0.0.1:9"), &nothing), ())
    };
    on("no_credentials_anywhere_are_missing_credentials", parts, async |cloud: Cloud| {
        let error = cloud.sts.get_caller_identity(()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::CredentialsMissing, "{error}");
        assert_eq!(error.action(), "sts:GetCallerIdentity");
        assert!(error.message.to_lowercase().contains("credential"), "{error}");
        assert!(!error.may_have_happened());
    });
}

#[test]
fn a_profile_that_does_not_exist_is_missing_credentials_and_named() {
    let test = "a_profile_that_does_not_exist_is_missing_credentials_and_named";
    // The environment holds keys: a profile asked for by name must not fall back to them.
    rerun(
        test,
        || (environment("http://127.0.0.1:9"), ()),
        || {
            block_on(async {
                let options =
                    ConnectOptions { profile: Some("nowhere".to_owned()), ..ConnectOptions::default() };
                let cloud = connect(options).await.unwrap();
                let error = cloud.sts.get_caller_identity(()).await.unwrap_err();
                assert_eq!(error.kind, ErrorKind::CredentialsMissing, "{error}");
                assert!(error.message.contains("nowhere"), "{error}");
            });
        },
    );
}

#[test]
fn a_process_that_fails_says_why() {
    let parts = || {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        let process = "sh -c \"echo the vault is sealed >&2; exit 1\"";
        std::fs::write(&config, format!("[default]\ncredential_process = {process}\n")).unwrap();
        let more = [
            ("AWS_ACCESS_KEY_ID", ""),
            ("AWS_SECRET_ACCESS_KEY", ""),
            ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ];
        (with(environment("http://127.0.0.1:9"), &more), folder)
    };
    on("a_process_that_fails_says_why", parts, async |cloud: Cloud| {
        let error = cloud.sts.get_caller_identity(()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::CredentialsInvalid, "{error}");
        assert!(error.message.contains("the vault is sealed"), "{error}");
    });
}

#[test]
fn an_expired_sso_session_is_expired_credentials() {
    let parts = || {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        let text = "[default]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Admin\n\n\
                    [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.awsapps.com/start\n";
        std::fs::write(&config, text).unwrap();
        // The cache file is named after the SHA-1 of the session's name.
        let cache = folder.path().join(".aws/sso/cache");
        std::fs::create_dir_all(&cache).unwrap();
        let token = r#"{"accessToken":"old","expiresAt":"2020-01-01T00:00:00Z","region":"us-east-1",
                        "startUrl":"https://corp.awsapps.com/start"}"#;
        std::fs::write(cache.join("ee0bfd2552fbd840c02cc48b6e823320543c450f.json"), token).unwrap();
        let more = [
            ("AWS_ACCESS_KEY_ID", ""),
            ("AWS_SECRET_ACCESS_KEY", ""),
            ("AWS_CONFIG_FILE", config.to_str().unwrap()),
            ("HOME", folder.path().to_str().unwrap()),
        ];
        (with(environment("http://127.0.0.1:9"), &more), folder)
    };
    on("an_expired_sso_session_is_expired_credentials", parts, async |cloud: Cloud| {
        let error = cloud.sts.get_caller_identity(()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::CredentialsExpired, "{error}");
    });
}

#[test]
fn no_region_is_no_connection() {
    let parts =
        || (with(environment("http://127.0.0.1:9"), &[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")]), ());
    rerun("no_region_is_no_connection", parts, || {
        block_on(async {
            assert_eq!(connect(ConnectOptions::default()).await.err(), Some(ConnectError::NoRegion));
            assert_eq!(default_region(None).await, None);
            let region = Some(Region::parse("eu-central-1").unwrap());
            assert!(connect(ConnectOptions { region, ..ConnectOptions::default() }).await.is_ok());
        });
    });
}

#[test]
fn the_region_of_the_environment_is_found() {
    rerun(
        "the_region_of_the_environment_is_found",
        || (environment("http://127.0.0.1:9"), ()),
        || {
            block_on(async {
                assert_eq!(default_region(None).await, Some(Region::parse("us-east-1").unwrap()));
            });
        },
    );
}

#[test]
fn a_port_that_nobody_listens_on_is_unreachable() {
    let parts = || (environment("http://127.0.0.1:9"), ());
    on("a_port_that_nobody_listens_on_is_unreachable", parts, async |cloud: Cloud| {
        let started = Instant::now();
        let error = cloud.ec2.create_security_group(group()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
        assert!(error.message.contains("refused"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(5), "one attempt, no retries");
    });
}

#[test]
fn a_listener_that_never_answers_is_timed_out() {
    let test = "a_listener_that_never_answers_is_timed_out";
    let parts = || {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        (environment(&format!("http://{}", listener.local_addr().unwrap())), listener)
    };
    rerun(test, parts, || {
        block_on(async {
            let options =
                ConnectOptions { attempt_timeout: Duration::from_millis(500), ..ConnectOptions::default() };
            let cloud = connect(options).await.unwrap();
            let error = cloud.ec2.create_security_group(group()).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::TimedOut, "{error}");
            assert!(error.may_have_happened());
        });
    });
}

#[test]
fn a_call_whose_answer_is_lost_was_made_once() {
    let test = "a_call_whose_answer_is_lost_was_made_once";
    on(
        test,
        || spoiled(ProxyPlan::after(1, |_| ())),
        async |cloud: Cloud| {
            let vpc_id = cloud.ec2.describe_vpcs(VpcQuery::Default).await.unwrap()[0].id.clone();
            let lost =
                cloud.ec2.create_security_group(NewSecurityGroup { vpc_id, ..group() }).await.unwrap_err();
            assert_eq!(lost.kind, ErrorKind::Unreachable, "{lost}");
            assert!(lost.may_have_happened());
            let vpc_id = cloud.ec2.describe_vpcs(VpcQuery::Default).await.unwrap()[0].id.clone();
            let again =
                cloud.ec2.create_security_group(NewSecurityGroup { vpc_id, ..group() }).await.unwrap_err();
            assert_eq!(again.kind, ErrorKind::AlreadyExists, "it had been carried out: {again}");
        },
    );
}

#[test]
fn throttling_is_told_in_every_protocol_and_not_repeated() {
    let test = "throttling_is_told_in_every_protocol_and_not_repeated";
    on(
        test,
        || spoiled(ProxyPlan::fault_on("DescribeVpcs", 1, Fault::Throttled)),
        async |cloud: Cloud| {
            let error = cloud.ec2.describe_vpcs(VpcQuery::Default).await.unwrap_err();
            assert_eq!(
                (error.kind, error.code.as_deref()),
                (ErrorKind::Throttled, Some("RequestLimitExceeded"))
            );
            assert!(error.request_id.is_some(), "AWS support asks for it");
            assert_eq!(
                cloud.ec2.describe_vpcs(VpcQuery::Default).await.unwrap().len(),
                1,
                "the next one passes"
            );
        },
    );
}

#[test]
fn faults_of_the_other_protocols_keep_their_kinds() {
    let test = "faults_of_the_other_protocols_keep_their_kinds";
    on(
        test,
        || spoiled(ProxyPlan::fault_on("ListUserPools", 1, Fault::Throttled)),
        async |cloud: Cloud| {
            let error = cloud.cognito.list_user_pools(()).await.unwrap_err();
            assert_eq!(
                (error.kind, error.code.as_deref()),
                (ErrorKind::Throttled, Some("TooManyRequestsException"))
            );
            assert_eq!(error.action(), "cognito-idp:ListUserPools");
        },
    );
}

#[test]
fn expired_credentials_are_told_from_denied_calls() {
    let test = "expired_credentials_are_told_from_denied_calls";
    on(
        test,
        || spoiled(ProxyPlan::fault_on("GetRole", 1, Fault::Expired)),
        async |cloud: Cloud| {
            let error = cloud.iam.get_role("anybody".to_owned()).await.unwrap_err();
            assert_eq!(
                (error.kind, error.code.as_deref()),
                (ErrorKind::CredentialsExpired, Some("ExpiredToken"))
            );
        },
    );
}

#[test]
fn a_web_page_is_an_operation_that_the_endpoint_does_not_know() {
    let test = "a_web_page_is_an_operation_that_the_endpoint_does_not_know";
    on(
        test,
        || spoiled(ProxyPlan::fault_on("DescribeVpcs", 1, Fault::Page)),
        async |cloud: Cloud| {
            let error = cloud.ec2.describe_vpcs(VpcQuery::Default).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
            assert!(!error.may_have_happened());
        },
    );
}

#[test]
fn moto_says_so_itself_where_it_knows_no_operation() {
    on_moto("moto_says_so_itself_where_it_knows_no_operation", async |cloud: Cloud| {
        let server = cloud::port::cognito::ResourceServerRef {
            pool_id: "us-east-1_000000000".to_owned(),
            identifier: "api".to_owned(),
        };
        let error = cloud.cognito.delete_resource_server(server).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
    });
}

#[test]
fn an_endpoint_of_one_service_is_honoured() {
    let parts = || {
        let moto = Moto::start();
        let more = [("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("AWS_ENDPOINT_URL_EC2", &moto.endpoint())];
        (with(moto.environment(), &more), moto)
    };
    on("an_endpoint_of_one_service_is_honoured", parts, async |cloud: Cloud| {
        assert_eq!(cloud.ec2.describe_vpcs(VpcQuery::Default).await.unwrap().len(), 1);
        let error = cloud.sts.get_caller_identity(()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    });
}
