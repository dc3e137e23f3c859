//! `fovea status`: asks a running daemon for its status at its HTTP port, and prints that for people or for scripts.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Deserialize;

use super::{
    Failure, StatusArgs,
    client::{ClientOptions, HttpUrl},
    print_line,
};
use crate::{
    access::secret::Secret,
    config::Config,
    status::Report,
    system::printable::{json, one_line},
    telemetry::{
        camera_metrics::{Availability, Snapshot},
        model_metrics::{ModelState, ModelStatus},
        percentiles::Percentiles,
        processor_metrics::{FurtherProcessor, ProcessorStatus},
    },
    tls::{https, trust::ClientTls},
};

/// How long the daemon may take to answer. The answer itself takes it less than a millisecond.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer read. A camera takes about five hundred bytes of it.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// What the daemon answers.
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(flatten)]
    report: Report,
    tls: Option<Tls>,
    capacity: Option<Carried>,
}

/// What it says of what the machine was measured to carry.
#[derive(Debug, Deserialize)]
struct Carried {
    is_current: bool,
    cameras: u32,
    kept_fps: Option<f64>,
    size_px: [u32; 2],
    fps: f64,
}

/// What it says of its TLS.
#[derive(Debug, Deserialize)]
struct Tls {
    fingerprint: String,
}

/// Why there is no status, or not a healthy one.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The configuration has no HTTP port.
    #[error("{0} has no [http], so there is no port to ask; add this table and restart fovea")]
    NoPort(PathBuf),
    /// The configuration has port 0: only the daemon's log says which port that is.
    #[error("{0} has port 0 in http.listen, so only fovea's log has the port; run fovea status http://HOST:PORT")]
    AnyPort(PathBuf),
    /// No answer.
    #[error("no answer from {0}; check that fovea runs there (systemctl status fovea) with this address in [http]")]
    NoAnswer(HttpUrl, #[source] Box<ureq::Error>),
    /// An answer with another status than 200.
    #[error("{0} answers {1}")]
    Refused(HttpUrl, String),
    /// The answer is not a daemon's: another program has the port.
    #[error("the program that answers at {0} is not fovea")]
    NotFovea(HttpUrl, #[source] serde_json::Error),
    /// The daemon answers, and not all cameras are live.
    #[error("not every camera is live: {0}")]
    NotHealthy(String),
}

impl Carried {
    /// `capacity  5 cameras of 1280x720 at 15 fps`
    fn summary(&self) -> String {
        let Self { is_current, cameras, kept_fps, size_px: [width, height], fps } = self;
        if !is_current {
            return "capacity  measured with other stages or another version: run fovea bench --save again".into();
        }
        let size = format!("{width}x{height}");
        let rate = |fps: f64| (fps * 10.0).round() / 10.0;
        match (cameras, kept_fps.filter(|fps| *fps > 0.0)) {
            (0, None) => format!("capacity  too slow for a camera of {size}"),
            (0, Some(kept)) => format!("capacity  one camera of {size} at no more than {} fps", rate(kept)),
            (1, _) => format!("capacity  1 camera of {size} at {} fps", rate(*fps)),
            _ => format!("capacity  {cameras} cameras of {size} at {} fps", rate(*fps)),
        }
    }
}

/// Asks the daemon and prints its answer.
///
/// # Errors
/// If there is no answer, or not every camera is live.
pub fn run(args: &StatusArgs) -> Result<(), Failure> {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => configured_url(&args.config)?,
    };
    let ClientOptions { tokens, tls } = ClientOptions::from_args(&args.token, &args.trust)?;
    let answer = fetch(&url, tokens.secret(None, url.host())?.as_ref(), tls)?;
    let Answer { report, tls, capacity } =
        serde_json::from_str(&answer).map_err(|error| StatusError::NotFovea(url, error))?;
    if args.json {
        print_line(json(&answer))?;
    } else {
        print_line(table(&report))?;
        if let Some(carried) = capacity {
            print_line(carried.summary())?;
        }
        if let Some(Tls { fingerprint }) = tls {
            print_line(format!("TLS certificate with the SHA-256 fingerprint {}", one_line(&fingerprint)))?;
        }
    }
    let unhealthy: Vec<_> =
        report.cameras.iter().filter(|camera| camera.state.state != Availability::Live).map(camera_state).collect();
    if unhealthy.is_empty() { Ok(()) } else { Err(StatusError::NotHealthy(unhealthy.join(", ")).into()) }
}

/// The URL at which this machine reaches the daemon that was started with `file`.
fn configured_url(file: &Path) -> Result<HttpUrl, Failure> {
    let config = Config::load_without_tokens(file).map_err(Failure::of_config)?;
    let listen = config.http.ok_or_else(|| StatusError::NoPort(file.to_owned()))?.listen;
    if listen.port() == 0 {
        return Err(StatusError::AnyPort(file.to_owned()).into());
    }
    Ok(reachable(listen).into())
}

/// The address to connect to for a listening address, which may be the unspecified one.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// The answer's body.
fn fetch(url: &HttpUrl, token: Option<&Secret>, tls: Arc<ClientTls>) -> Result<String, StatusError> {
    let no_answer = |error: ureq::Error| StatusError::NoAnswer(url.clone(), error.into());
    let config = ureq::Agent::config_builder()
        .proxy(None) // the environment may name one, which would be asked for this machine's own ports
        .timeout_global(Some(ANSWER_TIMEOUT))
        .http_status_as_error(false)
        .build();
    let agent = https::agent(config, tls);
    let mut request = agent.get(format!("{url}/api/status"));
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {}", token.expose()));
    }
    let mut answer = request.call().map_err(no_answer)?;
    let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string().map_err(no_answer)?;
    if answer.status().is_success() {
        return Ok(body);
    }
    let first_line = body.lines().next().unwrap_or_default();
    Err(StatusError::Refused(url.clone(), format!("{} {first_line:.200}", answer.status()).trim_end().to_owned()))
}

/// `door lost since 2026-11-22 12:03:11`
fn camera_state(camera: &Snapshot) -> String {
    format!("{} {}", one_line(&camera.camera), camera.state.summary())
}

/// A line for each camera, and one for its last error.
fn table(report: &Report) -> String {
    let names: Vec<_> = report.cameras.iter().map(|camera| one_line(&camera.camera)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let mut text = format!("fovea {}, {}", one_line(&report.version), report.summary());
    for (camera, name) in report.cameras.iter().zip(&names) {
        let Snapshot { fps, superseded, refused, .. } = camera;
        let age = percentiles(camera.age_ms.as_ref());
        let refused = total(refused.values());
        let off = if camera.detection { "" } else { ", detection off" };
        let state = camera.state.summary();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n{name:width$}  {fps:5.1} fps  age {age}  superseded {superseded}  refused {refused}  {state}{off}"
        );
        for FurtherProcessor { processor, fps, age_ms, superseded, .. } in &camera.processors {
            let (processor, age) = (one_line(processor), percentiles(age_ms.as_ref()));
            let _ = write!(text, "\n{:width$}  {fps:5.1} fps  age {age}  superseded {superseded}  on {processor}", "");
        }
        if let Some(error) = &camera.last_error {
            let _ = write!(text, "\n{:width$}  last error: {}", "", one_line(&error.summary()));
        }
    }
    // An only one has nothing to be told apart from.
    for ProcessorStatus { name, core, load, .. } in report.processors.iter().filter(|_| report.processors.len() > 1) {
        let core = core.map_or_else(|| "no core of its own".to_owned(), |core| format!("core {core}"));
        let _ = write!(text, "\nprocessor {}  {core}  load {:.0} %", one_line(name), load * 100.0);
    }
    for ModelStatus { model, processor, state, engine, reason, runs, mean_ms } in &report.models {
        let (model, processor) = (one_line(model), one_line(processor));
        let state = match state {
            ModelState::Idle => "not asked yet",
            ModelState::Opening => "opening",
            ModelState::Ready => "ready",
            ModelState::Failed => "failed",
        };
        let _ = write!(text, "\nmodel {model}  on {processor}  {state}");
        if let Some(engine) = engine {
            let _ = write!(text, "  {}", one_line(engine));
        }
        if let Some(mean_ms) = mean_ms {
            let _ = write!(text, "  {mean_ms:.1} ms a run  {runs} runs");
        }
        if let Some(reason) = reason {
            let _ = write!(text, ": {}", one_line(reason));
        }
    }
    text
}

/// Percentiles of ages, if there are any.
fn percentiles(age_ms: Option<&Percentiles>) -> String {
    age_ms.map_or_else(|| "-".into(), |age| format!("p50 {:.1} p95 {:.1} p99 {:.1} ms", age.p50, age.p95, age.p99))
}

/// The sum of counts that another program states.
fn total<'c>(counts: impl Iterator<Item = &'c u64>) -> u64 {
    counts.fold(0, |sum, &count| sum.saturating_add(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_any_size_add_up() {
        assert_eq!(total([1, 2].iter()), 3);
        assert_eq!(total([u64::MAX, 1].iter()), u64::MAX);
    }

    #[test]
    fn the_unspecified_address_is_reached_at_loopback() {
        let reached = |address: &str| reachable(address.parse().expect("an address")).to_string();
        assert_eq!(reached("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(reached("[::]:80"), "[::1]:80");
        assert_eq!(reached("192.0.2.7:80"), "192.0.2.7:80");
    }
}
