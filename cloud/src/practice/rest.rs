//! STS and Service Quotas: what only answers.

use async_trait::async_trait;

use crate::CallError;
use crate::hook::Access::Read;
use crate::port::quotas::{QuotaQuery, Quotas};
use crate::port::sts::{Identity, Sts};

use super::desk::{Desk, caller_arn};

#[async_trait]
impl Sts for Desk {
    async fn get_caller_identity(&self, (): ()) -> Result<Identity, CallError> {
        self.call("sts", "GetCallerIdentity", Read, "*", |state| {
            let account = state.caller.as_ref().unwrap_or(&state.account).clone();
            Ok(Identity { account, arn: caller_arn(state) })
        })
    }
}

#[async_trait]
impl Quotas for Desk {
    async fn get_service_quota(&self, query: QuotaQuery) -> Result<Option<f64>, CallError> {
        let key = format!("{}/{}", query.service_code, query.quota_code);
        let resource = self.look(|state| state.arn("servicequotas", &key));
        self.call("servicequotas", "GetServiceQuota", Read, &resource, |state| {
            Ok(state.quotas.get(&key).copied())
        })
    }
}
