//! Service Quotas: limits of the account.

use crate::hook::port;

/// Which quota is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaQuery {
    /// Such as `ec2`.
    pub service_code: String,
    /// Such as `L-1216C47A`, the vCPUs of running On-Demand Standard instances.
    pub quota_code: String,
}

port! {
    /// Service Quotas.
    "servicequotas" Quotas {
        /// The applied value of a quota; `None` where the account has no value of its own and the API no default.
        Read "GetServiceQuota" get_service_quota(QuotaQuery) -> Option<f64>;
    }
}
