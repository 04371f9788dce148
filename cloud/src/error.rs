//! Why a call failed, as data: what AWS said, and the few kinds of failure that the rest of the program tells apart.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A call that did not succeed. `Display` is one line without the operation's inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub struct CallError {
    /// The service as IAM prefixes its actions: `ec2`, `iam`, `cognito-idp`.
    pub service: String,
    /// The operation as AWS spells it: `RunInstances`.
    pub operation: String,
    /// What it means for the caller.
    pub kind: ErrorKind,
    /// The error code as the service sent it, where one arrived.
    pub code: Option<String>,
    /// The message as the service sent it, or the transport's.
    pub message: String,
    /// What AWS support asks for.
    pub request_id: Option<String>,
}

/// What a failure means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The thing does not exist, or cannot be seen yet.
    NotFound,
    /// A thing with that name exists.
    AlreadyExists,
    /// Something else still uses the thing.
    InUse,
    /// Something made a moment ago has not reached the service that needs it.
    NotPropagated,
    /// Too many calls.
    Throttled,
    /// The caller may not do this.
    Denied,
    /// No credentials were found.
    CredentialsMissing,
    /// The credentials were good once.
    CredentialsExpired,
    /// The credentials are not known, or the signature is wrong.
    CredentialsInvalid,
    /// A limit of the account.
    Quota,
    /// The same token came with other parameters.
    TokenMismatch,
    /// Protected against deletion.
    Protected,
    /// The service does not accept the request as it is.
    Invalid,
    /// The service or emulator does not know the operation.
    Unsupported,
    /// No answer within the time given.
    TimedOut,
    /// The connection could not be made or was lost.
    Unreachable,
    /// The service failed.
    ServerFault,
    /// None of these.
    Other,
}

impl CallError {
    /// An error that arrived from a service, its kind judged by [`ErrorKind::classify`].
    pub fn from_service(service: &str, operation: &str, code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            kind: ErrorKind::classify(code, &message),
            service: service.to_owned(),
            operation: operation.to_owned(),
            code: Some(code.to_owned()),
            message,
            request_id: None,
        }
    }

    /// An error that arose on the way.
    pub fn new(service: &str, operation: &str, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            kind,
            code: None,
            message: message.into(),
            request_id: None,
        }
    }

    /// The IAM action that the call needs: `ec2:RunInstances`.
    pub fn action(&self) -> String {
        iam_action(&self.service, &self.operation)
    }

    /// Whether a call that changes something may have done so although it failed.
    pub fn may_have_happened(&self) -> bool {
        matches!(self.kind, ErrorKind::TimedOut | ErrorKind::Unreachable | ErrorKind::ServerFault)
    }
}

/// The IAM action that an operation needs. S3's and few others differ from the operation's own name (Service
/// Authorization Reference, "Actions, resources, and condition keys for Amazon S3").
pub fn iam_action(service: &str, operation: &str) -> String {
    let action = match (service, operation) {
        ("s3", "HeadBucket" | "ListObjectsV2") => "ListBucket",
        ("s3", "HeadObject") => "GetObject",
        ("s3", "DeleteObjects") => "DeleteObject",
        ("s3", "GetBucketEncryption") => "GetEncryptionConfiguration",
        ("s3", "PutBucketEncryption") => "PutEncryptionConfiguration",
        ("s3", "GetPublicAccessBlock") => "GetBucketPublicAccessBlock",
        ("s3", "PutPublicAccessBlock") => "PutBucketPublicAccessBlock",
        (_, operation) => operation,
    };
    format!("{service}:{action}")
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} failed", self.service, self.operation)?;
        if let Some(code) = &self.code {
            write!(f, " with {code}")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

impl ErrorKind {
    /// Judges what a service sent.
    ///
    /// Codes are from the services' API models and the EC2 page "Error codes for the Amazon EC2 API"; a message is
    /// only looked at where one code stands for several things.
    pub fn classify(code: &str, message: &str) -> Self {
        match code {
            "InvalidParameterValue" if message.contains("Invalid IAM Instance Profile") => {
                Self::NotPropagated
            }
            "InvalidParameterValue" if message.contains("has no associated IAM Roles") => Self::NotPropagated,
            "InvalidParameterException" if message.to_ascii_lowercase().contains("deletion protection") => {
                Self::Protected
            }
            "InvalidParameterException" if message.contains("Domain already") => Self::AlreadyExists,
            "InvalidParameterException" | "ConflictException" if message.contains("already exists") => {
                Self::AlreadyExists
            }
            "InvalidParameterException" if message.contains("has a domain configured") => Self::InUse,
            "InvalidParameterException" if message.contains("No such domain") => Self::NotFound,
            // What Secrets Manager will delete some day cannot be read any more.
            "InvalidRequestException"
                if message.contains("marked for deletion") || message.contains("marked deleted") =>
            {
                Self::NotFound
            }
            "InvalidChangeBatch"
                if ["but it already exists", "but it was not found", "do not match the current values"]
                    .iter()
                    .any(|words| message.contains(words)) =>
            {
                Self::NotPropagated
            }
            "ValidationException" | "ConflictException" if message.contains("has targets associated") => {
                Self::InUse
            }
            // Said of a role that is wrong, and of one that was made a moment ago.
            "ValidationException" if message.contains("Role validation failed") => Self::NotPropagated,
            "InvalidInstanceID" if message.contains("pending instance") => Self::NotPropagated,
            "OperationNotPermitted" if message.contains("disableApiTermination") => Self::Protected,
            "EntityAlreadyExists"
            | "InvalidGroup.Duplicate"
            | "InvalidPermission.Duplicate"
            | "GroupExistsException"
            | "AliasExistsException"
            | "BucketAlreadyExists"
            | "BucketAlreadyOwnedByYou"
            | "ParameterAlreadyExists"
            | "Resource.AlreadyAssociated" => Self::AlreadyExists,
            "DependencyViolation"
            | "DeleteConflict"
            | "ResourceInUseException"
            | "BucketNotEmpty"
            | "InvalidIPAddress.InUse" => Self::InUse,
            "ConflictException"
            | "RetryableConflictException"
            | "IncorrectInstanceState"
            | "IncorrectState"
            | "ConcurrentModificationException"
            | "ConcurrentModification"
            | "OperationAborted"
            | "TooManyUpdates"
            | "InvalidInstanceID.NotLinkable" => Self::NotPropagated,
            "ThrottlingException"
            | "Throttling"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "SlowDown"
            | "EC2ThrottledException"
            | "ThrottledException"
            | "PriorRequestNotComplete" => Self::Throttled,
            "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "NotAuthorizedException"
            | "UnauthorizedAccess"
            | "UnauthorizedException"
            | "SubscriptionRequiredException" => Self::Denied,
            "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Self::CredentialsExpired,
            "AuthFailure"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "InvalidAccessKeyId" => Self::CredentialsInvalid,
            "VcpuLimitExceeded"
            | "InstanceLimitExceeded"
            | "AddressLimitExceeded"
            | "LimitExceeded"
            | "LimitExceededException"
            | "SecurityGroupLimitExceeded"
            | "RulesPerSecurityGroupLimitExceeded"
            | "VolumeLimitExceeded"
            | "TooManyBuckets"
            | "ParameterLimitExceeded"
            | "ServiceQuotaExceededException"
            | "ResourceLimitExceededException"
            | "InsufficientInstanceCapacity" => Self::Quota,
            "IdempotentParameterMismatch" | "IdempotentInstanceTerminated" => Self::TokenMismatch,
            "InternalFailure"
            | "InternalError"
            | "InternalErrorException"
            | "InternalServerError"
            | "InternalServerException"
            | "InternalServiceError"
            | "ServiceException"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "ServiceFailure"
            | "ServiceFailureException"
            | "Unavailable" => Self::ServerFault,
            "RequestTimeout" | "RequestTimeoutException" => Self::TimedOut,
            "NoSuchEntity"
            | "NoSuchEntityException"
            | "ResourceNotFoundException"
            | "ParameterNotFound"
            | "NoSuchBucket"
            | "NoSuchBucketPolicy"
            | "NoSuchChange"
            | "NoSuchHostedZone"
            | "NoSuchKey"
            | "NoSuchPublicAccessBlockConfiguration"
            | "NoSuchTagSet"
            | "NotFound"
            | "ServerSideEncryptionConfigurationNotFoundError"
            | "NoSuchResourceException" => Self::NotFound,
            "UnsupportedOperation" | "InvalidAction" | "UnknownOperationException" | "NotImplemented" => {
                Self::Unsupported
            }
            code if code.ends_with(".NotFound") || code.ends_with(".NotFoundException") => Self::NotFound,
            code if code.starts_with("Invalid")
                || code.starts_with("Malformed")
                || code.starts_with("Validation") =>
            {
                Self::Invalid
            }
            "MissingParameter"
            | "UnknownParameter"
            | "ParameterValidation"
            | "BadDigest"
            | "ScopeDoesNotExistException" => Self::Invalid,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_code_that_stands_for_several_things_is_told_apart_by_its_message() {
        let invalid = "InvalidParameterValue";
        assert_eq!(
            ErrorKind::classify(
                invalid,
                "Value (x) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
            ),
            ErrorKind::NotPropagated
        );
        assert_eq!(ErrorKind::classify(invalid, "Invalid instance type"), ErrorKind::Invalid);
        assert_eq!(ErrorKind::classify("InvalidInstanceID.NotFound", ""), ErrorKind::NotFound);
        assert_eq!(ErrorKind::classify("InvalidGroup.Duplicate", ""), ErrorKind::AlreadyExists);
    }

    #[test]
    fn the_codes_of_agentcore_and_its_secrets() {
        for (code, message, kind) in [
            ("AccessDeniedException", "", ErrorKind::Denied),
            ("UnauthorizedException", "", ErrorKind::Denied),
            ("SubscriptionRequiredException", "", ErrorKind::Denied),
            ("ConflictException", "A gateway with name one already exists", ErrorKind::AlreadyExists),
            ("ConflictException", "Gateway one is not in READY status", ErrorKind::NotPropagated),
            ("ValidationException", "Gateway one has targets associated with it", ErrorKind::InUse),
            ("ValidationException", "Role validation failed for 'arn'.", ErrorKind::NotPropagated),
            ("ValidationException", "1 validation error detected", ErrorKind::Invalid),
            ("ConcurrentModificationException", "", ErrorKind::NotPropagated),
            ("RetryableConflictException", "", ErrorKind::NotPropagated),
            ("ResourceNotFoundException", "", ErrorKind::NotFound),
            ("ServiceQuotaExceededException", "", ErrorKind::Quota),
            ("ResourceLimitExceededException", "", ErrorKind::Quota),
            ("ThrottlingException", "", ErrorKind::Throttled),
            ("ThrottledException", "", ErrorKind::Throttled),
            ("InternalServerException", "", ErrorKind::ServerFault),
            ("ServiceException", "", ErrorKind::ServerFault),
            ("InternalServiceError", "", ErrorKind::ServerFault),
            ("InvalidRequestException", "... because it was marked for deletion.", ErrorKind::NotFound),
            ("InvalidRequestException", "a secret that's currently marked deleted.", ErrorKind::NotFound),
            ("InvalidRequestException", "", ErrorKind::Invalid),
        ] {
            assert_eq!(ErrorKind::classify(code, message), kind, "{code} {message}");
        }
    }

    #[test]
    fn display_is_one_line_with_the_action_and_the_code() {
        let error = CallError::from_service(
            "ec2",
            "RunInstances",
            "VcpuLimitExceeded",
            "You have requested more vCPU",
        );
        assert_eq!(
            error.to_string(),
            "ec2:RunInstances failed with VcpuLimitExceeded: You have requested more vCPU"
        );
        assert_eq!(error.action(), "ec2:RunInstances");
    }
}
