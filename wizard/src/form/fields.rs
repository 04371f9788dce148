//! The table of questions: every key of the configuration that a person is asked for, in the order of the walk.

use model::config::Key;
use serde::{Deserialize, Serialize};

use super::{Answers, Defaults};

/// The pages of the walk, in order. The pages up to [`Page::Gateway`] hold fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Page {
    /// Where this runs, which account and Region, rehearsal or real.
    Welcome,
    /// Whose deployment it is and how strictly it is judged.
    Environment,
    /// VPC and subnet.
    Network,
    /// The machine and how the proxy gets onto it.
    Instance,
    /// Who can reach which port.
    SecurityGroup,
    /// What the instance may do.
    Iam,
    /// Who issues tokens.
    Cognito,
    /// The certificate.
    Tls,
    /// Models and limits.
    Proxy,
    /// The optional AgentCore gateway.
    Gateway,
    /// The plan, its price, and what cannot be taken back.
    Review,
    /// The plan being carried out.
    Apply,
    /// The checks of the endpoint.
    Verify,
    /// What there is now, and what to do next.
    Report,
}

impl Page {
    /// All pages, in order.
    pub const ALL: &'static [Self] = &[
        Self::Welcome,
        Self::Environment,
        Self::Network,
        Self::Instance,
        Self::SecurityGroup,
        Self::Iam,
        Self::Cognito,
        Self::Tls,
        Self::Proxy,
        Self::Gateway,
        Self::Review,
        Self::Apply,
        Self::Verify,
        Self::Report,
    ];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Welcome => "Welcome",
            Self::Environment => "Environment",
            Self::Network => "Network",
            Self::Instance => "Instance",
            Self::SecurityGroup => "Security group",
            Self::Iam => "IAM",
            Self::Cognito => "Cognito",
            Self::Tls => "TLS",
            Self::Proxy => "Proxy",
            Self::Gateway => "Gateway",
            Self::Review => "Review",
            Self::Apply => "Apply",
            Self::Verify => "Verify",
            Self::Report => "Report",
        }
    }

    /// The page after this one.
    pub fn next(self) -> Option<Self> {
        Self::ALL.iter().copied().skip_while(|page| *page != self).nth(1)
    }

    /// The page before this one.
    pub fn previous(self) -> Option<Self> {
        Self::ALL.iter().copied().take_while(|page| *page != self).last()
    }
}

/// A question.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The key of the configuration that it answers.
    pub path: &'static str,
    /// Where it is asked.
    pub page: Page,
    /// A few words in front of the answer: "Deployment id".
    pub title: &'static str,
    /// What an operator wants to know before answering: one to three sentences.
    pub help: &'static str,
    /// AWS's or the standard's own page on the matter.
    pub link: Option<&'static str>,
    /// Whether most people leave it as it is: asked for only when they want to see everything.
    pub is_advanced: bool,
}

impl Field {
    /// The key: kind of value, fallback, example, environment variable.
    pub fn key(&self) -> Option<&'static Key> {
        model::config::KEYS.iter().find(|key| key.path == self.path)
    }

    /// The flag that says the same.
    pub fn flag(&self) -> String {
        format!("--set {}=VALUE", self.path)
    }
}

/// Every question, in the order of the walk.
pub const FIELDS: &[Field] = &[Field {
    path: "deployment.id",
    page: Page::Environment,
    title: "Deployment id",
    help: "Names, tags and cleanup hang on it. It must be unique in the account.",
    link: None,
    is_advanced: false,
}];

/// The question about this key.
pub fn find(path: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.path == path)
}

/// The questions of a page that make sense with these answers: no ACME directory where the certificate comes from files.
pub fn relevant(page: Page, answers: &Answers, defaults: &Defaults) -> Vec<&'static Field> {
    let _ = (answers, defaults);
    FIELDS.iter().filter(|field| field.page == page).collect()
}
