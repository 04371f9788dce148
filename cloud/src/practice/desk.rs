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
}

impl Desk {
    pub(super) fn new(mut state: State, store: Option<Store>, options: PracticeOptions) -> Self {
        state.pace = Pace { lag: options.lag_reads, settle: options.settle_reads };
        Self { inner: Mutex::new(Inner { state, store, calls: 0, options, looked: false }) }
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
        let mut inner = self.inner();
        let inner = &mut *inner;
        let answer = inner
            .admit(service, operation, resource)
            .and_then(|()| act(&mut inner.state))
            .map_err(|refusal| refusal.error(service, operation));
        inner.looked = true;
        if access == Access::Write && answer.is_ok() {
            inner.save().map_err(|error| {
                // The change is in memory and may reach the disk with the next one: that is what a fault means.
                let message = format!("{error}: {}", error.hint());
                CallError::new(service, operation, ErrorKind::ServerFault, message)
            })?;
        }
        answer
    }

    /// Looks at the state without being a call.
    pub(super) fn look<T>(&self, at: impl FnOnce(&State) -> T) -> T {
        at(&self.inner().state)
    }

    /// Changes the state without being a call.
    pub(super) fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> Result<T, PracticeError> {
        let mut inner = self.inner();
        let answer = act(&mut inner.state);
        inner.save().map(|()| answer)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        if inner.looked {
            // Nothing that the caller was told depends on it.
            let _ = inner.save();
        }
    }
}

impl Inner {
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
