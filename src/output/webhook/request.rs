//! A webhook's request: headers, body and signature.

use std::{collections::BTreeMap, time::Duration};

use data_encoding::HEXLOWER;
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use ureq::http::{self, HeaderName, HeaderValue, Request, header};

use crate::{
    config::{self, Body, Placeholder, Template},
    event_log::EventPicture,
    hub::published::Published,
    message::Event,
};

/// What is to be said.
pub(super) struct Letter<'a> {
    /// The message.
    pub(super) published: &'a Published,
    /// The event in it.
    pub(super) event: &'a Event,
    /// The picture of its start, if there is one.
    pub(super) picture: Option<&'a EventPicture>,
    /// How late it is, if it is.
    pub(super) late: Option<Duration>,
    /// How often it was sent, this time included.
    pub(super) attempt: u32,
    /// The name of this machine.
    pub(super) board: &'a str,
}

impl Letter<'_> {
    /// The request as `settings` want it.
    pub(super) fn request(
        &self,
        settings: &config::Webhook,
        authorization: Option<&HeaderValue>,
        key: Option<&hmac::Key>,
    ) -> Result<Request<Vec<u8>>, http::Error> {
        let (content_type, body) = self.body(settings);
        let mut request = Request::post(&settings.url)
            .header("fovea-event", &self.event.id)
            .header("fovea-camera", &self.event.camera)
            .header("fovea-kind", &*self.event.kind)
            .header("fovea-state", self.event.state.as_str())
            .header("fovea-attempt", self.attempt);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        if let Some(late) = self.late_ms() {
            request = request.header("fovea-late-ms", late);
        }
        if let Some(key) = key {
            let signature = HEXLOWER.encode(hmac::sign(key, &body).as_ref());
            request = request.header("fovea-signature", format!("sha256={signature}"));
        }
        for (name, template) in &settings.headers {
            let value = HeaderValue::from_bytes(self.render(template).as_bytes())?;
            request = request.header(HeaderName::try_from(name)?, value);
        }
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(body)
    }

    /// The body and its type; no type if there is nothing in it.
    fn body(&self, settings: &config::Webhook) -> (Option<String>, Vec<u8>) {
        let jpeg = self.picture.map(EventPicture::jpeg);
        match settings.body {
            Body::Json => {
                let json = if settings.fields.is_empty() { self.json() } else { self.json_of(&settings.fields) };
                (Some("application/json".to_owned()), json)
            }
            Body::Picture => {
                (jpeg.map(|_| "image/jpeg".to_owned()), jpeg.map(|jpeg| jpeg.to_vec()).unwrap_or_default())
            }
            Body::Multipart => {
                let mut form = Form::new();
                if settings.fields.is_empty() {
                    form.add("event", "\r\nContent-Type: application/json", &self.json());
                }
                for (name, template) in &settings.fields {
                    form.add(name, "", self.render(template).as_bytes());
                }
                if let Some(jpeg) = jpeg {
                    let more = format!("; filename=\"{}.jpg\"\r\nContent-Type: image/jpeg", self.event.id);
                    form.add(&settings.picture_field, &more, jpeg);
                }
                form.end()
            }
        }
    }

    /// The message, with where its picture is, and how late it is.
    fn json(&self) -> Vec<u8> {
        let picture = self.picture.map(|_| ("picture", format!("/api/events/{}.jpg", self.event.id).into()));
        let late = self.late_ms().map(|late| ("late_ms", late.into()));
        self.published.json_with(&picture.into_iter().chain(late).collect::<Vec<_>>())
    }

    fn json_of(&self, fields: &BTreeMap<String, Template>) -> Vec<u8> {
        let fields: BTreeMap<_, _> = fields.iter().map(|(name, template)| (name, self.render(template))).collect();
        serde_json::to_vec(&fields).expect("texts under texts")
    }

    fn late_ms(&self) -> Option<u64> {
        self.late.map(|late| u64::try_from(late.as_millis()).unwrap_or(u64::MAX))
    }

    fn render(&self, template: &Template) -> String {
        let Event { camera, id, kind, state: stands, at, zone, reason, subject, label, score, .. } = self.event;
        let subject = subject.as_ref();
        let line = subject.and_then(|subject| subject.line.clone());
        let direction = subject.and_then(|subject| subject.direction.clone());
        template.render(|placeholder| match placeholder {
            Placeholder::At => format!("{at:.6}"),
            Placeholder::Board => self.board.to_owned(),
            Placeholder::Camera => camera.clone(),
            Placeholder::Count => text(subject.and_then(|subject| subject.count)),
            Placeholder::Direction => direction.clone().unwrap_or_default(),
            Placeholder::DwellS => text(subject.and_then(|subject| subject.dwell_s)),
            Placeholder::Id => id.clone(),
            Placeholder::Kind => kind.to_string(),
            Placeholder::Label => label.as_deref().unwrap_or_default().to_owned(),
            Placeholder::LateMs => text(self.late_ms()),
            Placeholder::Line => line.clone().unwrap_or_default(),
            Placeholder::Reason => reason.as_deref().unwrap_or_default().to_owned(),
            Placeholder::Score => score.map(|score| format!("{score:.2}")).unwrap_or_default(),
            Placeholder::State => stands.as_str().to_owned(),
            Placeholder::Track => text(subject.map(|subject| subject.track)),
            Placeholder::Zone => zone.clone().unwrap_or_default(),
        })
    }
}

/// A number as text; empty if there is none.
fn text(number: Option<impl ToString>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// A body in parts (RFC 7578).
struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    fn new() -> Self {
        // Nobody who makes a picture can know it, and so nobody can end a part in it.
        let mut random = [0; 16];
        SystemRandom::new().fill(&mut random).expect("the kernel has random bits");
        Self { boundary: HEXLOWER.encode(&random), body: Vec::new() }
    }

    /// Adds a part; `more` follows its name.
    fn add(&mut self, name: &str, more: &str, content: &[u8]) {
        let boundary = &self.boundary;
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n");
        self.body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }

    /// Its type, and the body.
    fn end(mut self) -> (Option<String>, Vec<u8>) {
        self.body.extend(format!("--{}--\r\n", self.boundary).bytes());
        (Some(format!("multipart/form-data; boundary={}", self.boundary)), self.body)
    }
}
