//! All that goes between the wizard and the program around it: what it asks to have done, and what it is told.
//!
//! The program carries out an effect without keeping the wizard waiting, and sends what comes of it as an input. An
//! effect that was overtaken (another text is being checked by now) may be answered all the same: the wizard drops what no
//! longer fits.

use std::collections::BTreeMap;

use model::event::Event;
use model::guide::Entry;
use model::plan::{Plan, StepId};
use model::{Finding, Severity};
use serde::{Deserialize, Serialize};

use crate::discovery::Discovery;
use crate::draft::{Draft, Way};

/// What the wizard wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Keep this, on disk before anything else is done.
    Save(Box<Draft>),
    /// Find out what there is; answered by [`Input::Discovered`].
    Discover {
        /// With these credentials instead of the usual ones.
        profile: Option<String>,
        /// In this Region instead of the usual one.
        region: Option<String>,
        /// In the practice account.
        rehearsal: bool,
    },
    /// Ask the account about one answer: is the domain prefix free, does the domain point at the address; answered by
    /// [`Input::Checked`].
    Check {
        /// The key.
        path: String,
        /// The answer.
        text: String,
        /// The configuration so far, valid or not, for Region and profile.
        configuration: String,
    },
    /// What the instance's role will be allowed; answered by [`Input::Policy`].
    Policy {
        /// The configuration so far, valid or not.
        configuration: String,
    },
    /// Plan and price; changes nothing; answered by [`Input::Previewed`].
    Preview(Box<Wish>),
    /// Carry out what was shown and approved; answered by [`Input::Event`]s and [`Input::Applied`].
    Apply(Box<Wish>),
    /// Go on with a run that did not end; answered as [`Effect::Apply`].
    Resume,
    /// Take back what the run made; answered by events and [`Input::RolledBack`].
    RollBack,
    /// What the operator says about the task at hand.
    Hand(HandAnswer),
    /// Stop the run at a safe point.
    Stop,
    /// Run the checks; answered by [`Input::Verified`].
    Verify,
    /// Look at the DNS record that clients need; answered by [`Input::Record`].
    LookAtRecord,
    /// Put text on the clipboard of the operator's terminal.
    Copy(String),
    /// Give the terminal back to the shell until the operator comes back.
    Suspend,
    /// The wizard is over.
    Leave(Leave),
}

/// What is wanted: a configuration and how its steps are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The configuration file's text.
    pub configuration: String,
    /// How steps are done, where not automatically.
    pub ways: BTreeMap<StepId, Way>,
    /// The deployment id as the operator typed it, where something is destroyed.
    pub confirmed: Option<String>,
}

/// How the wizard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Everything is done.
    Done,
    /// Everything is done, and checks failed.
    ChecksFailed,
    /// The operator left; a run can be resumed, or the questions gone on with.
    Later,
    /// A run failed and the operator left.
    Failed,
}

/// What the operator says about a task done by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandAnswer {
    /// It is made; the id, where the operator knows it.
    Done(Option<String>),
    /// The program shall do it.
    Automatic,
    /// Stop here; to be resumed.
    Stop,
}

/// Something to be made in the Console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandTask {
    /// The step.
    pub step: StepId,
    /// The Console's page, for this account and Region.
    pub console: String,
    /// Where to click, in order.
    pub path: Vec<String>,
    /// The page's own label and what to put there, in the order of the page.
    pub values: Vec<Entry>,
    /// How the program will find it.
    pub finds: String,
    /// What was found to differ, and where to change it; empty at the first try.
    pub differences: Vec<String>,
}

/// What the wizard is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// What was found out.
    Discovered(Box<Discovery>),
    /// What the account says about an answer.
    Checked {
        /// The key.
        path: String,
        /// The answer that was looked at.
        text: String,
        /// The verdict.
        verdict: Verdict,
    },
    /// What the instance's role will be allowed.
    Policy {
        /// With this configuration.
        configuration: String,
        /// The statements of its policy, or why there are none.
        allowed: Result<Vec<Allowed>, String>,
    },
    /// The plan, or why there is none.
    Previewed(Result<Box<Preview>, Trouble>),
    /// The engine did something.
    Event(Box<Event>),
    /// Something is to be made by hand.
    Hand(Box<HandTask>),
    /// The run ended.
    Applied(Result<Vec<Finding>, Trouble>),
    /// The run was taken back, or not.
    RolledBack(Result<(), Trouble>),
    /// What the checks said.
    Verified(Result<Box<Verified>, Trouble>),
    /// What was seen of the DNS record; none while its address is not known.
    Record(Option<Box<Record>>),
    /// The process was asked to end (SIGTERM, SIGHUP, the terminal went away).
    Ending,
    /// Time went by.
    Tick(jiff::Timestamp),
}

/// What the account says about one answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// It will do.
    Fine {
        /// In a few words.
        note: String,
    },
    /// It will not do.
    Wrong {
        /// Why, as a sentence.
        message: String,
        /// Another that would do.
        instead: Option<String>,
    },
    /// That could not be found out.
    Unknown {
        /// Why.
        because: String,
    },
}

/// A statement of the policy of the instance's role. What is in none of them is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// What it is for, in one word.
    pub name: String,
    /// `bedrock:InvokeModel`
    pub actions: Vec<String>,
    /// On what, as ARNs.
    pub resources: Vec<String>,
    /// Only if, as it stands in the policy.
    pub condition: Option<String>,
}

/// What is going to be done and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The plan.
    pub plan: Plan,
    /// The price.
    pub cost: Cost,
    /// The deployment id must be typed, because of this.
    pub confirm: Option<String>,
}

/// The price of a plan as it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// What, and how much a month: "EC2 t3.xlarge" and "121.47".
    pub lines: Vec<(String, String)>,
    /// All in all.
    pub total: String,
    /// What the numbers are and are not.
    pub note: String,
}

/// The DNS record that clients need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The name of the configuration, `tls.domain`.
    pub name: String,
    /// The public address of the instance.
    pub address: String,
    /// What name servers say.
    pub seen: Seen,
}

/// What was seen of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The name leads nowhere.
    Missing {
        /// In the words of the name servers.
        because: String,
    },
    /// The name leads to other addresses, alone or beside the right one.
    Elsewhere {
        /// Those.
        addresses: Vec<String>,
    },
    /// The name leads to the address, and nowhere else.
    Right,
    /// That could not be seen, wholly or in part.
    Unknown {
        /// Why.
        because: String,
    },
    /// There is nothing to look at.
    NotLooked {
        /// Why.
        because: String,
    },
}

/// Something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What, why, and what next.
    pub findings: Vec<Finding>,
    /// The command that goes on from here outside the wizard.
    pub next: Option<String>,
    /// Whether a run can be gone on with.
    pub resumable: bool,
    /// The keys whose answers caused it, as far as that is known.
    pub about: Vec<String>,
}

/// What the checks said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// In one word.
    pub severity: Severity,
    /// One sentence.
    pub summary: String,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// Where clients go.
    pub url: Option<String>,
    /// What to paste into a shell, an application, a ticket: title and text.
    pub snippets: Vec<(String, String)>,
    /// Where the reports were written.
    pub files: Vec<String>,
    /// The next things to do.
    pub next: Vec<String>,
}
