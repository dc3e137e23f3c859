//! The bodies of requests: small JSON texts.

use std::time::Duration;

use axum::{
    body::to_bytes,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use tokio::time::timeout;

/// The largest body.
const MAX_BYTES: usize = 4096;

/// How long it may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a request.
///
/// # Errors
/// With the answer to a body that is too long or too slow.
pub(super) async fn read(request: Request) -> Result<Bytes, Response> {
    match timeout(TIMEOUT, to_bytes(request.into_body(), MAX_BYTES)).await {
        Ok(Ok(body)) => Ok(body),
        _ => Err(bad_request("The body is too long, or did not come in time.\n")),
    }
}

/// The answer to a body that is not as it must be.
pub(super) fn bad_request(what: &'static str) -> Response {
    (StatusCode::BAD_REQUEST, what).into_response()
}
