//! Judges: facts in, findings out.
//!
//! A check has a code, a title, what it depends on and a deadline ([`catalogue`]); [`engine`] runs checks and says of
//! what could not be reached because of what. Collecting facts and judging them are two functions everywhere: the
//! first may wait and fail, the second is pure and can be asked about any moment and any fact.
//!
//! - [`cert`]: certificates in files, served and in ACM.
//! - [`remote`]: how another host is reached: names, addresses, TCP, STARTTLS, TLS, HTTP.
//! - [`network`], [`account`], [`cognito`], [`endpoint`], [`gateway`], [`host`]: what is checked of a
//!   deployment.
//! - [`report`]: what came out; [`output`]: its forms.
//!
//! Nothing here reads the environment or the wall clock, and no type of the account's ports appears: what is known of
//! the account comes in as facts.

pub mod account;
pub mod catalogue;
pub mod cert;
pub mod cognito;
pub mod endpoint;
pub mod engine;
pub mod gateway;
pub mod host;
pub mod moment;
pub mod network;
pub mod output;
pub mod remote;
pub mod report;

pub use moment::Moment;
pub use report::{CheckReport, CheckResult, Status, Subject, SubjectKind};
