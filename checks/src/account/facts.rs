//! What was asked of the account and what came back. Values only.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::plan::{Change, Outputs, StepId};
use model::{AccountId, Finding};

/// An answer, or why there is none.
pub type Told<T> = Result<T, NotTold>;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTold {
    /// The IAM action that was asked with.
    pub action: String,
    /// What AWS or the way there said, one line.
    pub reason: String,
    /// Whether the caller may not ask.
    pub is_denied: bool,
    /// Whether what answers does not know the question.
    pub is_unsupported: bool,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account of the credentials.
    pub account: AccountId,
    /// ARN of the user or of the assumed role's session.
    pub arn: String,
}

/// The instance of the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFacts {
    /// As EC2 spells it: `running`, `stopped`, ...
    pub state: String,
    /// Whether both status checks passed; `None` while there is no result.
    pub checks_passed: Option<bool>,
}

/// What the policy simulator says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Allowed.
    Allowed,
    /// Nothing allows it.
    ImplicitDeny,
    /// Something denies it.
    ExplicitDeny,
}

/// What the simulator says of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// Such as `ec2:RunInstances`.
    pub action: String,
    /// On what; `*` for everything.
    pub resource: String,
    /// Its verdict.
    pub decision: Decision,
}

/// A call that was tried without carrying it out (`DryRun`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DryRun {
    /// Such as `ec2:RunInstances`.
    pub action: String,
    /// Whether it would be accepted: true, or false for a denial; or why that is not known.
    pub accepted: Told<bool>,
}

/// A quota and what is to fit in it.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaFacts {
    /// What of it this deployment uses. For the rules of a security group: the larger direction.
    pub needed: Told<Option<u32>>,
    /// What the account may have in all; `None` where AWS names no value.
    pub limit: Told<Option<f64>>,
    /// The instance type or whatever else needs it, for the message.
    pub what: String,
}

/// One entry of `proxy.models`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFacts {
    /// The name that clients send.
    pub alias: String,
    /// The id or ARN that Bedrock is called with in this Region.
    pub called: String,
    /// The model behind it.
    pub model: Told<Option<Model>>,
    /// Whether the account may use it; `None` where there is no model to ask about.
    pub availability: Told<Option<Availability>>,
    /// The inference profile, where it is called through one.
    pub profile: Option<Told<Option<Profile>>>,
    /// What came of one token, where that was asked for.
    pub converse: Option<Result<u32, ConverseError>>,
}

/// A foundation model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its id.
    pub id: String,
    /// Its life cycle.
    pub life: Life,
    /// When it stops answering.
    pub end_of_life: Option<Timestamp>,
    /// Whether it answers to its own id.
    pub on_demand: bool,
}

/// The life cycle of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// Supported.
    Active,
    /// Works until its end of life.
    Legacy,
    /// Something else.
    Other(String),
}

/// Whether the account may use a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// The caller is authorised.
    pub authorized: bool,
    /// The account is entitled.
    pub entitled: bool,
    /// The Region has it.
    pub in_region: bool,
    /// The agreement with its maker, as Bedrock spells it.
    pub agreement: Option<String>,
    /// What Bedrock says about the agreement.
    pub agreement_message: Option<String>,
}

/// An inference profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Whether it is active.
    pub active: bool,
    /// ARNs of its models.
    pub model_arns: Vec<String>,
}

/// Why a model did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConverseError {
    /// What Bedrock said.
    pub told: NotTold,
    /// Whether that is an answer about the model (no access, unknown, not on demand), and not a failure on the way.
    pub is_verdict: bool,
}

/// The user pool of the deployment and what is in it, by what the state file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolFacts {
    /// Its id.
    pub pool_id: String,
    /// Whether it is there.
    pub pool: Told<bool>,
    /// The app client's id, and whether it is there with its one grant.
    pub client: Option<(String, Told<Option<bool>>)>,
    /// The domain's prefix, the pool that has it and its status, where the domain is there.
    pub domain: Option<(String, Told<Option<DomainState>>)>,
}

/// A domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainState {
    /// The pool it belongs to, where that is ours to see.
    pub pool_id: Option<String>,
    /// As Cognito spells it.
    pub status: String,
}

/// The state file against the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// Every step.
    Steps(Vec<StepFacts>),
    /// Something is in the way of comparing; the words of the planner.
    Refused(Vec<Finding>),
}

/// A step of the state file against the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFacts {
    /// Which.
    pub step: StepId,
    /// What would bring it to what was approved.
    pub change: Change,
    /// The id that the state file has for it.
    pub recorded_id: Option<String>,
    /// What the state file says of it.
    pub recorded: Outputs,
    /// What was found, where something was.
    pub found: Option<Outputs>,
}

/// What simulations of actions say, by action.
pub type ByAction = BTreeMap<String, Decision>;
