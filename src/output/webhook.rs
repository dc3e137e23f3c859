//! Sends events to a server by HTTP POST, with or without their pictures, until the server has them.
//!
//! An event that the server does not take is sent again, later each time, within a bound; those that come meanwhile wait in
//! the output's queue, in their order, and the oldest are dropped and counted if there are too many. So each is delivered at
//! least once, or counted.

mod request;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use log::{info, warn};
use ring::hmac;
use ureq::{Agent, http::HeaderValue};

use self::request::Letter;
use super::{
    Delivery, Output, backoff,
    secret_file::{self, SecretError},
};
use crate::{
    config,
    event_log::EventLog,
    hub::{Topic, published::Published},
    message::Message,
    system::{clock::Monotonic, cores, host, printable::one_line},
    telemetry::{
        log_limiter::LogLimiter,
        output_metrics::{Outcome, OutputMetrics},
    },
    tls::{
        https,
        trust::{ClientTls, TrustError},
    },
};

/// The longest pause that a server can ask for with `Retry-After`.
const LONGEST_WISH: Duration = Duration::from_secs(300);

/// From then on an event is marked as late.
const LATE: Duration = Duration::from_secs(1);

/// Bytes of an answer that are read.
const MAX_ANSWER_BYTES: u64 = 4096;

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
    /// A file with a secret cannot be used.
    #[error("webhook {0}")]
    Secret(String, #[source] SecretError),
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

/// What is in the files that a webhook's settings name.
struct Files {
    authorization: Option<HeaderValue>,
    key: Option<hmac::Key>,
    tls: ClientTls,
}

/// Reads the files that `settings` name.
///
/// # Errors
/// If one of them cannot be read or used.
pub fn check(settings: &config::Webhook) -> Result<(), WebhookError> {
    Files::read(settings).map(drop)
}

impl Files {
    fn read(settings: &config::Webhook) -> Result<Self, WebhookError> {
        let failed = |error| WebhookError::Secret(settings.name.clone(), error);
        let of_file = |file: &Option<PathBuf>| file.as_deref().map(secret_file::read).transpose().map_err(failed);
        let authorization = of_file(&settings.authorization_file)?;
        let not_a_header = |_| failed(SecretError::NotOneLine(settings.authorization_file.clone().unwrap_or_default()));
        let authorization = authorization.map(HeaderValue::try_from).transpose().map_err(not_a_header)?;
        let key = of_file(&settings.secret_file)?.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
        let tls =
            ClientTls::new(&settings.trust()).map_err(|error| WebhookError::Trust(settings.name.clone(), error))?;
        Ok(Self { authorization, key, tls })
    }
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
        let Files { authorization, key, tls } = Files::read(&settings)?;
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
        let board = host::name();
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
                let pause = backoff::pause(attempt).max(wish.unwrap_or_default().min(LONGEST_WISH));
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
