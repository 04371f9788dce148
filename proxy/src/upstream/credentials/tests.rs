//! When credentials are loaded, and how a role is assumed.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_credential_types::{
    Credentials as AwsCredentials,
    provider::{error::CredentialsError, future},
};

use super::*;
use crate::upstream::stub::{Act, Stub, TestClock};

impl Credentials {
    /// Keys that an emulated account takes.
    pub(crate) fn of_nobody(region: Region, clock: Arc<dyn Clock>) -> Self {
        let keys = AwsCredentials::new("test", "test", None, None, "test");
        let provider = OnceCell::new_with(Some(SharedCredentialsProvider::new(keys)));
        Self { provider, ..Self::of(Identity { profile: None, role: None, region }, clock) }
    }
}

/// Numbers the credentials that it gives, or has none.
#[derive(Debug, Clone, Default)]
struct Numbered(Arc<NumberedState>);

#[derive(Debug, Default)]
struct NumberedState {
    asked: AtomicU32,
    lifetime: Option<Duration>,
    broken: std::sync::atomic::AtomicBool,
}

impl Numbered {
    fn lasting(lifetime: Duration) -> Self {
        Self(Arc::new(NumberedState { lifetime: Some(lifetime), ..NumberedState::default() }))
    }

    fn asked(&self) -> u32 {
        self.0.asked.load(Ordering::Relaxed)
    }

    fn credentials(&self, clock: &Arc<TestClock>) -> Credentials {
        let provider = SharedCredentialsProvider::new(Provider(self.clone(), Arc::clone(clock)));
        let identity = Identity { profile: None, role: None, region: Region::parse("us-east-1").unwrap() };
        let clock: Arc<TestClock> = Arc::clone(clock);
        Credentials { provider: OnceCell::new_with(Some(provider)), ..Credentials::of(identity, clock) }
    }
}

#[derive(Debug)]
struct Provider(Numbered, Arc<TestClock>);

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let number = self.0.0.asked.fetch_add(1, Ordering::Relaxed);
        if self.0.0.broken.load(Ordering::Relaxed) {
            return future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("none today")));
        }
        let expiry = self.0.0.lifetime.map(|lifetime| std::time::SystemTime::from(self.1.now() + lifetime));
        let credentials = AwsCredentials::new(format!("AKIA{number}"), "secret", None, expiry, "test");
        future::ProvideCredentials::ready(Ok(credentials))
    }
}

fn key_id(loaded: &Loaded) -> String {
    format!("{:?}", loaded.keys)
}

#[tokio::test(start_paused = true)]
async fn they_are_loaded_once_and_refreshed_before_they_expire() {
    let (clock, provider) = (TestClock::new(), Numbered::lasting(Duration::from_hours(1)));
    let credentials = provider.credentials(&clock);
    assert_eq!(provider.asked(), 0, "nothing is asked before it is needed");
    for _ in 0..10 {
        assert!(key_id(&credentials.get().await.unwrap()).contains("AKIA0"));
    }
    clock.advance(Duration::from_secs(3400));
    assert!(key_id(&credentials.get().await.unwrap()).contains("AKIA1"));
    assert_eq!(provider.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_is_no_failure_while_the_old_ones_are_valid() {
    let (clock, provider) = (TestClock::new(), Numbered::lasting(Duration::from_hours(1)));
    let credentials = provider.credentials(&clock);
    credentials.get().await.unwrap();
    provider.0.broken.store(true, Ordering::Relaxed);
    clock.advance(Duration::from_secs(3400));
    assert!(key_id(&credentials.get().await.unwrap()).contains("AKIA0"));
    clock.advance(Duration::from_secs(200));
    let error = credentials.get().await.err().unwrap();
    assert!(error.to_string().contains("none today"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn refused_ones_are_read_again_but_not_with_every_request() {
    let (clock, provider) = (TestClock::new(), Numbered::default());
    let credentials = provider.credentials(&clock);
    let first = credentials.get().await.unwrap();
    credentials.distrust(&first);
    assert!(Arc::ptr_eq(&first, &credentials.get().await.unwrap()));
    clock.advance(Duration::from_secs(31));
    credentials.distrust(&first);
    let second = credentials.get().await.unwrap();
    assert!(key_id(&second).contains("AKIA1"));
    clock.advance(Duration::from_secs(31));
    credentials.distrust(&first);
    assert!(Arc::ptr_eq(&second, &credentials.get().await.unwrap()), "newer ones are not meant");
}

#[tokio::test]
async fn a_role_is_assumed_with_its_external_id() {
    const ANSWER: &str = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
        <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/bedrock/bedrock-nova-proxy</Arn>
        <AssumedRoleId>AROA:bedrock-nova-proxy</AssumedRoleId></AssumedRoleUser>
        <Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
        <SessionToken>token</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>
        </AssumeRoleResult></AssumeRoleResponse>"#;
    let stub = Stub::start(|_, _| Act::Answer(200, Vec::new(), ANSWER.into())).await;
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .endpoint_url(stub.url())
        .credentials_provider(AwsCredentials::new("AKIABASE", "secret", None, None, "test"))
        .load()
        .await;
    let role = Role {
        arn: "arn:aws:iam::123456789012:role/bedrock".to_owned(),
        external_id: Some("team 7/blue".to_owned()),
    };
    let credentials = assume(&role, &config).await.provide_credentials().await.unwrap();
    assert_eq!((credentials.access_key_id(), credentials.session_token()), ("ASIAROLE", Some("token")));
    let body = String::from_utf8(stub.seen()[0].body.to_vec()).unwrap();
    for part in [
        "Action=AssumeRole",
        "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fbedrock",
        "ExternalId=team%207%2Fblue",
        "RoleSessionName=bedrock-nova-proxy",
    ] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
}
