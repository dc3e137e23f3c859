//! Sends events to a server by HTTP POST, with or without their pictures, until the server has them.
//!
//! An event that the server does not take is sent again, later each time, within a bound; those that come meanwhile wait in
//! the output's queue, in their order, and the oldest are dropped and counted if there are too many. So each is delivered at
//! least once, or counted.

mod request;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use log::{info, warn};
use ring::hmac;
use ureq::{Agent, http::HeaderValue};

use self::request::Letter;
use super::{Delivery, Output};
use crate::{
    config,
    event_log::EventLog,
    hub::{Topic, published::Published},
    message::Message,
    system::{clock::Monotonic, cores, printable::one_line},
    telemetry::{
        log_limiter::LogLimiter,
        output_metrics::{Outcome, OutputMetrics},
    },
    tls::{
        https,
        trust::{ClientTls, TrustError},
    },
};

/// The first pause before an event is sent again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The longest pause that a server can ask for with `Retry-After`.
const LONGEST_WISH: Duration = Duration::from_secs(300);

/// From then on an event is marked as late.
const LATE: Duration = Duration::from_secs(1);

/// Bytes of an answer that are read.
const MAX_ANSWER_BYTES: u64 = 4096;

/// Bytes of a file with a secret.
const MAX_SECRET_BYTES: u64 = 4096;

/// A server that gets events.
pub struct Webhook {
    settings: config::Webhook,
    /// `webhook-NAME`
    name: &'static str,
    /// The name of this machine.
    board: String,
    agent: Agent,
    authorization: Option<HeaderValue>,
    key: Option<hmac::Key>,
    log: Arc<EventLog>,
    metrics: Arc<OutputMetrics>,
    /// How often the event was sent that is to be sent again.
    attempts: u32,
    is_down: bool,
    rejections: LogLimiter,
}

/// Why a webhook cannot start.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// A file cannot be read.
    #[error("webhook {0}: cannot read {path}", path = .1.display())]
    Unreadable(String, PathBuf, #[source] io::Error),
    /// What is in it cannot be used.
    #[error("webhook {0}: {path} must have one line of text and nothing else", path = .1.display())]
    NotOneLine(String, PathBuf),
    /// The certificates cannot be used.
    #[error("webhook {0}")]
    Trust(String, #[source] TrustError),
}

/// What the server made of a request.
enum Answer {
    Taken,
    /// It will not take it at another time either.
    Refused(String),
    /// It may at another time.
    Failed(String, Option<Duration>),
}

impl Webhook {
    /// Reads the files that `settings` names. Counts what becomes of events in `metrics`.
    ///
    /// # Errors
    /// If one of them cannot be read or used.
    pub fn new(
        settings: config::Webhook,
        name: &'static str,
        log: Arc<EventLog>,
        metrics: Arc<OutputMetrics>,
    ) -> Result<Self, WebhookError> {
        let of_file = |file: &Option<PathBuf>| file.as_ref().map(|file| secret(&settings.name, file)).transpose();
        let authorization = of_file(&settings.authorization_file)?;
        let not_a_header = |_| {
            WebhookError::NotOneLine(settings.name.clone(), settings.authorization_file.clone().unwrap_or_default())
        };
        let authorization = authorization.map(HeaderValue::try_from).transpose().map_err(not_a_header)?;
        let key = of_file(&settings.secret_file)?.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
        let tls =
            ClientTls::new(&settings.trust()).map_err(|error| WebhookError::Trust(settings.name.clone(), error))?;
        let config = Agent::config_builder()
            .proxy(None) // what the environment says is for programs of people
            .timeout_global(Some(settings.timeout))
            .http_status_as_error(false)
            // A redirected POST loses its body, and leads where nobody configured it to.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("fovea/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = https::agent(config, Arc::new(tls));
        let board = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
        let (attempts, is_down, rejections) = (0, false, LogLimiter::default());
        Ok(Self { settings, name, board, agent, authorization, key, log, metrics, attempts, is_down, rejections })
    }

    fn send(&self, letter: &Letter<'_>) -> Answer {
        let request = match letter.request(&self.settings, self.authorization.as_ref(), self.key.as_ref()) {
            Ok(request) => request,
            Err(error) => return Answer::Refused(error.to_string()),
        };
        let mut answer = match self.agent.run(request) {
            Ok(answer) => answer,
            Err(error) => return Answer::Failed(error.to_string(), None),
        };
        let status = answer.status();
        let wish = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        // Read to its end, as far as it is short: the connection can then serve the next request, too.
        let text = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string().unwrap_or_default();
        let line: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
        let what = format!("the answer is {status} {}", one_line(&line)).trim_end().to_owned();
        match status.as_u16() {
            200..=299 => Answer::Taken,
            408 | 425 | 429 | 500.. => Answer::Failed(what, wish.map(Duration::from_secs)),
            300..=399 => Answer::Refused(format!("{what}; fovea follows no redirects: set url to where it leads")),
            _ => Answer::Refused(what),
        }
    }

    /// The event is not sent any more.
    fn settle(&mut self, outcome: Outcome) -> Delivery {
        self.attempts = 0;
        self.metrics.count(outcome);
        Delivery::Done
    }
}

impl Output for Webhook {
    fn name(&self) -> &'static str {
        self.name
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::Recorded]
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn begin(&mut self) {
        if let Err(error) = cores::set_lowest_priority() {
            warn!("cannot lower the priority of the thread for the webhook {}: {error}", self.settings.name);
        }
    }

    fn deliver(&mut self, message: &Arc<Published>) -> Delivery {
        let event = match message.message() {
            Message::Event(event) => event,
            Message::Dropped(dropped) => {
                let (name, count) = (self.settings.name.as_str(), dropped.count);
                warn!(WEBHOOK = name; "webhook {name}: {count} messages were dropped: too many waited");
                return Delivery::Done;
            }
            _ => return Delivery::Done,
        };
        if !self.settings.wants(event) {
            return Delivery::Done;
        }
        let waited = message.announced_at().map_or(Duration::ZERO, |at| Monotonic::now().since(at));
        let late = (self.attempts > 0 || waited >= LATE).then_some(waited);
        self.attempts += 1;
        let (picture, attempt) = (self.log.picture(&event.id), self.attempts);
        let letter =
            Letter { published: message, event, picture: picture.as_deref(), late, attempt, board: &self.board };
        let name = self.settings.name.as_str();
        match self.send(&letter) {
            Answer::Taken => {
                if std::mem::take(&mut self.is_down) {
                    info!(WEBHOOK = name; "webhook {name}: delivers events again");
                }
                self.settle(if late.is_some() { Outcome::Late } else { Outcome::Delivered })
            }
            Answer::Refused(why) => {
                if let Some(suppressed) = self.rejections.check() {
                    warn!(WEBHOOK = name; "webhook {name}: the event {} is refused: {why}{suppressed}", event.id);
                }
                self.settle(Outcome::Refused)
            }
            Answer::Failed(why, wish) => {
                self.metrics.count(Outcome::Failed);
                if !std::mem::replace(&mut self.is_down, true) {
                    warn!(WEBHOOK = name; "webhook {name}: cannot deliver the event {}: {why}; trying again", event.id);
                }
                let pause = pause(attempt).max(wish.unwrap_or_default().min(LONGEST_WISH));
                if waited.saturating_add(pause) > self.settings.retry_for {
                    return self.settle(Outcome::Expired);
                }
                Delivery::Retry(pause)
            }
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The pause after an attempt, give or take a quarter: boards that lost the same server do not come back in step.
fn pause(attempt: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
    let random = Monotonic::now().as_micros() % 512; // of no meaning: nobody is to guess anything
    doubled.min(LONGEST_PAUSE).mul_f64(0.75 + random as f64 / 1024.0)
}

/// The line in a file.
fn secret(webhook: &str, file: &Path) -> Result<String, WebhookError> {
    let unreadable = |error| WebhookError::Unreadable(webhook.to_owned(), file.to_owned(), error);
    let mut text = String::new();
    let opened = fs::File::open(file).map_err(unreadable)?;
    io::Read::read_to_string(&mut io::Read::take(opened, MAX_SECRET_BYTES), &mut text).map_err(unreadable)?;
    let line = text.trim();
    let is_one = !line.is_empty() && !line.contains(char::is_control);
    is_one.then(|| line.to_owned()).ok_or_else(|| WebhookError::NotOneLine(webhook.to_owned(), file.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        for (attempt, least, most) in [(1, 750, 1250), (3, 3000, 5000), (7, 45_000, 75_000), (u32::MAX, 45_000, 75_000)]
        {
            let pause = pause(attempt).as_millis();
            assert!((least..=most).contains(&pause), "{attempt}: {pause} ms");
        }
    }
}
