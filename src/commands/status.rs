//! `fovea status`: how a running daemon is doing, for people and for scripts. The daemon says so itself, at its HTTP port.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Failure, StatusArgs, client::HttpUrl, say};
use crate::{
    config::Config,
    status::Report,
    telemetry::camera_metrics::{Availability, Snapshot},
};

/// How long the daemon may take to answer. It reckons for less than a millisecond.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of the largest answer read. A camera has about five hundred.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// Why there is nothing good to tell.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The daemon has no such port.
    #[error("{0} has no [http]: that is the port where the daemon says how it is doing")]
    NoPort(PathBuf),
    /// The daemon has a port that only its log tells.
    #[error(
        "{0} has port 0 in http.listen, which is any free one; fovea's log says which: fovea status http://HOST:PORT"
    )]
    AnyPort(PathBuf),
    /// Nobody there, or somebody who does not answer.
    #[error("nobody answers at {0}; is fovea running there (systemctl status fovea), with that address in [http]?")]
    Silent(HttpUrl, #[source] Box<ureq::Error>),
    /// An answer that is none.
    #[error("{0} answers {1}")]
    Refused(HttpUrl, String),
    /// Something else has the port.
    #[error("what answers at {0} is not fovea")]
    NotFovea(HttpUrl, #[source] serde_json::Error),
    /// The daemon is there, its cameras are not.
    #[error("not healthy: {0}")]
    NotHealthy(String),
}

/// Asks, and prints the answer.
///
/// # Errors
/// When nobody answers, or not every camera is live.
pub fn run(args: &StatusArgs) -> Result<(), Failure> {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => configured(&args.config)?,
    };
    let answer = ask(&url)?;
    let report: Report = serde_json::from_str(&answer).map_err(|error| StatusError::NotFovea(url, error))?;
    if args.json {
        say(answer)?;
    } else {
        say(table(&report))?;
    }
    let lacking: Vec<_> =
        report.cameras.iter().filter(|camera| camera.state.state != Availability::Live).map(in_words).collect();
    if lacking.is_empty() { Ok(()) } else { Err(StatusError::NotHealthy(lacking.join(", ")).into()) }
}

/// Where the daemon that was started with `file` is asked from this machine.
fn configured(file: &Path) -> Result<HttpUrl, Failure> {
    let config = Config::load(file).map_err(Failure::of_config)?;
    let listen = config.http.ok_or_else(|| StatusError::NoPort(file.to_owned()))?.listen;
    if listen.port() == 0 {
        return Err(StatusError::AnyPort(file.to_owned()).into());
    }
    Ok(reachable(listen).into())
}

/// An address to connect to, of one that may stand for all of this machine's.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

fn ask(url: &HttpUrl) -> Result<String, StatusError> {
    let silent = |error: ureq::Error| StatusError::Silent(url.clone(), error.into());
    let agent = ureq::Agent::config_builder()
        .proxy(None) // the environment may name one, which would be asked for this machine's own ports
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .build()
        .new_agent();
    let mut answer = agent.get(format!("{url}/api/status")).call().map_err(silent)?;
    let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string().map_err(silent)?;
    if answer.status().is_success() {
        return Ok(body);
    }
    let first_line = body.lines().next().unwrap_or_default();
    Err(StatusError::Refused(url.clone(), format!("{} {first_line:.200}", answer.status()).trim_end().to_owned()))
}

fn in_words(camera: &Snapshot) -> String {
    format!("{} {}", camera.camera, camera.state.words())
}

/// A line for each camera, and one for what went wrong with it last.
fn table(report: &Report) -> String {
    let width = report.cameras.iter().map(|camera| camera.camera.len()).max().unwrap_or_default();
    let mut text = format!("fovea {}, {}", report.version, report.in_words());
    for camera in &report.cameras {
        let Snapshot { camera: name, fps, superseded, refused, .. } = camera;
        let age = camera
            .age_ms
            .map_or_else(|| "-".into(), |age| format!("p50 {:.1} p95 {:.1} p99 {:.1} ms", age.p50, age.p95, age.p99));
        let (refused, state) = (refused.values().sum::<u64>(), camera.state.words());
        // A string takes everything.
        let _ = write!(
            text,
            "\n{name:width$}  {fps:5.1} fps  age {age}  superseded {superseded}  refused {refused}  {state}"
        );
        if let Some(error) = &camera.last_error {
            let _ = write!(text, "\n{:width$}  last error: {}", "", error.words());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_stands_for_all_is_asked_at_this_machine() {
        let asked = |address: &str| reachable(address.parse().expect("an address")).to_string();
        assert_eq!(asked("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(asked("[::]:80"), "[::1]:80");
        assert_eq!(asked("192.0.2.7:80"), "192.0.2.7:80");
    }
}
