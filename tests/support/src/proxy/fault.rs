//! Failures in the words and the form in which each service says them.

use crate::http::Message;
use crate::proxy::RecordedCall;

/// A failure that the proxy answers in the account's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Too many calls.
    Throttled,
    /// The caller may not do this.
    Denied,
    /// The credentials have expired.
    Expired,
    /// The service failed.
    Internal,
    /// A web page with status 500, as an emulator answers what it does not know.
    Page,
    /// A code of the test's own.
    Code {
        /// The HTTP status.
        status: u16,
        /// The error code as the service spells it.
        code: String,
        /// The message.
        message: String,
    },
}

/// The form in which a service answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Ec2,
    Query,
    Json,
}

impl Fault {
    /// The answer to `call`.
    pub(crate) fn answer(&self, call: &RecordedCall) -> Message {
        let form = match call.service.as_str() {
            "ec2" => Form::Ec2,
            "iam" | "sts" => Form::Query,
            _ => Form::Json,
        };
        let (status, code, message) = self.words(call, form);
        let id = "00000000-0000-4000-8000-000000000000";
        let (kind, body) = match form {
            _ if *self == Self::Page => (
                "text/html; charset=utf-8",
                "<!doctype html>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>"
                    .to_owned(),
            ),
            Form::Ec2 => (
                "text/xml;charset=UTF-8",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code>\
                     <Message>{message}</Message></Error></Errors><RequestID>{id}</RequestID></Response>"
                ),
            ),
            Form::Query => (
                "text/xml",
                format!(
                    "<ErrorResponse xmlns=\"https://{}.amazonaws.com/doc/\"><Error><Type>Sender</Type>\
                     <Code>{code}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>",
                    call.service
                ),
            ),
            Form::Json => (
                "application/x-amz-json-1.1",
                serde_json::json!({"__type": code, "message": message}).to_string(),
            ),
        };
        Message {
            start: format!("HTTP/1.1 {status} Spoiled"),
            fields: vec![
                ("Content-Type".to_owned(), kind.to_owned()),
                ("x-amzn-RequestId".to_owned(), id.to_owned()),
            ],
            body: body.into_bytes(),
        }
    }

    fn words(&self, call: &RecordedCall, form: Form) -> (u16, String, String) {
        let action = format!("{}:{}", call.service, call.operation);
        let (status, code, message) = match (self, form) {
            (Self::Throttled, Form::Ec2) => {
                (503, "RequestLimitExceeded", "Request limit exceeded.".to_owned())
            }
            (Self::Throttled, Form::Query) => (400, "Throttling", "Rate exceeded".to_owned()),
            (Self::Throttled, Form::Json) => {
                let code = match call.service.as_str() {
                    "cognito-idp" | "servicequotas" => "TooManyRequestsException",
                    "tag" => "ThrottledException",
                    _ => "ThrottlingException",
                };
                (400, code, "Rate exceeded".to_owned())
            }
            (Self::Denied, Form::Ec2) => {
                (403, "UnauthorizedOperation", "You are not authorized to perform this operation.".to_owned())
            }
            (Self::Denied, Form::Query) => {
                (403, "AccessDenied", format!("User is not authorized to perform: {action}"))
            }
            (Self::Denied, Form::Json) => {
                (400, "AccessDeniedException", format!("User is not authorized to perform: {action}"))
            }
            (Self::Expired, Form::Ec2) => (400, "RequestExpired", "Request has expired.".to_owned()),
            (Self::Expired, Form::Query) => {
                (403, "ExpiredToken", "The security token included in the request is expired".to_owned())
            }
            (Self::Expired, Form::Json) => (
                400,
                "ExpiredTokenException",
                "The security token included in the request is expired".to_owned(),
            ),
            (Self::Internal, Form::Ec2) => {
                (500, "InternalError", "An internal error has occurred".to_owned())
            }
            (Self::Internal, Form::Query) => {
                (500, "ServiceFailure", "An internal error has occurred".to_owned())
            }
            (Self::Internal, Form::Json) => {
                (500, "InternalErrorException", "An internal error has occurred".to_owned())
            }
            (Self::Page, _) => (500, "", String::new()),
            (Self::Code { status, code, message }, _) => (*status, code.as_str(), message.clone()),
        };
        (status, code.to_owned(), message)
    }
}
