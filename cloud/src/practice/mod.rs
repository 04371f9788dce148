//! The practice account: an embedded AWS account behind the same ports as the real one.
//!
//! It keeps its resources in one file, so that a killed rehearsal can be resumed, and behaves like AWS where it
//! hurts: reads lag, roles propagate slowly, tokens are honoured where AWS has them and missing where it has not,
//! names and dependencies conflict, deletion takes its time. It checks what the services check about the calls that
//! the ports offer; it serves nothing over the network and starts no machines.

mod acm;
mod address;
mod agentcore;
mod bedrock;
mod boot;
mod catalog;
mod cognito;
mod desk;
mod ec2;
mod iam;
mod instance;
mod inventory;
mod network;
mod path;
mod refusal;
mod rest;
mod route53;
mod s3;
mod seed;
mod simulator;
mod ssm;
mod state;
mod store;
mod tagging;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use model::{AccountId, Region};
use serde_json::Value;

use crate::Cloud;

use desk::Desk;
use state::State;
use store::Store;

pub use seed::{Credentials, Seed};

/// How a practice account behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PracticeOptions {
    /// The account's number.
    pub account: AccountId,
    /// Its one Region.
    pub region: Region,
    /// A new thing is invisible to the first so many reads that would return it, and a new instance profile to the
    /// first so many launches that name it.
    pub lag_reads: u32,
    /// What takes time (an instance's start and end, status checks, a domain, a validation record) takes so many
    /// reads.
    pub settle_reads: u32,
    /// Each so-manieth call is refused as one too many.
    pub throttle_every: Option<u32>,
}

impl PracticeOptions {
    /// An account in which everything is seen, and done, at once.
    pub fn instant() -> Self {
        Self { lag_reads: 0, settle_reads: 0, ..Self::default() }
    }
}

impl Default for PracticeOptions {
    #[expect(clippy::expect_used, reason = "constants that the grammar's own tests cover")]
    fn default() -> Self {
        Self {
            account: AccountId::parse(AccountId::EXAMPLE).expect("the example is valid"),
            region: Region::parse(Region::EXAMPLE).expect("the example is valid"),
            lag_reads: 2,
            settle_reads: 2,
            throttle_every: None,
        }
    }
}

/// Why a practice account cannot be opened or kept.
#[derive(Debug, thiserror::Error)]
pub enum PracticeError {
    /// Another process works on it.
    #[error("the practice account `{}` is in use by another process", path.display())]
    Locked {
        /// The account's file.
        path: PathBuf,
    },
    /// Its file, or the lock beside it, cannot be read.
    #[error("cannot read the practice account `{}`", path.display())]
    Read {
        /// The account's file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its file cannot be written.
    #[error("cannot write the practice account `{}`", path.display())]
    Write {
        /// The account's file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its file is not what this program writes.
    #[error("the practice account `{}` is damaged: {reason}", path.display())]
    Broken {
        /// The account's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Its file was written by a later version of this program.
    #[error("the practice account `{}` has version {found}, this program knows {}", path.display(), store::VERSION)]
    Newer {
        /// The account's file.
        path: PathBuf,
        /// The version in the file.
        found: u64,
    },
    /// Its file holds another account or Region than the one asked for.
    #[error("the practice account `{}` is {found}, not {wanted}", path.display())]
    Other {
        /// The account's file.
        path: PathBuf,
        /// Account and Region in the file.
        found: String,
        /// Account and Region asked for.
        wanted: String,
    },
}

impl PracticeError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Locked { .. } => "wait for the other run to end, or name another file".to_owned(),
            Self::Read { path, .. } | Self::Write { path, .. } => {
                format!("check that `{}` and its folder can be read and written", path.display())
            }
            Self::Broken { path, .. } => {
                format!("it holds nothing real: remove `{}` and rehearse again", path.display())
            }
            Self::Newer { path, .. } => {
                format!("use the newer program, or remove `{}` and rehearse again", path.display())
            }
            Self::Other { .. } => "name another file, or the account and Region that it holds".to_owned(),
        }
    }
}

/// An embedded AWS account. Clones are the same account; the file is free again when the last of them, and of the
/// [`Cloud`]s made from them, is gone.
#[derive(Clone)]
pub struct Practice {
    desk: Arc<Desk>,
}

impl Practice {
    /// Opens the account in the file at `path`, or makes one there.
    pub fn open(path: &Path, options: PracticeOptions) -> Result<Self, PracticeError> {
        let (store, found) = Store::open(path)?;
        let state = if let Some(state) = found {
            let whose = |account: &AccountId, region: &Region| format!("account {account} in {region}");
            if (&state.account, &state.region) != (&options.account, &options.region) {
                return Err(PracticeError::Other {
                    path: path.to_owned(),
                    found: whose(&state.account, &state.region),
                    wanted: whose(&options.account, &options.region),
                });
            }
            state
        } else {
            let state = State::fresh(&options);
            store.save(&state)?;
            state
        };
        Ok(Self { desk: Arc::new(Desk::new(state, Some(store), options)) })
    }

    /// An account that is gone with the last clone of it.
    pub fn in_memory(options: PracticeOptions) -> Self {
        Self { desk: Arc::new(Desk::new(State::fresh(&options), None, options)) }
    }

    /// The account behind its ports.
    pub fn cloud(&self) -> Cloud {
        Cloud {
            sts: Arc::clone(&self.desk) as _,
            ec2: Arc::clone(&self.desk) as _,
            ssm: Arc::clone(&self.desk) as _,
            iam: Arc::clone(&self.desk) as _,
            cognito: Arc::clone(&self.desk) as _,
            acm: Arc::clone(&self.desk) as _,
            tagging: Arc::clone(&self.desk) as _,
            quotas: Arc::clone(&self.desk) as _,
            route53: Arc::clone(&self.desk) as _,
            s3: Arc::clone(&self.desk) as _,
            bedrock: Arc::clone(&self.desk) as _,
            bedrock_runtime: Arc::clone(&self.desk) as _,
            agentcore: Arc::clone(&self.desk) as _,
            secrets: Arc::clone(&self.desk) as _,
        }
    }

    /// Everything that exists and a port can change, sorted, without what depends on the way it came to be: ids are
    /// replaced by names, orders and times are left out, and what is still starting or ending counts as started or
    /// ended. Two accounts with different histories and the same things compare equal. A fresh account is empty.
    pub fn inventory(&self) -> Vec<Value> {
        self.desk.look(inventory::of)
    }

    /// The way in for other processes. It keeps nothing alive.
    pub fn door(&self) -> Door {
        Door(Arc::downgrade(&self.desk))
    }

    /// Changes the account from outside, as other people would: what their work left, what the caller may not do.
    pub fn seed<T>(&self, change: impl FnOnce(&mut Seed<'_>) -> T) -> Result<T, PracticeError> {
        self.desk.change(|state| change(&mut Seed::new(state)))
    }
}

/// The way into a practice account for other processes, while this one has it.
#[derive(Debug, Clone)]
pub struct Door(Weak<Desk>);

impl Door {
    /// Opens it: until the answer is dropped, other processes can have the account's file whenever no call of this one is at
    /// work. A call that finds one of them in there is throttled. None where the account is gone.
    pub fn open(&self) -> Option<OpenDoor> {
        let desk = self.0.upgrade()?;
        desk.open_door();
        Some(OpenDoor(desk))
    }
}

/// A door that is open until this is dropped.
#[derive(Debug)]
pub struct OpenDoor(Arc<Desk>);

impl Drop for OpenDoor {
    fn drop(&mut self) {
        self.0.close_door();
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Practice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Practice").finish_non_exhaustive()
    }
}
