//! The pages of the walk: which there are, in which order, and what they are called.

use serde::{Deserialize, Serialize};

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

    /// What the page is about, in a sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Welcome => "Where this runs, and which account and Region it is about.",
            Self::Environment => "Whose deployment it is, and what it is called.",
            Self::Network => {
                "Where in your network the instance stands. It needs a way out to AWS and to clients."
            }
            Self::Instance => "The machine that serves, and how the proxy gets onto it.",
            Self::SecurityGroup => "Who can reach which port of the instance. Everything else is closed.",
            Self::Iam => {
                "The instance gets a role of its own. It may call the models that you choose, be reached by Session \
                 Manager, and fetch its program and its certificate; nothing else. There is nothing to decide."
            }
            Self::Cognito => "Who gives out the tokens that every request needs.",
            Self::Tls => "The name that clients use, and the certificate for it.",
            Self::Proxy => "Which models answer, and how much one caller may ask for.",
            Self::Gateway => "The AgentCore gateway of the SRE agent, if you want one.",
            Self::Review => "What will be made, what it costs, and what cannot be taken back.",
            Self::Apply => "What was approved is carried out.",
            Self::Verify => "The endpoint is looked at as its clients see it.",
            Self::Report => "What there is now, and what to do next.",
        }
    }

    /// Whether answers are given here.
    pub fn holds_fields(self) -> bool {
        self <= Self::Gateway
    }

    /// The pages that hold fields, in order.
    pub fn with_fields() -> impl DoubleEndedIterator<Item = Self> + Clone {
        Self::ALL.iter().copied().filter(|page| page.holds_fields())
    }

    /// Where this page stands among those that hold fields, and how many there are: "Network (3 of 10)".
    pub fn heading(self) -> String {
        let place = Self::with_fields().position(|page| page == self);
        match place {
            Some(index) => {
                format!("{} ({} of {})", self.title(), index.saturating_add(1), Self::with_fields().count())
            }
            None => self.title().to_owned(),
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
