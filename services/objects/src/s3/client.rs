//! The SDK's client: where it asks, as whom, and for how long.

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Builder, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};

use super::options::{Checksums, S3Options};

/// Where a server of one's own has no regions.
const NO_REGION: &str = "us-east-1";

/// Makes the client; asks nothing of the bucket yet.
pub(super) async fn connect(options: &S3Options) -> Client {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts(options))
        .retry_config(retries(options));
    let otherwise = options.endpoint.as_ref().map(|_| NO_REGION.to_owned());
    if let Some(region) = options.region.clone().or(otherwise) {
        loader = loader.region(Region::new(region));
    }
    if let Some(own) = &options.credentials {
        loader = loader.credentials_provider(Credentials::new(
            own.access_key_id.clone(),
            own.secret_access_key.clone(),
            None,
            None,
            "verbale",
        ));
    }
    let mut builder = Builder::from(&loader.load().await)
        .force_path_style(options.path_style)
        .request_checksum_calculation(match options.checksums {
            Checksums::WhenSupported => RequestChecksumCalculation::WhenSupported,
            Checksums::WhenRequired => RequestChecksumCalculation::WhenRequired,
        })
        // Whole reads are checked against our own SHA-256, which every server keeps.
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    Client::from_conf(builder.build())
}

fn timeouts(options: &S3Options) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.attempt_timeout)
        .operation_attempt_timeout(options.attempt_timeout)
        .operation_timeout(options.timeout)
        .build()
}

fn retries(options: &S3Options) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(options.attempts)
        .with_initial_backoff(options.first_backoff)
        .with_max_backoff(options.last_backoff)
}
