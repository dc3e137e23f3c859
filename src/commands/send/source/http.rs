//! Cameras and programs that serve their pictures over HTTP: a stream, or one picture for each request.

use std::{
    io::{self, Read},
    sync::Arc,
    time::Instant,
};

use ureq::{
    Agent, Body, ResponseExt, Timeout,
    config::RedirectAuthHeaders,
    http::{Response, StatusCode, Uri, header},
};

use super::{
    bytes::CHUNK_BYTES,
    capture_time::capture_time,
    framing::{Framer, Framing, Lenience},
    login::{Challenge, Login},
    multipart::Multipart,
};
use crate::{
    commands::{
        SendArgs, TrustArgs,
        send::{
            Rate,
            schedule::Schedule,
            sink::Sink,
            source_error::{MAX_PICTURE_BYTES, SILENCE_TIMEOUT, SourceError},
        },
    },
    frame::PixelFormat,
    recording::jpeg_splitter::START,
    system::clock::Monotonic,
    tls::{https, trust::ClientTls},
};

/// How often a server is asked for a picture, if nobody says.
const DEFAULT_RATE_HZ: f64 = 10.0;

/// The longest header of an answer.
const MAX_ANSWER_HEADER_BYTES: usize = 64 << 10;

/// What an answer's body is, by its content type.
enum Content {
    Multipart(Multipart),
    Picture(PixelFormat),
    Stream,
}

/// An HTTP source.
pub(super) struct HttpSource {
    /// The URL without a login.
    name: String,
    agent: Agent,
    uri: Uri,
    framing: Framing,
    rate: Rate,
    login: Option<Login>,
    /// The server's challenge, and what it was for.
    challenge: Option<(Challenge, Uri)>,
}

impl HttpSource {
    /// Reads the URL and connects to nothing yet.
    ///
    /// # Errors
    /// If it is no URL, or a file that the arguments name cannot be used; with the source's name.
    pub(super) fn new(url: &str, args: &SendArgs, framing: Framing) -> Result<Self, (String, SourceError)> {
        let (name, login) = without_login(url);
        let fail = |error| (name.clone(), error);
        let uri: Uri = name.parse().map_err(|_| fail(SourceError::Url))?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(fail(SourceError::Url));
        }
        let login = Login::find(args.login.as_deref(), login).map_err(fail)?;
        // The fingerprint is the board's.
        let trust = TrustArgs { fingerprint: None, ..args.trust.clone() }.trust();
        let tls = ClientTls::new(&trust).map_err(|error| fail(error.into()))?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .redirect_auth_headers(RedirectAuthHeaders::Never)
            .max_response_header_size(MAX_ANSWER_HEADER_BYTES)
            .timeout_resolve(Some(SILENCE_TIMEOUT))
            .timeout_connect(Some(SILENCE_TIMEOUT))
            .timeout_recv_response(Some(SILENCE_TIMEOUT))
            .timeout_per_read(Some(SILENCE_TIMEOUT))
            .timeout_per_write(Some(SILENCE_TIMEOUT))
            .build();
        let agent = https::agent(config, Arc::new(tls));
        let default_rate = || Rate::from_hz(DEFAULT_RATE_HZ).expect("it is in the range");
        let rate = args.rate.unwrap_or_else(default_rate);
        Ok(Self { name, agent, uri, framing, rate, login, challenge: None })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Reads what the server sends. Ends well at the end of a file.
    ///
    /// # Errors
    /// If the server fails, or ends a stream.
    pub(super) fn read(&mut self, sink: &mut Sink) -> Result<(), SourceError> {
        let mut response = self.request()?;
        match self.content(&response)? {
            Content::Multipart(mut parts) => {
                read_body(&mut response, |bytes, at| parts.push(bytes, at, sink))?;
                Err(SourceError::Ended)
            }
            Content::Stream => {
                let mut framer = Framer::new(self.framing, Lenience::GiveUp);
                read_body(&mut response, |bytes, at| framer.push(bytes, at, sink))?;
                framer.end(sink);
                // Nobody knows the length of a live stream.
                if response.body().content_length().is_some() { Ok(()) } else { Err(SourceError::Ended) }
            }
            Content::Picture(format) => self.read_pictures(response, format, sink),
        }
    }

    /// Asks for one picture after the other.
    fn read_pictures(
        &mut self,
        mut response: Response<Body>,
        mut format: PixelFormat,
        sink: &mut Sink,
    ) -> Result<(), SourceError> {
        let mut schedule = Schedule::new(self.rate, Instant::now());
        loop {
            schedule.sent(Instant::now());
            let stamp =
                response.headers().get("x-timestamp").and_then(|stamp| stamp.to_str().ok()?.trim().parse().ok());
            let mut first_read_at = None;
            read_body(&mut response, |bytes, at| {
                first_read_at.get_or_insert(at);
                sink.message().extend_from_slice(bytes);
                let is_too_large = sink.picture().len() as u64 > MAX_PICTURE_BYTES;
                if is_too_large { Err(SourceError::TooLarge) } else { Ok(()) }
            })?;
            if format == PixelFormat::Jpeg && !sink.picture().starts_with(&START) {
                sink.leave_out("a picture sent as image/jpeg is not a JPEG; fovea skips it");
            } else {
                sink.publish(format, None, capture_time(stamp, first_read_at.unwrap_or_else(Monotonic::now)));
            }
            std::thread::sleep(schedule.due().saturating_duration_since(Instant::now()));
            response = self.request()?;
            format = match self.content(&response)? {
                Content::Picture(format) => format,
                _ => return Err(SourceError::Ended), // it is another thing from now on, and read as that
            };
        }
    }

    /// What the body of an answer is.
    fn content(&self, response: &Response<Body>) -> Result<Content, SourceError> {
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            kind if kind.starts_with("multipart/") => Ok(Content::Multipart(Multipart::new(content_type))),
            "image/jpeg" | "image/jpg" | "image/pjpeg" => Ok(Content::Picture(PixelFormat::Jpeg)),
            "image/png" => Ok(Content::Picture(PixelFormat::Png)),
            kind if kind.starts_with("text/") || kind == "application/json" => {
                Err(SourceError::NotPictures(kind.to_owned()))
            }
            _ => Ok(Content::Stream),
        }
    }

    /// Asks, and answers the challenge of a server that wants a login.
    fn request(&mut self) -> Result<Response<Body>, SourceError> {
        let mut is_answered = false;
        loop {
            let mut request = self.agent.get(&self.uri).header(header::ACCEPT, "*/*");
            if let (Some((challenge, uri)), Some(login)) = (&mut self.challenge, &self.login) {
                request = self.agent.get(&*uri).header(header::AUTHORIZATION, challenge.answer(login, uri)?);
            }
            let response = request.call().map_err(request_error)?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            if status != StatusCode::UNAUTHORIZED {
                return Err(SourceError::Status(status.to_string()));
            }
            let Some(login) = &self.login else { return Err(SourceError::LoginNeeded) };
            let uri = response.get_uri();
            if uri.authority() != self.uri.authority() {
                let server = uri.authority().map_or_else(String::new, ToString::to_string);
                return Err(SourceError::LoginElsewhere(server));
            }
            if is_answered {
                self.challenge = None;
                return Err(SourceError::LoginRefused(login.user().to_owned()));
            }
            // The challenge of before is no longer valid, or this is the first one.
            self.challenge = Some((Challenge::of(response.headers())?, uri.clone()));
            is_answered = true;
        }
    }
}

/// Reads a body to its end, as it comes.
fn read_body(
    response: &mut Response<Body>,
    mut push: impl FnMut(&[u8], Monotonic) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut reader = response.body_mut().as_reader();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => push(&chunk[..count], Monotonic::now())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let of_ureq = error.get_ref().and_then(|error| error.downcast_ref());
                return Err(match of_ureq {
                    Some(ureq::Error::Timeout(_)) => SourceError::Stalled,
                    _ => SourceError::Broken(error),
                });
            }
        }
    }
}

fn request_error(error: ureq::Error) -> SourceError {
    match error {
        ureq::Error::HostNotFound => SourceError::UnknownHost,
        ureq::Error::Io(error) => match error.get_ref().and_then(|error| error.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(reason)) => SourceError::Certificate(reason.to_string()),
            _ => SourceError::Connect(error),
        },
        ureq::Error::Timeout(Timeout::Resolve) => SourceError::UnknownHost,
        ureq::Error::Timeout(_) => SourceError::NoAnswer,
        ureq::Error::LargeResponseHeader(..) => SourceError::EndlessAnswer,
        ureq::Error::TooManyRedirects => SourceError::RedirectLoop,
        error => SourceError::NotHttp(Box::new(error)),
    }
}

/// A URL without the login before the host's `@`, and that login.
fn without_login(url: &str) -> (String, Option<&str>) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((login, host)) => (format!("{scheme}://{host}{path}"), Some(login)),
        None => (url.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_login() {
        let split = |url| {
            let (name, login) = without_login(url);
            (name, login.map(str::to_owned))
        };
        assert_eq!(split("http://eye/a@b"), ("http://eye/a@b".into(), None));
        assert_eq!(split("http://me:p@ss@eye:81?x"), ("http://eye:81?x".into(), Some("me:p@ss".into())));
    }
}
