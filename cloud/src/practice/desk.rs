//! Where every call arrives: credentials, throttling and permissions first, then the service, then the file.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::iam_action;
use crate::hook::Access;
use crate::{CallError, ErrorKind};

use super::refusal::{Answer, Refusal};
use super::seed::Credentials;
use super::state::{Pace, State};
use super::store::Store;
use super::{PracticeError, PracticeOptions};

/// The account and the one door to it.
pub(super) struct Desk {
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    store: Option<Store>,
    options: PracticeOptions,
    /// Calls so far, for throttling.
    calls: u32,
    /// Whether looks have moved something on since the last write. Losing that is harmless: the next process only
    /// looks once more.
    looked: bool,
    /// How many keep the door open for other processes.
    open: usize,
}

impl Desk {
    pub(super) fn new(state: State, store: Option<Store>, options: PracticeOptions) -> Self {
        let mut inner = Inner { state, store, calls: 0, options, looked: false, open: 0 };
        inner.set_pace();
        Self { inner: Mutex::new(inner) }
    }

    /// A panic elsewhere leaves the state as the last finished call did, since calls check before they change.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a call. `resource` is what a denial names.
    pub(super) fn call<T>(
        &self,
        service: &'static str,
        operation: &'static str,
        access: Access,
        resource: &str,
        act: impl FnOnce(&mut State) -> Answer<T>,
    ) -> Result<T, CallError> {
        let fault = |error: PracticeError| {
            let message = format!("{error}: {}", error.hint());
            CallError::new(service, operation, ErrorKind::ServerFault, message)
        };
        let mut inner = self.inner();
        inner.enter().map_err(|error| match error {
            // Whoever is in there is out again soon; that is what a caller does about too many calls: wait, and call again.
            PracticeError::Locked { .. } => {
                throttled(service).because(error.to_string()).error(service, operation)
            }
            other => fault(other),
        })?;
        let answer = inner
            .admit(service, operation, resource)
            .and_then(|()| act(&mut inner.state))
            .map_err(|refusal| refusal.error(service, operation));
        inner.looked = true;
        // The change is in memory and may reach the disk with the next one: that is what a fault means.
        let saved = if access == Access::Write && answer.is_ok() { inner.save() } else { Ok(()) };
        inner.step_aside();
        saved.map_err(fault)?;
        answer
    }

    /// From now on other processes can have the account between any two calls of this one.
    pub(super) fn open_door(&self) {
        let mut inner = self.inner();
        inner.open = inner.open.saturating_add(1);
        inner.step_aside();
    }

    /// The account is this process's alone again, from its next call on.
    pub(super) fn close_door(&self) {
        let mut inner = self.inner();
        inner.open = inner.open.saturating_sub(1);
    }

    /// Looks at the state without being a call.
    pub(super) fn look<T>(&self, at: impl FnOnce(&State) -> T) -> T {
        let mut inner = self.inner();
        // Where somebody else is in there, what was there before they came is the best that is known.
        let _ = inner.enter();
        let seen = at(&inner.state);
        inner.step_aside();
        seen
    }

    /// Changes the state without being a call.
    pub(super) fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> Result<T, PracticeError> {
        let mut inner = self.inner();
        inner.enter()?;
        let answer = act(&mut inner.state);
        let saved = inner.save();
        inner.step_aside();
        saved.map(|()| answer)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.save_looks();
    }
}

impl Inner {
    fn set_pace(&mut self) {
        self.state.pace = Pace { lag: self.options.lag_reads, settle: self.options.settle_reads };
    }

    /// Takes the account again where it was left to others, as they left it.
    fn enter(&mut self) -> Result<(), PracticeError> {
        let Some(store) = self.store.as_mut().filter(|store| !store.is_held()) else { return Ok(()) };
        if let Some(found) = store.take()? {
            self.state = found;
            self.set_pace();
        }
        Ok(())
    }

    /// Leaves the account to others while the door is open.
    fn step_aside(&mut self) {
        if self.open > 0 {
            self.save_looks();
            if let Some(store) = &mut self.store {
                store.let_go();
            }
        }
    }

    /// Keeps what looks have moved on. Nothing that a caller was told depends on it.
    fn save_looks(&mut self) {
        if self.looked && self.store.as_ref().is_some_and(Store::is_held) {
            let _ = self.save();
        }
    }

    fn save(&mut self) -> Result<(), PracticeError> {
        if let Some(store) = &self.store {
            store.save(&self.state)?;
        }
        self.looked = false;
        Ok(())
    }

    fn admit(&mut self, service: &str, operation: &str, resource: &str) -> Answer<()> {
        match self.state.credentials {
            Credentials::Good => {}
            Credentials::Expired => return Err(expired(service)),
            Credentials::Invalid => return Err(invalid(service)),
        }
        self.calls = self.calls.wrapping_add(1);
        if self.options.throttle_every.is_some_and(|every| self.calls.checked_rem(every) == Some(0)) {
            return Err(throttled(service));
        }
        if service == "sts" { Ok(()) } else { permit(&self.state, service, operation, resource) }
    }
}

/// Refuses what the caller may not do, in the words of the service.
pub(super) fn permit(state: &State, service: &str, operation: &str, resource: &str) -> Answer<()> {
    let action = iam_action(service, operation);
    let denied = state.denied.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => action.starts_with(start),
        None => *pattern == action,
    });
    if !denied {
        return Ok(());
    }
    let words = format!(
        "User: {} is not authorized to perform: {action} on resource: {resource} because no identity-based policy \
         allows the {action} action",
        caller_arn(state)
    );
    Err(match service {
        "ec2" => Refusal::new(
            "UnauthorizedOperation",
            format!("You are not authorized to perform this operation. {words}"),
        ),
        "iam" | "s3" | "route53" => Refusal::new("AccessDenied", words),
        _ => Refusal::new("AccessDeniedException", words),
    })
}

/// Who calls.
pub(super) fn caller_arn(state: &State) -> String {
    let account = state.caller.as_ref().unwrap_or(&state.account);
    format!("arn:{}:sts::{account}:assumed-role/Operator/rehearsal", state.region.partition())
}

fn throttled(service: &str) -> Refusal {
    match service {
        "ec2" => Refusal::new("RequestLimitExceeded", "Request limit exceeded."),
        "cognito-idp" | "servicequotas" => Refusal::new("TooManyRequestsException", "Rate exceeded"),
        "s3" => Refusal::new("SlowDown", "Please reduce your request rate."),
        "acm" | "ssm" | "bedrock" | "bedrock-agentcore" | "secretsmanager" => {
            Refusal::new("ThrottlingException", "Rate exceeded")
        }
        "tag" => Refusal::new("ThrottledException", "Rate exceeded"),
        _ => Refusal::new("Throttling", "Rate exceeded"),
    }
}

fn expired(service: &str) -> Refusal {
    match service {
        "ec2" => Refusal::new("RequestExpired", "Request has expired."),
        "iam" | "sts" | "s3" | "route53" => {
            Refusal::new("ExpiredToken", "The security token included in the request is expired")
        }
        _ => Refusal::new("ExpiredTokenException", "The security token included in the request is expired"),
    }
}

fn invalid(service: &str) -> Refusal {
    match service {
        "ec2" => Refusal::new("AuthFailure", "AWS was not able to validate the provided access credentials"),
        "s3" => Refusal::new(
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        "iam" | "sts" | "route53" => {
            Refusal::new("InvalidClientTokenId", "The security token included in the request is invalid.")
        }
        _ => Refusal::new(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
    }
}
