//! The script in the instance's user data: fetches the bundle with the instance's role, verifies it, installs it, and
//! says how far it is.
//!
//! It is Python, since cloud-init is: every image that runs user data at all has it, while curl's `--aws-sigv4` leaves
//! a role's session token unsigned before 7.87 (Ubuntu 22.04 has 7.81), and only Amazon Linux has the AWS CLI.
//! Nothing in it is secret, because whoever may describe the instance can read it.

use std::fmt::Write as _;

use model::{AccountId, DeploymentId, Region};

/// What a script is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstBoot<'a> {
    /// The deployment.
    pub deployment: &'a DeploymentId,
    /// The Region of bucket and parameter.
    pub region: &'a Region,
    /// Who must own the bucket.
    pub account: &'a AccountId,
    /// Where the bundle is.
    pub bucket: &'a str,
    /// SHA-256 of its `SHA256SUMS`.
    pub digest: &'a str,
    /// Where progress is told.
    pub parameter: &'a str,
    /// Where the services are; none for AWS's own.
    pub endpoints: Option<Endpoints>,
}

/// Services that stand in the place of AWS's own, for tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// URL of the bucket.
    pub s3: String,
    /// URL of Systems Manager.
    pub ssm: String,
    /// URL of the metadata service.
    pub imds: String,
    /// Where the bundle is put on the instance.
    pub folder: String,
    /// How long a service may be away, in seconds.
    pub patience: u32,
}

/// The metadata service of EC2.
const IMDS: &str = "http://169.254.169.254";
/// Below the programs' own state, which only root reads.
const FOLDER: &str = "/var/lib/sre-agent/bundle";
/// For the network to come up, and for the role's policy to arrive; IAM needs up to a minute.
const PATIENCE: u32 = 300;

const SCRIPT: &str = include_str!("user_data.py");

/// Where the objects of a bundle lie in its bucket.
pub fn prefix(digest: &str) -> String {
    format!("bundle/{digest}/")
}

/// The script. What it is told are names and digests, none of which can hold a quote.
pub fn script(boot: &FirstBoot<'_>) -> String {
    let suffix = if boot.region.partition() == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    let endpoints = boot.endpoints.clone().unwrap_or_else(|| Endpoints {
        s3: format!("https://{}.s3.{}.{suffix}", boot.bucket, boot.region),
        ssm: format!("https://ssm.{}.{suffix}", boot.region),
        imds: IMDS.to_owned(),
        folder: FOLDER.to_owned(),
        patience: PATIENCE,
    });
    let mut settings = String::new();
    for (name, value) in [
        ("DEPLOYMENT", boot.deployment.as_str()),
        ("REGION", boot.region.as_str()),
        ("ACCOUNT", boot.account.as_str()),
        ("BUCKET", boot.bucket),
        ("PREFIX", &prefix(boot.digest)),
        ("DIGEST", boot.digest),
        ("PARAMETER", boot.parameter),
        ("S3", &endpoints.s3),
        ("SSM", &endpoints.ssm),
        ("IMDS", &endpoints.imds),
        ("HOME", &endpoints.folder),
    ] {
        let _ = writeln!(settings, "{name} = '{value}'");
    }
    let _ = writeln!(settings, "PATIENCE = {}  # seconds", endpoints.patience);
    SCRIPT.replace("# SETTINGS\n", &settings)
}
