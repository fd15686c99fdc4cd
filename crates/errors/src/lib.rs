//! The closed list of error codes with their gRPC and HTTP status, and the one error type that
//! crosses a service boundary. Each reason has a page under `docs/errors/`.

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::{BuildHasher, Hasher},
};

use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Domain of our `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "deepfix";

/// Why a request failed. Closed: a new reason is a new row of the table below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request says something that cannot be.
    InvalidArgument,
    /// The body cannot be read as what it claims to be.
    MalformedBody,
    /// No key, or none this server knows.
    Unauthenticated,
    /// The artifact's address is outside what this server may read.
    PermissionDenied,
    /// Nothing there by that name.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// Larger than a limit of this server.
    TooLarge,
    /// Too many requests at once; later works.
    Overloaded,
    /// A service is down.
    Unavailable,
    /// Not done in time.
    DeadlineExceeded,
    /// Switched off or not built.
    Unsupported,
    /// The caller went away.
    Cancelled,
    /// A defect of ours.
    Internal,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 13] = [
        Self::InvalidArgument,
        Self::MalformedBody,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::Overloaded,
        Self::Unavailable,
        Self::DeadlineExceeded,
        Self::Unsupported,
        Self::Cancelled,
        Self::Internal,
    ];

    /// The one table: reason, gRPC status, HTTP status, whether the same request may work later.
    const fn row(self) -> (&'static str, Code, u16, bool) {
        match self {
            Self::InvalidArgument => ("INVALID_ARGUMENT", Code::InvalidArgument, 400, false),
            Self::MalformedBody => ("MALFORMED_BODY", Code::InvalidArgument, 400, false),
            Self::Unauthenticated => ("UNAUTHENTICATED", Code::Unauthenticated, 401, false),
            Self::PermissionDenied => ("PERMISSION_DENIED", Code::PermissionDenied, 403, false),
            Self::NotFound => ("NOT_FOUND", Code::NotFound, 404, false),
            Self::MethodNotAllowed => ("METHOD_NOT_ALLOWED", Code::Unimplemented, 405, false),
            Self::TooLarge => ("TOO_LARGE", Code::OutOfRange, 413, false),
            Self::Overloaded => ("OVERLOADED", Code::ResourceExhausted, 429, true),
            Self::Unavailable => ("UNAVAILABLE", Code::Unavailable, 503, true),
            Self::DeadlineExceeded => ("DEADLINE_EXCEEDED", Code::DeadlineExceeded, 504, true),
            Self::Unsupported => ("UNSUPPORTED", Code::Unimplemented, 501, false),
            Self::Cancelled => ("CANCELLED", Code::Cancelled, 499, false),
            Self::Internal => ("INTERNAL", Code::Internal, 500, false),
        }
    }

    /// The public reason, such as `TOO_LARGE`.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        self.row().0
    }

    /// The gRPC status.
    #[must_use]
    pub const fn grpc(self) -> Code {
        self.row().1
    }

    /// The HTTP status.
    #[must_use]
    pub const fn http(self) -> u16 {
        self.row().2
    }

    /// Whether the same request may work later.
    #[must_use]
    pub const fn retryable(self) -> bool {
        self.row().3
    }

    /// The code of a reason on the wire.
    #[must_use]
    pub fn from_reason(reason: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.reason() == reason)
    }

    /// The nearest code of a bare gRPC status. `OutOfRange` and `ResourceExhausted` both come back
    /// for a message over the limit, depending on the gRPC library at the other end.
    #[must_use]
    pub const fn from_grpc(code: Code) -> Self {
        match code {
            Code::InvalidArgument | Code::FailedPrecondition => Self::InvalidArgument,
            Code::PermissionDenied => Self::PermissionDenied,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::NotFound => Self::NotFound,
            Code::OutOfRange => Self::TooLarge,
            Code::ResourceExhausted => Self::Overloaded,
            Code::Unavailable => Self::Unavailable,
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::Unimplemented => Self::Unsupported,
            Code::Cancelled | Code::Aborted => Self::Cancelled,
            Code::Ok | Code::Unknown | Code::AlreadyExists | Code::Internal | Code::DataLoss => Self::Internal,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

/// A field of the request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Path of the field: `artifacts[1].uri`.
    pub field: String,
    /// What is wrong with it and how to mend it.
    pub message: String,
}

/// An error as callers see it: safe to show, with an id that is also in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Error {
    /// Why.
    #[serde(serialize_with = "reason")]
    pub code: ErrorCode,
    /// What, where and how to mend it.
    pub message: String,
    /// Fields concerned.
    pub fields: Vec<Field>,
    /// Id of this occurrence, in the log too.
    pub id: String,
}

fn reason<S: serde::Serializer>(code: &ErrorCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.reason())
}

impl Error {
    /// An error without fields.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: Vec::new(), id: occurrence_id() }
    }

    /// A wrong field of the request.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidArgument, "the request is not valid").with_field(field, message)
    }

    /// The same, with one more field named.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.fields.push(Field { field: field.into(), message: message.into() });
        self
    }

    /// As a gRPC status with the standard details.
    #[must_use]
    pub fn to_status(&self) -> Status {
        let mut details = ErrorDetails::with_error_info(
            self.code.reason(),
            DOMAIN,
            std::collections::HashMap::from([("id".to_owned(), self.id.clone())]),
        );
        for field in &self.fields {
            details.add_bad_request_violation(&field.field, &field.message);
        }
        if self.code.retryable() {
            details.set_retry_info(Some(std::time::Duration::from_secs(1)));
        }
        Status::with_error_details(self.code.grpc(), self.to_string(), details)
    }

    /// From a gRPC status, ours or anybody's.
    #[must_use]
    pub fn from_status(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().filter(|info| info.domain == DOMAIN);
        let code = info.and_then(|info| ErrorCode::from_reason(&info.reason));
        let id = info.and_then(|info| info.metadata.get("id").cloned());
        let fields: Vec<Field> = details
            .bad_request()
            .map(|bad| bad.field_violations.iter())
            .into_iter()
            .flatten()
            .map(|v| Field { field: v.field.clone(), message: v.description.clone() })
            .collect();
        let named = fields.iter().map(|f| format!("; {}: {}", f.field, f.message)).collect::<String>();
        let message = status.message().strip_suffix(&named).unwrap_or(status.message()).to_owned();
        Self {
            code: code.unwrap_or_else(|| ErrorCode::from_grpc(status.code())),
            message,
            fields,
            id: id.unwrap_or_else(occurrence_id),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for field in &self.fields {
            write!(f, "; {}: {}", field.field, field.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        error.to_status()
    }
}

/// Sixteen hexadecimal digits, different at each call (the standard library's keyed hasher draws
/// its keys from the system's random source).
#[must_use]
pub fn occurrence_id() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_page() {
        for code in ErrorCode::ALL {
            let page = format!("{}/../../docs/errors/{}.md", env!("CARGO_MANIFEST_DIR"), code.reason());
            let text = std::fs::read_to_string(&page).unwrap_or_else(|_| panic!("no page {page}"));
            assert!(text.contains("## Remedy"), "{page} names no remedy");
            assert!(text.contains(&code.http().to_string()), "{page} does not name its HTTP status");
        }
    }

    #[test]
    fn an_error_survives_the_wire() {
        let sent = Error::field("artifacts[0].uri", "is outside the allowed roots").with_field("label", "is empty");
        let got = Error::from_status(&sent.to_status());
        assert_eq!(got, sent);
    }

    #[test]
    fn a_foreign_status_gets_the_nearest_code() {
        assert_eq!(Error::from_status(&Status::resource_exhausted("x")).code, ErrorCode::Overloaded);
        assert_eq!(Error::from_status(&Status::unknown("x")).code, ErrorCode::Internal);
    }

    #[test]
    fn ids_differ() {
        assert_ne!(occurrence_id(), occurrence_id());
    }
}
