//! Who may use the ports: tokens with roles.
//!
//! Both ports ask here, once for each WebSocket handshake and once for each HTTP request, and never for a frame. `credentials`
//! reads what a request carries; `tokens` knows whose secret it is; `role` says what that allows. `store` reads and replaces
//! the file, `session` makes the cookies of logins, `local` the token of this machine's users, `failures` slows those who try.
//!
//! Clients need a token as soon as the file with the tokens exists, even if none is left in it. What needs none without it, or
//! with `allow_anonymous`, ignores secrets that it does not know: a proxy may add a login of its own.

pub mod credentials;
mod failures;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod local;
pub mod role;
pub mod secret;
pub mod session;
pub mod store;
pub mod tokens;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use strum::{EnumCount, IntoStaticStr, VariantArray};
use subtle::ConstantTimeEq;

use self::{
    credentials::Credentials,
    failures::Failures,
    local::LocalTokenError,
    role::{Need, Rights},
    secret::{Digest, Secret},
    tokens::{Token, Tokens},
};
use crate::sync::Mutex;

/// A port that clients come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Port {
    /// That for frames and results.
    Websocket,
    /// That for people and monitoring.
    Http,
}

/// What holds for clients, until a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The tokens; `None` if there is no file with tokens.
    pub tokens: Option<Arc<Tokens>>,
    /// Whether clients without a token may send and view, by [`Port`].
    pub allow_anonymous: [bool; Port::COUNT],
}

/// Decides who may do what. Both ports share it.
#[derive(Debug)]
pub struct Access {
    // Replaced, never changed: who asks keeps what it got.
    policy: ArcSwap<Policy>,
    local: Option<Token>,
    failures: Mutex<Failures>,
    /// Requests that were denied, by port and cause.
    denied: [[AtomicU64; Cause::COUNT]; Port::COUNT],
}

/// That a request may, and because of what. It is asked for again after a reload.
#[derive(Clone, Debug)]
pub struct Grant {
    port: Port,
    peer: IpAddr,
    holder: Holder,
    rights: Rights,
    need: Need,
}

/// Who a request comes from.
#[derive(Clone, Debug)]
enum Holder {
    Anonymous,
    /// Who has the token of this name and hash.
    Token(String, Digest),
}

/// Why a request may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It has no token.
    #[error(
        "This needs a token. Send the header \"Authorization: Bearer TOKEN\", or add ?token=TOKEN to the URL. On the board, \
         `fovea token add` makes a token."
    )]
    NoToken,
    /// Its token is none of this board's.
    #[error(
        "This token is not valid here. On the board, `fovea token list` shows the tokens; a new one is valid after a reload."
    )]
    WrongToken,
    /// Its address stated too many wrong tokens.
    #[error("Too many wrong tokens came from this address. Try again in {} s. A right token is accepted at any time.", seconds(.0))]
    TooManyFailures(Duration),
    /// Its token is right, and not for this.
    #[error("The token {name} allows: {rights}. This needs {need}.")]
    Forbidden {
        /// The token's name.
        name: String,
        /// What it allows.
        rights: Rights,
        /// What would be needed.
        need: Need,
    },
}

/// The kinds of [`Denied`], by which they are counted.
#[derive(Clone, Copy, Debug, EnumCount, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// [`Denied::NoToken`]
    NoToken,
    /// [`Denied::WrongToken`]
    WrongToken,
    /// [`Denied::TooManyFailures`]
    TooManyFailures,
    /// [`Denied::Forbidden`]
    Forbidden,
}

/// Whole seconds, at least one, as `Retry-After` has them.
fn seconds(wait: &Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl Access {
    /// What `policy` says, and a token for the local users if this process has a runtime directory.
    ///
    /// # Errors
    /// If the local token cannot be made.
    pub fn start(policy: Policy) -> Result<Self, LocalTokenError> {
        Ok(Self { local: local::make()?, ..Self::new(policy) })
    }

    /// What `policy` says.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let (failures, denied) = (Mutex::default(), Default::default());
        Self { policy: ArcSwap::from_pointee(policy), local: None, failures, denied }
    }

    /// Has another policy hold from now on. Who is in already is asked for by [`Access::holds`].
    pub fn reconfigure(&self, policy: Policy) {
        self.policy.store(Arc::new(policy));
    }

    /// How many tokens there are, if there is a file with tokens.
    pub fn tokens(&self) -> Option<usize> {
        self.policy.load().tokens.as_ref().map(|tokens| tokens.len())
    }

    /// Decides about a request of `peer` for `need`. A wrong token is held against its address.
    ///
    /// # Errors
    /// If it may not.
    pub fn check(&self, port: Port, peer: SocketAddr, carried: &Credentials, need: Need) -> Result<Grant, Denied> {
        self.find(port, peer, carried, &need).map_err(|insufficient| {
            let denied = match insufficient {
                Some(token) => Denied::Forbidden { name: token.name, rights: token.rights, need },
                None if carried.secrets.is_empty() => Denied::NoToken,
                None => self.wrong(peer),
            };
            self.counted(port, denied)
        })
    }

    /// The same for an answer that only says more to those who may: it is no denial if this one may not.
    pub fn peek(&self, port: Port, peer: SocketAddr, carried: &Credentials, need: &Need) -> Option<Grant> {
        self.find(port, peer, carried, need).ok()
    }

    /// Whose token it is that somebody states to log in with; what is open to all counts for nothing.
    ///
    /// # Errors
    /// If it is nobody's.
    pub fn login(&self, port: Port, peer: SocketAddr, secret: Option<&Secret>) -> Result<Grant, Denied> {
        let policy = self.policy.load();
        let ip = peer.ip().to_canonical();
        match secret.and_then(|secret| self.with_digest(&policy, ip, &secret.digest())) {
            Some(token) => Ok(Grant::of_token(port, ip, token, Need::any())),
            None => Err(self.counted(port, self.wrong(peer))),
        }
    }

    /// What grants a request, or the token that is not enough, if one is known.
    fn find(&self, port: Port, peer: SocketAddr, carried: &Credentials, need: &Need) -> Result<Grant, Option<Token>> {
        let policy = self.policy.load();
        let ip = peer.ip().to_canonical();
        let secrets = carried.secrets.iter().filter_map(|secret| self.with_digest(&policy, ip, &secret.digest()));
        let session = carried.session.as_deref().and_then(|cookie| self.of_session(&policy, ip, cookie));
        let mut insufficient = None;
        for token in secrets.chain(session) {
            if token.rights.allow(need) {
                return Ok(Grant::of_token(port, ip, token, need.clone()));
            }
            insufficient = Some(token.clone());
        }
        match policy.anonymous(port, ip).filter(|rights| rights.allow(need)) {
            Some(rights) => Ok(Grant { port, peer: ip, holder: Holder::Anonymous, rights, need: need.clone() }),
            None => Err(insufficient),
        }
    }

    /// Holds a wrong token against its address.
    fn wrong(&self, peer: SocketAddr) -> Denied {
        let wait = self.failures.lock().record(peer.ip(), Instant::now());
        wait.map_or(Denied::WrongToken, Denied::TooManyFailures)
    }

    fn counted(&self, port: Port, denied: Denied) -> Denied {
        self.denied[port as usize][denied.cause() as usize].fetch_add(1, Ordering::Relaxed); // read by itself
        denied
    }

    /// Whether what was granted would still be: a reload may have revoked the token, or made one necessary.
    #[must_use]
    pub fn holds(&self, grant: &Grant) -> bool {
        let policy = self.policy.load();
        let Grant { port, peer, holder, need, .. } = grant;
        let by_token = match holder {
            Holder::Anonymous => None,
            Holder::Token(_, digest) => self.with_digest(&policy, *peer, digest),
        };
        by_token.is_some_and(|token| token.rights.allow(need))
            || policy.anonymous(*port, *peer).is_some_and(|rights| rights.allow(need))
    }

    /// A cookie for who has a token, for a login at `now`. `None` for who has none.
    #[must_use]
    pub fn session(&self, grant: &Grant, now: Timestamp) -> Option<String> {
        let Holder::Token(_, digest) = &grant.holder else { return None };
        Some(session::cookie(self.with_digest(&self.policy.load(), grant.peer, digest)?, now))
    }

    /// How many requests were denied so far, by port and cause.
    pub fn denied(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        Port::VARIANTS.iter().flat_map(move |port| {
            Cause::VARIANTS.iter().map(move |cause| {
                let count = self.denied[*port as usize][*cause as usize].load(Ordering::Relaxed); // read by itself
                (port.into(), cause.into(), count)
            })
        })
    }

    /// The token with this hash that `peer` may use.
    fn with_digest<'t>(&'t self, policy: &'t Policy, peer: IpAddr, digest: &Digest) -> Option<&'t Token> {
        let local = self.local(peer).filter(|local| local.digest.ct_eq(digest).into());
        local.or_else(|| policy.tokens.as_ref()?.with_digest(digest))
    }

    fn of_session<'t>(&'t self, policy: &'t Policy, peer: IpAddr, cookie: &str) -> Option<&'t Token> {
        session::verify(cookie, Timestamp::now(), |name| match name {
            local::NAME => self.local(peer),
            name => policy.tokens.as_ref()?.named(name),
        })
    }

    fn local(&self, peer: IpAddr) -> Option<&Token> {
        self.local.as_ref().filter(|_| peer.is_loopback())
    }
}

impl Policy {
    /// What who has no token may do.
    fn anonymous(&self, port: Port, peer: IpAddr) -> Option<Rights> {
        match &self.tokens {
            _ if self.allow_anonymous[port as usize] => Some(Rights::anonymous()),
            Some(_) => None,
            None if peer.is_loopback() => Some(Rights::all()),
            // The port was opened to others by a configuration that was reloaded, and stays open until a restart.
            None => Some(Rights::anonymous()),
        }
    }
}

impl Grant {
    fn of_token(port: Port, peer: IpAddr, token: &Token, need: Need) -> Self {
        let holder = Holder::Token(token.name.clone(), token.digest);
        Self { port, peer, holder, rights: token.rights.clone(), need }
    }

    /// What it allows.
    #[must_use]
    pub fn rights(&self) -> &Rights {
        &self.rights
    }

    /// The name of the token that it is because of, if it is because of one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        match &self.holder {
            Holder::Anonymous => None,
            Holder::Token(name, _) => Some(name),
        }
    }
}

/// ` with the token door-cam`, or nothing.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.token().map_or(Ok(()), |name| write!(f, " with the token {name}"))
    }
}

impl Denied {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::NoToken | Self::WrongToken => http::StatusCode::UNAUTHORIZED,
            Self::TooManyFailures(_) => http::StatusCode::TOO_MANY_REQUESTS,
            Self::Forbidden { .. } => http::StatusCode::FORBIDDEN,
        }
    }

    /// The value of `Retry-After`, if there is one.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyFailures(wait) => Some(seconds(wait)),
            _ => None,
        }
    }

    fn cause(&self) -> Cause {
        match self {
            Self::NoToken => Cause::NoToken,
            Self::WrongToken => Cause::WrongToken,
            Self::TooManyFailures(_) => Cause::TooManyFailures,
            Self::Forbidden { .. } => Cause::Forbidden,
        }
    }
}

#[cfg(test)]
mod tests;
