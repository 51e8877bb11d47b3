//! What a request's failure means: the SDK's errors, cut to what may be logged and what decides.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::error::{Cause, Error};
use crate::key::{Key, Version};

/// Characters kept of a server's own words.
const MAX_MESSAGE: usize = 200;

/// Why a request did not do what it was sent for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server said no. An answer to a HEAD has neither code nor message.
    #[error("the server answered {status} {code}: {message}")]
    Refused {
        status: u16,
        code: String,
        message: String,
        /// Whether a delete marker lies where the latest version was asked for.
        is_marked: bool,
    },
    /// It may have been done all the same.
    #[error("no answer in the time allowed")]
    TimedOut(#[source] Cause),
    /// It may have been done all the same, where the connection broke after the request.
    #[error("the server cannot be reached")]
    Unreachable(#[source] Cause),
    /// It may have been done all the same.
    #[error("the server's answer cannot be read")]
    Unreadable(#[source] Cause),
    /// Nothing was sent: most often there are no credentials.
    #[error("the request cannot be made")]
    NotSent(#[source] Cause),
}

impl<E> From<SdkError<E, HttpResponse>> for Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::ServiceError(refused) => {
                let (raw, meta) = (refused.raw(), refused.err().meta());
                Self::Refused {
                    status: raw.status().as_u16(),
                    code: cut(meta.code().unwrap_or_default()),
                    message: cut(meta.message().unwrap_or_default()),
                    is_marked: raw.headers().get("x-amz-delete-marker") == Some("true"),
                }
            }
            SdkError::TimeoutError(_) => Self::TimedOut(source_of(error)),
            SdkError::DispatchFailure(_) => Self::Unreachable(source_of(error)),
            SdkError::ResponseError(_) => Self::Unreadable(source_of(error)),
            // The SDK's list is open; what it may add was not sent, or is told as if it was not.
            SdkError::ConstructionFailure(_) | _ => Self::NotSent(source_of(error)),
        }
    }
}

fn source_of<E>(error: SdkError<E, HttpResponse>) -> Cause
where
    E: std::error::Error + Send + Sync + 'static,
{
    error.into_source().unwrap_or_else(|_| "without a cause".into())
}

fn cut(text: &str) -> String {
    text.chars().filter(|each| !each.is_control()).take(MAX_MESSAGE).collect()
}

impl Failure {
    /// An answer that does not say what it must.
    pub(super) fn unreadable(why: &'static str) -> Self {
        Self::Unreadable(why.into())
    }

    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::TimedOut(_) | Self::Unreachable(_) | Self::Unreadable(_) | Self::NotSent(_) => None,
        }
    }

    /// The server's word for it; empty where it gave none.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::TimedOut(_) | Self::Unreachable(_) | Self::Unreadable(_) | Self::NotSent(_) => "",
        }
    }

    fn message(&self) -> &str {
        match self {
            Self::Refused { message, .. } => message,
            Self::TimedOut(_) | Self::Unreachable(_) | Self::Unreadable(_) | Self::NotSent(_) => "",
        }
    }

    /// Whether a delete marker hid the latest version.
    pub(super) fn is_marked(&self) -> bool {
        matches!(self, Self::Refused { is_marked: true, .. })
    }

    /// The request was understood and will not be granted as it is.
    pub(super) fn is_refusal(&self) -> bool {
        self.status().is_some_and(|status| (400..500).contains(&status) && !matches!(status, 408 | 429))
    }

    /// The condition on a put does not hold: the key has a version.
    pub(super) fn is_taken(&self) -> bool {
        self.status() == Some(412)
    }

    /// Another conditional put of this key was under way; which won is open.
    pub(super) fn is_contended(&self) -> bool {
        self.status() == Some(409)
    }

    /// What was asked for may have been done. A completed upload that is completed again is no longer there.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Refused { status, code, .. } => *status >= 500 || *status == 408 || code == "NoSuchUpload",
            Self::TimedOut(_) | Self::Unreachable(_) | Self::Unreadable(_) => true,
            Self::NotSent(_) => false,
        }
    }

    /// By the server's clock the lock asked for would have ended. The code differs, these words do not.
    pub(super) fn is_past_lock(&self) -> bool {
        self.status() == Some(400) && self.message().contains("must be in the future")
    }

    /// There is no such key or version; a malformed version, and a delete marker's, are none.
    pub(super) fn is_missing(&self, with_version: bool) -> bool {
        match (self.status(), self.code()) {
            (Some(404), "NoSuchKey" | "NoSuchVersion") => true,
            (Some(400), "InvalidArgument" | "NoSuchVersion") | (Some(405), "MethodNotAllowed") => {
                with_version
            }
            _ => false,
        }
    }

    /// The range begins after the end.
    pub(super) fn is_outside(&self) -> bool {
        self.status() == Some(416)
    }

    /// For the caller of the port, where nothing more telling is known.
    pub(super) fn into_error(self, attempt: &'static str) -> Error {
        const NO_SPACE: [&str; 5] = [
            "InsufficientStorage",
            "QuotaExceeded",
            "XMinioAdminBucketQuotaExceeded",
            "XMinioStorageFull",
            "InsufficientCapacity",
        ];
        let is_full = self.status() == Some(507) || NO_SPACE.contains(&self.code());
        let source = Box::new(self);
        if is_full { Error::Full { attempt, source } } else { Error::Unavailable { attempt, source } }
    }

    /// For the caller of the port who named a version, or none.
    pub(super) fn into_error_about(
        self,
        key: &Key,
        version: Option<&Version>,
        attempt: &'static str,
    ) -> Error {
        if self.is_missing(version.is_some()) {
            return Error::NotFound { key: key.clone(), version: version.cloned() };
        }
        self.into_error(attempt)
    }
}

#[cfg(test)]
mod tests;
